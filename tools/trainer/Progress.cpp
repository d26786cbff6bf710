//===- Progress.cpp - how training goes, for the one who waits ------------===//
#include "tools/trainer/Progress.h"

#include "tools/support/Text.h"

#include <algorithm>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

namespace dlc::tools {

static constexpr double kSecondsPerLine = 5;
static constexpr double kSecondsPerFrame = 0.1;

Progress::Progress(int64_t first, int64_t last, int64_t samplesPerStep)
    : last(last), samplesPerStep(samplesPerStep),
      isTerminal(isatty(STDERR_FILENO) != 0), drawn(Clock::now()),
      rateFrom(drawn), rateStep(first) {}

static double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// The rate of the last second or more, smoothed over the ones before.
void Progress::updateRate(int64_t step, Clock::time_point now) {
  double elapsed = seconds(now - rateFrom);
  if (elapsed <= 0 || (stepsPerSecond != 0 && elapsed < 1))
    return;
  double current = static_cast<double>(step - rateStep) / elapsed;
  stepsPerSecond =
      stepsPerSecond == 0 ? current : 0.6 * stepsPerSecond + 0.4 * current;
  rateFrom = now;
  rateStep = step;
}

static int terminalWidth() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return 80;
}

std::string Progress::render(int64_t step, int64_t last, int64_t epoch,
                             double loss, double samplesPerSecond,
                             double secondsLeft, int width) {
  char tail[160];
  std::snprintf(
      tail, sizeof tail,
      "step %lld/%lld  epoch %lld  loss %.4f  %s samples/s  %s left",
      static_cast<long long>(step), static_cast<long long>(last),
      static_cast<long long>(epoch), loss,
      samplesPerSecond < 100
          ? formatNumber(samplesPerSecond, 3).c_str()
          : formatCount(static_cast<uint64_t>(samplesPerSecond)).c_str(),
      formatSeconds(secondsLeft).c_str());
  std::string text = tail;
  int room = std::min(30, width - static_cast<int>(text.size()) - 4);
  if (room < 5)
    return text;
  auto filled = static_cast<int>(step * room / std::max<int64_t>(last, 1));
  std::string bar = "[";
  for (int i = 0; i < room; ++i)
    bar += i < filled ? '=' : i == filled ? '>' : ' ';
  return bar + "] " + text;
}

void Progress::step(int64_t step, int64_t epoch, double loss) {
  Clock::time_point now = Clock::now();
  bool isDue =
      seconds(now - drawn) >= (isTerminal ? kSecondsPerFrame : kSecondsPerLine);
  if (!isDue && (!isTerminal || step != last))
    return;
  updateRate(step, now);
  drawn = now;
  double left = stepsPerSecond > 0
                    ? static_cast<double>(last - step) / stepsPerSecond
                    : 0;
  std::string text =
      render(step, last, epoch, loss,
             stepsPerSecond * static_cast<double>(samplesPerStep), left,
             isTerminal ? terminalWidth() : 0);
  if (isTerminal)
    std::fprintf(stderr, "\r%s\x1b[K", text.c_str());
  else
    std::fprintf(stderr, "%s\n", text.c_str());
  std::fflush(stderr);
  isDrawn = isTerminal;
}

void Progress::note(const std::string &line) {
  clear();
  std::fprintf(stderr, "%s\n", line.c_str());
  std::fflush(stderr);
}

void Progress::clear() {
  if (isDrawn)
    std::fprintf(stderr, "\r\x1b[K");
  std::fflush(stderr);
  isDrawn = false;
}

} // namespace dlc::tools
