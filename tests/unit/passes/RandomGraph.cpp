//===- RandomGraph.cpp - random graphs of dlc ops -------------------------===//
#include "tests/unit/passes/RandomGraph.h"

#include <algorithm>

using namespace mlir;

namespace dlc::test {

SmallVector<int64_t> RandomGraph::someDims(int64_t rank) {
  SmallVector<int64_t> dims;
  for (int64_t i = 0; i < rank; ++i)
    if (below(2))
      dims.push_back(i);
  return dims;
}

Value RandomGraph::constantOf(ArrayRef<int64_t> shape) {
  if (below(2))
    return splat(b, loc, typeOf(shape), 0.5 * double(below(5) - 2));
  SmallVector<double> numbers;
  for (int64_t i = 0, n = typeOf(shape).getNumElements(); i < n; ++i)
    numbers.push_back(double(below(2000)) / 1000 - 1);
  return ConstantOp::create(
      b, loc, DenseElementsAttr::get(typeOf(shape), ArrayRef<double>(numbers)));
}

Value RandomGraph::partnerOf(Value value) {
  ArrayRef<int64_t> shape = shapeOf(value);
  if (below(2))
    for (Value other : llvm::reverse(pool))
      if (other != value && shapeOf(other) == shape)
        return other;
  SmallVector<int64_t> dims = someDims(shape.size()), small;
  for (int64_t dim : dims)
    small.push_back(below(4) ? shape[dim] : 1);
  return broadcastInDim(b, loc, constantOf(small), shape, dims);
}

Value RandomGraph::transpose(Value x) {
  SmallVector<int64_t> permutation = iotaDims(rankOf(x));
  std::shuffle(permutation.begin(), permutation.end(), random);
  return transposeBy(b, loc, x, permutation);
}

/// Joins two neighbours, splits one dim, or adds or drops a dim of size 1.
Value RandomGraph::reshape(Value x) {
  SmallVector<int64_t> shape(shapeOf(x));
  int64_t rank = shape.size(), at = rank ? below(rank) : 0;
  int64_t kind = below(4);
  if (kind == 0 && at + 1 < rank) {
    shape[at] *= shape[at + 1];
    shape.erase(shape.begin() + at + 1);
  } else if (kind == 1 && rank && rank < 5) {
    int64_t factor = shape[at] % 2 == 0 ? 2 : shape[at] % 3 == 0 ? 3 : 1;
    shape[at] /= factor;
    shape.insert(shape.begin() + at, factor);
  } else if (kind == 2 && rank < 5) {
    shape.insert(shape.begin() + at, 1);
  } else if (auto *unit = llvm::find(shape, 1); unit != shape.end()) {
    shape.erase(unit);
  }
  return reshapeTo(b, loc, x, shape);
}

Value RandomGraph::broadcast(Value x) {
  SmallVector<int64_t> shape(shapeOf(x)), dims = iotaDims(rankOf(x));
  if (tensorType(x).getNumElements() > 200)
    return x;
  for (int64_t &size : shape)
    if (size == 1 && below(2))
      size = 2 + below(2);
  if (shape.size() < 4) {
    int64_t at = below(shape.size() + 1);
    shape.insert(shape.begin() + at, 1 + below(3));
    for (int64_t &dim : dims)
      dim += dim >= at;
  }
  return broadcastInDim(b, loc, x, shape, dims);
}

Value RandomGraph::unary(Value x) {
  switch (below(7)) {
  case 0:
    return NegOp::create(b, loc, x);
  case 1:
    return ReluOp::create(b, loc, x);
  case 2:
    return AbsOp::create(b, loc, x);
  case 3:
    return SigmoidOp::create(b, loc, x);
  case 4:
    return scaleBy(b, loc, x, 0.5 * double(below(6) - 3));
  case 5:
    return addNumber(b, loc, x, 0.25 * double(below(6) - 3));
  default:
    return TanhOp::create(b, loc, x);
  }
}

Value RandomGraph::binary(Value x) {
  Value y = partnerOf(x);
  if (below(2))
    std::swap(x, y);
  switch (below(5)) {
  case 0:
    return SubOp::create(b, loc, x, y);
  case 1:
    return TanhOp::create(b, loc, MulOp::create(b, loc, x, y));
  case 2:
    return MaxOp::create(b, loc, x, y);
  case 3:
    return MinOp::create(b, loc, x, y);
  default:
    return AddOp::create(b, loc, x, y);
  }
}

Value RandomGraph::reduce(Value x) {
  SmallVector<int64_t> dims = someDims(rankOf(x));
  switch (below(4)) {
  case 0:
    return ReduceMaxOp::create(b, loc, x, dims);
  case 1:
    return ReduceMinOp::create(b, loc, x, dims);
  case 2:
    return meanOver(b, loc, x, dims);
  default:
    return ReduceSumOp::create(b, loc, x, dims);
  }
}

Value RandomGraph::alongDim(Value x) {
  if (!rankOf(x))
    return x;
  int64_t dim = below(rankOf(x));
  switch (below(4)) {
  case 0:
    return SoftmaxOp::create(b, loc, x, dim);
  case 1:
    return LogSoftmaxOp::create(b, loc, x, dim);
  case 2:
    return ReverseOp::create(b, loc, x.getType(), x, ArrayRef<int64_t>{dim});
  default:
    return CumSumOp::create(b, loc, x, dim, false, bool(below(2)));
  }
}

Value RandomGraph::slice(Value x) {
  SmallVector<int64_t> starts, steps, shape;
  for (int64_t size : shapeOf(x)) {
    int64_t step = 1 + below(2), start = below(2) ? 0 : below(size);
    int64_t most = (size - start - 1) / step + 1;
    starts.push_back(start);
    steps.push_back(step);
    shape.push_back(below(2) ? most : 1 + below(most));
  }
  return SliceOp::create(b, loc, typeOf(shape), x, starts, steps);
}

Value RandomGraph::pad(Value x) {
  SmallVector<int64_t> low, interior, shape;
  for (int64_t size : shapeOf(x)) {
    low.push_back(below(3) ? 0 : 1);
    interior.push_back(below(4) ? 0 : 1);
    shape.push_back(low.back() + (size - 1) * (interior.back() + 1) + 1 +
                    below(2));
  }
  return PadOp::create(b, loc, typeOf(shape), x,
                       splat(b, loc, typeOf({}), 0.25), low, interior);
}

Value RandomGraph::concat(Value x) {
  if (!rankOf(x))
    return x;
  SmallVector<Value> parts = {x, partnerOf(x)};
  if (below(2))
    std::swap(parts[0], parts[1]);
  return ConcatOp::create(b, loc, parts, below(rankOf(x)));
}

/// Contracts `x` with a value whose dims are some of x's, in some order.
Value RandomGraph::dot(Value x) {
  if (!rankOf(x))
    return x;
  SmallVector<int64_t> order = iotaDims(rankOf(x));
  std::shuffle(order.begin(), order.end(), random);
  int64_t contracts = 1 + below(2), batches = below(2);
  contracts = std::min<int64_t>(contracts, order.size());
  batches = std::min<int64_t>(batches, order.size() - contracts);
  SmallVector<int64_t> lhsContract(order.begin(), order.begin() + contracts);
  SmallVector<int64_t> lhsBatch(order.begin() + contracts,
                                order.begin() + contracts + batches);
  SmallVector<int64_t> shape, places;
  for (int64_t dim : llvm::concat<int64_t>(lhsBatch, lhsContract))
    shape.push_back(shapeOf(x)[dim]);
  int64_t freeDims = below(3);
  for (int64_t i = 0; i < freeDims; ++i)
    shape.push_back(1 + below(3));
  SmallVector<int64_t> permutation = iotaDims(shape.size());
  std::shuffle(permutation.begin(), permutation.end(), random);
  // Batch dims first, so that a repeated batch is one that exporters write.
  Value y =
      constantOf(ArrayRef<int64_t>(shape).drop_front(below(2) ? batches : 0));
  int64_t missing = int64_t(shape.size()) - rankOf(y);
  y = broadcastInDim(
      b, loc, y, shape,
      llvm::to_vector(llvm::seq<int64_t>(missing, shape.size())));
  y = transposeBy(b, loc, y, permutation);
  SmallVector<int64_t> inverse = inversePermutation(permutation);
  SmallVector<int64_t> rhsBatch(inverse.begin(), inverse.begin() + batches);
  SmallVector<int64_t> rhsContract(inverse.begin() + batches,
                                   inverse.begin() + batches + contracts);
  if (below(2))
    return DotGeneralOp::create(b, loc, y, x, rhsBatch, lhsBatch, rhsContract,
                                lhsContract);
  return DotGeneralOp::create(b, loc, x, y, lhsBatch, rhsBatch, lhsContract,
                              rhsContract);
}

Value RandomGraph::gather(Value x) {
  if (!rankOf(x))
    return x;
  int64_t dim = below(rankOf(x)), size = shapeOf(x)[dim];
  SmallVector<int64_t> indices;
  int64_t start = below(size), step = below(3);
  for (int64_t i = 0, n = 1 + below(3); i < n; ++i)
    indices.push_back(below(4) ? start + i * step : below(size) - size);
  Value index = i64Constant(b, loc, indices);
  if (below(2))
    index = reshapeTo(b, loc, index, {int64_t(indices.size()), 1});
  return GatherOp::create(b, loc, x, index, dim);
}

Value RandomGraph::pool_(Value x) {
  SmallVector<int64_t> window, ones(rankOf(x), 1), zeros(rankOf(x), 0), shape;
  for (int64_t size : shapeOf(x)) {
    window.push_back(size > 1 && below(2) ? 2 : 1);
    shape.push_back(size - window.back() + 1);
  }
  if (below(2))
    return PoolSumOp::create(b, loc, typeOf(shape), x, window, ones, ones,
                             zeros);
  auto positions = RankedTensorType::get(shape, b.getI32Type());
  auto pooled = PoolMaxOp::create(b, loc, TypeRange{typeOf(shape), positions},
                                  x, window, ones, ones, zeros);
  if (below(2))
    return pooled.getResult();
  return castTo(b, loc, pooled.getPosition(), b.getF64Type());
}

Value RandomGraph::norm(Value x) {
  if (!rankOf(x))
    return x;
  APFloat epsilon(1e-2);
  int64_t dim = below(rankOf(x));
  if (below(2)) {
    auto channel = typeOf({shapeOf(x)[dim]});
    auto result =
        BatchNormOp::create(b, loc, TypeRange{x.getType(), channel, channel}, x,
                            constantOf(channel.getShape()),
                            constantOf(channel.getShape()), dim, epsilon);
    return result->getResult(below(3));
  }
  auto rows = typeOf(shapeOf(x).take_front(dim));
  auto cols = shapeOf(x).drop_front(dim);
  auto result =
      LayerNormOp::create(b, loc, TypeRange{x.getType(), rows, rows}, x,
                          constantOf(cols), constantOf(cols), dim, epsilon);
  return result->getResult(below(3));
}

Value RandomGraph::choose(Value x) {
  Value condition = CompareOp::create(b, loc, ComparePredicate::LT, x,
                                      splatLike(b, loc, x, 0.12345));
  if (below(2))
    condition = NotOp::create(b, loc, condition);
  return SelectOp::create(b, loc, condition, x, partnerOf(x));
}

OwningOpRef<ModuleOp> RandomGraph::build(int ops) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  b.setInsertionPointToEnd(module->getBody());
  SmallVector<Type> inputs = {typeOf({2, 3, 4}), typeOf({4, 6}),
                              typeOf({2, 1, 3, 2}), typeOf({3})};
  auto func =
      func::FuncOp::create(b, loc, "random", b.getFunctionType(inputs, {}));
  Block *block = func.addEntryBlock();
  b.setInsertionPointToStart(block);
  llvm::append_range(pool, block->getArguments());
  using Maker = Value (RandomGraph::*)(Value);
  static constexpr Maker kMakers[] = {
      &RandomGraph::transpose, &RandomGraph::transpose, &RandomGraph::transpose,
      &RandomGraph::reshape,   &RandomGraph::reshape,   &RandomGraph::reshape,
      &RandomGraph::broadcast, &RandomGraph::unary,     &RandomGraph::unary,
      &RandomGraph::binary,    &RandomGraph::binary,    &RandomGraph::binary,
      &RandomGraph::reduce,    &RandomGraph::alongDim,  &RandomGraph::slice,
      &RandomGraph::pad,       &RandomGraph::concat,    &RandomGraph::dot,
      &RandomGraph::dot,       &RandomGraph::gather,    &RandomGraph::pool_,
      &RandomGraph::norm,      &RandomGraph::choose};
  for (int i = 0; i < ops; ++i) {
    Value x = below(3) ? recent() : pick();
    Value made = (this->*kMakers[below(std::size(kMakers))])(x);
    if (made != x && tensorType(made).getNumElements() <= 2000)
      pool.push_back(made);
  }
  SmallVector<Value> results;
  for (Value value : pool)
    if (value.use_empty() || below(8) == 0)
      results.push_back(value);
  func::ReturnOp::create(b, loc, results);
  func.setType(b.getFunctionType(inputs, ValueRange(results).getTypes()));
  return module;
}

} // namespace dlc::test
