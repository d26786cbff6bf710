//===- TargetPlan.cpp - the phases after the graph, for one target --------===//
#include "compiler/driver/TargetPlan.h"

#include "compiler/codegen/gpu/EmulatorLowering.h"
#include "compiler/codegen/gpu/Ptx.h"
#include "compiler/codegen/gpu/Ptxas.h"
#include "compiler/pipeline/Phases.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Path.h"

#include <thread>

using namespace mlir;

namespace dlc {

/// Compiled in parallel.
constexpr unsigned numCodeModules = 2;
/// The widest access of a GPU's thread.
constexpr unsigned gpuAccessBytes = 16;
/// What every GPU that code is made for runs. Later ones also have arithmetic in
/// bf16, whose comparisons LLVM 22 writes with a modifier that ptxas refuses.
static const char *const baseArchitecture = "sm_80";

TargetPlan::TargetPlan(TargetKind kind, OwningOpRef<ModuleOp> graph,
                       const CompileOptions &options, const Targets &targets)
    : kind(kind), module(std::move(graph)), options(options),
      targets(targets) {}

LogicalResult TargetPlan::formKernels() {
  PassManager passes(module->getContext());
  KernelsOptions kernelsOptions;
  kernelsOptions.fuse = options.fuse;
  kernelsOptions.target = nameOf(kind).str();
  for (const std::string &library : options.without)
    kernelsOptions.without.addValue(library);
  kernelsOptions.attention = options.attentionBy;
  kernelsOptions.tf32 = options.precision == "tf32";
  for (const std::string &glob : options.keepF32)
    kernelsOptions.keepF32.addValue(glob);
  buildKernelsPipeline(passes, kernelsOptions);
  return passes.run(*module);
}

LogicalResult TargetPlan::plan(fb::ArtifactT &artifact,
                               ConstantPool &constants) {
  PassManager passes(module->getContext());
  ExecOptions execOptions;
  execOptions.offload = options.offload;
  execOptions.offloadLimit = options.memoryLimit;
  execOptions.target = nameOf(kind).str();
  buildExecPipeline(passes, execOptions);
  if (failed(passes.run(*module)))
    return failure();
  emit::Target target;
  target.checksFinite = options.traceNonfinite;
  target.isGpu = kind == TargetKind::Cuda;
  target.bytes = gpuAccessBytes;
  if (!target.isGpu) {
    FailureOr<cpu::CpuTarget> found =
        cpu::findCpuTarget(options.cpu, module->getLoc());
    if (failed(found))
      return failure();
    cpu = *found;
    target.bytes = cpu.vectorBytes;
  }
  // The code decides the grids, so it is emitted before the plan is done.
  kernels = std::make_unique<KernelTable>(module->getContext(), target,
                                          numCodeModules);
  FailureOr<KernelIndices> emitted = emitKernels(*module, *kernels);
  if (failed(emitted))
    return failure();
  kernelIndices = std::move(*emitted);
  packPlan(artifact, constants);
  return success();
}

/// Everything that the plan alone decides.
void TargetPlan::packPlan(fb::ArtifactT &artifact, ConstantPool &constants) {
  for (const KernelEntry &entry : kernels->entries()) {
    auto kernel = std::make_unique<fb::KernelT>();
    kernel->symbol = entry.symbol;
    kernel->schedule = entry.schedule;
    kernel->hash = entry.hash;
    kernel->threads = entry.threads;
    kernel->is_table = entry.isTable;
    artifact.kernels.push_back(std::move(kernel));
  }
  artifact.precision = options.precision;
  artifact.target = std::make_unique<fb::TargetT>();
  artifact.target->kind = nameOf(kind).str();
  artifact.target->cpu = cpu.cpu;
  artifact.target->features = cpu.needs;
  artifact.state_bytes = exec::stateBytes(*module);
  artifact.arena_bytes = artifact.state_bytes;
  artifact.host_bytes = exec::hostStateBytes(*module);
  for (exec::ProgramOp program : module->getOps<exec::ProgramOp>()) {
    artifact.arena_bytes =
        std::max<uint64_t>(artifact.arena_bytes, *program.getArena());
    artifact.host_bytes = std::max<uint64_t>(
        artifact.host_bytes, program.getHostArena().value_or(0));
    artifact.programs.push_back(
        serializeProgram(program, kernelIndices, constants));
    if (kind != TargetKind::Cpu)
      artifact.programs.back()->scratch_bytes = 0;
  }
  artifact.states = serializeStates(*module);
}

LogicalResult TargetPlan::emitCode(fb::ArtifactT &artifact,
                                   std::vector<CodeImage> &images,
                                   std::vector<std::string> &remarks) {
  if (kernels->entries().empty())
    return success();
  if (kind == TargetKind::Cuda)
    return emitGpuCode(artifact, images, remarks);
  if (options.precision == "tf32")
    remarks.push_back("precision 'tf32' is for GPUs: the plan for CPUs computes "
                      "in f32");
  FailureOr<std::string> code =
      cpu::emitSharedObject(kernels->getModules(), cpu);
  if (failed(code))
    return failure();
  images.push_back({"", std::move(*code)});
  return success();
}

LogicalResult TargetPlan::emitGpuCode(fb::ArtifactT &artifact,
                                      std::vector<CodeImage> &images,
                                      std::vector<std::string> &remarks) {
  std::vector<gpu::KernelShape> shapes;
  for (const KernelEntry &entry : kernels->entries())
    shapes.push_back({entry.symbol, entry.threads, entry.inputs});
  std::string base = baseArchitecture;
  FailureOr<std::vector<gpu::GpuModule>> modules = gpu::emitPtx(
      kernels->getModules(), shapes, base, module->getLoc());
  if (failed(modules))
    return failure();
  if (targets.isEmulated) {
    std::vector<llvm::Module *> raw;
    for (gpu::GpuModule &gpuModule : *modules)
      raw.push_back(gpuModule.module.get());
    FailureOr<std::string> code =
        gpu::emitEmulatedObject(raw, module->getLoc());
    if (failed(code))
      return failure();
    images.push_back({"x86_64", std::move(*code)});
  }
  if (targets.architectures.empty())
    return success();
  std::string ptx = gpu::joinPtx(*modules);
  if (gpu::findPtxas().empty())
    remarks.push_back("no 'ptxas' on PATH, in CUDA_HOME or in /usr/local/cuda: "
                      "the artifact has PTX alone, which the driver compiles "
                      "each time it is loaded");
  else if (failed(assembleAll(ptx, artifact, images)))
    return failure();
  images.push_back({"compute_" + base.substr(3), std::move(ptx)});
  return success();
}

/// Machine code for each architecture, in parallel.
LogicalResult TargetPlan::assembleAll(const std::string &ptx,
                                      fb::ArtifactT &artifact,
                                      std::vector<CodeImage> &images) {
  std::string path = gpu::findPtxas();
  const std::vector<std::string> &architectures = targets.architectures;
  std::vector<FailureOr<gpu::Cubin>> cubins(architectures.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < architectures.size(); ++i)
    threads.emplace_back([&, i] {
      cubins[i] =
          gpu::assemble(ptx, architectures[i], path, module->getLoc());
    });
  for (std::thread &thread : threads)
    thread.join();
  llvm::StringMap<fb::KernelT *> bySymbol;
  for (const std::unique_ptr<fb::KernelT> &kernel : artifact.kernels)
    bySymbol[kernel->symbol] = kernel.get();
  for (auto [arch, cubin] : llvm::zip_equal(architectures, cubins)) {
    if (failed(cubin))
      return failure();
    images.push_back({arch, std::move(cubin->bytes)});
    for (const gpu::KernelResources &found : cubin->kernels)
      if (fb::KernelT *kernel = bySymbol.lookup(found.symbol)) {
        auto resources = std::make_unique<fb::KernelResourcesT>();
        resources->arch = found.arch;
        resources->registers = found.registers;
        resources->spill_bytes = found.spillBytes;
        resources->shared_bytes = found.sharedBytes;
        kernel->resources.push_back(std::move(resources));
      }
  }
  return success();
}

} // namespace dlc
