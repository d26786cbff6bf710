//===- PlaceAttention.cpp - attention's output, where it is read ----------===//
//
//   %o = dlc.attention …                 %o = dlc.attention …
//   %t = dlc.transpose %o                %t = dlc.transpose %o
//   …                             ->     …
//   dlc.attention_grad … %o              %r = dlc.transpose %t (back)
//                                        dlc.attention_grad … %r
//
// %t is then all that reads %o, so the call writes %t, and the gradient reads
// %t through strides: no transpose is computed.
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

/// What reads an output: transposes that are all alike, and gradients.
struct Readers {
  SmallVector<TransposeOp> transposes;
  SmallVector<AttentionGradOp> gradients;
};

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
    auto transpose = dyn_cast<TransposeOp>(user);
    if (!transpose ||
        (!readers.transposes.empty() &&
         transpose.getPermutation() !=
             readers.transposes.front().getPermutation()))
      return std::nullopt;
    readers.transposes.push_back(transpose);
  }
  if (readers.transposes.empty())
    return std::nullopt;
  return readers;
}

struct PlaceAttention : dlc::impl::PlaceAttentionPassBase<PlaceAttention> {
  void runOnOperation() override {
    for (auto op : llvm::to_vector(getOperation().getOps<AttentionOp>()))
      if (std::optional<Readers> readers = readersOf(op.getOutput()))
        place(op, *readers);
  }

  void place(AttentionOp op, const Readers &readers) {
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
  }
};

} // namespace
