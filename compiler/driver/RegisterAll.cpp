//===- RegisterAll.cpp - every dialect and pass, in one place -------------===//
#include "compiler/driver/RegisterAll.h"

#include "compiler/pipeline/Phases.h"
#include "dialects/dlc/IR/Dlc.h"
#include "dialects/exec/IR/Exec.h"
#include "passes/attention/Passes.h"
#include "passes/autodiff/Passes.h"
#include "passes/decompose/Passes.h"
#include "passes/fuse/Passes.h"
#include "passes/kernels/Passes.h"
#include "passes/memory/Passes.h"
#include "passes/nonfinite/Passes.h"
#include "passes/schedule/Passes.h"
#include "passes/precision/Passes.h"
#include "passes/recompute/Passes.h"
#include "passes/simplify/Passes.h"
#include "passes/training/Passes.h"
#include "passes/verify/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/Passes.h"

void dlc::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<DlcDialect, exec::ExecDialect, mlir::func::FuncDialect>();
}

void dlc::registerAllPasses() {
  mlir::registerTransformsPasses();
  registerDlcAttentionPasses();
  registerDlcAutodiffPasses();
  registerDlcDecomposePasses();
  registerDlcNonfinitePasses();
  registerDlcPrecisionPasses();
  registerDlcRecomputePasses();
  registerDlcSimplifyPasses();
  registerDlcTrainingPasses();
  registerDlcVerifyPasses();
  registerPhases();
  registerDlcFusePasses();
  registerDlcKernelsPasses();
  registerDlcMemoryPasses();
  registerDlcSchedulePasses();
}
