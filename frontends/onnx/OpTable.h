//===- OpTable.h - which ONNX ops dlc imports -------------------*- C++ -*-===//
//
// One row per op and range of operator-set versions in which it means the same:
// its name, its operands' roles, and the function that turns a node into `dlc`
// ops. Each family under ops/ registers its own rows. docs/howto/
// add-an-importer-op.md walks through one.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_FRONTENDS_ONNX_OPTABLE_H
#define DLC_FRONTENDS_ONNX_OPTABLE_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include <vector>

namespace dlc::frontend {

class NodeContext;

using Handler = mlir::LogicalResult (*)(NodeContext &);

/// What an operand is to its op, which decides whether an initializer there is
/// a parameter.
enum class Role : char {
  Data = 'd',    ///< data-like: a gradient flows through it
  Weight = 'w',  ///< weight-like: data that trains even if it is one number
  Pass = 'p',    ///< the result is the same values: what the result is
  Stat = 's',    ///< a running statistic
  Literal = 'l', ///< a shape, axis, index, bound, ratio: no gradient
};

/// Operator sets that the importer reads.
inline constexpr int64_t minOpset = 7, maxOpset = 28;

struct OpRow {
  llvm::StringLiteral name;
  /// The row holds for since <= opset < until.
  int since, until;
  /// One letter (Role) per operand; `?` after it: may be absent; `*`: any
  /// number of them, at least one.
  llvm::StringLiteral roles;
  Handler handler;
};
inline constexpr int latest = 1000;

class OpTable {
public:
  /// The table with every family registered.
  static const OpTable &get();

  void add(llvm::ArrayRef<OpRow> rows);
  /// The row for `name` at `opset`, or null.
  const OpRow *find(llvm::StringRef domain, llvm::StringRef name,
                    int64_t opset) const;
  /// All rows by name, for the coverage page and tests.
  std::vector<const OpRow *> rows() const;

private:
  llvm::StringMap<llvm::SmallVector<OpRow, 2>> byName;
};

/// The role of operand `index`; `Literal` past the last one.
Role operandRole(const OpRow &row, size_t index);
/// How many operands a node must and may have.
std::pair<size_t, size_t> operandCounts(const OpRow &row);

void registerActivationOps(OpTable &table);
void registerAttentionOps(OpTable &table);
void registerConstantOps(OpTable &table);
void registerContractionOps(OpTable &table);
void registerElementwiseOps(OpTable &table);
void registerIndexOps(OpTable &table);
void registerLossOps(OpTable &table);
void registerNormalizationOps(OpTable &table);
void registerRandomOps(OpTable &table);
void registerRecurrentOps(OpTable &table);
void registerReductionOps(OpTable &table);
void registerResizeOps(OpTable &table);
void registerSequenceOps(OpTable &table);
void registerShapeOps(OpTable &table);
void registerWindowOps(OpTable &table);

} // namespace dlc::frontend

#endif
