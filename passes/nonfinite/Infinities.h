//===- Infinities.h - which infinities are there by design ------*- C++ -*-===//
//
// -inf is a number like others in an attention mask: it goes through sums and
// shifts until an exponential makes it 0. These rules follow infinite constants
// forward; each op answers which infinities its result can hold if its operands
// hold the given ones. What no rule covers holds both as soon as an operand
// holds any. NaN is never by design.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_NONFINITE_INFINITIES_H
#define DLC_PASSES_NONFINITE_INFINITIES_H

#include "dialects/dlc/IR/OpTable.h"
#include "dialects/dlc/IR/Traced.h"
#include "mlir/IR/Block.h"

namespace dlc {

/// The result's set; `operands` has one set per operand, not all of them empty.
using InfinityRule = unsigned (*)(mlir::Operation *op,
                                  llvm::ArrayRef<unsigned> operands);

const OpTable<InfinityRule> &infinityRules();

void addAttentionInfinities(OpTable<InfinityRule> &table);
void addElementwiseInfinities(OpTable<InfinityRule> &table);
void addReductionInfinities(OpTable<InfinityRule> &table);
void addShapeInfinities(OpTable<InfinityRule> &table);

/// {a set} with the signs swapped.
inline unsigned flipped(unsigned set) {
  return (set & MinusInfinity ? PlusInfinity : NoInfinity) |
         (set & PlusInfinity ? MinusInfinity : NoInfinity);
}

/// What all operands hold together: for ops that pick or move elements.
unsigned unionOfOperands(mlir::Operation *op,
                         llvm::ArrayRef<unsigned> operands);

/// The set of every float value of `block` that is not empty.
llvm::DenseMap<mlir::Value, unsigned> findInfinities(mlir::Block &block);

} // namespace dlc

#endif
