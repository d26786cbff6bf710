//===- IndexSpace.h - index arithmetic with known ranges --------*- C++ -*-===//
//
// A kernel walks a domain: a box of loop dims of known sizes. Where an op's
// element lies in a tensor is a list of affine expressions over those dims
// (and over symbols: indices that are read from memory, as in a gather).
// `IndexSpace` builds and simplifies such expressions. It knows the range of
// every dim, so reshapes vanish where they can:
//
//   (d0 * 64 + d1) floordiv 64 -> d0           since d1 < 64
//   (r floordiv 64) * 64 + r mod 64 -> r
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_INDEXING_INDEXSPACE_H
#define DLC_DIALECTS_DLC_INDEXING_INDEXSPACE_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"

namespace dlc {

/// One expression per dim of a tensor.
using Index = llvm::SmallVector<mlir::AffineExpr>;

/// Inclusive bounds of an expression.
struct Bounds {
  int64_t least;
  int64_t most;
  bool isWithin(int64_t size) const { return least >= 0 && most < size; }
};

class IndexSpace {
public:
  /// A domain with dims of sizes `dims`.
  IndexSpace(mlir::MLIRContext *context, llvm::ArrayRef<int64_t> dims)
      : context(context), dims(dims) {}

  mlir::MLIRContext *getContext() const { return context; }
  llvm::ArrayRef<int64_t> getDims() const { return dims; }
  mlir::AffineExpr dim(unsigned i) const;
  mlir::AffineExpr constant(int64_t value) const;
  /// All dims of the domain, in order.
  Index identity() const;

  /// An index that is read from memory: element `at` of the integer tensor
  /// `indices`, brought into [0, size). The same element is the same symbol.
  mlir::AffineExpr dynamic(mlir::Value indices, const Index &at, int64_t size);
  struct Symbol {
    mlir::Value indices;
    Index at;
    int64_t size;
  };
  const Symbol &getSymbol(unsigned position) const { return symbols[position]; }

  /// The canonical form of `expr`: equal expressions that differ only in how
  /// they were built become identical, as far as linear arithmetic, known
  /// ranges and the two rules above can show it.
  mlir::AffineExpr simplify(mlir::AffineExpr expr) const;
  Bounds bounds(mlir::AffineExpr expr) const;

  /// Row-major position of `index` in a tensor of shape `shape`.
  mlir::AffineExpr linearize(llvm::ArrayRef<mlir::AffineExpr> index,
                             llvm::ArrayRef<int64_t> shape) const;
  /// The inverse.
  Index delinearize(mlir::AffineExpr linear,
                    llvm::ArrayRef<int64_t> shape) const;
  /// `index` into a tensor of shape `from`, as an index into the same elements
  /// of shape `to`. Dims that both shapes share stay as they are.
  Index reshape(llvm::ArrayRef<mlir::AffineExpr> index,
                llvm::ArrayRef<int64_t> from,
                llvm::ArrayRef<int64_t> to) const;

private:
  struct Linear;
  Linear flatten(mlir::AffineExpr expr) const;
  Linear flattenDivision(mlir::AffineBinaryOpExpr expr) const;
  Bounds boundsOf(const Linear &linear) const;
  Bounds boundsOfAtom(mlir::AffineExpr atom) const;
  mlir::AffineExpr rebuild(const Linear &linear) const;

  mlir::MLIRContext *context;
  llvm::SmallVector<int64_t> dims;
  llvm::SmallVector<Symbol> symbols;
};

/// The coefficient of dim `dim` in `expr` if `expr` is linear in it, that is,
/// expr = coefficient * dim + (something without dim); none otherwise.
std::optional<int64_t> linearCoefficient(mlir::AffineExpr expr, unsigned dim);

/// Number of elements of `shape`.
int64_t elementCount(llvm::ArrayRef<int64_t> shape);

} // namespace dlc

#endif
