//===- AttentionKernels.cpp - attention as generated kernels --------------===//
//
//   %q = dlc.slice %h …                  %t = dlc.kernel "attention"
//   <attention, %o, %l = dlc.attention %q, …   ->      […]> (%h) { slices,
//   attention, %t = dlc.transpose %o …                transpose }
//
// The body holds the views that the op reads and writes through, so the
// kernel's inputs and outputs are the tensors that are in memory.
//
//===----------------------------------------------------------------------===//
#include "passes/fuse/Passes.h"

#include "dialects/dlc/IR/Attention.h"
#include "passes/fuse/AttentionViews.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace dlc {
#define GEN_PASS_DEF_ATTENTIONKERNELSPASS
#include "passes/fuse/Passes.h.inc"
} // namespace dlc

using namespace dlc;

namespace {

/// The ops between `value` and what `isEnd` holds for, operands first.
void collect(Value value, function_ref<bool(Value)> isEnd,
             SetVector<Operation *> &ops) {
  if (isEnd(value))
    return;
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    collect(operand, isEnd, ops);
  ops.insert(op);
}

template <typename OpTy> AttentionSizes sizesAs(Operation *op) {
  return sizesOf(cast<OpTy>(op));
}

ScheduleAttr scheduleOf(Operation *op) {
  AttentionSizes sizes = isa<AttentionOp>(op) ? sizesAs<AttentionOp>(op)
                                              : sizesAs<AttentionGradOp>(op);
  SmallVector<int64_t> domain = sizes.shape({sizes.rows, sizes.keys});
  return ScheduleAttr::get(op->getContext(), ScheduleKind::Attention, domain,
                           {int64_t(domain.size()) - 1});
}

void formKernel(Operation *op) {
  SetVector<Value> inputs, outputs;
  SetVector<Operation *> before, after;
  for (auto [operand, view] :
       llvm::zip_equal(op->getOperands(), attentionReads(op))) {
    Value base = view.base;
    inputs.insert(base);
    collect(
        operand, [&](Value at) { return at == base; }, before);
  }
  for (const View &view : attentionWrites(op)) {
    outputs.insert(view.base);
    collect(
        view.base, [&](Value at) { return at.getDefiningOp() == op; }, after);
  }
  OpBuilder b(op);
  auto kernel = KernelOp::create(
      b, op->getLoc(),
      llvm::map_to_vector(outputs, [](Value v) { return v.getType(); }),
      isa<AttentionOp>(op) ? "attention" : "attention_grad", scheduleOf(op),
      inputs.getArrayRef());
  Block *body = b.createBlock(&kernel.getBody());
  IRMapping mapping;
  for (Value input : inputs)
    mapping.map(input, body->addArgument(input.getType(), input.getLoc()));
  for (Operation *inner : before)
    b.clone(*inner, mapping);
  b.clone(*op, mapping);
  for (Operation *inner : after)
    b.clone(*inner, mapping);
  YieldOp::create(b, op->getLoc(), llvm::map_to_vector(outputs, [&](Value v) {
                    return mapping.lookup(v);
                  }));
  for (auto [i, old] : llvm::enumerate(outputs.takeVector()))
    Value(old).replaceAllUsesWith(kernel.getOutputs()[i]);
  for (Operation *inner : llvm::reverse(after))
    inner->erase();
  op->erase();
  for (Operation *inner : llvm::reverse(before))
    if (inner->use_empty())
      inner->erase();
}

struct AttentionKernels
    : dlc::impl::AttentionKernelsPassBase<AttentionKernels> {
  void runOnOperation() override {
    SmallVector<Operation *> found;
    for (Operation &op : getOperation().getBody().front())
      if (isLibraryAttention(&op) && isGeneratedAttention(&op) &&
          !op.hasAttr(names::call))
        found.push_back(&op);
    for (Operation *op : found)
      formKernel(op);
  }
};

} // namespace
