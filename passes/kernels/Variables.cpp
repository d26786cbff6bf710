//===- Variables.cpp - the states of all entry points ---------------------===//
#include "passes/kernels/Variables.h"

#include "dialects/exec/IR/Exec.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace dlc {

namespace {
struct Variable {
  StringAttr name, note;
  exec::Role role;
  RankedTensorType type;
  bool isTrained;
  ElementsAttr init;
  Location loc;
};
} // namespace

static exec::Role roleOf(StringRef name, bool isParameter) {
  if (isParameter)
    return exec::Role::Parameter;
  if (name == "rng")
    return exec::Role::Random;
  if (name == "step")
    return exec::Role::Step;
  // The names that the optimizers give: "adamw.m/<parameter>".
  auto [kind, rest] = name.split('/');
  bool isOptimizer = !rest.empty() && kind.contains('.');
  if (name.starts_with("loss-scale"))
    return exec::Role::Optimizer;
  bool isAccumulated = kind == "accumulated" && !rest.empty();
  return isOptimizer || isAccumulated ? exec::Role::Optimizer
                                      : exec::Role::Statistic;
}

/// The first value of a scalar state, if it is given.
static ElementsAttr initOf(func::FuncOp function, unsigned argument) {
  auto number = function.getArgAttrOfType<FloatAttr>(argument, names::init);
  auto type = cast<RankedTensorType>(function.getArgumentTypes()[argument]);
  if (!number || type.getRank() != 0)
    return {};
  Builder b(function.getContext());
  double value = number.getValueAsDouble();
  if (type.getElementType().isInteger())
    return DenseElementsAttr::get(
        type, {Attribute(b.getIntegerAttr(type.getElementType(),
                                          int64_t(value)))});
  return DenseElementsAttr::get(
      type, {Attribute(b.getFloatAttr(type.getElementType(), value))});
}

void addVariables(ModuleOp module) {
  std::vector<Variable> variables;
  llvm::StringSet<> known;
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    for (BlockArgument argument : function.getArguments()) {
      unsigned i = argument.getArgNumber();
      auto param = function.getArgAttrOfType<StringAttr>(i, names::param);
      auto other = function.getArgAttrOfType<StringAttr>(i, names::state);
      StringAttr name = param ? param : other;
      if (!name || !known.insert(name.getValue()).second)
        continue;
      auto note = function.getArgAttrOfType<StringAttr>(i, names::frozen);
      variables.push_back({name, note, roleOf(name, bool(param)),
                           cast<RankedTensorType>(argument.getType()),
                           param && !note, initOf(function, i),
                           argument.getLoc()});
    }
  std::vector<const Variable *> order;
  for (int role = 0; role <= int(exec::Role::Step); ++role)
    for (const Variable &variable : variables)
      if (int(variable.role) == role)
        order.push_back(&variable);
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  uint64_t offset = 0;
  for (const Variable *variable : order) {
    exec::VariableOp::create(builder, variable->loc, variable->name,
                             variable->role, variable->type, int64_t(offset),
                             variable->isTrained, variable->note,
                             variable->init);
    offset +=
        llvm::alignTo(exec::bytesOf(variable->type), exec::arenaAlignment);
  }
}

} // namespace dlc
