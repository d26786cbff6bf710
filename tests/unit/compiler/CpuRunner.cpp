//===- CpuRunner.cpp - runs dlc functions through generated CPU code ------===//
#include "tests/unit/compiler/CpuRunner.h"

#include "tests/unit/compiler/KernelCode.h"

#include "compiler/codegen/cpu/CpuPipeline.h"
#include "compiler/codegen/cpu/EmitObject.h"
#include "compiler/codegen/gpu/Ptx.h"
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/reference/Evaluate.h"
#include "passes/fuse/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Signals.h"

#include <dlfcn.h>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using dlc::reference::Tensor;

namespace dlc::test {

std::unique_ptr<MLIRContext> createContext() {
  // Generated code can crash: say where.
  static const bool once = [] {
    llvm::sys::PrintStackTraceOnErrorSignal("");
    return true;
  }();
  (void)once;
  DialectRegistry registry;
  cpu::registerCpuDialects(registry);
  gpu::registerGpuDialects(registry);
  registry.insert<DlcDialect>();
  auto context = std::make_unique<MLIRContext>(registry);
  context->loadAllAvailableDialects();
  return context;
}

Tensor randomTensor(RankedTensorType type, unsigned seed, int64_t limit) {
  Tensor tensor(type);
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> numbers(-2, 2);
  std::uniform_int_distribution<int64_t> integers(0, limit - 1);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (tensor.isFloat())
      tensor.setNumber(i, numbers(generator));
    else
      tensor.setInteger(i, integers(generator));
  }
  return tensor;
}

void *loadCode(const std::string &code) {
  int file = memfd_create("kernels", 0);
  if (write(file, code.data(), code.size()) != ssize_t(code.size()))
    return nullptr;
  // The file stays open: its number is the library's name.
  std::string path = "/proc/self/fd/" + std::to_string(file);
  return dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
}

FailureOr<CpuRun> runKernels(ModuleOp module, ArrayRef<Tensor> arguments,
                             KernelTable &table, KernelCode &code) {
  PassManager passes(module.getContext());
  code.addPasses(passes);
  if (failed(passes.run(module)))
    return failure();
  auto function = *module.getOps<func::FuncOp>().begin();
  CpuRun run;
  DenseMap<Operation *, unsigned> kernels;
  for (KernelOp kernel : function.getOps<KernelOp>()) {
    FailureOr<unsigned> index = table.add(kernel);
    if (failed(index))
      return failure();
    kernels[kernel] = *index;
    ++run.numKernels;
  }
  if (failed(code.compile(table, module.getLoc())))
    return failure();

  DenseMap<Value, Tensor> values;
  for (auto [argument, tensor] :
       llvm::zip_equal(function.getArguments(), arguments))
    values[argument] = tensor;
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (auto kernel = dyn_cast<KernelOp>(op)) {
      std::vector<MutableArrayRef<char>> buffers;
      for (Value input : kernel.getInputs())
        buffers.push_back(values[input].getBytes());
      std::vector<Tensor> outputs;
      for (Value output : kernel.getOutputs())
        outputs.emplace_back(tensorType(output));
      for (Tensor &output : outputs)
        buffers.push_back(output.getBytes());
      const KernelEntry &entry = table.entries()[kernels[kernel]];
      if (entry.groups && failed(code.run(entry, buffers)))
        return failure();
      for (auto [output, tensor] :
           llvm::zip_equal(kernel.getOutputs(), outputs))
        values[output] = std::move(tensor);
      continue;
    }
    SmallVector<const Tensor *> operands;
    for (Value operand : op.getOperands())
      operands.push_back(&values[operand]);
    auto results = reference::evaluate(&op, operands);
    if (failed(results))
      return failure();
    for (auto [result, tensor] : llvm::zip_equal(op.getResults(), *results))
      values[result] = tensor;
  }
  for (Value result : function.getBody().front().getTerminator()->getOperands())
    run.results.push_back(values[result]);
  return run;
}

namespace {

class CpuCode : public KernelCode {
public:
  explicit CpuCode(const cpu::CpuTarget &target) : target(target) {}
  ~CpuCode() override {
    if (handle)
      dlclose(handle);
  }

  void addPasses(PassManager &passes) override {
    passes.addNestedPass<func::FuncOp>(createFormKernelsPass());
  }

  LogicalResult compile(KernelTable &table, Location) override {
    FailureOr<std::string> code =
        cpu::emitSharedObject(table.getModules(), target);
    if (succeeded(code))
      handle = loadCode(*code);
    return success(handle != nullptr);
  }

  LogicalResult run(const KernelEntry &entry,
                    ArrayRef<MutableArrayRef<char>> buffers) override {
    using Kernel = void (*)(void *const *, const int64_t *, int64_t, int64_t);
    auto code = reinterpret_cast<Kernel>(dlsym(handle, entry.symbol.c_str()));
    std::vector<void *> pointers;
    for (MutableArrayRef<char> buffer : buffers)
      pointers.push_back(buffer.data());
    // In two calls, as two threads would.
    code(pointers.data(), nullptr, 0, entry.groups / 2);
    code(pointers.data(), nullptr, entry.groups / 2, entry.groups);
    return success();
  }

private:
  cpu::CpuTarget target;
  void *handle = nullptr;
};

} // namespace

FailureOr<CpuRun> runOnCpu(ModuleOp module, ArrayRef<Tensor> arguments,
                           unsigned vectorBytes) {
  FailureOr<cpu::CpuTarget> target = cpu::findCpuTarget("", module.getLoc());
  if (failed(target))
    return failure();
  KernelTable table(module.getContext(),
                    {vectorBytes ? vectorBytes : target->vectorBytes}, 2);
  CpuCode code(*target);
  return runKernels(module, arguments, table, code);
}

} // namespace dlc::test
