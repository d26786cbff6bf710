//===- Progress.h - how training goes, for the one who waits ----*- C++ -*-===//
//
// On a terminal a bar that is redrawn in place; elsewhere a line every few
// seconds. Both go to stderr and show loss, samples per second and time left.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_TRAINER_PROGRESS_H
#define DLC_TOOLS_TRAINER_PROGRESS_H

#include <chrono>
#include <cstdint>
#include <string>

namespace dlc::tools {

class Progress {
public:
  /// `first` to `last`: the steps to come.
  Progress(int64_t first, int64_t last, int64_t samplesPerStep);
  ~Progress() { clear(); }

  /// After a step; draws only as often as is useful.
  void step(int64_t step, int64_t epoch, double loss);
  /// A line of its own, above the bar.
  void note(const std::string &line);
  /// Takes the bar away.
  void clear();

  /// One state of the bar, `width` columns wide; without a bar if it is 0.
  static std::string render(int64_t step, int64_t last, int64_t epoch,
                            double loss, double samplesPerSecond,
                            double secondsLeft, int width);

private:
  using Clock = std::chrono::steady_clock;
  void updateRate(int64_t step, Clock::time_point now);

  int64_t last, samplesPerStep;
  bool isTerminal, isDrawn = false;
  Clock::time_point drawn, rateFrom;
  int64_t rateStep;
  double stepsPerSecond = 0;
};

} // namespace dlc::tools

#endif
