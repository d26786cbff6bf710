//===- Softmax.h - scores of attention to probabilities ---------*- C++ -*-===//
//
// What both halves do to scores between two products: scale, mask, and powers
// of two. e^(scale s - lse) is 2^(factor s - lse / ln 2), one fma and a power.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_CODEGEN_EMITTER_ATTENTION_SOFTMAX_H
#define DLC_COMPILER_CODEGEN_EMITTER_ATTENTION_SOFTMAX_H

#include "compiler/codegen/emitter/attention/Engine.h"

namespace dlc::emit {

/// i1 or numbers, broadcast by strides of 0.
struct AttentionMask {
  /// Of the first element of the head; null: there is no mask.
  mlir::Value base;
  mlir::Type element;
  int64_t rowStride, keyStride;
};

/// Where a block of scores lies: own rows x a tile's rows. Own rows are
/// queries, or keys for the gradients of keys and values.
struct ScoreBlock {
  mlir::Value ownFirst, tileFirst;
  bool isOwnKey = false;
};

class ScoreRules {
public:
  using Value = mlir::Value;
  ScoreRules(AttentionEngine &engine, mlir::Type type, int64_t rows,
             int64_t keys, double scale, bool isCausal, AttentionMask mask);

  /// Factor of what `finish` returns in the exponent of 2, and of e.
  double factorOfTwo, factor;

  /// Products become scores: masked, and in units of `factor`.
  Values finish(Values products, const ScoreBlock &block);
  /// 2^(factorOfTwo scores - shift): `shift(i)` for each.
  Values powers(mlir::ValueRange scores,
                llvm::function_ref<Value(unsigned)> shift);
  /// Minus infinity becomes 0, so that it can be subtracted.
  Value finite(Value x);

private:
  Values addMask(Values scores, const ScoreBlock &block);
  Values hide(Values scores, const ScoreBlock &block);
  struct Position {
    Value row, key;
  };
  Position positionOf(unsigned i, const ScoreBlock &block);
  Value silent() {
    return e.number(type, -std::numeric_limits<double>::infinity());
  }

  AttentionEngine &engine;
  AttentionBuilder &e;
  mlir::Type type;
  int64_t rows, keys;
  bool isCausal, isScaledFirst;
  double scale;
  AttentionMask mask;
};

} // namespace dlc::emit

#endif
