//===- LibraryKernels.cpp - library calls with what follows them ----------===//
//
// Follows the result of a call through its only readers:
//
//   dot_general -> (transpose) -> add a broadcast vector -> gelu -> add
//
// Reshapes between are the same memory. Of 16-bit floats the product is rounded
// last, after the bias and the activation:
//
//   dot_general to f32 -> add a broadcast vector -> relu -> cast
//
// where programs that round it first as well are recognized. Activations that
// models spell out are recognized by what they compute: a product of
// polynomials in x and of `1 + erf(p(x))` or `1 + tanh(p(x))`.
//
//===----------------------------------------------------------------------===//
#include "passes/fuse/LibraryKernels.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/IR/Halves.h"
#include "dialects/dlc/indexing/Region.h"

#include "mlir/IR/IRMapping.h"

#include <cmath>

using namespace mlir;

namespace dlc {

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

namespace {

/// Coefficients of powers of x, the constant first.
using Polynomial = SmallVector<double, 4>;

/// What `value` is in terms of x, as far as this sees.
class ActivationMatcher {
public:
  explicit ActivationMatcher(Value x) : x(x) {}

  /// None if `value` is no activation of x that a library has.
  LibraryActivation match(Value value);
  /// The ops between x and the value that was matched.
  llvm::SmallSetVector<Operation *, 16> ops;

private:
  std::optional<Polynomial> polynomial(Value value, unsigned depth = 0);
  bool addFactors(Value value, Polynomial &product, LibraryActivation &curve,
                  unsigned depth = 0);
  LibraryActivation curveOf(Value value);

  Value x;
};

} // namespace

static std::optional<double> splatOf(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  auto elements = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                           : DenseElementsAttr();
  if (!elements || !elements.isSplat() ||
      !isa<FloatType>(elements.getElementType()))
    return std::nullopt;
  return elements.getSplatValue<APFloat>().convertToDouble();
}

static Polynomial multiply(ArrayRef<double> a, ArrayRef<double> b) {
  Polynomial product(a.size() + b.size() - 1, 0.0);
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < b.size(); ++j)
      product[i + j] += a[i] * b[j];
  return product;
}

/// Equal but for the rounding of f32 constants.
static bool isClose(ArrayRef<double> a, ArrayRef<double> b) {
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    double x = i < a.size() ? a[i] : 0, y = i < b.size() ? b[i] : 0;
    if (std::abs(x - y) > 1e-6 * std::abs(y))
      return false;
  }
  return true;
}

std::optional<Polynomial> ActivationMatcher::polynomial(Value value,
                                                        unsigned depth) {
  if (value == x)
    return Polynomial{0, 1};
  if (std::optional<double> number = splatOf(value))
    return Polynomial{*number};
  Operation *op = value.getDefiningOp();
  if (depth > 6 || !isa_and_nonnull<AddOp, MulOp, DivOp>(op))
    return std::nullopt;
  std::optional<Polynomial> a = polynomial(op->getOperand(0), depth + 1);
  std::optional<Polynomial> b = polynomial(op->getOperand(1), depth + 1);
  if (!a || !b || a->size() + b->size() > 6)
    return std::nullopt;
  ops.insert(op);
  if (isa<MulOp>(op))
    return multiply(*a, *b);
  if (isa<DivOp>(op)) {
    if (b->size() != 1)
      return std::nullopt;
    for (double &coefficient : *a)
      coefficient /= b->front();
    return a;
  }
  a->resize(std::max(a->size(), b->size()), 0.0);
  for (size_t i = 0; i < b->size(); ++i)
    (*a)[i] += (*b)[i];
  return a;
}

/// 1 + erf(x / sqrt 2), 1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)), sigmoid(x).
LibraryActivation ActivationMatcher::curveOf(Value value) {
  auto matches = [&](Operation *op, ArrayRef<double> expected) {
    std::optional<Polynomial> inner = polynomial(op->getOperand(0));
    if (!inner || !isClose(*inner, expected))
      return false;
    ops.insert(op);
    return true;
  };
  if (auto sigmoid = value.getDefiningOp<SigmoidOp>())
    return matches(sigmoid, {0, 1}) ? LibraryActivation::Swish
                                    : LibraryActivation::None;
  auto add = value.getDefiningOp<AddOp>();
  if (!add)
    return LibraryActivation::None;
  for (unsigned i : {0, 1}) {
    if (splatOf(add->getOperand(1 - i)) != 1.0)
      continue;
    Operation *op = add->getOperand(i).getDefiningOp();
    double slope = std::sqrt(2 / M_PI);
    LibraryActivation found = LibraryActivation::None;
    if (isa_and_nonnull<ErfOp>(op) && matches(op, {0, std::sqrt(0.5)}))
      found = LibraryActivation::GeluErf;
    else if (isa_and_nonnull<TanhOp>(op) &&
             matches(op, {0, slope, 0, slope * 0.044715}))
      found = LibraryActivation::GeluTanh;
    if (found != LibraryActivation::None) {
      ops.insert(add);
      return found;
    }
  }
  return LibraryActivation::None;
}

/// Multiplies what is polynomial in `value` into `product`; one factor may be a
/// curve.
bool ActivationMatcher::addFactors(Value value, Polynomial &product,
                                   LibraryActivation &curve, unsigned depth) {
  if (std::optional<Polynomial> factor = polynomial(value)) {
    product = multiply(product, *factor);
    return product.size() <= 6;
  }
  if (LibraryActivation found = curveOf(value);
      found != LibraryActivation::None) {
    bool isFirst = curve == LibraryActivation::None;
    curve = found;
    return isFirst;
  }
  auto mul = value.getDefiningOp<MulOp>();
  if (!mul || depth > 3)
    return false;
  ops.insert(mul);
  return addFactors(mul.getLhs(), product, curve, depth + 1) &&
         addFactors(mul.getRhs(), product, curve, depth + 1);
}

LibraryActivation ActivationMatcher::match(Value value) {
  Operation *op = value.getDefiningOp();
  if (op->getNumOperands() == 1 && op->getOperand(0) == x) {
    ops.insert(op);
    if (isa<ReluOp>(op))
      return LibraryActivation::Relu;
    if (isa<TanhOp>(op))
      return LibraryActivation::Tanh;
    return isa<SigmoidOp>(op) ? LibraryActivation::Sigmoid
                              : LibraryActivation::None;
  }
  Polynomial product = {1};
  LibraryActivation curve = LibraryActivation::None;
  if (!isa<MulOp>(op) || !addFactors(value, product, curve) ||
      curve == LibraryActivation::None)
    return LibraryActivation::None;
  double scale = curve == LibraryActivation::Swish ? 1 : 0.5;
  return isClose(product, {0, scale}) ? curve : LibraryActivation::None;
}

//===----------------------------------------------------------------------===//
// Epilogues
//===----------------------------------------------------------------------===//

namespace {

/// A call, its epilogue so far, and what may come next.
class EpilogueWalk {
public:
  explicit EpilogueWalk(Operation *call);
  SmallVector<Epilogue, 0> run();

private:
  bool addBias();
  bool addResidual();
  bool addActivation();
  bool widen();
  bool round();
  Operation *onlyReader() const;
  void skipReshape();
  bool isColumnVector(BroadcastOp broadcast) const;
  void addViews(Value from, Value base);

  Operation *call;
  bool isConv;
  /// The operands' type, if it is a 16-bit float's.
  Type narrow;
  GemmShape shape;
  Epilogue now;
};

} // namespace

/// The ops that make `from` a view of `base`.
void EpilogueWalk::addViews(Value from, Value base) {
  for (; from != base; from = from.getDefiningOp()->getOperand(0))
    now.ops.push_back(from.getDefiningOp());
}

EpilogueWalk::EpilogueWalk(Operation *call)
    : call(call), isConv(isa<ConvOp>(call)) {
  now.ops.push_back(call);
  now.result = call->getResult(0);
  if (isConv) {
    shape.n = shapeOf(now.result).back();
    return;
  }
  auto dot = cast<DotGeneralOp>(call);
  if (Type type = elementTypeOf(dot.getLhs()); type.isF16() || type.isBF16())
    narrow = type;
  GemmCall plan = planGemm(dot, [](Value) { return false; });
  shape = plan.shape;
  addViews(dot.getLhs(), shape.a.base);
  addViews(dot.getRhs(), shape.b.base);
  addViews(plan.writes, now.result);
  now.result = plan.writes;
}

Operation *EpilogueWalk::onlyReader() const {
  return now.result.hasOneUse() ? *now.result.user_begin() : nullptr;
}

void EpilogueWalk::skipReshape() {
  while (auto reshape = dyn_cast_or_null<ReshapeOp>(onlyReader())) {
    now.ops.push_back(reshape);
    now.result = reshape.getResult();
  }
}

/// `broadcast` repeats one value per column over all rows.
bool EpilogueWalk::isColumnVector(BroadcastOp broadcast) const {
  ArrayRef<int64_t> dims = broadcast.getDims();
  ArrayRef<int64_t> sizes = shapeOf(broadcast.getResult());
  int64_t first = int64_t(sizes.size()) - int64_t(dims.size()), columns = 1;
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (dim != first + int64_t(i))
      return false;
    columns *= sizes[dim];
  }
  if (columns != shape.n ||
      shapeOf(broadcast.getOperand()) != sizes.take_back(dims.size()))
    return false;
  // Of products that are not written row by row, columns may lie elsewhere.
  return isConv ||
         (shape.c.offset == 0 &&
          llvm::all_of(ArrayRef(shape.cStrides).take_front(3),
                       [&](int64_t stride) { return stride % shape.n == 0; }));
}

bool EpilogueWalk::addBias() {
  auto add = dyn_cast_or_null<AddOp>(onlyReader());
  if (!add || now.bias || now.residual ||
      now.activation != LibraryActivation::None)
    return false;
  Value other = add.getLhs() == now.result ? add.getRhs() : add.getLhs();
  auto broadcast = other.getDefiningOp<BroadcastOp>();
  if (!broadcast || !isColumnVector(broadcast))
    return false;
  now.bias = broadcast.getOperand();
  now.ops.append({broadcast, add});
  now.result = add.getResult();
  return true;
}

bool EpilogueWalk::addResidual() {
  auto add = dyn_cast_or_null<AddOp>(onlyReader());
  if (!add || now.residual ||
      (isConv && now.activation != LibraryActivation::None))
    return false;
  Value other = add.getLhs() == now.result ? add.getRhs() : add.getLhs();
  Operation *definition = other.getDefiningOp();
  if (other == now.result ||
      isa_and_nonnull<BroadcastOp, ConstantOp>(definition))
    return false;
  now.residual = other;
  now.ops.push_back(add);
  now.result = add.getResult();
  return true;
}

bool EpilogueWalk::addActivation() {
  if (now.activation != LibraryActivation::None || (!isConv && now.residual))
    return false;
  // Its last op is one of the next few that depend on the result.
  llvm::SmallSetVector<Operation *, 16> after;
  after.insert_range(now.result.getUsers());
  for (size_t i = 0; i < after.size() && after.size() < 16; ++i) {
    Operation *last = after[i];
    if (last->getNumResults() != 1 || last->getBlock() != call->getBlock())
      continue;
    ActivationMatcher matcher(now.result);
    LibraryActivation found = matcher.match(last->getResult(0));
    auto isInside = [&](Value value) {
      return llvm::all_of(value.getUsers(), [&](Operation *user) {
        return matcher.ops.contains(user);
      });
    };
    if (found != LibraryActivation::None && isInside(now.result) &&
        llvm::all_of(matcher.ops, [&](Operation *op) {
          return op == last || isInside(op->getResult(0));
        })) {
      now.activation = found;
      for (Operation *op : matcher.ops) {
        now.ops.push_back(op);
        for (Value operand : op->getOperands())
          if (auto constant = operand.getDefiningOp<ConstantOp>())
            now.ops.push_back(constant);
      }
      now.result = last->getResult(0);
      return true;
    }
    after.insert_range(last->getUsers());
  }
  return false;
}

/// A narrow product that is made f32 again, for a bias.
bool EpilogueWalk::widen() {
  auto cast = dyn_cast_or_null<CastOp>(onlyReader());
  if (!cast || !narrow || elementTypeOf(now.result) != narrow ||
      !elementTypeOf(cast.getResult()).isF32() || now.isRounded)
    return false;
  now.ops.push_back(cast);
  now.result = cast.getResult();
  now.isRoundedTwice = true;
  return true;
}

/// The end: what was added to a sum of narrow products is made narrow.
bool EpilogueWalk::round() {
  auto cast = dyn_cast_or_null<CastOp>(onlyReader());
  if (!cast || !narrow || !now.bias || now.residual ||
      elementTypeOf(cast.getResult()) != narrow)
    return false;
  if (!now.isRoundedTwice) {
    auto widening = now.bias.getDefiningOp<CastOp>();
    if (!widening || elementTypeOf(widening.getOperand()) != narrow)
      return false;
    now.ops.push_back(widening);
    now.bias = widening.getOperand();
  }
  now.ops.push_back(cast);
  now.result = cast.getResult();
  now.isRounded = true;
  return true;
}

SmallVector<Epilogue, 0> EpilogueWalk::run() {
  SmallVector<Epilogue, 0> found = {now};
  skipReshape();
  widen();
  while (true) {
    skipReshape();
    if (round()) {
      found.push_back(now);
      return found;
    }
    if (!addBias() && !addActivation() && !addResidual())
      return found;
    // Between two roundings there is nothing that a call could write.
    if (!now.isRoundedTwice)
      found.push_back(now);
  }
}

void roundOnce(DotGeneralOp dot, Epilogue &epilogue, Value narrowBias) {
  // The sums stay f32 up to the cast that made them so.
  Value wide = dot.getResult();
  while (true) {
    Operation *reader = *wide.user_begin();
    wide.setType(tensorType(wide).clone(Float32Type::get(dot.getContext())));
    if (isa<CastOp>(reader)) {
      llvm::erase(epilogue.ops, reader);
      reader->getResult(0).replaceAllUsesWith(wide);
      break;
    }
    wide = reader->getResult(0);
  }
  // The vector's broadcast may have other readers.
  auto isOfBias = [&](Operation *op) {
    auto broadcast = dyn_cast<BroadcastOp>(op);
    return broadcast && broadcast.getOperand() == epilogue.bias;
  };
  Operation *old = *llvm::find_if(epilogue.ops, isOfBias);
  Operation *add = *llvm::find_if(epilogue.ops, [&](Operation *op) {
    return isa<AddOp>(op) &&
           llvm::is_contained(op->getOperands(), old->getResult(0));
  });
  OpBuilder b(add);
  Value bias = castTo(b, add->getLoc(), narrowBias, b.getF32Type());
  Operation *fresh = b.clone(*old);
  fresh->setOperand(0, bias);
  add->replaceUsesOfWith(old->getResult(0), fresh->getResult(0));
  llvm::erase(epilogue.ops, old);
  epilogue.ops.append({bias.getDefiningOp(), fresh});
  epilogue.bias = narrowBias;
  epilogue.isRoundedTwice = false;
}

SmallVector<Epilogue, 0> epiloguesOf(Operation *call) {
  return EpilogueWalk(call).run();
}

//===----------------------------------------------------------------------===//
// Kernels of them
//===----------------------------------------------------------------------===//

KernelOp makeLibraryKernel(OpBuilder &b, ArrayRef<Operation *> ops,
                           ArrayRef<Value> results, StringRef name) {
  SmallVector<Operation *> members(ops);
  llvm::sort(members,
             [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  llvm::SmallSetVector<Value, 4> inputs;
  SmallVector<Location> locations;
  for (Operation *op : members) {
    if (!isIndexOnly(op))
      locations.push_back(op->getLoc());
    for (Value operand : op->getOperands())
      if (!llvm::is_contained(members, operand.getDefiningOp()))
        inputs.insert(operand);
  }
  Location loc = b.getFusedLoc(locations);
  auto kernel =
      KernelOp::create(b, loc, TypeRange(ValueRange(results)), name,
                       ScheduleAttr::get(b.getContext(), ScheduleKind::Contract,
                                         shapeOf(results.front()), {}),
                       inputs.getArrayRef());
  kernel->setAttr("library", b.getUnitAttr());
  OpBuilder::InsertionGuard guard(b);
  Block *body = b.createBlock(&kernel.getBody());
  IRMapping mapping;
  for (Value input : inputs)
    mapping.map(input, body->addArgument(input.getType(), input.getLoc()));
  for (Operation *op : members)
    // Equal kernels are one, whichever half they are for.
    b.clone(*op, mapping)->removeAttr(names::recomputed);
  YieldOp::create(
      b, loc, llvm::map_to_vector(results, [&](Value result) {
        return mapping.lookup(result);
      }));
  for (auto [result, output] : llvm::zip_equal(results, kernel.getOutputs()))
    Value(result).replaceAllUsesWith(output);
  return kernel;
}

std::string nameOf(Operation *call, const Epilogue &epilogue) {
  static const char *const activations[] = {
      "", "_relu", "_gelu_erf", "_gelu_tanh", "_tanh", "_sigmoid", "_swish"};
  std::string name = isa<ConvOp>(call) ? "conv" : "gemm";
  if (epilogue.bias)
    name += "_bias";
  name += activations[int(epilogue.activation)];
  if (epilogue.residual)
    name += "_residual";
  return name;
}

bool isLibraryKernel(KernelOp kernel) { return kernel->hasAttr("library"); }

Operation *callOf(KernelOp kernel) {
  for (Operation &op : kernel.getBody().front())
    if (isLibraryOp(&op))
      return &op;
  return nullptr;
}

} // namespace dlc
