//===- Kernel.cpp - fusion regions come after sharding --------------------===//
#include "passes/shard/ShardingRules.h"

namespace dlc {

void addKernelSharding(ShardingTable &table) {
  table.add<KernelOp, YieldOp>(nullptr);
}

} // namespace dlc
