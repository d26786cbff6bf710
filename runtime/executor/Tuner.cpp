#include "runtime/executor/Tuner.h"

#include <algorithm>

namespace dlc::rt {

static int64_t medianOf(std::vector<int64_t> &values) {
  auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Status Tuner::timeCandidates(Stream &stream, PreparedInstruction &instruction,
                             TunedForm &form) const {
  Candidates &candidates = *instruction.candidates();
  const size_t before = candidates.taken();
  std::vector<std::vector<int64_t>> times(candidates.count());
  std::vector<size_t> running;
  for (size_t i = 0; i < candidates.count(); ++i) {
    candidates.take(i);
    Result<int64_t> first = stream.time(instruction);
    if (first.isOk())
      running.push_back(i);
    else if (i == before)
      return std::move(first.status());
  }
  for (int round = 0; round < std::max(rounds, 1); ++round)
    for (size_t i : running) {
      candidates.take(i);
      DLC_ASSIGN_OR_RETURN(int64_t nanoseconds, stream.time(instruction));
      times[i].push_back(nanoseconds);
    }
  size_t best = before;
  form.nanosecondsBefore = form.nanoseconds = medianOf(times[before]);
  double bar = leastGain * static_cast<double>(form.nanosecondsBefore);
  for (size_t i : running) {
    int64_t median = i == before ? form.nanosecondsBefore : medianOf(times[i]);
    if (static_cast<double>(median) < bar && median < form.nanoseconds) {
      best = i;
      form.nanoseconds = median;
    }
  }
  candidates.take(best);
  form.library = candidates.library();
  form.choice = candidates.choice(best);
  form.candidates = candidates.count();
  form.refused = candidates.count() - running.size();
  return Status::ok();
}

/// Takes the candidate of that name; whether there is one.
static bool takeNamed(Candidates &candidates,
                      const std::vector<uint8_t> &choice) {
  for (size_t i = 0; i < candidates.count(); ++i)
    if (candidates.choice(i) == choice) {
      candidates.take(i);
      return true;
    }
  return false;
}

Result<std::vector<int>>
Tuner::tune(Stream &stream,
            std::span<const std::unique_ptr<PreparedInstruction>> instructions,
            const std::function<void(size_t)> &onCall) {
  std::vector<int> formOf(instructions.size(), -1);
  for (size_t i = 0; i < instructions.size(); ++i) {
    PreparedInstruction &instruction = *instructions[i];
    // With what was advised: a candidate that is refused shows here, and its
    // successor is taken.
    DLC_RETURN_IF_ERROR(instruction.run());
    Candidates *candidates = instruction.candidates();
    if (candidates && candidates->count() > 1) {
      std::string name = candidates->library() + candidates->form();
      auto known = indices.find(name);
      if (known == indices.end()) {
        TunedForm form;
        DLC_RETURN_IF_ERROR(timeCandidates(stream, instruction, form));
        known = indices.emplace(name, int(found.size())).first;
        found.push_back(std::move(form));
      }
      TunedForm &form = found[size_t(known->second)];
      if (takeNamed(*candidates, form.choice)) {
        formOf[i] = known->second;
        ++form.calls;
      }
    }
    if (onCall)
      onCall(i + 1);
  }
  DLC_RETURN_IF_ERROR(stream.synchronize());
  return formOf;
}

} // namespace dlc::rt
