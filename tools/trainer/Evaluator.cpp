//===- Evaluator.cpp - loss and accuracy over a data set ------------------===//
#include "tools/trainer/Evaluator.h"

#include "tools/support/Failure.h"
#include "tools/trainer/Convert.h"

namespace dlc::tools {

struct Evaluator::Sums {
  double loss = 0, weight = 0, correct = 0, counted = 0;
  bool hasAccuracy = false;
  int64_t samples = 0;
};

rt::Tensor readState(rt::Session &session, const rt::StateSlot &slot) {
  rt::Tensor value = rt::Tensor::zeros(slot.dtype, slot.dims);
  check(session.readState(slot.name, value.data.data(), slot.bytes));
  return value;
}

double scalarOf(const rt::Tensor &tensor) {
  double result = 0;
  visitFloats(tensor, [&](size_t, double value) {
    result = value;
    return false;
  });
  visitIntegers(tensor, [&](size_t, int64_t value) {
    result = static_cast<double>(value);
    return false;
  });
  return result;
}

Evaluator::Evaluator(rt::Session &session, const DataSet &data, int64_t batch)
    : session(session), data(data), batch(batch), count(data.samples()) {}

void Evaluator::setRemainder(std::shared_ptr<const rt::LoadedProgram> program) {
  rest = check(rt::Session::create(std::move(program), {}));
}

void Evaluator::runBatches(rt::Session &runner, int64_t first, int64_t end,
                           int64_t perCall, Sums &sums) {
  const rt::EntryInfo &entry = *check(runner.program().findEntry("eval"));
  Batch rows(data, entry.inputs);
  std::map<std::string, rt::Tensor> results;
  std::vector<rt::TensorView> outputs;
  for (const rt::TensorSlot &slot : entry.outputs) {
    rt::Tensor &value = results[slot.name];
    value = rt::Tensor::zeros(slot.dtype, slot.dims);
    outputs.push_back({slot.name, slot.dtype, slot.dims, value.data.data()});
  }
  bool hasCounts = results.contains("correct") && results.contains("count");
  for (; first + perCall <= end; first += perCall) {
    for (int64_t row = 0; row < perCall; ++row)
      rows.put(row, first + row);
    check(runner.run("eval", rows.views(), outputs));
    double counted =
        hasCounts ? scalarOf(results["count"]) : static_cast<double>(perCall);
    if (counted > 0)
      sums.loss += scalarOf(results["loss"]) * counted;
    sums.weight += counted;
    sums.samples += perCall;
    sums.hasAccuracy = hasCounts;
    if (hasCounts) {
      sums.correct += scalarOf(results["correct"]);
      sums.counted += counted;
    }
  }
}

/// The parameters and statistics of the training session, for the rest's.
void Evaluator::copyStates() {
  for (const rt::StateSlot &slot : rest->program().states())
    if (const rt::StateSlot *from = session.program().findState(slot.name)) {
      rt::Tensor value = readState(session, *from);
      check(rest->writeState(slot.name, value.data.data(), value.data.size()));
    }
}

EvalResult Evaluator::run() {
  Sums sums;
  int64_t whole = count - remainder();
  runBatches(session, 0, whole, batch, sums);
  if (rest && remainder() > 0) {
    copyStates();
    runBatches(*rest, whole, count, remainder(), sums);
  }
  EvalResult result;
  result.samples = sums.samples;
  result.loss = sums.weight > 0 ? sums.loss / sums.weight : 0;
  if (sums.hasAccuracy)
    result.accuracy = sums.counted > 0 ? sums.correct / sums.counted : 0;
  return result;
}

} // namespace dlc::tools
