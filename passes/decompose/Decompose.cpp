//===- Decompose.cpp - compound ops become primitive ones -----------------===//
//
// One walk over the function; each op that has a decomposition is replaced by
// it, results cast back to their types:
//
//   %y = dlc.softmax %x dim 1   ->   max, subtract, exp, sum, scale
//
//===----------------------------------------------------------------------===//
#include "passes/decompose/Decompositions.h"
#include "passes/decompose/Passes.h"

#include "dialects/dlc/IR/Attention.h"

namespace dlc {
#define GEN_PASS_DEF_DECOMPOSEPASS
#include "passes/decompose/Passes.h.inc"

const DecompositionTable &decompositions() {
  static const DecompositionTable table = [] {
    DecompositionTable table;
    addNormalizationDecompositions(table);
    addAttentionDecompositions(table);
    addLossDecompositions(table);
    return table;
  }();
  return table;
}
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

struct Decompose : dlc::impl::DecomposePassBase<Decompose> {
  using DecomposePassBase::DecomposePassBase;

  void runOnOperation() override {
    SmallVector<Operation *> compounds;
    getOperation().walk([&](Operation *op) {
      bool isKept =
          isLibraryAttention(op) &&
          (keepAttention || (generatedAttention && isGeneratedAttention(op)));
      if (decompositions().lookup(op) && !isKept)
        compounds.push_back(op);
    });
    for (Operation *op : compounds) {
      OpBuilder b(op);
      for (auto [old, fresh] : llvm::zip_equal(
               op->getResults(), (*decompositions().lookup(op))(b, op)))
        if (fresh)
          old.replaceAllUsesWith(
              castTo(b, op->getLoc(), fresh, elementTypeOf(old)));
      op->erase();
    }
  }
};

} // namespace
