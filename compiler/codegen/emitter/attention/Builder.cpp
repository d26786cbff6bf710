//===- Builder.cpp - what attention's kernels are built with --------------===//
#include "compiler/codegen/emitter/attention/Builder.h"

#include "compiler/codegen/emitter/Math.h"
#include "compiler/codegen/emitter/Matrices.h"
#include "compiler/codegen/emitter/Threads.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dlc::emit {

/// NVPTX's number for the memory of a workgroup.
constexpr unsigned sharedMemory = 3;
/// What an asynchronous copy takes.
constexpr int64_t copyBytes = 16;

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

static bool isFloat(Value x) {
  return isa<FloatType>(getElementTypeOrSelf(x.getType()));
}

template <typename FloatOp, typename IntOp>
static Value binary(AttentionBuilder &e, Value x, Value y) {
  if (isFloat(x))
    return FloatOp::create(e.b, e.loc, x, y);
  return IntOp::create(e.b, e.loc, x, y);
}

Value AttentionBuilder::add(Value x, Value y) {
  return binary<arith::AddFOp, arith::AddIOp>(*this, x, y);
}
Value AttentionBuilder::sub(Value x, Value y) {
  return binary<arith::SubFOp, arith::SubIOp>(*this, x, y);
}
Value AttentionBuilder::mul(Value x, Value y) {
  return binary<arith::MulFOp, arith::MulIOp>(*this, x, y);
}
Value AttentionBuilder::div(Value x, int64_t y) {
  return y == 1 ? x : Value(arith::DivUIOp::create(b, loc, x, i32(y)));
}
Value AttentionBuilder::rem(Value x, int64_t y) {
  return arith::RemUIOp::create(b, loc, x, i32(y));
}
Value AttentionBuilder::smaller(Value x, Value y) {
  return binary<arith::MinNumFOp, arith::MinSIOp>(*this, x, y);
}
Value AttentionBuilder::larger(Value x, Value y) {
  return binary<arith::MaxNumFOp, arith::MaxSIOp>(*this, x, y);
}
Value AttentionBuilder::less(Value x, Value y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y);
}
Value AttentionBuilder::both(Value x, Value y) {
  return arith::AndIOp::create(b, loc, x, y);
}
Value AttentionBuilder::either(Value x, Value y) {
  return arith::OrIOp::create(b, loc, x, y);
}
Value AttentionBuilder::fma(Value x, Value y, Value z) {
  return math::FmaOp::create(b, loc, x, y, z);
}
Value AttentionBuilder::exp2(Value x) { return emitExp2(b, loc, x); }
Value AttentionBuilder::widen(Value x, Type type) {
  if (getElementTypeOrSelf(x.getType()) == type)
    return x;
  if (auto vector = dyn_cast<VectorType>(x.getType()))
    type = vector.clone(type);
  return arith::ExtFOp::create(b, loc, type, x);
}
Value AttentionBuilder::narrow(Value x, Type type) {
  if (getElementTypeOrSelf(x.getType()) == type)
    return x;
  if (auto vector = dyn_cast<VectorType>(x.getType()))
    type = vector.clone(type);
  return arith::TruncFOp::create(b, loc, type, x);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

Values AttentionBuilder::loop(Value low, Value high, int64_t step,
                              ValueRange carried,
                              function_ref<Values(Value, ValueRange)> body) {
  auto forOp = scf::ForOp::create(b, loc, low, high, i32(step), carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(forOp.getBody());
  Values next = body(forOp.getInductionVar(), forOp.getRegionIterArgs());
  if (carried.empty())
    return {};
  scf::YieldOp::create(b, loc, next);
  return Values(forOp.getResults());
}

void AttentionBuilder::loop(Value low, Value high, int64_t step,
                            function_ref<void(Value)> body) {
  loop(low, high, step, {}, [&](Value at, ValueRange) {
    body(at);
    return Values();
  });
}

void AttentionBuilder::when(Value condition, function_ref<void()> body) {
  auto ifOp = scf::IfOp::create(b, loc, TypeRange(), condition, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  body();
}

Values AttentionBuilder::choose(Value condition, ValueRange otherwise,
                                function_ref<Values()> body) {
  auto ifOp = scf::IfOp::create(b, loc, otherwise.getTypes(), condition, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  scf::YieldOp::create(b, loc, body());
  b.setInsertionPointToStart(ifOp.elseBlock());
  scf::YieldOp::create(b, loc, otherwise);
  return Values(ifOp.getResults());
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

Value AttentionBuilder::thread() {
  return NVVM::ThreadIdXOp::create(b, loc, b.getI32Type());
}
Value AttentionBuilder::block() {
  return NVVM::BlockIdXOp::create(b, loc, b.getI32Type());
}

Value AttentionBuilder::intrinsic(StringRef name, Type result,
                                  ValueRange arguments) {
  return callIntrinsic(*this, name, result, arguments);
}

void AttentionBuilder::barrier() {
  intrinsic("barrier.cta.sync.aligned.all", nullptr, i32(0));
}
void AttentionBuilder::warpBarrier() {
  intrinsic("bar.warp.sync", nullptr, i32(-1));
}
void AttentionBuilder::arrive() {
  intrinsic("cp.async.wait.all", nullptr, {});
  barrier();
}

Value AttentionBuilder::quadSum(Value x) {
  for (unsigned bits : {1, 2})
    x = add(x, shuffleXor(*this, x, bits));
  return x;
}
Value AttentionBuilder::quadMax(Value x) {
  for (unsigned bits : {1, 2})
    x = larger(x, shuffleXor(*this, x, bits));
  return x;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value AttentionBuilder::offset(Value base, Type element, Value index) {
  return LLVM::GEPOp::create(b, loc, base.getType(), element, base,
                             ArrayRef<LLVM::GEPArg>{index});
}

Value AttentionBuilder::address(const Matrix &matrix, Value row, Value column) {
  if (matrix.rows * matrix.rowStride < INT32_MAX)
    return offset(matrix.base, matrix.element,
                  add(mul(row, matrix.rowStride), column));
  Type i64 = b.getI64Type();
  Value begin =
      arith::MulIOp::create(b, loc, arith::ExtUIOp::create(b, loc, i64, row),
                            integer(i64, matrix.rowStride));
  return offset(offset(matrix.base, matrix.element, begin), matrix.element,
                column);
}

Value AttentionBuilder::load(const Matrix &matrix, Value row, Value column,
                             unsigned width) {
  Type type = width == 1
                  ? matrix.element
                  : Type(VectorType::get({int64_t(width)}, matrix.element));
  return LLVM::LoadOp::create(b, loc, type, address(matrix, row, column),
                              unsigned(width * byteWidth(matrix.element)));
}

void AttentionBuilder::store(const Matrix &matrix, Value row, Value column,
                             Value value) {
  auto vector = dyn_cast<VectorType>(value.getType());
  int64_t width = vector ? vector.getNumElements() : 1;
  LLVM::StoreOp::create(b, loc, value, address(matrix, row, column),
                        unsigned(width * byteWidth(matrix.element)));
}

Value AttentionBuilder::address(const Tile &tile, Value row, Value column) {
  return offset(tile.base, tile.element, add(mul(row, tile.rowStride), column));
}
Value AttentionBuilder::load(const Tile &tile, Value row, Value column) {
  return LLVM::LoadOp::create(b, loc, tile.element, address(tile, row, column),
                              unsigned(byteWidth(tile.element)));
}
void AttentionBuilder::store(const Tile &tile, Value row, Value column,
                             Value value) {
  auto vector = dyn_cast<VectorType>(value.getType());
  int64_t width = vector ? vector.getNumElements() : 1;
  LLVM::StoreOp::create(b, loc, value, address(tile, row, column),
                        unsigned(width * byteWidth(tile.element)));
}

Tile AttentionBuilder::makeTile(Type element, int64_t rows, int64_t columns,
                                int64_t rowStride) {
  auto type = LLVM::LLVMPointerType::get(b.getContext(), sharedMemory);
  Value start = LLVM::AddressOfOp::create(b, loc, type, sharedName);
  Value base = offset(start, b.getI8Type(), i32(taken));
  taken += llvm::alignTo(rows * rowStride * byteWidth(element), copyBytes);
  mostTaken = std::max(mostTaken, taken);
  return {base, element, rows, columns, rowStride};
}

void AttentionBuilder::declareShared(Operation *function) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(function);
  LLVM::GlobalOp::create(
      b, loc, LLVM::LLVMArrayType::get(b.getI8Type(), mostTaken),
      /*isConstant=*/false, LLVM::Linkage::Internal, sharedName, Attribute(),
      /*alignment=*/copyBytes, sharedMemory);
}

void AttentionBuilder::fill(const Tile &tile, const Matrix &matrix, Value first,
                            unsigned threads) {
  unsigned width = matrix.width;
  int64_t chunks = tile.rows * (llvm::divideCeil(tile.columns, width));
  // No iteration of these needs a guard, and they are few.
  constexpr int64_t fewSteps = 16;
  int64_t steps = chunks / threads;
  if (chunks % threads == 0 && steps <= fewSteps) {
    for (int64_t i = 0; i < steps; ++i)
      fillChunk(tile, matrix, first, add(thread(), i * threads), width);
    return;
  }
  loop(thread(), i32(chunks), threads,
       [&](Value chunk) { fillChunk(tile, matrix, first, chunk, width); });
}

void AttentionBuilder::fillChunk(const Tile &tile, const Matrix &matrix,
                                 Value first, Value chunk, unsigned width) {
  int64_t perRow = llvm::divideCeil(tile.columns, width);
  Value row = div(chunk, perRow), column = mul(rem(chunk, perRow), width);
  Value from = add(first, row);
  Value exists = less(from, matrix.rows);
  if (tile.columns > matrix.columns)
    exists = both(exists, less(column, matrix.columns));
  Value zero = i32(0);
  // What does not exist is not read, but the address is one of the matrix.
  from = select(exists, from, zero);
  Value fromColumn =
      tile.columns > matrix.columns ? select(exists, column, zero) : column;
  int64_t bytes = width * byteWidth(tile.element);
  bool isAligned = tile.rowStride % width == 0;
  if (bytes == copyBytes && isAligned) {
    Value count = select(exists, i32(bytes), zero);
    intrinsic(
        "cp.async.cg.shared.global.16.s", nullptr,
        {address(tile, row, column), address(matrix, from, fromColumn), count});
    return;
  }
  Value loaded = load(matrix, from, fromColumn, width);
  Value nothing =
      arith::ConstantOp::create(b, loc, b.getZeroAttr(loaded.getType()));
  loaded = arith::SelectOp::create(b, loc, exists, loaded, nothing);
  if (isAligned || width == 1) {
    store(tile, row, column, loaded);
    return;
  }
  for (unsigned i = 0; i < width; ++i)
    store(tile, row, add(column, i),
          LLVM::ExtractElementOp::create(b, loc, loaded, i32(i)));
}

} // namespace dlc::emit
