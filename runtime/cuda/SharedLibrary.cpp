#include "runtime/cuda/SharedLibrary.h"

#include <dlfcn.h>

namespace dlc::rt::cuda {

SharedLibrary::SharedLibrary(SharedLibrary &&other) noexcept
    : handle(std::exchange(other.handle, nullptr)),
      file(std::move(other.file)) {}

SharedLibrary &SharedLibrary::operator=(SharedLibrary &&other) noexcept {
  std::swap(handle, other.handle);
  std::swap(file, other.file);
  return *this;
}

SharedLibrary::~SharedLibrary() {
  if (handle)
    dlclose(handle);
}

Result<SharedLibrary> SharedLibrary::open(std::span<const std::string> names,
                                          const char *id, const char *what) {
  std::string reasons;
  for (const std::string &name : names) {
    SharedLibrary library;
    library.handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    library.file = name;
    if (library.handle)
      return Result<SharedLibrary>(std::move(library));
    const char *reason = dlerror();
    reasons +=
        concat(reasons.empty() ? "" : "; ", reason ? reason : "no reason");
  }
  return DLC_ERROR(Unsupported, id, what,
                   " must be where libraries are found, ", "but got '", reasons,
                   "'");
}

void *SharedLibrary::find(const char *symbol) const {
  return dlsym(handle, symbol);
}

Status resolve(const SharedLibrary &library, std::span<const Slot> slots,
               const char *id) {
  for (const Slot &slot : slots) {
    *slot.address = library.find(slot.symbol);
    if (!*slot.address)
      return DLC_ERROR(Unsupported, id, "library '", library.name(),
                       "' must have the function '", slot.symbol,
                       "', but got an older version without it");
  }
  return Status::ok();
}

} // namespace dlc::rt::cuda
