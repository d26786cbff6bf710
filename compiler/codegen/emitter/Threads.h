//===- Threads.h - the threads of a GPU's workgroup -------------*- C++ -*-===//
//
// Workgroups are blocks of threads in one dim. Numbers are i64 for index
// arithmetic; they come from 32-bit registers, and LLVM knows so.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_CODEGEN_EMITTER_THREADS_H
#define DLC_COMPILER_CODEGEN_EMITTER_THREADS_H

#include "compiler/codegen/emitter/Elements.h"

namespace dlc::emit {

/// Threads that run in step.
constexpr unsigned warpLanes = 32;

mlir::Value blockNumber(ElementBuilder &e);
/// Number of the thread in its block.
mlir::Value threadNumber(ElementBuilder &e);
/// `scalar` of the lane whose number differs in the bits `bits`. All threads
/// of the warp take part.
mlir::Value shuffleXor(ElementBuilder &e, mlir::Value scalar, unsigned bits);

} // namespace dlc::emit

#endif
