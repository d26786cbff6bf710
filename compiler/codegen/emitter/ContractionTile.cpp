//===- ContractionTile.cpp - products by tiles of a GPU's workgroup -------===//
//
// A contraction's result depends on one operand along some kept dims (rows), on
// the other along others (columns), on both along the rest (batch). A workgroup
// owns a tile of rows x columns of one batch item and goes along the reduced
// dims by a depth at a time:
//
//        depth            width              every thread fetches some elements of
//       +-----+        +---------+           both, puts them into workgroup memory,
//       |  a  | height |    b    | depth     and adds to its own results the products
//       +-----+        +---------+           of what all have put there; meanwhile
//                                            the next elements are on their way
//
// Elements are fetched where the op's access rule says, guards and all, and
// computed if the region does so. So a convolution is its implicit product, its
// gradients likewise, and what follows is applied to results in registers. Each
// result adds its terms one after the other.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/RegionEmitter.h"
#include "compiler/codegen/emitter/Threads.h"
#include "dialects/dlc/IR/Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dlc::emit {

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

/// A workgroup's threads form a square.
constexpr int64_t threadsAcross = 16;
/// Below, threads that share one result's steps do better.
constexpr int64_t leastExtent = 8, leastDepth = 8;
/// Tiles that keep a large GPU's processors busy.
constexpr int64_t busyTiles = 256;

static int64_t sizeOf(const RegionPlan &plan, ArrayRef<unsigned> dims) {
  int64_t size = 1;
  for (unsigned dim : dims)
    size *= plan.space.getDims()[dim];
  return size;
}

/// The kept dims that `access` depends on.
static llvm::SmallDenseSet<unsigned> keptDimsOf(const RegionPlan &plan,
                                                const Access &access) {
  llvm::SmallDenseSet<unsigned> dims;
  auto look = [&](AffineExpr expr) {
    expr.walk([&](AffineExpr e) {
      if (auto dim = dyn_cast<AffineDimExpr>(e))
        if (dim.getPosition() < plan.kept.size())
          dims.insert(dim.getPosition());
    });
  };
  for (AffineExpr expr : access.index)
    look(expr);
  for (const Guard &guard : access.guards)
    look(guard.expr);
  return dims;
}

/// Elements of a side of the tile: a multiple of the threads across.
static int64_t extentOf(int64_t size, bool areTilesMany, int64_t least,
                        int64_t most) {
  int64_t extent = areTilesMany ? most : most / 2;
  while (extent > least && extent / 2 >= size)
    extent /= 2;
  return extent;
}

/// Whether neighbouring steps of the innermost reduced dim are neighbours in
/// the operand.
static bool runsAlongSteps(const RegionPlan &plan, const Access &access,
                           ArrayRef<int64_t> shape) {
  if (plan.reduced.empty())
    return false;
  unsigned last = plan.kept.size() + plan.reduced.size() - 1;
  return linearCoefficient(plan.space.linearize(access.index, shape), last) ==
         1;
}

bool chooseContractionTile(RegionPlan &plan, Walk &walk) {
  if (plan.reductions.size() != 1 || plan.levels != 1 ||
      !isa<DotGeneralOp, ConvOp, ConvGradDataOp, ConvGradWeightsOp>(
          plan.reductions[0].op) ||
      llvm::any_of(plan.outputs,
                   [](const RegionOutput &o) { return !o.isPerRow; }))
    return false;
  const RegionReduction &reduction = plan.reductions[0];
  SmallVector<Access> accesses;
  accessRules().lookup(reduction.op)->accesses(
      reduction.op, plan.space, reduction.at, reduction.step, accesses);
  auto first = keptDimsOf(plan, accesses[0]);
  auto second = keptDimsOf(plan, accesses[1]);
  ContractionTile tile;
  for (unsigned dim = 0; dim < plan.kept.size(); ++dim) {
    bool isBatch = first.contains(dim) == second.contains(dim);
    (isBatch                ? tile.batch
     : first.contains(dim) ? tile.rows.dims
                            : tile.columns.dims)
        .push_back(dim);
  }
  tile.columns.operand = 1;
  for (TileSide *side : {&tile.rows, &tile.columns}) {
    side->size = sizeOf(plan, side->dims);
    side->runsAlongSteps =
        runsAlongSteps(plan, accesses[side->operand],
                       shapeOf(reduction.op->getOperand(side->operand)));
  }
  if (std::min(tile.rows.size, tile.columns.size) < leastExtent ||
      plan.reducedCount() < leastDepth)
    return false;
  // Neighbouring threads store neighbouring columns.
  const RegionOutput &output = plan.outputs.front();
  AffineExpr offset =
      plan.space.linearize(output.at, shapeOf(output.value));
  if (linearCoefficient(offset, tile.rows.dims.back()) == 1)
    std::swap(tile.rows, tile.columns);
  bool isDouble = elementTypeOf(reduction.op->getResult(0))
                      .getIntOrFloatBitWidth() > 32;
  int64_t most = isDouble ? 64 : 128;
  int64_t batch = sizeOf(plan, tile.batch);
  bool areMany = batch * (tile.rows.size / most) *
                     (tile.columns.size / most) >= busyTiles;
  Type element = matrixElement(reduction.op);
  int64_t least = element ? leastMatrixExtent : threadsAcross;
  int64_t tiles = batch;
  for (TileSide *side : {&tile.rows, &tile.columns}) {
    side->extent = extentOf(side->size, areMany, least, most);
    side->tiles = llvm::divideCeil(side->size, side->extent);
    tiles *= side->tiles;
  }
  // A long sum for few results: threads share its steps instead.
  constexpr int64_t longSum = 4096;
  if (tiles < 16 && plan.reducedCount() >= longSum)
    return false;
  // Of the smallest tile every thread fetches one element.
  tile.depth = threadsAcross;
  walk.threads = threadsAcross * threadsAcross;
  if (element) {
    chooseMatrixTile(plan, tile, accesses, element);
    walk.threads = matrixThreads(tile);
    // Of small tiles the assembler would rather spill than have few of them.
    constexpr int64_t smallTile = 64 * 64;
    if (tile.rows.extent * tile.columns.extent <= smallTile)
      walk.residentGroups = 2;
  }
  walk.tile = tile;
  // What a thread computes is scalar, and no dim has lanes.
  walk.vectorDim = plan.space.getDims().size();
  walk.isVectorDimKept = false;
  walk.areLanesThreads = true;
  walk.lanes = 1;
  walk.hasTileLoop = false;
  walk.items = walk.groups = tiles;
  walk.itemsPerGroup = 1;
  return true;
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

namespace {

/// Splits a row-major number into the indices of dims.
void delinearize(OpBuilder &b, Location loc, const RegionPlan &plan,
                 ArrayRef<unsigned> dims, Value number,
                 MutableArrayRef<Value> into) {
  auto i64 = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
  };
  SmallVector<unsigned> split;
  for (unsigned dim : dims) {
    into[dim] = i64(0);
    if (plan.space.getDims()[dim] != 1)
      split.push_back(dim);
  }
  for (unsigned dim : llvm::reverse(split)) {
    if (dim == split.front()) {
      into[dim] = number;
      return;
    }
    Value size = i64(plan.space.getDims()[dim]);
    into[dim] = arith::RemUIOp::create(b, loc, number, size);
    number = arith::DivUIOp::create(b, loc, number, size);
  }
}

} // namespace

RegionEmitter::VectorScope::VectorScope(RegionEmitter &e, unsigned dim,
                                        int64_t width)
    : e(e), vectorDim(e.walk.vectorDim), walkLanes(e.walk.lanes),
      lanes(e.lanes), areLanesThreads(e.walk.areLanesThreads) {
  if (width == 1)
    return;
  e.walk.vectorDim = dim;
  e.walk.lanes = unsigned(width);
  e.walk.areLanesThreads = false;
  e.lanes = unsigned(width);
}

RegionEmitter::VectorScope::~VectorScope() {
  e.walk.vectorDim = vectorDim;
  e.walk.lanes = walkLanes;
  e.walk.areLanesThreads = areLanesThreads;
  e.lanes = lanes;
}

/// The elements that this thread fetches of one operand: number `e` of the
/// thread, or the first of a vector, is row `at` of the tile, step `depth`. Neighbouring threads fetch what
/// lies side by side in memory.
RegionEmitter::TilePlace RegionEmitter::fetchPlace(const TileSide &side,
                                                   unsigned e) {
  Value number = arith::AddIOp::create(b, loc, threadNumber(*this),
                                       i64(int64_t(e) * walk.threads));
  int64_t inner = side.runsAlongSteps ? int64_t(walk.tile->depth) : side.extent;
  inner /= side.width;
  Value low = arith::RemUIOp::create(b, loc, number, i64(inner));
  Value high = arith::DivUIOp::create(b, loc, number, i64(inner));
  if (side.width != 1)
    low = arith::MulIOp::create(b, loc, low, i64(side.width));
  return side.runsAlongSteps ? TilePlace{high, low} : TilePlace{low, high};
}

/// Places `at` of a side, counted from its tile's first, in `dims`; returns
/// whether it exists, null if all do.
Value RegionEmitter::placeOnSide(const TileSide &side, Value first, Value at,
                                 MutableArrayRef<Value> dims) {
  Value number = arith::AddIOp::create(b, loc, first, at), exists;
  if (side.size % side.extent != 0) {
    exists = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, number,
                                   i64(side.size));
    number = arith::SelectOp::create(b, loc, exists, number, i64(0));
  }
  delinearize(b, loc, plan, side.dims, number, dims);
  return exists;
}

/// What this thread fetches of one operand for the steps from `start` on.
RegionEmitter::Values RegionEmitter::fetchTile(const TileSide &side,
                                               Value first, Value start,
                                               bool mayEnd) {
  const RegionReduction &reduction = plan.reductions[0];
  auto steps = llvm::to_vector(llvm::seq<unsigned>(
      plan.kept.size(), plan.space.getDims().size()));
  unsigned count =
      side.extent * walk.tile->depth / side.width / walk.threads;
  Values fetched;
  for (unsigned e = 0; e < count; ++e) {
    TilePlace place = fetchPlace(side, e);
    Values dims = scopes.back().dims;
    Value exists = placeOnSide(side, first, place.at, dims);
    Value step = arith::AddIOp::create(b, loc, start, place.depth);
    if (mayEnd) {
      Value isStep = arith::CmpIOp::create(
          b, loc, arith::CmpIPredicate::ult, step, i64(plan.reducedCount()));
      step = arith::SelectOp::create(b, loc, isStep, step, i64(0));
      exists = exists ? arith::AndIOp::create(b, loc, exists, isStep) : isStep;
    }
    delinearize(b, loc, plan, steps, step, dims);
    scopes.emplace_back().dims = std::move(dims);
    SmallVector<Access> accesses;
    accessRules().lookup(reduction.op)->accesses(
        reduction.op, plan.space, reduction.at, reduction.step, accesses);
    const Access &access = accesses[side.operand];
    VectorScope vectors(*this, side.vectorDim, side.width);
    Value condition = joinMasks(exists, emitGuards(access.guards));
    Value operand = reduction.op->getOperand(access.operand);
    Value value = splat(emitValue(operand, access.index, condition));
    // What is computed where there is nothing may be anything.
    if (condition && members.contains(operand.getDefiningOp()))
      value = select(condition, value, numberLike(value, 0));
    fetched.push_back(value);
    scopes.pop_back();
  }
  return fetched;
}

/// An element of a side's tile in workgroup memory, in which a step's elements
/// lie side by side, and one more keeps steps apart in its banks.
Value RegionEmitter::tileAddress(const TileSide &side, Type element, Value at,
                                 Value depth) {
  int64_t pitch = side.extent + 1;
  Value base = sharedArray(element, side.operand,
                           pitch * int64_t(walk.tile->depth));
  Value position = arith::AddIOp::create(
      b, loc, arith::MulIOp::create(b, loc, depth, i64(pitch)), at);
  return LLVM::GEPOp::create(b, loc, base.getType(), element, base,
                             ArrayRef<LLVM::GEPArg>{position});
}

void RegionEmitter::putTile(const TileSide &side, ValueRange fetched) {
  for (auto [e, value] : llvm::enumerate(fetched)) {
    TilePlace place = fetchPlace(side, unsigned(e));
    LLVM::StoreOp::create(
        b, loc, value,
        tileAddress(side, value.getType(), place.at, place.depth));
  }
}

/// Among a tile's extent, those of a thread are a square's width apart.
Value RegionEmitter::ownPlace(bool isRow, unsigned i) {
  Value thread = threadNumber(*this), across = i64(threadsAcross);
  Value own = isRow ? Value(arith::DivUIOp::create(b, loc, thread, across))
                    : Value(arith::RemUIOp::create(b, loc, thread, across));
  return arith::AddIOp::create(b, loc, own, i64(int64_t(i) * threadsAcross));
}

/// Adds the products of the steps that are in workgroup memory.
RegionEmitter::Values RegionEmitter::multiplyTiles(Values sums,
                                                   ArrayRef<Type> elements) {
  const ContractionTile &tile = *walk.tile;
  const RegionReduction &reduction = plan.reductions[0];
  const ReduceFunction *function = reduceFunctions().lookup(reduction.op);
  unsigned tall = tile.rows.extent / threadsAcross;
  unsigned wide = tile.columns.extent / threadsAcross;
  for (unsigned depth = 0; depth < tile.depth; ++depth) {
    auto loadOwn = [&](const TileSide &side, bool isRow, unsigned count) {
      Values own;
      Type element = elements[side.operand];
      for (unsigned i = 0; i < count; ++i)
        own.push_back(LLVM::LoadOp::create(
            b, loc, element,
            tileAddress(side, element, ownPlace(isRow, i), i64(depth))));
      return own;
    };
    Values rows = loadOwn(tile.rows, true, tall);
    Values columns = loadOwn(tile.columns, false, wide);
    for (unsigned i = 0; i < tall; ++i)
      for (unsigned j = 0; j < wide; ++j) {
        Element operands[2];
        operands[tile.rows.operand].value = rows[i];
        operands[tile.columns.operand].value = columns[j];
        Value &sum = sums[i * wide + j];
        sum = function->combine(*this, reduction.op, {sum}, reduction.at,
                                reduction.step,
                                ArrayRef<Element>(operands, 2))[0];
      }
  }
  return sums;
}

/// Applies what follows to this thread's results, and stores them.
void RegionEmitter::storeTile(Value firstRow, Value firstColumn,
                              ArrayRef<Value> sums) {
  unsigned wide = walk.tile->columns.extent / threadsAcross;
  for (auto [number, sum] : llvm::enumerate(sums))
    storeResult(firstRow, ownPlace(true, unsigned(number) / wide), firstColumn,
                ownPlace(false, unsigned(number) % wide), sum);
}

/// The result in row `row`, column `column` of the tile.
void RegionEmitter::storeResult(Value firstRow, Value row, Value firstColumn,
                                Value column, Value sum) {
  const ContractionTile &tile = *walk.tile;
  Values dims = scopes.back().dims;
  Value isRow = placeOnSide(tile.rows, firstRow, row, dims);
  Value isColumn = placeOnSide(tile.columns, firstColumn, column, dims);
  scopes.emplace_back().dims = std::move(dims);
  isActive = joinMasks(isRow, isColumn);
  storeContraction(sum);
  isActive = nullptr;
  scopes.pop_back();
}

/// Of the dims of the innermost scope.
void RegionEmitter::storeContraction(Value result) {
  const RegionReduction &reduction = plan.reductions[0];
  reductionResults[reduction.op->getResult(0)] =
      watched(reduction.op, result, reduction.at, nullptr);
  SmallVector<const RegionOutput *> stored;
  for (const RegionOutput &output : plan.outputs)
    stored.push_back(&output);
  storeAll(stored);
}

void RegionEmitter::emitContraction() {
  const ContractionTile &tile = *walk.tile;
  Value rest = blockNumber(*this);
  auto split = [&](const TileSide &side) -> Value {
    Value part = arith::RemUIOp::create(b, loc, rest, i64(side.tiles));
    rest = arith::DivUIOp::create(b, loc, rest, i64(side.tiles));
    return arith::MulIOp::create(b, loc, part, i64(side.extent));
  };
  Value firstColumn = split(tile.columns), firstRow = split(tile.rows);
  Scope &scope = scopes.emplace_back();
  scope.dims.resize(plan.space.getDims().size());
  delinearize(b, loc, plan, tile.batch, rest, scope.dims);
  if (tile.matrixElement)
    emitMatrixTile(firstRow, firstColumn);
  else
    emitScalarTile(firstRow, firstColumn);
  scopes.pop_back();
}

void RegionEmitter::emitScalarTile(Value firstRow, Value firstColumn) {
  const ContractionTile &tile = *walk.tile;
  const RegionReduction &reduction = plan.reductions[0];
  int64_t count = plan.reducedCount(), depth = tile.depth;
  int64_t most = llvm::divideCeil(count, depth) * depth;
  auto fetch = [&](Value start, bool isNext) {
    // Beyond the last steps there is nothing to fetch.
    bool mayEnd = isNext || count % depth != 0;
    Values rows = fetchTile(tile.rows, firstRow, start, mayEnd);
    rows.append(fetchTile(tile.columns, firstColumn, start, mayEnd));
    return rows;
  };
  Values carried = fetch(i64(0), false);
  size_t fetched = carried.size();
  unsigned inRows = tile.rows.extent * depth / walk.threads;
  SmallVector<Type> elements(2);
  elements[tile.rows.operand] = carried.front().getType();
  elements[tile.columns.operand] = carried.back().getType();
  Value zero = reduceFunctions().lookup(reduction.op)->init(*this,
                                                            reduction.op)[0];
  carried.append(tile.rows.extent * tile.columns.extent / walk.threads, zero);

  auto loop = scf::ForOp::create(b, loc, i64(0), i64(most), i64(depth), carried);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    ValueRange arguments = loop.getRegionIterArgs();
    // What was put there before has been read.
    NVVM::Barrier0Op::create(b, loc);
    putTile(tile.rows, arguments.take_front(inRows));
    putTile(tile.columns, arguments.slice(inRows, fetched - inRows));
    NVVM::Barrier0Op::create(b, loc);
    Value next = arith::AddIOp::create(b, loc, loop.getInductionVar(),
                                       i64(depth));
    Values results = fetch(next, true);
    results.append(
        multiplyTiles(Values(arguments.drop_front(fetched)), elements));
    scf::YieldOp::create(b, loc, results);
  }
  Values sums(loop.getResults().drop_front(fetched));
  storeTile(firstRow, firstColumn, sums);
}

} // namespace dlc::emit
