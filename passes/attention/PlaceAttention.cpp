//===- PlaceAttention.cpp - attention's output, where it is read ----------===//
//
//   %o = dlc.attention …                 %o = dlc.attention …
//   %t = dlc.transpose %o                %t = dlc.transpose %o
//   …                             ->     …
//   dlc.attention_grad … %o              %r = dlc.transpose %t (back)
//                                        dlc.attention_grad … %r
//
// %t is then all that reads %o, so the call writes %t, and the gradient reads
// %t through strides: no transpose is computed. The same for the gradients of
// queries, keys and values, beside whose transposes their sums are read, as the
// gradients of biases.
//
//===----------------------------------------------------------------------===//
#include "passes/attention/Passes.h"

#include "dialects/dlc/IR/Builders.h"

namespace dlc {
#define GEN_PASS_DEF_PLACEATTENTIONPASS
#include "passes/attention/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

/// What reads a result: transposes that are all alike; gradients; sums of it, or
/// of it made wider.
struct Readers {
  SmallVector<TransposeOp> transposes;
  SmallVector<AttentionGradOp> gradients;
  SmallVector<ReduceSumOp> sums;
};

/// The sums that read `user`'s result, or are `user`; none if something else
/// does.
SmallVector<ReduceSumOp> sumsBehind(Operation *user) {
  if (auto sum = dyn_cast<ReduceSumOp>(user))
    return {sum};
  SmallVector<ReduceSumOp> sums;
  if (isa<CastOp>(user))
    for (Operation *reader : user->getUsers()) {
      auto sum = dyn_cast<ReduceSumOp>(reader);
      if (!sum)
        return {};
      sums.push_back(sum);
    }
  return sums;
}

/// The dims of a transposed value to sum over instead of `dims` of the value;
/// none if those that stay would stand in another order.
std::optional<SmallVector<int64_t>> turned(ArrayRef<int64_t> dims,
                                           ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> summed, kept;
  for (auto [place, dim] : llvm::enumerate(permutation))
    if (llvm::is_contained(dims, dim))
      summed.push_back(place);
    else
      kept.push_back(dim);
  if (!llvm::is_sorted(kept))
    return std::nullopt;
  return summed;
}

/// None if something else reads it, or nothing reads it transposed.
std::optional<Readers> readersOf(Value output) {
  Readers readers;
  for (Operation *user : output.getUsers()) {
    auto gradient = dyn_cast<AttentionGradOp>(user);
    if (gradient && gradient.getOutput() == output &&
        llvm::count(user->getOperands(), output) == 1) {
      readers.gradients.push_back(gradient);
      continue;
    }
    if (SmallVector<ReduceSumOp> sums = sumsBehind(user); !sums.empty()) {
      llvm::append_range(readers.sums, sums);
      continue;
    }
    auto transpose = dyn_cast<TransposeOp>(user);
    if (!transpose ||
        (!readers.transposes.empty() &&
         transpose.getPermutation() !=
             readers.transposes.front().getPermutation()))
      return std::nullopt;
    readers.transposes.push_back(transpose);
  }
  if (readers.transposes.empty() ||
      llvm::any_of(readers.sums, [&](ReduceSumOp sum) {
        return !turned(sum.getDims(),
                       readers.transposes.front().getPermutation());
      }))
    return std::nullopt;
  return readers;
}

struct PlaceAttention : dlc::impl::PlaceAttentionPassBase<PlaceAttention> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    for (Operation &op : getOperation().getOps())
      if (isa<AttentionOp, AttentionGradOp>(op))
        ops.push_back(&op);
    for (Operation *op : ops)
      for (OpResult result : op->getResults())
        if (std::optional<Readers> readers = readersOf(result))
          place(op, *readers);
  }

  void place(Operation *op, const Readers &readers) {
    OpBuilder b(op->getContext());
    TransposeOp kept = readers.transposes.front();
    kept->moveAfter(op);
    for (TransposeOp copy : llvm::drop_begin(readers.transposes)) {
      copy.replaceAllUsesWith(kept.getResult());
      copy.erase();
    }
    for (AttentionGradOp gradient : readers.gradients) {
      b.setInsertionPoint(gradient);
      gradient.getOutputMutable().assign(
          transposeBy(b, gradient.getLoc(), kept.getResult(),
                      inversePermutation(kept.getPermutation())));
    }
    for (ReduceSumOp sum : readers.sums) {
      b.setInsertionPoint(sum);
      Value source = castTo(b, sum.getLoc(), kept.getResult(),
                            elementTypeOf(sum.getOperand()));
      auto fresh = ReduceSumOp::create(
          b, sum.getLoc(), source,
          *turned(sum.getDims(), kept.getPermutation()));
      Operation *widening = sum.getOperand().getDefiningOp();
      sum.replaceAllUsesWith(fresh.getResult());
      sum.erase();
      if (widening != op && widening->use_empty())
        widening->erase();
    }
  }
};

} // namespace
