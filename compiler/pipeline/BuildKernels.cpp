//===- BuildKernels.cpp - the kernels phase -------------------------------===//
//
// Primitive ops become kernels, one fusion region each, and library calls.
//
//===----------------------------------------------------------------------===//
#include "compiler/pipeline/Phases.h"

#include "compiler/pipeline/Passes.h"
#include "passes/attention/Passes.h"
#include "passes/decompose/Passes.h"
#include "passes/fuse/Passes.h"
#include "passes/precision/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

void dlc::buildKernelsPipeline(OpPassManager &pm,
                               const KernelsOptions &options) {
  bool isGpu = options.target == "cuda";
  DecomposePassOptions decompose;
  decompose.generatedAttention = true;
  if (isGpu) {
    // What no kernel can be generated for is spelled out.
    pm.addNestedPass<func::FuncOp>(createDecomposePass(decompose));
    if (options.tf32) {
      // After attention is spelled out, whose products round, too.
      AllowTf32PassOptions allow;
      allow.keep.assign(options.keepF32.begin(), options.keepF32.end());
      pm.addNestedPass<func::FuncOp>(createAllowTf32Pass(allow));
    }
    // Before kernels are formed, because they take the terms into the first
    // stage, and pads into what computes the input.
    GenerateContractionsPassOptions generate;
    generate.products = llvm::is_contained(options.without, "cublas");
    generate.convolutions = llvm::is_contained(options.without, "cudnn");
    if (generate.products || generate.convolutions)
      pm.addNestedPass<func::FuncOp>(createGenerateContractionsPass(generate));
    if (!generate.convolutions)
      pm.addNestedPass<func::FuncOp>(createPadConvolutionsPass());
    pm.addNestedPass<func::FuncOp>(createSplitReductionsPass());
  }
  FormKernelsPassOptions form;
  form.merge = options.fuse;
  form.target = options.target;
  // Before kernels are formed, because transposes that calls write are in none.
  pm.addNestedPass<func::FuncOp>(createPlaceAttentionPass());
  // Before kernels are formed, because what a library call does is in none.
  FoldEpiloguesPassOptions fold;
  fold.target = options.target;
  if (options.fuse)
    pm.addNestedPass<func::FuncOp>(createFoldEpiloguesPass(fold));
  if (options.fuse && options.target == "cuda")
    pm.addNestedPass<func::FuncOp>(createFoldBiasGradientsPass());
  pm.addNestedPass<func::FuncOp>(createFormKernelsPass(form));
  // After kernels are formed, because values in memory are known then.
  if (isGpu && options.attention == "cudnn" &&
      !llvm::is_contained(options.without, "cudnn"))
    pm.addNestedPass<func::FuncOp>(createCallAttentionPass());
  if (isGpu)
    pm.addNestedPass<func::FuncOp>(createAttentionKernelsPass());
  if (!options.fuse)
    return;
  // After kernels are formed, because it merges whole kernels.
  ListKernelsPassOptions list;
  list.arguments = options.target == "cuda";
  pm.addNestedPass<func::FuncOp>(createListKernelsPass(list));
  // After lists, which want the kernels of single tensors.
  if (options.target == "cuda")
    pm.addNestedPass<func::FuncOp>(createJoinKernelsPass());
}
