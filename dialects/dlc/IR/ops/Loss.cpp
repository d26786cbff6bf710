//===- Loss.cpp - verifiers of the loss family ----------------------------===//
#include "dialects/dlc/IR/ops/Verify.h"

using namespace mlir;
using namespace dlc;

LogicalResult CrossEntropyOp::verify() {
  auto logits = getLogits().getType();
  if (logits.getRank() < 1)
    return emitOpError() << "expects logits of rank at least 1, but got 0";
  ArrayRef<int64_t> rows = logits.getShape().drop_back();
  if (failed(verifyShape(*this, "targets", getTargets().getType().getShape(),
                         rows)) ||
      failed(verifyShape(*this, "loss", getLoss().getType().getShape(), rows)))
    return failure();
  if (failed(verifyElementType(*this, "loss",
                               getLoss().getType().getElementType(),
                               logits.getElementType())) ||
      failed(verifyElementType(*this, "logsumexp",
                               getLogsumexp().getType().getElementType(),
                               logits.getElementType())))
    return failure();
  return verifyShape(*this, "logsumexp", getLogsumexp().getType().getShape(),
                     rows);
}
