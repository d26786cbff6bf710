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
// On a GPU a thread does this for one position of `inner` and one of `outer`.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/Scatter.h"

#include "compiler/codegen/emitter/Elements.h"
#include "compiler/codegen/emitter/FiniteCheck.h"
#include "compiler/codegen/emitter/KernelFunction.h"
#include "compiler/codegen/emitter/Threads.h"
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

  /// The buffers' positions in the order indices, updates, result.
  void emit(KernelFunction &function, ArrayRef<unsigned> order,
            int64_t groups);
  /// The same for a GPU, whose threads are the items [range, inner].
  void emitThread(KernelFunction &function, ArrayRef<unsigned> order,
                  int64_t ranges, int64_t itemsPerGroup);
  int64_t getInner() const { return inner; }
  int64_t getOuter() const { return outer; }
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
  void bind(KernelFunction &function, ArrayRef<unsigned> order);
  void zero(Value o, Value low, Value high);
  void forMatches(Value low, Value high,
                  function_ref<void(Value j, Value row)> body);
  void addRow(Value o, Value j, Value row);
  void addElements(Value to, Value from, unsigned width);
  void breakFirst(Value first);

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
  alongRow([&](Value at, unsigned width) {
    addElements(plus(to, at), plus(from, at), width);
  });
}

void ScatterEmitter::addElements(Value to, Value from, unsigned width) {
  unsigned alignment = storage.getIntOrFloatBitWidth() / 8;
  Value target = address(result, storage, to);
  Value source = address(updates, storage, from);
  Value old = LLVM::LoadOp::create(b, loc, memory(width), target, alignment);
  Value update = LLVM::LoadOp::create(b, loc, memory(width), source, alignment);
  Value sum = add(*this, widen(old), widen(update));
  checks.check(op, sum, nullptr);
  LLVM::StoreOp::create(b, loc, narrow(sum), target, alignment);
}

/// Injects the fault where `first` is 0: the group (or thread) that has the
/// first element.
void ScatterEmitter::breakFirst(Value first) {
  Value isHere = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, first,
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

void ScatterEmitter::bind(KernelFunction &function, ArrayRef<unsigned> order) {
  indices = function.pointer(b, int64_t(order[0]));
  updates = function.pointer(b, int64_t(order[1]));
  result = function.pointer(b, int64_t(order[2]));
}

/// Calls `body` for every index that lies in [low, high), in order.
void ScatterEmitter::forMatches(Value low, Value high,
                                function_ref<void(Value, Value)> body) {
  loop(i64(0), i64(count), 1, [&](Value j) {
    Type type = elementTypeOf(op.getIndices());
    Value row =
        LLVM::LoadOp::create(b, loc, type, address(indices, type, j));
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
    body(j, row);
  });
}

void ScatterEmitter::emit(KernelFunction &function, ArrayRef<unsigned> order,
                          int64_t groups) {
  bind(function, order);
  int64_t rows = llvm::divideCeil(size, groups);
  loop(function.firstGroup(), function.endGroup(), 1, [&](Value group) {
    Value low = multiply(group, rows);
    Value high =
        arith::MinSIOp::create(b, loc, plus(low, i64(rows)), i64(size));
    loop(i64(0), i64(outer), 1, [&](Value o) {
      zero(o, low, high);
      forMatches(low, high, [&](Value j, Value row) { addRow(o, j, row); });
    });
    if (injectedInto(op))
      breakFirst(low);
  });
}

void ScatterEmitter::emitThread(KernelFunction &function,
                                ArrayRef<unsigned> order, int64_t ranges,
                                int64_t itemsPerGroup) {
  bind(function, order);
  Value item = plus(multiply(blockNumber(*this), itemsPerGroup),
                    threadNumber(*this));
  Value exists = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, item,
                                       i64(outer * ranges * inner));
  auto choice = scf::IfOp::create(b, loc, TypeRange(), exists, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  auto split = [&](int64_t divisor) -> Value {
    Value part = arith::RemUIOp::create(b, loc, item, i64(divisor));
    item = arith::DivUIOp::create(b, loc, item, i64(divisor));
    return part;
  };
  Value at = split(inner), range = split(ranges), o = item;
  int64_t rows = llvm::divideCeil(size, ranges);
  Value low = multiply(range, rows);
  Value high = arith::MinSIOp::create(b, loc, plus(low, i64(rows)), i64(size));
  Value begin = multiply(o, size);
  auto place = [&](Value row) {
    return plus(multiply(plus(begin, row), inner), at);
  };
  unsigned alignment = storage.getIntOrFloatBitWidth() / 8;
  Value nothing =
      arith::ConstantOp::create(b, loc, b.getZeroAttr(storage));
  loop(low, high, 1, [&](Value row) {
    LLVM::StoreOp::create(b, loc, nothing,
                          address(result, storage, place(row)), alignment);
  });
  forMatches(low, high, [&](Value j, Value row) {
    Value from = multiply(plus(multiply(o, count), j), inner);
    addElements(place(row), plus(from, at), 1);
  });
  if (injectedInto(op))
    breakFirst(place(low));
}

/// Threads of a GPU's workgroup, and as many as keep it busy.
constexpr int64_t groupThreads = 256, busyThreads = 8192;

FailureOr<EmittedKernel> emitScatterKernel(KernelOp kernel, StringRef symbol,
                                           const Target &target,
                                           ModuleOp module) {
  Block &body = kernel.getBody().front();
  auto scatter = *body.getOps<ScatterAddOp>().begin();
  Location loc = kernel.getLoc();
  size_t numBuffers = body.getNumArguments() + kernel.getOutputs().size();
  KernelFunction function(module, loc, symbol, target,
                          numBuffers + target.checksFinite);
  OpBuilder b = OpBuilder::atBlockBegin(&function.entry());
  Type compute = computeType(scatter.getType().getElementType());
  unsigned lanes = target.bytes * 8 / compute.getIntOrFloatBitWidth();
  int64_t size = scatter.getType().getDimSize(scatter.getDim());
  EmittedKernel emitted{function.get(), 0, {}};
  if (scatter.getType().getNumElements() != 0) {
    ScatterEmitter emitter(b, loc, target.isGpu ? 0 : lanes, scatter);
    int64_t columns = emitter.getOuter() * emitter.getInner();
    // Enough ranges for many threads, few enough that reading every index in
    // each of them is cheap.
    int64_t wanted =
        target.isGpu ? llvm::divideCeil(busyThreads, columns) : 32;
    int64_t ranges = std::min(size, wanted);
    ranges = llvm::divideCeil(size, llvm::divideCeil(size, ranges));
    // A reshape is the same memory.
    auto position = [&](Value value) {
      while (auto reshape = value.getDefiningOp<ReshapeOp>())
        value = reshape.getOperand();
      return cast<BlockArgument>(value).getArgNumber();
    };
    SmallVector<unsigned> order = {position(scatter.getIndices()),
                                   position(scatter.getUpdates()),
                                   body.getNumArguments()};
    if (target.checksFinite)
      emitter.checks.begin();
    emitted.groups = ranges;
    if (target.isGpu) {
      emitted.threads = groupThreads;
      emitted.groups = llvm::divideCeil(ranges * columns, groupThreads);
      emitter.emitThread(function, order, ranges, groupThreads);
    } else {
      emitter.emit(function, order, ranges);
    }
    emitter.checks.end(
        [&] { return function.pointer(b, int64_t(numBuffers)); });
  }
  function.finish(b);
  return emitted;
}

} // namespace dlc::emit
