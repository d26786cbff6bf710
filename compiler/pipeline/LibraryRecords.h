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

} // namespace dlc

#endif
