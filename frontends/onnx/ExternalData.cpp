//===- ExternalData.cpp - tensors in files beside the model ---------------===//
#include "frontends/onnx/ExternalData.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dlc::frontend {

namespace {
/// A descriptor that closes itself.
class Descriptor {
public:
  explicit Descriptor(int fd) : fd(fd) {}
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  ~Descriptor() { reset(-1); }
  int get() const { return fd; }
  void reset(int other) {
    if (fd >= 0)
      close(fd);
    fd = other;
  }
  int release() { return std::exchange(fd, -1); }

private:
  int fd;
};
} // namespace

static int fail(std::string &message, std::string text) {
  message = std::move(text);
  return -1;
}

int openBeneath(llvm::StringRef folder, llvm::StringRef location,
                std::string &message) {
  if (location.empty() || location.contains('\0') || location.starts_with("/"))
    return fail(message, "must be a relative path");
  llvm::SmallVector<llvm::StringRef> parts;
  location.split(parts, '/', -1, /*KeepEmpty=*/false);
  std::string root = folder.empty() ? "." : folder.str();
  Descriptor at(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (at.get() < 0)
    return fail(message, "has a folder that cannot be opened: " +
                             std::string(std::strerror(errno)));
  for (auto [i, part] : llvm::enumerate(parts)) {
    if (part == "..")
      return fail(message, "must stay beneath the model's folder");
    if (part == ".")
      continue;
    bool isLast = i + 1 == parts.size();
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    int flags = O_NOFOLLOW | O_CLOEXEC |
                (isLast ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY);
    int next = openat(at.get(), part.str().c_str(), flags);
    if (next < 0)
      return fail(message,
                  errno == ELOOP
                      ? "must not lead through a symbolic link"
                      : "cannot be opened: " +
                            std::string(std::strerror(errno)));
    at.reset(next);
  }
  struct stat info;
  if (fstat(at.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return fail(message, "must be a regular file");
  if (info.st_nlink != 1)
    return fail(message,
                llvm::formatv("must have no hard links, but got {0} names",
                              uint64_t(info.st_nlink)));
  return at.release();
}

std::shared_ptr<llvm::MemoryBuffer>
ExternalFiles::open(llvm::StringRef location, TensorError &error) {
  auto &file = files[location];
  if (file)
    return file;
  std::string message;
  Descriptor fd(openBeneath(folder, location, message));
  if (fd.get() >= 0) {
    struct stat info;
    fstat(fd.get(), &info);
    auto buffer = llvm::MemoryBuffer::getOpenFile(
        fd.get(), location, info.st_size, /*RequiresNullTerminator=*/false);
    if (buffer)
      return file = std::move(*buffer);
    message = "cannot be read: " + buffer.getError().message();
  }
  error = {"DLC1008", llvm::formatv("has external data file '{0}', which {1}",
                                    location, message)
                          .str()};
  return nullptr;
}

std::vector<std::shared_ptr<llvm::MemoryBuffer>>
ExternalFiles::opened() const {
  std::vector<std::shared_ptr<llvm::MemoryBuffer>> all;
  for (const auto &entry : files)
    if (entry.second)
      all.push_back(entry.second);
  return all;
}

std::optional<Weight> ExternalFiles::decode(mlir::MLIRContext *context,
                                            const onnx::TensorProto &tensor,
                                            TensorError &error) {
  std::string location;
  uint64_t offset = 0, length = 0;
  bool hasLength = false;
  for (const onnx::StringStringEntryProto &entry : tensor.external_data()) {
    llvm::StringRef key = entry.key(), value = entry.value();
    bool isNumber = true;
    if (key == "location")
      location = entry.value();
    else if (key == "offset")
      isNumber = llvm::to_integer(value, offset, 10);
    else if (key == "length")
      hasLength = isNumber = llvm::to_integer(value, length, 10);
    if (!isNumber) {
      error = {"DLC1008", llvm::formatv("must state '{0}' of its external data "
                                        "as a whole number, but got '{1}'",
                                        key, value)
                              .str()};
      return std::nullopt;
    }
  }
  std::shared_ptr<llvm::MemoryBuffer> file = open(location, error);
  if (!file)
    return std::nullopt;
  uint64_t size = file->getBufferSize();
  if (offset > size || (hasLength && length > size - offset)) {
    error = {"DLC1008",
             llvm::formatv("must lie within the {0} bytes of external data "
                           "file '{1}', but got offset {2} and length {3}",
                           size, location, offset, length)
                 .str()};
    return std::nullopt;
  }
  if (!hasLength)
    length = size - offset;
  return decodeRaw(context, tensor, {file->getBufferStart() + offset, length},
                   file, error);
}

} // namespace dlc::frontend
