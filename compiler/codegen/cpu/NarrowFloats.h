//===- NarrowFloats.h - bf16 in code for CPUs -------------------*- C++ -*-===//
#ifndef DLC_COMPILER_CODEGEN_CPU_NARROWFLOATS_H
#define DLC_COMPILER_CODEGEN_CPU_NARROWFLOATS_H

namespace llvm {
class Module;
} // namespace llvm

namespace dlc::cpu {

/// Rewrites a module without the type bf16: its values become 16-bit integers,
/// and what is computed with them f32. Rounding to bf16 is AVX512-BF16's
/// instruction where the CPU has it (`hasRounding`), else written out in
/// integer arithmetic with the same bits: to nearest even, small numbers to
/// zero, NaN quiet. LLVM would call a function of a C library for it, which
/// nothing links; and with the instructions it knows of the type no more than
/// they do: a store of one element, or an absolute value, aborts.
void expandBf16(llvm::Module &module, bool hasRounding);

} // namespace dlc::cpu

#endif
