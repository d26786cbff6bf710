//===- Differentiate.cpp - reverse-mode differentiation -------------------===//
//
// Two sweeps decide where gradients flow, a third builds them:
//   1. forward: which values change with `wrt`, through float tensors and ops
//      whose gradient is not zero everywhere;
//   2. backward: which of these the loss depends on ("on the path");
//   3. backward: each op on the path turns its results' gradients into its
//      operands'. When an op is reached, all users of its results have been,
//      so their contributions are complete and are added up then.
//
//===----------------------------------------------------------------------===//
#include "passes/autodiff/Differentiate.h"

#include "passes/autodiff/GradientRules.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace dlc {
namespace {

bool isFloatTensor(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<FloatType>(type.getElementType());
}

class Differentiator {
public:
  Differentiator(OpBuilder &builder, Value loss, ArrayRef<Value> wrt)
      : builder(builder), loss(loss), wrt(wrt) {}

  FailureOr<SmallVector<Value>> run();

private:
  LogicalResult check();
  /// The ops from the start of the block up to the loss.
  void collectOps();
  void findDependents();
  void findPath();
  LogicalResult reportMissingGradients();
  void visit(Operation *op);
  /// The sum of what was contributed to `value` so far; null if nothing was.
  Value total(Value value, Location loc);
  static Location gradientLocation(Operation *op);

  OpBuilder &builder;
  Value loss;
  ArrayRef<Value> wrt;
  SmallVector<Operation *> ops;
  /// Values that change with `wrt`.
  llvm::DenseSet<Value> dependents;
  /// Ops that the loss depends on through `dependents`, in reverse order.
  SmallVector<Operation *> path;
  llvm::DenseMap<Value, SmallVector<Value, 2>> contributions;
};

LogicalResult Differentiator::check() {
  if (!isFloatTensor(loss) || rankOf(loss) != 0)
    return emitError(loss.getLoc())
           << "DLC2102: the loss must be a float tensor of rank 0, but got "
           << loss.getType();
  for (Value value : wrt) {
    if (!isFloatTensor(value))
      return emitError(value.getLoc())
             << "DLC2102: gradients exist for float tensors only, but got "
             << value.getType();
    if (value.getParentBlock() != loss.getParentBlock())
      return emitError(value.getLoc())
             << "DLC2102: the loss and the values that it is differentiated by "
                "must be in one block, but got different ones";
  }
  return success();
}

void Differentiator::collectOps() {
  Operation *last = loss.getDefiningOp();
  if (!last)
    return;
  for (Operation &op : *last->getBlock()) {
    ops.push_back(&op);
    if (&op == last)
      break;
  }
}

void Differentiator::findDependents() {
  dependents.insert(wrt.begin(), wrt.end());
  for (Operation *op : ops) {
    if (llvm::none_of(op->getOperands(),
                      [&](Value v) { return dependents.contains(v); }))
      continue;
    const GradientAnswer *answer = gradientTable().lookup(op);
    if (answer && answer->kind == GradientAnswer::Kind::Zero)
      continue;
    for (Value result : op->getResults())
      if (isFloatTensor(result))
        dependents.insert(result);
  }
}

void Differentiator::findPath() {
  llvm::DenseSet<Value> reached = {loss};
  for (Operation *op : llvm::reverse(ops)) {
    if (llvm::none_of(op->getResults(), [&](Value v) {
          return reached.contains(v) && dependents.contains(v);
        }))
      continue;
    bool isOnPath = false;
    for (Value operand : op->getOperands())
      if (dependents.contains(operand)) {
        reached.insert(operand);
        isOnPath = true;
      }
    if (isOnPath)
      path.push_back(op);
  }
}

LogicalResult Differentiator::reportMissingGradients() {
  SmallVector<std::pair<Operation *, StringRef>> missing;
  for (Operation *op : llvm::reverse(path)) {
    const GradientAnswer *answer = gradientTable().lookup(op);
    if (!answer)
      missing.emplace_back(op, "it is no op of the dlc dialect");
    else if (answer->kind == GradientAnswer::Kind::NotDifferentiable)
      missing.emplace_back(op, answer->reason);
  }
  if (missing.empty())
    return success();
  InFlightDiagnostic diagnostic =
      emitError(loss.getLoc())
      << "DLC2101: the loss must depend on the parameters through "
         "differentiable ops alone, but got "
      << missing.size() << " that "
      << (missing.size() == 1 ? "is not" : "are not");
  for (auto [op, reason] : missing)
    diagnostic.attachNote(op->getLoc())
        << "'" << op->getName() << "' is not differentiable, because "
        << reason;
  return diagnostic;
}

Value Differentiator::total(Value value, Location loc) {
  auto it = contributions.find(value);
  if (it == contributions.end())
    return nullptr;
  Value sum;
  for (Value one : it->second)
    sum = sum ? Value(AddOp::create(builder, loc, sum, one)) : one;
  it->second = {sum};
  return sum;
}

Location Differentiator::gradientLocation(Operation *op) {
  MLIRContext *context = op->getContext();
  return FusedLoc::get(
      context,
      {op->getLoc(), NameLoc::get(StringAttr::get(context, "gradient"))});
}

void Differentiator::visit(Operation *op) {
  Location loc = gradientLocation(op);
  SmallVector<Value> gradients;
  for (Value result : op->getResults())
    gradients.push_back(total(result, loc));
  // The loss may depend on the op through a zero gradient alone.
  if (llvm::none_of(gradients, [](Value gradient) { return bool(gradient); }))
    return;
  SmallVector<bool> wanted;
  for (Value operand : op->getOperands())
    wanted.push_back(dependents.contains(operand));
  GradientBuilder g(builder, loc, op, gradients, wanted);
  gradientTable().lookup(op)->build(op, g);
  for (auto [operand, contribution] :
       llvm::zip_equal(op->getOperands(), g.getContributions()))
    if (contribution)
      contributions[operand].push_back(contribution);
}

FailureOr<SmallVector<Value>> Differentiator::run() {
  if (failed(check()))
    return failure();
  collectOps();
  findDependents();
  findPath();
  if (failed(reportMissingGradients()))
    return failure();
  contributions[loss] = {splatLike(builder, loss.getLoc(), loss, 1)};
  for (Operation *op : path)
    visit(op);
  SmallVector<Value> gradients;
  for (Value value : wrt) {
    Value gradient = total(value, value.getLoc());
    gradients.push_back(
        gradient ? gradient : splatLike(builder, value.getLoc(), value, 0));
  }
  return gradients;
}

} // namespace

FailureOr<SmallVector<Value>> differentiate(OpBuilder &builder, Value loss,
                                            ArrayRef<Value> wrt) {
  return Differentiator(builder, loss, wrt).run();
}

} // namespace dlc
