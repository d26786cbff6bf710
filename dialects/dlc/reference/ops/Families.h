//===- Families.h - where the families register their evaluators ----------===//
//
// One function per family file, and the wrapper that lets an evaluator be
// written as `void f(OpTy, Operands, Results)`.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_REFERENCE_OPS_FAMILIES_H
#define DLC_DIALECTS_DLC_REFERENCE_OPS_FAMILIES_H

#include "dialects/dlc/reference/Evaluate.h"

namespace dlc::reference {

using EvaluatorTable = OpTable<Evaluator>;

void addElementwiseEvaluators(EvaluatorTable &table);
void addShapeEvaluators(EvaluatorTable &table);
void addReductionEvaluators(EvaluatorTable &table);
void addContractionEvaluators(EvaluatorTable &table);
void addNormalizationEvaluators(EvaluatorTable &table);
void addAttentionEvaluators(EvaluatorTable &table);
void addIndexEvaluators(EvaluatorTable &table);
void addWindowEvaluators(EvaluatorTable &table);
void addRandomEvaluators(EvaluatorTable &table);
void addLossEvaluators(EvaluatorTable &table);
void addKernelEvaluators(EvaluatorTable &table);

/// Registers `f(op, operands, results)`, which cannot fail on verified ops.
template <typename OpTy, typename Function>
void addEvaluator(EvaluatorTable &table, Function f) {
  table.add<OpTy>([f](mlir::Operation *op, Operands operands, Results results) {
    f(mlir::cast<OpTy>(op), operands, results);
    return mlir::success();
  });
}

} // namespace dlc::reference

#endif
