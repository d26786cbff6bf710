//===- LibraryRecords.h - library calls in the artifact's words -*- C++ -*-===//
#ifndef DLC_COMPILER_PIPELINE_LIBRARYRECORDS_H
#define DLC_COMPILER_PIPELINE_LIBRARYRECORDS_H

#include "dialects/exec/IR/Exec.h"
#include "runtime/artifact/artifact_generated.h"

namespace dlc {

/// The artifact's name for an element type.
fb::DType dtypeOf(mlir::Type elementType);

/// All that the op says but for which buffers it touches.
fb::GemmT recordOf(exec::GemmOp gemm);
fb::ConvT recordOf(exec::ConvOp conv);
fb::AttentionT recordOf(exec::AttentionOp attention);

/// Bytes that each worker of a session takes for the library calls of
/// `program`, beside the arena. After memory is planned, because a result that
/// is written over its residual may need less. A call that the library has no
/// form for counts as 0: `dlc-size-workspaces` has refused it.
uint64_t scratchBytesOf(exec::ProgramOp program);

} // namespace dlc

#endif
