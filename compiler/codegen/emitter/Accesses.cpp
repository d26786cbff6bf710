//===- Accesses.cpp - where a region's elements are, and reading them -----===//
//
// Affine expressions become addresses; runs of neighbours along the lanes
// become one access of a vector, all else gathers and guarded reads. Narrow
// floats and booleans change their form between memory and registers.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/RegionEmitter.h"

#include "compiler/codegen/emitter/elements/Sum.h"
#include "dialects/dlc/IR/Builders.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace dlc::emit {

//===- Index expressions --------------------------------------------------===//

Value RegionEmitter::laneNumbers() {
  if (walk.areLanesThreads)
    return lane;
  auto type = VectorType::get({int64_t(walk.lanes)}, b.getI64Type());
  SmallVector<int64_t> numbers(walk.lanes);
  std::iota(numbers.begin(), numbers.end(), 0);
  return arith::ConstantOp::create(b, loc,
                                   DenseIntElementsAttr::get(type, numbers));
}

bool RegionEmitter::dependsOnLane(AffineExpr expr) {
  bool depends = false;
  expr.walk([&](AffineExpr e) {
    if (auto dim = dyn_cast<AffineDimExpr>(e))
      depends |= dim.getPosition() == walk.vectorDim;
    if (auto symbol = dyn_cast<AffineSymbolExpr>(e))
      for (AffineExpr inner :
           plan.space.getSymbol(symbol.getPosition()).at)
        depends |= dependsOnLane(inner);
  });
  return depends;
}

/// Whether `expr` is a multiple of the lanes in the first lane of each vector.
bool RegionEmitter::startsAtTile(AffineExpr expr) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return areTilesAligned && dim.getPosition() == walk.vectorDim;
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue() % walk.lanes == 0;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  AffineExpr left = binary.getLHS(), right = binary.getRHS();
  switch (binary.getKind()) {
  case AffineExprKind::Add:
  case AffineExprKind::Mod:
    return startsAtTile(left) && startsAtTile(right);
  case AffineExprKind::Mul:
    return startsAtTile(left) || startsAtTile(right);
  default:
    return false;
  }
}

/// By how much `expr` rises from lane to lane of one vector, if evenly. Unlike
/// linearCoefficient it sees that a tile of 16 columns lies within one head of
/// 64: column / 64 is the same for all lanes, and column mod 64 rises by one.
std::optional<int64_t> RegionEmitter::laneCoefficient(AffineExpr expr) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dim.getPosition() == walk.vectorDim;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return dependsOnLane(expr) ? std::nullopt : std::optional<int64_t>(0);
  std::optional<int64_t> left = laneCoefficient(binary.getLHS());
  std::optional<int64_t> right = laneCoefficient(binary.getRHS());
  if (!left || !right)
    return std::nullopt;
  if (binary.getKind() == AffineExprKind::Add)
    return *left + *right;
  if (*left == 0 && *right == 0)
    return 0;
  auto number = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (!number)
    return std::nullopt;
  if (binary.getKind() == AffineExprKind::Mul)
    return *left * number.getValue();
  if (*left != 1 || number.getValue() % walk.lanes != 0 ||
      !startsAtTile(binary.getLHS()))
    return std::nullopt;
  return binary.getKind() == AffineExprKind::Mod;
}

/// Whether the lanes of every vector are neighbours in memory.
bool RegionEmitter::isConsecutive(AffineExpr offset) {
  bool hasLaneSymbol = false;
  offset.walk([&](AffineExpr e) {
    hasLaneSymbol |= isa<AffineSymbolExpr>(e) && dependsOnLane(e);
  });
  return !hasLaneSymbol && laneCoefficient(offset) == 1;
}

Value RegionEmitter::indexValue(AffineExpr index) { return emitExpr(index); }

/// `expr` in the first lane, as a scalar.
Value RegionEmitter::emitStart(AffineExpr expr) {
  if (linearCoefficient(expr, walk.vectorDim) == 1) {
    // What does not depend on the lane may be known outside the loop.
    AffineExpr base =
        expr.replace(getAffineDimExpr(walk.vectorDim, b.getContext()),
                     getAffineConstantExpr(0, b.getContext()));
    return arith::AddIOp::create(b, loc, emitExpr(base),
                                 scopes.back().dims[walk.vectorDim]);
  }
  bool saved = std::exchange(isAtFirstLane, true);
  Value start = emitExpr(expr);
  isAtFirstLane = saved;
  return start;
}

/// `expr` as i64: a scalar, or a vector where it differs by lane.
Value RegionEmitter::emitExpr(AffineExpr expr) {
  expr = plan.space.simplify(expr);
  std::vector<const void *> key = {expr.getAsOpaquePointer(), nullptr,
                                   isAtFirstLane ? this : nullptr};
  if (auto it = scopes.back().values.find(key);
      it != scopes.back().values.end())
    return it->second;
  Value result;
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    result = i64(constant.getValue());
  } else if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    result = scopes.back().dims[dim.getPosition()];
    if (dim.getPosition() == walk.vectorDim && !isAtFirstLane)
      result = arith::AddIOp::create(b, loc, splat(result), laneNumbers());
  } else if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    IndexSpace::Symbol read = plan.space.getSymbol(symbol.getPosition());
    // Where a guard of what is gathered fails, there may be no index to read.
    SmallVector<Guard> guards;
    for (auto [at, size] : llvm::zip(read.at, shapeOf(read.indices)))
      if (!plan.space.bounds(at).isWithin(size))
        guards.push_back({at, size});
    Value index = emitValue(read.indices, read.at, emitGuards(guards));
    Type wide = b.getI64Type();
    if (auto vector = dyn_cast<VectorType>(index.getType()))
      wide = VectorType::get(vector.getShape(), wide);
    if (wide != index.getType())
      index = arith::ExtSIOp::create(b, loc, wide, index);
    result = wrapIndex(*this, index, read.size);
  } else {
    auto binary = cast<AffineBinaryOpExpr>(expr);
    SmallVector<Value> v =
        unify({emitExpr(binary.getLHS()), emitExpr(binary.getRHS())});
    switch (binary.getKind()) {
    case AffineExprKind::Add:
      result = arith::AddIOp::create(b, loc, v[0], v[1]);
      break;
    case AffineExprKind::Mul:
      result = arith::MulIOp::create(b, loc, v[0], v[1]);
      break;
    case AffineExprKind::Mod: {
      // Remainders are of values that are not negative, or guarded.
      result = arith::RemUIOp::create(b, loc, v[0], v[1]);
      break;
    }
    default:
      result = arith::DivUIOp::create(b, loc, v[0], v[1]);
      break;
    }
  }
  scopes.back().values[key] = result;
  return result;
}

//===- Memory -------------------------------------------------------------===//

static Type memoryType(Type storage) {
  if (storage.isInteger(1))
    return IntegerType::get(storage.getContext(), 8);
  if (auto integer = dyn_cast<IntegerType>(storage))
    return IntegerType::get(storage.getContext(), integer.getWidth());
  if (storage.getIntOrFloatBitWidth() == 8)
    return IntegerType::get(storage.getContext(), 8);
  return storage;
}

static Type formOf(Type like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like))
    return VectorType::get(vector.getShape(), element);
  return element;
}

Value RegionEmitter::fromMemory(Value value, Type storage) {
  if (storage.isInteger(1))
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, value,
                                 numberLike(value, 0));
  Type compute = formOf(value.getType(), computeType(storage));
  if (!isa<FloatType>(storage) || compute == value.getType())
    return value;
  if (storage.getIntOrFloatBitWidth() == 8)
    value = arith::BitcastOp::create(b, loc, formOf(value.getType(), storage),
                                     value);
  return arith::ExtFOp::create(b, loc, compute, value);
}

Value RegionEmitter::toMemory(Value value, Type storage) {
  if (storage.isInteger(1))
    return arith::ExtUIOp::create(b, loc, formOf(value.getType(), b.getI8Type()),
                                  value);
  Type type = formOf(value.getType(), storage);
  if (!isa<FloatType>(storage) || type == value.getType())
    return value;
  value = arith::TruncFOp::create(b, loc, type, value);
  if (storage.getIntOrFloatBitWidth() == 8)
    value = arith::BitcastOp::create(
        b, loc, formOf(value.getType(), b.getI8Type()), value);
  return value;
}

Value RegionEmitter::address(const Buffer &buffer, Value offset) {
  Type pointer = buffer.pointer.getType();
  if (auto vector = dyn_cast<VectorType>(offset.getType()))
    pointer = VectorType::get(vector.getShape(), pointer);
  return LLVM::GEPOp::create(b, loc, pointer, memoryType(buffer.storage),
                             buffer.pointer, ArrayRef<LLVM::GEPArg>{offset});
}

static unsigned alignmentOf(Type storage) {
  return std::max(storage.getIntOrFloatBitWidth() / 8, 1u);
}

/// Of vectors. GPUs split accesses that are not aligned as a whole.
unsigned RegionEmitter::alignmentOf(Type storage, AffineExpr offset) {
  unsigned least = emit::alignmentOf(storage);
  if (!isGpu || !areTilesAligned)
    return least;
  AffineExpr start = getAffineDimExpr(walk.vectorDim, b.getContext());
  int64_t divisor =
      offset.replace(start, start * walk.lanes).getLargestKnownDivisor();
  // The planner aligns buffers to 64 bytes; 0 is divisible by everything.
  int64_t known = divisor == 0 ? 64 : (divisor & -divisor) * int64_t(least);
  return unsigned(std::min<int64_t>(known, 64));
}

Value RegionEmitter::load(const Buffer &buffer, const Index &at, Value mask) {
  AffineExpr offset = plan.space.linearize(at, buffer.shape);
  bool isUniform = !dependsOnLane(offset);
  if (walk.areLanesThreads) {
    Value exists = isUniform ? mask : joinMasks(mask, tailMask);
    return loadGuarded(buffer, offset, joinMasks(exists, isActive));
  }
  if (isUniform && !mask) {
    Value scalar = LLVM::LoadOp::create(
        b, loc, memoryType(buffer.storage), address(buffer, emitExpr(offset)),
        emit::alignmentOf(buffer.storage));
    return fromMemory(scalar, buffer.storage);
  }
  if (isUniform && !isa<VectorType>(mask.getType()))
    return loadGuarded(buffer, offset, mask);
  return loadVector(buffer, offset, mask);
}

/// One element, zero where `condition` (null: always holds) fails. There a CPU
/// reads element 0 instead; a GPU's threads must not read what others may be
/// writing. An empty tensor has no elements, but then the condition never holds.
Value RegionEmitter::loadGuarded(const Buffer &buffer, AffineExpr offset,
                                 Value condition) {
  if (elementCount(buffer.shape) == 0)
    return number(computeType(buffer.storage), 0);
  Type memory = memoryType(buffer.storage);
  Value position = emitExpr(offset);
  auto loadAt = [&](Value place) -> Value {
    return LLVM::LoadOp::create(b, loc, memory, address(buffer, place),
                                emit::alignmentOf(buffer.storage));
  };
  if (!condition)
    return fromMemory(loadAt(position), buffer.storage);
  if (isGpu) {
    auto choice = scf::IfOp::create(b, loc, memory, condition, true);
    for (Block *block : {choice.thenBlock(), choice.elseBlock()}) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(block);
      bool isThere = block == choice.thenBlock();
      scf::YieldOp::create(
          b, loc,
          isThere ? loadAt(position)
                  : arith::ConstantOp::create(b, loc, b.getZeroAttr(memory)));
    }
    return fromMemory(choice.getResult(0), buffer.storage);
  }
  position = arith::SelectOp::create(b, loc, condition, position, i64(0));
  Value value = fromMemory(loadAt(position), buffer.storage);
  return arith::SelectOp::create(b, loc, condition, value,
                                 numberLike(value, 0));
}

Value RegionEmitter::loadVector(const Buffer &buffer, AffineExpr offset,
                                Value mask) {
  return fromMemory(loadRaw(buffer, offset, mask), buffer.storage);
}

/// A vector whose lanes all exist or do not: one access, or zeros.
Value RegionEmitter::loadWhere(Value condition, Type type, Value pointer,
                               unsigned alignment) {
  auto choice = scf::IfOp::create(b, loc, type, condition, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  scf::YieldOp::create(b, loc, LLVM::LoadOp::create(b, loc, type, pointer,
                                                    alignment)
                                   .getResult());
  b.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(
      b, loc,
      arith::ConstantOp::create(b, loc, b.getZeroAttr(type)).getResult());
  return choice.getResult(0);
}

/// As it lies in memory: what has been fetched is not loaded again.
Value RegionEmitter::loadRaw(const Buffer &buffer, AffineExpr offset,
                             Value mask) {
  std::vector<const void *> key = {
      buffer.pointer.getAsOpaquePointer(),
      mask ? mask.getAsOpaquePointer() : nullptr, offset.getAsOpaquePointer(),
      nullptr, this};
  if (Value known = scopes.back().values[key])
    return known;
  Type memory = memoryType(buffer.storage);
  auto type = VectorType::get({int64_t(walk.lanes)}, memory);
  unsigned alignment = emit::alignmentOf(buffer.storage);
  Value active = joinMasks(mask, tailMask);
  Value zero = splat(number(memory, 0));
  Value loaded;
  if (isConsecutive(offset)) {
    Value start = emitStart(offset);
    Value pointer = address(buffer, start);
    alignment = alignmentOf(buffer.storage, offset);
    if (active && walk.tile && !isa<VectorType>(active.getType()))
      loaded = loadWhere(active, type, pointer, alignment);
    else if (active)
      loaded = LLVM::MaskedLoadOp::create(b, loc, type, pointer, splat(active),
                                          zero, alignment);
    else
      loaded = LLVM::LoadOp::create(b, loc, type, pointer, alignment);
  } else {
    Value all = active ? splat(active)
                       : splat(integer(b.getI1Type(), 1));
    Value positions = splat(emitExpr(offset));
    loaded = LLVM::masked_gather::create(b, loc, type,
                                         address(buffer, positions), all,
                                         zero, alignment);
  }
  return scopes.back().values[key] = loaded;
}

void RegionEmitter::store(const Buffer &buffer, const Index &at, Value value) {
  AffineExpr offset = plan.space.linearize(at, buffer.shape);
  unsigned alignment = emit::alignmentOf(buffer.storage);
  if (walk.areLanesThreads || (walk.isRowShared && !dependsOnLane(offset)))
    return storeByThread(buffer, offset, value);
  if (!dependsOnLane(offset)) {
    LLVM::StoreOp::create(b, loc, toMemory(value, buffer.storage),
                          address(buffer, emitExpr(offset)), alignment);
    return;
  }
  Value stored = toMemory(splat(value), buffer.storage);
  if (isConsecutive(offset)) {
    Value start = emitStart(offset);
    Value pointer = address(buffer, start);
    alignment = alignmentOf(buffer.storage, offset);
    if (tailMask)
      LLVM::MaskedStoreOp::create(b, loc, stored, pointer, tailMask, alignment);
    else
      LLVM::StoreOp::create(b, loc, stored, pointer, alignment);
    return;
  }
  Value all = tailMask ? tailMask : splat(integer(b.getI1Type(), 1));
  LLVM::masked_scatter::create(b, loc, stored,
                               address(buffer, splat(emitExpr(offset))), all,
                               alignment);
}

} // namespace dlc::emit
