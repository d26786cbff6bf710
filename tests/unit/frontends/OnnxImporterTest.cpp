//===- OnnxImporterTest.cpp - importing the committed fixtures ------------===//
//
// Every fixture imports in every mode, its functions verify, and the number of
// tensors that train is the number that PyTorch trains (cases.txt).
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/OnnxImporter.h"

#include "dialects/dlc/IR/Dlc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace mlir;
using namespace dlc;

namespace {

struct Case {
  std::string file, loss;
  int64_t batch = 0;
  size_t trained = 0;
};

std::vector<Case> readCases() {
  std::ifstream file(std::string(DLC_FIXTURES) + "/cases.txt");
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#')
      continue;
    std::istringstream words(line);
    Case one;
    std::string values;
    words >> one.file >> values >> one.loss >> one.batch >> one.trained;
    cases.push_back(one);
  }
  return cases;
}

void PrintTo(const Case &one, std::ostream *out) { *out << one.file; }

class Fixtures : public testing::TestWithParam<Case> {
protected:
  Fixtures() {
    context.loadDialect<DlcDialect, func::FuncDialect>();
    module = ModuleOp::create(UnknownLoc::get(&context));
  }
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  Diagnostics diagnostics;
};

TEST_P(Fixtures, EveryMode_Imports_TrainsPyTorchsParameters) {
  std::string path =
      std::string(DLC_FIXTURES) + "/" + GetParam().file + ".onnx";
  auto model = OnnxModel::load(path, &context, diagnostics);
  ASSERT_TRUE(model) << diagnostics.text();
  ImportOptions options;
  options.batch = GetParam().batch;
  options.modes.push_back(ImportMode::Grad);
  auto imported = importOnnx(*model, options, *module, diagnostics);
  ASSERT_TRUE(succeeded(imported)) << diagnostics.text();
  EXPECT_TRUE(succeeded(verify(*module)));
  size_t trained = 0;
  std::string list;
  for (const ParameterInfo &parameter : imported->parameters) {
    trained += parameter.trained;
    list += parameter.name + ": " +
            (parameter.trained ? "trained" : parameter.reason) + "\n";
  }
  EXPECT_EQ(trained, GetParam().trained) << list;
}

INSTANTIATE_TEST_SUITE_P(Cases, Fixtures, testing::ValuesIn(readCases()));

} // namespace
