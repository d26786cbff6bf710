//===- TrainRun.cpp - one run of dlc train --------------------------------===//
#include "tools/dlc/TrainRun.h"

#include "tools/dlc/ArtifactReport.h"
#include "tools/dlc/MemoryLimit.h"
#include "tools/dlc/Nonfinite.h"
#include "tools/dlc/TunedArtifact.h"
#include "tools/support/Failure.h"
#include "tools/support/Text.h"
#include "tools/trainer/Convert.h"

#include <csignal>
#include <iostream>

namespace dlc::tools {

/// Set by Ctrl-C or SIGTERM; the run then stops after the update at hand.
static std::atomic<bool> isStopRequested = false;

static void requestStop(int) { isStopRequested = true; }

/// A second signal ends the process at once.
static void catchSignals() {
  struct sigaction action {};
  action.sa_handler = requestStop;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void TrainRun::run() {
  flags.compile.checkSupported();
  for (const std::string &path : flags.save)
    checkSavePath(path);
  if (!flags.trace.empty())
    checkTracePath(flags.trace);
  openModel();
  fitData();
  plan();
  build();
  resume();
  train();
  finish();
}

//===----------------------------------------------------------------------===//
// Model and data
//===----------------------------------------------------------------------===//

void TrainRun::openModel() {
  model = Model::open(flags.model);
  options = model->storedOptions();
  flags.compile.apply(options);
  options.entries = {"step"};
  if (!flags.eval.empty())
    options.entries.push_back("eval");
}

/// What can be said of the targets before the model is compiled.
void TrainRun::checkTargets(const DataSet &set) const {
  for (const LossTerm &term :
       lossTerms(options.loss, model->firstFloatOutput())) {
    if (term.target.empty())
      continue;
    const rt::Tensor &target = set.get(term.target);
    if (rt::isFloat(target.dtype) == term.takesClasses())
      fail("DLC5121", "array '", term.target, "' of '", set.path(),
           "' must hold ", term.takesClasses() ? "class numbers" : "floats",
           " for loss '", term.kind, "', but got ",
           rt::dtypeName(target.dtype));
    for (const Port &output : model->outputs()) {
      if (output.name != term.output || !output.hasShape)
        continue;
      size_t rank = output.dims.size() - (term.takesClasses() ? 1 : 0);
      if (!output.dims.empty() && target.dims.size() != rank)
        fail("DLC5122", "array '", term.target, "' of '", set.path(),
             "' must have ", rank, " dims for output '", term.output,
             "', but got shape ", formatDims(target.dims));
    }
  }
}

/// Checks what the files hold against the model file, binds the dims and sets
/// the batch.
void TrainRun::fitData() {
  data = DataSet::load(flags.data);
  if (!flags.eval.empty())
    evalData = DataSet::load(flags.eval);
  for (const DataSet *set : {&*data, evalData ? &*evalData : nullptr}) {
    if (!set)
      continue;
    for (const Port &port : model->inputs())
      if (rt::DType got = set->get(port.name).dtype;
          !isConvertible(got, port.dtype))
        fail("DLC5121", "array '", port.name, "' of '", set->path(),
             "' must hold ", rt::isFloat(port.dtype) ? "floats" : "integers",
             ", but got ", rt::dtypeName(got));
    DimBinding::bindFromArrays(*model, set->arrays(), /*skipsLeading=*/true,
                               options);
    checkTargets(*set);
    set->samples();
  }
  DimBinding::bindBatch(*model, flags.compile.batch, options);
  trainPlan.batch = options.batch.value_or(
      DimBinding::fixedBatch(*model).value_or(DimBinding::kDefaultBatch));
  if (data->samples() < trainPlan.batch)
    fail("DLC5123", "data '", data->path(), "' must have at least ",
         trainPlan.batch, " samples, one batch, but got ", data->samples());
  options.targetShapes.clear();
  for (const LossTerm &term :
       lossTerms(options.loss, model->firstFloatOutput()))
    if (!term.target.empty()) {
      std::vector<int64_t> dims = data->get(term.target).dims;
      dims[0] = trainPlan.batch;
      options.targetShapes[term.target] = dims;
    }
}

static std::vector<rt::TensorSlot> dataSlots(const rt::LoadedProgram &program,
                                             const char *entry) {
  std::vector<rt::TensorSlot> slots;
  for (const rt::TensorSlot &slot : check(program.findEntry(entry))->inputs)
    if (slot.name != "lr")
      slots.push_back(slot);
  return slots;
}

/// Whether an artifact has the entries of `wanted`, for its sizes.
static bool serves(const Built &stored, const ModelOptions &wanted) {
  ModelOptions same = wanted;
  same.entries = stored.options.entries;
  same.targetShapes = stored.options.targetShapes;
  if (stored.options.toLines() != same.toLines())
    return false;
  for (const std::string &entry : wanted.entries) {
    const fb::Program *program = stored.artifact->findProgram(entry);
    if (!program || !program->inputs())
      return false;
    for (const fb::TensorInfo *input : *program->inputs()) {
      auto target = wanted.targetShapes.find(input->name()->str());
      if (target != wanted.targetShapes.end() &&
          (!input->dims() ||
           std::vector<int64_t>(input->dims()->begin(), input->dims()->end()) !=
               target->second))
        return false;
    }
  }
  return true;
}

/// Compiles, or takes the artifact where it is what is needed; then checks
/// every element of the data.
void TrainRun::build() {
  bool isAsStored = false;
  if (model->isArtifact() && !flags.compile.isGiven()) {
    Built stored = model->stored();
    isAsStored = serves(stored, options);
    if (isAsStored)
      built = std::move(stored);
  }
  if (!isAsStored)
    built = compileWithin(*model, options);
  std::shared_ptr<const rt::LoadedProgram> program = built.load();
  session =
      check(rt::Session::create(program, {flags.seed, 0, flags.mostSkips}));
  data->fit(dataSlots(*program, "step"));
  data->checkValues(built.ranges());
  printRemarks(built.report.remarks);
  remarkOnChoices(*session, "step");
  std::cerr << parameterTable(built.report);
  if (!evalData)
    return;
  evalData->fit(dataSlots(*program, "eval"));
  evalData->checkValues(built.ranges());
  evaluator.emplace(*session, *evalData, trainPlan.batch);
  if (evaluator->remainder() == 0)
    return;
  if (DimBinding::fixedBatch(*model)) {
    std::cerr << "remark: the model's batch is fixed at " << trainPlan.batch
              << ", so evaluation leaves out the last "
              << evaluator->remainder() << " samples\n";
    return;
  }
  ModelOptions rest = options;
  rest.entries = {"eval"};
  rest.batch = evaluator->remainder();
  for (auto &[name, dims] : rest.targetShapes)
    dims[0] = evaluator->remainder();
  evaluator->setRemainder(compileWithin(*model, rest).load());
}

//===----------------------------------------------------------------------===//
// The run
//===----------------------------------------------------------------------===//

void TrainRun::plan() {
  trainPlan.accumulate = options.accumulate;
  trainPlan.isShuffled = !flags.isInOrder;
  trainPlan.seed = flags.seed;
  int64_t perEpoch = trainPlan.batchesPerEpoch(data->samples());
  trainPlan.updates = flags.steps.value_or(std::max<int64_t>(
      flags.epochs.value_or(1) * perEpoch / trainPlan.accumulate, 1));
  lr = flags.lr.value_or(defaultLearningRate(options.optimizerKind()));
  std::string error;
  auto schedule = Schedule::parse(flags.schedule, lr, flags.warmup,
                                  trainPlan.updates, error);
  if (!schedule)
    throw CLI::ValidationError("--schedule", error);
  trainPlan.schedule = *schedule;
}

CheckpointInfo TrainRun::checkpointInfo(int64_t step) const {
  CheckpointInfo info;
  info.step = step;
  info.samplePosition = step * trainPlan.accumulate * trainPlan.batch;
  info.settings = {{"seed", std::to_string(trainPlan.seed)},
                   {"batch", std::to_string(trainPlan.batch)},
                   {"accumulate", std::to_string(trainPlan.accumulate)},
                   {"shuffle", trainPlan.isShuffled ? "on" : "off"},
                   {"samples", std::to_string(data->samples())},
                   {"learning rate", formatNumber(lr, 17)},
                   {"schedule", flags.schedule},
                   {"warmup", std::to_string(flags.warmup)},
                   {"loss", options.loss},
                   {"optimizer", options.optimizer}};
  // A schedule that depends on the end cannot go on towards another one.
  if (flags.schedule != "constant")
    info.settings["updates"] = std::to_string(trainPlan.updates);
  return info;
}

void TrainRun::resume() {
  if (!flags.isResumed)
    return;
  std::optional<Checkpoint> checkpoint = loadCheckpoint(flags.checkpoint);
  if (!checkpoint) {
    std::cerr << "no checkpoint in '" << flags.checkpoint
              << "', so training starts anew\n";
    return;
  }
  checkSettings(checkpoint->info, checkpointInfo(0));
  restoreState(*session, checkpoint->state);
  trainPlan.done = checkpoint->info.step;
  lastCheckpoint = trainPlan.done;
  std::cerr << "resumed after step " << trainPlan.done << "\n";
}

void TrainRun::log(const Json &json) {
  if (!logFile.is_open())
    return;
  logFile << json.dump() << "\n";
  logFile.flush();
}

void TrainRun::onStep(const TrainEvent &event) {
  last = event;
  progress->step(event.step, event.epoch, event.loss);
  log({{"step", event.step},
       {"epoch", event.epoch},
       {"loss", event.loss},
       {"lr", event.lr},
       {"step_ms", event.milliseconds}});
  if (flags.checkpointEvery && event.step % *flags.checkpointEvery == 0)
    saveCheckpointNow(event.step);
}

void TrainRun::onEpoch(const TrainEvent &event) {
  evaluate(event);
  if (!flags.checkpoint.empty() && !flags.checkpointEvery)
    saveCheckpointNow(event.step);
}

/// A traced step failed: what was learned before it is not lost.
void TrainRun::onFault(int64_t step, std::span<const rt::TensorView> inputs) {
  progress->clear();
  done = step - 1;
  Failure failure = FaultFinder(*model, built.options, *session, inputs,
                                "step " + std::to_string(step))
                        .explain();
  for (const std::string &source : session->lastFault()->sources)
    if (source.starts_with("state "))
      throw failure;
  // Of this step's batches nothing is kept.
  for (const rt::StateSlot &slot : session->program().states())
    if (slot.name.starts_with("accumulated/"))
      check(session->writeState(
          slot.name, std::vector<std::byte>(slot.bytes).data(), slot.bytes));
  if (!flags.checkpoint.empty())
    saveCheckpointNow(done);
  saveWeights();
  for (const std::string &path : flags.save)
    std::cerr << "saved " << path << " as after step " << done << "\n";
  throw failure;
}

static std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %%", share * 100);
  return text;
}

void TrainRun::evaluate(const TrainEvent &event) {
  std::string line = "epoch " + std::to_string(event.epoch) + ", step " +
                     std::to_string(event.step) + ": loss " +
                     formatNumber(event.loss);
  if (evaluator) {
    lastEval = evaluator->run();
    line += ", test loss " + formatNumber(lastEval->loss);
    Json json = {{"step", event.step},
                 {"epoch", event.epoch},
                 {"eval_loss", lastEval->loss}};
    if (lastEval->accuracy) {
      line += ", test accuracy " + percent(*lastEval->accuracy);
      json["accuracy"] = *lastEval->accuracy;
    }
    log(json);
  }
  progress->note(line);
}

void TrainRun::saveCheckpointNow(int64_t step) {
  if (step == lastCheckpoint)
    return;
  saveCheckpoint(flags.checkpoint, *session, checkpointInfo(step));
  lastCheckpoint = step;
}

/// Updates on the time line, after those that are slower because they come
/// first.
constexpr int64_t kUntracedUpdates = 3, kTracedUpdates = 5;

void TrainRun::traceInto(TrainHooks &hooks) {
  const rt::Device &device = session->program().device();
  auto document = std::make_shared<Document>(
      documentOf(built.on(device), flags.model));
  trace.emplace(*document, std::string(device.kind()));
  hooks.firstTraced = trainPlan.done + 1 + kUntracedUpdates;
  // A short run is traced from its first update.
  if (hooks.firstTraced > trainPlan.updates)
    hooks.firstTraced = trainPlan.done + 1;
  hooks.lastTraced = hooks.firstTraced + kTracedUpdates - 1;
  hooks.onTraced = [this, document](const TracedCall &call) {
    for (const ProgramFacts &program : document->facts.programs)
      if (program.name == call.entry)
        trace->addCall(program, call.entry + " " + std::to_string(call.step),
                       call.startMs, call.wallMs, call.trace.nanoseconds);
  };
}

void TrainRun::train() {
  if (!flags.log.empty()) {
    logFile.open(flags.log, flags.isResumed ? std::ios::app : std::ios::trunc);
    if (!logFile)
      fail("DLC5110", "file '", flags.log,
           "' must be writable, but cannot be "
           "opened");
  }
  std::cerr << "batch " << trainPlan.batch;
  if (trainPlan.accumulate > 1)
    std::cerr << " x " << trainPlan.accumulate;
  std::cerr << ", " << trainPlan.updates << " steps, "
            << trainPlan.batchesPerEpoch(data->samples())
            << " batches per epoch, " << options.optimizer << ", lr "
            << formatNumber(lr) << ", arena "
            << formatBytes(session->program().artifact().header().arena_bytes())
            << "\n";
  catchSignals();
  progress.emplace(trainPlan.done, trainPlan.updates,
                   trainPlan.batch * trainPlan.accumulate);
  Trainer trainer(*session, *data, trainPlan);
  TrainHooks hooks;
  hooks.onStep = [this](const TrainEvent &event) { onStep(event); };
  hooks.readsState = [this](int64_t step) {
    return flags.checkpointEvery && step % *flags.checkpointEvery == 0;
  };
  hooks.onEpoch = [this](const TrainEvent &event) { onEpoch(event); };
  hooks.onFault = [this](int64_t step,
                         std::span<const rt::TensorView> inputs) {
    onFault(step, inputs);
  };
  hooks.stop = &isStopRequested;
  if (!flags.trace.empty())
    traceInto(hooks);
  done = trainer.run(hooks);
  progress->clear();
  if (trace)
    trace->write(flags.trace);
}

//===----------------------------------------------------------------------===//
// What is left of it
//===----------------------------------------------------------------------===//

rt::TensorMap TrainRun::currentState() {
  rt::TensorMap state;
  for (const rt::StateSlot &slot : session->program().states())
    if (slot.role == fb::StateRole::Parameter ||
        slot.role == fb::StateRole::Statistic)
      state.emplace(slot.name, readState(*session, slot));
  return state;
}

void TrainRun::saveWeights() {
  if (flags.save.empty())
    return;
  rt::TensorMap state = currentState();
  for (const std::string &path : flags.save)
    saveState(*built.artifact, state, path);
}

void TrainRun::finish() {
  bool isStopped = done < trainPlan.updates;
  if (!flags.checkpoint.empty())
    saveCheckpointNow(done);
  saveWeights();
  if (flags.isJson) {
    Json json = {{"version", kJsonVersion}, {"model", flags.model},
                 {"steps", done},           {"epoch", last.epoch},
                 {"stopped", isStopped},    {"loss", last.loss},
                 {"eval_loss", nullptr},    {"accuracy", nullptr},
                 {"saved", flags.save}};
    if (lastEval)
      json["eval_loss"] = lastEval->loss;
    if (lastEval && lastEval->accuracy)
      json["accuracy"] = *lastEval->accuracy;
    printJson(json);
    return;
  }
  std::cout << (isStopped ? "stopped" : "done") << " after " << done
            << " steps, loss " << formatNumber(last.loss) << "\n";
  if (lastEval)
    std::cout << "test loss " << formatNumber(lastEval->loss) << "\n";
  if (lastEval && lastEval->accuracy)
    std::cout << "test accuracy " << percent(*lastEval->accuracy) << " on "
              << lastEval->samples << " samples\n";
  for (const std::string &path : flags.save)
    std::cout << "saved " << path << "\n";
}

} // namespace dlc::tools
