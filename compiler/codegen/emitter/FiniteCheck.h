//===- FiniteCheck.h - kernels that watch what they compute -----*- C++ -*-===//
//
// A traced kernel compares every float that it computes, fused values
// included, with what the op may give: finite numbers, and the infinities that
// are there by design (dialects/dlc/IR/Traced.h). It keeps one mask per width
// in memory of its own, which becomes a register, and writes a flag only where
// a comparison failed:
//
//   mask = 0
//   loops:  v = …;  mask |= !(|v| < inf)
//   if any bit of mask is set: *flag = 1
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_CODEGEN_EMITTER_FINITECHECK_H
#define DLC_COMPILER_CODEGEN_EMITTER_FINITECHECK_H

#include "compiler/codegen/emitter/Elements.h"

namespace dlc::emit {

class FiniteCheck {
public:
  explicit FiniteCheck(ElementBuilder &e) : e(e) {}

  /// Starts at the builder's place, which every check comes after and is
  /// dominated by.
  void begin();
  /// Checks `value`, which `op` computes. Lanes where `active` is not set are
  /// left out; null: all are there.
  void check(mlir::Operation *op, mlir::Value value, mlir::Value active);
  /// Writes the flag; `flag` gives its address where it is called.
  void end(llvm::function_ref<mlir::Value()> flag);

private:
  mlir::Value &maskFor(mlir::Type form);

  ElementBuilder &e;
  mlir::Operation *start = nullptr;
  /// Address of the mask of scalars (0) and of vectors by their length.
  llvm::DenseMap<int64_t, mlir::Value> masks;
};

/// `value` with the fault that is injected into `op` in its first element;
/// `isFirst` says where that is.
mlir::Value withFault(ElementBuilder &e, mlir::Operation *op, mlir::Value value,
                      mlir::Value isFirst);

} // namespace dlc::emit

#endif
