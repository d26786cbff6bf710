//===- TrainRun.h - one run of dlc train ------------------------*- C++ -*-===//
#ifndef DLC_TOOLS_DLC_TRAINRUN_H
#define DLC_TOOLS_DLC_TRAINRUN_H

#include "tools/dlc/CompileFlags.h"
#include "tools/report/ChromeTrace.h"
#include "tools/trainer/Checkpoint.h"
#include "tools/trainer/Trainer.h"

#include <fstream>

namespace dlc::tools {

struct TrainFlags {
  std::string model, data, eval, schedule = "constant", checkpoint, log, trace;
  std::vector<std::string> save;
  std::optional<int64_t> epochs, steps, checkpointEvery;
  std::optional<double> lr;
  int64_t warmup = 0, seed = 0;
  int64_t mostSkips = 20;
  bool isInOrder = false, isResumed = false, isJson = false;
  CompileFlags compile;
};

class TrainRun {
public:
  explicit TrainRun(const TrainFlags &flags) : flags(flags) {}
  void run();

private:
  void openModel();
  void fitData();
  void build();
  void plan();
  void resume();
  void train();
  void finish();

  void checkTargets(const DataSet &set) const;
  void onStep(const TrainEvent &event);
  void onEpoch(const TrainEvent &event);
  void onFault(int64_t step, std::span<const rt::TensorView> inputs);
  void saveWeights();
  void evaluate(const TrainEvent &event);
  void saveCheckpointNow(int64_t step);
  CheckpointInfo checkpointInfo(int64_t step) const;
  rt::TensorMap currentState();
  void log(const Json &json);
  void traceInto(TrainHooks &hooks);

  const TrainFlags &flags;
  std::unique_ptr<Model> model;
  ModelOptions options;
  std::optional<DataSet> data, evalData;
  Built built;
  std::unique_ptr<rt::Session> session;
  std::optional<Evaluator> evaluator;
  std::optional<Progress> progress;
  std::ofstream logFile;
  std::optional<ChromeTrace> trace;
  TrainPlan trainPlan;
  double lr = 0;
  // What the last update and evaluation gave.
  TrainEvent last;
  std::optional<EvalResult> lastEval;
  int64_t done = 0, lastCheckpoint = -1;
};

} // namespace dlc::tools

#endif
