//===- OpTable.h - one answer per op, registered per family -----*- C++ -*-===//
//
// A table from op to function: how a folder (reference evaluation, gradients,
// element functions, …) keeps its answer for each op without a switch over op
// kinds. Every family file adds its rows in one `add<Family>…(table)` call.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_IR_OPTABLE_H
#define DLC_DIALECTS_DLC_IR_OPTABLE_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

#include <cassert>

namespace dlc {

template <typename Answer>
class OpTable {
public:
  /// Registers the answer of `OpTy`; each op answers once.
  template <typename OpTy>
  void add(Answer answer) {
    [[maybe_unused]] bool isNew =
        answers.try_emplace(mlir::TypeID::get<OpTy>(), answer).second;
    assert(isNew && "the op has an answer already");
  }

  /// Registers one answer for several ops.
  template <typename First, typename Second, typename... Rest>
  void add(Answer answer) {
    add<First>(answer);
    add<Second, Rest...>(answer);
  }

  /// The answer for `name`, or null.
  const Answer *lookup(mlir::OperationName name) const {
    auto it = answers.find(name.getTypeID());
    return it == answers.end() ? nullptr : &it->second;
  }
  const Answer *lookup(mlir::Operation *op) const {
    return lookup(op->getName());
  }

private:
  llvm::DenseMap<mlir::TypeID, Answer> answers;
};

} // namespace dlc

#endif
