//===- Builder.h - what attention's kernels are built with ------*- C++ -*-===//
//
// Short names for 32-bit indices, loops with carried values, memory of a
// workgroup, and the matrices that attention reads and writes: rows of one
// head, which may lie anywhere in a larger tensor.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_CODEGEN_EMITTER_ATTENTION_BUILDER_H
#define DLC_COMPILER_CODEGEN_EMITTER_ATTENTION_BUILDER_H

#include "compiler/codegen/emitter/Elements.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace dlc::emit {

using Values = llvm::SmallVector<mlir::Value>;

/// Rows x columns in global memory. Columns follow each other.
struct Matrix {
  /// Of the first element.
  mlir::Value base;
  mlir::Type element;
  int64_t rows, columns, rowStride;
  /// Elements that one access can take anywhere in a row: a power of two.
  unsigned width;
};

/// Rows in the memory of a workgroup.
struct Tile {
  mlir::Value base;
  mlir::Type element;
  /// What is not in the matrix is zero there.
  int64_t rows, columns;
  int64_t rowStride;
};

class AttentionBuilder : public ElementBuilder {
public:
  using Value = mlir::Value;

  /// `shared` names a global for the workgroup's memory.
  AttentionBuilder(mlir::OpBuilder &b, mlir::Location loc,
                   llvm::StringRef shared)
      : ElementBuilder(b, loc, 0), sharedName(shared.str()) {}
  Value indexValue(mlir::AffineExpr) override { return nullptr; }

  // --- Arithmetic, on i32 or floats ----------------------------------------

  Value i32(int64_t value) { return integer(b.getI32Type(), value); }
  Value add(Value x, Value y);
  Value sub(Value x, Value y);
  Value mul(Value x, Value y);
  Value add(Value x, int64_t y) { return y ? add(x, i32(y)) : x; }
  Value mul(Value x, int64_t y) { return y == 1 ? x : mul(x, i32(y)); }
  /// Of numbers that are not negative.
  Value div(Value x, int64_t y);
  Value rem(Value x, int64_t y);
  Value smaller(Value x, Value y);
  Value larger(Value x, Value y);
  Value less(Value x, Value y);
  Value less(Value x, int64_t y) { return less(x, i32(y)); }
  Value both(Value x, Value y);
  Value either(Value x, Value y);
  Value fma(Value x, Value y, Value z);
  Value exp2(Value x);
  Value widen(Value x, mlir::Type type);
  Value narrow(Value x, mlir::Type type);

  // --- Control -------------------------------------------------------------

  /// Carries values from `low` to `high`; the body gets them and returns them.
  Values
  loop(Value low, Value high, int64_t step, mlir::ValueRange carried,
       llvm::function_ref<Values(Value at, mlir::ValueRange carried)> body);
  void loop(Value low, Value high, int64_t step,
            llvm::function_ref<void(Value at)> body);
  void when(Value condition, llvm::function_ref<void()> body);
  /// What `body` returns where `condition` holds, else `otherwise`.
  Values choose(Value condition, mlir::ValueRange otherwise,
                llvm::function_ref<Values()> body);

  // --- Threads -------------------------------------------------------------

  Value thread();
  Value block();
  Value intrinsic(llvm::StringRef name, mlir::Type result,
                  mlir::ValueRange arguments);
  void barrier();
  void warpBarrier();
  /// Copies into the workgroup's memory are there for all threads.
  void arrive();
  /// Over the four threads that share rows.
  Value quadSum(Value x);
  Value quadMax(Value x);

  // --- Memory --------------------------------------------------------------

  /// Element or vector of `width` at (row, column), which exist.
  Value load(const Matrix &matrix, Value row, Value column, unsigned width = 1);
  void store(const Matrix &matrix, Value row, Value column, Value value);
  Value load(const Tile &tile, Value row, Value column);
  void store(const Tile &tile, Value row, Value column, Value value);
  Value address(const Tile &tile, Value row, Value column);
  /// `base` moved by elements of `element`.
  Value offset(Value base, mlir::Type element, Value index);

  /// A tile after those that were made before.
  Tile makeTile(mlir::Type element, int64_t rows, int64_t columns,
                int64_t rowStride);
  /// Bytes that are taken; later tiles begin there again.
  int64_t getTaken() const { return taken; }
  void release(int64_t to) { taken = to; }
  /// Declares the global, before `function`.
  void declareShared(mlir::Operation *function);

  /// Fills `tile` with the rows of `matrix` from `first` on, by `threads`
  /// threads. Done after `arrive`.
  void fill(const Tile &tile, const Matrix &matrix, Value first,
            unsigned threads);

private:
  Value address(const Matrix &matrix, Value row, Value column);
  void fillChunk(const Tile &tile, const Matrix &matrix, Value first,
                 Value chunk, unsigned width);

  std::string sharedName;
  int64_t taken = 0, mostTaken = 0;
};

/// Bytes in bits of `type`.
inline int64_t byteWidth(mlir::Type type) {
  return (type.getIntOrFloatBitWidth() + 7) / 8;
}

} // namespace dlc::emit

#endif
