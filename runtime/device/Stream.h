// Second of the three small interfaces that a backend fills: ordered work.
//
// A session prepares each instruction of a program once (which may create
// library objects and take time), seals the stream, and then only runs what
// was prepared: neither run() nor runAll() allocates. A device that works
// beside the host returns from both before the work is done; synchronize()
// waits.
#ifndef DLC_RUNTIME_DEVICE_STREAM_H
#define DLC_RUNTIME_DEVICE_STREAM_H

#include "runtime/artifact/artifact_generated.h"
#include "runtime/core/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dlc::rt {

/// The ways in which a library can compute one call, from which a tuning takes
/// the fastest (Tuner.h). All give numbers within the call's precision, not the
/// same bits.
class Candidates {
public:
  virtual ~Candidates() = default;
  virtual size_t count() const = 0;
  /// The one that run() uses.
  virtual size_t taken() const = 0;
  virtual void take(size_t candidate) = 0;
  /// What names a candidate in `fb::Instruction.choice`.
  virtual std::vector<uint8_t> choice(size_t candidate) const = 0;
  /// "cuBLASLt 130100": to whom the names belong.
  virtual std::string library() const = 0;
  /// The same for calls that differ in their operands' places alone, which are
  /// offered the same candidates.
  virtual std::string form() const = 0;
};

/// An instruction with its addresses resolved.
class PreparedInstruction {
public:
  virtual ~PreparedInstruction() = default;
  virtual Status run() = 0;
  /// Of an instruction with a check: whether the last run() within a runAll()
  /// computed a number that it should not. After synchronize().
  virtual bool isFaulty() const { return false; }
  /// Null where there is one way alone.
  virtual Candidates *candidates() { return nullptr; }
};

/// Used by one thread at a time; work runs in the order it was issued.
class Stream {
public:
  virtual ~Stream() = default;

  /// `buffers[i]` is the device address of the program's buffer i, of
  /// `bufferBytes[i]` bytes. The result must not outlive the stream.
  virtual Result<std::unique_ptr<PreparedInstruction>>
  prepare(const fb::Instruction &instruction,
          std::span<std::byte *const> buffers,
          std::span<const uint64_t> bufferBytes) = 0;
  /// After the last prepare() and before the next run(): takes the memory
  /// that prepared library calls share.
  virtual Status seal() = 0;

  /// Runs what prepare() gave for a whole program, in its order; always the
  /// same span for the same program, so that a device may record the work once.
  /// `nanoseconds` is empty, or gets the time that each instruction took, which
  /// may slow the call down.
  virtual Status
  runAll(std::span<const std::unique_ptr<PreparedInstruction>> instructions,
         std::span<int64_t> nanoseconds);

  /// Runs one instruction and waits for it: the nanoseconds it took, with
  /// operands that no cache of the device holds.
  virtual Result<int64_t> time(PreparedInstruction &instruction);

  /// Around the instructions of one call of a program.
  virtual void beginCall() = 0;
  virtual void endCall() = 0;

  /// `from` may change once this returns; `to` is written by synchronize().
  virtual Status copyToDevice(std::byte *to, const void *from,
                              uint64_t bytes) = 0;
  virtual Status copyToHost(void *to, const std::byte *from,
                            uint64_t bytes) = 0;
  /// As copyToDevice, for what only the next runAll() reads: a device that works
  /// beside the host copies while the last one still runs.
  virtual Status copyAhead(std::byte *to, const void *from, uint64_t bytes) {
    return copyToDevice(to, from, bytes);
  }
  /// A point behind everything issued so far, for await().
  virtual Result<uint64_t> mark() { return Result<uint64_t>(0); }
  /// Waits for what was issued before `mark` alone.
  virtual Status await(uint64_t mark) {
    (void)mark;
    return synchronize();
  }
  /// What lies at `from` on the device, where the host can read it: there
  /// already, or as a copy in `storage`, after all work issued so far.
  virtual Result<const std::byte *> view(const std::byte *from, uint64_t bytes,
                                         std::vector<std::byte> &storage);
  /// Waits for everything issued so far.
  virtual Status synchronize() = 0;
  /// Memory taken by seal() and copyAhead(), beside the arena.
  virtual uint64_t scratchBytes() const = 0;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_DEVICE_STREAM_H
