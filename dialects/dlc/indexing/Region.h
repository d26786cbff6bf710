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
// A *mixed* region (GPUs) also sums across what it keeps: rows in equal groups,
// and per group and column a partial sum, whose terms may need the rows' own
// reductions. The gradient of a normalization is one:
//
//   s  = reduce_sum(dy * gain)                    along each row
//   dx = (dy * gain - s / n ...) * rstd           per element
//   p  = reduce_sum(reshape(dy * xhat)) dims [1]  per group and column
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_INDEXING_REGION_H
#define DLC_DIALECTS_DLC_INDEXING_REGION_H

#include "dialects/dlc/IR/Dlc.h"
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

/// Of a mixed region: a sum over the rows of each group.
struct RegionColumnSum {
  mlir::Operation *op;
  /// The levels whose reductions its terms need.
  unsigned level;
  /// The element of its result, by group and column, and the row in the group.
  Index at, step;
};

struct RegionOutput {
  mlir::Value value;
  Index at;
  /// The levels whose reductions it needs: it is stored after them.
  unsigned level;
  /// Stored once per kept element, not for every reduced one.
  bool isPerRow;
  /// The result of a column sum: stored once per group of rows and column.
  bool isPerColumn = false;
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
  /// Of a mixed region, which keeps [groups, rows per group].
  llvm::SmallVector<RegionColumnSum, 0> columnSums;
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
  bool isMixed() const { return !columnSums.empty(); }
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

/// The number of groups that mixed regions walk `rows` rows in: equal ones, and
/// a function of the number of rows alone, since it decides the order of sums. 0
/// where no such number is near to what keeps a GPU busy.
int64_t mixedGroups(int64_t rows);
/// Columns that a mixed region has at least, and the most that one may have
/// (wide elements, or many sums, leave room for fewer).
constexpr int64_t leastMixedColumns = 17, mostMixedColumns = 4096;

/// As planRegion, for a mixed region of short rows: sums over dim 1 of shapes
/// [groups, rows per group, …] beside reductions along the rows. `why` stays as
/// it is if the region lacks either.
mlir::FailureOr<RegionPlan>
planMixedRegion(llvm::ArrayRef<mlir::Operation *> ops,
                llvm::ArrayRef<mlir::Value> outputs,
                std::string *why = nullptr);

/// The plan of a kernel's body, as its schedule says.
mlir::FailureOr<RegionPlan> planKernel(KernelOp kernel);

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
