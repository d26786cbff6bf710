//===- Checkpoint.h - training that can go on later -------------*- C++ -*-===//
//
// A checkpoint is a folder `step_<N>` with
//   state.safetensors   every state: parameters, statistics, optimizer, random
//   manifest.json       format version, where the run is, how it trains, and
//                       size and XXH3-64 of the state file
// It is written as `step_<N>.tmp.<pid>`, both files synced, and then renamed,
// so a crash leaves a whole checkpoint or a folder that is never read. The last
// two are kept.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_TRAINER_CHECKPOINT_H
#define DLC_TOOLS_TRAINER_CHECKPOINT_H

#include "runtime/data/TensorMap.h"
#include "runtime/executor/Executor.h"

#include <map>
#include <optional>
#include <string>

namespace dlc::tools {

struct CheckpointInfo {
  /// Updates done, and samples that they took.
  int64_t step = 0, samplePosition = 0;
  /// What must be the same when the run goes on: seed, batch, optimizer, …
  std::map<std::string, std::string> settings;
};

struct Checkpoint {
  CheckpointInfo info;
  rt::TensorMap state;
};

/// Writes the session's state into `folder`; DLC5140 if that cannot be done.
void saveCheckpoint(const std::string &folder, rt::Session &session,
                    const CheckpointInfo &info);
/// The newest whole checkpoint of `folder`, or `folder` itself if it is one.
/// None if there is none; damaged ones are passed over.
std::optional<Checkpoint> loadCheckpoint(const std::string &folder);
/// Sets the session's states; DLC5141 if the checkpoint is of another model.
void restoreState(rt::Session &session, const rt::TensorMap &state);
/// DLC5141 unless the settings agree.
void checkSettings(const CheckpointInfo &saved, const CheckpointInfo &wanted);

} // namespace dlc::tools

#endif
