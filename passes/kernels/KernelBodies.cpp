//===- KernelBodies.cpp - every distinct kernel body once -----------------===//
#include "passes/kernels/KernelBodies.h"

#include "dialects/dlc/IR/Attention.h"
#include "dialects/dlc/IR/Cost.h"
#include "dialects/dlc/indexing/Region.h"
#include "passes/fuse/FusionCost.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace dlc {

std::string kernelKey(KernelOp kernel) {
  std::string key;
  llvm::raw_string_ostream out(key);
  out << kernel.getSchedule();
  Block &body = kernel.getBody().front();
  DenseMap<Value, unsigned> numbers;
  for (BlockArgument argument : body.getArguments()) {
    numbers[argument] = numbers.size();
    out << ' ' << argument.getType();
  }
  for (Operation &op : body) {
    out << '\n' << op.getName();
    for (Value operand : op.getOperands())
      out << ' ' << numbers.lookup(operand);
    out << op.getAttrDictionary();
    for (Value result : op.getResults()) {
      numbers[result] = numbers.size();
      out << ' ' << result.getType();
    }
  }
  return key;
}

/// What else is in the body are views.
static SmallVector<int64_t> attentionCost(ArrayRef<Operation *> ops) {
  Operation *attention = *llvm::find_if(ops, isLibraryAttention);
  OpCost cost = costOf(attention);
  return {int64_t(cost.flops), int64_t(cost.bytesRead),
          int64_t(cost.bytesWritten)};
}

/// [operations, bytes read, bytes written] of one launch.
static SmallVector<int64_t> costOf(KernelOp kernel) {
  Block &body = kernel.getBody().front();
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator())
    ops.push_back(&op);
  ScheduleKind kind = kernel.getSchedule().getKind();
  if (kind == ScheduleKind::Attention)
    return attentionCost(ops);
  FailureOr<RegionPlan> plan = planKernel(kernel);
  if (failed(plan) || kind == ScheduleKind::List ||
      kind == ScheduleKind::Scatter) {
    // It walks in its own way: every operand once, and every op once per
    // element of its result, a scatter once per update.
    double operations = 0;
    for (Operation *op : ops) {
      auto scatter = dyn_cast<ScatterAddOp>(op);
      Value counted = op->getResult(0);
      if (scatter)
        counted = scatter.getUpdates();
      operations += elementCost(op) * double(elementCount(shapeOf(counted)));
    }
    int64_t read = 0, written = 0;
    for (Value input : kernel.getInputs())
      read += int64_t(exec::bytesOf(input.getType()));
    for (Value output : kernel.getOutputs())
      written += int64_t(exec::bytesOf(output.getType()));
    return {int64_t(operations), read, written};
  }
  KernelTraffic traffic = kernelTraffic(*plan);
  return {int64_t(plan->operations), int64_t(traffic.read),
          int64_t(traffic.written)};
}

exec::KernelOp KernelBodies::add(KernelOp kernel) {
  std::string key = kernelKey(kernel);
  exec::KernelOp &body = known[key];
  if (body)
    return body;
  std::string symbol =
      llvm::formatv("{0}_{1}", kernel.getName(),
                    llvm::utohexstr(llvm::xxh3_64bits(key) & 0xffffff, true))
          .str();
  while (!symbols.insert(symbol).second)
    symbol += "_" + std::to_string(symbols.size());
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  body = exec::KernelOp::create(builder, kernel.getLoc(), symbol,
                                costOf(kernel));
  Block &block = body.getBody().emplaceBlock();
  IRMapping mapping;
  for (Value input : kernel.getInputs())
    if (!mapping.contains(input))
      mapping.map(input, block.addArgument(input.getType(), input.getLoc()));
    else
      block.addArgument(input.getType(), input.getLoc());
  builder.setInsertionPointToStart(&block);
  Operation *copy = builder.clone(*kernel, mapping);
  // The same tensor may come twice; each operand is an argument of its own.
  copy->setOperands(block.getArguments());
  return body;
}

} // namespace dlc
