//===- CompileFlags.h - the options of compiling ----------------*- C++ -*-===//
//
// `dlc compile`'s options, which every command that may compile takes as well.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_DLC_COMPILEFLAGS_H
#define DLC_TOOLS_DLC_COMPILEFLAGS_H

#include "tools/dlc/Command.h"
#include "tools/model/Model.h"

#include <optional>

namespace dlc::tools {

class CompileFlags {
public:
  /// Adds the options. Commands that choose the entries leave `--entries` out.
  void add(CLI::App &command, bool withEntries);

  /// Options that this release does not serve are errors: DLC3001, DLC4101 to
  /// DLC4105. Called first, before anything is read.
  void checkSupported() const;
  /// Whether any was given.
  bool isGiven() const;
  bool hasTarget() const { return target.has_value(); }
  /// Writes those that were given over `options`.
  void apply(ModelOptions &options) const;

  std::optional<int64_t> batch;
  std::vector<std::string> dims;

private:
  void addTraining(CLI::App &command);
  void addUnserved(CLI::App &command);
  std::map<std::string, int64_t> parsedDims() const;
  std::optional<uint64_t> parsedLimit() const;

  std::optional<std::string> target, cpu, loss, optimizer, precision, lossScale, entries,
      batchNorm, dumpPhases;
  std::optional<double> weightDecay, clipNorm;
  std::optional<int64_t> accumulate;
  std::vector<std::string> freeze, trainOnly, keepF32;
  bool noRetie = false;
  bool noFusion = false;
  bool fuseAttention = false, noFuseAttention = false;
  std::optional<std::string> attention;
  std::vector<std::string> without;
  bool traceNonfinite = false;
  std::optional<std::string> memoryLimit, recompute, offload, injectNonfinite, mesh, pipeline, from, to;
};

/// What a command binds dims by: sizes by name, e.g. from data.
struct DimBinding {
  /// Leading dims without a size, if `--batch` and data say nothing.
  static constexpr int64_t kDefaultBatch = 64;

  /// Sets `options.batch` to `batch`, or to kDefaultBatch if that is none and
  /// an input's leading dim has no size. DLC5132 where the model has another
  /// fixed batch.
  static void bindBatch(Model &model, std::optional<int64_t> batch,
                        ModelOptions &options);
  /// Sizes of named dims from arrays fed to inputs; DLC5122 where an array
  /// does not fit an input. Leading dims are skipped if `skipsLeading`.
  static void bindFromArrays(Model &model, const rt::TensorMap &arrays,
                             bool skipsLeading, ModelOptions &options);
  /// The leading size of the inputs, if the model file fixes it.
  static std::optional<int64_t> fixedBatch(Model &model);
};

/// An artifact as it is, unless options ask for another; else compiles.
Built openOrCompile(const std::string &path, const CompileFlags &flags);

} // namespace dlc::tools

#endif
