//===- ListKernels.cpp - one kernel for many equal small updates ----------===//
//
// An optimizer updates every parameter by the same formula: as many kernels of
// one body as there are parameters, most of them tiny. They become one kernel
// over a list of slices (horizontal fusion):
//
//   kernel <map, [512, 784]> (%lr, %p0, %g0)        kernel <list, [401408, 10]>
//   kernel <map, [10]>       (%lr, %p1, %g1)   ->     (%lr, %p0, %g0, %p1, %g1)
//
// Kernels are equal when their bodies are but for shapes, each walks one
// contiguous range, and what is not of the walk's size is a scalar that all
// share.
//
//===----------------------------------------------------------------------===//
#include "passes/fuse/Passes.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/indexing/Region.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace dlc {
#define GEN_PASS_DEF_LISTKERNELSPASS
#include "passes/fuse/Passes.h.inc"
} // namespace dlc

using namespace dlc;

namespace {

/// A kernel that could be a slice of a list.
struct Slice {
  KernelOp kernel;
  int64_t elements;
};

/// The kernel walks one range with every access either that element or a
/// scalar.
bool isFlatMap(KernelOp kernel) {
  if (kernel.getSchedule().getKind() != ScheduleKind::Map)
    return false;
  Block &body = kernel.getBody().front();
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator())
    ops.push_back(&op);
  SmallVector<Value> outputs(body.getTerminator()->getOperands());
  FailureOr<RegionPlan> plan = planCollapsedRegion(ops, outputs);
  if (failed(plan) || plan->kept.size() > 1 || !plan->exprs.empty())
    return false;
  AffineExpr own = plan->kept.empty() || plan->kept[0] == 1
                       ? plan->space.constant(0)
                       : plan->space.dim(0);
  return llvm::all_of(plan->leaves, [&](const RegionLeaf &leaf) {
    return leaf.offset == own ||
           elementCount(shapeOf(leaf.value)) == 1;
  });
}

/// Whether each element of the op's result depends on the elements at its own
/// place, or on scalars, alone.
bool keepsPlaces(Operation &op, int64_t elements) {
  Value result = op.getResult(0);
  if (elementCount(shapeOf(result)) != elements)
    return elementCount(shapeOf(result)) == 1;
  if (auto constant = dyn_cast<ConstantOp>(op))
    return isa<SplatElementsAttr>(constant.getValue());
  if (auto broadcast = dyn_cast<BroadcastOp>(op))
    return rankOf(broadcast.getOperand()) == 0;
  return isa<ReshapeOp>(op) || op.hasTrait<OpTrait::Elementwise>();
}

/// Reshapes sink, and what they pass has the shape above them while the rest has
/// the shape below: no walk over one range, though it could be. Gives everything
/// in such a kernel the shape of its results.
void unifyShapes(KernelOp kernel) {
  Block &body = kernel.getBody().front();
  SmallVector<int64_t> shape(shapeOf(kernel.getOutputs().front()));
  int64_t elements = elementCount(shape);
  auto hasShape = [&](Value value) {
    return shapeOf(value) == ArrayRef<int64_t>(shape);
  };
  if (elements <= 1 || !llvm::all_of(kernel.getOutputs(), hasShape) ||
      !llvm::all_of(body.without_terminator(), [&](Operation &op) {
        return keepsPlaces(op, elements);
      }))
    return;
  OpBuilder b(kernel);
  for (auto [argument, operand] :
       llvm::zip_equal(body.getArguments(), kernel->getOpOperands()))
    if (elementCount(shapeOf(argument)) == elements && !hasShape(argument)) {
      Type type = tensorType(argument).clone(shape);
      operand.set(
          ReshapeOp::create(b, argument.getLoc(), type, operand.get()));
      argument.setType(type);
    }
  for (Operation &op :
       llvm::make_early_inc_range(body.without_terminator())) {
    Value result = op.getResult(0);
    if (elementCount(shapeOf(result)) != elements)
      continue;
    if (isa<ReshapeOp>(op)) {
      result.replaceAllUsesWith(op.getOperand(0));
      op.erase();
      continue;
    }
    if (hasShape(result))
      continue;
    result.setType(tensorType(result).clone(shape));
    if (auto constant = dyn_cast<ConstantOp>(op))
      constant.setValueAttr(cast<DenseElementsAttr>(constant.getValue())
                                .resizeSplat(tensorType(result)));
  }
}

/// Whether input `i` is a scalar that every slice shares. One of a slice of one
/// element is its own unless it has rank 0.
bool isShared(KernelOp kernel, unsigned i) {
  return rankOf(kernel.getInputs()[i]) == 0;
}

/// The body in an order that depends on the computation alone: operands before
/// users, from the results back; and the inputs in the order they are met.
struct CanonicalBody {
  SmallVector<Operation *> ops;
  SmallVector<unsigned> inputs;

  explicit CanonicalBody(KernelOp kernel) {
    for (Value value : kernel.getBody().front().getTerminator()->getOperands())
      visit(value);
  }

private:
  void visit(Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      if (!llvm::is_contained(inputs, argument.getArgNumber()))
        inputs.push_back(argument.getArgNumber());
      return;
    }
    Operation *op = value.getDefiningOp();
    if (!seen.insert(op).second)
      return;
    for (Value operand : op->getOperands())
      visit(operand);
    ops.push_back(op);
  }
  llvm::DenseSet<Operation *> seen;
};

/// Body without shapes, and the scalars that must be the same values.
std::string keyOf(KernelOp kernel) {
  std::string key;
  llvm::raw_string_ostream out(key);
  Block &block = kernel.getBody().front();
  CanonicalBody body(kernel);
  DenseMap<Value, unsigned> numbers;
  unsigned next = 0;
  for (unsigned i : body.inputs) {
    numbers[block.getArgument(i)] = next++;
    out << ' ' << elementTypeOf(block.getArgument(i));
    if (isShared(kernel, i))
      out << " shared " << kernel.getInputs()[i].getAsOpaquePointer();
  }
  auto printOperands = [&](Operation *op) {
    for (Value operand : op->getOperands())
      out << ' ' << numbers.lookup(operand);
  };
  for (Operation *op : body.ops) {
    // The walk is over one range; what shape it has there does not matter.
    if (isa<ReshapeOp>(op)) {
      unsigned same = numbers.lookup(op->getOperand(0));
      numbers[op->getResult(0)] = same;
      continue;
    }
    out << '\n' << op->getName();
    printOperands(op);
    for (Value result : op->getResults()) {
      numbers[result] = next++;
      out << ' ' << elementTypeOf(result);
    }
    if (auto constant = dyn_cast<ConstantOp>(op))
      out << cast<DenseElementsAttr>(constant.getValue())
                 .getSplatValue<Attribute>();
    else if (!isIndexOnly(op))
      out << op->getAttrDictionary();
  }
  printOperands(block.getTerminator());
  return key;
}

/// New state is read by nobody else in this function, so its kernels can wait
/// for the last of them.
bool makesState(KernelOp kernel) {
  Operation *terminator = kernel->getBlock()->getTerminator();
  return llvm::all_of(kernel->getUsers(), [&](Operation *user) {
    return user == terminator ||
           (isa<ReshapeOp>(user) &&
            llvm::all_of(user->getUsers(), [&](Operation *reader) {
              return reader == terminator;
            }));
  });
}

/// What reads arguments alone can run before all else.
bool readsArguments(KernelOp kernel) {
  return !kernel.getInputs().empty() &&
         llvm::all_of(kernel.getInputs(), [](Value input) {
           return isa<BlockArgument>(input);
         });
}

/// Merges `slices`, largest first: the code is emitted for the first. The list
/// stands where the last of them did, or where the first did if `isEarly`.
void mergeSlices(MutableArrayRef<Slice> slices, bool isEarly) {
  llvm::stable_sort(slices, [](const Slice &a, const Slice &b) {
    return a.elements > b.elements;
  });
  KernelOp first = slices.front().kernel, place = first;
  for (Slice &slice : slices)
    if (isEarly == slice.kernel->isBeforeInBlock(place))
      place = slice.kernel;
  OpBuilder b(place);
  SmallVector<Value> inputs;
  SmallVector<Type> outputs;
  SmallVector<Location> locations;
  SmallVector<int64_t> domain;
  for (unsigned i : CanonicalBody(first).inputs)
    if (isShared(first, i))
      inputs.push_back(first.getInputs()[i]);
  int64_t shared = inputs.size();
  for (Slice &slice : slices) {
    for (unsigned i : CanonicalBody(slice.kernel).inputs)
      if (!isShared(slice.kernel, i))
        inputs.push_back(slice.kernel.getInputs()[i]);
    llvm::append_range(outputs, slice.kernel.getOutputs().getTypes());
    locations.push_back(slice.kernel.getLoc());
    domain.push_back(slice.elements);
  }
  Location loc = b.getFusedLoc(locations);
  auto merged = KernelOp::create(
      b, loc, outputs, "list" + first.getName().drop_front(3).str(),
      ScheduleAttr::get(b.getContext(), ScheduleKind::List, domain, {}),
      inputs);
  merged->setAttr("shared", b.getI64IntegerAttr(shared));
  Block *body = b.createBlock(&merged.getBody());
  for (Value input : inputs)
    body->addArgument(input.getType(), input.getLoc());
  SmallVector<Value> yielded;
  unsigned next = shared, result = 0;
  for (Slice &slice : slices) {
    IRMapping mapping;
    unsigned nextShared = 0;
    Block &own = slice.kernel.getBody().front();
    CanonicalBody canonical(slice.kernel);
    for (unsigned i : canonical.inputs)
      mapping.map(own.getArgument(i),
                  body->getArgument(isShared(slice.kernel, i) ? nextShared++
                                                              : next++));
    for (Operation *op : canonical.ops)
      b.clone(*op, mapping);
    for (Value value : own.getTerminator()->getOperands())
      yielded.push_back(mapping.lookupOrDefault(value));
    for (Value output : slice.kernel.getOutputs())
      output.replaceAllUsesWith(merged.getOutputs()[result++]);
  }
  YieldOp::create(b, loc, yielded);
  for (Slice &slice : slices)
    slice.kernel.erase();
  // Reshapes of the first slices' results stood where those were.
  for (Operation *user : llvm::make_early_inc_range(merged->getUsers()))
    if (user->isBeforeInBlock(merged))
      user->moveAfter(merged);
}

struct ListKernels : dlc::impl::ListKernelsPassBase<ListKernels> {
  using ListKernelsPassBase::ListKernelsPassBase;

  void runOnOperation() override {
    merge(makesState, /*isEarly=*/false);
    if (arguments)
      merge(readsArguments, /*isEarly=*/true);
  }

  void merge(bool (*mayMove)(KernelOp), bool isEarly) {
    Block &block = getOperation().getBody().front();
    llvm::MapVector<StringAttr, SmallVector<Slice>> equal;
    for (KernelOp kernel : block.getOps<KernelOp>()) {
      if (!mayMove(kernel))
        continue;
      unifyShapes(kernel);
      if (!isFlatMap(kernel))
        continue;
      int64_t elements = elementCount(shapeOf(kernel.getOutputs().front()));
      if (elements > 0 && rankOf(kernel.getOutputs().front()) > 0)
        equal[StringAttr::get(&getContext(), keyOf(kernel))].push_back(
            {kernel, elements});
    }
    for (auto &[key, slices] : equal)
      if (slices.size() > 1) {
        mergeSlices(slices, isEarly);
        ++numLists;
      }
  }
};

} // namespace
