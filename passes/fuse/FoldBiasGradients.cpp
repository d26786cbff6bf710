//===- FoldBiasGradients.cpp - sums of gradients, beside products ---------===//
//
//   %w = dlc.dot_general %x, %g        %w, %b = dlc.kernel "gemm_bias_gradient"
//   %b = dlc.reduce_sum %g       ->        … (%x, %g) { both } {library}
//
// A library that multiplies a gradient sums it on the way, and saves a kernel
// that reads it again. It saves nothing where a kernel that must be there
// anyway has it at hand, as that of a layer norm's gradient has; so kernels
// are formed for trial, and only a sum that would be one of its own is taken.
//
//===----------------------------------------------------------------------===//
#include "passes/fuse/Passes.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Traced.h"
#include "passes/fuse/Fuser.h"
#include "passes/fuse/LibraryKernels.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace dlc {
#define GEN_PASS_DEF_FOLDBIASGRADIENTSPASS
#include "passes/fuse/Passes.h.inc"
} // namespace dlc

using namespace dlc;

namespace {

class BiasGradientFolder {
public:
  explicit BiasGradientFolder(Block &block) : block(block), trial(block) {
    fuse(trial, FusionCost(), /*mayMix=*/true);
  }
  unsigned run();

private:
  /// What becomes a kernel, and after which op; null: at the block's start.
  struct Fold {
    ReduceSumOp sum;
    Epilogue product;
    SmallVector<Operation *> ops;
    Operation *after;
  };
  std::optional<Fold> match(DotGeneralOp dot, ReduceSumOp sum);
  bool isAlone(const BiasGradient &gradient);

  Block &block;
  FusionGraph trial;
};

} // namespace

/// The sum's stages would be kernels that do nothing else, and nothing else
/// reads what is between them.
bool BiasGradientFolder::isAlone(const BiasGradient &gradient) {
  for (Operation *op : gradient.ops) {
    if (!isa<ReduceSumOp>(op))
      continue;
    bool isLast = op == gradient.ops.back();
    FusionGroup *writer = trial.writerOf(op->getResult(0));
    if (isLast ? !writer : !op->hasOneUse())
      return false;
    if (writer && llvm::any_of(writer->core, [&](unsigned id) {
          return !llvm::is_contained(gradient.ops, trial.op(id));
        }))
      return false;
  }
  return true;
}

std::optional<BiasGradientFolder::Fold>
BiasGradientFolder::match(DotGeneralOp dot, ReduceSumOp sum) {
  std::optional<BiasGradient> gradient = biasGradientOf(dot, sum.getResult());
  if (!gradient || !isAlone(*gradient))
    return std::nullopt;
  Fold fold = {sum, epiloguesOf(dot).front(), {}, nullptr};
  llvm::SmallSetVector<Operation *, 16> members(llvm::from_range,
                                                fold.product.ops);
  members.insert_range(gradient->ops);
  fold.ops = SmallVector<Operation *>(members.getArrayRef());
  for (Operation *op : fold.ops)
    for (Value operand : op->getOperands()) {
      Operation *definition = operand.getDefiningOp();
      if (definition && !members.contains(definition) &&
          (!fold.after || fold.after->isBeforeInBlock(definition)))
        fold.after = definition;
    }
  // Nothing may need the sum before the product can be had.
  bool isEarly = llvm::any_of(sum->getUsers(), [&](Operation *user) {
    return fold.after && !fold.after->isBeforeInBlock(user);
  });
  if (isEarly)
    return std::nullopt;
  return fold;
}

unsigned BiasGradientFolder::run() {
  SmallVector<ReduceSumOp> sums(block.getOps<ReduceSumOp>());
  // Decided for all before any is changed: the trial knows the ops as they are.
  SmallVector<Fold> folds;
  llvm::DenseSet<Operation *> taken;
  for (auto dot : block.getOps<DotGeneralOp>()) {
    if (!isLibraryCall(dot))
      continue;
    for (ReduceSumOp sum : sums) {
      if (taken.contains(sum))
        continue;
      if (std::optional<Fold> fold = match(dot, sum)) {
        taken.insert(sum);
        folds.push_back(std::move(*fold));
        break;
      }
    }
  }
  OpBuilder b(block.getParentOp()->getContext());
  for (Fold &fold : folds) {
    if (fold.after)
      b.setInsertionPointAfter(fold.after);
    else
      b.setInsertionPointToStart(&block);
    makeLibraryKernel(b, fold.ops, {fold.product.result, fold.sum.getResult()},
                      "gemm_bias_gradient");
  }
  return folds.size();
}

namespace {

struct FoldBiasGradients
    : dlc::impl::FoldBiasGradientsPassBase<FoldBiasGradients> {
  using Base::Base;

  void runOnOperation() override {
    if (getOperation()->hasAttr(names::traced))
      return;
    Block &block = getOperation().getBody().front();
    numFolded += BiasGradientFolder(block).run();
    // What the calls took over is dead now.
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (op.use_empty() && !op.hasTrait<OpTrait::IsTerminator>())
        op.erase();
  }
};

} // namespace
