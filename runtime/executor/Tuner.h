// Times the candidates of a program's library calls and takes the fastest.
//
// Calls run in the program's order, so that each finds the operands that the
// ones before it computed: products of zeros would use less power and look
// faster than they are. At a call with several candidates these take turns for
// some rounds, which spreads a change of the clock over all of them. Calls of
// one form are timed once, in whatever program they come first.
#ifndef DLC_RUNTIME_EXECUTOR_TUNER_H
#define DLC_RUNTIME_EXECUTOR_TUNER_H

#include "runtime/device/Stream.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dlc::rt {

/// What was found out about the calls of one form.
struct TunedForm {
  std::string library;
  /// Of the candidate that was taken.
  std::vector<uint8_t> choice;
  /// How many there were, and how many of them the library refused when called.
  size_t candidates = 0, refused = 0;
  /// Of the one that was taken before, and of the one that is now: medians.
  int64_t nanosecondsBefore = 0, nanoseconds = 0;
  /// How many calls are of this form.
  size_t calls = 0;
};

class Tuner {
public:
  /// A candidate is taken in place of the library's advice if it needs less
  /// than this part of its time: what is within the noise changes no bits.
  static constexpr double leastGain = 0.98;

  /// Each candidate runs `rounds` times, at least once, after one that does not
  /// count.
  explicit Tuner(int rounds) : rounds(rounds) {}

  /// Tunes the instructions of a program, whose inputs are in their places and
  /// whose states need not be kept. Returns for each the index of its form, -1
  /// where there is one way alone. Afterwards each takes its choice. Calls
  /// `onCall` after each instruction with how many are done.
  Result<std::vector<int>>
  tune(Stream &stream,
       std::span<const std::unique_ptr<PreparedInstruction>> instructions,
       const std::function<void(size_t)> &onCall);

  const std::vector<TunedForm> &forms() const { return found; }

private:
  Status timeCandidates(Stream &stream, PreparedInstruction &instruction,
                        TunedForm &form) const;

  int rounds;
  std::vector<TunedForm> found;
  std::map<std::string, int> indices;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_EXECUTOR_TUNER_H
