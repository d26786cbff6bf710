//===- Engine.h - products of tiles for attention ---------------*- C++ -*-===//
//
// Attention's two halves are the same few products whatever computes them. A
// workgroup owns some rows of one matrix and meets the rows of others a tile
// at a time:
//
//   products     scores[own row, row]  = own row . row
//   accumulate   sums[own row, column] += p[own row, row] * tile[row, column]
//
// Four neighbouring threads, a quad, share own rows: each has `slots` of them,
// and of scores and sums the columns that `columnOf` says. So a row's maximum
// and sum need two shuffles, and p has the form that `accumulate` takes.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_CODEGEN_EMITTER_ATTENTION_ENGINE_H
#define DLC_COMPILER_CODEGEN_EMITTER_ATTENTION_ENGINE_H

#include "compiler/codegen/emitter/attention/Builder.h"

#include <memory>

namespace dlc::emit {

/// A workgroup's own rows, in registers or in its memory.
struct OwnRows {
  Values fragments;
  Tile tile;
  int64_t columns = 0;
};

class AttentionEngine {
public:
  using Value = mlir::Value;
  virtual ~AttentionEngine() = default;

  AttentionBuilder &e;
  /// Threads of a workgroup, rows that it owns, and rows of a tile.
  unsigned threads, ownRows, tileRows;
  /// Own rows of a thread.
  unsigned slots;

  /// Among the workgroup's rows.
  virtual Value ownRow(unsigned slot) = 0;
  /// How many scores and sums of `columns` columns a thread has, and which:
  /// number `i` is of slot `slotOf(i)`.
  virtual unsigned count(int64_t columns) const = 0;
  virtual unsigned slotOf(unsigned i) const = 0;
  virtual Value columnOf(unsigned i) = 0;
  /// `i` and `i + 1` are neighbours, `i` in an even column.
  virtual bool isPaired() const = 0;

  /// Threads agree on what is in memory after `arrive`. `isSecond`: of two
  /// matrices of own rows, this is the one to keep in memory if there are not
  /// registers for both.
  virtual OwnRows loadRows(const Matrix &matrix, Value first,
                           bool isSecond = false) = 0;
  /// Room for `tileRows` rows of `matrix`.
  virtual Tile makeTile(const Matrix &matrix) = 0;
  void fill(const Tile &tile, const Matrix &matrix, Value first) {
    e.fill(tile, matrix, first, threads);
  }
  virtual Values products(const OwnRows &own, const Tile &tile) = 0;
  virtual Values accumulate(mlir::ValueRange sums, mlir::ValueRange p,
                            const Tile &tile) = 0;
  /// To be called before the first `accumulate`.
  virtual void prepare() {}

  /// The column in which sums end: zeros come after those of the matrix.
  virtual int64_t paddedColumns(int64_t columns) const = 0;

protected:
  explicit AttentionEngine(AttentionBuilder &e) : e(e) {}
};

struct EngineChoice {
  mlir::Type element;
  int64_t depth, width;
  bool isBackward;
};

/// Tensor cores for the 16-bit floats.
std::unique_ptr<AttentionEngine> makeMatrixEngine(AttentionBuilder &e,
                                                  const EngineChoice &choice);
/// Products of threads, for f32 and f64.
std::unique_ptr<AttentionEngine> makeScalarEngine(AttentionBuilder &e,
                                                  const EngineChoice &choice);

} // namespace dlc::emit

#endif
