#include "runtime/core/AtomicFile.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dlc::rt {

Status AtomicFile::failure(const char *what) const {
  return DLC_ERROR(Io, "DLC5110", "file '", path, "' must be writable, but ",
                   what, " got '", std::strerror(errno), "'");
}

Result<AtomicFile> AtomicFile::create(const std::string &path) {
  static std::atomic<unsigned> counter{0};
  AtomicFile file;
  file.path = path;
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) &&
      !S_ISDIR(info.st_mode)) {
    file.descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file.descriptor < 0)
      return file.failure("open");
    return Result<AtomicFile>(std::move(file));
  }
  file.temporary = concat(path, ".tmp.", getpid(), ".", counter.fetch_add(1));
  file.descriptor = open(file.temporary.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file.descriptor < 0)
    return file.failure("open");
  return Result<AtomicFile>(std::move(file));
}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : descriptor(std::exchange(other.descriptor, -1)),
      path(std::move(other.path)), temporary(std::move(other.temporary)) {}

AtomicFile::~AtomicFile() {
  if (descriptor < 0)
    return;
  close(descriptor);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

Status AtomicFile::write(const void *data, uint64_t bytes) {
  auto *p = static_cast<const char *>(data);
  while (bytes != 0) {
    ssize_t n = ::write(descriptor, p, bytes);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return failure("write");
    p += n;
    bytes -= static_cast<uint64_t>(n);
  }
  return Status::ok();
}

Status AtomicFile::commit(Durability durability) {
  if (temporary.empty()) {
    close(std::exchange(descriptor, -1));
    return Status::ok();
  }
  bool isDurable = durability == Durability::Now;
  if (isDurable && fsync(descriptor) != 0)
    return failure("fsync");
  if (rename(temporary.c_str(), path.c_str()) != 0)
    return failure("rename");
  close(std::exchange(descriptor, -1));
  if (!isDurable)
    return Status::ok();
  size_t slash = path.rfind('/');
  std::string folder =
      slash == std::string::npos ? "." : path.substr(0, slash + 1);
  // Some file systems cannot sync a folder; the rename itself has happened.
  if (int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      fd >= 0) {
    (void)fsync(fd);
    close(fd);
  }
  return Status::ok();
}

Status AtomicFile::append(int source, const std::string &name) {
  // Shares blocks or copies without this process; not across all file systems.
  constexpr size_t large = size_t(1) << 30;
  while (copy_file_range(source, nullptr, descriptor, nullptr, large, 0) > 0)
    continue;
  std::string piece(1 << 20, '\0');
  while (true) {
    ssize_t n = read(source, piece.data(), piece.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return DLC_ERROR(Io, "DLC5101", "file '", name,
                       "' must be readable, but got '", std::strerror(errno),
                       "'");
    if (n == 0)
      return Status::ok();
    DLC_RETURN_IF_ERROR(write(piece.data(), static_cast<uint64_t>(n)));
  }
}

Status copyFile(const std::string &from, const std::string &to) {
  int fd = open(from.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return DLC_ERROR(NotFound, "DLC5101", "file '", from,
                     "' must be readable, but got '", std::strerror(errno),
                     "'");
  auto copy = [&]() -> Status {
    DLC_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(to));
    DLC_RETURN_IF_ERROR(file.append(fd, from));
    return file.commit(Durability::Eventual);
  };
  Status status = copy();
  close(fd);
  return status;
}

Result<std::string> readWholeFile(const std::string &path, uint64_t limit) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info {};
  if (fd < 0 || fstat(fd, &info) != 0) {
    Status failed =
        DLC_ERROR(NotFound, "DLC5101", "file '", path,
                  "' must be readable, but got '", std::strerror(errno), "'");
    if (fd >= 0)
      close(fd);
    return failed;
  }
  uint64_t size = static_cast<uint64_t>(info.st_size);
  if (!S_ISREG(info.st_mode) || size > limit) {
    close(fd);
    return DLC_ERROR(InvalidArgument, "DLC5101", "file '", path,
                     "' must be a regular file of at most ", limit,
                     " bytes, but got ",
                     S_ISREG(info.st_mode) ? concat(size, " bytes")
                                           : std::string("another kind"));
  }
  std::string content(size, '\0');
  uint64_t done = 0;
  while (done < size) {
    ssize_t n = read(fd, content.data() + done, size - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break;
    done += static_cast<uint64_t>(n);
  }
  close(fd);
  if (done != size)
    return DLC_ERROR(Io, "DLC5101", "file '", path, "' must hold ", size,
                     " bytes, but got ", done);
  return content;
}

} // namespace dlc::rt
