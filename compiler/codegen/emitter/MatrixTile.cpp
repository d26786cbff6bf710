//===- MatrixTile.cpp - tiles of a contraction by tensor cores ------------===//
//
// The tiles of ContractionTile.cpp, where operands are 16-bit floats, or f32
// that may be rounded to TF32. Their rows and columns are divided among warps,
// which multiply by mma.sync:
//
//   +-------+-------+-------+-------+      a thread fetches 16 bytes at a time
//   | warp 0| warp 1| warp 2| warp 3|      where neighbours in memory are
//   +-------+-------+-------+-------+      neighbours of the tile, a tile
//   ahead, | warp 4| warp 5| warp 6| warp 7|      and puts them into one half
//   of the
//   +-------+-------+-------+-------+      workgroup's memory while others
//   still
//                                          read the other half
//
// An operand lies there as it does in memory, along steps or along its own dim:
// ldmatrix turns what must be turned. Every row is 16 bytes longer than the
// tile, which keeps the eight rows of a matrix in different banks. TF32 has
// words of 32 bits, which ldmatrix cannot turn: threads load them one by one,
// from rows that are 32 bytes longer.
//
// A result's terms are added in the order of the steps, by one warp: nothing
// depends on the order of threads.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/Matrices.h"
#include "compiler/codegen/emitter/RegionEmitter.h"
#include "compiler/codegen/emitter/Threads.h"
#include "dialects/dlc/IR/Builders.h"
#include "passes/fuse/Views.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dlc::emit {

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

/// What a thread fetches at once.
constexpr int64_t accessBytes = 16;
/// Products between two meetings of all threads.
constexpr int64_t productsPerTile = 2;
constexpr int64_t warpsDown = 2;

Type matrixElement(Operation *op) {
  Type left = elementTypeOf(op->getOperand(0));
  Type right = elementTypeOf(op->getOperand(1));
  bool isKnown = left.isF16() || left.isBF16() ||
                 (left.isF32() && op->hasAttr(names::allowsTf32));
  bool isSummedInF32 = computeType(elementTypeOf(op->getResult(0))).isF32();
  return isKnown && left == right && isSummedInF32 ? left : Type();
}

static int64_t bytesOf(Type element) {
  return element.getIntOrFloatBitWidth() / 8;
}

/// Finds the dim in which elements of the operand lie side by side.
static void orderSide(const RegionPlan &plan, TileSide &side,
                      const Access &access, ArrayRef<int64_t> shape,
                      int64_t width) {
  AffineExpr offset = plan.space.linearize(access.index, shape);
  ArrayRef<int64_t> sizes = plan.space.getDims();
  auto isDense = [&](unsigned dim) {
    return linearCoefficient(offset, dim) == 1 && sizes[dim] % width == 0;
  };
  unsigned lastStep = sizes.size() - 1;
  if (!plan.reduced.empty() && isDense(lastStep)) {
    side.runsAlongSteps = true;
    side.width = width;
    side.vectorDim = lastStep;
    return;
  }
  if (auto dense = llvm::find_if(side.dims, isDense);
      dense != side.dims.end()) {
    side.runsAlongSteps = false;
    side.width = width;
    side.vectorDim = *dense;
    // Numbers on a side may be in any order of its dims.
    std::rotate(dense, dense + 1, side.dims.end());
    return;
  }
  // One by one, along what is nearer in memory.
  auto along = [&](unsigned dim) {
    std::optional<int64_t> distance = linearCoefficient(offset, dim);
    return distance && *distance != 0 ? std::abs(*distance)
                                      : std::numeric_limits<int64_t>::max();
  };
  side.runsAlongSteps =
      !plan.reduced.empty() && along(lastStep) < along(side.dims.back());
}

void chooseMatrixTile(const RegionPlan &plan, ContractionTile &tile,
                      ArrayRef<Access> accesses, Type element) {
  const RegionReduction &reduction = plan.reductions[0];
  tile.matrixElement = element;
  tile.depth = productsPerTile * stepBytes / bytesOf(element);
  for (TileSide *side : {&tile.rows, &tile.columns})
    orderSide(plan, *side, accesses[side->operand],
              shapeOf(reduction.op->getOperand(side->operand)),
              accessBytes / bytesOf(element));
  // Every thread fetches something of the smaller side.
  bool isSmall =
      std::min(tile.rows.extent, tile.columns.extent) == leastMatrixExtent;
  tile.warpsAcross = isSmall ? 2 : 4;
  unsigned dim = tile.columns.dims.back();
  tile.storesPairs =
      plan.space.getDims()[dim] % 2 == 0 &&
      llvm::all_of(plan.outputs, [&](const RegionOutput &output) {
        return linearCoefficient(
                   plan.space.linearize(output.at, shapeOf(output.value)),
                   dim) == 1;
      });
}

unsigned matrixThreads(const ContractionTile &tile) {
  return warpsDown * tile.warpsAcross * warpLanes;
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

/// Elements of the tile's rows in workgroup memory, from one to the next.
static int64_t pitchOf(const ContractionTile &tile, const TileSide &side) {
  int64_t bytes = bytesOf(tile.matrixElement);
  int64_t row = side.runsAlongSteps ? int64_t(tile.depth) : side.extent;
  bool isLoadedByWords = bytes == 4 && !side.runsAlongSteps;
  return row + (isLoadedByWords ? 2 : 1) * accessBytes / bytes;
}

static int64_t halfOf(const ContractionTile &tile, const TileSide &side) {
  return pitchOf(tile, side) *
         (side.runsAlongSteps ? side.extent : int64_t(tile.depth));
}

/// Of element `at`, step `depth` in the half number `half`.
Value RegionEmitter::matrixAddress(const TileSide &side, Value half, Value at,
                                   Value depth) {
  const ContractionTile &tile = *walk.tile;
  Type element = tile.matrixElement;
  Value base = sharedArray(element, side.operand, 2 * halfOf(tile, side));
  Value row = side.runsAlongSteps ? at : depth;
  Value column = side.runsAlongSteps ? depth : at;
  Value position = arith::AddIOp::create(
      b, loc, arith::MulIOp::create(b, loc, row, i64(pitchOf(tile, side))),
      column);
  Value begin = arith::MulIOp::create(b, loc, half, i64(halfOf(tile, side)));
  position = arith::AddIOp::create(b, loc, position, begin);
  return LLVM::GEPOp::create(b, loc, base.getType(), element, base,
                             ArrayRef<LLVM::GEPArg>{position});
}

/// As tensor cores take it. What was read in 16 bits has no more.
Value RegionEmitter::toMatrixElement(Value value) {
  Type element = walk.tile->matrixElement;
  auto vector = dyn_cast<VectorType>(value.getType());
  if (!element.isF32())
    return arith::TruncFOp::create(
        b, loc, vector ? Type(vector.clone(element)) : element, value);
  auto round = [&](Value number) -> Value {
    Value word = callIntrinsic(*this, "f2tf32.rna", b.getI32Type(), number);
    return LLVM::BitcastOp::create(b, loc, element, word);
  };
  if (!vector)
    return round(value);
  for (int64_t i = 0; i < vector.getNumElements(); ++i) {
    Value at = integer(b.getI32Type(), i);
    Value number = LLVM::ExtractElementOp::create(b, loc, value, at);
    value = LLVM::InsertElementOp::create(b, loc, value, round(number), at);
  }
  return value;
}

void RegionEmitter::putMatrix(const TileSide &side, ValueRange fetched,
                              Value half) {
  for (auto [e, value] : llvm::enumerate(fetched)) {
    TilePlace place = fetchPlace(side, unsigned(e));
    LLVM::StoreOp::create(
        b, loc, value, matrixAddress(side, half, place.at, place.depth),
        unsigned(side.width * bytesOf(walk.tile->matrixElement)));
  }
}

/// The words of two products' operands: rows or columns `at` to `at` + 15 of
/// the tile, steps from `depth` on. `isLeft`: in the order of a left operand,
/// else of two right ones, one after the other.
RegionEmitter::Values RegionEmitter::loadOperand(const TileSide &side,
                                                 Value half, Value at,
                                                 int64_t depth, bool isLeft) {
  Type element = walk.tile->matrixElement;
  int64_t halfStep = stepBytes / 2 / bytesOf(element);
  Value lane =
      arith::RemUIOp::create(b, loc, threadNumber(*this), i64(warpLanes));
  auto plus = [&](Value x, Value y) -> Value {
    return arith::AddIOp::create(b, loc, x, y);
  };
  auto times = [&](Value x, int64_t y) -> Value {
    return arith::MulIOp::create(b, loc, x, i64(y));
  };
  auto div = [&](Value x, int64_t y) -> Value {
    return arith::DivUIOp::create(b, loc, x, i64(y));
  };
  auto rem = [&](Value x, int64_t y) -> Value {
    return arith::RemUIOp::create(b, loc, x, i64(y));
  };
  // Matrix i is that of the other eight rows, or of the other half of the step.
  bool isLoadedByWords = element.isF32() && !side.runsAlongSteps;
  if (!isLoadedByWords) {
    Value matrix = div(lane, matrixRows), row = rem(lane, matrixRows);
    Value low = rem(matrix, 2), high = div(matrix, 2);
    Value atOffset = times(isLeft ? low : high, matrixRows);
    Value depthOffset = plus(times(isLeft ? high : low, halfStep), i64(depth));
    at = plus(at, atOffset);
    if (side.runsAlongSteps)
      at = plus(at, row);
    else
      depthOffset = plus(depthOffset, row);
    return loadMatrices(*this, matrixAddress(side, half, at, depthOffset),
                        !side.runsAlongSteps);
  }
  Values words;
  at = plus(at, div(lane, 4));
  Value first = plus(rem(lane, 4), i64(depth));
  for (int64_t i = 0; i < 4; ++i) {
    int64_t low = i % 2, high = i / 2;
    Value place = matrixAddress(
        side, half, plus(at, i64((isLeft ? low : high) * matrixRows)),
        plus(first, i64((isLeft ? high : low) * halfStep)));
    words.push_back(LLVM::LoadOp::create(b, loc, b.getI32Type(), place, 4));
  }
  return words;
}

/// The first row and column of this thread's warp in the tile.
std::pair<Value, Value> RegionEmitter::warpPlace() {
  const ContractionTile &tile = *walk.tile;
  Value warpNumber =
      arith::DivUIOp::create(b, loc, threadNumber(*this), i64(warpLanes));
  Value across = i64(tile.warpsAcross);
  Value down = arith::DivUIOp::create(b, loc, warpNumber, across);
  Value aside = arith::RemUIOp::create(b, loc, warpNumber, across);
  return {
      arith::MulIOp::create(b, loc, down, i64(tile.rows.extent / warpsDown)),
      arith::MulIOp::create(b, loc, aside,
                            i64(tile.columns.extent / tile.warpsAcross))};
}

/// Adds the products of the steps in the half of workgroup memory.
RegionEmitter::Values RegionEmitter::multiplyMatrixTiles(Values sums,
                                                         Value half) {
  const ContractionTile &tile = *walk.tile;
  auto [row, column] = warpPlace();
  int64_t rows = tile.rows.extent / warpsDown;
  int64_t columns = tile.columns.extent / tile.warpsAcross;
  int64_t step = stepBytes / bytesOf(tile.matrixElement);
  auto shifted = [&](Value at, int64_t by) -> Value {
    return arith::AddIOp::create(b, loc, at, i64(by));
  };
  for (int64_t depth = 0; depth < int64_t(tile.depth); depth += step) {
    SmallVector<Values> left;
    for (int64_t i = 0; i < rows; i += productRows)
      left.push_back(
          loadOperand(tile.rows, half, shifted(row, i), depth, true));
    for (int64_t j = 0; j < columns; j += 2 * productColumns) {
      Values right =
          loadOperand(tile.columns, half, shifted(column, j), depth, false);
      for (auto [i, words] : llvm::enumerate(left))
        for (int64_t part = 0; part < 2; ++part) {
          int64_t number = int64_t(i) * (columns / productColumns) +
                           j / productColumns + part;
          multiplyMatrices(*this, tile.matrixElement,
                           MutableArrayRef<Value>(sums).slice(4 * number, 4),
                           words, ArrayRef<Value>(right).slice(2 * part, 2));
        }
    }
  }
  return sums;
}

/// Where in the tile the pair of sums number `pair` of this thread is.
std::pair<Value, Value> RegionEmitter::pairPlace(unsigned pair) {
  const ContractionTile &tile = *walk.tile;
  int64_t perRow = tile.columns.extent / tile.warpsAcross / productColumns;
  int64_t product = pair / 2;
  auto [row, column] = warpPlace();
  Value lane =
      arith::RemUIOp::create(b, loc, threadNumber(*this), i64(warpLanes));
  Value down = arith::DivUIOp::create(b, loc, lane, i64(4));
  Value aside = arith::MulIOp::create(
      b, loc, arith::RemUIOp::create(b, loc, lane, i64(4)), i64(2));
  auto sum = [&](Value x, Value y, int64_t z) -> Value {
    return arith::AddIOp::create(b, loc, arith::AddIOp::create(b, loc, x, y),
                                 i64(z));
  };
  return {
      sum(row, down, product / perRow * productRows + pair % 2 * matrixRows),
      sum(column, aside, product % perRow * productColumns)};
}

/// Applies what follows to this thread's results, and stores them.
void RegionEmitter::storeMatrices(Value firstRow, Value firstColumn,
                                  ArrayRef<Value> sums) {
  for (unsigned pair = 0; pair < sums.size() / 2; ++pair) {
    auto [row, column] = pairPlace(pair);
    if (walk.tile->storesPairs) {
      storePair(firstRow, row, firstColumn, column, sums.slice(2 * pair, 2));
      continue;
    }
    for (int64_t i = 0; i < 2; ++i)
      storeResult(firstRow, row, firstColumn,
                  arith::AddIOp::create(b, loc, column, i64(i)),
                  sums[2 * pair + i]);
  }
}

/// Two neighbouring columns as a vector.
void RegionEmitter::storePair(Value firstRow, Value row, Value firstColumn,
                              Value column, ArrayRef<Value> sums) {
  const ContractionTile &tile = *walk.tile;
  Values dims = scopes.back().dims;
  Value exists =
      joinMasks(placeOnSide(tile.rows, firstRow, row, dims),
                placeOnSide(tile.columns, firstColumn, column, dims));
  scopes.emplace_back().dims = std::move(dims);
  OpBuilder::InsertionGuard guard(b);
  if (exists) {
    auto choice = scf::IfOp::create(b, loc, TypeRange(), exists, false);
    b.setInsertionPointToStart(choice.thenBlock());
  }
  Type pair = VectorType::get({2}, sums[0].getType());
  Value both = LLVM::PoisonOp::create(b, loc, pair);
  for (int64_t i = 0; i < 2; ++i)
    both = LLVM::InsertElementOp::create(b, loc, both, sums[i],
                                         integer(b.getI32Type(), i));
  VectorScope vectors(*this, tile.columns.dims.back(), 2);
  storeContraction(both);
  scopes.pop_back();
}

void RegionEmitter::emitMatrixTile(Value firstRow, Value firstColumn) {
  const ContractionTile &tile = *walk.tile;
  Operation *parent = b.getInsertionBlock()->getParentOp();
  auto kernel = dyn_cast<func::FuncOp>(parent);
  if (!kernel)
    kernel = parent->getParentOfType<func::FuncOp>();
  kernel->setAttr(tensorCores, TypeAttr::get(tile.matrixElement));
  int64_t count = plan.reducedCount(), depth = tile.depth;
  int64_t most = llvm::divideCeil(count, depth) * depth;
  auto fetch = [&](Value start, bool isNext) {
    // Beyond the last steps there is nothing to fetch.
    bool mayEnd = isNext || count % depth != 0;
    Values fetched = fetchTile(tile.rows, firstRow, start, mayEnd);
    fetched.append(fetchTile(tile.columns, firstColumn, start, mayEnd));
    for (Value &value : fetched)
      value = toMatrixElement(value);
    return fetched;
  };
  Values carried = fetch(i64(0), false);
  size_t fetched = carried.size();
  size_t inRows =
      size_t(tile.rows.extent * depth / tile.rows.width / walk.threads);
  carried.append(tile.rows.extent * tile.columns.extent / walk.threads,
                 number(b.getF32Type(), 0));
  auto loop =
      scf::ForOp::create(b, loc, i64(0), i64(most), i64(depth), carried);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    ValueRange arguments = loop.getRegionIterArgs();
    Value start = loop.getInductionVar();
    Value half = arith::RemUIOp::create(
        b, loc, arith::DivUIOp::create(b, loc, start, i64(depth)), i64(2));
    // The other half may still be read; this one was before the last meeting.
    putMatrix(tile.rows, arguments.take_front(inRows), half);
    putMatrix(tile.columns, arguments.slice(inRows, fetched - inRows), half);
    NVVM::Barrier0Op::create(b, loc);
    Values results =
        fetch(arith::AddIOp::create(b, loc, start, i64(depth)), true);
    results.append(
        multiplyMatrixTiles(Values(arguments.drop_front(fetched)), half));
    scf::YieldOp::create(b, loc, results);
  }
  Values sums(loop.getResults().drop_front(fetched));
  storeMatrices(firstRow, firstColumn, sums);
}

} // namespace dlc::emit
