//===- PassText.cpp - what a pass does ------------------------------------===//
#include "tools/model/PassText.h"

#include "compiler/driver/RegisterAll.h"
#include "mlir/Pass/PassRegistry.h"

namespace dlc::tools {

std::string passText(const std::string &name) {
  registerAllPasses();
  if (const mlir::PassInfo *pass = mlir::PassInfo::lookup(name))
    return name + ": " + pass->getPassDescription().str() +
           "\nrun it with: " + "dlc-opt FILE.mlir --" + name + "\n";
  if (const auto *pipeline = mlir::PassPipelineInfo::lookup(name))
    return name + ": " + pipeline->getPassDescription().str() +
           "\nrun it with: dlc-opt FILE.mlir --" + name + "\n";
  return "";
}

} // namespace dlc::tools
