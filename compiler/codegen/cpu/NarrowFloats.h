//===- NarrowFloats.h - rounding to bf16 without its instructions -*- C++ -*-===//
#ifndef DLC_COMPILER_CODEGEN_CPU_NARROWFLOATS_H
#define DLC_COMPILER_CODEGEN_CPU_NARROWFLOATS_H

namespace llvm {
class Module;
} // namespace llvm

namespace dlc::cpu {

/// Writes out every rounding from f32 to bf16 in integer arithmetic, with the
/// bits of AVX512-BF16's instruction: to nearest even, small numbers to zero,
/// NaN quiet. LLVM would call a function of a C library that nothing links.
void expandBf16Rounding(llvm::Module &module);

} // namespace dlc::cpu

#endif
