//===- OnnxTypes.cpp - element types and tensors of ONNX files ------------===//
#include "frontends/onnx/OnnxTypes.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <charconv>
#include <cmath>
#include <cstring>

using namespace mlir;
using onnx::TensorProto;

namespace dlc::frontend {

Type elementType(MLIRContext *context, int32_t dataType) {
  Builder b(context);
  switch (dataType) {
  case TensorProto::FLOAT:
    return b.getF32Type();
  case TensorProto::DOUBLE:
    return b.getF64Type();
  case TensorProto::FLOAT16:
    return b.getF16Type();
  case TensorProto::BFLOAT16:
    return b.getBF16Type();
  case TensorProto::INT64:
    return b.getI64Type();
  case TensorProto::INT32:
    return b.getI32Type();
  case TensorProto::INT16:
    return b.getIntegerType(16);
  case TensorProto::INT8:
    return b.getIntegerType(8);
  case TensorProto::UINT8:
    return b.getIntegerType(8, /*isSigned=*/false);
  case TensorProto::BOOL:
    return b.getI1Type();
  default:
    return nullptr;
  }
}

std::string dataTypeName(int32_t dataType) {
  static constexpr const char *names[] = {
      "undefined", "float",          "uint8",      "int8",     "uint16",
      "int16",     "int32",          "int64",      "string",   "bool",
      "float16",   "double",         "uint32",     "uint64",   "complex64",
      "complex128", "bfloat16",      "float8e4m3fn", "float8e4m3fnuz",
      "float8e5m2", "float8e5m2fnuz", "uint4",      "int4",     "float4e2m1",
      "float8e8m0"};
  if (dataType >= 0 && size_t(dataType) < std::size(names))
    return names[dataType];
  return llvm::formatv("data type {0}", dataType).str();
}

std::optional<int64_t> checkedElements(llvm::ArrayRef<int64_t> shape) {
  int64_t product = 1;
  for (int64_t dim : shape) {
    if (dim < 0 || dim > maxElements)
      return std::nullopt;
    // Past a dim of 0 too: products of some dims must fit as well.
    if (dim == 0)
      continue;
    if (product > maxElements / dim)
      return std::nullopt;
    product *= dim;
  }
  return llvm::is_contained(shape, 0) ? 0 : product;
}

std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  if (shape.empty())
    return "scalar";
  std::string text;
  for (int64_t dim : shape)
    text += (text.empty() ? "" : "x") + std::to_string(dim);
  return text;
}

/// The type that `tensor` states, checked.
static RankedTensorType statedType(MLIRContext *context,
                                   const TensorProto &tensor,
                                   TensorError &error) {
  Type element = elementType(context, tensor.data_type());
  if (!element) {
    error = {"DLC1002", "has element type '" +
                            dataTypeName(tensor.data_type()) +
                            "', which dlc does not know"};
    return nullptr;
  }
  llvm::SmallVector<int64_t> shape(tensor.dims().begin(), tensor.dims().end());
  if (int64_t(shape.size()) > maxRank || !checkedElements(shape)) {
    error = {"DLC1007",
             llvm::formatv("must have at most {0} dims that are not negative "
                           "and at most 2^40 elements, but got shape {1}",
                           maxRank,
                           shape.size() > size_t(maxRank)
                               ? "of rank " + std::to_string(shape.size())
                               : shapeText(shape))
                 .str()};
    return nullptr;
  }
  return RankedTensorType::get(shape, element);
}

static TensorError wrongSize(RankedTensorType type, uint64_t expected,
                             uint64_t actual, StringRef unit) {
  return {"DLC1007",
          llvm::formatv("of shape {0} must hold {1} {2}, but got {3}",
                        shapeText(type.getShape()), expected, unit, actual)
              .str()};
}

std::optional<Weight> decodeRaw(MLIRContext *context, const TensorProto &tensor,
                                llvm::ArrayRef<char> bytes,
                                std::shared_ptr<const void> owner,
                                TensorError &error) {
  RankedTensorType type = statedType(context, tensor, error);
  if (!type)
    return std::nullopt;
  if (tensorBytes(type) != bytes.size()) {
    error = wrongSize(type, tensorBytes(type), bytes.size(), "bytes");
    return std::nullopt;
  }
  if (type.getElementType().isInteger(1))
    for (char byte : bytes)
      if (byte != 0 && byte != 1) {
        error = {"DLC1007", "of booleans must hold bytes 0 and 1, but got " +
                                std::to_string(unsigned(uint8_t(byte)))};
        return std::nullopt;
      }
  return Weight{tensor.name(), type, bytes, std::move(owner)};
}

/// Copies `values`, each narrowed to `Stored`, into a buffer.
template <typename Stored, typename Field>
static std::optional<Weight> narrowed(const TensorProto &tensor,
                                      RankedTensorType type,
                                      const Field &values,
                                      TensorError &error) {
  if (type.getNumElements() != values.size()) {
    error = wrongSize(type, type.getNumElements(), values.size(), "values");
    return std::nullopt;
  }
  auto buffer = std::make_shared<std::vector<char>>();
  buffer->resize(size_t(values.size()) * sizeof(Stored));
  for (int i = 0; i < values.size(); ++i) {
    Stored value = Stored(values[i]);
    std::memcpy(buffer->data() + size_t(i) * sizeof(Stored), &value,
                sizeof(Stored));
  }
  return Weight{
      tensor.name(), type, {buffer->data(), buffer->size()}, buffer};
}

std::optional<Weight> decodeTensor(MLIRContext *context,
                                   const TensorProto &tensor,
                                   std::shared_ptr<const void> owner,
                                   TensorError &error) {
  if (tensor.has_raw_data())
    return decodeRaw(context, tensor,
                     {tensor.raw_data().data(), tensor.raw_data().size()},
                     std::move(owner), error);
  RankedTensorType type = statedType(context, tensor, error);
  if (!type)
    return std::nullopt;
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    return narrowed<float>(tensor, type, tensor.float_data(), error);
  case TensorProto::DOUBLE:
    return narrowed<double>(tensor, type, tensor.double_data(), error);
  case TensorProto::INT64:
    return narrowed<int64_t>(tensor, type, tensor.int64_data(), error);
  case TensorProto::INT32:
    return narrowed<int32_t>(tensor, type, tensor.int32_data(), error);
  case TensorProto::INT16:
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
    return narrowed<uint16_t>(tensor, type, tensor.int32_data(), error);
  case TensorProto::BOOL:
    return narrowed<bool>(tensor, type, tensor.int32_data(), error);
  default:
    return narrowed<uint8_t>(tensor, type, tensor.int32_data(), error);
  }
}

void clearData(TensorProto &tensor) {
  tensor.clear_raw_data();
  tensor.clear_float_data();
  tensor.clear_double_data();
  tensor.clear_int32_data();
  tensor.clear_int64_data();
  tensor.clear_uint64_data();
  tensor.clear_string_data();
  tensor.clear_external_data();
  tensor.clear_data_location();
}

/// A fraction, root or constant that rounds to the positive `value`, or none.
static std::optional<double> simpleNumber(float value) {
  auto rounds = [&](double number) { return float(number) == value; };
  for (int q = 3; q <= 12; ++q) {
    double number = std::round(double(value) * q) / q;
    if (number < 1000 && rounds(number))
      return number;
  }
  // Square roots scale attention scores; fourth roots scale queries and keys.
  for (double power : {0.5, -0.5, 0.25, -0.25}) {
    double whole = std::round(std::pow(double(value), 1 / power));
    if (whole >= 2 && whole <= (1 << 20) && rounds(std::pow(whole, power)))
      return std::pow(whole, power);
  }
  // sqrt(2 / pi) is GELU's; the last two are SELU's (Klambauer et al. 2017).
  for (double number :
       {M_PI, 2 * M_PI, M_PI / 2, 1 / M_PI, std::sqrt(2 / M_PI), M_LN2, M_E,
        1 / M_LN2, std::log(10.0), seluAlpha, seluScale})
    if (rounds(number))
      return number;
  return std::nullopt;
}

double intendedNumber(float value) {
  if (!std::isfinite(value))
    return value;
  // More significant digits than an author would write.
  constexpr int fewDigits = 6;
  char text[64];
  auto [end, status] = std::to_chars(text, text + sizeof(text), value);
  double number = value;
  if (status == std::errc())
    std::from_chars(text, end, number);
  StringRef mantissa = StringRef(text, size_t(end - text)).split('e').first;
  if (llvm::count_if(mantissa.ltrim("-0."), llvm::isDigit) <= fewDigits)
    return number;
  if (std::optional<double> simple = simpleNumber(std::fabs(value)))
    return std::copysign(*simple, value);
  return number;
}

} // namespace dlc::frontend
