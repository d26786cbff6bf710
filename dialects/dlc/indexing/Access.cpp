//===- Access.cpp - the table of access rules -----------------------------===//
#include "dialects/dlc/indexing/Access.h"

#include "dialects/dlc/IR/Dlc.h"

using namespace mlir;

namespace dlc {

const OpTable<AccessRule> &accessRules() {
  static const OpTable<AccessRule> table = [] {
    OpTable<AccessRule> rules;
    addElementwiseAccess(rules);
    addShapeAccess(rules);
    addReductionAccess(rules);
    addContractionAccess(rules);
    addIndexAccess(rules);
    addWindowAccess(rules);
    addRandomAccess(rules);
    return rules;
  }();
  return table;
}

bool isReduction(Operation *op) {
  const AccessRule *rule = accessRules().lookup(op);
  return rule && rule->reduced;
}

bool isIndexOnly(Operation *op) {
  return isa<ConstantOp, IotaOp, BroadcastOp, ReshapeOp, TransposeOp, SliceOp,
             ReverseOp>(op);
}

} // namespace dlc
