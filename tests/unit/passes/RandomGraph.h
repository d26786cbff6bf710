//===- RandomGraph.h - random graphs of dlc ops -----------------*- C++ -*-===//
//
// Builds a function of random ops on small f64 tensors. The same seed gives the
// same function. Every op family that the simplifying patterns look at occurs,
// in chains of layout changes that real importers write in a row.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TESTS_UNIT_PASSES_RANDOMGRAPH_H
#define DLC_TESTS_UNIT_PASSES_RANDOMGRAPH_H

#include "dialects/dlc/IR/Builders.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <random>

namespace dlc::test {

class RandomGraph {
public:
  RandomGraph(mlir::MLIRContext &context, unsigned seed)
      : b(&context), loc(b.getUnknownLoc()), random(seed) {}

  /// A module with one function `@random` of `ops` random ops.
  mlir::OwningOpRef<mlir::ModuleOp> build(int ops);

private:
  using Value = mlir::Value;
  int64_t below(int64_t n) { return int64_t(random() % uint64_t(n)); }
  Value pick() { return pool[below(pool.size())]; }
  Value recent() {
    int64_t n = std::min<int64_t>(pool.size(), 4);
    return pool[pool.size() - 1 - below(n)];
  }
  mlir::RankedTensorType typeOf(llvm::ArrayRef<int64_t> shape) {
    return mlir::RankedTensorType::get(shape, b.getF64Type());
  }
  llvm::SmallVector<int64_t> someDims(int64_t rank);
  Value constantOf(llvm::ArrayRef<int64_t> shape);
  /// A tensor of `shape` that varies in some of its dims.
  Value partnerOf(Value value);

  Value transpose(Value x);
  Value reshape(Value x);
  Value broadcast(Value x);
  Value unary(Value x);
  Value binary(Value x);
  Value reduce(Value x);
  Value alongDim(Value x);
  Value slice(Value x);
  Value pad(Value x);
  Value concat(Value x);
  Value dot(Value x);
  Value gather(Value x);
  Value pool_(Value x);
  Value norm(Value x);
  Value choose(Value x);

  mlir::OpBuilder b;
  mlir::Location loc;
  std::mt19937 random;
  llvm::SmallVector<Value> pool;
};

} // namespace dlc::test

#endif
