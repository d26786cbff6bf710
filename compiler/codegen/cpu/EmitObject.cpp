//===- EmitObject.cpp - kernels to machine code for a CPU -----------------===//
//
// All modules go through MLIR's conversions together; then each goes through
// LLVM's optimizer and code generator on a thread of its own.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/cpu/EmitObject.h"

#include "compiler/codegen/cpu/CpuPipeline.h"
#include "compiler/codegen/cpu/NativeCode.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;

namespace dlc::cpu {

FailureOr<CpuTarget> findCpuTarget(StringRef name, Location loc) {
  CpuTarget target;
  const llvm::Triple triple(getTriple());
  if (name.empty() || name == "native") {
    target.cpu = llvm::sys::getHostCPUName().str();
    for (auto &[feature, isOn] : llvm::sys::getHostCPUFeatures())
      target.features += (isOn ? ",+" : ",-") + feature.str();
    if (!target.features.empty())
      target.features.erase(0, 1);
  } else {
    target.cpu = name.str();
  }
  std::unique_ptr<llvm::MCSubtargetInfo> info(
      findTarget()->createMCSubtargetInfo(triple, "", ""));
  if (!info->isCPUStringValid(target.cpu))
    return emitError(loc) << "'--cpu' expects a CPU that LLVM knows, but got '"
                          << target.cpu << "' [DLC4002]";
  info.reset(
      findTarget()->createMCSubtargetInfo(triple, target.cpu, target.features));
  auto has = [&](StringRef feature) {
    return info->checkFeatures(("+" + feature).str());
  };
  for (StringRef feature : {"avx", "avx2", "fma", "f16c", "avx512f", "avx512bw",
                            "avx512dq", "avx512vl", "avx512bf16"})
    if (has(feature))
      target.needs.push_back(feature.str());
  target.vectorBytes = has("avx512f") && has("avx512vl") ? 64
                       : has("avx")                      ? 32
                                                         : 16;
  return target;
}

/// Translates, optimizes and writes one module's object to `path`.
static llvm::Error emitObject(ModuleOp module, const CpuTarget &target,
                              StringRef path) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule =
      translateModuleToLLVMIR(module, context);
  if (!llvmModule)
    return llvm::createStringError(
        "kernel code could not be generated [DLC4004]");
  std::unique_ptr<llvm::TargetMachine> machine =
      createMachine(target.cpu, target.features);
  setTarget(*llvmModule, *machine);
  std::string width = std::to_string(target.vectorBytes * 8);
  for (llvm::Function &function : *llvmModule) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("prefer-vector-width", width);
    function.addFnAttr("min-legal-vector-width", width);
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
  optimize(*llvmModule, *machine);
  return writeObject(*llvmModule, *machine, path);
}

FailureOr<std::string>
emitSharedObject(MutableArrayRef<OwningOpRef<ModuleOp>> modules,
                 const CpuTarget &target) {
  Location loc = modules.front()->getLoc();
  // One pass manager runs on all modules, in parallel; setting one up is not
  // safe on several threads.
  OwningOpRef<ModuleOp> all = ModuleOp::create(loc);
  std::vector<ModuleOp> parts;
  for (OwningOpRef<ModuleOp> &module : modules) {
    parts.push_back(module.release());
    all->push_back(parts.back());
  }
  PassManager passes(all->getContext());
  passes.enableVerifier(false);
  buildCpuPipeline(passes.nest<ModuleOp>());
  if (failed(passes.run(*all)))
    return emitError(loc) << "kernel code could not be generated [DLC4004]";
  return linkObjects(parts.size(), loc, [&](size_t i, StringRef path) {
    return emitObject(parts[i], target, path);
  });
}

} // namespace dlc::cpu
