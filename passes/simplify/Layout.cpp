//===- Layout.cpp - what transposes and reshapes do to dims ---------------===//
#include "passes/simplify/Layout.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dlc {

/// Constants up to this many elements are transposed at compile time.
static constexpr int64_t kSmallConstantElements = 16 * 1024;

std::optional<ReshapeGroups> ReshapeGroups::get(ArrayRef<int64_t> in,
                                                ArrayRef<int64_t> out) {
  if (llvm::is_contained(in, 0))
    return std::nullopt;
  ReshapeGroups groups;
  groups.in.assign(in.begin(), in.end());
  groups.out.assign(out.begin(), out.end());
  int64_t i = 0, j = 0, inRank = in.size(), outRank = out.size();
  while (i < inRank || j < outRank) {
    DimGroup run{i, i, j, j};
    int64_t inSize = i < inRank ? in[i++] : 1;
    int64_t outSize = j < outRank ? out[j++] : 1;
    while (inSize != outSize) {
      if (inSize < outSize)
        inSize *= in[i++];
      else
        outSize *= out[j++];
    }
    run.inEnd = i;
    run.outEnd = j;
    groups.runs.push_back(run);
  }
  return groups;
}

const DimGroup &ReshapeGroups::groupOfOut(int64_t outDim) const {
  return *llvm::find_if(runs, [&](const DimGroup &run) {
    return outDim >= run.outBegin && outDim < run.outEnd;
  });
}

std::optional<int64_t> ReshapeGroups::inDimOf(int64_t outDim) const {
  const DimGroup &run = groupOfOut(outDim);
  if (run.inEnd - run.inBegin == 1 && run.outEnd - run.outBegin == 1)
    return run.inBegin;
  // Beside it on both sides, only dims of size 1.
  auto isLarge = [](int64_t size) { return size != 1; };
  ArrayRef<int64_t> ins =
      ArrayRef<int64_t>(in).slice(run.inBegin, run.inEnd - run.inBegin);
  ArrayRef<int64_t> outs =
      ArrayRef<int64_t>(out).slice(run.outBegin, run.outEnd - run.outBegin);
  if (llvm::count_if(ins, isLarge) != 1 || llvm::count_if(outs, isLarge) != 1 ||
      out[outDim] == 1)
    return std::nullopt;
  return run.inBegin + (llvm::find_if(ins, isLarge) - ins.begin());
}

SmallVector<int64_t> mapDims(ArrayRef<int64_t> dims,
                             ArrayRef<int64_t> permutation) {
  return llvm::map_to_vector(dims,
                             [&](int64_t dim) { return permutation[dim]; });
}

SmallVector<int64_t> unpermute(ArrayRef<int64_t> values,
                               ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> result(values.size());
  for (auto [i, from] : llvm::enumerate(permutation))
    result[from] = values[i];
  return result;
}

bool isSplatConstant(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant)
    return false;
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  return elements && elements.isSplat();
}

static Value resizeSplat(OpBuilder &b, Location loc, Value value,
                         ArrayRef<int64_t> shape) {
  auto elements =
      cast<DenseElementsAttr>(value.getDefiningOp<ConstantOp>().getValue());
  return ConstantOp::create(
      b, loc, elements.resizeSplat(tensorType(value).clone(shape)));
}

/// The constant `value` with its dims permuted.
static Value transposeConstant(OpBuilder &b, Location loc, Value value,
                               ArrayRef<int64_t> permutation) {
  auto elements =
      cast<DenseElementsAttr>(value.getDefiningOp<ConstantOp>().getValue());
  auto from = llvm::to_vector(elements.getValues<Attribute>());
  SmallVector<int64_t> shape = mapDims(permutation, shapeOf(value));
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = int64_t(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shapeOf(value)[i + 1];
  SmallVector<int64_t> index(shape.size());
  SmallVector<Attribute> to;
  for (size_t count = 0; count < from.size(); ++count) {
    int64_t position = 0;
    for (auto [i, dim] : llvm::enumerate(permutation))
      position += index[i] * strides[dim];
    to.push_back(from[position]);
    for (int64_t i = int64_t(shape.size()) - 1; i >= 0; --i) {
      if (++index[i] < shape[i])
        break;
      index[i] = 0;
    }
  }
  return ConstantOp::create(
      b, loc, DenseElementsAttr::get(tensorType(value).clone(shape), to));
}

bool repeatsMuch(BroadcastOp broadcast) {
  return broadcast.getType().getNumElements() >
         4 * broadcast.getOperand().getType().getNumElements();
}

/// `value` is computed from random numbers and splats alone, such as a dropout
/// mask: it can be generated at any index, so a transpose of it fuses.
static bool isGenerated(Value value, int depth = 6) {
  Operation *op = value.getDefiningOp();
  if (!op || depth == 0)
    return false;
  if (isa<RandomUniformOp>(op) || isSplatConstant(value))
    return true;
  return isElementwise(op) && llvm::all_of(op->getOperands(), [&](Value x) {
           return isGenerated(x, depth - 1);
         });
}

bool canUntranspose(Value value, ArrayRef<int64_t> permutation) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isGenerated(value))
    return true;
  if (auto transpose = dyn_cast<TransposeOp>(op))
    return transpose.getPermutation() == permutation;
  if (auto constant = dyn_cast<ConstantOp>(op))
    return isSplatConstant(value) ||
           (isa<DenseElementsAttr>(constant.getValue()) &&
            tensorType(value).getNumElements() <= kSmallConstantElements);
  if (auto broadcast = dyn_cast<BroadcastOp>(op))
    return llvm::is_sorted(mapDims(broadcast.getDims(), permutation)) ||
           repeatsMuch(broadcast);
  return isa<IotaOp>(op);
}

Value untranspose(OpBuilder &b, Location loc, Value value,
                  ArrayRef<int64_t> permutation) {
  Operation *op = value.getDefiningOp();
  if (auto transpose = dyn_cast<TransposeOp>(op))
    return transpose.getOperand();
  SmallVector<int64_t> shape = unpermute(shapeOf(value), permutation);
  if (isSplatConstant(value))
    return resizeSplat(b, loc, value, shape);
  if (auto iota = dyn_cast<IotaOp>(op))
    return IotaOp::create(b, loc, tensorType(value).clone(shape),
                          permutation[iota.getDim()]);
  auto broadcast = dyn_cast<BroadcastOp>(op);
  if (isGenerated(value))
    return transposeBy(b, loc, value, inversePermutation(permutation));
  if (!broadcast)
    return transposeConstant(b, loc, value, inversePermutation(permutation));
  SmallVector<int64_t> dims = mapDims(broadcast.getDims(), permutation);
  SmallVector<int64_t> order = iotaDims(dims.size());
  llvm::sort(order, [&](int64_t i, int64_t j) { return dims[i] < dims[j]; });
  Value operand = transposeBy(b, loc, broadcast.getOperand(), order);
  llvm::sort(dims);
  return BroadcastOp::create(b, loc, tensorType(value).clone(shape), operand,
                             dims);
}

/// The dims of a broadcast that goes to `shape` instead of a reshaped form of
/// it, or none if a dim of the operand would be split or merged.
static std::optional<SmallVector<int64_t>>
broadcastDimsFor(BroadcastOp broadcast, ArrayRef<int64_t> shape) {
  auto groups = ReshapeGroups::get(shape, broadcast.getType().getShape());
  if (!groups)
    return std::nullopt;
  SmallVector<int64_t> dims;
  for (int64_t dim : broadcast.getDims()) {
    std::optional<int64_t> mapped = groups->inDimOf(dim);
    if (!mapped)
      return std::nullopt;
    dims.push_back(*mapped);
  }
  return dims;
}

bool canUnreshape(Value value, ArrayRef<int64_t> shape) {
  if (auto reshape = value.getDefiningOp<ReshapeOp>())
    return shapeOf(reshape.getOperand()) == shape;
  if (auto broadcast = value.getDefiningOp<BroadcastOp>())
    return broadcastDimsFor(broadcast, shape).has_value();
  return isSplatConstant(value);
}

Value unreshape(OpBuilder &b, Location loc, Value value,
                ArrayRef<int64_t> shape) {
  if (auto reshape = value.getDefiningOp<ReshapeOp>())
    return reshape.getOperand();
  if (auto broadcast = value.getDefiningOp<BroadcastOp>())
    return BroadcastOp::create(b, loc, tensorType(value).clone(shape),
                               broadcast.getOperand(),
                               *broadcastDimsFor(broadcast, shape));
  return resizeSplat(b, loc, value, shape);
}

Value cloneWithShape(OpBuilder &b, Operation *op, ValueRange operands,
                     ArrayRef<int64_t> shape) {
  OperationState state(op->getLoc(), op->getName(), operands,
                       {tensorType(op->getResult(0)).clone(shape)},
                       op->getAttrs());
  return b.create(state)->getResult(0);
}

bool isElementwise(Operation *op) {
  return op->hasTrait<OpTrait::Elementwise>() && op->getNumResults() == 1 &&
         op->getNumOperands() > 0 && isa<DlcOpInterface>(op);
}

} // namespace dlc
