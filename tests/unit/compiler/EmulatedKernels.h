//===- EmulatedKernels.h - kernels in LLVM IR on the emulator ---*- C++ -*-===//
#ifndef DLC_TESTS_UNIT_COMPILER_EMULATEDKERNELS_H
#define DLC_TESTS_UNIT_COMPILER_EMULATEDKERNELS_H

#include "runtime/emulated/Engine.h"

#include <string>
#include <string_view>
#include <vector>

namespace dlc::test {

/// Compiles `body`, LLVM IR whose kernels are `ptx_kernel` functions, and loads
/// the code; declarations of the intrinsics that it names are added. Code stays
/// loaded. A failure is told by `error`.
class EmulatedKernels {
public:
  explicit EmulatedKernels(const std::string &body);

  const std::string &getError() const { return error; }
  /// The shared object, as an artifact holds it.
  const std::string &getCode() const { return code; }
  /// Runs kernel `name` on `buffers`.
  rt::Status run(std::string_view name, std::vector<rt::EmulatedBuffer> buffers,
                 uint32_t blocks, uint32_t threads, uint64_t seed = 0,
                 uint64_t patience = 1 << 20) const;

private:
  void *handle = nullptr;
  std::string code, error;
};

/// A buffer over a vector.
template <typename T> rt::EmulatedBuffer bufferOf(std::vector<T> &values) {
  return {reinterpret_cast<std::byte *>(values.data()),
          values.size() * sizeof(T)};
}

} // namespace dlc::test

#endif
