//===- Trainer.h - the training loop ----------------------------*- C++ -*-===//
//
// One update takes `accumulate` batches: the first ones go through the entry
// `accumulate`, the last through `step`. The samples of batch number b (counted
// over the whole run) are a function of (seed, b) alone, so a run that is
// stopped and resumed sees the samples it would have seen.
//
//   epoch e, batch i of it:  samples perm(seed, e)(i * batch + 0 … batch - 1)
//
// A device that works beside the host never waits for it between updates: the
// next one is submitted before the loss of the last is looked at. Batches that
// are not full are left out. Everything that may stop a run (a
// signal, a loss that is no number) leaves the session after a whole update.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_TRAINER_TRAINER_H
#define DLC_TOOLS_TRAINER_TRAINER_H

#include "tools/trainer/Evaluator.h"
#include "tools/trainer/Progress.h"
#include "tools/trainer/Schedule.h"

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>

namespace dlc::tools {

struct TrainPlan {
  int64_t batch = 64;
  int64_t accumulate = 1;
  /// Updates in all, and those that are done already (a resumed run).
  int64_t updates = 0, done = 0;
  bool isShuffled = true;
  int64_t seed = 0;
  Schedule schedule;

  /// Whole batches of `samples` samples.
  int64_t batchesPerEpoch(int64_t samples) const { return samples / batch; }
};

/// What happened in one update, and after it where `eval` is set.
struct TrainEvent {
  int64_t step = 0;  ///< updates done, this one included
  int64_t epoch = 0; ///< from 1
  double loss = 0, lr = 0, milliseconds = 0;
};

/// One call of an entry whose instructions were timed.
struct TracedCall {
  std::string entry;
  int64_t step = 0;
  /// Since training began, and what the call took.
  double startMs = 0, wallMs = 0;
  rt::Trace trace;
};

struct TrainHooks {
  /// Called with every call of the updates `firstTraced` to `lastTraced`.
  std::function<void(const TracedCall &)> onTraced;
  int64_t firstTraced = 0, lastTraced = -1;
  /// After every update.
  std::function<void(const TrainEvent &)> onStep;
  /// After the last update of an epoch, and after the last of all.
  std::function<void(const TrainEvent &)> onEpoch;
  /// When a traced program has failed (DLC6020) in update `step`, with the
  /// inputs of the call. The session is as before that call.
  std::function<void(int64_t step, std::span<const rt::TensorView> inputs)>
      onFault;
  /// Whether onStep reads or writes the session's state after update `step`: the
  /// next one is not begun before.
  std::function<bool(int64_t step)> readsState;
  /// Set from outside (a signal handler): stop after this update, and one more
  /// where that is under way.
  const std::atomic<bool> *stop = nullptr;
};

class Trainer {
public:
  /// `session` has the entry `step` for `plan.batch` samples (and `accumulate`
  /// if there is more than one batch per update); `data` fits it.
  Trainer(rt::Session &session, const DataSet &data, const TrainPlan &plan);

  /// Trains until all updates are done or `hooks.stop` is set; returns the
  /// updates done. Throws Failure (DLC5150) when the loss is no number; where
  /// the step has a loss scale and so skips what overflows, only after
  /// `mostSkipped` of them in a row.
  int64_t run(const TrainHooks &hooks);

  /// From 2^16 the scale comes down to 2^-34 meanwhile: it is not the scale.
  static constexpr int64_t mostSkipped = 50;

private:
  bool mustStop(double lossOfUpdate);
  using Clock = std::chrono::steady_clock;
  /// One that was submitted.
  struct Update {
    TrainEvent event;
    std::vector<rt::Tensor> losses; // of its batches
  };
  static bool isTraced(int64_t step, const TrainHooks &hooks) {
    return step >= hooks.firstTraced && step <= hooks.lastTraced;
  }
  static bool isStopped(const TrainHooks &hooks) {
    return hooks.stop && hooks.stop->load();
  }
  bool endsEpoch(int64_t step) const;
  bool mayRunAhead(int64_t step, const TrainHooks &hooks) const;
  rt::Status call(const std::string &entry,
                  std::span<const rt::TensorView> inputs,
                  const TrainEvent &event, rt::Tensor &loss,
                  const TrainHooks &hooks);
  void submitBatch(const std::string &entry, int64_t batchNumber,
                   Update &update, const TrainHooks &hooks);
  void submit(int64_t number, Update &update, const TrainHooks &hooks);
  void finish(Update &update, size_t unfinished);
  void tell(const TrainEvent &event, const TrainHooks &hooks);
  void fill(Batch &rows, int64_t batchNumber) const;

  rt::Session &session;
  TrainPlan plan;
  int64_t samples, batchesPerEpoch;
  Batch stepRows;
  std::optional<Batch> accumulateRows;
  rt::Tensor learningRate;
  rt::DType lossType = rt::DType::F32;
  bool skipsOverflow = false;
  Clock::time_point began, lastEnd;
  /// Updates in a row whose loss was no number.
  int64_t skipped = 0;
};

} // namespace dlc::tools

#endif
