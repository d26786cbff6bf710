//===- Evaluator.h - loss and accuracy over a data set ----------*- C++ -*-===//
//
// Runs `eval` over every sample, in file order. The last samples, too few for a
// batch, go through a program of their own that was compiled for as many; it
// takes the parameters from the session that trains.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_TRAINER_EVALUATOR_H
#define DLC_TOOLS_TRAINER_EVALUATOR_H

#include "tools/trainer/DataSet.h"

#include <memory>
#include <optional>

namespace dlc::tools {

struct EvalResult {
  /// The mean over all targets that count, or over all samples where the loss
  /// does not count targets.
  double loss = 0;
  /// Of a cross-entropy: how many of its targets have the largest output.
  std::optional<double> accuracy;
  int64_t samples = 0;
};

class Evaluator {
public:
  /// `session` has an `eval` for `batch` samples; all outlive the evaluator.
  Evaluator(rt::Session &session, const DataSet &data, int64_t batch);
  /// Samples that are left over by whole batches.
  int64_t remainder() const { return count % batch; }
  /// Sets the program for them: the same model, `eval` for remainder() samples.
  void setRemainder(std::shared_ptr<const rt::LoadedProgram> program);

  /// Samples that no program takes are left out, if setRemainder was not
  /// called.
  EvalResult run();

private:
  struct Sums;
  void runBatches(rt::Session &session, int64_t first, int64_t end,
                  int64_t perCall, Sums &sums);
  void copyStates();

  rt::Session &session;
  const DataSet &data;
  int64_t batch, count;
  std::unique_ptr<rt::Session> rest;
};

/// Reads a state whole.
rt::Tensor readState(rt::Session &session, const rt::StateSlot &slot);
/// A float or whole number of one element.
double scalarOf(const rt::Tensor &tensor);

} // namespace dlc::tools

#endif
