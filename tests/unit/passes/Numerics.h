//===- Numerics.h - the cases in tests/numerics -----------------*- C++ -*-===//
//
// Functions of dlc ops, one file per family, that several tests evaluate: each
// is named for the op it is about, then, if at all, `_` and a property.
// Arguments are filled with numbers in their `test.range`, or in [-1, 1].
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TESTS_UNIT_PASSES_NUMERICS_H
#define DLC_TESTS_UNIT_PASSES_NUMERICS_H

#include "tests/unit/Graph.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <random>

namespace dlc::test {

inline std::vector<std::string> families() {
  std::vector<std::string> names;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(DLC_NUMERICS, error), end;
       it != end && !error; it.increment(error))
    if (llvm::sys::path::extension(it->path()) == ".mlir")
      names.push_back(llvm::sys::path::stem(it->path()).str());
  std::sort(names.begin(), names.end());
  return names;
}

inline mlir::OwningOpRef<mlir::ModuleOp>
parseFamily(mlir::MLIRContext &context, const std::string &family) {
  std::string path = std::string(DLC_NUMERICS) + "/" + family + ".mlir";
  auto buffer = llvm::MemoryBuffer::getFile(path);
  EXPECT_TRUE(bool(buffer)) << path;
  return parse(context, buffer ? (*buffer)->getBuffer() : "");
}

inline llvm::SmallVector<reference::Tensor>
fillArguments(mlir::func::FuncOp function, std::mt19937_64 &random) {
  llvm::SmallVector<reference::Tensor> arguments;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    double low = -1, high = 1;
    if (auto range =
            function.getArgAttrOfType<mlir::ArrayAttr>(i, "test.range")) {
      low = mlir::cast<mlir::FloatAttr>(range[0]).getValueAsDouble();
      high = mlir::cast<mlir::FloatAttr>(range[1]).getValueAsDouble();
    }
    auto &tensor =
        arguments.emplace_back(mlir::cast<mlir::RankedTensorType>(type));
    std::uniform_real_distribution<double> numbers(low, high);
    for (int64_t k = 0; k < tensor.size(); ++k)
      tensor.setNumber(k, numbers(random));
  }
  return arguments;
}

inline bool isFloat(mlir::Value value) {
  return mlir::isa<mlir::FloatType>(elementTypeOf(value));
}

inline llvm::SmallVector<mlir::Value>
floatArguments(mlir::func::FuncOp function) {
  llvm::SmallVector<mlir::Value> floats;
  for (mlir::Value argument : function.getArguments())
    if (isFloat(argument))
      floats.push_back(argument);
  return floats;
}

/// The sum of the float `values`, each element weighted by a random number.
inline mlir::Value weightedSum(mlir::OpBuilder &b,
                               llvm::ArrayRef<mlir::Value> values,
                               std::mt19937_64 &random) {
  mlir::Location loc = b.getUnknownLoc();
  std::uniform_real_distribution<double> numbers(0.5, 1.5);
  mlir::Value sum;
  for (mlir::Value value : values) {
    if (!isFloat(value))
      continue;
    reference::Tensor weights(tensorType(value));
    for (int64_t k = 0; k < weights.size(); ++k)
      weights.setNumber(k, numbers(random));
    mlir::Value constant =
        ConstantOp::create(b, loc, value.getType(), weights.toAttribute());
    mlir::Value one =
        ReduceSumOp::create(b, loc, MulOp::create(b, loc, value, constant),
                            iotaDims(rankOf(value)));
    sum = sum ? mlir::Value(AddOp::create(b, loc, sum, one)) : one;
  }
  return sum;
}

/// Makes `function` return `values`.
inline void setReturned(mlir::func::FuncOp function,
                        llvm::ArrayRef<mlir::Value> values) {
  mlir::Operation *terminator = function.getBody().front().getTerminator();
  terminator->setOperands(values);
  function.setType(mlir::FunctionType::get(function.getContext(),
                                           function.getArgumentTypes(),
                                           terminator->getOperandTypes()));
  ASSERT_TRUE(mlir::succeeded(mlir::verify(function)));
}

} // namespace dlc::test

#endif
