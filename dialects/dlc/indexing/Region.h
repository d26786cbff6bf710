//===- Region.h - how a set of ops walks as one kernel ----------*- C++ -*-===//
//
// A fusion region is a set of ops and the values it must produce. As a kernel
// it walks a domain `kept x reduced`: one group of iterations per kept element,
// and inside it, once per level, all reduced elements. Without reductions the
// reduced part is empty and the region is a plain map.
//
//   mean = reduce_sum(x) / n          level 1 sums x over the reduced dims
//   var  = reduce_sum((x - mean)^2)   level 2 needs level 1
//   y    = (x - mean) * rsqrt(var)    stored while walking after level 2
//
// The region is legal when all its reductions have equally many kept and
// reduced elements, all its sums add in the same order (SumOrder.h), and every
// use of a reduction's result reads it at the kept element that is being walked.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_INDEXING_REGION_H
#define DLC_DIALECTS_DLC_INDEXING_REGION_H

#include "dialects/dlc/indexing/Access.h"
#include "dialects/dlc/indexing/SumOrder.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

#include <string>

namespace dlc {

struct RegionReduction {
  mlir::Operation *op;
  unsigned level;
  Index at, step;
};

struct RegionOutput {
  mlir::Value value;
  Index at;
  /// The levels whose reductions it needs: it is stored after them.
  unsigned level;
  /// Stored once per kept element, not for every reduced one.
  bool isPerRow;
};

/// One read of a value from outside the region.
struct RegionLeaf {
  mlir::Value value;
  mlir::AffineExpr offset;
  /// Which sweep reads it (level 1 is the first), 0 if once per kept element.
  unsigned sweep;
};

class RegionPlan {
public:
  llvm::SmallVector<int64_t> kept, reduced;
  IndexSpace space;
  llvm::SmallVector<RegionReduction, 0> reductions;
  llvm::SmallVector<RegionOutput, 0> outputs;
  llvm::SmallVector<RegionLeaf, 0> leaves;
  /// Every other expression that the kernel evaluates: iotas, guards.
  llvm::SmallVector<mlir::AffineExpr, 0> exprs;
  /// Sum over ops of their cost times how often they are evaluated, in
  /// elementary vector-lane operations.
  double operations = 0;
  unsigned levels = 0;
  /// How its sums want it to be walked; none if it has none.
  std::optional<SumOrder> order;

  explicit RegionPlan(mlir::MLIRContext *context) : space(context, {}) {}
  int64_t keptCount() const { return elementCount(kept); }
  int64_t reducedCount() const { return elementCount(reduced); }
};

/// The region made of `ops` (in program order) that must produce `outputs`.
/// `kept` and `reduced` may be given to walk it as another, equally large box
/// (for instance with dims merged); otherwise the largest reduction, or the
/// first output, decides. On failure `why` (if given) says which rule is
/// broken, as a reason code and words.
mlir::FailureOr<RegionPlan>
planRegion(llvm::ArrayRef<mlir::Operation *> ops,
           llvm::ArrayRef<mlir::Value> outputs, std::string *why = nullptr,
           std::optional<llvm::ArrayRef<int64_t>> kept = std::nullopt,
           std::optional<llvm::ArrayRef<int64_t>> reduced = std::nullopt);

/// The plan with as few dims as keep every expression linear, and such that a
/// walk over it can add in the order of its sums.
mlir::FailureOr<RegionPlan>
planCollapsedRegion(llvm::ArrayRef<mlir::Operation *> ops,
                    llvm::ArrayRef<mlir::Value> outputs,
                    std::string *why = nullptr);

/// What one evaluation of `op` costs, in elementary operations.
double elementCost(mlir::Operation *op);

} // namespace dlc

#endif
