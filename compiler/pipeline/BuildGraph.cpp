//===- BuildGraph.cpp - the graph phase -----------------------------------===//
//
// The importer's model functions become entry points: simplified, with loss,
// gradients and optimizer, in primitive ops.
//
//===----------------------------------------------------------------------===//
#include "compiler/pipeline/Phases.h"

#include "passes/attention/Passes.h"
#include "passes/decompose/Passes.h"
#include "passes/nonfinite/Passes.h"
#include "passes/precision/Passes.h"
#include "passes/recompute/Passes.h"
#include "passes/simplify/Passes.h"
#include "passes/training/Passes.h"
#include "passes/verify/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

static void addSimplification(OpPassManager &pm) {
  // Constants before patterns, because patterns look for constants; and after
  // them, because computing before broadcasting leaves small constant ops.
  pm.addNestedPass<func::FuncOp>(dlc::createFoldConstantsPass());
  pm.addNestedPass<func::FuncOp>(dlc::createSimplifyPass());
  pm.addNestedPass<func::FuncOp>(dlc::createFoldConstantsPass());
}

/// `inject` is FUNCTION:OP:VALUE, or empty.
static void addTracing(OpPassManager &pm, StringRef inject) {
  // After all that makes or joins ops, because numbers are given to those that
  // are left.
  pm.addNestedPass<func::FuncOp>(dlc::createTraceNonfinitePass());
  if (inject.empty())
    return;
  auto [function, rest] = inject.split(':');
  auto [number, value] = rest.split(':');
  dlc::InjectNonfinitePassOptions fault;
  fault.function = function.str();
  fault.value = value.str();
  if (number.getAsInteger(10, fault.number))
    fault.number = -1;
  pm.addNestedPass<func::FuncOp>(dlc::createInjectNonfinitePass(fault));
}

void dlc::buildGraphPipeline(OpPassManager &pm, const GraphOptions &options) {
  // Before differentiation, because what vanishes here needs no gradient and
  // gradients take over the layout that is left.
  addSimplification(pm);
  if (options.attention) {
    // Before differentiation, because the gradient of one op is one op; after
    // simplification, because it finds views and constants in one form.
    pm.addNestedPass<func::FuncOp>(createFormAttentionPass());
    pm.addNestedPass<func::FuncOp>(createSimplifyPass());
  }
  BuildTrainingPassOptions training;
  training.entries.assign(options.entries.begin(), options.entries.end());
  training.loss = options.loss;
  training.optimizer = options.optimizer;
  training.clipNorm = options.clipNorm;
  training.lossScale = options.lossScale;
  training.accumulate = options.accumulate;
  training.targetShapes.assign(options.targetShapes.begin(),
                               options.targetShapes.end());
  training.gradFrom = options.gradFrom;
  training.evalFrom = options.evalFrom;
  pm.addPass(createBuildTrainingPass(training));
  // After differentiation, because the gradients of compound ops are shorter
  // than those of their parts; before the last simplification, because that
  // joins what forward and backward compute twice.
  DecomposePassOptions decompose;
  decompose.keepAttention = options.attention;
  pm.addNestedPass<func::FuncOp>(createDecomposePass(decompose));
  addSimplification(pm);
  pm.addNestedPass<func::FuncOp>(createSimplifyPass());
  if (options.precision == "bf16" || options.precision == "f16") {
    // Last, because what is stored narrow depends on which ops are left.
    MixedPrecisionPassOptions precision;
    precision.type = options.precision;
    precision.keep.assign(options.keepF32.begin(), options.keepF32.end());
    pm.addNestedPass<func::FuncOp>(createMixedPrecisionPass(precision));
    pm.addNestedPass<func::FuncOp>(createSimplifyPass());
    // After that, because what contractions read is stored narrow then; before
    // recomputation, which keeps or repeats the narrow values.
    NarrowSavedPassOptions saved;
    saved.type = options.precision;
    saved.keep.assign(options.keepF32.begin(), options.keepF32.end());
    pm.addNestedPass<func::FuncOp>(createNarrowSavedPass(saved));
  }
  // Before recomputation, which then keeps or repeats what the parts read.
  pm.addNestedPass<func::FuncOp>(createChunkLogitsPass());
  if (options.recompute != "none") {
    // After all that joins equal ops, because it would undo this.
    RecomputePassOptions recompute;
    recompute.mode = options.recompute;
    pm.addNestedPass<func::FuncOp>(createRecomputePass(recompute));
  }
  if (options.traceNonfinite)
    addTracing(pm, options.inject);
  pm.addPass(createVerifyGraphPass());
}
