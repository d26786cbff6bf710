//===- FoldEpilogues.cpp - what follows a library call, inside it ---------===//
//
//   %h = dlc.dot_general %x, %w             %z = dlc.kernel "gemm_bias_relu"
//   %b = dlc.broadcast %bias dims [1]             … (%x, %w, %bias) {
//   %y = dlc.add %h, %b             ->        every op on the left
//   %z = dlc.relu %y                        } {library}
//
// Whether that saves anything depends on the kernels that would be formed: an
// op that a kernel computes on the way costs nothing. So kernels are formed for
// trial, and a call takes what follows it up to the last value that a kernel
// would have written; the call writes that value instead, and no kernel needs
// to. A tensor that is added must be in memory anyway.
//
// CUDA's library adds a bias to 16-bit products, too, if it is as narrow:
//
//   %h = dlc.dot_general %x, %w : bf16        %b = dlc.cast %bias : bf16
//   %f = dlc.cast %h : f32                    %z = dlc.kernel "gemm_bias" …
//   %y = dlc.add %f, broadcast %bias    ->          (%x, %w, %b) {
//   %z = dlc.cast %y : bf16                     product in f32, add, cast
//                                             } {library}
//
// This rounds once where the program rounds twice. Parameters are narrowed with
// the weights, in one launch for all.
//
//===----------------------------------------------------------------------===//
#include "passes/fuse/Passes.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Halves.h"
#include "dialects/dlc/IR/Traced.h"
#include "passes/fuse/Fuser.h"
#include "passes/fuse/LibraryKernels.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace dlc {
#define GEN_PASS_DEF_FOLDEPILOGUESPASS
#include "passes/fuse/Passes.h.inc"
} // namespace dlc

using namespace dlc;

namespace {

class EpilogueFolder {
public:
  EpilogueFolder(Block &block, bool isForCuda)
      : block(block), trial(block), isForCuda(isForCuda),
        isTraining(llvm::any_of(
            block, [](Operation &op) { return isGradient(op.getLoc()); })),
        hasCopies(llvm::any_of(
            block, [](Operation &op) { return copyNumber(&op) != 0; })) {
    fuse(trial, FusionCost(), /*mayMix=*/isForCuda);
  }
  unsigned run();

private:
  bool isInMemory(Value value);
  bool isTaken(const Epilogue &epilogue) const;
  bool isSame(const Epilogue &epilogue) const;
  bool isWatched(const Epilogue &epilogue) const;
  bool isNewGradient(const Epilogue &epilogue) const;
  bool isTakenByCuda(Operation *call, const Epilogue &epilogue) const;
  Value narrowed(Value bias, Type type);
  std::optional<Epilogue> choose(Operation *call);
  void fold(Operation *call, Epilogue &epilogue);

  Block &block;
  FusionGraph trial;
  bool isForCuda;
  /// There is a backward half.
  bool isTraining;
  /// Some of the forward half is computed again.
  bool hasCopies;
  /// 16-bit biases by the f32 ones.
  llvm::DenseMap<Value, Value> narrowBiases;
  /// Ops that became part of a call.
  llvm::DenseSet<Operation *> folded;
};

} // namespace

/// Whether `value` is written even if no call reads it.
bool EpilogueFolder::isInMemory(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getOperand();
  Operation *definition = value.getDefiningOp();
  return !definition || isLibraryCall(definition) || trial.writerOf(value);
}

/// Another call computes some of it. Views may be read by several.
bool EpilogueFolder::isTaken(const Epilogue &epilogue) const {
  return llvm::any_of(epilogue.ops, [&](Operation *op) {
    return !isIndexOnly(op) && folded.contains(op);
  });
}

/// The call gives the bits that a kernel of the same ops would give. The
/// library's curves are not the kernels', so in training, where one call may
/// have its curve folded in and the copy that repeats it may not, only relu is.
bool EpilogueFolder::isSame(const Epilogue &epilogue) const {
  return !isTraining || epilogue.activation == LibraryActivation::None ||
         epilogue.activation == LibraryActivation::Relu;
}

/// A traced program looks at the call's result alone, and an activation may turn
/// an infinity into a finite number. Kernels look at every value.
bool EpilogueFolder::isWatched(const Epilogue &epilogue) const {
  bool isTraced = block.getParentOp()->hasAttr(names::traced);
  return (isTraced && epilogue.activation != LibraryActivation::None) ||
         llvm::any_of(epilogue.ops,
                      [](Operation *op) { return injectedInto(op); });
}

/// A sum of gradients that only the optimizer reads. Its kernel would read one
/// tensor more, and so could not be a slice of the list of all updates. A large
/// one need not be: a launch is nothing to it, and the list would keep it in
/// memory until all gradients are there.
bool EpilogueFolder::isNewGradient(const Epilogue &epilogue) const {
  constexpr int64_t mostElements = 1 << 20;
  return epilogue.residual &&
         elementCount(shapeOf(epilogue.result)) <= mostElements &&
         llvm::all_of(epilogue.result.getUsers(),
                      [&](Operation *user) { return trial.isUpdate(user); });
}

/// The tensor that the reshapes above `value` start from.
static Value rootOf(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getOperand();
  return value;
}

/// What cuBLASLt folds (runtime/cuda/LibraryPlan.h); cuDNN's convolutions come
/// bare. A 16-bit product wants its bias as narrow: that of a parameter costs
/// no launch. One fold changes the bits, so a copy that might not be folded
/// alike rules it out.
bool EpilogueFolder::isTakenByCuda(Operation *call,
                                   const Epilogue &epilogue) const {
  if (!isa<DotGeneralOp>(call))
    return false;
  if (epilogue.isRounded
          ? hasCopies || !isa<BlockArgument>(rootOf(epilogue.bias))
          : !elementTypeOf(epilogue.result).isF32())
    return false;
  switch (epilogue.activation) {
  case LibraryActivation::None:
    return true;
  case LibraryActivation::Relu:
  case LibraryActivation::GeluTanh:
    return !epilogue.residual;
  default:
    return false;
  }
}

/// The longest epilogue that ends at a value which a kernel would write.
std::optional<Epilogue> EpilogueFolder::choose(Operation *call) {
  std::optional<Epilogue> best;
  SmallVector<Epilogue, 0> all = epiloguesOf(call);
  for (const Epilogue &epilogue : llvm::drop_begin(all)) {
    if (isTaken(epilogue) || !isSame(epilogue) || isWatched(epilogue) ||
        (epilogue.residual && !isInMemory(epilogue.residual)))
      break;
    if (isForCuda ? !isTakenByCuda(call, epilogue) : epilogue.isRounded)
      continue;
    if (trial.writerOf(epilogue.result) || isNewGradient(epilogue))
      best = epilogue;
  }
  return best;
}

/// `bias` in `type`: made once, before all else.
Value EpilogueFolder::narrowed(Value bias, Type type) {
  Value root = rootOf(bias);
  Value &narrow = narrowBiases[root];
  OpBuilder b = OpBuilder::atBlockBegin(&block);
  if (!narrow)
    narrow = castTo(b, root.getLoc(), root, type);
  b.setInsertionPointAfterValue(narrow);
  return reshapeTo(b, root.getLoc(), narrow, shapeOf(bias));
}

/// Makes one kernel of the ops, where the last of them was.
void EpilogueFolder::fold(Operation *call, Epilogue &epilogue) {
  if (epilogue.isRoundedTwice) {
    auto dot = cast<DotGeneralOp>(call);
    roundOnce(dot, epilogue,
              narrowed(epilogue.bias, elementTypeOf(dot.getLhs())));
  }
  llvm::SmallSetVector<Operation *, 16> members(llvm::from_range, epilogue.ops);
  Operation *last = *llvm::max_element(members, [](Operation *a, Operation *b) {
    return a->isBeforeInBlock(b);
  });
  OpBuilder b(last);
  makeLibraryKernel(b, members.getArrayRef(), {epilogue.result},
                    nameOf(call, epilogue));
}

unsigned EpilogueFolder::run() {
  SmallVector<Operation *> calls;
  for (Operation &op : block)
    if (isa<DotGeneralOp, ConvOp>(op) && isLibraryCall(&op))
      calls.push_back(&op);
  // Decided for all before any is changed, last calls first: of two products
  // that are added, the later one adds.
  SmallVector<std::pair<Operation *, Epilogue>> chosen;
  for (Operation *call : llvm::reverse(calls))
    if (std::optional<Epilogue> epilogue = choose(call)) {
      folded.insert_range(epilogue->ops);
      chosen.push_back({call, *epilogue});
    }
  for (auto &[call, epilogue] : chosen)
    fold(call, epilogue);
  return chosen.size();
}

namespace {

struct FoldEpilogues : dlc::impl::FoldEpiloguesPassBase<FoldEpilogues> {
  using Base::Base;

  void runOnOperation() override {
    Block &block = getOperation().getBody().front();
    numFolded += EpilogueFolder(block, target == "cuda").run();
    // What the calls took over is dead now.
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (op.use_empty() && !op.hasTrait<OpTrait::IsTerminator>())
        op.erase();
  }
};

} // namespace
