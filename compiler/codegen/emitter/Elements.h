//===- Elements.h - how one element of a result is computed -----*- C++ -*-===//
//
// The element functions: given the operand elements that an op's access rule
// (dialects/dlc/indexing/Access.h) names, compute one element of its result, or
// a vector of them, in arith, vector and math.fma ops alone. The emitter calls
// them for CPU vectors and GPU threads alike; no op has a second kernel.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_CODEGEN_EMITTER_ELEMENTS_H
#define DLC_COMPILER_CODEGEN_EMITTER_ELEMENTS_H

#include "dialects/dlc/IR/OpTable.h"
#include "dialects/dlc/indexing/IndexSpace.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

namespace dlc::emit {

/// The type that elements stored as `storage` are computed in: f32 for the
/// narrow floats, signless integers, and `storage` itself otherwise.
mlir::Type computeType(mlir::Type storage);

/// What element functions build with. A value is a scalar (the same for all
/// lanes) or a vector of `lanes` elements; `unify` makes them agree.
class ElementBuilder {
public:
  ElementBuilder(mlir::OpBuilder &b, mlir::Location loc, unsigned lanes)
      : b(b), loc(loc), lanes(lanes) {}
  virtual ~ElementBuilder() = default;

  mlir::OpBuilder &b;
  mlir::Location loc;
  unsigned lanes;

  /// The scalar constant `number` of compute type `type`.
  mlir::Value number(mlir::Type type, double number);
  mlir::Value integer(mlir::Type type, int64_t value);
  /// `value` as a vector of `lanes` elements.
  mlir::Value splat(mlir::Value value);
  /// Makes all scalars, or all vectors if one of them is a vector.
  llvm::SmallVector<mlir::Value> unify(llvm::ArrayRef<mlir::Value> values);
  /// `scalar` in the form (scalar or vector) of `like`.
  mlir::Value match(mlir::Value scalar, mlir::Value like);
  /// A constant in the form and element type of `like`.
  mlir::Value numberLike(mlir::Value like, double number);
  mlir::Value select(mlir::Value condition, mlir::Value onTrue,
                     mlir::Value onFalse);
  /// `index`, an expression over the kernel's dims, as i64.
  virtual mlir::Value indexValue(mlir::AffineExpr index) = 0;
};

/// One operand element. Where the access is guarded, `condition` (i1) says
/// whether it exists; the value is zero if not.
struct Element {
  mlir::Value value;
  mlir::Value condition;
};

/// A plain op: the value of element `at` of its result.
using ElementFunction = mlir::Value (*)(ElementBuilder &e, mlir::Operation *op,
                                        const Index &at,
                                        llvm::ArrayRef<Element> operands);

/// A reduction: accumulators, one per result, that steps are combined into.
struct ReduceFunction {
  /// The start of every accumulator, as scalars.
  llvm::SmallVector<mlir::Value> (*init)(ElementBuilder &e,
                                         mlir::Operation *op);
  /// Adds the step `step` of element `at`.
  llvm::SmallVector<mlir::Value> (*combine)(
      ElementBuilder &e, mlir::Operation *op,
      llvm::ArrayRef<mlir::Value> accumulators, const Index &at,
      const Index &step, llvm::ArrayRef<Element> operands);
  /// Joins two partial results.
  llvm::SmallVector<mlir::Value> (*merge)(ElementBuilder &e,
                                          mlir::Operation *op,
                                          llvm::ArrayRef<mlir::Value> a,
                                          llvm::ArrayRef<mlir::Value> b);
};

const OpTable<ElementFunction> &elementFunctions();
const OpTable<ReduceFunction> &reduceFunctions();

void addElementwiseElements(OpTable<ElementFunction> &table);
void addShapeElements(OpTable<ElementFunction> &table);
void addIndexElements(OpTable<ElementFunction> &table);
void addRandomElements(OpTable<ElementFunction> &table);
void addReductionElements(OpTable<ReduceFunction> &table);
void addContractionElements(OpTable<ReduceFunction> &table);
void addIndexReductions(OpTable<ReduceFunction> &table);
void addWindowElements(OpTable<ReduceFunction> &table);

} // namespace dlc::emit

#endif
