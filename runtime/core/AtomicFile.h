// Writes a file so that nobody ever sees half of it: everything goes to
// `<path>.tmp.<pid>.<n>` in the same folder, which commit() renames. Without
// commit() the temporary file is removed. What is there and is no file, such as
// /dev/null or a pipe, is not replaced: it takes the bytes as they come.
#ifndef DLC_RUNTIME_CORE_ATOMICFILE_H
#define DLC_RUNTIME_CORE_ATOMICFILE_H

#include "runtime/core/Status.h"

#include <cstdint>
#include <string>

namespace dlc::rt {

/// When a committed file is on disk.
enum class Durability {
  Now,      ///< before commit() returns: survives a loss of power
  Eventual, ///< when the system gets to it: for what can be made again
};

class AtomicFile {
public:
  static Result<AtomicFile> create(const std::string &path);

  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&) = delete;
  ~AtomicFile();

  Status write(const void *data, uint64_t bytes);
  /// Appends what the open file `source` still has, within the kernel where it
  /// can do that.
  Status append(int source, const std::string &name);
  /// Renames over `path`; with Durability::Now, after an fsync of the file and
  /// before one of the folder.
  Status commit(Durability durability = Durability::Now);

private:
  AtomicFile() = default;
  Status failure(const char *what) const;
  int descriptor = -1;
  std::string path, temporary;
};

/// Copies a regular file, whole or not at all.
Status copyFile(const std::string &from, const std::string &to);

/// The bytes of a whole regular file, at most `limit` of them.
Result<std::string> readWholeFile(const std::string &path, uint64_t limit);

} // namespace dlc::rt

#endif // DLC_RUNTIME_CORE_ATOMICFILE_H
