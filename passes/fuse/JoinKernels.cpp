//===- JoinKernels.cpp - equal small kernels in one launch ----------------===//
//
// The second stages of sums over rows are tiny, and there are several per layer:
//
//   kernel <column, [768, 4]> (%p0)          kernel <column, [768, 4]>
//   …                                   ->     (%p0, %p1)
//   kernel <column, [768, 4]> (%p1)
//
// Their bodies stand side by side in one kernel over the same domain. Joined are
// equal kernels whose results nothing reads before the last of them; what the
// optimizer reads can wait that long.
//
//===----------------------------------------------------------------------===//
#include "passes/fuse/Passes.h"

#include "dialects/dlc/IR/Cost.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OperationSupport.h"

using namespace mlir;

namespace dlc {
#define GEN_PASS_DEF_JOINKERNELSPASS
#include "passes/fuse/Passes.h.inc"
} // namespace dlc

using namespace dlc;

namespace {

/// More outputs than this in one kernel take registers from each other.
constexpr size_t mostOutputs = 8;
/// Kernels that move more than this are worth a launch of their own. Second
/// stages of sums have few threads each, and fill a GPU only together.
constexpr double mostBytes = 64 << 10, mostSummedBytes = 4 << 20;

using Group = SmallVector<KernelOp, 8>;

bool isSmall(KernelOp kernel) {
  double bytes = 0;
  for (Value input : kernel.getInputs())
    bytes += tensorBytes(input);
  for (Value output : kernel.getOutputs())
    bytes += tensorBytes(output);
  ScheduleKind kind = kernel.getSchedule().getKind();
  bool isPlain = kind == ScheduleKind::Map || kind == ScheduleKind::Row ||
                 kind == ScheduleKind::Column;
  double most = kind == ScheduleKind::Column ? mostSummedBytes : mostBytes;
  return bytes <= most && isPlain && !kernel->hasAttr("library");
}

bool isEqual(KernelOp a, KernelOp b) {
  return a.getSchedule() == b.getSchedule() && a.getName() == b.getName() &&
         a.getInputs().getTypes() == b.getInputs().getTypes() &&
         OperationEquivalence::isRegionEquivalentTo(
             &a.getBody(), &b.getBody(), OperationEquivalence::IgnoreLocations);
}

/// Whether everything that reads a result of `group` comes after `kernel`.
bool canWaitFor(const Group &group, KernelOp kernel) {
  return llvm::all_of(group, [&](KernelOp member) {
    return llvm::all_of(member->getUsers(), [&](Operation *user) {
      return kernel->isBeforeInBlock(user);
    });
  });
}

void join(const Group &group) {
  KernelOp last = group.back();
  OpBuilder b(last);
  SmallVector<Value> inputs;
  SmallVector<Type> types;
  SmallVector<Location> locations;
  for (KernelOp kernel : group) {
    llvm::append_range(inputs, kernel.getInputs());
    llvm::append_range(types, kernel.getOutputs().getTypes());
    locations.push_back(kernel.getLoc());
  }
  auto joined = KernelOp::create(b, b.getFusedLoc(locations), types,
                                 last.getName(), last.getSchedule(), inputs);
  Block *body = b.createBlock(&joined.getBody());
  SmallVector<Value> yielded;
  unsigned result = 0;
  for (KernelOp kernel : group) {
    IRMapping mapping;
    Block &own = kernel.getBody().front();
    for (BlockArgument argument : own.getArguments())
      mapping.map(argument,
                  body->addArgument(argument.getType(), argument.getLoc()));
    for (Operation &op : own.without_terminator())
      b.clone(op, mapping);
    for (Value value : own.getTerminator()->getOperands())
      yielded.push_back(mapping.lookup(value));
    for (Value output : kernel.getOutputs())
      output.replaceAllUsesWith(joined.getOutputs()[result++]);
  }
  YieldOp::create(b, joined.getLoc(), yielded);
  for (KernelOp kernel : group)
    kernel.erase();
}

struct JoinKernels : dlc::impl::JoinKernelsPassBase<JoinKernels> {
  void runOnOperation() override {
    std::vector<Group> groups;
    for (KernelOp kernel :
         getOperation().getBody().front().getOps<KernelOp>()) {
      if (!isSmall(kernel))
        continue;
      // Of equal groups the latest is open, if it can wait.
      auto it = llvm::find_if(llvm::reverse(groups), [&](const Group &group) {
        return isEqual(group.front(), kernel);
      });
      size_t outputs = kernel.getOutputs().size();
      if (it != groups.rend() && (it->size() + 1) * outputs <= mostOutputs &&
          canWaitFor(*it, kernel))
        it->push_back(kernel);
      else
        groups.push_back({kernel});
    }
    for (const Group &group : groups)
      if (group.size() > 1) {
        join(group);
        numJoined += group.size();
      }
  }
};

} // namespace
