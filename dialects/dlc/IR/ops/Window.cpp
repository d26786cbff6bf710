//===- Window.cpp - verifiers of the window family ------------------------===//
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/ops/Verify.h"

using namespace mlir;
using namespace dlc;

/// `windows` is what a window op over `operand` gives: right lengths, and the
/// last window starts inside the padded operand.
template <typename OpTy>
static LogicalResult verifyWindow(OpTy op, ArrayRef<int64_t> operand,
                                  ArrayRef<int64_t> windows) {
  size_t rank = operand.size();
  if (failed(verifyLength(op, "window", op.getWindow().size(), rank)) ||
      failed(verifyLength(op, "strides", op.getStrides().size(), rank)) ||
      failed(verifyLength(op, "dilations", op.getDilations().size(), rank)) ||
      failed(verifyLength(op, "padsBegin", op.getPadsBegin().size(), rank)) ||
      failed(verifyLength(op, "result shape", windows.size(), rank)))
    return failure();
  for (size_t i = 0; i < rank; ++i) {
    int64_t last = (windows[i] - 1) * op.getStrides()[i] - op.getPadsBegin()[i];
    if (op.getWindow()[i] < 1 || op.getStrides()[i] < 1 ||
        op.getDilations()[i] < 1 || op.getPadsBegin()[i] < 0)
      return op.emitOpError()
             << "expects window, strides and dilations of at least 1 and pads "
                "of at least 0 in dim "
             << i << ", but got " << op.getWindow()[i] << ", "
             << op.getStrides()[i] << ", " << op.getDilations()[i] << " and "
             << op.getPadsBegin()[i];
    if (last >= operand[i])
      return op.emitOpError() << "expects the last window of dim " << i
                              << " to start inside the operand's " << operand[i]
                              << " elements, but got " << last;
  }
  return success();
}

LogicalResult PoolMaxOp::verify() {
  if (failed(verifyShape(*this, "position", getPosition().getType().getShape(),
                         getResult().getType().getShape())) ||
      failed(verifyElementType(*this, "result",
                               getResult().getType().getElementType(),
                               getOperand().getType().getElementType())))
    return failure();
  return verifyWindow(*this, getOperand().getType().getShape(),
                      getResult().getType().getShape());
}

LogicalResult PoolMaxGradOp::verify() {
  if (failed(verifyShape(*this, "position", getPosition().getType().getShape(),
                         getGrad().getType().getShape())) ||
      failed(verifyElementType(*this, "result", getType().getElementType(),
                               getGrad().getType().getElementType())))
    return failure();
  return verifyWindow(*this, getType().getShape(),
                      getGrad().getType().getShape());
}

LogicalResult PoolSumOp::verify() {
  if (failed(verifyElementType(*this, "result", getType().getElementType(),
                               getOperand().getType().getElementType())))
    return failure();
  return verifyWindow(*this, getOperand().getType().getShape(),
                      getType().getShape());
}

LogicalResult PoolSumGradOp::verify() {
  if (failed(verifyElementType(*this, "result", getType().getElementType(),
                               getGrad().getType().getElementType())))
    return failure();
  return verifyWindow(*this, getType().getShape(),
                      getGrad().getType().getShape());
}
