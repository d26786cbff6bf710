//===- ScalarEngine.cpp - attention's products by threads -----------------===//
//
// A quad owns one row; its thread c has the columns c, c + 4, c + 8, … of
// scores and sums. Everything lies in the workgroup's memory, rows an odd
// number of elements apart, so that the rows of a warp are in other banks. p
// goes through memory, too, since each thread of a quad needs all of its row.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/attention/Engine.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dlc::emit {

namespace {

constexpr unsigned quad = 4;

class ScalarEngine : public AttentionEngine {
public:
  ScalarEngine(AttentionBuilder &e, const EngineChoice &choice);

  Value ownRow(unsigned) override { return e.div(e.thread(), quad); }
  unsigned count(int64_t columns) const override {
    return llvm::divideCeil(columns, quad);
  }
  unsigned slotOf(unsigned) const override { return 0; }
  Value columnOf(unsigned i) override {
    return e.add(e.rem(e.thread(), quad), int64_t(quad) * i);
  }
  bool isPaired() const override { return false; }
  int64_t paddedColumns(int64_t columns) const override {
    return llvm::alignTo(columns, quad);
  }
  OwnRows loadRows(const Matrix &matrix, Value first, bool) override;
  Tile makeTile(const Matrix &matrix) override;
  Values products(const OwnRows &own, const Tile &tile) override;
  Values accumulate(ValueRange sums, ValueRange p, const Tile &tile) override;
  void prepare() override {
    scratch = e.makeTile(element, ownRows, tileRows, tileRows + 1);
  }

private:
  Type element;
  Tile scratch;
};

} // namespace

/// Bytes of a workgroup's memory.
constexpr int64_t sharedLimit = 48 << 10;

ScalarEngine::ScalarEngine(AttentionBuilder &e, const EngineChoice &choice)
    : AttentionEngine(e), element(choice.element) {
  slots = 1;
  ownRows = 32;
  // Four tiles backward, the probabilities, two numbers for each row.
  auto bytes = [&](int64_t rows) {
    int64_t columns =
        paddedColumns(choice.depth) + 1 + paddedColumns(choice.width) + 1;
    return (rows * columns * 2 + rows * (rows + 1) + 2 * rows + 64) *
           byteWidth(element);
  };
  while (ownRows > 8 && bytes(ownRows) > sharedLimit)
    ownRows /= 2;
  tileRows = ownRows;
  threads = ownRows * quad;
}

OwnRows ScalarEngine::loadRows(const Matrix &matrix, Value first, bool) {
  OwnRows own;
  own.tile = makeTile(matrix);
  own.columns = matrix.columns;
  fill(own.tile, matrix, first);
  return own;
}

Tile ScalarEngine::makeTile(const Matrix &matrix) {
  int64_t columns = paddedColumns(matrix.columns);
  return e.makeTile(element, tileRows, columns, columns + 1);
}

Values ScalarEngine::products(const OwnRows &own, const Tile &tile) {
  unsigned n = count(tileRows);
  Value row = ownRow(0);
  Values zeros(n, e.number(element, 0));
  return e.loop(
      e.i32(0), e.i32(own.columns), 1, zeros, [&](Value at, ValueRange sums) {
        Value x = e.load(own.tile, row, at);
        Values next;
        for (unsigned i = 0; i < n; ++i)
          next.push_back(e.fma(x, e.load(tile, columnOf(i), at), sums[i]));
        return next;
      });
}

Values ScalarEngine::accumulate(ValueRange sums, ValueRange p,
                                const Tile &tile) {
  Value row = ownRow(0);
  for (auto [i, value] : llvm::enumerate(p))
    e.store(scratch, row, columnOf(i), value);
  // A quad is in one warp.
  e.warpBarrier();
  Values result = e.loop(
      e.i32(0), e.i32(tileRows), 1, sums, [&](Value at, ValueRange carried) {
        Value x = e.load(scratch, row, at);
        Values next;
        for (auto [i, sum] : llvm::enumerate(carried))
          next.push_back(e.fma(x, e.load(tile, at, columnOf(i)), sum));
        return next;
      });
  e.warpBarrier();
  return result;
}

std::unique_ptr<AttentionEngine> makeScalarEngine(AttentionBuilder &e,
                                                  const EngineChoice &choice) {
  return std::make_unique<ScalarEngine>(e, choice);
}

} // namespace dlc::emit
