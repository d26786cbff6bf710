//===- Checkpoint.cpp - training that can go on later ---------------------===//
#include "tools/trainer/Checkpoint.h"

#include "runtime/core/AtomicFile.h"
#include "tools/support/Failure.h"
#include "tools/support/Text.h"
#include "tools/trainer/Evaluator.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace dlc::tools {

namespace fs = std::filesystem;
using Json = nlohmann::json;

static constexpr int kVersion = 1;
static constexpr size_t kKept = 2;
static constexpr uint64_t kMostManifestBytes = 1 << 24;

static std::string hashOf(const std::string &bytes) {
  char text[17];
  std::snprintf(
      text, sizeof text, "%016llx",
      static_cast<unsigned long long>(XXH3_64bits(bytes.data(), bytes.size())));
  return text;
}

/// N of "step_N", or none.
static std::optional<int64_t> stepOf(const fs::path &path) {
  std::string name = path.filename().string();
  int64_t step = -1;
  if (!name.starts_with("step_"))
    return std::nullopt;
  auto [end, error] =
      std::from_chars(name.data() + 5, name.data() + name.size(), step);
  if (error != std::errc() || end != name.data() + name.size())
    return std::nullopt;
  return step;
}

/// Whole or not, newest first.
static std::vector<fs::path> listCheckpoints(const std::string &folder) {
  std::vector<std::pair<int64_t, fs::path>> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error))
    if (auto step = stepOf(it->path()))
      found.emplace_back(*step, it->path());
  std::sort(found.rbegin(), found.rend());
  std::vector<fs::path> paths;
  for (auto &[step, path] : found)
    paths.push_back(std::move(path));
  return paths;
}

static void syncFolder(const std::string &path) {
  int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return;
  fsync(descriptor);
  close(descriptor);
}

static void writeManifest(const std::string &folder,
                          const CheckpointInfo &info) {
  std::string state = check(
      rt::readWholeFile(folder + "/state.safetensors", rt::defaultDataBudget));
  Json json = {{"version", kVersion},
               {"step", info.step},
               {"sample_position", info.samplePosition},
               {"settings", info.settings},
               {"state_bytes", state.size()},
               {"state_xxh3", hashOf(state)}};
  std::string text = json.dump(1) + "\n";
  rt::AtomicFile file =
      check(rt::AtomicFile::create(folder + "/manifest.json"));
  check(file.write(text.data(), text.size()));
  check(file.commit());
}

void saveCheckpoint(const std::string &folder, rt::Session &session,
                    const CheckpointInfo &info) {
  rt::TensorMap state;
  for (const rt::StateSlot &slot : session.program().states())
    state.emplace(slot.name, readState(session, slot));
  std::string path = folder + "/step_" + std::to_string(info.step);
  std::string temporary = path + ".tmp." + std::to_string(getpid());
  std::error_code error;
  fs::create_directories(temporary, error);
  if (error)
    fail("DLC5140", "checkpoint folder '", folder,
         "' must be writable, but got '", error.message(), "'");
  check(rt::saveTensors(temporary + "/state.safetensors", state));
  writeManifest(temporary, info);
  syncFolder(temporary);
  fs::remove_all(path, error);
  fs::rename(temporary, path, error);
  if (error)
    fail("DLC5140", "checkpoint '", path, "' must be writable, but got '",
         error.message(), "'");
  syncFolder(folder);
  std::vector<fs::path> all = listCheckpoints(folder);
  for (size_t i = kKept; i < all.size(); ++i)
    fs::remove_all(all[i], error);
}

/// None if it is not whole.
static std::optional<Checkpoint> readCheckpoint(const std::string &folder) {
  auto manifest =
      rt::readWholeFile(folder + "/manifest.json", kMostManifestBytes);
  std::string statePath = folder + "/state.safetensors";
  auto bytes = rt::readWholeFile(statePath, rt::defaultDataBudget);
  if (!manifest.isOk() || !bytes.isOk())
    return std::nullopt;
  Checkpoint checkpoint;
  try {
    Json json = Json::parse(*manifest);
    if (json.at("version") != kVersion ||
        json.at("state_bytes") != bytes->size() ||
        json.at("state_xxh3") != hashOf(*bytes))
      return std::nullopt;
    checkpoint.info.step = json.at("step");
    checkpoint.info.samplePosition = json.at("sample_position");
    checkpoint.info.settings = json.at("settings");
    // Products of the step with batch sizes must fit.
    constexpr int64_t mostSteps = int64_t(1) << 40;
    if (checkpoint.info.step < 0 || checkpoint.info.step > mostSteps)
      return std::nullopt;
  } catch (const Json::exception &) {
    return std::nullopt;
  }
  bytes->clear();
  auto state = rt::loadTensors(statePath);
  if (!state.isOk())
    return std::nullopt;
  checkpoint.state = std::move(*state);
  return checkpoint;
}

std::optional<Checkpoint> loadCheckpoint(const std::string &folder) {
  if (auto checkpoint = readCheckpoint(folder))
    return checkpoint;
  for (const fs::path &path : listCheckpoints(folder))
    if (auto checkpoint = readCheckpoint(path.string()))
      return checkpoint;
  return std::nullopt;
}

void restoreState(rt::Session &session, const rt::TensorMap &state) {
  for (const rt::StateSlot &slot : session.program().states()) {
    auto it = state.find(slot.name);
    if (it == state.end())
      fail("DLC5141", "checkpoint must hold state '", slot.name,
           "', but got none of that name");
    const rt::Tensor &value = it->second;
    if (value.dtype != slot.dtype || value.dims != slot.dims)
      fail("DLC5141", "state '", slot.name, "' of the checkpoint must be ",
           rt::dtypeName(slot.dtype), " ", formatDims(slot.dims), ", but got ",
           rt::dtypeName(value.dtype), " ", formatDims(value.dims));
    check(session.writeState(slot.name, value.data.data(), value.data.size()));
  }
}

void checkSettings(const CheckpointInfo &saved, const CheckpointInfo &wanted) {
  for (const auto &[name, value] : wanted.settings) {
    auto it = saved.settings.find(name);
    if (it == saved.settings.end() || it->second != value)
      fail("DLC5141", "a resumed run must have ", name, " ",
           it == saved.settings.end() ? "unset" : it->second,
           " as its checkpoint does, but got ", value);
  }
}

} // namespace dlc::tools
