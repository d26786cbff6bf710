//===- EntryFunction.h - a function that grows ------------------*- C++ -*-===//
//
// An entry point under construction: arguments and results are added one by
// one with what they are (`dlc.input = "x"`, `dlc.alias = 3`); the function's
// type and attributes are set at the end.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_TRAINING_ENTRYFUNCTION_H
#define DLC_PASSES_TRAINING_ENTRYFUNCTION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

namespace dlc {

class EntryFunction {
public:
  /// An empty function `name` after `model`.
  EntryFunction(mlir::func::FuncOp model, llvm::StringRef name);

  mlir::Value addArgument(mlir::Type type, mlir::DictionaryAttr attrs);
  /// An argument that is a `kind` (names::input, …) called `name`.
  mlir::Value addArgument(mlir::Type type, llvm::StringRef kind,
                          llvm::StringRef name);
  void addOutput(mlir::Value value, llvm::StringRef name);
  /// `value` is the new value of the state in `argument`.
  void addNewState(mlir::Value argument, mlir::Value value);

  /// Copies the arguments of `model` that carry `kind`.
  void addArgumentsOf(llvm::StringRef kind);
  /// Copies the body of `model`; all its arguments have been added.
  void cloneBody();

  /// What the argument or result of `model` has become.
  mlir::Value mapped(mlir::Value value) const { return mapping.lookup(value); }
  /// The value that `model` returns as result `index`.
  mlir::Value modelResult(unsigned index) const;

  /// Returns the function: terminated, typed, without dead ops and without
  /// state and parameters that nothing reads.
  mlir::func::FuncOp finish();
  void erase() { func.erase(); }

  mlir::OpBuilder &builder() { return b; }
  mlir::Location loc() { return func.getLoc(); }
  mlir::Block *body() { return &func.getBody().front(); }

private:
  void eraseDeadOps();
  llvm::SmallVector<mlir::DictionaryAttr> eraseUnreadState();

  mlir::func::FuncOp model, func;
  mlir::OpBuilder b;
  mlir::IRMapping mapping;
  llvm::SmallVector<mlir::DictionaryAttr> argumentAttrs;
  struct Result {
    mlir::Value value;
    /// The argument whose new value it is; null for an output.
    mlir::Value state;
    std::string name;
  };
  llvm::SmallVector<Result> results;
};

} // namespace dlc

#endif
