//===- Compiler.h - from a model file to an artifact ------------*- C++ -*-===//
//
// Runs all phases: import, graph, kernels, exec, artifact. No state is shared
// between calls, so several may run in parallel.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_DRIVER_COMPILER_H
#define DLC_COMPILER_DRIVER_COMPILER_H

#include "compiler/pipeline/ChooseRecompute.h"
#include "frontends/onnx/OnnxImporter.h"
#include "runtime/artifact/Writer.h"

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace dlc {

struct CompiledModel;

struct CompileOptions {
  /// The `.onnx` file.
  std::string model;
  /// forward, infer, step, grad, eval.
  std::vector<std::string> entries = {"forward", "infer", "step", "eval"};
  /// KIND[:output=NAME,axis=N,chunks=N]; "none": the model's output is the loss.
  std::string loss = "cross-entropy";
  /// KIND[:NAME=NUMBER,…], e.g. "adamw:weight-decay=0.1".
  std::string optimizer = "adamw";
  /// 0: gradients are not clipped.
  double clipNorm = 0;
  int64_t accumulate = 1;
  /// Shapes of targets, where data tell them ("target" or "target/<output>").
  std::map<std::string, std::vector<int64_t>> targetShapes;
  /// Dims, batch, freezing, ties, BatchNormalization, f64.
  ImportOptions import;
  /// "f32"; "bf16" or "f16": contractions compute in it; "tf32": on GPUs they
  /// may round f32 operands; "f64" goes with `import.f64`.
  std::string precision = "f32";
  /// none, cheap, auto or full[:segments=N]; see compiler/pipeline/
  /// ChooseRecompute.h.
  std::string recompute = "none";
  /// For `auto`: bytes of the arena that the program is to fit in; 0: no limit.
  uint64_t memoryLimit = 0;
  /// What lies in the host arena while it is not needed: none, activations,
  /// optimizer or all. Activations go until `memoryLimit` holds; without one, as
  /// many as make the arena smaller.
  std::string offload = "none";
  /// none or dynamic[:init=N,interval=N]; empty: dynamic for f16, else none.
  std::string lossScale;
  /// Globs of node names that bf16, f16 and tf32 leave in f32.
  std::vector<std::string> keepF32;
  /// Several ops per kernel. Without it every op is a kernel of its own: to see
  /// what fusion saves.
  bool fuse = true;
  /// Attention as one library call each, without its scores in memory.
  bool attention = false;
  /// Libraries that programs for GPUs do without: "cublas", "cudnn".
  std::vector<std::string> without;
  /// What computes attention on GPUs: "generated" kernels, or "cudnn" where it
  /// can.
  std::string attentionBy = "generated";
  /// Kernels and library calls check that what they compute is finite, and the
  /// artifact says what each is made of.
  bool traceNonfinite = false;
  /// FUNCTION:OP:VALUE, a fault in a traced program; empty: none. For tests.
  std::string injectNonfinite;
  /// As parseTargets (compiler/driver/Targets.h) takes it.
  std::string target = "cpu";
  /// LLVM's name of a CPU; empty: this machine's.
  std::string cpu;
  /// A folder for the IR after each phase, as numbered files; empty: none.
  std::string dumpPhases;
  /// Called as each phase begins, with its name.
  std::function<void(const std::string &)> onPhase;
  /// Called once every program has its order and its memory, before code is
  /// generated: `artifact` has the states, kernels and programs, `constants`
  /// the numbers they read. False ends compiling there, without an error.
  std::function<bool(const CompiledModel &)> onPlan;
};

/// Seconds that each phase took, in order.
using PhaseTimes = std::vector<std::pair<std::string, double>>;

/// What a pass reported as an optimization remark (mlir/IR/Remarks.h): its
/// category is the topic, its name the reason code.
struct PassDecision {
  std::string topic;
  bool isPassed = false;
  /// The function, which has the entry's name.
  std::string entry;
  std::string reason, message;
  /// ONNX nodes of the op.
  std::vector<std::string> nodes;
};

/// Code of one plan, as a section of the artifact says it (artifact.fbs).
struct CodeImage {
  std::string arch, bytes;
  /// 0: the outer plan's.
  unsigned variant = 0;
};

/// An artifact in memory.
struct CompiledModel {
  /// Keeps the types of `imported` alive, so it comes first; may be null.
  std::shared_ptr<mlir::MLIRContext> context;
  fb::ArtifactT artifact;
  std::vector<CodeImage> code;
  std::vector<std::byte> constants;
  /// The section of weights in pieces: views of `imported.weights` and the
  /// bytes between them.
  std::vector<std::span<const std::byte>> weights;
  std::string sourceModel;
  /// What the importer found: inputs, outputs, parameters, remarks.
  ImportedModel imported;
  /// By entry, in the order that each pass made them.
  std::vector<PassDecision> decisions;
  /// What the training programs compute again, as dlc-recompute's mode.
  std::string recompute = "none";
  /// The ways to recompute that were planned to choose it.
  std::vector<RecomputePlan> recomputePlans;
  PhaseTimes times;
  /// The sections of the `.dlc` file, views of this.
  std::vector<rt::SectionPayload> sections() const;
  /// The bytes of that file.
  std::vector<std::byte> toBytes();
};

/// What a context needs to generate code, beside registerAllDialects().
void registerCodegenDialects(mlir::DialectRegistry &registry);

/// Compiles the model. On failure every error is in `diagnostics`.
std::unique_ptr<CompiledModel> compile(const CompileOptions &options,
                                       Diagnostics &diagnostics);
/// The same for a model that is loaded already, so that a caller who needs
/// several shapes reads the file once. The result refers to `context`.
std::unique_ptr<CompiledModel> compile(const OnnxModel &model,
                                       mlir::MLIRContext &context,
                                       const CompileOptions &options,
                                       Diagnostics &diagnostics);

} // namespace dlc

#endif
