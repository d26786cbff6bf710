// The machine code of an artifact, loaded without a file on disk: the code
// section, an ELF shared object, goes to an anonymous file in memory that the
// dynamic loader opens, and every kernel of the artifact is looked up once.
#ifndef DLC_RUNTIME_CPU_KERNELLIBRARY_H
#define DLC_RUNTIME_CPU_KERNELLIBRARY_H

#include "runtime/artifact/artifact_generated.h"
#include "runtime/core/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dlc::rt {

/// Runs groups [first, end) of a kernel. `buffers` in the kernel's argument
/// order; `dims` are the launch's dims.
using KernelFunction = void (*)(void *const *buffers, const int64_t *dims,
                                int64_t first, int64_t end);

/// Immutable once loaded; unloads the code when destroyed.
class KernelLibrary {
public:
  using KernelTable = flatbuffers::Vector<flatbuffers::Offset<fb::Kernel>>;

  /// `kernels` may be null (no kernels; then `code` may be empty). DLC6006
  /// when the loader refuses the code or a symbol is missing.
  static Result<std::shared_ptr<const KernelLibrary>>
  load(std::span<const std::byte> code, const KernelTable *kernels);

  KernelLibrary(const KernelLibrary &) = delete;
  KernelLibrary &operator=(const KernelLibrary &) = delete;
  ~KernelLibrary();

  /// `index` into the artifact's kernels.
  KernelFunction function(uint32_t index) const { return functions[index]; }
  /// Any symbol of the code; null when there is none.
  void *find(const std::string &symbol) const;

private:
  KernelLibrary() = default;
  void *handle = nullptr;
  int descriptor = -1;
  std::vector<KernelFunction> functions;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_KERNELLIBRARY_H
