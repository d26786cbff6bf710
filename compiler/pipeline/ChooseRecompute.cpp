//===- ChooseRecompute.cpp - which activations to compute twice -----------===//
#include "compiler/pipeline/ChooseRecompute.h"

#include "compiler/pipeline/LibraryRecords.h"
#include "compiler/pipeline/Serialize.h"
#include "dialects/dlc/IR/Halves.h"
#include "dialects/exec/IR/Exec.h"
#include "passes/fuse/FusionCost.h"
#include "passes/recompute/Passes.h"
#include "runtime/core/ThreadPool.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace dlc {

namespace {

/// Products and convolutions, in operations per ns. Like the constants of
/// FusionCost a small CPU's: only ratios matter.
constexpr double libraryOperationsPerNs = 300;

constexpr unsigned segmentCounts[] = {2, 3, 4, 6, 8, 12, 16, 24};

bool hasGradients(func::FuncOp function) {
  return llvm::any_of(function.getOps(),
                      [](Operation &op) { return isGradient(op.getLoc()); });
}

class Chooser {
public:
  Chooser(ModuleOp graph, const RecomputeRequest &request,
          std::vector<RecomputePlan> &tried)
      : graph(graph), request(request), tried(tried) {}

  FailureOr<RecomputePlan> run();

private:
  FailureOr<RecomputePlan> evaluate(const std::string &mode);
  FailureOr<RecomputePlan> chooseFitting();
  FailureOr<RecomputePlan> chooseSmallest(RecomputePlan best);
  static std::string segmented(unsigned segments) {
    return "full:segments=" + std::to_string(segments);
  }

  ModuleOp graph;
  const RecomputeRequest &request;
  std::vector<RecomputePlan> &tried;
};

/// The time of a program, by the fusion pass's model.
double timeOf(exec::ProgramOp program) {
  FusionCost cost;
  double time = 0;
  for (exec::Instruction instruction : exec::instructionsOf(program)) {
    exec::InstructionCost work = instruction.getCost();
    double rate = isa<exec::LaunchOp>(instruction) ? cost.operationsPerNs
                                                   : libraryOperationsPerNs;
    double memory =
        double(work.bytesRead + work.bytesWritten) / cost.bytesPerNs;
    time += cost.launchNs + std::max(memory, double(work.operations) / rate);
  }
  return time;
}

} // namespace

FailureOr<RecomputePlan> Chooser::evaluate(const std::string &mode) {
  OwningOpRef<ModuleOp> module = graph.clone();
  PassManager passes(graph.getContext());
  RecomputePassOptions recompute;
  recompute.mode = mode;
  passes.addNestedPass<func::FuncOp>(createRecomputePass(recompute));
  if (failed(passes.run(*module)))
    return failure();
  RecomputePlan plan;
  plan.mode = mode;
  llvm::StringSet<> trains;
  for (func::FuncOp function : module->getOps<func::FuncOp>()) {
    if (hasGradients(function))
      trains.insert(function.getName());
    if (auto flops = function->getAttrOfType<FloatAttr>(names::recomputedFlops))
      plan.flops = std::max(plan.flops, flops.getValueAsDouble());
  }
  PassManager rest(graph.getContext());
  KernelsOptions kernels;
  kernels.fuse = request.fuse;
  buildKernelsPipeline(rest, kernels);
  ExecOptions exec;
  exec.offload = request.offload;
  exec.offloadLimit = request.memoryLimit;
  buildExecPipeline(rest, exec);
  if (failed(rest.run(*module)))
    return failure();
  uint64_t arena = exec::stateBytes(*module), scratch = 0;
  ConstantPool constants;
  for (exec::ProgramOp program : module->getOps<exec::ProgramOp>()) {
    arena = std::max<uint64_t>(arena, *program.getArena());
    scratch = std::max(scratch, scratchBytesOf(program));
    if (trains.contains(program.getSymName()))
      plan.time += timeOf(program);
    for (exec::ConstantOp constant : program.getOps<exec::ConstantOp>())
      constants.add(constant.getValue());
  }
  plan.bytes = arena + constants.getBytes().size() +
               scratch * uint64_t(rt::defaultThreadCount());
  tried.push_back(plan);
  return plan;
}

/// The first that fits, in a fixed order; see the header.
FailureOr<RecomputePlan> Chooser::chooseFitting() {
  std::vector<std::string> modes = {"none", "cheap"};
  for (unsigned segments : segmentCounts)
    modes.push_back(segmented(segments));
  std::optional<RecomputePlan> smallest;
  for (const std::string &mode : modes) {
    FailureOr<RecomputePlan> plan = evaluate(mode);
    if (failed(plan) || plan->bytes <= request.memoryLimit)
      return plan;
    if (!smallest || plan->bytes < smallest->bytes)
      smallest = *plan;
  }
  return *smallest;
}

FailureOr<RecomputePlan> Chooser::chooseSmallest(RecomputePlan best) {
  for (unsigned segments : segmentCounts) {
    FailureOr<RecomputePlan> plan = evaluate(segmented(segments));
    if (failed(plan))
      return failure();
    if (plan->bytes < best.bytes)
      best = *plan;
  }
  return best;
}

FailureOr<RecomputePlan> Chooser::run() {
  bool trains = llvm::any_of(graph.getOps<func::FuncOp>(), hasGradients);
  if (!trains || request.mode == "none" || request.mode.starts_with("full:")) {
    RecomputePlan plan;
    plan.mode = trains ? request.mode : "none";
    return plan;
  }
  if (request.mode == "auto" && request.memoryLimit)
    return chooseFitting();
  FailureOr<RecomputePlan> none = evaluate("none"), cheap = evaluate("cheap");
  if (failed(none) || failed(cheap))
    return failure();
  // On small nets copies may lengthen more lives than they end.
  RecomputePlan smaller = cheap->bytes < none->bytes ? *cheap : *none;
  if (request.mode == "cheap")
    return smaller;
  if (request.mode == "full")
    return chooseSmallest(smaller);
  return cheap->time <= none->time ? cheap : none;
}

FailureOr<RecomputePlan> chooseRecompute(ModuleOp graph,
                                         const RecomputeRequest &request,
                                         std::vector<RecomputePlan> &tried) {
  return Chooser(graph, request, tried).run();
}

} // namespace dlc
