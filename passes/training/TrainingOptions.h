//===- TrainingOptions.h - what to train with -------------------*- C++ -*-===//
//
// The loss and the optimizer as the user names them, parsed. `--loss
// cross-entropy:output=logits,axis=1` is one LossSpec; an optimizer's numbers
// that are not given have the defaults of PyTorch's optimizer of that name.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_TRAINING_TRAININGOPTIONS_H
#define DLC_PASSES_TRAINING_TRAININGOPTIONS_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/LogicalResult.h"

#include <map>
#include <optional>
#include <string>

namespace dlc {

/// Receives the text of an error, its id first ("DLC2001: …").
using ErrorSink = llvm::function_ref<void(const llvm::Twine &)>;

/// One term of the loss: a kind applied to one output of the model.
struct LossSpec {
  /// A name of the loss registry, or "none": the output is a loss already.
  std::string kind;
  /// The model output it reads; empty: the only (or first) float output.
  std::string output;
  /// The class axis of a cross-entropy; negative counts from the end.
  std::optional<int64_t> axis;
  /// Parts in which the logits and what follows from them are computed.
  int64_t chunks = 1;
};

/// An optimizer and its numbers, by option name ("weight-decay", "beta1", …).
struct OptimizerSpec {
  std::string kind = "sgd";
  std::map<std::string, double> numbers;

  /// The number given as `name`, or `fallback`.
  double number(llvm::StringRef name, double fallback) const {
    auto it = numbers.find(name.str());
    return it == numbers.end() ? fallback : it->second;
  }
};

/// Dynamic loss scaling; numbers are powers of two, so that it is exact.
struct LossScaleSpec {
  double init = 65536, growth = 2, backoff = 0.5;
  /// Good steps in a row after which the scale grows.
  int64_t interval = 2000;
};

struct TrainingOptions {
  /// The terms of the loss, which is their sum.
  llvm::SmallVector<LossSpec> losses;
  OptimizerSpec optimizer;
  /// Scales all gradients down so that their joint 2-norm is at most this.
  std::optional<double> clipNorm;
  /// How the loss is scaled; none: not at all.
  std::optional<LossScaleSpec> lossScale;
  /// Calls whose gradients are averaged before one update; 1: none are kept.
  int64_t accumulate = 1;
  /// Shapes of targets where they are known (from the data), by target name.
  /// They decide the class axis of a cross-entropy; without one it is the last.
  std::map<std::string, llvm::SmallVector<int64_t>> targetShapes;
};

/// Parses KIND[:output=NAME,axis=N,chunks=N]; several terms are joined by '+'.
/// Unknown keys and kinds are DLC2001 and DLC2002.
llvm::LogicalResult parseLosses(llvm::StringRef text,
                                llvm::SmallVectorImpl<LossSpec> &losses,
                                ErrorSink emitError);

/// Parses KIND[:NAME=NUMBER,…], e.g. "momentum:momentum=0.8,nesterov=1".
/// Unknown kinds and numbers are DLC2003 and DLC2004.
llvm::LogicalResult parseOptimizer(llvm::StringRef text, OptimizerSpec &spec,
                                   ErrorSink emitError);

/// Parses none or dynamic[:init=NUMBER,interval=N]; all else is DLC2014.
llvm::LogicalResult parseLossScale(llvm::StringRef text,
                                   std::optional<LossScaleSpec> &spec,
                                   ErrorSink emitError);

/// The optimizer exists and takes these numbers; else DLC2003 or DLC2004.
llvm::LogicalResult checkOptimizer(const OptimizerSpec &spec,
                                   ErrorSink emitError);

} // namespace dlc

#endif
