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

#include "compiler/codegen/emitter/RegionEmitter.h"
#include "compiler/codegen/emitter/Scatter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <numeric>

using namespace mlir;

namespace dlc::emit {

static func::FuncOp createFunction(ModuleOp module, Location loc,
                                   StringRef symbol) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(module.getContext());
  Type i64 = b.getI64Type();
  auto type = b.getFunctionType({pointer, pointer, i64, i64}, {});
  auto function = func::FuncOp::create(b, loc, symbol, type);
  function.addEntryBlock();
  return function;
}

/// Elements of a list's slice per workgroup. A multiple of every vector length.
constexpr int64_t leastChunk = 8192;
constexpr int64_t mostChunks = 512;

/// A list kernel: code for its first slice, called with the buffers and the
/// range that `dims` gives for each workgroup: (slice, start, count).
static FailureOr<EmittedKernel> emitListKernel(KernelOp kernel,
                                               StringRef symbol,
                                               const VectorTarget &target,
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
  int64_t chunk =
      llvm::divideCeil(std::max(leastChunk, total / mostChunks), leastChunk) *
      leastChunk;
  for (auto [slice, size] : llvm::enumerate(sizes))
    for (int64_t start = 0; start < size; start += chunk) {
      int64_t count = std::min(chunk, size - start);
      emitted.dims.insert(emitted.dims.end(), {int64_t(slice), start, count});
    }
  emitted.groups = emitted.dims.size() / 3;

  Location loc = kernel.getLoc();
  emitted.function = createFunction(module, loc, symbol);
  Block &entry = emitted.function.getBody().front();
  OpBuilder b = OpBuilder::atBlockBegin(&entry);
  RegionEmitter emitter(b, loc, *plan, ops, target);
  if (target.checksFinite)
    emitter.getChecks().begin();
  SmallVector<Value> inputs(
      body.getArguments().take_front(shared + numInputs));
  emitter.emitList({emitted.function.getArgument(0),
                    emitted.function.getArgument(1),
                    emitted.function.getArgument(2),
                    emitted.function.getArgument(3)},
                   inputs, outputs, shared, sizes.size());
  emitter.getChecks().end(emitted.function.getArgument(0),
                          body.getNumArguments() +
                              kernel.getOutputs().size());
  b.setInsertionPointToEnd(&entry);
  func::ReturnOp::create(b, loc);
  return emitted;
}

FailureOr<EmittedKernel> emitKernel(KernelOp kernel, StringRef symbol,
                                    const VectorTarget &target,
                                    ModuleOp module) {
  if (kernel.getSchedule().getKind() == ScheduleKind::List)
    return emitListKernel(kernel, symbol, target, module);
  if (kernel.getSchedule().getKind() == ScheduleKind::Scatter)
    return emitScatterKernel(kernel, createFunction(module, kernel.getLoc(),
                                                    symbol),
                             target);
  Block &body = kernel.getBody().front();
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator())
    ops.push_back(&op);
  SmallVector<Value> outputs(body.getTerminator()->getOperands());
  std::string why;
  FailureOr<RegionPlan> plan = planCollapsedRegion(ops, outputs, &why);
  if (failed(plan))
    return kernel.emitOpError() << "cannot be emitted: " << why << " [DLC4001]";

  Location loc = kernel.getLoc();
  func::FuncOp function = createFunction(module, loc, symbol);
  OpBuilder b = OpBuilder::atBlockBegin(&function.getBody().front());
  RegionEmitter emitter(b, loc, *plan, ops, target);
  if (target.checksFinite)
    emitter.getChecks().begin();
  emitter.bindBuffers(function.getArgument(0), body.getArguments(), outputs);
  emitter.emit(function.getArgument(2), function.getArgument(3));
  emitter.getChecks().end(function.getArgument(0),
                          body.getNumArguments() + outputs.size());
  b.setInsertionPointToEnd(&function.getBody().front());
  func::ReturnOp::create(b, loc);
  return EmittedKernel{function, emitter.getGroups(), {}};
}

} // namespace dlc::emit
