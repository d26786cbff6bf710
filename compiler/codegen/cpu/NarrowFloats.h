//===- NarrowFloats.h - bf16 in code for CPUs -------------------*- C++ -*-===//
#ifndef DLC_COMPILER_CODEGEN_CPU_NARROWFLOATS_H
#define DLC_COMPILER_CODEGEN_CPU_NARROWFLOATS_H

namespace llvm {
class Module;
} // namespace llvm

namespace dlc::cpu {

/// Rewrites a module without the type bf16: its values become 16-bit integers,
/// and what is computed with them f32. Rounding to bf16 is written out in
/// integer arithmetic, with the bits of AVX512-BF16's instruction: to nearest
/// even, small numbers to zero, NaN quiet. LLVM would call a function of a C
/// library for it, which nothing links.
void expandBf16(llvm::Module &module);

/// Only loads and stores take 16-bit integers, for CPUs that have the type:
/// LLVM's x86 backend knows no store of a single bf16, which it makes of a
/// vector's store whose mask leaves one element.
void moveBf16AsWords(llvm::Module &module);

} // namespace dlc::cpu

#endif
