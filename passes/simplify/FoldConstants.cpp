//===- FoldConstants.cpp - ops on constants become constants --------------===//
//
// One walk in program order: when an op's operands are all constants it is
// evaluated by the reference evaluator and replaced, so that its users, which
// come later, find constants in turn:
//
//   %a = dlc.constant [1, 2]
//   %b = dlc.exp %a              ->   %c = dlc.constant [3.7, 8.4]
//   %c = dlc.add %b, %a
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/reference/Evaluate.h"
#include "passes/simplify/Passes.h"

#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "dlc-fold-constants"

namespace dlc {
#define GEN_PASS_DEF_FOLDCONSTANTSPASS
#include "passes/simplify/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

/// More element operations than this per result element are left to run time.
constexpr int64_t kMaxOperandBytes = 16 << 20;

int64_t bytesOf(Value value) {
  RankedTensorType type = tensorType(value);
  int64_t bits = type.getElementType().getIntOrFloatBitWidth();
  return type.getNumElements() * std::max<int64_t>(1, bits / 8);
}

/// All operands are constants whose bytes are at hand, and there is something
/// to compute.
bool isFoldable(Operation *op) {
  if (isa<ConstantOp, IotaOp, KernelOp>(op) || !isa<DlcOpInterface>(op) ||
      op->getNumOperands() == 0)
    return false;
  return llvm::all_of(op->getOperands(), [](Value operand) {
    return operand.getDefiningOp<ConstantOp>() &&
           bytesOf(operand) <= kMaxOperandBytes;
  });
}

FailureOr<SmallVector<reference::Tensor>> evaluateOp(Operation *op) {
  SmallVector<reference::Tensor> operands;
  for (Value operand : op->getOperands()) {
    auto tensor = reference::Tensor::fromAttribute(
        operand.getDefiningOp<ConstantOp>().getValue());
    if (failed(tensor))
      return failure();
    operands.push_back(std::move(*tensor));
  }
  auto pointers = llvm::map_to_vector(
      operands, [](const reference::Tensor &tensor) { return &tensor; });
  return reference::evaluate(op, pointers);
}

struct FoldConstants : dlc::impl::FoldConstantsPassBase<FoldConstants> {
  using FoldConstantsPassBase::FoldConstantsPassBase;

  void runOnOperation() override {
    OpBuilder builder(&getContext());
    for (Operation &op :
         llvm::make_early_inc_range(getOperation().getBody().getOps()))
      if (isFoldable(&op) && failed(foldOp(&op, builder)))
        return signalPassFailure();
    for (Operation &op : llvm::make_early_inc_range(
             llvm::reverse(getOperation().getBody().front())))
      if (isa<ConstantOp>(op) && op.use_empty())
        op.erase();
  }

private:
  /// An i1 or any other result that is stored, or is the same everywhere.
  bool isStored(const reference::Tensor &tensor, DenseElementsAttr value) {
    return value.isSplat() || int64_t(tensor.getBytes().size()) <= maxBytes;
  }

  LogicalResult foldOp(Operation *op, OpBuilder &builder) {
    bool mayBeLarge = llvm::any_of(op->getResults(), [&](Value result) {
      return bytesOf(result) > kMaxOperandBytes;
    });
    if (mayBeLarge)
      return success();
    FailureOr<SmallVector<reference::Tensor>> results = evaluateOp(op);
    if (failed(results))
      return failure();
    SmallVector<DenseElementsAttr> values;
    for (const reference::Tensor &tensor : *results) {
      values.push_back(tensor.toAttribute());
      if (!isStored(tensor, values.back())) {
        LDBG() << op->getName() << " has a result of "
               << tensor.getBytes().size() << " bytes; computed at run time";
        return success();
      }
    }
    builder.setInsertionPoint(op);
    for (auto [old, value] : llvm::zip_equal(op->getResults(), values))
      old.replaceAllUsesWith(
          ConstantOp::create(builder, op->getLoc(), value).getResult());
    op->erase();
    return success();
  }
};

} // namespace
