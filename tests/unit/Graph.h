//===- Graph.h - graphs written as text in unit tests -----------*- C++ -*-===//
//
// Parses functions of dlc ops, fills their arguments and evaluates them.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TESTS_UNIT_GRAPH_H
#define DLC_TESTS_UNIT_GRAPH_H

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/reference/Evaluate.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

namespace dlc::test {

/// A context with what tests need; attributes of no dialect are allowed.
struct Context : mlir::MLIRContext {
  Context() : mlir::MLIRContext(Threading::DISABLED) {
    loadDialect<DlcDialect, mlir::func::FuncDialect>();
    allowUnregisteredDialects();
  }
};

/// Parses a module; a failure is the test's failure and gives null.
inline mlir::OwningOpRef<mlir::ModuleOp> parse(mlir::MLIRContext &context,
                                               llvm::StringRef text) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  EXPECT_TRUE(module) << text.str();
  return module;
}

/// The first function of a module.
inline mlir::func::FuncOp firstFunction(mlir::ModuleOp module) {
  return *module.getOps<mlir::func::FuncOp>().begin();
}

/// Evaluates the first function of `text` on numbers, one list per argument;
/// gives the elements of each result.
inline std::vector<std::vector<double>>
run(llvm::StringRef text, std::vector<std::vector<double>> arguments) {
  Context context;
  auto module = parse(context, text);
  if (!module)
    return {};
  mlir::func::FuncOp function = firstFunction(*module);
  llvm::SmallVector<reference::Tensor> tensors;
  for (auto [type, values] :
       llvm::zip_equal(function.getArgumentTypes(), arguments))
    tensors.emplace_back(mlir::cast<mlir::RankedTensorType>(type), values);
  auto results = reference::evaluateFunction(function, tensors);
  EXPECT_TRUE(mlir::succeeded(results));
  std::vector<std::vector<double>> numbers;
  if (mlir::succeeded(results))
    for (const reference::Tensor &tensor : *results)
      numbers.push_back(tensor.toDoubles());
  return numbers;
}

} // namespace dlc::test

#endif
