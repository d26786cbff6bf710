#include "runtime/cuda/SharedLibrary.h"

#include <dlfcn.h>
#include <filesystem>
#include <glob.h>
#include <unistd.h>

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

/// Null if it does not open; `reasons` gets what the loader says then.
static void *tryOpen(const std::string &name, std::string &reasons) {
  constexpr int flags = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;
  if (void *handle = dlopen(name.c_str(), flags))
    return handle;
  const char *reason = dlerror();
  reasons += concat(reasons.empty() ? "" : "; ", reason ? reason : "no reason");
  return nullptr;
}

Result<SharedLibrary> SharedLibrary::open(std::span<const std::string> names,
                                          std::span<const std::string> folders,
                                          const char *id, const char *what) {
  std::string reasons;
  std::vector<std::string> files(names.begin(), names.end());
  for (const std::string &folder : folders)
    for (const std::string &name : names)
      if (std::string file = folder + "/" + name;
          access(file.c_str(), R_OK) == 0)
        files.push_back(std::move(file));
  for (const std::string &file : files) {
    SharedLibrary library;
    library.handle = tryOpen(file, reasons);
    library.file = file;
    if (library.handle)
      return Result<SharedLibrary>(std::move(library));
  }
  return DLC_ERROR(Unsupported, id, what,
                   " must be where libraries are found, ", "but got '", reasons,
                   "'");
}

static void addMatches(const std::string &pattern,
                       std::vector<std::string> &folders) {
  glob_t matches = {};
  if (glob(pattern.c_str(), GLOB_ONLYDIR, nullptr, &matches) == 0)
    // Sorted; of several versions the last is the newest.
    for (size_t i = matches.gl_pathc; i-- > 0;)
      folders.push_back(matches.gl_pathv[i]);
  globfree(&matches);
}

std::vector<std::string> libraryFolders() {
  std::vector<std::string> folders;
  for (const char *pattern :
       {"/usr/local/nvidia/lib64", "/usr/lib64-nvidia", "/usr/lib/wsl/lib",
        "/usr/local/cuda/lib64", "/usr/local/cuda-1[2-9]*/lib64",
        "/opt/cuda/lib64"})
    addMatches(pattern, folders);
  // Python packages, where this code is in an environment that has them too:
  // ENV/bin/dlc, or ENV/lib/python3.X/site-packages/<package>/<library>.
  Dl_info self = {};
  if (!dladdr(reinterpret_cast<void *>(&libraryFolders), &self) ||
      !self.dli_fname)
    return folders;
  std::error_code error;
  std::filesystem::path place =
      std::filesystem::canonical(self.dli_fname, error);
  for (int level = 0; level < 3 && place.has_relative_path(); ++level) {
    place = place.parent_path();
    for (const char *pattern :
         {"/nvidia/*/lib", "/lib/python3*/site-packages/nvidia/*/lib"})
      addMatches(place.string() + pattern, folders);
  }
  return folders;
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
