//===- Random.cpp - verifiers of the random family ------------------------===//
#include "dialects/dlc/IR/ops/Verify.h"

using namespace mlir;
using namespace dlc;

LogicalResult RandomUniformOp::verify() {
  if (getStream() < 0)
    return emitOpError() << "expects 'stream' to be at least 0, but got "
                         << getStream();
  return verifyShape(*this, "state", getState().getType().getShape(), {2});
}
