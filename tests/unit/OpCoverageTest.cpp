//===- OpCoverageTest.cpp - every op answers every question ---------------===//
//
// Walks the registered ops of the dialect and asks each table for its answer.
// What is missing fails; an exception has a line and a reason here. (That an
// op has examples, and that they are right, is checked where the examples are
// turned into tests: tools/dev/gen_examples.py.)
//
// The same walk prints docs/reference/coverage.md. The test compares the page;
// with DLC_WRITE_COVERAGE=1 (target dlc-docs) it writes it.
//
// To add a question: a column in `columns()`.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/Elements.h"
#include "dialects/dlc/IR/Cost.h"
#include "dialects/dlc/reference/Evaluate.h"
#include "passes/autodiff/GradientRules.h"
#include "passes/decompose/Decompositions.h"
#include "passes/shard/ShardingRules.h"
#include "tests/unit/Graph.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"

#include <map>

using namespace mlir;
using namespace dlc;

namespace {

/// A question, and an op's answer to it in a few words; empty if it has none.
struct Column {
  StringRef title;
  std::function<std::string(RegisteredOperationName)> answer;
};

std::string precision(RegisteredOperationName name) {
  auto *interface = name.getInterface<DlcOpInterface>();
  if (!interface)
    return "";
  switch (interface->getPrecisionClass()) {
  case PrecisionClass::LowerFreely:
    return "lower freely";
  case PrecisionClass::KeepF32:
    return "keep f32";
  case PrecisionClass::FollowOperands:
    return "follow operands";
  }
  llvm_unreachable("every class is listed");
}

std::string gradient(RegisteredOperationName name) {
  const GradientAnswer *answer = gradientTable().lookup(name);
  if (!answer)
    return "";
  switch (answer->kind) {
  case GradientAnswer::Kind::Rule:
    return "yes";
  case GradientAnswer::Kind::Zero:
    return "zero: " + answer->reason.str();
  case GradientAnswer::Kind::NotDifferentiable:
    return "no: " + answer->reason.str();
  }
  llvm_unreachable("every kind is listed");
}

std::string kernel(RegisteredOperationName name) {
  if (emit::elementFunctions().lookup(name))
    return "element function";
  if (emit::reduceFunctions().lookup(name))
    return "reduction";
  return decompositions().lookup(name) ? "decomposed" : "";
}

ArrayRef<Column> columns() {
  static const Column all[] = {
      {"evaluation",
       [](RegisteredOperationName name) -> std::string {
         return reference::evaluators().lookup(name) ? "yes" : "";
       }},
      {"gradient", gradient},
      {"precision", precision},
      {"sharding",
       [](RegisteredOperationName name) -> std::string {
         const ShardingAnswer *answer = shardingTable().lookup(name);
         return answer && *answer ? "yes" : "";
       }},
      {"cost",
       [](RegisteredOperationName name) -> std::string {
         return flopsTable().lookup(name) ? "yes" : "";
       }},
      {"kernel", kernel},
  };
  return all;
}

/// "op column" -> why it has no answer.
const std::map<std::string, std::string> &exceptions() {
  static const std::map<std::string, std::string> all = {
      {"dlc.kernel precision", "its body's ops answer"},
      {"dlc.kernel sharding", "kernels are formed after sharding"},
      {"dlc.kernel kernel", "it is one"},
      {"dlc.yield precision", "it computes nothing"},
      {"dlc.yield sharding", "kernels are formed after sharding"},
      {"dlc.yield kernel", "it computes nothing"},
  };
  return all;
}

std::vector<RegisteredOperationName> dlcOps(MLIRContext &context) {
  std::vector<RegisteredOperationName> ops;
  for (RegisteredOperationName name : context.getRegisteredOperations())
    if (name.getDialectNamespace() == DlcDialect::getDialectNamespace())
      ops.push_back(name);
  return ops;
}

std::string familyOf(RegisteredOperationName name) {
  auto *interface = name.getInterface<DlcOpInterface>();
  return interface ? interface->getFamily().str() : "Kernel";
}

std::string page(MLIRContext &context) {
  std::string text =
      "# What every op has\n\n<!-- written by tests/unit/OpCoverageTest.cpp; "
      "the target dlc-docs rewrites it -->\n\n| family | op |";
  for (const Column &column : columns())
    text += " " + column.title.str() + " |";
  text += "\n|---|---|";
  for (size_t i = 0; i < columns().size(); ++i)
    text += "---|";
  std::map<std::pair<std::string, std::string>, std::string> rows;
  for (RegisteredOperationName name : dlcOps(context)) {
    std::string op = name.getStringRef().str();
    std::string &row = rows[{familyOf(name), op}];
    for (const Column &column : columns()) {
      std::string answer = column.answer(name);
      auto exception = exceptions().find(op + " " + column.title.str());
      if (answer.empty() && exception != exceptions().end())
        answer = "– (" + exception->second + ")";
      row += " " + answer + " |";
    }
  }
  for (auto &[key, row] : rows)
    text += "\n| " + key.first + " | `" + key.second + "` |" + row;
  return text + "\n";
}

TEST(OpCoverage, EveryOp_AnswersEveryQuestion) {
  test::Context context;
  ASSERT_GT(dlcOps(context).size(), 80u);
  for (RegisteredOperationName name : dlcOps(context))
    for (const Column &column : columns()) {
      std::string key = name.getStringRef().str() + " " + column.title.str();
      bool isMissing = column.answer(name).empty();
      bool isException = exceptions().count(key);
      EXPECT_FALSE(isMissing && !isException) << key << " has no answer";
      EXPECT_FALSE(!isMissing && isException) << key << " is no exception";
    }
}

TEST(OpCoverage, Page_IsWhatTheWalkPrints) {
  test::Context context;
  std::string text = page(context);
  if (std::getenv("DLC_WRITE_COVERAGE")) {
    std::error_code error;
    llvm::raw_fd_ostream out(DLC_COVERAGE_PAGE, error);
    ASSERT_FALSE(error) << error.message();
    out << text;
    return;
  }
  auto buffer = llvm::MemoryBuffer::getFile(DLC_COVERAGE_PAGE);
  ASSERT_TRUE(bool(buffer)) << DLC_COVERAGE_PAGE;
  EXPECT_EQ((*buffer)->getBuffer().str(), text)
      << "the target dlc-docs rewrites the page";
}

} // namespace
