//===- MathJit.cpp - Compiles emitted math for the tests -----------------===//
//
// The kernel is a func over pointers to arrays of pointers, with an scf.for
// around the emitted ops; everything is lowered to the llvm dialect, then by
// LLVM at -O3.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/compiler/MathJit.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;

namespace dlc::test {

namespace {

Type elementType(OpBuilder &b, StringRef name) {
  if (name == "i32")
    return b.getI32Type();
  return name == "f64" ? Type(b.getF64Type()) : Type(b.getF32Type());
}

class KernelBuilder {
public:
  KernelBuilder(MLIRContext &context, const MathKernel &kernel)
      : b(&context), loc(b.getUnknownLoc()), kernel(kernel),
        pointer(LLVM::LLVMPointerType::get(&context)) {}

  OwningOpRef<ModuleOp> build(bool isLoop) {
    OwningOpRef<ModuleOp> module = ModuleOp::create(b, loc);
    b.setInsertionPointToStart(module->getBody());
    auto type =
        b.getFunctionType({pointer, pointer, b.getI64Type()}, TypeRange{});
    auto function = func::FuncOp::create(b, loc, "kernel", type);
    Block *entry = function.addEntryBlock();
    b.setInsertionPointToStart(entry);
    inputs = entry->getArgument(0);
    outputs = entry->getArgument(1);
    if (isLoop) {
      Value zero = arith::ConstantIndexOp::create(b, loc, 0);
      Value step = arith::ConstantIndexOp::create(b, loc, kernel.lanes);
      Value count = arith::IndexCastOp::create(b, loc, b.getIndexType(),
                                               entry->getArgument(2));
      std::vector<Value> bases = operandBases();
      auto loop = scf::ForOp::create(b, loc, zero, count, step);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      evaluate(bases, arith::IndexCastOp::create(b, loc, b.getI64Type(),
                                                 loop.getInductionVar()));
    } else {
      evaluate(operandBases(), arith::ConstantIntOp::create(b, loc, 0, 64));
    }
    func::ReturnOp::create(b, loc);
    return module;
  }

private:
  Value loadPointer(Value array, int index) {
    Value slot = LLVM::GEPOp::create(b, loc, pointer, pointer, array,
                                     ArrayRef<LLVM::GEPArg>{index});
    return LLVM::LoadOp::create(b, loc, pointer, slot);
  }

  std::vector<Value> operandBases() {
    std::vector<Value> bases;
    for (int i = 0; i < kernel.operands; ++i)
      bases.push_back(loadPointer(inputs, i));
    return bases;
  }

  Value at(Value base, Type element, Value index) {
    return LLVM::GEPOp::create(b, loc, pointer, element, base,
                               ArrayRef<LLVM::GEPArg>{index});
  }

  void evaluate(const std::vector<Value> &bases, Value index) {
    Type element = elementType(b, kernel.element);
    Type type = element;
    if (kernel.lanes > 1)
      type = VectorType::get({kernel.lanes}, element);
    std::vector<Value> operands;
    for (Value base : bases)
      operands.push_back(LLVM::LoadOp::create(
          b, loc, type, at(base, element, index), /*alignment=*/4));
    std::vector<Value> results = kernel.body(b, loc, operands);
    Type resultElement =
        elementType(b, kernel.resultElement.empty() ? kernel.element
                                                    : kernel.resultElement);
    for (auto [i, result] : llvm::enumerate(results)) {
      Value base = loadPointer(outputs, i);
      LLVM::StoreOp::create(b, loc, result, at(base, resultElement, index),
                            /*alignment=*/4);
    }
  }

  OpBuilder b;
  Location loc;
  const MathKernel &kernel;
  Type pointer;
  Value inputs, outputs;
};

std::unique_ptr<llvm::Module> lower(const MathKernel &kernel, bool isLoop,
                                    llvm::LLVMContext &llvmContext) {
  DialectRegistry registry;
  registerAllToLLVMIRTranslations(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context
      .loadDialect<arith::ArithDialect, func::FuncDialect, LLVM::LLVMDialect,
                   math::MathDialect, scf::SCFDialect, vector::VectorDialect>();
  OwningOpRef<ModuleOp> module = KernelBuilder(context, kernel).build(isLoop);
  PassManager manager(&context);
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createConvertVectorToLLVMPass());
  manager.addPass(createConvertMathToLLVMPass());
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createConvertFuncToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
  if (failed(manager.run(*module)))
    llvm::report_fatal_error("the math kernel did not lower");
  return translateModuleToLLVMIR(*module, llvmContext, "kernel");
}

void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  for (llvm::Function &function : module) {
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr("min-legal-vector-width", "512");
  }
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(module, modules);
}

void initializeTargets() {
  static const bool done = [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    return true;
  }();
  (void)done;
}

} // namespace

CompiledMath::CompiledMath(const MathKernel &kernel) {
  initializeTargets();
  auto builder =
      llvm::cantFail(llvm::orc::JITTargetMachineBuilder::detectHost());
  auto machine = llvm::cantFail(builder.createTargetMachine());
  auto context = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> module =
      lower(kernel, /*isLoop=*/true, *context);
  optimize(*module, *machine);
  jit = llvm::cantFail(
      llvm::orc::LLJITBuilder().setJITTargetMachineBuilder(builder).create());
  llvm::cantFail(jit->addIRModule({std::move(module), std::move(context)}));
  entry = llvm::cantFail(jit->lookup("kernel"))
              .toPtr<void (*)(const void *const *, void *const *, int64_t)>();
}

CompiledMath::~CompiledMath() = default;

void CompiledMath::run(const std::vector<const void *> &operands,
                       const std::vector<void *> &results,
                       int64_t count) const {
  entry(operands.data(), results.data(), count);
}

std::string assemblyOf(const MathKernel &kernel, const std::string &triple,
                       const std::string &cpu) {
  initializeTargets();
  std::string error;
  llvm::Triple parsed(triple);
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(parsed, error);
  if (!target)
    llvm::report_fatal_error(llvm::StringRef(error));
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      parsed, cpu, "", llvm::TargetOptions(), llvm::Reloc::PIC_));
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module =
      lower(kernel, /*isLoop=*/false, context);
  optimize(*module, *machine);
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr,
                                   llvm::CodeGenFileType::AssemblyFile))
    llvm::report_fatal_error("no assembly for this target");
  passes.run(*module);
  return text.str().str();
}

} // namespace dlc::test
