//===- CompileCache.h - artifacts of earlier compilations -------*- C++ -*-===//
//
// With DLC_CACHE_DIR set, what was compiled once is not compiled again: the
// folder holds artifacts under a key of all that they depend on. Without it
// nothing is kept.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_MODEL_COMPILECACHE_H
#define DLC_TOOLS_MODEL_COMPILECACHE_H

#include <optional>
#include <string>
#include <vector>

namespace dlc::tools {

class CompileCache {
public:
  /// Artifacts beyond this many bytes go, those that were longest unused first.
  static constexpr uint64_t mostBytes = uint64_t(8) << 30;

  /// The cache of the environment; none if it names no folder. Makes the folder.
  /// Where that cannot be done or written to, there is none either, and `why`
  /// says so.
  static std::optional<CompileCache> open(std::string &why);

  /// Names what `files` (their bytes) compile to under `options` by this very
  /// program: 32 hexadecimal digits.
  static std::string keyOf(const std::vector<std::string_view> &files,
                           const std::vector<std::string> &options);

  /// Where the artifact of `key` is, or would be.
  std::string pathOf(const std::string &key) const;
  /// Whether it is there; it counts as used now.
  bool has(const std::string &key) const;
  /// Copies the artifact at `path` in, whole or not at all.
  void add(const std::string &key, const std::string &path) const;
  /// Removes what exceeds `limit`, never the artifact of `key`.
  void shrink(const std::string &key, uint64_t limit = mostBytes) const;

private:
  explicit CompileCache(std::string folder) : folder(std::move(folder)) {}
  std::string folder;
};

} // namespace dlc::tools

#endif
