//===- Simplify.cpp - the driver of the simplifying patterns --------------===//
//
// All pattern groups and the ops' own canonicalizations run together to a
// fixed point; then equal ops are joined, which can make two operands equal
// and so let more patterns match. Two or three rounds end it:
//
//   patterns -> CSE -> patterns -> CSE (no change)
//
//===----------------------------------------------------------------------===//
#include "passes/simplify/Passes.h"
#include "passes/simplify/Patterns.h"

#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace dlc {
#define GEN_PASS_DEF_SIMPLIFYPASS
#include "passes/simplify/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

/// Rounds of patterns and CSE; the fourth has never changed anything.
constexpr int kMaxRounds = 8;

struct Simplify : dlc::impl::SimplifyPassBase<Simplify> {
  using SimplifyPassBase::SimplifyPassBase;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    populateTransposePatterns(set);
    populateReshapePatterns(set);
    populateBroadcastPatterns(set);
    populateReductionPatterns(set);
    populateAlgebraPatterns(set);
    populateContractionPatterns(set);
    populateSlicePatterns(set);
    for (RegisteredOperationName name : context->getRegisteredOperations())
      if (name.getDialectNamespace() == DlcDialect::getDialectNamespace())
        name.getCanonicalizationPatterns(set, context);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    for (int round = 0; round < kMaxRounds; ++round) {
      bool hasChanged = false;
      if (failed(applyPatternsGreedily(getOperation(), patterns, config(),
                                       &hasChanged))) {
        getOperation().emitError("the simplifying patterns do not end");
        return signalPassFailure();
      }
      bool hasJoined = false;
      DominanceInfo dominance(getOperation());
      IRRewriter rewriter(&getContext());
      eliminateCommonSubExpressions(rewriter, dominance, getOperation(),
                                    &hasJoined);
      if (!hasJoined)
        return;
    }
  }

private:
  static GreedyRewriteConfig config() {
    GreedyRewriteConfig config;
    config.setUseTopDownTraversal(true);
    config.setMaxIterations(64);
    return config;
  }

  FrozenRewritePatternSet patterns;
};

} // namespace
