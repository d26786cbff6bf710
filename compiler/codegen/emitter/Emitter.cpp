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

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

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

FailureOr<EmittedKernel> emitKernel(KernelOp kernel, StringRef symbol,
                                    const VectorTarget &target,
                                    ModuleOp module) {
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
  emitter.bindBuffers(function.getArgument(0), body.getArguments(), outputs);
  emitter.emit(function.getArgument(2), function.getArgument(3));
  b.setInsertionPointToEnd(&function.getBody().front());
  func::ReturnOp::create(b, loc);
  return EmittedKernel{function, emitter.getGroups()};
}

} // namespace dlc::emit
