// Whole sessions on the stand-in for a GPU: training as on the CPU, one graph
// per program, transfers that only events order, and every call failing once.

#include "runtime/cuda/CudaCode.h"
#include "runtime/cuda/Gpu.h"
#include "runtime/executor/Executor.h"
#include "tests/unit/runtime/LinearModel.h"
#include "tests/unit/runtime/cuda/FakeGpu.h"

#include <cmath>
#include <filesystem>
#include <fstream>

using namespace dlc::rt;
using namespace dlc::rt::test;
namespace fb = dlc::fb;

namespace {

using Model = LinearModel;
constexpr int64_t elements = 64;

// Kernels of the linear model. What the CPU's get as dims is in the code.
void subtract(void **p, unsigned blocks, unsigned) {
  for (int64_t i = 0; i < int64_t(blocks) * Model::outputs; ++i)
    fakeCuda().parameter<float>(p, 2)[i] =
        fakeCuda().parameter<float>(p, 0)[i] -
        fakeCuda().parameter<float>(p, 1)[i];
}
void meanSquare(void **p, unsigned, unsigned) {
  constexpr int64_t count = Model::batch * Model::outputs;
  float sum = 0;
  for (int64_t i = 0; i < count; ++i)
    sum += fakeCuda().parameter<float>(p, 0)[i] *
           fakeCuda().parameter<float>(p, 0)[i];
  *fakeCuda().parameter<float>(p, 1) = sum / float(count);
}
/// Takes tables.
void descend(void **p, unsigned, unsigned) {
  auto *table = fakeCuda().parameter<uint64_t>(p, 0);
  auto *dims = fakeCuda().parameter<int64_t>(p, 1);
  float rate = *fakeCuda().at<float>(table[1]);
  for (int64_t i = 0; i < dims[0]; ++i)
    fakeCuda().at<float>(table[2])[i] -=
        rate * fakeCuda().at<float>(table[0])[i];
  ++*fakeCuda().at<int64_t>(table[3]);
}
// Kernels of the offloading program.
void twice(void **p, unsigned, unsigned) {
  for (int64_t i = 0; i < elements; ++i)
    fakeCuda().parameter<float>(p, 1)[i] =
        2 * fakeCuda().parameter<float>(p, 0)[i];
}
void add(void **p, unsigned, unsigned) {
  for (int64_t i = 0; i < elements; ++i)
    fakeCuda().parameter<float>(p, 1)[i] +=
        fakeCuda().parameter<float>(p, 0)[i];
}
/// Of a traced program: the last parameter is the flag.
void flagNan(void **p, unsigned, unsigned) {
  for (int64_t i = 0; i < elements; ++i) {
    float value = fakeCuda().parameter<float>(p, 0)[i];
    fakeCuda().parameter<float>(p, 1)[i] = value;
    if (std::isnan(value))
      *fakeCuda().parameter<int32_t>(p, 2) = 1;
  }
}

std::shared_ptr<const Artifact> artifactOf(
    fb::ArtifactT &artifact, std::vector<std::byte> weights,
    std::vector<std::string> architectures = {"sm_80", "sm_90", "compute_90"},
    std::vector<std::byte> constants = {}) {
  std::vector<std::vector<std::byte>> codes;
  for (const std::string &name : architectures) {
    auto *text = reinterpret_cast<const std::byte *>(name.data());
    codes.emplace_back(text, text + name.size());
  }
  std::vector<SectionPayload> payloads = {
      {fb::SectionKind::Weights, weights},
      {fb::SectionKind::Constants, constants}};
  for (size_t i = 0; i < codes.size(); ++i)
    payloads.push_back(
        {fb::SectionKind::Code, codes[i], {}, 0, architectures[i]});
  auto bytes = writeArtifact(artifact, payloads);
  EXPECT_TRUE(bytes.isOk()) << bytes.status().toString();
  auto opened = Artifact::fromMemory(bytes->data(), bytes->size());
  EXPECT_TRUE(opened.isOk()) << opened.status().toString();
  return opened.isOk() ? *opened : nullptr;
}

using Choices = std::vector<std::vector<uint8_t>>;

/// With a choice for each instruction of a step, if any are given.
std::shared_ptr<const Artifact> linearArtifact(const Choices &choices = {}) {
  Model model;
  if (!choices.empty()) {
    model.artifact.tuning = std::make_unique<fb::TuningT>();
    model.artifact.tuning->device = "Stand-in";
    model.artifact.tuning->libraries = {"cuBLASLt 120900"};
    for (auto &program : model.artifact.programs)
      for (size_t i = 0; program->name == "step" && i < choices.size(); ++i)
        program->instructions[i]->choice = choices[i];
  }
  model.artifact.target->kind = "cuda";
  model.artifact.target->features.clear();
  for (auto &kernel : model.artifact.kernels)
    kernel->threads = 128;
  model.artifact.kernels[2]->is_table = true;
  return artifactOf(model.artifact, model.weights);
}

/// y = 4 x + 1, and a state that counts calls with x = 0 (never), by way of the
/// host: h = 2 x goes out and is overwritten before it comes back.
struct Offload {
  fb::ArtifactT artifact;
  std::vector<std::byte> constants;

  explicit Offload(bool isTraced = false) {
    artifact.target = std::make_unique<fb::TargetT>();
    artifact.target->kind = "cuda";
    for (const char *symbol : {"twice", "add", "flag_nan"}) {
      auto kernel = std::make_unique<fb::KernelT>();
      kernel->symbol = symbol;
      kernel->threads = 64;
      artifact.kernels.push_back(std::move(kernel));
    }
    constants.resize(elements * 4);
    for (int64_t i = 0; i < elements; ++i)
      reinterpret_cast<float *>(constants.data())[i] = 1;
    auto program = std::make_unique<fb::ProgramT>();
    fb::ProgramT &p = *program;
    p.name = "forward";
    enum { x, h, host, g, y, ones, pattern };
    for (fb::Space space :
         {fb::Space::Arena, fb::Space::Arena, fb::Space::Host, fb::Space::Arena,
          fb::Space::Arena, fb::Space::Constant, fb::Space::Arena}) {
      auto buffer = std::make_unique<fb::BufferT>();
      buffer->space = space;
      buffer->bytes = elements * 4;
      buffer->offset = space == fb::Space::Arena ? p.buffers.size() * 256 : 0;
      p.buffers.push_back(std::move(buffer));
    }
    artifact.arena_bytes = p.temp_bytes = 7 * 256;
    artifact.host_bytes = 256;
    p.inputs.push_back(tensor("x", x));
    p.outputs.push_back(tensor("y", y));
    p.outputs.push_back(tensor("pattern", pattern));
    launch(p, 0, {x, h});
    copy<fb::TransferT>(p, h, host);
    launch(p, 0, {x, y});
    copy<fb::WaitT>(p, h, host);
    fill(p, h, 0x7fc00000, 4);
    copy<fb::TransferT>(p, host, g);
    launch(p, 1, {ones, y});
    copy<fb::WaitT>(p, host, g);
    launch(p, 1, {g, y});
    fill(p, pattern, 0x0000000300000005, 8);
    if (isTraced) {
      launch(p, 2, {y, y});
      p.instructions.back()->check = std::make_unique<fb::CheckT>();
      auto written = std::make_unique<fb::TracedTensorT>();
      written->buffer = y;
      written->dtype = fb::DType::F32;
      written->dims = {elements};
      written->is_written = true;
      p.instructions.back()->check->tensors.push_back(std::move(written));
    }
    artifact.programs.push_back(std::move(program));
  }

  std::shared_ptr<const Artifact> build() {
    return artifactOf(artifact, {}, {"sm_90"}, constants);
  }

private:
  static std::unique_ptr<fb::TensorInfoT> tensor(const char *name,
                                                 uint32_t buffer) {
    auto result = std::make_unique<fb::TensorInfoT>();
    result->name = name;
    result->dtype = fb::DType::F32;
    result->dims = {elements};
    result->buffer = buffer;
    return result;
  }
  template <typename T> static void push(fb::ProgramT &p, T op) {
    auto instruction = std::make_unique<fb::InstructionT>();
    instruction->op.Set(std::move(op));
    instruction->label = "i" + std::to_string(p.instructions.size());
    instruction->nodes = {"conv1"};
    p.instructions.push_back(std::move(instruction));
  }
  static void launch(fb::ProgramT &p, uint32_t kernel,
                     std::vector<uint32_t> buffers) {
    fb::LaunchT op;
    op.kernel = kernel;
    op.groups = 1;
    op.buffers = std::move(buffers);
    push(p, std::move(op));
  }
  template <typename T>
  static void copy(fb::ProgramT &p, uint32_t from, uint32_t to) {
    T op;
    op.source = from;
    op.destination = to;
    op.bytes = elements * 4;
    push(p, op);
  }
  static void fill(fb::ProgramT &p, uint32_t buffer, uint64_t value,
                   uint32_t width) {
    fb::FillT op;
    op.destination = buffer;
    op.bytes = elements * 4;
    op.pattern = value;
    op.pattern_bytes = width;
    push(p, op);
  }
};

class CudaDeviceTest : public FakeGpuTest {
protected:
  CudaDeviceTest() {
    fake.kernels["subtract"] = {subtract, 3};
    fake.kernels["mean_square"] = {meanSquare, 2};
    fake.kernels["descend"] = {descend, 2};
    fake.kernels["twice"] = {twice, 2};
    fake.kernels["add"] = {add, 2};
    fake.kernels["flag_nan"] = {flagNan, 3};
  }
  static Result<std::unique_ptr<Session>>
  create(Device &on, std::shared_ptr<const Artifact> artifact) {
    DLC_ASSIGN_OR_RETURN(std::shared_ptr<const LoadedProgram> program,
                         LoadedProgram::load(std::move(artifact), on));
    return Session::create(std::move(program), {});
  }
};

struct LinearData {
  std::vector<float> x, target;
  float rate = 0.002f, loss = NAN;
  std::vector<int64_t> xDims{Model::batch, Model::inputs},
      targetDims{Model::batch, Model::outputs};
  LinearData()
      : x(Model::batch * Model::inputs), target(Model::batch * Model::outputs) {
    std::mt19937 random(7);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (std::vector<float> *values : {&x, &target})
      for (float &value : *values)
        value = uniform(random);
  }
  std::vector<TensorView> inputs() {
    auto bytes = [](auto &values) {
      return reinterpret_cast<std::byte *>(&values[0]);
    };
    auto *ratePlace = reinterpret_cast<std::byte *>(&rate);
    return {{"x", DType::F32, xDims, bytes(x)},
            {"target", DType::F32, targetDims, bytes(target)},
            {"lr", DType::F32, {}, ratePlace}};
  }
  Status step(Session &session, Trace *trace = nullptr, bool isAhead = false) {
    TensorView outputs[] = {
        {"loss", DType::F32, {}, reinterpret_cast<std::byte *>(&loss)}};
    return isAhead ? session.submit("step", inputs(), outputs)
                   : session.run("step", inputs(), outputs, trace);
  }
  Result<std::vector<int>> tune(Session &session, Tuner &tuner) {
    return session.tune("step", inputs(), tuner, nullptr);
  }
};

struct OffloadData {
  std::vector<float> x, y, pattern;
  std::vector<int64_t> dims{elements};
  OffloadData() : x(elements), y(elements, NAN), pattern(elements) {
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = float(i);
  }
  Status run(Session &session) {
    auto view = [&](const char *name, std::vector<float> &values) {
      return TensorView{name, DType::F32, dims,
                        reinterpret_cast<std::byte *>(values.data())};
    };
    TensorView inputs[] = {view("x", x)};
    TensorView outputs[] = {view("y", y), view("pattern", pattern)};
    return session.run("forward", inputs, outputs);
  }
};

TEST_F(CudaDeviceTest, Training_MatchesTheCpu) {
  Model model;
  std::vector<std::byte> bytes = model.bytes();
  auto artifact = Artifact::fromMemory(bytes.data(), bytes.size());
  ASSERT_RESULT(artifact);
  auto program = LoadedProgram::load(*artifact, "cpu");
  ASSERT_RESULT(program);
  auto cpu = Session::create(*program, {});
  ASSERT_RESULT(cpu);
  auto gpu = create(open(), linearArtifact());
  ASSERT_RESULT(gpu);
  LinearData expected, data;
  for (int step = 0; step < 5; ++step) {
    for (float &value : data.x)
      value += 0.01f;
    expected.x = data.x;
    ASSERT_OK(expected.step(**cpu));
    ASSERT_OK(data.step(**gpu));
    EXPECT_NEAR(data.loss, expected.loss, 1e-5) << "step " << step;
  }
  std::vector<float> w(Model::inputs * Model::outputs), wanted(w.size());
  ASSERT_OK((*cpu)->readState("w", wanted.data(), wanted.size() * 4));
  ASSERT_OK((*gpu)->readState("w", w.data(), w.size() * 4));
  for (size_t i = 0; i < w.size(); ++i)
    EXPECT_NEAR(w[i], wanted[i], 1e-5);
  int64_t steps = 0;
  ASSERT_OK((*gpu)->readState("step", &steps, sizeof steps));
  EXPECT_EQ(steps, 5);
  int64_t rng[2] = {7, 7};
  ASSERT_OK((*gpu)->reset(42));
  ASSERT_OK((*gpu)->readState("rng", rng, sizeof rng));
  EXPECT_EQ(rng[0], 42);
}

TEST_F(CudaDeviceTest, Program_IsCapturedOnceAndThenLaunched) {
  auto session = create(open(), linearArtifact());
  ASSERT_RESULT(session);
  LinearData data;
  std::vector<int> launches;
  for (int step = 0; step < 4; ++step) {
    int before = fake.counts["cuLaunchKernel"];
    ASSERT_OK(data.step(**session));
    launches.push_back(fake.counts["cuLaunchKernel"] - before);
  }
  // Issued, issued into the graph, and then not any more.
  EXPECT_EQ(launches, (std::vector<int>{3, 3, 0, 0}));
  EXPECT_EQ(fake.counts["cuStreamBeginCapture_v2"], 1);
  EXPECT_EQ(fake.counts["cuGraphInstantiateWithFlags"], 1);
  EXPECT_EQ(fake.counts["cuGraphLaunch"], 3);
  EXPECT_EQ(fake.images, (std::vector<std::string>{"sm_90"}));
}

TEST_F(CudaDeviceTest, Trace_TimesEachInstructionOutsideTheGraph) {
  auto session = create(open(), linearArtifact());
  ASSERT_RESULT(session);
  LinearData data;
  Trace trace;
  for (int step = 0; step < 3; ++step)
    ASSERT_OK(data.step(**session));
  float expected = data.loss;
  ASSERT_OK((*session)->reset(0));
  for (int step = 0; step < 3; ++step)
    ASSERT_OK(data.step(**session, &trace));
  EXPECT_EQ(data.loss, expected);
  ASSERT_EQ(trace.nanoseconds.size(), 7u);
  // The stand-in's clock ticks a millisecond with each event.
  for (int64_t time : trace.nanoseconds)
    EXPECT_EQ(time, 1000000);
}

TEST_F(CudaDeviceTest, Tuning_TakesTheFastestWhichTheArtifactKeeps) {
  fake.delayOfAdvice = 40;
  LinearData data;
  Tuner tuner(/*rounds=*/3);
  auto session = create(open(), linearArtifact());
  ASSERT_RESULT(session);
  auto forms = data.tune(**session, tuner);
  ASSERT_RESULT(forms);
  ASSERT_FALSE(tuner.forms().empty());
  for (const TunedForm &form : tuner.forms()) {
    EXPECT_EQ(form.library, "cuBLASLt 120900");
    EXPECT_EQ(form.candidates, 2u);
    EXPECT_EQ(form.refused, 0u);
    EXPECT_EQ(form.nanosecondsBefore, 41000000);
    EXPECT_EQ(form.nanoseconds, 1000000);
  }
  Choices choices(forms->size());
  size_t products = 0;
  for (size_t i = 0; i < forms->size(); ++i)
    if ((*forms)[i] >= 0) {
      choices[i] = tuner.forms()[size_t((*forms)[i])].choice;
      ++products;
    }
  EXPECT_EQ(products, 2u);
  session->reset();

  // The delay tells which one runs.
  auto millisecondsOf = [&](const Choices &stored) {
    auto made = create(*device, linearArtifact(stored));
    EXPECT_TRUE(made.isOk()) << made.status().toString();
    Trace trace;
    EXPECT_TRUE(data.step(**made, &trace).isOk());
    int64_t sum = 0;
    for (int64_t time : trace.nanoseconds)
      sum += time / 1000000;
    auto found = (*made)->choices("step");
    EXPECT_EQ(found->stored, stored.empty() ? 0 : products);
    return std::pair(sum, found->taken);
  };
  EXPECT_EQ(millisecondsOf({}), std::pair(int64_t(7 + 2 * 40), size_t(0)));
  EXPECT_EQ(millisecondsOf(choices), std::pair(int64_t(7), products));
  Choices damaged = choices;
  for (auto &choice : damaged)
    if (!choice.empty())
      choice.back() ^= 1;
  EXPECT_EQ(millisecondsOf(damaged), std::pair(int64_t(7 + 2 * 40), size_t(0)));
  // Another version of the library, another GPU: its own advice.
  fake.blasVersion = 130100;
  device.reset();
  open();
  EXPECT_EQ(millisecondsOf(choices), std::pair(int64_t(7 + 2 * 40), size_t(0)));
  fake.blasVersion = 120900;
  fake.name = "Another";
  device.reset();
  open();
  EXPECT_EQ(millisecondsOf(choices), std::pair(int64_t(7 + 2 * 40), size_t(0)));
}

TEST_F(CudaDeviceTest, Transfers_AreOrderedByEventsAlone) {
  for (bool isEager : {false, true}) {
    fake.hasEagerCopies = isEager;
    auto session = create(open(), Offload().build());
    ASSERT_RESULT(session);
    OffloadData data;
    for (int run = 0; run < 4; ++run) {
      for (float &value : data.x)
        value += 1;
      ASSERT_OK(data.run(**session));
      for (size_t i = 0; i < data.y.size(); ++i)
        ASSERT_EQ(data.y[i], 4 * data.x[i] + 1) << "run " << run;
      auto *words = reinterpret_cast<uint32_t *>(data.pattern.data());
      for (size_t i = 0; i < data.pattern.size(); ++i)
        ASSERT_EQ(words[i], i % 2 ? 3u : 5u);
    }
    EXPECT_EQ((*session)->hostBytes(), 256u);
    session->reset();
    device.reset();
    expectClean("after a session");
  }
}

TEST_F(CudaDeviceTest, Program_ThatCannotBeRecordedRunsWithout) {
  auto session = create(open(), Offload().build());
  ASSERT_RESULT(session);
  OffloadData data;
  fake.failingSymbol = "cuStreamEndCapture";
  for (int run = 0; run < 6; ++run) {
    for (float &value : data.x)
      value += 1;
    ASSERT_OK(data.run(**session));
    for (size_t i = 0; i < data.y.size(); ++i)
      ASSERT_EQ(data.y[i], 4 * data.x[i] + 1) << "run " << run;
  }
  // It is not tried for ever.
  EXPECT_EQ(fake.counts["cuStreamBeginCapture_v2"], 3);
  EXPECT_EQ(fake.counts["cuGraphLaunch"], 0);
}

TEST_F(CudaDeviceTest, Program_IsRecordedAfterAFailure) {
  auto session = create(open(), Offload().build());
  ASSERT_RESULT(session);
  OffloadData data;
  ASSERT_OK(data.run(**session));
  fake.failingSymbol = "cuGraphInstantiateWithFlags";
  ASSERT_OK(data.run(**session));
  EXPECT_EQ(fake.counts["cuGraphLaunch"], 0);
  fake.failingSymbol.clear();
  ASSERT_OK(data.run(**session));
  EXPECT_EQ(fake.counts["cuGraphLaunch"], 1);
  EXPECT_EQ(data.y[3], 13);
}

TEST_F(CudaDeviceTest, TracedProgram_ReportsTheInstruction) {
  auto session = create(open(), Offload(/*isTraced=*/true).build());
  ASSERT_RESULT(session);
  OffloadData data;
  for (int run = 0; run < 3; ++run)
    ASSERT_OK(data.run(**session));
  data.x[5] = NAN;
  Status status = data.run(**session);
  EXPECT_EQ(status.id(), "DLC6020") << status.toString();
  data.x[5] = 1;
  ASSERT_OK(data.run(**session));
  Probe probe;
  probe.instruction = 10;
  TensorView inputs[] = {{"x", DType::F32, data.dims,
                          reinterpret_cast<std::byte *>(data.x.data())}};
  ASSERT_OK((*session)->run("forward", inputs, probe));
  ASSERT_EQ(probe.tensors.size(), 1u);
  EXPECT_EQ(probe.tensors[0].count, elements);
  EXPECT_EQ(probe.tensors[0].largest, 4 * (elements - 1) + 1);
}

TEST_F(CudaDeviceTest, LargeTensors_GoThroughBothHalvesOfTheStaging) {
  auto session = create(open(), linearArtifact());
  ASSERT_RESULT(session);
  auto memory = device->allocator().allocate(40 << 20);
  ASSERT_RESULT(memory);
  LinearData data;
  auto code = device->loadCode(*linearArtifact());
  ASSERT_RESULT(code);
  auto stream = device->createStream(*code, 0);
  ASSERT_RESULT(stream);
  std::vector<uint32_t> values(10 << 20), back(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = uint32_t(i * 2654435761u);
  std::vector<uint32_t> scratch = values;
  ASSERT_OK((*stream)->copyToDevice((*memory)->data(), scratch.data(),
                                    scratch.size() * 4));
  scratch.assign(scratch.size(), 0); // the caller's memory is free again
  ASSERT_OK(
      (*stream)->copyToHost(back.data(), (*memory)->data(), back.size() * 4));
  ASSERT_OK((*stream)->synchronize());
  EXPECT_EQ(back, values);
}

TEST_F(CudaDeviceTest, SubmittedCalls_GiveWhatRunsGive) {
  for (bool isEager : {false, true}) {
    fake.hasEagerCopies = isEager;
    auto wanted = create(open(), linearArtifact());
    ASSERT_RESULT(wanted);
    auto session = create(*device, linearArtifact());
    ASSERT_RESULT(session);
    constexpr int steps = 12;
    std::vector<float> expected;
    LinearData data;
    for (int step = 0; step < steps; ++step) {
      data.x[0] = float(step);
      ASSERT_OK(data.step(**wanted));
      expected.push_back(data.loss);
    }
    // More calls under way than there are marks.
    std::vector<LinearData> calls(steps);
    for (int step = 0; step < steps; ++step) {
      calls[step].x[0] = float(step);
      ASSERT_OK(calls[step].step(**session, nullptr, /*isAhead=*/true));
      // The caller's memory is free again.
      calls[step].x.assign(calls[step].x.size(), NAN);
      size_t unfinished = step < 6 ? 6 : 2;
      ASSERT_OK((*session)->wait(unfinished));
      if (step >= int(unfinished))
        EXPECT_EQ(calls[step - unfinished].loss, expected[step - unfinished]);
    }
    int64_t count = 0;
    ASSERT_OK((*session)->readState("step", &count, sizeof count));
    EXPECT_EQ(count, steps);
    EXPECT_EQ(calls.back().loss, expected.back());
    ASSERT_OK((*session)->wait());
    wanted->reset();
    session->reset();
    device.reset();
    expectClean("after a session");
  }
}

TEST_F(CudaDeviceTest, LargeInputs_AreCopiedBesideTheWork) {
  for (bool isEager : {false, true}) {
    fake.hasEagerCopies = isEager;
    auto artifact = linearArtifact();
    auto memory = open().allocator().allocate(40 << 20);
    ASSERT_RESULT(memory);
    auto code = device->loadCode(*artifact);
    ASSERT_RESULT(code);
    auto stream = device->createStream(*code, 0);
    ASSERT_RESULT(stream);
    uint64_t before = (*stream)->scratchBytes();
    std::vector<uint32_t> values, back[4];
    for (uint32_t call = 0; call < 4; ++call) {
      // Another program's input may lie there, and be larger.
      values.assign(size_t(call < 2 ? 1 << 20 : 3 << 20), call + 1);
      ASSERT_OK((*stream)->copyAhead((*memory)->data(), values.data(),
                                     values.size() * 4));
      std::fill(values.begin(), values.end(), 99);
      back[call].resize(values.size());
      ASSERT_OK((*stream)->copyToHost(back[call].data(), (*memory)->data(),
                                      back[call].size() * 4));
      auto mark = (*stream)->mark();
      ASSERT_RESULT(mark);
      ASSERT_OK((*stream)->await(*mark));
      EXPECT_EQ(back[call],
                std::vector<uint32_t>(back[call].size(), call + 1));
    }
    EXPECT_EQ((*stream)->scratchBytes() - before, uint64_t(12) << 20);
    stream->reset();
    code->reset();
    memory->reset();
    device.reset();
    expectClean("after a stream");
  }
}

//===- Errors -------------------------------------------------------------===//

TEST_F(CudaDeviceTest, EveryCall_MayFail) {
  int total = 0;
  for (int failing = 0; failing == 0 || failing <= total; ++failing) {
    fake.calls = 0;
    fake.failingCall = failing;
    fake.failed.clear();
    auto live = [&]() -> Status {
      DLC_ASSIGN_OR_RETURN(std::unique_ptr<Device> opened,
                           openCudaDevice(fakeNames(), 0));
      for (auto artifact : {linearArtifact(), Offload().build()}) {
        DLC_ASSIGN_OR_RETURN(std::unique_ptr<Session> session,
                             create(*opened, artifact));
        LinearData linear;
        OffloadData offload;
        Trace trace;
        for (int run = 0; run < 3; ++run)
          DLC_RETURN_IF_ERROR(
              session->hostBytes()
                  ? offload.run(*session)
                  : linear.step(*session, run == 2 ? &trace : nullptr));
        if (session->hostBytes())
          continue;
        for (int run = 0; run < 2; ++run)
          DLC_RETURN_IF_ERROR(linear.step(*session, nullptr, /*isAhead=*/true));
        DLC_RETURN_IF_ERROR(session->wait());
      }
      return Status::ok();
    };
    Status status = live();
    if (failing == 0) {
      ASSERT_OK(std::move(status));
      total = fake.calls;
      EXPECT_GT(total, 100);
    } else if (!status.isOk()) {
      bool isMemory = fake.failed == "cuMemAlloc_v2";
      EXPECT_NE(status.message().find(isMemory ? "memory of" : fake.failed),
                std::string::npos)
          << fake.failed << ": " << status.toString();
    }
    fake.failingCall = 0;
    expectClean("after call " + std::to_string(failing) + " (" + fake.failed +
                ") failed");
  }
}

TEST_F(CudaDeviceTest, FailingCall_NamesInstructionAndNodes) {
  auto session = create(open(), Offload().build());
  ASSERT_RESULT(session);
  OffloadData data;
  fake.failingSymbol = "cuMemsetD32Async";
  Status status = data.run(**session);
  EXPECT_EQ(status.id(), "DLC6207");
  EXPECT_NE(status.message().find("Fill 'i4' of 'conv1'"), std::string::npos)
      << status.toString();
  EXPECT_NE(status.message().find("CUDA_ERROR_ILLEGAL_ADDRESS (700)"),
            std::string::npos);
  // A session goes on after it, and its graph is that of a whole program.
  fake.failingSymbol.clear();
  ASSERT_OK(data.run(**session));
  fake.failingSymbol = "cuMemsetD32Async";
  status = data.run(**session);
  EXPECT_NE(status.message().find("Fill 'i4' of 'conv1'"), std::string::npos)
      << status.toString();
  fake.failingSymbol.clear();
  for (int run = 0; run < 3; ++run)
    ASSERT_OK(data.run(**session));
  EXPECT_EQ(data.y[3], 13);
}

TEST_F(CudaDeviceTest, Open_SaysWhatIsMissing) {
  cuda::LibraryNames names = fakeNames();
  names.driver = {"libdlc-no-such.so.1", "libdlc-nor-this.so.1"};
  Status status = std::move(openCudaDevice(names, 0).status());
  EXPECT_EQ(status.id(), "DLC6201");
  EXPECT_NE(status.message().find("libdlc-nor-this.so.1"), std::string::npos);
  status = std::move(openCudaDevice(fakeNames(), 2).status());
  EXPECT_EQ(status.id(), "DLC6202");
  EXPECT_NE(status.message().find("but got 2 of them"), std::string::npos);
  fake.devices = 0;
  status = std::move(openCudaDevice(fakeNames(), 0).status());
  EXPECT_EQ(status.id(), "DLC6202");
  fake.devices = 1;
  fake.driverVersion = 11080;
  status = std::move(openCudaDevice(fakeNames(), 0).status());
  EXPECT_EQ(status.id(), "DLC6203");
  EXPECT_NE(status.message().find("but got CUDA 11.8"), std::string::npos);
  for (const char *name : {"cuda:", "cuda:x", "cuda:-1", "cuda:1x"})
    EXPECT_EQ(cudaDevice(name).status().id(), "DLC6202") << name;
}

/// Beside the loader's places, and an older library where a newer one does not
/// begin.
TEST_F(CudaDeviceTest, Libraries_AreFoundInFolders) {
  namespace fs = std::filesystem;
  fs::path folder = fs::path(::testing::TempDir()) / "dlc-libraries";
  fs::remove_all(folder);
  fs::create_directories(folder);
  for (const char *name : {"libdlc-old.so", "libdlc-new.so"})
    fs::create_symlink(DLC_FAKE_CUDA, folder / name);
  std::ofstream(folder / "libdlc-broken.so") << "no library";
  cuda::LibraryNames names = fakeNames();
  names.blas = {"libdlc-none.so", "libdlc-broken.so", "libdlc-old.so"};
  auto none = cuda::Blas::open(names);
  ASSERT_FALSE(none.isOk());
  EXPECT_EQ(none.status().id(), "DLC6208");
  names.folders = {"/no/such/folder", folder.string()};
  auto found = cuda::Blas::open(names);
  ASSERT_TRUE(found.isOk()) << found.status().toString();
  found->reset();
  fake.calls = 0;
  fake.failingCall = 1; // cublasLtCreate of the first
  names.blas = {"libdlc-new.so", "libdlc-old.so"};
  found = cuda::Blas::open(names);
  ASSERT_TRUE(found.isOk()) << found.status().toString();
  EXPECT_EQ(fake.failed, "cublasLtCreate");
  found->reset();
  fs::remove_all(folder);
}

TEST_F(CudaDeviceTest, Memory_SaysHowMuchThereIs) {
  Device &gpu = open();
  auto memory = gpu.allocator().allocate(uint64_t(2) << 30);
  ASSERT_FALSE(memory.isOk());
  EXPECT_EQ(memory.status().id(), "DLC6204");
  EXPECT_EQ(memory.status().message(),
            "memory of 'Stand-in' must have 2147483648 bytes free, but got "
            "1073741824 of 1073741824");
  auto host = gpu.hostAllocator().allocate(uint64_t(1) << 30);
  ASSERT_FALSE(host.isOk());
  EXPECT_EQ(host.status().id(), "DLC6212");
  auto empty = gpu.allocator().allocate(0);
  ASSERT_RESULT(empty);
}

TEST_F(CudaDeviceTest, Code_IsOfThisGpuOrSaidToBeMissing) {
  Device &gpu = open();
  Model model;
  for (auto &kernel : model.artifact.kernels)
    kernel->threads = 64;
  auto other = artifactOf(model.artifact, model.weights, {"sm_80", "sm_100"});
  auto code = gpu.loadCode(*other);
  ASSERT_FALSE(code.isOk());
  EXPECT_EQ(code.status().id(), "DLC6205");
  EXPECT_EQ(code.status().message(),
            "artifact must hold code for 'Stand-in', a cubin of sm_90 or PTX "
            "that is not newer, but got [sm_80, sm_100]");
  model.artifact.kernels[0]->threads = 0;
  auto threadless = gpu.loadCode(*artifactOf(model.artifact, model.weights));
  EXPECT_EQ(threadless.status().id(), "DLC6213");
}

TEST_F(CudaDeviceTest, Ptx_FailsWithTheLogOfTheDriver) {
  open();
  std::unique_ptr<cuda::Driver> driver =
      std::move(cuda::Driver::open(fakeNames(), 0).value());
  cuda::ContextScope scope(*driver);
  auto module = cuda::loadModule(*driver, "not ptx", "code 'compute_90'");
  ASSERT_FALSE(module.isOk());
  EXPECT_EQ(module.status().id(), "DLC6206");
  EXPECT_EQ(module.status().message(),
            "code 'compute_90' must load on 'Stand-in' (sm_90) with this "
            "driver, but got CUDA_ERROR_INVALID_PTX (218) from "
            "cuModuleLoadDataEx: ptxas: line 1: no");
}

TEST(CudaCodeTest, ChooseCode_PrefersTheNearestCubin) {
  using cuda::chooseCode;
  EXPECT_EQ(chooseCode({"sm_80", "sm_86", "sm_90"}, 86), "sm_86");
  EXPECT_EQ(chooseCode({"sm_80", "sm_86", "sm_90"}, 89), "sm_86");
  EXPECT_EQ(chooseCode({"compute_90", "sm_80"}, 89), "sm_80");
  EXPECT_EQ(chooseCode({"sm_80", "compute_80", "compute_90"}, 90),
            "compute_90");
  EXPECT_EQ(chooseCode({"sm_90", "sm_90a", "compute_90"}, 90), "sm_90a");
  EXPECT_EQ(chooseCode({"sm_90a", "compute_90a"}, 100), "");
  EXPECT_EQ(chooseCode({"sm_100", "compute_80"}, 120), "compute_80");
  EXPECT_EQ(chooseCode({"", "x86_64", "sm_", "compute_x"}, 90), "");
}

} // namespace
