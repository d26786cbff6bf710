//===- Scatter.cpp - the scatter schedule ---------------------------------===//
//
// The result [outer, size, inner] is cut into ranges of its scattered dim, one
// per workgroup. A group zeroes its rows, then walks all indices in order and
// adds the updates that fall into its range. Whatever the number of threads,
// every row is summed by one group in the order of the indices.
//
//   for o in outer:
//     zero result[o, low..high, :]
//     for j in indices:  row = wrap(indices[j])
//       if low <= row < high:  result[o, row, :] += updates[o, j, :]
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/Scatter.h"

#include "compiler/codegen/emitter/Elements.h"
#include "compiler/codegen/emitter/FiniteCheck.h"
#include "compiler/codegen/emitter/elements/Sum.h"
#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Traced.h"
#include "dialects/dlc/indexing/IndexSpace.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dlc::emit {

namespace {

class ScatterEmitter : public ElementBuilder {
public:
  ScatterEmitter(OpBuilder &b, Location loc, unsigned lanes, ScatterAddOp op)
      : ElementBuilder(b, loc, lanes), checks(*this), op(op) {
    ArrayRef<int64_t> shape = op.getType().getShape();
    int64_t dim = op.getDim();
    outer = elementCount(shape.take_front(dim));
    size = shape[dim];
    inner = elementCount(shape.drop_front(dim + 1));
    count = elementCount(shapeOf(op.getIndices()));
    storage = op.getType().getElementType();
  }

  /// `buffers` in the order indices, updates, result (or as `order` says).
  void emit(func::FuncOp function, ArrayRef<unsigned> order, int64_t groups);
  Value indexValue(AffineExpr) override { return nullptr; }
  FiniteCheck checks;

private:
  Value i64(int64_t value) { return integer(b.getI64Type(), value); }
  Value multiply(Value a, int64_t factor) {
    return arith::MulIOp::create(b, loc, a, i64(factor));
  }
  Value plus(Value a, Value c) { return arith::AddIOp::create(b, loc, a, c); }
  Value address(Value base, Type type, Value offset) {
    return LLVM::GEPOp::create(b, loc, base.getType(), type, base,
                               ArrayRef<LLVM::GEPArg>{offset});
  }
  /// Calls `body` in a loop.
  void loop(Value low, Value high, int64_t step,
            function_ref<void(Value)> body) {
    auto forOp = scf::ForOp::create(b, loc, low, high, i64(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forOp.getBody());
    body(forOp.getInductionVar());
  }
  /// Calls `body(offset, width)` for vectors, then for single elements, of one
  /// row.
  void alongRow(function_ref<void(Value, unsigned)> body) {
    int64_t full = inner / lanes * lanes;
    if (full)
      loop(i64(0), i64(full), lanes, [&](Value at) { body(at, lanes); });
    if (full < inner)
      loop(i64(full), i64(inner), 1, [&](Value at) { body(at, 1); });
  }
  Type memory(unsigned width) {
    return width == 1 ? storage : VectorType::get({int64_t(width)}, storage);
  }
  Value widen(Value value);
  Value narrow(Value value);
  void zero(Value o, Value low, Value high);
  void addRow(Value o, Value j, Value row);
  void breakFirst(Value low);

  ScatterAddOp op;
  int64_t outer, size, inner, count;
  Type storage;
  Value indices, updates, result;
};

} // namespace

Value ScatterEmitter::widen(Value value) {
  Type compute = computeType(storage);
  if (compute == storage || !isa<FloatType>(storage))
    return value;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    compute = VectorType::get(vector.getShape(), compute);
  return arith::ExtFOp::create(b, loc, compute, value);
}

Value ScatterEmitter::narrow(Value value) {
  if (!isa<FloatType>(storage) || computeType(storage) == storage)
    return value;
  Type type = storage;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = VectorType::get(vector.getShape(), storage);
  return arith::TruncFOp::create(b, loc, type, value);
}

void ScatterEmitter::zero(Value o, Value low, Value high) {
  unsigned bytes = storage.getIntOrFloatBitWidth() / 8;
  Value first = multiply(plus(multiply(o, size), low), inner);
  Value rows = arith::SubIOp::create(b, loc, high, low);
  LLVM::MemsetOp::create(b, loc, address(result, storage, first),
                         integer(b.getI8Type(), 0),
                         multiply(rows, inner * bytes), false);
}

void ScatterEmitter::addRow(Value o, Value j, Value row) {
  Value to = multiply(plus(multiply(o, size), row), inner);
  Value from = multiply(plus(multiply(o, count), j), inner);
  unsigned alignment = storage.getIntOrFloatBitWidth() / 8;
  alongRow([&](Value at, unsigned width) {
    Value target = address(result, storage, plus(to, at));
    Value source = address(updates, storage, plus(from, at));
    Value old = LLVM::LoadOp::create(b, loc, memory(width), target, alignment);
    Value update =
        LLVM::LoadOp::create(b, loc, memory(width), source, alignment);
    Value sum = add(*this, widen(old), widen(update));
    checks.check(op, sum, nullptr);
    LLVM::StoreOp::create(b, loc, narrow(sum), target, alignment);
  });
}

/// Injects the fault into the group that has the first row.
void ScatterEmitter::breakFirst(Value low) {
  Value isHere = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, low,
                                       i64(0));
  auto choice = scf::IfOp::create(b, loc, TypeRange(), isHere, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  Value fault =
      withFault(*this, op, number(computeType(storage), 0), nullptr);
  checks.check(op, fault, nullptr);
  LLVM::StoreOp::create(b, loc, narrow(fault), result,
                        storage.getIntOrFloatBitWidth() / 8);
}

void ScatterEmitter::emit(func::FuncOp function, ArrayRef<unsigned> order,
                          int64_t groups) {
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto loadBase = [&](unsigned position) -> Value {
    Value slot = LLVM::GEPOp::create(
        b, loc, pointer, pointer, function.getArgument(0),
        ArrayRef<LLVM::GEPArg>{int32_t(position)});
    return LLVM::LoadOp::create(b, loc, pointer, slot);
  };
  indices = loadBase(order[0]);
  updates = loadBase(order[1]);
  result = loadBase(order[2]);
  int64_t rows = llvm::divideCeil(size, groups);
  loop(function.getArgument(2), function.getArgument(3), 1, [&](Value group) {
    Value low = multiply(group, rows);
    Value high =
        arith::MinSIOp::create(b, loc, plus(low, i64(rows)), i64(size));
    loop(i64(0), i64(outer), 1, [&](Value o) {
      zero(o, low, high);
      loop(i64(0), i64(count), 1, [&](Value j) {
        Type type = elementTypeOf(op.getIndices());
        Value row = LLVM::LoadOp::create(b, loc, type,
                                         address(indices, type, j));
        if (!type.isInteger(64))
          row = arith::ExtSIOp::create(b, loc, b.getI64Type(), row);
        row = wrapIndex(*this, row, size);
        Value isHere = arith::CmpIOp::create(
            b, loc, arith::CmpIPredicate::ult,
            arith::SubIOp::create(b, loc, row, low),
            arith::SubIOp::create(b, loc, high, low));
        auto choice = scf::IfOp::create(b, loc, TypeRange(), isHere, false);
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(choice.thenBlock());
        addRow(o, j, row);
      });
    });
    if (injectedInto(op))
      breakFirst(low);
  });
}

FailureOr<EmittedKernel> emitScatterKernel(KernelOp kernel,
                                           func::FuncOp function,
                                           const VectorTarget &target) {
  Block &body = kernel.getBody().front();
  auto scatter = *body.getOps<ScatterAddOp>().begin();
  OpBuilder b = OpBuilder::atBlockBegin(&function.getBody().front());
  Location loc = kernel.getLoc();
  Type compute = computeType(scatter.getType().getElementType());
  unsigned lanes = target.bytes * 8 / compute.getIntOrFloatBitWidth();
  int64_t size = scatter.getType().getDimSize(scatter.getDim());
  // Enough ranges for many threads, few enough that reading every index in
  // each of them is cheap.
  int64_t groups = scatter.getType().getNumElements() == 0
                       ? 0
                       : std::min<int64_t>(size, 32);
  if (groups) {
    groups = llvm::divideCeil(size, llvm::divideCeil(size, groups));
    ScatterEmitter emitter(b, loc, lanes, scatter);
    // A reshape is the same memory.
    auto position = [&](Value value) {
      while (auto reshape = value.getDefiningOp<ReshapeOp>())
        value = reshape.getOperand();
      return cast<BlockArgument>(value).getArgNumber();
    };
    if (target.checksFinite)
      emitter.checks.begin();
    emitter.emit(function,
                 {position(scatter.getIndices()),
                  position(scatter.getUpdates()), body.getNumArguments()},
                 groups);
    emitter.checks.end(function.getArgument(0),
                       body.getNumArguments() + kernel.getOutputs().size());
  }
  b.setInsertionPointToEnd(&function.getBody().front());
  func::ReturnOp::create(b, loc);
  return EmittedKernel{function, groups, {}};
}

} // namespace dlc::emit
