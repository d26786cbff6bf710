//===- Trainer.cpp - the training loop ------------------------------------===//
#include "tools/trainer/Trainer.h"

#include "tools/support/Failure.h"
#include "tools/trainer/Convert.h"
#include "tools/trainer/Permutation.h"

#include <cmath>

namespace dlc::tools {

static const std::vector<rt::TensorSlot> &inputsOf(rt::Session &session,
                                                   const char *entry) {
  return check(session.program().findEntry(entry))->inputs;
}

Trainer::Trainer(rt::Session &session, const DataSet &data,
                 const TrainPlan &plan)
    : session(session), plan(plan), samples(data.samples()),
      batchesPerEpoch(plan.batchesPerEpoch(samples)),
      stepRows(data, inputsOf(session, "step")) {
  if (plan.accumulate > 1)
    accumulateRows.emplace(data, inputsOf(session, "accumulate"));
  for (const rt::TensorSlot &slot : inputsOf(session, "step"))
    if (slot.name == "lr")
      learningRate = rt::Tensor::zeros(slot.dtype, {});
  for (const rt::TensorSlot &slot :
       check(session.program().findEntry("step"))->outputs)
    if (slot.name == "loss")
      loss = rt::Tensor::zeros(slot.dtype, {});
  for (const rt::StateSlot &slot : session.program().states())
    skipsOverflow |= slot.name == "loss-scale";
}

bool Trainer::mustStop(double lossOfUpdate) {
  skipped = std::isfinite(lossOfUpdate) ? 0 : skipped + 1;
  return skipped >= (skipsOverflow ? mostSkipped : 1);
}

void Trainer::fill(Batch &rows, int64_t batchNumber) const {
  int64_t epoch = batchNumber / batchesPerEpoch;
  int64_t first = batchNumber % batchesPerEpoch * plan.batch;
  Permutation order(samples, plan.seed, epoch);
  for (int64_t row = 0; row < plan.batch; ++row)
    rows.put(row, plan.isShuffled ? order(first + row) : first + row);
}

rt::Status Trainer::call(const std::string &entry,
                         std::span<const rt::TensorView> inputs,
                         const TrainEvent &event, const TrainHooks &hooks) {
  using Clock = std::chrono::steady_clock;
  rt::TensorView output{"loss", loss.dtype, loss.dims, loss.data.data()};
  if (event.step < hooks.firstTraced || event.step > hooks.lastTraced)
    return session.run(entry, inputs, {&output, 1});
  auto milliseconds = [](Clock::duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
  };
  TracedCall traced{.entry = entry, .step = event.step, .trace = {}};
  Clock::time_point start = Clock::now();
  rt::Status status = session.run(entry, inputs, {&output, 1}, &traced.trace);
  traced.startMs = milliseconds(start - began);
  traced.wallMs = milliseconds(Clock::now() - start);
  if (status.isOk())
    hooks.onTraced(traced);
  return status;
}

double Trainer::runBatch(const std::string &entry, int64_t batchNumber,
                         const TrainEvent &event, const TrainHooks &hooks) {
  bool isStep = entry == "step";
  Batch &rows = isStep ? stepRows : *accumulateRows;
  fill(rows, batchNumber);
  std::vector<rt::TensorView> inputs = rows.views();
  if (isStep && !learningRate.data.empty()) {
    if (learningRate.dtype == rt::DType::F64)
      learningRate.as<double>()[0] = event.lr;
    else
      learningRate.as<float>()[0] = static_cast<float>(event.lr);
    inputs.push_back({"lr", learningRate.dtype, learningRate.dims,
                      learningRate.data.data()});
  }
  rt::Status status = call(entry, inputs, event, hooks);
  if (!status.isOk() && session.lastFault() && hooks.onFault)
    hooks.onFault(event.step, inputs);
  check(status);
  return scalarOf(loss);
}

int64_t Trainer::run(const TrainHooks &hooks) {
  using Clock = std::chrono::steady_clock;
  int64_t done = plan.done;
  began = Clock::now();
  while (done < plan.updates) {
    TrainEvent event;
    event.lr = plan.schedule.at(done);
    event.step = done + 1;
    int64_t firstBatch = done * plan.accumulate;
    Clock::time_point start = Clock::now();
    double total = 0;
    for (int64_t i = 0; i < plan.accumulate; ++i)
      total += runBatch(i + 1 == plan.accumulate ? "step" : "accumulate",
                        firstBatch + i, event, hooks);
    event.milliseconds =
        std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    event.loss = total / static_cast<double>(plan.accumulate);
    ++done;
    event.epoch = (firstBatch + plan.accumulate - 1) / batchesPerEpoch + 1;
    if (hooks.onStep)
      hooks.onStep(event);
    if (mustStop(event.loss))
      fail("DLC5150", "loss must stay finite, but got ", event.loss,
           " in step ", done, " with learning rate ", event.lr);
    bool isStopped = hooks.stop && hooks.stop->load();
    bool endsEpoch = done * plan.accumulate / batchesPerEpoch !=
                     firstBatch / batchesPerEpoch;
    if (hooks.onEpoch && !isStopped && (endsEpoch || done == plan.updates))
      hooks.onEpoch(event);
    if (isStopped)
      break;
  }
  return done;
}

} // namespace dlc::tools
