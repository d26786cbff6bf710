// The choice among candidates, of calls that take the time they are told to.

#include "runtime/executor/Tuner.h"
#include "tests/unit/runtime/TestUtil.h"

#include <deque>

using namespace dlc::rt;
using namespace dlc::rt::test;

namespace {

constexpr int64_t refused = -1;

/// A call whose candidate i takes times[i] nanoseconds, a list in turn; one of
/// -1 is refused.
class Call final : public PreparedInstruction, public Candidates {
public:
  Call(std::string form, std::vector<std::deque<int64_t>> times)
      : name(std::move(form)), times(std::move(times)) {}
  Status run() override {
    ++runs;
    if (last() == refused)
      return DLC_ERROR(Unsupported, "DLC6207", "call must be known");
    return Status::ok();
  }
  Candidates *candidates() override { return this; }
  size_t count() const override { return times.size(); }
  size_t taken() const override { return index; }
  void take(size_t candidate) override { index = candidate; }
  std::vector<uint8_t> choice(size_t candidate) const override {
    return {uint8_t('a' + candidate)};
  }
  std::string library() const override { return "library 1"; }
  std::string form() const override { return name; }
  /// The time of this run.
  int64_t take() {
    int64_t time = last();
    if (times[index].size() > 1)
      times[index].pop_front();
    return time;
  }
  int runs = 0;

private:
  int64_t last() const { return times[index].front(); }
  std::string name;
  std::vector<std::deque<int64_t>> times;
  size_t index = 0;
};

class TellingStream final : public Stream {
public:
  Result<std::unique_ptr<PreparedInstruction>>
  prepare(const dlc::fb::Instruction &, std::span<std::byte *const>,
          std::span<const uint64_t>) override {
    return DLC_ERROR(Internal, "DLC5009", "nothing is prepared here");
  }
  Status seal() override { return Status::ok(); }
  Result<int64_t> time(PreparedInstruction &instruction) override {
    DLC_RETURN_IF_ERROR(instruction.run());
    return static_cast<Call &>(instruction).take();
  }
  void beginCall() override {}
  void endCall() override {}
  Status copyToDevice(std::byte *, const void *, uint64_t) override {
    return Status::ok();
  }
  Status copyToHost(void *, const std::byte *, uint64_t) override {
    return Status::ok();
  }
  Status synchronize() override { return Status::ok(); }
  uint64_t scratchBytes() const override { return 0; }
};

class TunerTest : public ::testing::Test {
protected:
  Call &add(std::string form, std::vector<std::deque<int64_t>> times) {
    auto call = std::make_unique<Call>(std::move(form), std::move(times));
    Call &added = *call;
    program.push_back(std::move(call));
    return added;
  }
  std::vector<int> tune(int rounds = 1) {
    tuner.emplace(rounds);
    auto forms = tuner->tune(stream, program, nullptr);
    EXPECT_TRUE(forms.isOk()) << forms.status().toString();
    return forms.isOk() ? *forms : std::vector<int>();
  }
  TellingStream stream;
  std::vector<std::unique_ptr<PreparedInstruction>> program;
  std::optional<Tuner> tuner;
};

TEST_F(TunerTest, Fastest_IsTaken) {
  Call &call = add("m", {{100}, {60}, {80}});
  EXPECT_EQ(tune(), std::vector<int>{0});
  EXPECT_EQ(call.taken(), 1u);
  const TunedForm &form = tuner->forms()[0];
  EXPECT_EQ(form.choice, std::vector<uint8_t>{'b'});
  EXPECT_EQ(form.nanosecondsBefore, 100);
  EXPECT_EQ(form.nanoseconds, 60);
  EXPECT_EQ(form.candidates, 3u);
}

TEST_F(TunerTest, GainWithinTheNoise_ChangesNothing) {
  Call &call = add("m", {{1000}, {985}});
  tune();
  EXPECT_EQ(call.taken(), 0u);
  EXPECT_EQ(tuner->forms()[0].choice, std::vector<uint8_t>{'a'});
  EXPECT_EQ(tuner->forms()[0].nanoseconds, 1000);
}

TEST_F(TunerTest, Refused_IsLeftOut) {
  Call &call = add("m", {{100}, {refused}, {50}});
  tune();
  EXPECT_EQ(call.taken(), 2u);
  EXPECT_EQ(tuner->forms()[0].refused, 1u);
}

TEST_F(TunerTest, FirstRunAndOutliers_DoNotCount) {
  // Each takes its first time in the run that does not count.
  Call &call = add("m", {{5, 100, 100, 100}, {900, 70, 9000, 70}});
  tune(/*rounds=*/3);
  EXPECT_EQ(call.taken(), 1u);
  EXPECT_EQ(tuner->forms()[0].nanoseconds, 70);
}

TEST_F(TunerTest, CallsOfOneForm_AreTimedOnce) {
  add("m", {{100}, {60}});
  Call &other = add("n", {{10}, {60}});
  Call &second = add("m", {{100}, {60}});
  Call &single = add("m", {{100}});
  EXPECT_EQ(tune(), (std::vector<int>{0, 1, 0, -1}));
  EXPECT_EQ(other.taken(), 0u);
  EXPECT_EQ(second.taken(), 1u);
  EXPECT_EQ(second.runs, 1);
  EXPECT_EQ(single.runs, 1);
  EXPECT_EQ(tuner->forms()[0].calls, 2u);
  // In another program as well.
  auto again = tuner->tune(stream, program, nullptr);
  ASSERT_RESULT(again);
  EXPECT_EQ(tuner->forms().size(), 2u);
  EXPECT_EQ(tuner->forms()[0].calls, 4u);
}

TEST_F(TunerTest, CallThatDoesNotRun_IsAnError) {
  add("m", {{refused}, {60}});
  Tuner one(1);
  EXPECT_EQ(one.tune(stream, program, nullptr).status().code(),
            StatusCode::Unsupported);
}

TEST_F(TunerTest, Progress_CountsInstructions) {
  add("m", {{100}, {60}});
  add("n", {{100}});
  std::vector<size_t> seen;
  Tuner one(1);
  ASSERT_RESULT(
      one.tune(stream, program, [&](size_t done) { seen.push_back(done); }));
  EXPECT_EQ(seen, (std::vector<size_t>{1, 2}));
}

} // namespace
