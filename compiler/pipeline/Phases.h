//===- Phases.h - the compiler's phases as pass pipelines -------*- C++ -*-===//
//
// input -> graph -> kernels -> exec -> artifact. Each phase is one function
// that fills a pass manager on a module, registered as `dlc-<phase>-pipeline`.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_PIPELINE_PHASES_H
#define DLC_COMPILER_PIPELINE_PHASES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace dlc {

/// What the graph phase builds. The strings read as on the command line of
/// `dlc compile` (passes/training/TrainingOptions.h).
struct GraphOptions : mlir::PassPipelineOptions<GraphOptions> {
  ListOption<std::string> entries{
      *this, "entries",
      llvm::cl::desc("functions to build or keep: forward, infer, step, "
                     "accumulate, grad, eval (default: step)")};
  Option<std::string> loss{*this, "loss",
                           llvm::cl::desc("KIND[:output=NAME,axis=N,chunks=N]"),
                           llvm::cl::init("mse")};
  Option<std::string> optimizer{*this, "optimizer",
                                llvm::cl::desc("KIND[:NAME=NUMBER,...]"),
                                llvm::cl::init("sgd")};
  Option<double> clipNorm{*this, "clip-norm",
                          llvm::cl::desc("joint 2-norm limit; 0: none"),
                          llvm::cl::init(0)};
  Option<int64_t> accumulate{*this, "accumulate",
                             llvm::cl::desc("calls per update"),
                             llvm::cl::init(1)};
  ListOption<std::string> targetShapes{
      *this, "target-shapes",
      llvm::cl::desc("shapes of targets where known, NAME=4x8")};
  Option<std::string> gradFrom{*this, "grad-from",
                               llvm::cl::desc("the model function of 'grad'"),
                               llvm::cl::init("train")};
  Option<std::string> evalFrom{*this, "eval-from",
                               llvm::cl::desc("the model function of 'eval'"),
                               llvm::cl::init("infer")};
  Option<std::string> precision{
      *this, "precision",
      llvm::cl::desc("f32, bf16 or f16: what contractions compute in"),
      llvm::cl::init("f32")};
  Option<std::string> lossScale{
      *this, "loss-scale", llvm::cl::desc("none or dynamic[:init=N,interval=N]"),
      llvm::cl::init("none")};
  Option<std::string> recompute{
      *this, "recompute", llvm::cl::desc("none, cheap or full[:segments=N]"),
      llvm::cl::init("none")};
  Option<bool> attention{
      *this, "attention",
      llvm::cl::desc("attention as one call each, without scores in memory"),
      llvm::cl::init(false)};
  ListOption<std::string> keepF32{
      *this, "keep-f32", llvm::cl::desc("globs of nodes that stay f32")};
  Option<bool> traceNonfinite{
      *this, "trace-nonfinite",
      llvm::cl::desc("number ops, and let kernels check what they compute"),
      llvm::cl::init(false)};
  Option<std::string> inject{
      *this, "inject-nonfinite",
      llvm::cl::desc("FUNCTION:OP:VALUE, a fault for tests of it"),
      llvm::cl::init("")};
};

/// From the importer's functions to entry points in primitive ops.
void buildGraphPipeline(mlir::OpPassManager &pm, const GraphOptions &options);

/// From primitive ops to kernels and library calls.
struct KernelsOptions : mlir::PassPipelineOptions<KernelsOptions> {
  Option<bool> fuse{*this, "fuse",
                    llvm::cl::desc("several ops per kernel; without it every "
                                   "op is a kernel of its own"),
                    llvm::cl::init(true)};
  Option<std::string> target{*this, "target",
                             llvm::cl::desc("kind of target: cpu or cuda"),
                             llvm::cl::init("cpu")};
  ListOption<std::string> without{
      *this, "without",
      llvm::cl::desc("libraries that programs for cuda do without: cublas, "
                     "cudnn")};
  Option<std::string> attention{
      *this, "attention",
      llvm::cl::desc("what computes attention in programs for cuda: generated "
                     "kernels, or cudnn where it can"),
      llvm::cl::init("generated")};
  Option<bool> tf32{*this, "tf32",
                    llvm::cl::desc("contractions of f32 for cuda may round "
                                   "their operands to TF32"),
                    llvm::cl::init(false)};
  ListOption<std::string> keepF32{
      *this, "keep-f32",
      llvm::cl::desc("globs of nodes that do not round to TF32")};
};
void buildKernelsPipeline(mlir::OpPassManager &pm,
                          const KernelsOptions &options);

/// From functions of kernels to plans with memory (dialects/exec).
struct ExecOptions : mlir::PassPipelineOptions<ExecOptions> {
  Option<std::string> offload{
      *this, "offload",
      llvm::cl::desc("what lies in the host arena while it is not needed: "
                     "none, activations, optimizer or all"),
      llvm::cl::init("none")};
  Option<uint64_t> offloadLimit{
      *this, "offload-limit",
      llvm::cl::desc("bytes of the arena that offloaded activations are to "
                     "bring it down to; 0: as few as possible"),
      llvm::cl::init(0)};
  Option<std::string> target{*this, "target",
                             llvm::cl::desc("kind of target: cpu or cuda"),
                             llvm::cl::init("cpu")};
};
void buildExecPipeline(mlir::OpPassManager &pm, const ExecOptions &options);

/// Registers every phase as a pipeline. Call once per process.
void registerPhases();

} // namespace dlc

#endif
