//===- Elementwise.cpp - sharding of the elementwise family ---------------===//
#include "passes/shard/ShardingRules.h"

namespace dlc {

/// Every dim may be split: `ij,ij->ij`.
template <typename... Ops> static void addTied(ShardingTable &table) {
  (addSharding<Ops>(table, [](Ops, ShardingRuleBuilder &b) { b.tieAll(); }),
   ...);
}

void addElementwiseSharding(ShardingTable &table) {
  addTied<NegOp, AbsOp, SignOp, ReluOp, FloorOp, CeilOp, RoundOp, ExpOp,
          Expm1Op, LogOp, Log1pOp, SqrtOp, RsqrtOp, SinOp, CosOp, TanOp, AsinOp,
          AcosOp, AtanOp, SinhOp, CoshOp, TanhOp, AsinhOp, AcoshOp, AtanhOp,
          ErfOp, SigmoidOp, NotOp, IsNanOp, IsInfOp, CastOp>(table);
  addTied<AddOp, SubOp, MulOp, DivOp, PowOp, MaxOp, MinOp, RemOp, ModOp, AndOp,
          OrOp, XorOp, ShiftLeftOp, ShiftRightOp, CompareOp, SelectOp>(table);
}

} // namespace dlc
