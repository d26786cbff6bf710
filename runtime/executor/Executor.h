// Runs the programs of an artifact.
//
// LoadedProgram is an artifact with its code on a device: immutable, shared.
// A Session is one training state on it: an arena whose first part holds the
// states (parameters, optimizer, random state) and whose rest is the working
// memory that the compiler planned. Its entries are the artifact's programs,
// resolved to a flat list of prepared instructions on first use; after that a
// call copies inputs in, runs the list, copies outputs out, and allocates
// nothing.
#ifndef DLC_RUNTIME_EXECUTOR_EXECUTOR_H
#define DLC_RUNTIME_EXECUTOR_EXECUTOR_H

#include "runtime/artifact/Reader.h"
#include "runtime/core/DType.h"
#include "runtime/core/Status.h"
#include "runtime/device/Device.h"
#include "runtime/executor/Faults.h"
#include "runtime/executor/Tuner.h"

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dlc::rt {

class StateLog;

/// A named dense tensor in the caller's memory.
struct TensorView {
  std::string_view name;
  DType dtype = DType::F32;
  std::span<const int64_t> dims;
  std::byte *data = nullptr; // read for inputs, written for outputs
};

/// What an entry expects or gives.
struct TensorSlot {
  std::string name;
  DType dtype;
  std::vector<int64_t> dims;
  uint64_t bytes;
};

/// What a session keeps under a name.
struct StateSlot {
  std::string name;
  DType dtype;
  std::vector<int64_t> dims;
  uint64_t bytes;
  uint64_t offset; // in the arena, or the host arena
  bool isOnHost;
  fb::StateRole role;
  bool isTrained;
  std::string note;
};

/// A program of the artifact, as callers see it.
struct EntryInfo {
  std::string name;
  std::vector<TensorSlot> inputs, outputs;
};

class LoadedProgram {
public:
  /// `device` as findDevice takes it. Fails when the artifact is for another
  /// device or CPU, or its code does not load.
  static Result<std::shared_ptr<const LoadedProgram>>
  load(std::shared_ptr<const Artifact> artifact, std::string_view device = {});
  /// The same for a device that the caller has, and keeps for longer.
  static Result<std::shared_ptr<const LoadedProgram>>
  load(std::shared_ptr<const Artifact> artifact, Device &device);

  const Artifact &artifact() const { return *file; }
  Device &device() const { return *where; }
  const std::shared_ptr<const LoadedCode> &code() const { return kernels; }
  const std::vector<StateSlot> &states() const { return stateSlots; }
  const std::vector<EntryInfo> &entries() const { return entryInfos; }
  /// DLC5201 when there is no such entry.
  Result<const EntryInfo *> findEntry(std::string_view name) const;
  /// Null when there is none of that name.
  const StateSlot *findState(std::string_view name) const;

private:
  LoadedProgram() = default;
  void describe();
  std::shared_ptr<const Artifact> file;
  Device *where = nullptr;
  std::shared_ptr<const LoadedCode> kernels;
  std::vector<StateSlot> stateSlots;
  std::vector<EntryInfo> entryInfos;
};

/// Times of the instructions of one call, in nanoseconds; pass it to run() to
/// have it filled. Instruction i is the program's instruction i.
struct Trace {
  std::vector<int64_t> nanoseconds;
};

struct SessionOptions {
  int64_t seed = 0;
  int threads = 0; // 0: DLC_NUM_THREADS or the CPUs of this process
  /// Of a traced program with a dynamic loss scale: how many steps in a row may
  /// be left out because gradients overflowed.
  int64_t mostSkips = 20;
};

/// Every call takes the session's lock: sessions run side by side, calls of
/// one session in turn.
class Session {
public:
  static Result<std::unique_ptr<Session>>
  create(std::shared_ptr<const LoadedProgram> program,
         const SessionOptions &options);
  ~Session();

  const LoadedProgram &program() const { return *loaded; }
  /// Resolves an entry now rather than at its first run.
  Status prepare(std::string_view entry);
  /// Runs an entry. Every input of the entry must be given, by name, with its
  /// dtype and dims; `outputs` may name any of the entry's outputs. Other
  /// names are errors. A traced program that computes NaN or infinity where it
  /// should not fails with DLC6020, and every state is as before the call.
  Status run(std::string_view entry, std::span<const TensorView> inputs,
             std::span<const TensorView> outputs, Trace *trace = nullptr);

  /// As run(), but returns before the work is done where the device works
  /// beside the host: inputs may change then, outputs are written by wait().
  /// Inputs are copied while the calls before still run. What goes wrong in the
  /// work is said by wait(). Traced programs are run to their end.
  Status submit(std::string_view entry, std::span<const TensorView> inputs,
                std::span<const TensorView> outputs);
  /// Waits until at most `unfinished` of the submitted calls, the last ones, are
  /// not done. Every other call on the session waits for all of them.
  Status wait(size_t unfinished = 0);

  /// What the last call of run() failed for, if that was DLC6020.
  const std::optional<Fault> &lastFault() const { return fault; }
  /// Runs a traced entry up to `probe.instruction` and fills in the ranges of
  /// what that reads and writes. States are as before afterwards.
  Status run(std::string_view entry, std::span<const TensorView> inputs,
             Probe &probe);

  /// Times the candidates of the entry's library calls on `inputs` (Tuner.h).
  /// Leaves the states, which the entry may update, as nobody should use them.
  Result<std::vector<int>> tune(std::string_view entry,
                                std::span<const TensorView> inputs,
                                Tuner &tuner,
                                const std::function<void(size_t)> &onCall);
  /// Of a prepared entry: how many instructions have a choice in the artifact,
  /// and how many of these are taken here.
  struct Choices {
    size_t stored = 0, taken = 0;
  };
  Result<Choices> choices(std::string_view entry);

  /// Copies between a state and the caller's `bytes` bytes.
  Status readState(std::string_view name, void *data, uint64_t bytes);
  Status writeState(std::string_view name, const void *data, uint64_t bytes);
  /// Every state as at creation.
  Status reset(int64_t seed);

  uint64_t arenaBytes() const;
  /// Size of the host arena, 0 without one.
  uint64_t hostBytes() const;
  /// Highest byte of the arena that any run so far has used.
  uint64_t peakBytes() const;
  /// Memory beside the arena that library calls share.
  uint64_t scratchBytes() const;

private:
  struct Entry;
  Session() = default;
  Result<Entry *> findEntry(std::string_view name) const;
  Status prepareLocked(Entry &entry);
  Status resolveBuffers(Entry &entry);
  Status resetLocked(int64_t seed);
  Status checkInputs(const Entry &entry,
                     std::span<const TensorView> inputs) const;
  Status copyInputs(Entry &entry, std::span<const TensorView> inputs,
                    bool isAhead);
  struct How {
    Trace *trace = nullptr;
    /// Returns when everything is issued.
    bool isAhead = false;
  };
  Status start(std::string_view entry, std::span<const TensorView> inputs,
               std::span<const TensorView> outputs, How how);
  Status runLocked(Entry &entry, std::span<const TensorView> inputs,
                   std::span<const TensorView> outputs, How how);
  Status runInstructions(Entry &entry, Trace *trace);
  Status runProbe(Entry &entry, Probe &probe);
  Status describe(const Entry &entry, bool wantsWritten, Probe &probe) const;
  Status note(const Entry &entry, std::span<const TensorView> inputs);
  Status goBack(const Entry &last);
  Result<float> lossScale() const;
  Status judge(Entry &entry, std::span<const TensorView> inputs, float scale);
  Result<bool> isSkipped(const Entry &entry, float scale) const;
  Result<std::vector<std::string>>
  findSources(std::span<const TensorView> inputs) const;
  Result<const StateSlot *> checkState(std::string_view name,
                                       uint64_t bytes) const;
  Status copyIntoState(const StateSlot &slot, uint64_t at, const void *from,
                       uint64_t bytes);

  std::shared_ptr<const LoadedProgram> loaded;
  std::unique_ptr<Memory> arena;
  std::unique_ptr<Memory> hostArena; // null if no program keeps anything there
  std::unique_ptr<Stream> stream;
  // After the stream, whose library objects their instructions use.
  std::vector<std::unique_ptr<Entry>> entries;
  /// Marks of submitted calls that nobody has waited for, oldest first.
  std::deque<uint64_t> submitted;
  // Of traced programs.
  std::unique_ptr<StateLog> log;
  int64_t mostSkips = 0, skipped = 0;
  std::optional<Fault> fault;
  mutable std::mutex mutex;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_EXECUTOR_EXECUTOR_H
