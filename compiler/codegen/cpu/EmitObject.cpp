//===- EmitObject.cpp - kernels to machine code for a CPU -----------------===//
//
// Each module goes through MLIR's conversions, LLVM's optimizer and its code
// generator on a thread of its own; lld links the objects into one shared
// object, in process, that a runtime loads from memory.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/cpu/EmitObject.h"

#include "compiler/codegen/cpu/CpuPipeline.h"

#include "lld/Common/Driver.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

#include <mutex>
#include <thread>

LLD_HAS_DRIVER(elf)

using namespace mlir;

namespace dlc::cpu {

static const char *const triple = "x86_64-unknown-linux-gnu";

static const llvm::Target *findTarget() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  std::string error;
  return llvm::TargetRegistry::lookupTarget(llvm::Triple(triple), error);
}

static std::unique_ptr<llvm::TargetMachine>
createMachine(const CpuTarget &target) {
  llvm::TargetOptions options;
  return std::unique_ptr<llvm::TargetMachine>(findTarget()->createTargetMachine(
      llvm::Triple(triple), target.cpu, target.features, options,
      llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Default));
}

FailureOr<CpuTarget> findCpuTarget(StringRef name, Location loc) {
  CpuTarget target;
  if (name.empty() || name == "native") {
    target.cpu = llvm::sys::getHostCPUName().str();
    for (auto &[feature, isOn] : llvm::sys::getHostCPUFeatures())
      target.features +=
          (isOn ? ",+" : ",-") + feature.str();
    if (!target.features.empty())
      target.features.erase(0, 1);
  } else {
    target.cpu = name.str();
  }
  std::unique_ptr<llvm::MCSubtargetInfo> info(
      findTarget()->createMCSubtargetInfo(llvm::Triple(triple), "", ""));
  if (!info->isCPUStringValid(target.cpu))
    return emitError(loc) << "'--cpu' expects a CPU that LLVM knows, but got '"
                          << target.cpu << "' [DLC4002]";
  info.reset(findTarget()->createMCSubtargetInfo(llvm::Triple(triple),
                                                 target.cpu, target.features));
  auto has = [&](StringRef feature) {
    return info->checkFeatures(("+" + feature).str());
  };
  for (StringRef feature :
       {"avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512dq",
        "avx512vl", "avx512bf16"})
    if (has(feature))
      target.needs.push_back(feature.str());
  target.vectorBytes = has("avx512f") && has("avx512vl") ? 64
                       : has("avx")                      ? 32
                                                         : 16;
  return target;
}

/// LLVM's -O2 pipeline. The loops are vectorized already and the kernels call
/// nothing, so its vectorizers and inliner have nothing to add.
static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopInterleaving = false;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2)
      .run(module, modules);
}

/// Translates, optimizes and writes one module's object to `path`.
static LogicalResult emitObject(ModuleOp module, const CpuTarget &target,
                                StringRef path) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule =
      translateModuleToLLVMIR(module, context);
  if (!llvmModule)
    return failure();
  std::unique_ptr<llvm::TargetMachine> machine = createMachine(target);
  llvmModule->setTargetTriple(llvm::Triple(triple));
  llvmModule->setDataLayout(machine->createDataLayout());
  std::string width = std::to_string(target.vectorBytes * 8);
  for (llvm::Function &function : *llvmModule) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("prefer-vector-width", width);
    function.addFnAttr("min-legal-vector-width", width);
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
  optimize(*llvmModule, *machine);
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  if (error)
    return module.emitError() << "the object file expects to be writable, but "
                                 "got '"
                              << error.message() << "' [DLC4003]";
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, out, nullptr,
                                   llvm::CodeGenFileType::ObjectFile))
    return failure();
  passes.run(*llvmModule);
  return success();
}

static LogicalResult link(ArrayRef<std::string> objects, StringRef output,
                          std::string &messages) {
  // lld keeps global state: one link at a time.
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  std::string out = output.str();
  std::vector<const char *> arguments = {"ld.lld",  "-shared",   "-z",
                                         "notext",  "--no-undefined-version",
                                         "--threads=1", "-o",    out.c_str()};
  for (const std::string &object : objects)
    arguments.push_back(object.c_str());
  llvm::raw_string_ostream stream(messages);
  lld::Result result = lld::lldMain(arguments, llvm::nulls(), stream,
                                    {{lld::Gnu, &lld::elf::link}});
  return success(result.retCode == 0);
}

FailureOr<std::string>
emitSharedObject(MutableArrayRef<OwningOpRef<ModuleOp>> modules,
                 const CpuTarget &target) {
  SmallString<128> folder;
  Location loc = modules.front()->getLoc();
  if (std::error_code error =
          llvm::sys::fs::createUniqueDirectory("dlc-code", folder))
    return emitError(loc) << "a temporary folder expects to be writable, but "
                             "got '"
                          << error.message() << "' [DLC4003]";
  llvm::scope_exit cleanup(
      [&] { llvm::sys::fs::remove_directories(folder); });

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

  std::vector<std::string> objects;
  std::vector<LogicalResult> results(modules.size(), failure());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < modules.size(); ++i)
    objects.push_back((folder + "/" + std::to_string(i) + ".o").str());
  for (size_t i = 0; i < modules.size(); ++i)
    threads.emplace_back([&, i] {
      results[i] = emitObject(parts[i], target, objects[i]);
    });
  for (std::thread &thread : threads)
    thread.join();
  if (llvm::any_of(results, [](LogicalResult r) { return failed(r); }))
    return emitError(loc) << "kernel code could not be generated [DLC4004]";

  std::string shared = (folder + "/kernels.so").str(), messages;
  if (failed(link(objects, shared, messages)))
    return emitError(loc) << "kernel code could not be linked: " << messages
                          << " [DLC4005]";
  auto file = llvm::MemoryBuffer::getFile(shared, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file)
    return emitError(loc) << "the linked code expects to be readable, but got '"
                          << file.getError().message() << "' [DLC4003]";
  return (*file)->getBuffer().str();
}

} // namespace dlc::cpu
