//===- BuildKernels.cpp - the kernels phase -------------------------------===//
//
// Primitive ops become kernels, one fusion region each, and library calls.
//
//===----------------------------------------------------------------------===//
#include "compiler/pipeline/Phases.h"

#include "passes/fuse/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

void dlc::buildKernelsPipeline(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createFormKernelsPass());
  // After kernels are formed, because it merges whole kernels.
  pm.addNestedPass<func::FuncOp>(createListKernelsPass());
}
