//===- Random.cpp - accesses of the random family -------------------------===//
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/indexing/Access.h"

using namespace mlir;
using namespace dlc;

/// Seed and call count.
static void accessState(Operation *, IndexSpace &space, const Index &,
                        const Index &, SmallVectorImpl<Access> &accesses) {
  accesses.push_back({0, {space.constant(0)}, {}});
  accesses.push_back({0, {space.constant(1)}, {}});
}

void dlc::addRandomAccess(OpTable<AccessRule> &table) {
  table.add<RandomUniformOp>({nullptr, accessState});
}
