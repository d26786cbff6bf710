//===- ModelOptions.h - how a model is to be compiled -----------*- C++ -*-===//
//
// The options of `dlc compile` as plain data. They travel inside the artifact
// as "key=value" lines, so that it can be compiled again for another batch.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_MODEL_MODELOPTIONS_H
#define DLC_TOOLS_MODEL_MODELOPTIONS_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dlc::tools {

struct ModelOptions {
  std::vector<std::string> entries = {"forward", "infer", "step", "eval"};
  /// KIND[:output=NAME,axis=N,chunks=N], terms joined by '+'.
  std::string loss = "cross-entropy";
  /// KIND[:NAME=NUMBER,…]
  std::string optimizer = "adamw";
  /// 0: gradients are not clipped.
  double clipNorm = 0;
  int64_t accumulate = 1;
  std::vector<std::string> freeze, trainOnly;
  bool retie = true;
  bool fuse = true;
  /// Attention as one call each, without its scores in memory.
  bool attention = false;
  /// Libraries that programs for GPUs do without: "cublas", "cudnn".
  std::vector<std::string> without;
  /// What computes attention on GPUs: "generated" kernels, or "cudnn" where it
  /// can.
  std::string attentionBy = "generated";
  /// none, activations, optimizer or all.
  std::string offload = "none";
  bool batchNormTrains = true;
  /// Look for NaN and infinity in everything that is computed.
  bool traceNonfinite = false;
  /// f32, tf32 (contractions on GPUs), bf16, f16 (contractions; masters stay
  /// f32) or f64 (all of it).
  std::string precision = "f32";
  /// none, cheap, auto or full[:segments=N]; empty: auto with a memory limit,
  /// else none.
  std::string recompute;
  /// none or dynamic[:init=N,interval=N]; empty: dynamic for f16, else none.
  std::string lossScale;
  /// Globs of node names that bf16, f16 and tf32 leave in f32.
  std::vector<std::string> keepF32;
  /// Sizes of symbolic dims by name, and of every leading one not among them.
  std::map<std::string, int64_t> dims;
  std::optional<int64_t> batch;
  /// By target name.
  std::map<std::string, std::vector<int64_t>> targetShapes;
  /// Bytes that arena and constants may take together.
  std::optional<uint64_t> memoryLimit;
  /// LLVM's name of a CPU; empty: this machine's.
  std::string target = "cpu";
  std::string cpu;

  /// Not part of the artifact: where the IR of each phase goes, and a fault for
  /// tests of tracing (CompileOptions::injectNonfinite).
  std::string dumpPhases, injectNonfinite;

  bool has(std::string_view entry) const;
  /// Whether an entry reads targets.
  bool hasLoss() const;
  /// "adamw" of "adamw:beta1=0.8"
  std::string optimizerKind() const;
  /// Adds a number to the optimizer unless it has it.
  void setOptimizerNumber(const std::string &name, double value);

  std::vector<std::string> toLines() const;
  /// Unknown keys are skipped.
  static ModelOptions fromLines(const std::vector<std::string> &lines);
};

/// What `--optimizer KIND` trains with unless `--lr` is given.
double defaultLearningRate(std::string_view optimizerKind);

/// The kind and the output of each term of a loss.
struct LossTerm {
  std::string kind, output;
  /// The array that holds its target; empty: it takes none.
  std::string target;
  bool takesClasses() const { return kind == "cross-entropy"; }
};
/// The terms of `loss` with their targets' names, as the compiler names them.
/// `firstOutput` is what a term without an output reads.
std::vector<LossTerm> lossTerms(const std::string &loss,
                                const std::string &firstOutput);

/// "8x3" -> {8, 3}; "" -> {}
std::optional<std::vector<int64_t>> parseDims(std::string_view text);

} // namespace dlc::tools

#endif
