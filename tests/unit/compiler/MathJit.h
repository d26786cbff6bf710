//===- MathJit.h - Compiles emitted math for the tests ---------*- C++ -*-===//
//
// Wraps an emitted function in a loop over arrays, runs it on this machine's
// CPU or prints the assembly for another one.
//
//===----------------------------------------------------------------------===//

#ifndef DLC_TESTS_UNIT_COMPILER_MATHJIT_H
#define DLC_TESTS_UNIT_COMPILER_MATHJIT_H

#include "mlir/IR/Builders.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace dlc::test {

/// Builds the results of one element, or of `lanes` at once, from as many
/// operands.
using MathBody = std::function<std::vector<mlir::Value>(
    mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;

struct MathKernel {
  std::string element; ///< "f32", "f64" or "i32"
  int lanes;           ///< 1: scalars
  int operands;
  std::string resultElement; ///< empty: as `element`
  MathBody body;
};

/// Machine code for this CPU: result arrays from operand arrays.
class CompiledMath {
public:
  explicit CompiledMath(const MathKernel &kernel);
  ~CompiledMath();

  /// Arrays of `count` elements each; count is a multiple of the lanes.
  /// Thread-safe.
  void run(const std::vector<const void *> &operands,
           const std::vector<void *> &results, int64_t count) const;

private:
  std::unique_ptr<llvm::orc::LLJIT> jit;
  void (*entry)(const void *const *, void *const *, int64_t);
};

/// Assembly of one evaluation (no loop) for a triple and CPU.
std::string assemblyOf(const MathKernel &kernel, const std::string &triple,
                       const std::string &cpu);

} // namespace dlc::test

#endif // DLC_TESTS_UNIT_COMPILER_MATHJIT_H
