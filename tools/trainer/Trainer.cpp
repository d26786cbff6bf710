//===- Trainer.cpp - the training loop ------------------------------------===//
#include "tools/trainer/Trainer.h"

#include "tools/support/Failure.h"
#include "tools/trainer/Convert.h"
#include "tools/trainer/Permutation.h"

#include <cmath>
#include <memory>

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
      lossType = slot.dtype;
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
                         const TrainEvent &event, rt::Tensor &loss,
                         const TrainHooks &hooks) {
  rt::TensorView output{"loss", loss.dtype, loss.dims, loss.data.data()};
  if (!isTraced(event.step, hooks))
    return session.submit(entry, inputs, {&output, 1});
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

void Trainer::submitBatch(const std::string &entry, int64_t batchNumber,
                          Update &update, const TrainHooks &hooks) {
  bool isStep = entry == "step";
  Batch &rows = isStep ? stepRows : *accumulateRows;
  fill(rows, batchNumber);
  std::vector<rt::TensorView> inputs = rows.views();
  const TrainEvent &event = update.event;
  if (isStep && !learningRate.data.empty()) {
    if (learningRate.dtype == rt::DType::F64)
      learningRate.as<double>()[0] = event.lr;
    else
      learningRate.as<float>()[0] = static_cast<float>(event.lr);
    inputs.push_back({"lr", learningRate.dtype, learningRate.dims,
                      learningRate.data.data()});
  }
  update.losses.push_back(rt::Tensor::zeros(lossType, {}));
  rt::Status status = call(entry, inputs, event, update.losses.back(), hooks);
  if (!status.isOk() && session.lastFault() && hooks.onFault)
    hooks.onFault(event.step, inputs);
  check(status);
}

/// Update number `number`, from 0, on its way.
void Trainer::submit(int64_t number, Update &update, const TrainHooks &hooks) {
  int64_t firstBatch = number * plan.accumulate;
  update.event.lr = plan.schedule.at(number);
  update.event.step = number + 1;
  update.event.epoch = (firstBatch + plan.accumulate - 1) / batchesPerEpoch + 1;
  // What is written later does not move.
  update.losses.reserve(static_cast<size_t>(plan.accumulate));
  for (int64_t i = 0; i < plan.accumulate; ++i)
    submitBatch(i + 1 == plan.accumulate ? "step" : "accumulate",
                firstBatch + i, update, hooks);
}

/// Waits for `update`, behind which `unfinished` others may stay under way.
void Trainer::finish(Update &update, size_t unfinished) {
  check(session.wait(unfinished * static_cast<size_t>(plan.accumulate)));
  Clock::time_point now = Clock::now();
  update.event.milliseconds =
      std::chrono::duration<double, std::milli>(now - lastEnd).count();
  lastEnd = now;
  double total = 0;
  for (const rt::Tensor &loss : update.losses)
    total += scalarOf(loss);
  update.event.loss = total / static_cast<double>(plan.accumulate);
}

bool Trainer::endsEpoch(int64_t step) const {
  return step == plan.updates ||
         step * plan.accumulate / batchesPerEpoch !=
             (step - 1) * plan.accumulate / batchesPerEpoch;
}

/// Whether the update after `step` may be under way when that one is told of.
bool Trainer::mayRunAhead(int64_t step, const TrainHooks &hooks) const {
  return session.program().device().worksBesideHost() && !endsEpoch(step) &&
         !(hooks.readsState && hooks.readsState(step));
}

void Trainer::tell(const TrainEvent &event, const TrainHooks &hooks) {
  if (hooks.onStep)
    hooks.onStep(event);
  if (mustStop(event.loss))
    fail("DLC5150", "loss must stay finite, but got ", event.loss, " in step ",
         event.step, " with learning rate ", event.lr);
  if (hooks.onEpoch && !isStopped(hooks) && endsEpoch(event.step))
    hooks.onEpoch(event);
}

int64_t Trainer::run(const TrainHooks &hooks) {
  constexpr size_t mostUnderWay = 2;
  int64_t done = plan.done, submitted = plan.done;
  std::deque<Update> underWay;
  // Losses must stay where they are until they are written.
  auto drain = [this](void *) { (void)session.wait(); };
  std::unique_ptr<void, decltype(drain)> drained(this, drain);
  began = lastEnd = Clock::now();
  while (true) {
    bool isNext = submitted < plan.updates && !isStopped(hooks) &&
                  underWay.size() < mostUnderWay &&
                  (underWay.empty() || mayRunAhead(submitted, hooks));
    if (isNext) {
      submit(submitted, underWay.emplace_back(), hooks);
      ++submitted;
      continue;
    }
    if (underWay.empty())
      return done;
    finish(underWay.front(), underWay.size() - 1);
    ++done;
    TrainEvent event = underWay.front().event;
    underWay.pop_front();
    tell(event, hooks);
    // What the hooks took is no update's time, unless one was under way.
    if (underWay.empty())
      lastEnd = Clock::now();
  }
}

} // namespace dlc::tools
