//===- Elementwise.cpp - accesses of the elementwise family ---------------===//
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/indexing/Access.h"

using namespace mlir;
using namespace dlc;

/// Each operand at the result's own index.
static void accessSame(Operation *op, IndexSpace &, const Index &at,
                       const Index &, SmallVectorImpl<Access> &accesses) {
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    accesses.push_back({i, at, {}});
}

void dlc::addElementwiseAccess(OpTable<AccessRule> &table) {
  table.add<NegOp, AbsOp, SignOp, ReluOp, FloorOp, CeilOp, RoundOp, ExpOp,
            Expm1Op, LogOp, Log1pOp, SqrtOp, RsqrtOp, SinOp, CosOp, TanOp,
            AsinOp, AcosOp, AtanOp, SinhOp, CoshOp, TanhOp, AsinhOp, AcoshOp,
            AtanhOp, ErfOp, SigmoidOp, NotOp, IsNanOp, IsInfOp, CastOp, AddOp,
            SubOp, MulOp, DivOp, PowOp, MaxOp, MinOp, RemOp, ModOp, AndOp,
            OrOp, XorOp, ShiftLeftOp, ShiftRightOp, CompareOp, SelectOp>(
      {nullptr, accessSame});
}
