// A handmade artifact trained through the executor and through the C++ and C
// faces: results, errors, states, sessions side by side, and that a step
// allocates nothing.

#include "runtime/executor/Executor.h"
#include "dlc/runtime.hpp"
#include "tests/unit/runtime/LinearModel.h"
#include "tests/unit/runtime/TestUtil.h"

#include <atomic>
#include <cmath>
#include <malloc.h>
#include <thread>

using namespace dlc::rt;
using namespace dlc::rt::test;
namespace fb = dlc::fb;

// Counts what the process asks of the allocator while `isCounting`; 4 KiB and
// more separately, because oneDNN keeps small books of its own per call.
static std::atomic<bool> isCounting{false};
static std::atomic<int> allocations{0}, largeAllocations{0};

[[maybe_unused]] static void count(size_t bytes) {
  if (!isCounting)
    return;
  ++allocations;
  largeAllocations += bytes >= 4096;
}

#ifdef __SANITIZE_ADDRESS__
#define DLC_HAS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DLC_HAS_SANITIZER
#endif
#endif

#ifndef DLC_HAS_SANITIZER
extern "C" {
void *__libc_malloc(size_t);
void *__libc_memalign(size_t, size_t);
void *malloc(size_t bytes) {
  count(bytes);
  return __libc_malloc(bytes);
}
int posix_memalign(void **out, size_t alignment, size_t bytes) {
  count(bytes);
  *out = __libc_memalign(alignment, bytes);
  return *out ? 0 : 12;
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  count(bytes);
  return __libc_memalign(alignment, bytes);
}
}
#endif

namespace {

using Model = LinearModel;

struct Data {
  std::vector<float> x, target;
  float rate = 0.002f, loss = NAN;
  std::vector<int64_t> xDims{Model::batch, Model::inputs},
      targetDims{Model::batch, Model::outputs};

  Data()
      : x(Model::batch * Model::inputs), target(Model::batch * Model::outputs) {
    std::mt19937 random(7);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (float &v : x)
      v = uniform(random);
    for (float &v : target)
      v = uniform(random);
  }
  std::vector<TensorView> in() {
    return {view("x", x, xDims),
            view("target", target, targetDims),
            {"lr", DType::F32, {}, reinterpret_cast<std::byte *>(&rate)}};
  }
  std::vector<TensorView> out() {
    return {{"loss", DType::F32, {}, reinterpret_cast<std::byte *>(&loss)}};
  }
  static TensorView view(std::string_view name, std::vector<float> &values,
                         const std::vector<int64_t> &dims) {
    return {name, DType::F32, dims,
            reinterpret_cast<std::byte *>(values.data())};
  }
};

std::shared_ptr<const LoadedProgram> loadModel() {
  Model model;
  std::vector<std::byte> bytes = model.bytes();
  auto artifact = Artifact::fromMemory(bytes.data(), bytes.size());
  EXPECT_TRUE(artifact.isOk()) << artifact.status().toString();
  auto program = LoadedProgram::load(artifact.value());
  EXPECT_TRUE(program.isOk()) << program.status().toString();
  return program.value();
}

std::unique_ptr<Session> newSession(SessionOptions options = {}) {
  auto session = Session::create(loadModel(), options);
  EXPECT_TRUE(session.isOk()) << session.status().toString();
  return std::move(session.value());
}

std::vector<float> weightsOf(Session &session) {
  std::vector<float> w(Model::inputs * Model::outputs);
  EXPECT_TRUE(session.readState("w", w.data(), w.size() * 4).isOk());
  return w;
}

/// The same training, written out in double.
double referenceLoss(const Data &data, int steps) {
  Model model;
  auto *start = reinterpret_cast<const float *>(model.weights.data());
  std::vector<double> w(start, start + Model::inputs * Model::outputs);
  double loss = 0;
  for (int step = 0; step < steps; ++step) {
    std::vector<double> gradient(w.size(), 0.0);
    loss = 0;
    for (int64_t b = 0; b < Model::batch; ++b)
      for (int64_t o = 0; o < Model::outputs; ++o) {
        double y = -data.target[size_t(b * Model::outputs + o)];
        for (int64_t i = 0; i < Model::inputs; ++i)
          y += data.x[size_t(b * Model::inputs + i)] *
               w[size_t(i * Model::outputs + o)];
        loss += y * y / double(Model::batch * Model::outputs);
        for (int64_t i = 0; i < Model::inputs; ++i)
          gradient[size_t(i * Model::outputs + o)] +=
              y * data.x[size_t(b * Model::inputs + i)];
      }
    for (size_t i = 0; i < w.size(); ++i)
      w[i] -= double(data.rate) * gradient[i];
  }
  return loss;
}

TEST(ExecutorTest, Run_TwentySteps_MatchesReference) {
  std::unique_ptr<Session> session = newSession();
  Data data;
  for (int i = 0; i < 20; ++i)
    ASSERT_OK(session->run("step", data.in(), data.out()));
  EXPECT_NEAR(data.loss, referenceLoss(data, 20), 1e-5);
  int64_t steps = 0;
  ASSERT_OK(session->readState("step", &steps, 8));
  EXPECT_EQ(steps, 20);
}

TEST(ExecutorTest, Run_AnyThreadCount_GivesTheSameBits) {
  std::vector<std::vector<float>> results;
  for (int threads : {1, 2, 3}) {
    std::unique_ptr<Session> session = newSession({.threads = threads});
    Data data;
    for (int i = 0; i < 10; ++i)
      ASSERT_OK(session->run("step", data.in(), data.out()));
    results.push_back(weightsOf(*session));
  }
  EXPECT_EQ(0, std::memcmp(results[0].data(), results[1].data(),
                           results[0].size() * 4));
  EXPECT_EQ(0, std::memcmp(results[0].data(), results[2].data(),
                           results[0].size() * 4));
}

TEST(ExecutorTest, Run_AfterTheFirst_AllocatesNothingLarge) {
  std::unique_ptr<Session> session = newSession({.threads = 2});
  Data data;
  std::vector<TensorView> in = data.in(), out = data.out();
  ASSERT_OK(session->run("step", in, out));
  ASSERT_OK(session->run("step", in, out));
  isCounting = true;
  Status status = session->run("step", in, out);
  isCounting = false;
  ASSERT_OK(std::move(status));
  EXPECT_EQ(largeAllocations.exchange(0), 0);
  allocations = 0;
}

TEST(ExecutorTest, Run_OfGeneratedKernels_AllocatesNothing) {
  isCounting = true;
  std::free(std::malloc(static_cast<size_t>(rand() % 8 + 1)));
  isCounting = false;
  if (allocations.exchange(0) == 0)
    GTEST_SKIP() << "a sanitizer owns the allocator";
  Model model;
  // Without the two products only the runtime's own code is left.
  auto &list = model.artifact.programs[0]->instructions;
  std::erase_if(list, [](const auto &instruction) {
    return instruction->op.type == fb::Op::Gemm;
  });
  std::vector<std::byte> bytes = model.bytes();
  auto artifact = Artifact::fromMemory(bytes.data(), bytes.size());
  ASSERT_RESULT(artifact);
  auto program = LoadedProgram::load(artifact.value());
  ASSERT_RESULT(program);
  auto session = Session::create(program.value(), {.threads = 2});
  ASSERT_RESULT(session);
  Data data;
  std::vector<TensorView> in = data.in(), out = data.out();
  ASSERT_OK(session.value()->run("step", in, out));
  isCounting = true;
  Status status = session.value()->run("step", in, out);
  isCounting = false;
  ASSERT_OK(std::move(status));
  EXPECT_EQ(allocations.exchange(0), 0);
  largeAllocations = 0;
}

TEST(ExecutorTest, PeakBytes_AfterTheLargestProgram_EqualsTheArena) {
  std::unique_ptr<Session> session = newSession();
  EXPECT_EQ(session->peakBytes(), 0u);
  Data data;
  ASSERT_OK(session->run("step", data.in(), data.out()));
  EXPECT_EQ(session->arenaBytes(), Model().artifact.arena_bytes);
  EXPECT_EQ(session->peakBytes(), session->arenaBytes());
}

TEST(ExecutorTest, Run_Traced_TimesEveryInstruction) {
  std::unique_ptr<Session> session = newSession();
  Data data;
  Trace trace;
  ASSERT_OK(session->run("step", data.in(), data.out(), &trace));
  EXPECT_EQ(trace.nanoseconds.size(),
            Model().artifact.programs[0]->instructions.size());
  for (int64_t time : trace.nanoseconds)
    EXPECT_GE(time, 0);
}

TEST(ExecutorTest, Reset_AfterTraining_RestoresEveryState) {
  std::unique_ptr<Session> session = newSession({.seed = 3});
  std::vector<float> before = weightsOf(*session);
  Data data;
  ASSERT_OK(session->run("step", data.in(), data.out()));
  EXPECT_NE(weightsOf(*session), before);
  ASSERT_OK(session->reset(5));
  EXPECT_EQ(weightsOf(*session), before);
  int64_t rng[2] = {}, step = -1;
  ASSERT_OK(session->readState("rng", rng, 16));
  ASSERT_OK(session->readState("step", &step, 8));
  EXPECT_EQ(rng[0], 5);
  EXPECT_EQ(rng[1], 0);
  EXPECT_EQ(step, 0);
}

TEST(ExecutorTest, WriteState_BeforeInference_ChangesTheOutput) {
  std::unique_ptr<Session> session = newSession();
  std::vector<float> zeros(Model::inputs * Model::outputs, 0.0f);
  ASSERT_OK(session->writeState("w", zeros.data(), zeros.size() * 4));
  Data data;
  std::vector<float> y(Model::batch * Model::outputs, 1.0f);
  TensorView in = Data::view("x", data.x, data.xDims);
  TensorView out = Data::view("y", y, data.targetDims);
  ASSERT_OK(session->run("infer", {&in, 1}, {&out, 1}));
  for (float v : y)
    ASSERT_EQ(v, 0.0f);
}

TEST(ExecutorTest, Run_WrongCall_NamesWhatIsWrong) {
  std::unique_ptr<Session> session = newSession();
  Data data;
  auto idOf = [&](std::string_view entry, std::vector<TensorView> in,
                  std::vector<TensorView> out) {
    return session->run(entry, in, out).id();
  };
  EXPECT_EQ(idOf("train", data.in(), data.out()), "DLC5201");
  std::vector<TensorView> in = data.in();
  in[0].name = "z";
  EXPECT_EQ(idOf("step", in, {}), "DLC5202");
  in = data.in();
  in.pop_back();
  EXPECT_EQ(idOf("step", in, {}), "DLC5204");
  in = data.in();
  in[0].dims = data.targetDims;
  EXPECT_EQ(idOf("step", in, {}), "DLC5203");
  in = data.in();
  in[0].dtype = DType::F64;
  EXPECT_EQ(idOf("step", in, {}), "DLC5203");
  std::vector<TensorView> out = data.out();
  out[0].name = "accuracy";
  EXPECT_EQ(idOf("step", data.in(), out), "DLC5202");
  float one;
  EXPECT_EQ(session->readState("v", &one, 4).id(), "DLC5205");
  EXPECT_EQ(session->readState("w", &one, 4).id(), "DLC5206");
}

TEST(ExecutorTest, Sessions_OnManyThreads_DoNotDisturbEachOther) {
  std::shared_ptr<const LoadedProgram> program = loadModel();
  std::vector<std::vector<float>> results(4);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < results.size(); ++i)
    threads.emplace_back([&, i] {
      auto session = Session::create(program, {.threads = 1 + int(i % 2)});
      Data data;
      for (int step = 0; step < 30; ++step)
        if (!session.value()->run("step", data.in(), data.out()).isOk())
          return;
      results[i] = weightsOf(*session.value());
    });
  for (std::thread &thread : threads)
    thread.join();
  for (size_t i = 1; i < results.size(); ++i)
    EXPECT_EQ(results[i], results[0]);
}

TEST(ExecutorTest, Load_ForAnotherCpu_NamesTheMissingFeature) {
  Model model;
  model.artifact.target->cpu = "future";
  model.artifact.target->features = {"sse2", "avx9000"};
  std::vector<std::byte> bytes = model.bytes();
  auto artifact = Artifact::fromMemory(bytes.data(), bytes.size());
  ASSERT_RESULT(artifact);
  auto program = LoadedProgram::load(artifact.value());
  ASSERT_FALSE(program.isOk());
  EXPECT_EQ(program.status().id(), "DLC6001");
  EXPECT_NE(program.status().message().find("avx9000"), std::string::npos);
  EXPECT_NE(program.status().message().find("future"), std::string::npos);
}

TEST(ExecutorTest, Load_WithAMissingKernel_NamesIt) {
  Model model;
  model.artifact.kernels[1]->symbol = "absent";
  std::vector<std::byte> bytes = model.bytes();
  auto artifact = Artifact::fromMemory(bytes.data(), bytes.size());
  ASSERT_RESULT(artifact);
  auto program = LoadedProgram::load(artifact.value());
  ASSERT_FALSE(program.isOk());
  EXPECT_EQ(program.status().id(), "DLC6006");
}

TEST(ExecutorTest, Load_OnAnUnknownDevice_ListsTheDevices) {
  Model model;
  std::vector<std::byte> bytes = model.bytes();
  auto artifact = Artifact::fromMemory(bytes.data(), bytes.size());
  auto program = LoadedProgram::load(artifact.value(), "abacus");
  ASSERT_FALSE(program.isOk());
  EXPECT_EQ(program.status().id(), "DLC6004");
}

TEST(RuntimeApiTest, CppWrapper_TrainsAndReports) {
  TemporaryFolder folder;
  Model model;
  std::string path = folder / "linear.dlc";
  ASSERT_OK(writeArtifactFile(path, model.artifact, model.payloads()));
  dlc::Program program(path);
  EXPECT_EQ(program.entries(), (std::vector<std::string>{"step", "infer"}));
  EXPECT_EQ(program.inputs("step").size(), 3u);
  EXPECT_EQ(program.inputs("step")[0].dims,
            (std::vector<int64_t>{Model::batch, Model::inputs}));
  ASSERT_EQ(program.states().size(), 3u);
  EXPECT_TRUE(program.states()[0].isTrained);
  EXPECT_EQ(program.states()[2].role, DLC_RANDOM);
  dlc::Session session(program, {.seed = 1, .threads = 2});
  Data data;
  for (int i = 0; i < 20; ++i)
    session.run("step",
                {dlc::tensor("x", data.x, data.xDims),
                 dlc::tensor("target", data.target, data.targetDims),
                 dlc::scalar("lr", data.rate)},
                {dlc::scalar("loss", data.loss)});
  EXPECT_NEAR(data.loss, referenceLoss(data, 20), 1e-5);
  EXPECT_EQ(session.arenaBytes(), program.arenaBytes());
  try {
    session.run("step", {}, {});
    FAIL() << "a call without inputs must throw";
  } catch (const dlc::Error &error) {
    EXPECT_EQ(error.id(), "DLC5204");
    EXPECT_EQ(error.status(), DLC_INVALID_ARGUMENT);
  }
  EXPECT_THROW(program.inputs("train"), dlc::Error);
}

TEST(RuntimeApiTest, CApi_NullAndWrongArguments_AreErrors) {
  dlc_program *program = nullptr;
  EXPECT_EQ(dlc_program_load(nullptr, &program), DLC_INVALID_ARGUMENT);
  EXPECT_STREQ(dlc_last_error_id(), "DLC5207");
  EXPECT_EQ(dlc_program_load("/no/such/file.dlc", &program), DLC_NOT_FOUND);
  EXPECT_STREQ(dlc_last_error_id(), "DLC5001");
  EXPECT_GT(dlc_last_error_line(), 0);
  EXPECT_EQ(dlc_program_load_memory("short", 5, &program), DLC_CORRUPT);
  EXPECT_EQ(program, nullptr);
  EXPECT_EQ(dlc_session_create(nullptr, nullptr, nullptr),
            DLC_INVALID_ARGUMENT);
  EXPECT_EQ(dlc_session_run(nullptr, "step", nullptr, 0, nullptr, 0),
            DLC_INVALID_ARGUMENT);
  EXPECT_EQ(dlc_program_entry_count(nullptr), 0u);
  EXPECT_EQ(dlc_dtype_bytes(DLC_BF16), 2u);
  EXPECT_STREQ(dlc_dtype_name(DLC_I64), "i64");
  EXPECT_EQ(dlc_dtype_bytes(static_cast<dlc_dtype>(15)), 0u);
  dlc_program_release(nullptr);
  dlc_session_release(nullptr);
  dlc_tensors_release(nullptr);
}

} // namespace
