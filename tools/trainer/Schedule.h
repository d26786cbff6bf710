//===- Schedule.h - the learning rate over the steps ------------*- C++ -*-===//
//
// `lr(update)` for update = 0, 1, …: first a linear warm-up from lr/W to lr
// over W updates, then one of
//
//   constant                   lr
//   cosine[:min=F]             from lr to lr*F along half a cosine (F = 0)
//   linear[:min=F]             from lr to lr*F along a line        (F = 0)
//   step[:every=N,factor=F]    times F after every N updates       (F = 0.1,
//                              N = a third of the updates)
//
// The last update of a cosine or linear schedule is one short of its end, as in
// PyTorch, whose scheduler steps after the optimizer.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_TRAINER_SCHEDULE_H
#define DLC_TOOLS_TRAINER_SCHEDULE_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dlc::tools {

class Schedule {
public:
  /// `updates`: how many there will be in all; `warmup`: how many of them warm
  /// up. On failure returns none and fills `error`.
  static std::optional<Schedule> parse(std::string_view text, double lr,
                                       int64_t warmup, int64_t updates,
                                       std::string &error);

  /// The learning rate of an update, counted from 0.
  double at(int64_t update) const;

private:
  enum class Kind { Constant, Cosine, Linear, Step };
  bool set(const std::string &name, double value);

  Kind kind = Kind::Constant;
  double lr = 0;
  int64_t warmup = 0, updates = 1;
  double minimum = 0, factor = 0.1;
  int64_t every = 0;
};

} // namespace dlc::tools

#endif
