//===- Classify.h - which initializers train --------------------*- C++ -*-===//
//
// Decides for every initializer what it is: a parameter, a running statistic, a
// constant, or another name for a parameter. The rule, for users, is
// docs/training-from-onnx.md. It looks at what a file says about an
// initializer: how its value is used, its name, its values.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_FRONTENDS_ONNX_CLASSIFY_H
#define DLC_FRONTENDS_ONNX_CLASSIFY_H

#include "frontends/onnx/LoadedModel.h"
#include "frontends/onnx/Notes.h"
#include "frontends/onnx/OnnxImporter.h"

namespace dlc::frontend {

/// What the results of an operand's node make of the operand.
enum UseBits : unsigned {
  NoUse = 0,
  Differentiable = 1, ///< a gradient can reach it from a float output
  WeightLike = 2,     ///< it gets there through a weight-like operand
  Statistic = 4,      ///< it is a running statistic
};

/// A place of the file that reads an initializer: operand `operand` of node
/// `origin` of the file's graph, or -1 for all operands of a function's call.
struct InitializerUse {
  int origin;
  int operand;
  unsigned bits;
};

/// By initializer name.
using InitializerUses = llvm::StringMap<llvm::SmallVector<InitializerUse, 2>>;

InitializerUses findUses(const LoadedModel &model, const Graph &graph);

enum class Fate {
  Trained,  ///< `dlc.param`
  Frozen,   ///< `dlc.param` with `dlc.frozen`: the user said so
  State,    ///< `dlc.state`: a running statistic
  Constant, ///< `dlc.constant`
  Tied,     ///< another initializer's value
};

struct Classified {
  Fate fate = Fate::Constant;
  /// Why it does not train.
  std::string reason;
  /// For Tied: index of the initializer that stands for it, and whether this
  /// one is its transpose.
  size_t tiedTo = 0;
  bool isTransposed = false;
};

/// One entry per initializer. Adds remarks about what was tied, and errors for
/// patterns of `options` that match nothing.
std::vector<Classified> classify(const LoadedModel &model,
                                 const InitializerUses &uses,
                                 const ImportOptions &options,
                                 std::vector<std::string> &remarks,
                                 Diagnostics &diagnostics);

/// Whether an initializer used with `bits` trains, before options are looked
/// at; if not, fills `reason`. `note` is what the file says of it.
bool isParameter(const Weight &weight, unsigned bits, std::string &reason,
                 Note note = Note::None);
/// Whether all elements are equal bit for bit.
bool isConstantValued(const Weight &weight);

/// Gives every weight-like use of a constant-valued initializer that several
/// nodes share an initializer of its own: exporters store equal tensors once.
/// Changes `model`'s file and initializers.
void splitMergedInitializers(LoadedModel &model, const InitializerUses &uses,
                             std::vector<std::string> &remarks);

} // namespace dlc::frontend

#endif
