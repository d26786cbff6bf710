//===- Ptx.cpp - kernels to PTX -------------------------------------------===//
#include "compiler/codegen/gpu/Ptx.h"

#include "compiler/codegen/cpu/CpuPipeline.h"
#include "compiler/codegen/cpu/NativeCode.h"
#include "compiler/codegen/gpu/Clamps.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <mutex>
#include <thread>

using namespace mlir;

namespace dlc::gpu {

static const char *const triple = "nvptx64-nvidia-cuda";

/// The least that has bf16 arithmetic and asynchronous copies.
constexpr unsigned leastArchitecture = 80;

static const llvm::Target *findTarget() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  std::string error;
  return llvm::TargetRegistry::lookupTarget(llvm::Triple(triple), error);
}

static std::unique_ptr<llvm::TargetMachine> createMachine(StringRef arch) {
  llvm::TargetOptions options;
  // An exact `add.rn` and `mul.rn`, which ptxas does not contract either.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(findTarget()->createTargetMachine(
      llvm::Triple(triple), arch, "", options, llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}

unsigned architectureNumber(StringRef arch) {
  unsigned number = 0;
  if (!arch.consume_front("sm_") || arch.getAsInteger(10, number))
    return 0;
  return number;
}

bool isKnownArchitecture(StringRef arch) {
  if (architectureNumber(arch) < leastArchitecture)
    return false;
  std::unique_ptr<llvm::MCSubtargetInfo> info(
      findTarget()->createMCSubtargetInfo(llvm::Triple(triple), "", ""));
  return info->isCPUStringValid(arch);
}

void registerGpuDialects(DialectRegistry &registry) {
  registry.insert<NVVM::NVVMDialect>();
  registerNVVMDialectTranslation(registry);
}

/// What MLIR's functions cannot say.
static void annotate(llvm::Module &module,
                     const llvm::StringMap<const KernelShape *> &shapes) {
  for (llvm::Function &function : module) {
    const KernelShape *shape = shapes.lookup(function.getName());
    if (!shape)
      continue;
    function.addFnAttr("nvvm.maxntid", std::to_string(shape->threads));
    function.addFnAttr("dlc.inputs", std::to_string(shape->inputs));
    function.addFnAttr("denormal-fp-math-f32", "preserve-sign,preserve-sign");
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

/// The backend changes the IR, so it gets a copy.
static LogicalResult printPtx(const llvm::Module &module,
                              llvm::TargetMachine &machine, std::string &ptx) {
  std::unique_ptr<llvm::Module> copy = llvm::CloneModule(module);
  SmallString<0> text;
  llvm::raw_svector_ostream out(text);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, out, nullptr,
                                  llvm::CodeGenFileType::AssemblyFile))
    return failure();
  passes.run(*copy);
  ptx = text.str().str();
  return success();
}

static LogicalResult emitModule(ModuleOp module, StringRef arch,
                                const llvm::StringMap<const KernelShape *> &shapes,
                                GpuModule &result) {
  result.context = std::make_unique<llvm::LLVMContext>();
  result.module = translateModuleToLLVMIR(module, *result.context);
  if (!result.module)
    return failure();
  std::unique_ptr<llvm::TargetMachine> machine = createMachine(arch);
  result.module->setTargetTriple(llvm::Triple(triple));
  result.module->setDataLayout(machine->createDataLayout());
  annotate(*result.module, shapes);
  cpu::optimize(*result.module, *machine);
  return printPtx(*result.module, *machine, result.ptx);
}

FailureOr<std::vector<GpuModule>>
emitPtx(MutableArrayRef<OwningOpRef<ModuleOp>> modules,
        ArrayRef<KernelShape> kernels, StringRef arch, Location loc) {
  // One pass manager runs on all modules, in parallel; setting one up is not
  // safe on several threads.
  OwningOpRef<ModuleOp> all = ModuleOp::create(loc);
  std::vector<ModuleOp> parts;
  for (OwningOpRef<ModuleOp> &module : modules) {
    parts.push_back(module.release());
    useClampInstructions(parts.back());
    all->push_back(parts.back());
  }
  PassManager passes(all->getContext());
  passes.enableVerifier(false);
  cpu::buildCpuPipeline(passes.nest<ModuleOp>());
  if (failed(passes.run(*all)))
    return emitError(loc) << "kernel code could not be generated [DLC4203]";

  llvm::StringMap<const KernelShape *> shapes;
  for (const KernelShape &kernel : kernels)
    shapes[kernel.symbol] = &kernel;
  (void)findTarget();
  std::vector<GpuModule> results(parts.size());
  std::vector<LogicalResult> states(parts.size(), failure());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < parts.size(); ++i)
    threads.emplace_back([&, i] {
      states[i] = emitModule(parts[i], arch, shapes, results[i]);
    });
  for (std::thread &thread : threads)
    thread.join();
  if (llvm::any_of(states, [](LogicalResult r) { return failed(r); }))
    return emitError(loc) << "kernel code could not be generated [DLC4203]";
  return std::move(results);
}

std::string joinPtx(ArrayRef<GpuModule> modules) {
  std::string all;
  for (const GpuModule &module : modules) {
    SmallVector<StringRef> lines;
    StringRef(module.ptx).split(lines, '\n');
    for (StringRef line : lines) {
      // One header is enough.
      bool isHeader = line.starts_with(".version") ||
                      line.starts_with(".target") ||
                      line.starts_with(".address_size");
      if (isHeader && &module != &modules.front())
        continue;
      all += line;
      all += '\n';
    }
  }
  return all;
}

} // namespace dlc::gpu
