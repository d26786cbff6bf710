//===- MatrixEngine.cpp - attention's products by tensor cores ------------===//
//
// mma.m16n8k16: a warp owns 16 rows, a thread two of them, 8 apart. Of the
// numbers of a product it has, for each 8 columns, two neighbours in either
// row: what is rounded to 16 bits is the left operand of the next product as
// it is, so probabilities never leave their registers.
//
// Tiles are row-major and read by ldmatrix, transposed for `accumulate`. Rows
// are 16 bytes longer than a multiple of 32, which keeps the eight rows of a
// matrix in different banks.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/Matrices.h"
#include "compiler/codegen/emitter/attention/Engine.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dlc::emit {

namespace {

/// Rows of a warp, steps of a product.
constexpr int64_t warpRows = productRows, stepColumns = 16;
constexpr unsigned warps = 4, lanes = 32;

class MatrixEngine : public AttentionEngine {
public:
  MatrixEngine(AttentionBuilder &e, const EngineChoice &choice);

  Value ownRow(unsigned slot) override {
    return e.add(e.add(warpRow(), e.div(lane(), 4)),
                 int64_t(slot) * matrixRows);
  }
  unsigned count(int64_t columns) const override {
    return paddedColumns(columns) / matrixRows * 4;
  }
  unsigned slotOf(unsigned i) const override { return i % 4 / 2; }
  Value columnOf(unsigned i) override {
    return e.add(e.mul(e.rem(lane(), 4), 2),
                 i / 4 * matrixRows + int64_t(i % 2));
  }
  bool isPaired() const override { return true; }
  int64_t paddedColumns(int64_t columns) const override {
    return llvm::alignTo(columns, stepColumns);
  }
  OwnRows loadRows(const Matrix &matrix, Value first, bool isSecond) override;
  Tile makeTile(const Matrix &matrix) override {
    return makeTile(matrix, tileRows);
  }
  Values products(const OwnRows &own, const Tile &tile) override;
  Values accumulate(ValueRange sums, ValueRange p, const Tile &tile) override;

private:
  Value lane() { return e.rem(e.thread(), lanes); }
  Value warpRow() { return e.mul(e.div(e.thread(), lanes), warpRows); }
  Tile makeTile(const Matrix &matrix, int64_t rows) {
    int64_t columns = paddedColumns(matrix.columns);
    return e.makeTile(element, rows, columns, columns + matrixRows);
  }
  Values loadFragments(const Matrix &matrix, Value first);
  Value loadPair(const Matrix &matrix, Value row, Value column);
  void multiply(Values &sums, unsigned at, ValueRange a, ValueRange b);
  /// Two numbers as a word.
  Value pack(Value low, Value high);

  Type element;
  /// Two sums and two own matrices are more than a thread's registers.
  bool isWide;
};

} // namespace

MatrixEngine::MatrixEngine(AttentionBuilder &e, const EngineChoice &choice)
    : AttentionEngine(e), element(choice.element) {
  slots = 2;
  threads = warps * lanes;
  ownRows = warps * warpRows;
  isWide = choice.isBackward && choice.depth + choice.width > 128;
  tileRows = isWide ? 32 : 64;
}

Values MatrixEngine::loadFragments(const Matrix &matrix, Value first) {
  Values words;
  for (int64_t k = 0; k < paddedColumns(matrix.columns); k += stepColumns)
    for (int64_t part = 0; part < 4; ++part) {
      Value row = e.add(first, ownRow(part % 2));
      Value column =
          e.add(e.mul(e.rem(lane(), 4), 2), k + part / 2 * matrixRows);
      words.push_back(loadPair(matrix, row, column));
    }
  return words;
}

/// Two neighbours as a word, zero where there are none.
Value MatrixEngine::loadPair(const Matrix &matrix, Value row, Value column) {
  Type pair = VectorType::get({2}, element);
  Value exists = e.less(row, matrix.rows);
  bool mayEnd = paddedColumns(matrix.columns) != matrix.columns;
  auto at = [&](Value column) {
    Value isThere = exists;
    if (mayEnd)
      isThere = e.both(exists, e.less(column, matrix.columns));
    Value zero = e.i32(0);
    unsigned width = std::min(matrix.width, 2u);
    Value value =
        e.load(matrix, e.select(isThere, row, zero),
               mayEnd ? e.select(isThere, column, zero) : column, width);
    Value nothing =
        arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(value.getType()));
    return Value(arith::SelectOp::create(e.b, e.loc, isThere, value, nothing));
  };
  Value both = at(column);
  if (matrix.width == 1) {
    Value vector = LLVM::PoisonOp::create(e.b, e.loc, pair);
    vector = LLVM::InsertElementOp::create(e.b, e.loc, vector, both, e.i32(0));
    both = LLVM::InsertElementOp::create(e.b, e.loc, vector,
                                         at(e.add(column, 1)), e.i32(1));
  }
  return LLVM::BitcastOp::create(e.b, e.loc, e.b.getI32Type(), both);
}

OwnRows MatrixEngine::loadRows(const Matrix &matrix, Value first,
                               bool isSecond) {
  OwnRows own;
  own.columns = matrix.columns;
  if (!isWide || !isSecond) {
    own.fragments = loadFragments(matrix, first);
    return own;
  }
  own.tile = makeTile(matrix, ownRows);
  fill(own.tile, matrix, first);
  return own;
}

Value MatrixEngine::pack(Value low, Value high) {
  Value vector =
      LLVM::PoisonOp::create(e.b, e.loc, VectorType::get({2}, low.getType()));
  vector = LLVM::InsertElementOp::create(e.b, e.loc, vector, low, e.i32(0));
  vector = LLVM::InsertElementOp::create(e.b, e.loc, vector, high, e.i32(1));
  return LLVM::BitcastOp::create(e.b, e.loc, e.b.getI32Type(),
                                 e.narrow(vector, element));
}

/// sums[at … at + 3] += a b
void MatrixEngine::multiply(Values &sums, unsigned at, ValueRange a,
                            ValueRange b) {
  multiplyMatrices(e, element, MutableArrayRef<Value>(sums).slice(at, 4), a, b);
}

Values MatrixEngine::products(const OwnRows &own, const Tile &tile) {
  Values sums(count(tileRows), e.number(e.b.getF32Type(), 0));
  // Matrices: rows 0 to 7 at both halves of the step, then rows 8 to 15.
  Value row = e.add(e.mul(e.div(lane(), 16), matrixRows), e.rem(lane(), 8));
  Value column = e.mul(e.rem(e.div(lane(), 8), 2), matrixRows);
  for (int64_t k = 0; k < paddedColumns(own.columns); k += stepColumns) {
    Values a;
    if (own.fragments.empty())
      // Both halves of the rows at the step's first columns, then its last.
      a = loadMatrices(
          e,
          e.address(own.tile, e.add(warpRow(), e.rem(lane(), 16)),
                    e.add(e.mul(e.div(lane(), 16), matrixRows), k)),
          false);
    else
      a.append(own.fragments.begin() + k / stepColumns * 4,
               own.fragments.begin() + k / stepColumns * 4 + 4);
    for (int64_t n = 0; n < int64_t(tileRows); n += 2 * matrixRows) {
      Values words = loadMatrices(
          e, e.address(tile, e.add(row, n), e.add(column, k)), false);
      ValueRange right(words);
      multiply(sums, n / matrixRows * 4, a, right.take_front(2));
      multiply(sums, n / matrixRows * 4 + 4, a, right.drop_front(2));
    }
  }
  return sums;
}

Values MatrixEngine::accumulate(ValueRange before, ValueRange p,
                                const Tile &tile) {
  Values sums(before);
  // Matrices: both halves of the step's rows at 8 columns, then at the next 8.
  Value row = e.rem(lane(), 16);
  Value column = e.mul(e.div(lane(), 16), matrixRows);
  for (int64_t k = 0; k < int64_t(tileRows); k += stepColumns) {
    unsigned i = k / matrixRows * 4;
    Values a = {pack(p[i], p[i + 1]), pack(p[i + 2], p[i + 3]),
                pack(p[i + 4], p[i + 5]), pack(p[i + 6], p[i + 7])};
    for (int64_t n = 0; n < tile.columns; n += 2 * matrixRows) {
      Values words = loadMatrices(
          e, e.address(tile, e.add(row, k), e.add(column, n)), true);
      ValueRange right(words);
      multiply(sums, n / matrixRows * 4, a, right.take_front(2));
      multiply(sums, n / matrixRows * 4 + 4, a, right.drop_front(2));
    }
  }
  return sums;
}

std::unique_ptr<AttentionEngine> makeMatrixEngine(AttentionBuilder &e,
                                                  const EngineChoice &choice) {
  return std::make_unique<MatrixEngine>(e, choice);
}

} // namespace dlc::emit
