//===- EvaluateConstants.cpp - ops over constants, at import time ---------===//
#include "frontends/onnx/EvaluateConstants.h"

#include "dialects/dlc/IR/Builders.h"
#include "frontends/onnx/OnnxTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/DenseMap.h"
#include <cmath>
#include <cstring>

using namespace mlir;

namespace dlc::frontend {

/// Larger results stay ops: their constants would cost more than they save.
static constexpr int64_t maxFoldedElements = 1 << 20;
static constexpr int64_t maxFoldedWork = 1 << 24;
static constexpr size_t maxAttributeBytes = 1 << 20;

//===- HostTensor ---------------------------------------------------------===//

HostTensor::HostTensor(RankedTensorType type, bool isSplat)
    : tensorType(type), count(type.getNumElements()),
      isFloatType(isa<FloatType>(type.getElementType())),
      splat(isSplat && count > 0) {
  if (isFloatType)
    floats.resize(stored());
  else
    integers.resize(stored());
}

static double rounded(double value, FloatType type) {
  if (type.isF64())
    return value;
  if (type.isF32())
    return float(value);
  APFloat number(value);
  bool losesInfo;
  number.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                 &losesInfo);
  return number.convertToDouble();
}

void HostTensor::setNumber(int64_t i, double value) {
  floats[i] = rounded(value, cast<FloatType>(tensorType.getElementType()));
}

void HostTensor::setInteger(int64_t i, int64_t value) {
  auto type = cast<IntegerType>(tensorType.getElementType());
  unsigned shift = 64 - type.getWidth();
  uint64_t bits = uint64_t(value) << shift;
  bool isUnsigned = type.isUnsigned() || type.getWidth() == 1;
  integers[i] = isUnsigned ? int64_t(bits >> shift) : int64_t(bits) >> shift;
}

void HostTensor::copy(int64_t to, const HostTensor &source, int64_t from) {
  if (isFloatType)
    floats[to] = source.number(from);
  else
    integers[to] = source.integer(from);
}

/// Elements of a resource's bytes.
static HostTensor fromBytes(RankedTensorType type, ArrayRef<char> bytes) {
  HostTensor tensor(type, /*isSplat=*/false);
  size_t width = elementBytes(type.getElementType());
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes.data() + size_t(i) * width, width);
    if (auto floatType = dyn_cast<FloatType>(type.getElementType()))
      tensor.setNumber(i, APFloat(floatType.getFloatSemantics(),
                                  APInt(floatType.getWidth(), bits))
                              .convertToDouble());
    else
      tensor.setInteger(i, int64_t(bits));
  }
  return tensor;
}

std::optional<HostTensor> HostTensor::fromAttribute(Attribute attribute) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    auto type = cast<RankedTensorType>(resource.getType());
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || type.getNumElements() > maxFoldedWork)
      return std::nullopt;
    return fromBytes(type, blob->getData());
  }
  auto elements = dyn_cast<DenseElementsAttr>(attribute);
  if (!elements)
    return std::nullopt;
  HostTensor tensor(cast<RankedTensorType>(elements.getType()),
                    elements.isSplat());
  if (tensor.isFloat()) {
    auto values = elements.getValues<APFloat>().begin();
    for (int64_t i = 0; i < tensor.stored(); ++i)
      tensor.setNumber(i, (*values++).convertToDouble());
  } else {
    auto values = elements.getValues<APInt>().begin();
    for (int64_t i = 0; i < tensor.stored(); ++i)
      tensor.setInteger(i, int64_t((*values++).getZExtValue()));
  }
  return tensor;
}

/// The bytes of `tensor`'s stored numbers, one byte per boolean.
static std::vector<char> toBytes(const HostTensor &tensor) {
  Type element = tensor.type().getElementType();
  size_t width = elementBytes(element);
  std::vector<char> bytes(size_t(tensor.stored()) * width);
  for (int64_t i = 0; i < tensor.stored(); ++i) {
    uint64_t bits;
    if (auto floatType = dyn_cast<FloatType>(element)) {
      APFloat number(tensor.number(i));
      bool losesInfo;
      number.convert(floatType.getFloatSemantics(),
                     APFloat::rmNearestTiesToEven, &losesInfo);
      bits = number.bitcastToAPInt().getZExtValue();
    } else {
      bits = uint64_t(tensor.integer(i));
    }
    std::memcpy(bytes.data() + size_t(i) * width, &bits, width);
  }
  return bytes;
}

/// An attribute over `bytes`: one element's if `isSplat`, else all.
static TypedAttr attributeFromBytes(RankedTensorType type,
                                    ArrayRef<char> bytes, bool isSplat) {
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> values;
    for (char byte : bytes)
      values.push_back(byte != 0);
    return DenseElementsAttr::get(type, values);
  }
  if (isSplat || bytes.size() <= maxAttributeBytes)
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  return DenseResourceElementsAttr::get(
      type, "constant",
      HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, /*align=*/64));
}

TypedAttr HostTensor::toAttribute() const {
  return attributeFromBytes(tensorType, toBytes(*this), splat);
}

std::optional<HostTensor> constantValue(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  return constant ? HostTensor::fromAttribute(constant.getValue())
                  : std::nullopt;
}

Value literal(OpBuilder &b, Location loc, const Weight &weight, bool f64) {
  Weight converted = weight;
  RankedTensorType type = weight.type;
  if (f64 && isa<FloatType>(type.getElementType())) {
    converted = convertFloats(weight, b.getF64Type());
    if (type.getElementType().isF32() && type.getNumElements() == 1) {
      float value;
      std::memcpy(&value, weight.bytes.data(), sizeof(value));
      return splat(b, loc, converted.type, intendedNumber(value));
    }
  }
  bool isSplat =
      type.getNumElements() > 0 &&
      std::memcmp(converted.bytes.data(),
                  converted.bytes.data() + elementBytes(converted.type.getElementType()),
                  converted.bytes.size() -
                      elementBytes(converted.type.getElementType())) == 0;
  ArrayRef<char> bytes = converted.bytes;
  if (isSplat)
    bytes = bytes.take_front(elementBytes(converted.type.getElementType()));
  return ConstantOp::create(b, loc, converted.type,
                            cast<ElementsAttr>(attributeFromBytes(
                                converted.type, bytes, isSplat)));
}

//===- Evaluation ---------------------------------------------------------===//

namespace {

using Operands = ArrayRef<HostTensor>;
using Evaluator = std::optional<HostTensor> (*)(Operation *, RankedTensorType,
                                                Operands);

/// Row-major strides of `shape`.
SmallVector<int64_t> stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = int64_t(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

/// Calls `visit(index, linear)` for every index of `shape` in order.
template <typename Visit>
void forEachIndex(ArrayRef<int64_t> shape, Visit visit) {
  int64_t count = ShapedType::getNumElements(shape);
  SmallVector<int64_t> index(shape.size());
  for (int64_t linear = 0; linear < count; ++linear) {
    visit(ArrayRef<int64_t>(index), linear);
    for (int64_t dim = int64_t(shape.size()) - 1; dim >= 0; --dim) {
      if (++index[dim] < shape[dim])
        break;
      index[dim] = 0;
    }
  }
}

bool allSplat(Operands operands) {
  return llvm::all_of(operands, [](const HostTensor &operand) {
    return operand.stored() == 1;
  });
}

//===- Elementwise --------------------------------------------------------===//

template <double (*function)(double)>
std::optional<HostTensor> unaryFloat(Operation *, RankedTensorType type,
                                     Operands operands) {
  HostTensor result(type, allSplat(operands));
  for (int64_t i = 0; i < result.stored(); ++i)
    result.setNumber(i, function(operands[0].number(i)));
  return result;
}

/// `functor` works on double and int64.
template <typename Functor>
std::optional<HostTensor> unary(Operation *, RankedTensorType type,
                                Operands operands) {
  HostTensor result(type, allSplat(operands));
  for (int64_t i = 0; i < result.stored(); ++i)
    if (result.isFloat())
      result.setNumber(i, Functor()(operands[0].number(i)));
    else
      result.setInteger(i, Functor()(operands[0].integer(i)));
  return result;
}

template <typename Functor>
std::optional<HostTensor> binary(Operation *, RankedTensorType type,
                                 Operands operands) {
  HostTensor result(type, allSplat(operands));
  for (int64_t i = 0; i < result.stored(); ++i)
    if (result.isFloat())
      result.setNumber(
          i, Functor()(operands[0].number(i), operands[1].number(i)));
    else
      result.setInteger(
          i, Functor()(operands[0].integer(i), operands[1].integer(i)));
  return result;
}

template <typename T> T signOf(T x) {
  return x != x ? x : T((x > 0) - (x < 0));
}
struct Neg {
  double operator()(double x) { return -x; }
  int64_t operator()(int64_t x) { return int64_t(-uint64_t(x)); }
};
struct Abs {
  double operator()(double x) { return std::fabs(x); }
  int64_t operator()(int64_t x) {
    return x < 0 ? int64_t(-uint64_t(x)) : x;
  }
};
struct Sign {
  template <typename T> T operator()(T x) { return signOf(x); }
};
struct Relu {
  template <typename T> T operator()(T x) { return x > 0 || x != x ? x : T(0); }
};
struct Add {
  double operator()(double x, double y) { return x + y; }
  int64_t operator()(int64_t x, int64_t y) {
    return int64_t(uint64_t(x) + uint64_t(y));
  }
};
struct Sub {
  double operator()(double x, double y) { return x - y; }
  int64_t operator()(int64_t x, int64_t y) {
    return int64_t(uint64_t(x) - uint64_t(y));
  }
};
struct Mul {
  double operator()(double x, double y) { return x * y; }
  int64_t operator()(int64_t x, int64_t y) {
    return int64_t(uint64_t(x) * uint64_t(y));
  }
};
struct Div {
  double operator()(double x, double y) { return x / y; }
  int64_t operator()(int64_t x, int64_t y) {
    if (y == 0)
      return 0;
    return y == -1 ? int64_t(-uint64_t(x)) : x / y;
  }
};
struct Rem {
  double operator()(double x, double y) { return std::fmod(x, y); }
  int64_t operator()(int64_t x, int64_t y) {
    return y == 0 || y == -1 ? 0 : x % y;
  }
};
struct Mod {
  double operator()(double x, double y) {
    double r = std::fmod(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
  }
  int64_t operator()(int64_t x, int64_t y) {
    int64_t r = Rem()(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
  }
};
struct Pow {
  double operator()(double x, double y) { return std::pow(x, y); }
  int64_t operator()(int64_t, int64_t) { return 0; }
};
struct Max {
  template <typename T> T operator()(T x, T y) {
    return x != x ? x : (y > x || y != y ? y : x);
  }
};
struct Min {
  template <typename T> T operator()(T x, T y) {
    return x != x ? x : (y < x || y != y ? y : x);
  }
};
/// Bit operations are on integers alone; the float forms are never reached.
template <typename Bits> struct BitsOnly {
  double operator()(double x, double) { return x; }
  int64_t operator()(int64_t x, int64_t y) { return Bits()(x, y); }
};
struct Not {
  double operator()(double x) { return x; }
  int64_t operator()(int64_t x) { return ~x; }
};

double reciprocalSqrt(double x) { return 1 / std::sqrt(x); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

template <bool (*test)(double)>
std::optional<HostTensor> floatTest(Operation *, RankedTensorType type,
                                    Operands operands) {
  HostTensor result(type, allSplat(operands));
  for (int64_t i = 0; i < result.stored(); ++i)
    result.setInteger(i, test(operands[0].number(i)));
  return result;
}
bool isNan(double x) { return std::isnan(x); }
bool isInf(double x) { return std::isinf(x); }

/// Float to integer saturates, NaN gives 0.
int64_t saturated(double value, IntegerType type) {
  if (std::isnan(value))
    return 0;
  unsigned width = type.getWidth();
  bool isUnsigned = type.isUnsigned();
  double low = isUnsigned ? 0 : -std::ldexp(1.0, int(width) - 1);
  double high = std::ldexp(1.0, int(width) - (isUnsigned ? 0 : 1));
  if (value <= low)
    return int64_t(low);
  if (value >= high)
    return isUnsigned ? (int64_t(1) << width) - 1
                      : int64_t((uint64_t(1) << (width - 1)) - 1);
  return int64_t(value);
}

std::optional<HostTensor> castElements(Operation *, RankedTensorType type,
                                       Operands operands) {
  const HostTensor &from = operands[0];
  HostTensor result(type, allSplat(operands));
  Type element = type.getElementType();
  for (int64_t i = 0; i < result.stored(); ++i) {
    if (result.isFloat())
      result.setNumber(i, from.number(i));
    else if (element.isInteger(1))
      result.setInteger(i, from.number(i) != 0);
    else if (from.isFloat())
      result.setInteger(
          i, saturated(from.number(i), cast<IntegerType>(element)));
    else
      result.setInteger(i, from.integer(i));
  }
  return result;
}

template <typename T> bool compares(ComparePredicate predicate, T x, T y) {
  switch (predicate) {
  case ComparePredicate::EQ:
    return x == y;
  case ComparePredicate::NE:
    return x != y;
  case ComparePredicate::LT:
    return x < y;
  case ComparePredicate::LE:
    return x <= y;
  case ComparePredicate::GT:
    return x > y;
  case ComparePredicate::GE:
    return x >= y;
  }
  llvm_unreachable("a predicate has six values");
}

std::optional<HostTensor> compareElements(Operation *op, RankedTensorType type,
                                          Operands operands) {
  ComparePredicate predicate = cast<CompareOp>(op).getPredicate();
  HostTensor result(type, allSplat(operands));
  for (int64_t i = 0; i < result.stored(); ++i)
    result.setInteger(i, operands[0].isFloat()
                             ? compares(predicate, operands[0].number(i),
                                        operands[1].number(i))
                             : compares(predicate, operands[0].integer(i),
                                        operands[1].integer(i)));
  return result;
}

std::optional<HostTensor> selectElements(Operation *, RankedTensorType type,
                                         Operands operands) {
  HostTensor result(type, allSplat(operands));
  for (int64_t i = 0; i < result.stored(); ++i)
    result.copy(i, operands[0].integer(i) ? operands[1] : operands[2], i);
  return result;
}

//===- Shape and index ----------------------------------------------------===//

/// A result each of whose elements is one of operand 0: `source(index)` gives
/// its linear position there.
template <typename Source>
HostTensor rearranged(RankedTensorType type, const HostTensor &operand,
                      Source source) {
  HostTensor result(type, operand.isSplat());
  if (result.isSplat())
    result.copy(0, operand, 0);
  else
    forEachIndex(type.getShape(), [&](ArrayRef<int64_t> index, int64_t i) {
      result.copy(i, operand, source(index));
    });
  return result;
}

std::optional<HostTensor> iota(Operation *op, RankedTensorType type,
                               Operands) {
  int64_t dim = cast<IotaOp>(op).getDim();
  HostTensor result(type, /*isSplat=*/false);
  forEachIndex(type.getShape(), [&](ArrayRef<int64_t> index, int64_t i) {
    if (result.isFloat())
      result.setNumber(i, double(index[dim]));
    else
      result.setInteger(i, index[dim]);
  });
  return result;
}

std::optional<HostTensor> broadcast(Operation *op, RankedTensorType type,
                                    Operands operands) {
  ArrayRef<int64_t> dims = cast<BroadcastOp>(op).getDims();
  ArrayRef<int64_t> shape = operands[0].shape();
  if (operands[0].stored() == 1) {
    HostTensor result(type, /*isSplat=*/true);
    if (result.stored())
      result.copy(0, operands[0], 0);
    return result;
  }
  SmallVector<int64_t> strides = stridesOf(shape);
  return rearranged(type, operands[0], [&](ArrayRef<int64_t> index) {
    int64_t at = 0;
    for (auto [i, dim] : llvm::enumerate(dims))
      at += shape[i] == 1 ? 0 : index[dim] * strides[i];
    return at;
  });
}

std::optional<HostTensor> reshape(Operation *, RankedTensorType type,
                                  Operands operands) {
  SmallVector<int64_t> strides = stridesOf(type.getShape());
  return rearranged(type, operands[0], [&](ArrayRef<int64_t> index) {
    int64_t at = 0;
    for (auto [i, position] : llvm::enumerate(index))
      at += position * strides[i];
    return at;
  });
}

std::optional<HostTensor> transpose(Operation *op, RankedTensorType type,
                                    Operands operands) {
  ArrayRef<int64_t> permutation = cast<TransposeOp>(op).getPermutation();
  SmallVector<int64_t> strides = stridesOf(operands[0].shape());
  return rearranged(type, operands[0], [&](ArrayRef<int64_t> index) {
    int64_t at = 0;
    for (auto [i, dim] : llvm::enumerate(permutation))
      at += index[i] * strides[dim];
    return at;
  });
}

std::optional<HostTensor> slice(Operation *op, RankedTensorType type,
                                Operands operands) {
  auto sliceOp = cast<SliceOp>(op);
  SmallVector<int64_t> strides = stridesOf(operands[0].shape());
  return rearranged(type, operands[0], [&](ArrayRef<int64_t> index) {
    int64_t at = 0;
    for (auto [i, position] : llvm::enumerate(index))
      at += (sliceOp.getStarts()[i] + position * sliceOp.getSteps()[i]) *
            strides[i];
    return at;
  });
}

std::optional<HostTensor> reverse(Operation *op, RankedTensorType type,
                                  Operands operands) {
  ArrayRef<int64_t> dims = cast<ReverseOp>(op).getDims();
  SmallVector<int64_t> strides = stridesOf(type.getShape());
  return rearranged(type, operands[0], [&](ArrayRef<int64_t> index) {
    int64_t at = 0;
    for (auto [i, position] : llvm::enumerate(index))
      at += (llvm::is_contained(dims, int64_t(i))
                 ? type.getDimSize(i) - 1 - position
                 : position) *
            strides[i];
    return at;
  });
}

std::optional<HostTensor> concat(Operation *op, RankedTensorType type,
                                 Operands operands) {
  int64_t dim = cast<ConcatOp>(op).getDim();
  HostTensor result(type, /*isSplat=*/false);
  SmallVector<int64_t> strides = stridesOf(type.getShape());
  int64_t start = 0;
  for (const HostTensor &operand : operands) {
    forEachIndex(operand.shape(), [&](ArrayRef<int64_t> index, int64_t from) {
      int64_t to = start * strides[dim];
      for (auto [i, position] : llvm::enumerate(index))
        to += position * strides[i];
      result.copy(to, operand, from);
    });
    start += operand.shape()[dim];
  }
  return result;
}

std::optional<HostTensor> pad(Operation *op, RankedTensorType type,
                              Operands operands) {
  auto padOp = cast<PadOp>(op);
  HostTensor result(type, /*isSplat=*/false);
  for (int64_t i = 0; i < result.elements(); ++i)
    result.copy(i, operands[1], 0);
  SmallVector<int64_t> strides = stridesOf(type.getShape());
  forEachIndex(operands[0].shape(),
               [&](ArrayRef<int64_t> index, int64_t from) {
                 int64_t to = 0;
                 for (auto [i, position] : llvm::enumerate(index))
                   to += (padOp.getLow()[i] +
                          position * (padOp.getInterior()[i] + 1)) *
                         strides[i];
                 result.copy(to, operands[0], from);
               });
  return result;
}

/// An index as the gather ops read it: from the end if negative, clamped.
int64_t clampedIndex(int64_t index, int64_t size) {
  return std::clamp<int64_t>(index < 0 ? index + size : index, 0, size - 1);
}

std::optional<HostTensor> gather(Operation *op, RankedTensorType type,
                                 Operands operands) {
  int64_t dim = cast<GatherOp>(op).getDim();
  ArrayRef<int64_t> shape = operands[0].shape();
  int64_t indexRank = int64_t(operands[1].shape().size());
  SmallVector<int64_t> strides = stridesOf(shape);
  SmallVector<int64_t> indexStrides = stridesOf(operands[1].shape());
  return rearranged(type, operands[0], [&](ArrayRef<int64_t> index) {
    int64_t where = 0, at = 0;
    for (int64_t i = 0; i < indexRank; ++i)
      where += index[dim + i] * indexStrides[i];
    for (int64_t i = 0; i < dim; ++i)
      at += index[i] * strides[i];
    for (size_t i = dim + 1; i < shape.size(); ++i)
      at += index[i + indexRank - 1] * strides[i];
    return at + clampedIndex(operands[1].integer(where), shape[dim]) *
                    strides[dim];
  });
}

std::optional<HostTensor> gatherElements(Operation *op, RankedTensorType type,
                                         Operands operands) {
  int64_t dim = cast<GatherElementsOp>(op).getDim();
  ArrayRef<int64_t> shape = operands[0].shape();
  SmallVector<int64_t> strides = stridesOf(shape);
  int64_t linear = 0;
  return rearranged(type, operands[0], [&](ArrayRef<int64_t> index) {
    int64_t at = clampedIndex(operands[1].integer(linear++), shape[dim]) *
                 strides[dim];
    for (auto [i, position] : llvm::enumerate(index))
      at += int64_t(i) == dim ? 0 : position * strides[i];
    return at;
  });
}

//===- Reductions and contractions ----------------------------------------===//

/// Combines over the reduced dims, starting with the first element met, or
/// `neutral` where there is none.
template <typename OpTy, typename Functor, int neutral>
std::optional<HostTensor> reduce(Operation *op, RankedTensorType type,
                                 Operands operands) {
  const HostTensor &from = operands[0];
  if (from.elements() == 0 || from.elements() > maxFoldedWork)
    return std::nullopt;
  SmallVector<int64_t> kept =
      otherDims(int64_t(from.shape().size()), cast<OpTy>(op).getDims());
  SmallVector<int64_t> strides = stridesOf(type.getShape());
  std::vector<double> floats(type.getNumElements(), neutral);
  std::vector<int64_t> integers(type.getNumElements(), neutral);
  std::vector<bool> seen(type.getNumElements());
  forEachIndex(from.shape(), [&](ArrayRef<int64_t> index, int64_t i) {
    int64_t to = 0;
    for (auto [k, dim] : llvm::enumerate(kept))
      to += index[dim] * strides[k];
    bool isFirst = !seen[to];
    seen[to] = true;
    if (from.isFloat())
      floats[to] = isFirst ? from.number(i)
                           : Functor()(floats[to], from.number(i));
    else
      integers[to] = isFirst ? from.integer(i)
                             : Functor()(integers[to], from.integer(i));
  });
  HostTensor result(type, /*isSplat=*/false);
  for (int64_t i = 0; i < result.elements(); ++i)
    if (result.isFloat())
      result.setNumber(i, floats[i]);
    else
      result.setInteger(i, integers[i]);
  return result;
}

std::optional<HostTensor> cumulativeSum(Operation *op, RankedTensorType type,
                                        Operands operands) {
  auto sumOp = cast<CumSumOp>(op);
  int64_t dim = sumOp.getDim(), size = type.getDimSize(dim);
  int64_t stride = stridesOf(type.getShape())[dim];
  HostTensor result(type, /*isSplat=*/false);
  forEachIndex(type.getShape(), [&](ArrayRef<int64_t> index, int64_t i) {
    if (index[dim] != 0)
      return;
    double sum = 0;
    int64_t whole = 0;
    for (int64_t k = 0; k < size; ++k) {
      int64_t at = i + (sumOp.getReverse() ? size - 1 - k : k) * stride;
      double before = sum;
      int64_t wholeBefore = whole;
      if (result.isFloat())
        sum += operands[0].number(at);
      else
        whole = Add()(whole, operands[0].integer(at));
      if (result.isFloat())
        result.setNumber(at, sumOp.getExclusive() ? before : sum);
      else
        result.setInteger(at, sumOp.getExclusive() ? wholeBefore : whole);
    }
  });
  return result;
}

std::optional<HostTensor> dotGeneral(Operation *op, RankedTensorType type,
                                     Operands operands) {
  auto dot = cast<DotGeneralOp>(op);
  const HostTensor &lhs = operands[0], &rhs = operands[1];
  SmallVector<int64_t> contracted;
  for (int64_t dim : dot.getLhsContract())
    contracted.push_back(lhs.shape()[dim]);
  std::optional<int64_t> depth = checkedElements(contracted);
  if (!depth || *depth * type.getNumElements() > maxFoldedWork)
    return std::nullopt;
  auto lhsStrides = stridesOf(lhs.shape()), rhsStrides = stridesOf(rhs.shape());
  SmallVector<int64_t> lhsUsed(dot.getLhsBatch()), rhsUsed(dot.getRhsBatch());
  llvm::append_range(lhsUsed, dot.getLhsContract());
  llvm::append_range(rhsUsed, dot.getRhsContract());
  auto bySize = [](SmallVector<int64_t> dims) {
    llvm::sort(dims);
    return dims;
  };
  auto lhsFree = otherDims(lhs.shape().size(), bySize(lhsUsed));
  auto rhsFree = otherDims(rhs.shape().size(), bySize(rhsUsed));
  HostTensor result(type, /*isSplat=*/false);
  forEachIndex(type.getShape(), [&](ArrayRef<int64_t> index, int64_t i) {
    int64_t l = 0, r = 0;
    size_t at = 0;
    for (size_t k = 0; k < dot.getLhsBatch().size(); ++k, ++at) {
      l += index[at] * lhsStrides[dot.getLhsBatch()[k]];
      r += index[at] * rhsStrides[dot.getRhsBatch()[k]];
    }
    for (int64_t dim : lhsFree)
      l += index[at++] * lhsStrides[dim];
    for (int64_t dim : rhsFree)
      r += index[at++] * rhsStrides[dim];
    double sum = 0;
    int64_t whole = 0;
    forEachIndex(contracted, [&](ArrayRef<int64_t> k, int64_t) {
      int64_t a = l, b = r;
      for (size_t j = 0; j < k.size(); ++j) {
        a += k[j] * lhsStrides[dot.getLhsContract()[j]];
        b += k[j] * rhsStrides[dot.getRhsContract()[j]];
      }
      if (result.isFloat())
        sum += lhs.number(a) * rhs.number(b);
      else
        whole = Add()(whole, Mul()(lhs.integer(a), rhs.integer(b)));
    });
    if (result.isFloat())
      result.setNumber(i, sum);
    else
      result.setInteger(i, whole);
  });
  return result;
}

//===- The table ----------------------------------------------------------===//

class EvaluatorTable {
public:
  EvaluatorTable() {
    addElementwise();
    addFloats();
    addShape();
  }
  Evaluator find(Operation *op) const {
    return byOp.lookup(op->getName().getTypeID());
  }

private:
  template <typename OpTy> void add(Evaluator evaluator) {
    byOp[TypeID::get<OpTy>()] = evaluator;
  }

  void addElementwise() {
    add<NegOp>(unary<Neg>);
    add<AbsOp>(unary<Abs>);
    add<SignOp>(unary<Sign>);
    add<ReluOp>(unary<Relu>);
    add<NotOp>(unary<Not>);
    add<AddOp>(binary<Add>);
    add<SubOp>(binary<Sub>);
    add<MulOp>(binary<Mul>);
    add<DivOp>(binary<Div>);
    add<RemOp>(binary<Rem>);
    add<ModOp>(binary<Mod>);
    add<PowOp>(binary<Pow>);
    add<MaxOp>(binary<Max>);
    add<MinOp>(binary<Min>);
    add<AndOp>(binary<BitsOnly<std::bit_and<int64_t>>>);
    add<OrOp>(binary<BitsOnly<std::bit_or<int64_t>>>);
    add<XorOp>(binary<BitsOnly<std::bit_xor<int64_t>>>);
    add<IsNanOp>(floatTest<isNan>);
    add<IsInfOp>(floatTest<isInf>);
    add<CastOp>(castElements);
    add<CompareOp>(compareElements);
    add<SelectOp>(selectElements);
  }

  void addFloats() {
    add<FloorOp>(unaryFloat<std::floor>);
    add<CeilOp>(unaryFloat<std::ceil>);
    add<RoundOp>(unaryFloat<std::nearbyint>);
    add<ExpOp>(unaryFloat<std::exp>);
    add<Expm1Op>(unaryFloat<std::expm1>);
    add<LogOp>(unaryFloat<std::log>);
    add<Log1pOp>(unaryFloat<std::log1p>);
    add<SqrtOp>(unaryFloat<std::sqrt>);
    add<RsqrtOp>(unaryFloat<reciprocalSqrt>);
    add<SinOp>(unaryFloat<std::sin>);
    add<CosOp>(unaryFloat<std::cos>);
    add<TanOp>(unaryFloat<std::tan>);
    add<AsinOp>(unaryFloat<std::asin>);
    add<AcosOp>(unaryFloat<std::acos>);
    add<AtanOp>(unaryFloat<std::atan>);
    add<SinhOp>(unaryFloat<std::sinh>);
    add<CoshOp>(unaryFloat<std::cosh>);
    add<TanhOp>(unaryFloat<std::tanh>);
    add<AsinhOp>(unaryFloat<std::asinh>);
    add<AcoshOp>(unaryFloat<std::acosh>);
    add<AtanhOp>(unaryFloat<std::atanh>);
    add<ErfOp>(unaryFloat<std::erf>);
    add<SigmoidOp>(unaryFloat<sigmoid>);
  }

  void addShape() {
    add<IotaOp>(iota);
    add<BroadcastOp>(broadcast);
    add<ReshapeOp>(reshape);
    add<TransposeOp>(transpose);
    add<SliceOp>(slice);
    add<ReverseOp>(reverse);
    add<ConcatOp>(concat);
    add<PadOp>(pad);
    add<GatherOp>(gather);
    add<GatherElementsOp>(gatherElements);
    add<ReduceSumOp>(reduce<ReduceSumOp, Add, 0>);
    add<ReduceProdOp>(reduce<ReduceProdOp, Mul, 1>);
    add<ReduceMaxOp>(reduce<ReduceMaxOp, Max, 0>);
    add<ReduceMinOp>(reduce<ReduceMinOp, Min, 0>);
    add<CumSumOp>(cumulativeSum);
    add<DotGeneralOp>(dotGeneral);
  }

  llvm::DenseMap<TypeID, Evaluator> byOp;
};

} // namespace

Value foldToConstant(Operation *op) {
  static const EvaluatorTable table;
  Evaluator evaluator = table.find(op);
  if (!evaluator || op->getNumResults() != 1)
    return {};
  for (Value operand : op->getOperands())
    if (!operand.getDefiningOp<ConstantOp>())
      return {};
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<HostTensor> operands;
  for (Value operand : op->getOperands()) {
    std::optional<HostTensor> value = constantValue(operand);
    if (!value)
      return {};
    operands.push_back(std::move(*value));
  }
  bool isSmall = type.getNumElements() <= maxFoldedElements;
  bool staysSplat = !operands.empty() && allSplat(operands) &&
                    !isa<ConcatOp, PadOp, CumSumOp, DotGeneralOp, ReduceSumOp,
                         ReduceProdOp, ReduceMaxOp, ReduceMinOp>(op);
  if (!isSmall && !staysSplat)
    return {};
  std::optional<HostTensor> result = evaluator(op, type, operands);
  if (!result)
    return {};
  OpBuilder b(op);
  auto constant = ConstantOp::create(b, op->getLoc(), type,
                                     cast<ElementsAttr>(result->toAttribute()));
  op->getResult(0).replaceAllUsesWith(constant.getResult());
  op->erase();
  return constant;
}

} // namespace dlc::frontend
