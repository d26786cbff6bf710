//===- Random.cpp - verifiers of the random family ------------------------===//
#include "dialects/dlc/IR/ops/Verify.h"

using namespace mlir;
using namespace dlc;

LogicalResult RandomUniformOp::verify() {
  // One 32-bit word of the counter holds it.
  if (int64_t(getStream()) < 0 || getStream() >= uint64_t(1) << 32)
    return emitOpError() << "expects 'stream' to be in [0, 2^32), but got "
                         << int64_t(getStream());
  return verifyShape(*this, "state", getState().getType().getShape(), {2});
}
