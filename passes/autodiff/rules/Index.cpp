//===- Index.cpp - gradients of the index family --------------------------===//
//
// Gathers and scatter-adds are each other's adjoints.
//
//===----------------------------------------------------------------------===//
#include "passes/autodiff/GradientRules.h"

using namespace mlir;

namespace dlc {
namespace {

using G = GradientBuilder;

void gatherGradient(GatherOp op, G &g) {
  if (g.wants(0))
    g.set(0, ScatterAddOp::create(g.b, g.loc, op.getOperand().getType(),
                                  op.getIndices(), g.gradient(), op.getDim()));
}

void scatterAddGradient(ScatterAddOp op, G &g) {
  if (g.wants(1))
    g.set(1, GatherOp::create(g.b, g.loc, g.gradient(), op.getIndices(),
                              op.getDim()));
}

void gatherElementsGradient(GatherElementsOp op, G &g) {
  if (g.wants(0))
    g.set(0, ScatterElementsAddOp::create(g.b, g.loc, op.getOperand().getType(),
                                          op.getIndices(), g.gradient(),
                                          op.getDim()));
}

void scatterElementsAddGradient(ScatterElementsAddOp op, G &g) {
  if (g.wants(1))
    g.set(1,
          GatherElementsOp::create(g.b, g.loc, op.getUpdates().getType(),
                                   g.gradient(), op.getIndices(), op.getDim()));
}

} // namespace

void addIndexGradients(GradientTable &table) {
  addGradient<GatherOp>(table, gatherGradient);
  addGradient<ScatterAddOp>(table, scatterAddGradient);
  addGradient<GatherElementsOp>(table, gatherElementsGradient);
  addGradient<ScatterElementsAddOp>(table, scatterElementsAddGradient);
}

} // namespace dlc
