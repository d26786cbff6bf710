// Facts of a plan made by hand: what is alive when, where the peak is, and that
// the parts of the total sum to it.
#include "tools/report/Facts.h"

#include <gtest/gtest.h>

using namespace dlc;
using namespace dlc::tools;

namespace {

//   instruction   0       1       2       3
//   x   (input)   ####----+               |        100 B
//   h             ########################|         64 B, gradient at the end
//   w                     ########        |        300 B, workspace
//   y  (output)                   ########+---      20 B
// with a state of 128 B, constants of 8 B and scratch of 50 B per thread, on
// two threads. The peak is instruction 1.
class HandmadePlan {
public:
  HandmadePlan() {
    auto state = std::make_unique<fb::StateT>();
    state->name = "weight";
    state->dtype = fb::DType::F32;
    state->dims = {5, 6}; // 120 B, in 128
    state->trained = true;
    artifact.states.push_back(std::move(state));
    artifact.state_bytes = 128;
    artifact.programs.push_back(program());
    artifact.arena_bytes = 128 + artifact.programs[0]->temp_bytes;
    builder.Finish(fb::Artifact::Pack(builder, &artifact));
  }

  Facts facts() const {
    return factsOf(
        *flatbuffers::GetRoot<fb::Artifact>(builder.GetBufferPointer()), 8,
        /*threads=*/2);
  }

private:
  static void place(fb::ProgramT &program, fb::Category category,
                    uint64_t offset, uint64_t bytes, const char *name,
                    fb::Space space = fb::Space::Arena) {
    auto buffer = std::make_unique<fb::BufferT>();
    buffer->category = category;
    buffer->offset = offset;
    buffer->bytes = bytes;
    buffer->name = name;
    buffer->space = space;
    program.buffers.push_back(std::move(buffer));
  }
  static void copy(fb::ProgramT &program, uint32_t from, uint32_t to,
                   std::string node) {
    fb::CopyT copy;
    copy.source = from;
    copy.destination = to;
    auto instruction = std::make_unique<fb::InstructionT>();
    instruction->op.Set(std::move(copy));
    instruction->label = "copy";
    instruction->nodes = {std::move(node)};
    instruction->flops = 30;
    instruction->bytes_read = 10;
    instruction->bytes_written = 5;
    program.instructions.push_back(std::move(instruction));
  }
  static std::unique_ptr<fb::TensorInfoT> tensor(const char *name,
                                                 uint32_t buffer) {
    auto info = std::make_unique<fb::TensorInfoT>();
    info->name = name;
    info->buffer = buffer;
    return info;
  }

  static std::unique_ptr<fb::ProgramT> program() {
    auto made = std::make_unique<fb::ProgramT>();
    made->name = "step";
    place(*made, fb::Category::Parameter, 0, 120, "weight");
    place(*made, fb::Category::Constant, 0, 8, "", fb::Space::Constant);
    place(*made, fb::Category::Input, 128, 100, "x");
    place(*made, fb::Category::Gradient, 256, 64, "h");
    place(*made, fb::Category::Workspace, 320, 300, "w");
    place(*made, fb::Category::Output, 128, 20, "");
    made->inputs.push_back(tensor("x", 2));
    made->outputs.push_back(tensor("y", 5));
    copy(*made, 2, 3, "first");  // x -> h
    copy(*made, 2, 4, "second"); // x -> w
    copy(*made, 4, 3, "third");  // w -> h
    copy(*made, 3, 5, "fourth"); // h -> y
    made->temp_bytes = 620 - 128;
    made->scratch_bytes = 50;
    return made;
  }

  fb::ArtifactT artifact;
  flatbuffers::FlatBufferBuilder builder;
};

uint64_t at(const CategoryBytes &bytes, fb::Category category) {
  return bytes[size_t(category)];
}

} // namespace

TEST(Facts, Parts_AtThePeak_SumToTheTotal) {
  Facts facts = HandmadePlan().facts();
  const MemoryFacts &memory = facts.memory;
  EXPECT_EQ(memory.arenaBytes, 620u);
  EXPECT_EQ(memory.scratchBytes, 100u); // on two threads
  EXPECT_EQ(memory.totalBytes(), 728u);
  EXPECT_EQ(sumOf(memory.parts) + memory.gapBytes + memory.scratchBytes,
            memory.totalBytes());
  EXPECT_EQ(at(memory.parts, fb::Category::Parameter), 120u);
  EXPECT_EQ(at(memory.parts, fb::Category::Input), 100u);
  EXPECT_EQ(at(memory.parts, fb::Category::Gradient), 64u);
  EXPECT_EQ(at(memory.parts, fb::Category::Workspace), 300u);
  EXPECT_EQ(at(memory.parts, fb::Category::Output), 0u);
  EXPECT_EQ(at(memory.parts, fb::Category::Constant), 8u);
  EXPECT_EQ(memory.gapBytes, 620u - 120 - 100 - 64 - 300);
}

TEST(Facts, Lifetimes_RunFromTheFirstToTheLastUse) {
  Facts facts = HandmadePlan().facts();
  const ProgramFacts &step = facts.programs.at(0);
  ASSERT_EQ(step.buffers.size(), 4u); // neither state nor constant
  auto expect = [&](size_t i, const char *name, int64_t first, int64_t last) {
    EXPECT_EQ(step.buffers[i].name, name);
    EXPECT_EQ(step.buffers[i].first, first);
    EXPECT_EQ(step.buffers[i].last, last);
  };
  expect(0, "x", -1, 1);
  expect(1, "h", 0, 3);
  expect(2, "w", 1, 2);
  expect(3, "y", 3, 4); // named after the tensor that it holds
  EXPECT_EQ(step.buffers[1].nodes, std::vector<std::string>{"first"});
  EXPECT_EQ(step.buffers[0].producer, -1);
}

TEST(Facts, Alive_AtEachInstruction_IsTheSumOfItsBuffers) {
  Facts facts = HandmadePlan().facts();
  const ProgramFacts &step = facts.programs.at(0);
  ASSERT_EQ(step.alive.size(), 4u);
  for (size_t i = 0; i < step.alive.size(); ++i) {
    CategoryBytes sum{};
    for (const BufferFacts &buffer : step.buffers)
      if (buffer.isAliveAt(int64_t(i)))
        sum[size_t(buffer.category)] += buffer.bytes;
    EXPECT_EQ(step.alive[i], sum) << "instruction " << i;
    EXPECT_EQ(step.instructions[i].aliveBytes, sumOf(sum));
  }
  EXPECT_EQ(step.peak, 1);
  EXPECT_EQ(step.peakBytes, 464u);
  EXPECT_LE(step.peakBytes, step.plannedBytes);
}

TEST(Facts, HoldingsAtThePeak_LargestFirst_CoverAllThatIsUsed) {
  Facts facts = HandmadePlan().facts();
  std::vector<Holding> all = facts.holdingsAtPeak(facts.programs[0]);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].name, "w");
  EXPECT_EQ(all[1].name, "weight");
  EXPECT_TRUE(all[1].isResident);
  uint64_t sum = 0;
  for (const Holding &holding : all)
    sum += holding.bytes;
  EXPECT_EQ(sum + facts.memory.gapBytes, facts.memory.arenaBytes);
}

TEST(Facts, Instructions_TellWhatTheyMoveAndCompute) {
  Facts facts = HandmadePlan().facts();
  const InstructionFacts &first = facts.programs[0].instructions[0];
  EXPECT_EQ(first.kind, "copy");
  EXPECT_EQ(first.bytesMoved(), 15u);
  EXPECT_DOUBLE_EQ(first.intensity(), 2);
  EXPECT_EQ(facts.programs[0].flops, 120u);
  EXPECT_EQ(facts.programs[0].bytesMoved, 60u);
}

TEST(Facts, NoPrograms_IsStatesAlone) {
  fb::ArtifactT artifact;
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(fb::Artifact::Pack(builder, &artifact));
  Facts facts =
      factsOf(*flatbuffers::GetRoot<fb::Artifact>(builder.GetBufferPointer()), 0,
              /*threads=*/1);
  EXPECT_EQ(facts.largestProgram(), nullptr);
  EXPECT_EQ(facts.memory.totalBytes(), 0u);
}
