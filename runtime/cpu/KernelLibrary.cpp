#include "runtime/cpu/KernelLibrary.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

namespace dlc::rt {

KernelLibrary::~KernelLibrary() {
  if (handle)
    dlclose(handle);
  if (descriptor >= 0)
    close(descriptor);
}

static Status fillMemoryFile(int fd, std::span<const std::byte> code) {
  size_t done = 0;
  while (done < code.size()) {
    ssize_t n = write(fd, code.data() + done, code.size() - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return DLC_ERROR(OutOfMemory, "DLC6006", "kernel code of ", code.size(),
                       " bytes must fit in memory, but got '",
                       std::strerror(errno), "'");
    done += static_cast<size_t>(n);
  }
  return Status::ok();
}

/// The loader takes an open library for the one asked for if their paths are
/// equal, and the path names the descriptor: so `descriptor` stays open, and
/// its number with it, until the library is closed.
static Result<void *> openCode(std::span<const std::byte> code,
                               int &descriptor) {
  if (code.size() < 64 || std::memcmp(code.data(), "\177ELF", 4) != 0)
    return DLC_ERROR(Corrupt, "DLC6006",
                     "kernel code must be an ELF shared "
                     "object, but got ",
                     code.size(), " other bytes");
  int fd = memfd_create("dlc-kernels", MFD_CLOEXEC);
  if (fd < 0)
    return DLC_ERROR(Io, "DLC6006",
                     "kernel code needs a memory file, but got "
                     "'",
                     std::strerror(errno), "'");
  if (Status status = fillMemoryFile(fd, code); !status.isOk()) {
    close(fd);
    return status;
  }
  std::string path = concat("/proc/self/fd/", fd);
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *reason = dlerror();
    close(fd);
    return DLC_ERROR(Corrupt, "DLC6006", "kernel code must load, but got '",
                     reason ? reason : "no reason", "'");
  }
  descriptor = fd;
  return handle;
}

void *KernelLibrary::find(const std::string &symbol) const {
  return handle ? dlsym(handle, symbol.c_str()) : nullptr;
}

Result<std::shared_ptr<const KernelLibrary>>
KernelLibrary::load(std::span<const std::byte> code,
                    const KernelTable *kernels) {
  std::shared_ptr<KernelLibrary> library(new KernelLibrary());
  if (!kernels || kernels->size() == 0)
    return std::shared_ptr<const KernelLibrary>(std::move(library));
  DLC_ASSIGN_OR_RETURN(library->handle, openCode(code, library->descriptor));
  for (const fb::Kernel *kernel : *kernels) {
    void *symbol = dlsym(library->handle, kernel->symbol()->c_str());
    if (!symbol)
      return DLC_ERROR(Corrupt, "DLC6006", "kernel code must define '",
                       kernel->symbol()->string_view(),
                       "', but got no such "
                       "symbol");
    library->functions.push_back(reinterpret_cast<KernelFunction>(symbol));
  }
  return std::shared_ptr<const KernelLibrary>(std::move(library));
}

} // namespace dlc::rt
