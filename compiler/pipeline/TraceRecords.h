//===- TraceRecords.h - what tracing knows of an instruction ----*- C++ -*-===//
#ifndef DLC_COMPILER_PIPELINE_TRACERECORDS_H
#define DLC_COMPILER_PIPELINE_TRACERECORDS_H

#include "dialects/exec/IR/Exec.h"
#include "runtime/artifact/artifact_generated.h"

#include <memory>

namespace dlc {

/// The check of an instruction of a traced program; `at` numbers places.
std::unique_ptr<fb::CheckT>
checkOf(exec::Instruction instruction,
        llvm::function_ref<unsigned(mlir::Value)> at);

} // namespace dlc

#endif
