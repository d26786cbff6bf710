//===- Tune.cpp - dlc tune ------------------------------------------------===//
//
// A library has many kernels for one product and advises one by a model of the
// GPU, which is right most of the time. Here the others are timed where they
// will run, and what was fastest is kept in the artifact: a tuned artifact
// gives the same bits each time, since nothing is measured again.
//
//===----------------------------------------------------------------------===//
#include "tools/dlc/ArtifactReport.h"
#include "tools/dlc/CompileFlags.h"
#include "tools/dlc/Feeding.h"
#include "tools/dlc/RandomInputs.h"
#include "tools/dlc/TunedArtifact.h"
#include "tools/support/Failure.h"
#include "tools/support/Text.h"

#include <chrono>
#include <iostream>
#include <unistd.h>

namespace dlc::tools {

namespace {

using Clock = std::chrono::steady_clock;

struct Flags {
  std::string model, output;
  std::vector<std::string> entries;
  int rounds = 10;
  bool isJson = false;
  CompileFlags compile;
};

/// Calls of one form, and the first of them.
struct FormRow {
  std::string kernel, what;
};

struct EntryRow {
  std::string name;
  double millisecondsBefore = 0, milliseconds = 0;
};

/// What was measured, and what of it goes into the artifact.
struct Tuned {
  PlanChoices choices;
  std::vector<rt::TunedForm> forms;
  std::vector<FormRow> rows;
  std::vector<EntryRow> entries;
};

/// How far it is: redrawn on a terminal, else a line every few seconds.
class Ticker {
public:
  Ticker(std::string what, size_t total)
      : what(std::move(what)), total(total) {}
  ~Ticker() {
    if (isTerminal && isDrawn)
      std::cerr << "\r\x1b[K" << std::flush;
  }
  void operator()(size_t done) {
    Clock::time_point now = Clock::now();
    auto pause = std::chrono::milliseconds(isTerminal ? 100 : 3000);
    if (now - drawn < pause)
      return;
    drawn = now;
    isDrawn = true;
    std::cerr << (isTerminal ? "\r\x1b[K" : "") << what << ": " << done
              << " of " << total << " instructions" << (isTerminal ? "" : "\n")
              << std::flush;
  }

private:
  std::string what;
  size_t total;
  bool isTerminal = isatty(STDERR_FILENO), isDrawn = false;
  Clock::time_point drawn = Clock::now();
};

} // namespace

static std::unique_ptr<rt::Session>
createSession(const std::shared_ptr<const rt::LoadedProgram> &program) {
  return check(rt::Session::create(program, {}));
}

/// Milliseconds of a call, as users make it.
static double timeEntry(rt::Session &session, Call &call) {
  constexpr int warmUps = 3, calls = 10;
  std::vector<double> milliseconds;
  for (int i = 0; i < warmUps + calls; ++i) {
    Clock::time_point start = Clock::now();
    call.run(session);
    if (i >= warmUps)
      milliseconds.push_back(
          std::chrono::duration<double, std::milli>(Clock::now() - start)
              .count());
  }
  return medianOf(std::move(milliseconds));
}

static Call randomCall(const Built &built, const rt::EntryInfo &entry) {
  Call call(entry);
  call.setLearningRate(1e-4);
  RandomInputs(built, /*seed=*/0).fill(call.inputs());
  return call;
}

static std::string describe(const fb::Instruction &instruction) {
  std::string what =
      instruction.label() ? instruction.label()->str() : std::string();
  if (instruction.nodes() && instruction.nodes()->size() > 0)
    what += " " + instruction.nodes()->Get(0)->str();
  return what;
}

/// Adds what `forms` says of the instructions of `program`.
static void keepChoices(const rt::Artifact &plan, const fb::Program &program,
                        const std::vector<int> &forms, const rt::Tuner &tuner,
                        Tuned &tuned) {
  auto &choices = tuned.choices.byEntry[program.name()->str()];
  choices.resize(forms.size());
  for (size_t i = 0; i < forms.size(); ++i) {
    if (forms[i] < 0)
      continue;
    auto form = static_cast<size_t>(forms[i]);
    choices[i] = tuner.forms()[form].choice;
    tuned.choices.libraries.insert(tuner.forms()[form].library);
    const fb::Instruction &first =
        *program.instructions()->Get(static_cast<flatbuffers::uoffset_t>(i));
    if (form == tuned.rows.size())
      tuned.rows.push_back({kernelName(plan, first), describe(first)});
  }
}

static Tuned tuneAll(const Flags &flags, const Built &built,
                     const std::shared_ptr<const rt::LoadedProgram> &program) {
  Tuned tuned;
  tuned.choices.device = program->device().name();
  rt::Tuner tuner(flags.rounds);
  // One at a time: a session takes the memory of the whole plan.
  std::unique_ptr<rt::Session> session = createSession(program);
  for (const rt::EntryInfo &entry : program->entries()) {
    if (!flags.entries.empty() &&
        std::ranges::find(flags.entries, entry.name) == flags.entries.end())
      continue;
    Call call = randomCall(built, entry);
    double before = timeEntry(*session, call);
    const fb::Program &record = *program->artifact().findProgram(entry.name);
    size_t count = record.instructions() ? record.instructions()->size() : 0;
    Ticker ticker("tuning '" + entry.name + "'", count);
    std::vector<int> forms =
        check(session->tune(entry.name, call.inputViews(), tuner,
                            [&](size_t done) { ticker(done); }));
    keepChoices(program->artifact(), record, forms, tuner, tuned);
    tuned.entries.push_back({entry.name, before, 0});
  }
  tuned.forms = tuner.forms();
  return tuned;
}

/// Times the entries of the file that was written.
static void timeAgain(const Flags &flags, Tuned &tuned) {
  Built built = Model::open(flags.output)->stored();
  std::shared_ptr<const rt::LoadedProgram> program = built.load();
  std::unique_ptr<rt::Session> session = createSession(program);
  for (EntryRow &row : tuned.entries) {
    Call call = randomCall(built, *check(program->findEntry(row.name)));
    row.milliseconds = timeEntry(*session, call);
    remarkOnChoices(*session, row.name);
  }
}

static Json tuneJson(const Flags &flags, const Tuned &tuned) {
  Json json = {{"version", kJsonVersion},
               {"model", flags.model},
               {"output", flags.output},
               {"device", tuned.choices.device},
               {"libraries", tuned.choices.libraries}};
  Json &entries = json["entries"] = Json::array();
  for (const EntryRow &row : tuned.entries)
    entries.push_back({{"entry", row.name},
                       {"ms_before", row.millisecondsBefore},
                       {"ms", row.milliseconds}});
  Json &calls = json["calls"] = Json::array();
  for (size_t i = 0; i < tuned.forms.size(); ++i) {
    const rt::TunedForm &form = tuned.forms[i];
    calls.push_back({{"kernel", tuned.rows[i].kernel},
                     {"label", tuned.rows[i].what},
                     {"library", form.library},
                     {"calls", form.calls},
                     {"candidates", form.candidates},
                     {"refused", form.refused},
                     {"us_before", double(form.nanosecondsBefore) / 1e3},
                     {"us", double(form.nanoseconds) / 1e3}});
  }
  return json;
}

static void printTables(const Flags &flags, const Tuned &tuned) {
  size_t calls = 0;
  for (const rt::TunedForm &form : tuned.forms)
    calls += form.calls;
  std::cout << flags.output << ": " << calls << " calls of "
            << tuned.forms.size() << " forms tuned on " << tuned.choices.device
            << "\n";
  Table entries("lrr");
  entries.row({"entry", "ms before", "ms"});
  for (const EntryRow &row : tuned.entries)
    entries.row({row.name, formatNumber(row.millisecondsBefore, 4),
                 formatNumber(row.milliseconds, 4)});
  Table forms("rrrrll");
  forms.row({"us before", "us", "calls", "candidates", "kernel", "first"});
  for (size_t i = 0; i < tuned.forms.size(); ++i) {
    const rt::TunedForm &form = tuned.forms[i];
    forms.row({formatNumber(double(form.nanosecondsBefore) / 1e3, 5),
               formatNumber(double(form.nanoseconds) / 1e3, 5),
               std::to_string(form.calls), std::to_string(form.candidates),
               tuned.rows[i].kernel, tuned.rows[i].what});
  }
  std::cout << entries.text() << forms.text();
}

static void runTune(const Flags &flags) {
  checkWritable(flags.output);
  Built built = openOrCompile(flags.model, flags.compile);
  std::shared_ptr<const rt::LoadedProgram> program = built.load();
  built = built.on(program->device());
  for (const std::string &entry : flags.entries)
    check(program->findEntry(entry));
  Tuned tuned = tuneAll(flags, built, program);
  if (tuned.forms.empty())
    fail("DLC6220",
         "program must call a library that has several ways to compute a call, "
         "but got none on device '",
         program->device().name(), "'");
  writeTuned(program->artifact(), tuned.choices, flags.output);
  timeAgain(flags, tuned);
  if (flags.isJson)
    printJson(tuneJson(flags, tuned));
  else
    printTables(flags, tuned);
}

void addTune(CLI::App &app) {
  auto flags = std::make_shared<Flags>();
  CLI::App *command = app.add_subcommand(
      "tune", "Time the library's kernels on this GPU and keep the fastest");
  command
      ->add_option("MODEL", flags->model,
                   "an artifact for cuda, or an .onnx file")
      ->required();
  command
      ->add_option("-o,--output", flags->output,
                   "the tuned artifact, OUT.dlc; may be MODEL itself")
      ->required();
  command->add_option("--entry", flags->entries,
                      "an entry to tune, may be repeated [all]");
  command
      ->add_option("--rounds", flags->rounds,
                   "how often each kernel is timed [10]")
      ->check(CLI::Range(1, 10000));
  command->add_flag("--json", flags->isJson, "print one JSON document");
  flags->compile.add(*command, /*withEntries=*/true);
  command->callback([flags] { runTune(*flags); });
}

} // namespace dlc::tools
