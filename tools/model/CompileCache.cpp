//===- CompileCache.cpp - artifacts of earlier compilations ---------------===//
#include "tools/model/CompileCache.h"

#include "runtime/core/AtomicFile.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace dlc::tools {

std::optional<CompileCache> CompileCache::open(std::string &why) {
  const char *folder = std::getenv("DLC_CACHE_DIR");
  if (!folder || !*folder)
    return std::nullopt;
  std::error_code error;
  fs::create_directories(folder, error);
  if (access(folder, W_OK | X_OK) == 0)
    return CompileCache(folder);
  why = "nothing is cached: folder '" + std::string(folder) +
        "' of DLC_CACHE_DIR must be writable, but got '" +
        std::strerror(errno) + "'";
  return std::nullopt;
}

/// Tells one build of this program from another.
static std::string programIdentity() {
  struct stat status{};
  if (stat("/proc/self/exe", &status) != 0)
    return "";
  return std::to_string(status.st_size) + " " +
         std::to_string(status.st_mtim.tv_sec) + " " +
         std::to_string(status.st_mtim.tv_nsec);
}

std::string CompileCache::keyOf(const std::vector<std::string_view> &files,
                                const std::vector<std::string> &options) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  // Sizes too, so that no two lists run together.
  auto add = [&](std::string_view bytes) {
    uint64_t size = bytes.size();
    XXH3_128bits_update(&state, &size, sizeof(size));
    XXH3_128bits_update(&state, bytes.data(), bytes.size());
  };
  add(programIdentity());
  for (const std::string &line : options)
    add(line);
  add("files");
  for (std::string_view file : files)
    add(file);
  XXH128_hash_t hash = XXH3_128bits_digest(&state);
  char text[33];
  std::snprintf(text, sizeof(text), "%016llx%016llx",
                static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return text;
}

std::string CompileCache::pathOf(const std::string &key) const {
  return (fs::path(folder) / (key + ".dlc")).string();
}

bool CompileCache::has(const std::string &key) const {
  std::error_code error;
  fs::last_write_time(pathOf(key), fs::file_time_type::clock::now(), error);
  return !error;
}

void CompileCache::add(const std::string &key, const std::string &path) const {
  // Without it the next time takes as long as this one: no error.
  (void)rt::copyFile(path, pathOf(key));
}

void CompileCache::shrink(const std::string &key, uint64_t limit) const {
  struct Entry {
    fs::path path;
    fs::file_time_type used;
    uint64_t bytes;
  };
  std::vector<Entry> entries;
  uint64_t total = 0;
  std::error_code error;
  for (const fs::directory_entry &file : fs::directory_iterator(folder, error)) {
    if (file.path().extension() != ".dlc")
      continue;
    std::error_code gone;
    Entry entry{file.path(), file.last_write_time(gone), file.file_size(gone)};
    if (gone)
      continue;
    total += entry.bytes;
    if (entry.path != fs::path(pathOf(key)))
      entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry &a, const Entry &b) { return a.used < b.used; });
  for (const Entry &entry : entries) {
    if (total <= limit)
      return;
    // One that is open stays readable until it is closed.
    if (fs::remove(entry.path, error))
      total -= entry.bytes;
  }
}

} // namespace dlc::tools
