//===- NativeCode.cpp - LLVM modules to x86-64 shared objects -------------===//
//
// Objects are generated side by side, a thread each, into a temporary folder;
// lld links them, in process, into one shared object that a runtime loads from
// memory.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/cpu/NativeCode.h"

#include "compiler/codegen/cpu/NarrowFloats.h"

#include "lld/Common/Driver.h"
#include "mlir/IR/Diagnostics.h"
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

#include <mutex>
#include <thread>
#include <vector>

LLD_HAS_DRIVER(elf)

using namespace mlir;

namespace dlc::cpu {

llvm::StringRef getTriple() { return "x86_64-unknown-linux-gnu"; }

const llvm::Target *findTarget() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  std::string error;
  return llvm::TargetRegistry::lookupTarget(llvm::Triple(getTriple()), error);
}

std::unique_ptr<llvm::TargetMachine> createMachine(llvm::StringRef cpu,
                                                   llvm::StringRef features) {
  llvm::TargetOptions options;
  return std::unique_ptr<llvm::TargetMachine>(findTarget()->createTargetMachine(
      llvm::Triple(getTriple()), cpu, features, options, llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Default));
}

void setTarget(llvm::Module &module, const llvm::TargetMachine &machine) {
  module.setTargetTriple(llvm::Triple(getTriple()));
  module.setDataLayout(machine.createDataLayout());
}

void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  // The kernels call nothing either, so LLVM's vectorizers and inliner have
  // nothing to add.
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

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

llvm::Error writeObject(llvm::Module &module, llvm::TargetMachine &machine,
                        StringRef path) {
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  if (error)
    return makeError("the object file expects to be writable, but got '" +
                     error.message() + "' [DLC4003]");
  expandBf16(module, machine.getMCSubtargetInfo()->checkFeatures(
                         "+avx512bf16,+avx512vl"));
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, out, nullptr,
                                  llvm::CodeGenFileType::ObjectFile))
    return makeError("kernel code could not be generated [DLC4004]");
  passes.run(module);
  return llvm::Error::success();
}

static LogicalResult link(ArrayRef<std::string> objects, StringRef output,
                          std::string &messages) {
  // lld keeps global state: one link at a time.
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  std::string out = output.str();
  std::vector<const char *> arguments = {
      "ld.lld",      "-shared", "-z",       "notext", "--no-undefined-version",
      "--threads=1", "-o",      out.c_str()};
  for (const std::string &object : objects)
    arguments.push_back(object.c_str());
  llvm::raw_string_ostream stream(messages);
  lld::Result result = lld::lldMain(arguments, llvm::nulls(), stream,
                                    {{lld::Gnu, &lld::elf::link}});
  return success(result.retCode == 0);
}

FailureOr<std::string>
linkObjects(size_t count, Location loc,
            std::function<llvm::Error(size_t, StringRef)> emit) {
  SmallString<128> folder;
  if (std::error_code error =
          llvm::sys::fs::createUniqueDirectory("dlc-code", folder))
    return emitError(loc) << "a temporary folder expects to be writable, but "
                             "got '"
                          << error.message() << "' [DLC4003]";
  llvm::scope_exit cleanup([&] { llvm::sys::fs::remove_directories(folder); });

  std::vector<std::string> objects, failures(count);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i)
    objects.push_back((folder + "/" + std::to_string(i) + ".o").str());
  for (size_t i = 0; i < count; ++i)
    threads.emplace_back([&, i] {
      if (llvm::Error error = emit(i, objects[i]))
        failures[i] = llvm::toString(std::move(error));
    });
  for (std::thread &thread : threads)
    thread.join();
  for (const std::string &failure : failures)
    if (!failure.empty())
      return emitError(loc) << failure;

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
