//===- Bench.cpp - dlc bench ----------------------------------------------===//
//
// Times an entry point on random data. Every call gets new data, made outside
// the timed part: a kernel that only looks fast on what lies in the cache, or
// on numbers it has seen, gains nothing.
//
//===----------------------------------------------------------------------===//
#include "tools/dlc/ArtifactReport.h"
#include "tools/dlc/CompileFlags.h"
#include "tools/dlc/Feeding.h"
#include "tools/dlc/MemoryLimit.h"
#include "tools/dlc/RandomInputs.h"
#include "tools/dlc/TunedArtifact.h"
#include "tools/report/ChromeTrace.h"
#include "tools/support/Failure.h"
#include "tools/support/Text.h"
#include "tools/trainer/Evaluator.h"

#include "runtime/core/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>
#include <sys/resource.h>

namespace dlc::tools {

namespace {

struct Flags {
  std::string model, entry = "step", report, trace;
  int64_t steps = 20, seed = 0;
  /// Calls before them; none: until the machine is warm.
  std::optional<int64_t> warmup;
  int threads = 0;
  double lr = 1e-4;
  bool isJson = false, isProfiled = false;
  CompileFlags compile;
  bool isTraced() const {
    return isProfiled || !report.empty() || !trace.empty();
  }
};

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Timing {
  std::vector<double> milliseconds;
  /// Processor time of the same calls, over all threads.
  std::vector<double> processorMilliseconds;
  double compileSeconds = 0;
  std::optional<double> loss;
  /// Highest byte of the arena that was used.
  uint64_t arenaPeak = 0;
  /// What library calls took beside the arena, over all threads.
  uint64_t scratchBytes = 0;
  /// Nanoseconds per instruction, summed over the calls.
  std::vector<int64_t> profile;
  /// The first calls, for the time line; when each began, ms after the first.
  std::vector<std::pair<double, rt::Trace>> calls;

  /// What the last call gave, and what the session took.
  void note(const Call &last, const rt::Session &session) {
    arenaPeak = session.peakBytes();
    scratchBytes = session.scratchBytes();
    auto found = last.outputs().find("loss");
    if (found != last.outputs().end())
      loss = scalarOf(found->second);
  }
};

} // namespace

static double peakMebibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// Clocks, caches and threads take a while to reach their speed, which three
/// short calls are not.
static void warmUp(const Flags &flags, RandomInputs &random, Call &call,
                   rt::Session &session) {
  constexpr int64_t leastCalls = 3;
  constexpr double leastSeconds = 0.2;
  Clock::time_point start = Clock::now();
  auto isWarm = [&](int64_t calls) {
    if (flags.warmup)
      return calls >= *flags.warmup;
    return calls >= leastCalls && secondsSince(start) >= leastSeconds;
  };
  for (int64_t calls = 0; !isWarm(calls); ++calls) {
    random.fill(call.inputs());
    call.run(session, nullptr);
  }
}

/// As training does it on a device that works beside the host: the next call is
/// submitted while one runs. A call takes the time from the end of the one
/// before to its own.
static void timeCallsAhead(const Flags &flags, const rt::EntryInfo &entry,
                           RandomInputs &random, rt::Session &session,
                           Timing &timing) {
  // New data for each call, made before, as they would come from a file.
  constexpr int64_t kept = 4;
  std::vector<std::unique_ptr<Call>> calls;
  for (int64_t i = 0; i < std::min(kept, flags.steps); ++i) {
    calls.push_back(std::make_unique<Call>(entry));
    calls.back()->setLearningRate(flags.lr);
    random.fill(calls.back()->inputs());
  }
  Clock::time_point last = Clock::now();
  std::clock_t processor = std::clock();
  for (int64_t i = 0; i <= flags.steps; ++i) {
    if (i < flags.steps)
      calls[size_t(i % kept)]->submit(session);
    if (i == 0)
      continue;
    check(session.wait(i < flags.steps ? 1 : 0));
    Clock::time_point now = Clock::now();
    timing.milliseconds.push_back(
        std::chrono::duration<double, std::milli>(now - last).count());
    timing.processorMilliseconds.push_back(
        1000.0 * static_cast<double>(std::clock() - processor) /
        CLOCKS_PER_SEC);
    last = now;
    processor = std::clock();
  }
  timing.note(*calls[size_t((flags.steps - 1) % kept)], session);
}

/// Calls on the time line: enough to see whether they are alike.
constexpr size_t kTracedCalls = 5;

static void timeCalls(const Flags &flags, const Built &built,
                      const rt::EntryInfo &entry, rt::Session &session,
                      Timing &timing) {
  RandomInputs random(built, flags.seed);
  Call call(entry);
  call.setLearningRate(flags.lr);
  warmUp(flags, random, call, session);
  if (session.program().device().worksBesideHost() && !flags.isTraced())
    return timeCallsAhead(flags, entry, random, session, timing);
  Clock::time_point first = Clock::now();
  for (int64_t i = 0; i < flags.steps; ++i) {
    random.fill(call.inputs());
    rt::Trace trace;
    Clock::time_point start = Clock::now();
    std::clock_t processor = std::clock();
    call.run(session, flags.isTraced() ? &trace : nullptr);
    timing.processorMilliseconds.push_back(
        1000.0 * static_cast<double>(std::clock() - processor) /
        CLOCKS_PER_SEC);
    double seconds = secondsSince(start);
    timing.milliseconds.push_back(seconds * 1000);
    timing.profile.resize(trace.nanoseconds.size());
    for (size_t k = 0; k < trace.nanoseconds.size(); ++k)
      timing.profile[k] += trace.nanoseconds[k];
    if (!flags.trace.empty() && timing.calls.size() < kTracedCalls)
      timing.calls.emplace_back(
          std::chrono::duration<double, std::milli>(start - first).count(),
          std::move(trace));
  }
  timing.note(call, session);
}

/// The instructions that take most time, first.
static std::string profileTable(const rt::Artifact &artifact,
                                const fb::Program &program,
                                const Timing &timing) {
  std::vector<size_t> order(timing.profile.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return timing.profile[a] > timing.profile[b];
  });
  double calls = static_cast<double>(timing.milliseconds.size()), total = 0;
  for (int64_t nanoseconds : timing.profile)
    total += static_cast<double>(nanoseconds);
  Table table("rrrrrll");
  table.row({"ms", "%", "GB/s", "GFLOP/s", "#", "kernel", "what"});
  for (size_t i : order) {
    const fb::Instruction &instruction =
        *program.instructions()->Get(static_cast<flatbuffers::uoffset_t>(i));
    double nanoseconds = static_cast<double>(timing.profile[i]) / calls;
    double bytes = static_cast<double>(instruction.bytes_read() +
                                       instruction.bytes_written());
    std::string what =
        instruction.label() ? instruction.label()->str() : std::string();
    if (instruction.nodes() && instruction.nodes()->size() > 0)
      what += " " + instruction.nodes()->Get(0)->str();
    table.row(
        {formatNumber(nanoseconds / 1e6),
         formatNumber(100 * nanoseconds * calls / std::max(total, 1.0), 3),
         formatNumber(bytes / std::max(nanoseconds, 1.0), 3),
         formatNumber(static_cast<double>(instruction.flops()) /
                          std::max(nanoseconds, 1.0),
                      3),
         std::to_string(i), kernelName(artifact, instruction), what});
  }
  return table.text();
}

static std::string precisionOf(const Built &built) {
  const auto *precision = built.artifact->header().precision();
  if (precision && precision->size() > 0)
    return precision->str();
  return built.options.precision;
}

static Json benchJson(const Flags &flags, const Built &built,
                      const Timing &timing, std::string_view device,
                      int threads) {
  Json json = {
      {"version", kJsonVersion},
      {"model", flags.model},
      {"entry", flags.entry},
      {"device", device},
      {"precision", precisionOf(built)},
      {"threads", threads},
      {"steps", flags.steps},
      {"step_ms", medianOf(timing.milliseconds)},
      {"min_ms", *std::min_element(timing.milliseconds.begin(),
                                   timing.milliseconds.end())},
      {"cpu_ms", medianOf(timing.processorMilliseconds)},
      {"compile_s", timing.compileSeconds},
      {"peak_mb", peakMebibytes()},
      {"arena_mb",
       static_cast<double>(built.artifact->header().arena_bytes()) / (1 << 20)},
      {"arena_bytes", built.artifact->header().arena_bytes()},
      {"arena_peak_bytes", timing.arenaPeak},
      {"scratch_bytes", timing.scratchBytes},
      {"loss", nullptr}};
  if (timing.loss)
    json["loss"] = *timing.loss;
  return json;
}

static Built openForBench(const Flags &flags) {
  std::unique_ptr<Model> model = Model::open(flags.model);
  if (model->isArtifact() && !flags.compile.isGiven())
    return model->stored();
  ModelOptions options = model->storedOptions();
  flags.compile.apply(options);
  options.entries = {flags.entry};
  DimBinding::bindBatch(*model, flags.compile.batch, options);
  return compileWithin(*model, options);
}

/// The report with the measured time of each instruction.
static void writeReport(const Flags &flags, const Built &built,
                        const Timing &timing, int threads) {
  Document document = documentOf(built, flags.model);
  std::vector<double> &times = document.measured[flags.entry];
  for (int64_t nanoseconds : timing.profile)
    times.push_back(static_cast<double>(nanoseconds) /
                    static_cast<double>(timing.milliseconds.size()));
  document.machine = measureMachine(
      rt::dtypeFromName(document.precision).value_or(rt::DType::F32), threads);
  writeReportFile(flags.report, document);
}

/// The time line of the first timed calls.
static void writeTrace(const Flags &flags, const Document &document,
                       const Timing &timing, const std::string &device) {
  ChromeTrace trace(document, device);
  for (const ProgramFacts &program : document.facts.programs)
    for (size_t i = 0; program.name == flags.entry && i < timing.calls.size();
         ++i)
      trace.addCall(program, flags.entry + " " + std::to_string(i + 1),
                    timing.calls[i].first, timing.milliseconds[i],
                    timing.calls[i].second.nanoseconds);
  trace.write(flags.trace);
}

static void runBench(const Flags &flags) {
  flags.compile.checkSupported();
  if (!flags.report.empty())
    checkReportPath(flags.report);
  if (!flags.trace.empty())
    checkTracePath(flags.trace);
  Timing timing;
  Clock::time_point start = Clock::now();
  Built built = openForBench(flags);
  std::shared_ptr<const rt::LoadedProgram> program = built.load();
  built = built.on(program->device());
  const rt::EntryInfo &entry = *check(program->findEntry(flags.entry));
  std::unique_ptr<rt::Session> session =
      check(rt::Session::create(program, {flags.seed, flags.threads}));
  check(session->prepare(flags.entry));
  remarkOnChoices(*session, flags.entry);
  timing.compileSeconds = secondsSince(start);
  timeCalls(flags, built, entry, *session, timing);
  int threads = flags.threads > 0 ? flags.threads : rt::defaultThreadCount();
  if (!flags.report.empty())
    writeReport(flags, built, timing, threads);
  std::string device(program->device().kind());
  if (!flags.trace.empty())
    writeTrace(flags, documentOf(built, flags.model), timing, device);
  Json json = benchJson(flags, built, timing, device, threads);
  if (flags.isJson) {
    printJson(json);
    return;
  }
  Table table("lr");
  for (const auto &[key, value] : json.items())
    if (key != "version" && !value.is_null())
      table.row({key, value.is_string() ? value.get<std::string>()
                      : value.is_number_float()
                          ? formatNumber(value.get<double>(), 5)
                          : value.dump()});
  std::cout << table.text(0);
  if (flags.isProfiled)
    std::cout << "\n"
              << profileTable(*built.artifact,
                              *built.artifact->findProgram(flags.entry),
                              timing);
}

void addBench(CLI::App &app) {
  auto flags = std::make_shared<Flags>();
  CLI::App *command =
      app.add_subcommand("bench", "Time an entry point on random data");
  command->add_option("MODEL", flags->model, "an .onnx file, or an artifact")
      ->required();
  command->add_option("--entry", flags->entry,
                      "forward, infer, step, grad or eval [step]");
  command->add_option("--steps", flags->steps, "timed calls [20]")
      ->check(CLI::PositiveNumber);
  command->add_option("--warmup", flags->warmup, "calls before them [3, and 0.2 s]")
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--threads", flags->threads,
                   "threads [DLC_NUM_THREADS, or one per CPU]")
      ->check(CLI::Range(1, 1024));
  command->add_option("--seed", flags->seed, "of the data [0]");
  command->add_option("--lr", flags->lr, "learning rate of a step [1e-4]")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--profile", flags->isProfiled,
                    "print the time of each instruction");
  command->add_option("--report", flags->report,
                      "write the report with measured times to FILE.html or "
                      "FILE.json");
  command->add_option("--trace", flags->trace,
                      "write a time line of the first 5 calls to FILE.json, "
                      "for ui.perfetto.dev or chrome://tracing");
  command->add_flag("--json", flags->isJson, "print one JSON document");
  flags->compile.add(*command, /*withEntries=*/false);
  command->callback([flags] { runBench(*flags); });
}

} // namespace dlc::tools
