#include "runtime/executor/Faults.h"

namespace dlc::rt {

std::string nonfiniteText(const ValueRange &range) {
  std::string text;
  auto add = [&](int64_t count, const char *what) {
    if (count)
      text += concat(text.empty() ? "" : ", ", count, " ", what);
  };
  add(range.nans, "NaN");
  add(range.plusInfinities, "inf");
  add(range.minusInfinities, "-inf");
  return text.empty() ? "none" : text;
}

std::string_view partName(fb::StepPart part) {
  switch (part) {
  case fb::StepPart::Backward:
    return "backward";
  case fb::StepPart::Update:
    return "update";
  case fb::StepPart::Forward:
    return "forward";
  }
  return "forward";
}

/// 'map_add_exp' (backward) of nodes 'a', 'b', …
static std::string placeOf(const fb::Program &program, const Fault &fault) {
  const fb::Instruction &instruction = *program.instructions()->Get(
      static_cast<flatbuffers::uoffset_t>(fault.instruction));
  std::string text =
      concat("'",
             instruction.label() ? instruction.label()->string_view()
                                 : std::string_view("instruction"),
             "'");
  const fb::Check *check = instruction.check();
  if (check && check->ops() && check->ops()->size() != 0)
    text += concat(" (", partName(check->ops()->Get(0)->part()), ")");
  if (!instruction.nodes() || instruction.nodes()->size() == 0)
    return text;
  constexpr flatbuffers::uoffset_t mostNodes = 4;
  text += " of ";
  for (flatbuffers::uoffset_t i = 0; i < instruction.nodes()->size(); ++i) {
    if (i == mostNodes)
      return text + " and others";
    text += concat(i ? ", " : "", "'",
                   instruction.nodes()->Get(i)->string_view(), "'");
  }
  return text;
}

Status faultError(const fb::Program &program, const Fault &fault) {
  if (!fault.sources.empty()) {
    std::string text;
    for (const std::string &source : fault.sources)
      text += (text.empty() ? "" : ", ") + source;
    return DLC_ERROR(InvalidArgument, "DLC6020",
                     "what it reads must be finite, but got ", text);
  }
  if (fault.skipped)
    return DLC_ERROR(InvalidArgument, "DLC6020",
                     "scaled gradients must be finite at least once in ",
                     fault.skipped, " steps, but got NaN or infinity first in ",
                     placeOf(program, fault), " in each");
  return DLC_ERROR(InvalidArgument, "DLC6020",
                   "numbers must be finite, but got NaN or infinity first in ",
                   placeOf(program, fault));
}

} // namespace dlc::rt
