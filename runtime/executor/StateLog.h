// How a traced session gets back to the state before a call.
//
// Updates are done in place, so a step that turned out to be wrong has
// destroyed what it began with. Copying all states before every step would cost
// as much as the optimizer. Instead they are copied once in many calls, and the
// inputs of the calls since then are kept: programs are deterministic, so the
// copy and the same calls again give the same bits.
//
//   copy | call 1 | call 2 | … | call n      fault in n: copy, calls 1 to n - 1
#ifndef DLC_RUNTIME_EXECUTOR_STATELOG_H
#define DLC_RUNTIME_EXECUTOR_STATELOG_H

#include "runtime/artifact/Reader.h"
#include "runtime/device/Stream.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace dlc::rt {

/// Whether a checked instruction writes to the first `stateBytes` of the arena.
bool writesState(const fb::Program &program, const fb::Instruction &instruction,
                 uint64_t stateBytes);

class StateLog {
public:
  /// Calls between two copies, and the bytes that their inputs may take beyond
  /// those of the states.
  static constexpr size_t mostCalls = 32;
  static constexpr uint64_t freeBytes = uint64_t(64) << 20;

  /// The states that some traced program of `artifact` writes, in an arena at
  /// `arena`.
  StateLog(const fb::Artifact &artifact, std::byte *arena);

  /// A call since the copy.
  struct Call {
    size_t entry;
    std::vector<std::byte> inputs; // one after another
  };

  /// Before a call: copies the states if there is no copy or it is old, and
  /// returns where the call is to be noted.
  Status begin(Stream &stream, size_t entry, Call *&call);
  /// States were written by other means than calls: there is no copy any more.
  void forget() { isSaved = false; }
  /// Takes the last call off.
  void dropLast() { calls.pop_back(); }
  /// The states as at the copy; the caller does `getCalls()` again.
  Status restore(Stream &stream) const;
  const std::vector<Call> &getCalls() const { return calls; }

private:
  Status save(Stream &stream);

  struct Piece {
    uint64_t offset, bytes;
    uint64_t position; // in `copy`
  };
  std::byte *arena;
  std::vector<Piece> pieces;
  uint64_t total = 0, inputBytes = 0;
  // Not a vector, whose bytes would be zeroed and so be touched here.
  std::unique_ptr<std::byte[]> copy;
  bool isSaved = false;
  std::vector<Call> calls;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_EXECUTOR_STATELOG_H
