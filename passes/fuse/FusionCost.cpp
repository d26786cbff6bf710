//===- FusionCost.cpp - the time of a kernel on a CPU ---------------------===//
#include "passes/fuse/FusionCost.h"

#include "dialects/dlc/IR/Builders.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace dlc {

static double bytesOf(Value value) {
  Type type = elementTypeOf(value);
  double width = type.isInteger(1) ? 1 : type.getIntOrFloatBitWidth() / 8.0;
  return width * double(elementCount(shapeOf(value)));
}

KernelTraffic kernelTraffic(const RegionPlan &plan) {
  KernelTraffic traffic;
  llvm::MapVector<Value, double> touched;
  double rows = double(plan.keptCount());
  double elements = rows * double(plan.reducedCount());
  for (const RegionLeaf &leaf : plan.leaves) {
    double count = double(elementCount(shapeOf(leaf.value)));
    double reads = std::min(count, leaf.sweep ? elements : rows);
    double bytes = count > 0 ? bytesOf(leaf.value) * reads / count : 0;
    touched[leaf.value] = std::max(touched[leaf.value], bytes);
  }
  for (auto &[value, bytes] : touched)
    traffic.read += bytes;
  for (const RegionOutput &output : plan.outputs)
    traffic.written += bytesOf(output.value);
  return traffic;
}

double kernelTime(const RegionPlan &plan, const FusionCost &cost) {
  KernelTraffic traffic = kernelTraffic(plan);
  double memory = (traffic.read + traffic.written) / cost.bytesPerNs;
  double compute = plan.operations / cost.operationsPerNs;
  return cost.launchNs + std::max(memory, compute) +
         0.05 * std::min(memory, compute);
}

} // namespace dlc
