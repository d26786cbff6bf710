//===- Tensor.cpp - element access and conversions ------------------------===//
#include "dialects/dlc/reference/Tensor.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

using namespace mlir;
using llvm::APFloat;
using llvm::APInt;

namespace dlc::reference {

static Storage storageOf(Type type) {
  if (type.isF64())
    return Storage::F64;
  if (type.isF32())
    return Storage::F32;
  if (isa<FloatType>(type))
    return Storage::SmallFloat;
  switch (type.getIntOrFloatBitWidth()) {
  case 1:
    return Storage::Bool;
  case 8:
    return type.isUnsignedInteger() ? Storage::U8 : Storage::I8;
  case 16:
    return Storage::I16;
  case 32:
    return Storage::I32;
  default:
    return Storage::I64;
  }
}

Tensor::Tensor(RankedTensorType type)
    : type(type), storage(storageOf(type.getElementType())),
      elementBytes((type.getElementTypeBitWidth() + 7) / 8),
      count(type.getNumElements()), bytes(count * elementBytes) {}

Tensor::Tensor(RankedTensorType type, ArrayRef<double> values) : Tensor(type) {
  assert((values.size() == 1 || int64_t(values.size()) == count) &&
         "as many values as elements");
  for (int64_t i = 0; i < count; ++i)
    setNumber(i, values[values.size() == 1 ? 0 : i]);
}

Tensor Tensor::fromBytes(RankedTensorType type, ArrayRef<char> bytes) {
  Tensor tensor(type);
  assert(bytes.size() == tensor.bytes.size() && "bytes that fit the type");
  tensor.bytes.assign(bytes.begin(), bytes.end());
  return tensor;
}

FailureOr<Tensor> Tensor::fromAttribute(ElementsAttr attribute) {
  auto type = dyn_cast<RankedTensorType>(attribute.getType());
  if (!type)
    return failure();
  Tensor tensor(type);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || blob->getData().size() != tensor.bytes.size())
      return failure();
    return fromBytes(type, blob->getData());
  }
  auto dense = dyn_cast<DenseElementsAttr>(attribute);
  if (!dense)
    return failure();
  // Booleans may be packed in the attribute; other elements lie as here.
  if (tensor.storage == Storage::Bool) {
    for (auto [i, value] : llvm::enumerate(dense.getValues<bool>()))
      tensor.bytes[i] = value;
    return tensor;
  }
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat())
    return fromBytes(type, raw);
  for (int64_t i = 0; i < tensor.count; ++i)
    std::memcpy(&tensor.bytes[i * tensor.elementBytes], raw.data(),
                tensor.elementBytes);
  return tensor;
}

DenseElementsAttr Tensor::toAttribute() const {
  bool isSplat = count > 0;
  for (int64_t i = 1; i < count && isSplat; ++i)
    isSplat =
        std::memcmp(&bytes[0], &bytes[i * elementBytes], elementBytes) == 0;
  if (storage == Storage::Bool) {
    SmallVector<bool> values(bytes.begin(),
                             isSplat ? bytes.begin() + 1 : bytes.end());
    return DenseElementsAttr::get(type, values);
  }
  ArrayRef<char> all(bytes);
  return DenseElementsAttr::getFromRawBuffer(
      type, isSplat ? all.take_front(elementBytes) : all);
}

template <typename T> static T load(const char *from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <typename T> static void store(char *to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

double Tensor::number(int64_t i) const {
  const char *at = &bytes[i * elementBytes];
  if (storage == Storage::F64)
    return load<double>(at);
  if (storage == Storage::F32)
    return load<float>(at);
  if (storage != Storage::SmallFloat)
    return double(integer(i));
  uint64_t bits = 0;
  std::memcpy(&bits, at, elementBytes);
  auto floatType = cast<FloatType>(getElementType());
  APFloat value(floatType.getFloatSemantics(),
                APInt(floatType.getWidth(), bits));
  bool losesInfo;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value.convertToDouble();
}

static void storeSmallFloat(char *to, int64_t elementBytes, Type type,
                            APFloat value) {
  bool losesInfo;
  value.convert(cast<FloatType>(type).getFloatSemantics(),
                APFloat::rmNearestTiesToEven, &losesInfo);
  uint64_t bits = value.bitcastToAPInt().getZExtValue();
  std::memcpy(to, &bits, elementBytes);
}

/// `value` truncated toward zero and clamped to what `bits` bits hold.
static int64_t saturate(double value, unsigned bits, bool isSigned) {
  if (std::isnan(value))
    return 0;
  double least = isSigned ? -std::ldexp(1.0, bits - 1) : 0;
  double limit = std::ldexp(1.0, isSigned ? bits - 1 : bits);
  if (value <= least)
    return isSigned ? int64_t(least) : 0;
  if (value >= limit)
    return isSigned ? int64_t(APInt::getSignedMaxValue(bits).getSExtValue())
                    : int64_t(APInt::getMaxValue(bits).getZExtValue());
  return int64_t(value);
}

void Tensor::setNumber(int64_t i, double value) {
  char *at = &bytes[i * elementBytes];
  switch (storage) {
  case Storage::F64:
    return store<double>(at, value);
  case Storage::F32:
    return store<float>(at, float(value));
  case Storage::SmallFloat:
    return storeSmallFloat(at, elementBytes, getElementType(), APFloat(value));
  case Storage::Bool:
    return store<char>(at, value != 0);
  default:
    return setInteger(
        i, saturate(value, elementBytes * 8, storage != Storage::U8));
  }
}

int64_t Tensor::integer(int64_t i) const {
  const char *at = &bytes[i * elementBytes];
  switch (storage) {
  case Storage::I64:
    return load<int64_t>(at);
  case Storage::I32:
    return load<int32_t>(at);
  case Storage::I16:
    return load<int16_t>(at);
  case Storage::I8:
    return load<int8_t>(at);
  default:
    assert(!isFloat() && "integers only");
    return load<uint8_t>(at);
  }
}

void Tensor::setInteger(int64_t i, int64_t value) {
  char *at = &bytes[i * elementBytes];
  switch (storage) {
  case Storage::F64:
    return store<double>(at, double(value));
  case Storage::F32:
    return store<float>(at, float(value));
  case Storage::SmallFloat: {
    APFloat wide(APFloat::IEEEquad());
    wide.convertFromAPInt(APInt(64, uint64_t(value)), /*IsSigned=*/true,
                          APFloat::rmNearestTiesToEven);
    return storeSmallFloat(at, elementBytes, getElementType(), wide);
  }
  case Storage::I64:
    return store<int64_t>(at, value);
  case Storage::I32:
    return store<int32_t>(at, int32_t(value));
  case Storage::I16:
    return store<int16_t>(at, int16_t(value));
  case Storage::I8:
  case Storage::U8:
    return store<int8_t>(at, int8_t(value));
  case Storage::Bool:
    return store<char>(at, char(value & 1));
  }
}

void Tensor::copyElement(int64_t i, const Tensor &from, int64_t j) {
  assert(getElementType() == from.getElementType() && "one element type");
  std::memcpy(&bytes[i * elementBytes], &from.bytes[j * elementBytes],
              elementBytes);
}

std::vector<double> Tensor::toDoubles() const {
  std::vector<double> values(count);
  for (int64_t i = 0; i < count; ++i)
    values[i] = number(i);
  return values;
}

Tensor Tensor::reshaped(ArrayRef<int64_t> shape) const {
  Tensor result = *this;
  result.type = type.clone(shape);
  assert(result.type.getNumElements() == count && "as many elements");
  return result;
}

SmallVector<int64_t> rowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

int64_t elementCount(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<int64_t>());
}

void forEachIndex(ArrayRef<int64_t> shape,
                  function_ref<void(ArrayRef<int64_t>)> visit) {
  if (elementCount(shape) == 0)
    return;
  SmallVector<int64_t> index(shape.size());
  while (true) {
    visit(index);
    size_t dim = shape.size();
    while (dim > 0 && ++index[dim - 1] == shape[dim - 1])
      index[--dim] = 0;
    if (dim == 0)
      return;
  }
}

int64_t linearIndex(ArrayRef<int64_t> index, ArrayRef<int64_t> strides) {
  int64_t position = 0;
  for (auto [i, stride] : llvm::zip_equal(index, strides))
    position += i * stride;
  return position;
}

} // namespace dlc::reference
