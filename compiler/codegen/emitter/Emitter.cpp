//===- Emitter.cpp - from a fusion region to code -------------------------===//
//
// The region's plan (dialects/dlc/indexing/Region.h) gives the domain
// kept x reduced and where each value is read. One dim of the domain is the
// *vector dim*: its index is a base plus the lane number.
//
//   vector dim kept (map, column)         vector dim reduced (row)
//   for p in my kept tiles:               for p in my kept elements:
//     for each level:                       for each level:
//       for reduced:                          for reduced, by vectors:
//         accumulate by lanes                   accumulate by lanes
//                                             join the lanes
//     store rows by lanes                   store rows
//
// Values are emitted on demand and remembered per scope: what does not depend
// on the inner loops is emitted once before them.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/Emitter.h"

#include "compiler/codegen/emitter/KernelFunction.h"
#include "compiler/codegen/emitter/RegionEmitter.h"
#include "compiler/codegen/emitter/Scatter.h"
#include "compiler/codegen/emitter/attention/Attention.h"

#include <numeric>

using namespace mlir;

namespace dlc::emit {

/// Elements of a list's slice per workgroup. A multiple of every vector length.
constexpr int64_t leastChunk = 8192;
/// A GPU wants several workgroups for each of its some hundred processors.
constexpr int64_t mostChunks = 512, mostGpuChunks = 4096;
/// Threads of a list's workgroup.
constexpr unsigned listThreads = 256;
/// Workgroups on a processor for which there must be registers, where a slice's
/// values are many: left to itself, the assembler makes room for a third one by
/// keeping some of them in memory.
constexpr unsigned largeListGroups = 2;

/// How many workgroups of a GPU's kernel must fit on a processor at once.
static void setResidentGroups(func::FuncOp function, unsigned groups) {
  Builder b(function.getContext());
  function->setAttr("passthrough",
                    b.getArrayAttr({b.getStrArrayAttr(
                        {"nvvm.minctasm", std::to_string(groups)})}));
}

/// A list kernel: code for its first slice, called with the buffers and the
/// range that `dims` gives for each workgroup: (slice, start, count).
static FailureOr<EmittedKernel> emitListKernel(KernelOp kernel,
                                               StringRef symbol,
                                               const Target &target,
                                               ModuleOp module) {
  Block &body = kernel.getBody().front();
  ArrayRef<int64_t> sizes = kernel.getSchedule().getDomain();
  size_t numOutputs = kernel.getOutputs().size() / sizes.size();
  int64_t shared = kernel->getAttrOfType<IntegerAttr>("shared").getInt();
  size_t numInputs = (body.getNumArguments() - shared) / sizes.size();
  SmallVector<Value> outputs(
      body.getTerminator()->getOperands().take_front(numOutputs));
  // Slices do not mix, so the first one's ops come first.
  llvm::DenseSet<Value> needed(llvm::from_range, outputs);
  SmallVector<Operation *> ops;
  for (Operation &op : llvm::reverse(body.without_terminator())) {
    if (llvm::none_of(op.getResults(),
                      [&](Value result) { return needed.contains(result); }))
      continue;
    needed.insert_range(op.getOperands());
    ops.push_back(&op);
  }
  std::reverse(ops.begin(), ops.end());
  std::string why;
  FailureOr<RegionPlan> plan = planCollapsedRegion(ops, outputs, &why);
  if (failed(plan) || plan->kept.size() != 1)
    return kernel.emitOpError() << "cannot be emitted as a list: " << why
                                << " [DLC4001]";

  EmittedKernel emitted;
  int64_t total = std::accumulate(sizes.begin(), sizes.end(), int64_t(0));
  int64_t most = target.isGpu ? mostGpuChunks : mostChunks;
  int64_t chunk =
      llvm::divideCeil(std::max(leastChunk, total / most), leastChunk) *
      leastChunk;
  for (auto [slice, size] : llvm::enumerate(sizes))
    for (int64_t start = 0; start < size; start += chunk) {
      int64_t count = std::min(chunk, size - start);
      emitted.dims.insert(emitted.dims.end(), {int64_t(slice), start, count});
    }
  emitted.groups = emitted.dims.size() / 3;

  Location loc = kernel.getLoc();
  size_t numBuffers = body.getNumArguments() + kernel.getOutputs().size();
  KernelFunction function(module, loc, symbol, target,
                          numBuffers + target.checksFinite, /*isTable=*/true);
  emitted.function = function.get();
  emitted.isTable = target.isGpu;
  emitted.threads = target.isGpu ? listThreads : 0;
  // With a choice between old and new values both are there to the end.
  bool isLarge = llvm::any_of(ops, [](Operation *op) {
    return isa<SelectOp, PowOp, MinOp>(op);
  });
  if (target.isGpu && isLarge)
    setResidentGroups(emitted.function, largeListGroups);
  OpBuilder b = OpBuilder::atBlockBegin(&function.entry());
  RegionEmitter emitter(b, loc, *plan, ops, target);
  if (target.checksFinite)
    emitter.getChecks().begin();
  SmallVector<Value> inputs(
      body.getArguments().take_front(shared + numInputs));
  emitter.emitList(function, inputs, outputs,
                   {shared, int64_t(sizes.size()), listThreads});
  emitter.getChecks().end(
      [&] { return function.pointer(b, int64_t(numBuffers)); });
  function.finish(b);
  return emitted;
}

FailureOr<EmittedKernel> emitKernel(KernelOp kernel, StringRef symbol,
                                    const Target &target,
                                    ModuleOp module) {
  if (kernel.getSchedule().getKind() == ScheduleKind::List)
    return emitListKernel(kernel, symbol, target, module);
  if (kernel.getSchedule().getKind() == ScheduleKind::Scatter)
    return emitScatterKernel(kernel, symbol, target, module);
  if (kernel.getSchedule().getKind() == ScheduleKind::Attention)
    return emitAttentionKernel(kernel, symbol, target, module);
  Block &body = kernel.getBody().front();
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator())
    ops.push_back(&op);
  SmallVector<Value> outputs(body.getTerminator()->getOperands());
  std::string why;
  bool isMixed =
      kernel.getSchedule().getKind() == ScheduleKind::Mixed && target.isGpu;
  FailureOr<RegionPlan> plan = isMixed
                                   ? planMixedRegion(ops, outputs, &why)
                                   : planCollapsedRegion(ops, outputs, &why);
  if (failed(plan))
    return kernel.emitOpError() << "cannot be emitted: " << why << " [DLC4001]";

  Location loc = kernel.getLoc();
  size_t numBuffers = body.getNumArguments() + outputs.size();
  KernelFunction function(module, loc, symbol, target,
                          numBuffers + target.checksFinite);
  OpBuilder b = OpBuilder::atBlockBegin(&function.entry());
  RegionEmitter emitter(b, loc, *plan, ops, target);
  if (target.checksFinite)
    emitter.getChecks().begin();
  emitter.bindBuffers(function, body.getArguments(), outputs);
  emitter.emit(function);
  emitter.getChecks().end(
      [&] { return function.pointer(b, int64_t(numBuffers)); });
  function.finish(b);
  if (unsigned groups = emitter.getResidentGroups())
    setResidentGroups(function.get(), groups);
  return EmittedKernel{function.get(), emitter.getGroups(), {},
                       emitter.getThreads()};
}

} // namespace dlc::emit
