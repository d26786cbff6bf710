//===- ExportOnnx.cpp - trained values back into their file ---------------===//
//
// The stripped model is the file without the values that export rules restore.
// Each rule takes a state's current value, converts it to the initializer's
// type and applies its steps.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/OnnxImporter.h"
#include "frontends/onnx/OnnxTypes.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Errc.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace mlir;
using namespace dlc::frontend;

namespace dlc {

/// A tensor that steps rearrange.
struct StepTensor {
  llvm::SmallVector<int64_t> shape;
  std::string bytes;
};

static StepTensor transposed(const StepTensor &from, ArrayRef<int64_t> order,
                             size_t width) {
  size_t rank = from.shape.size();
  StepTensor to;
  llvm::SmallVector<int64_t> strides(rank, 1), index(rank);
  for (size_t i = rank; i-- > 1;)
    strides[i - 1] = strides[i] * from.shape[i];
  for (int64_t dim : order)
    to.shape.push_back(from.shape[dim]);
  to.bytes.resize(from.bytes.size());
  for (size_t linear = 0; linear < to.bytes.size() / width; ++linear) {
    int64_t at = 0;
    for (size_t i = 0; i < rank; ++i)
      at += index[i] * strides[order[i]];
    std::memcpy(to.bytes.data() + linear * width,
                from.bytes.data() + size_t(at) * width, width);
    for (size_t i = rank; i-- > 0;) {
      if (++index[i] < to.shape[i])
        break;
      index[i] = 0;
    }
  }
  return to;
}

/// `axis start end step` of `from`.
static StepTensor sliced(const StepTensor &from, ArrayRef<int64_t> box,
                         size_t width) {
  int64_t axis = box[0], start = box[1], step = box[3];
  StepTensor to{from.shape, {}};
  to.shape[axis] = (box[2] - start + step - 1) / step;
  size_t inner = width;
  for (size_t i = size_t(axis) + 1; i < from.shape.size(); ++i)
    inner *= from.shape[i];
  size_t row = inner * from.shape[axis];
  for (size_t outer = 0; row && outer < from.bytes.size() / row; ++outer)
    for (int64_t i = start; i < box[2]; i += step)
      to.bytes.append(from.bytes, outer * row + size_t(i) * inner, inner);
  return to;
}

/// Applies one step; false if it does not fit the tensor.
static bool applyStep(StepTensor &tensor, StringRef step, size_t width) {
  llvm::SmallVector<StringRef> words;
  step.split(words, ' ', -1, /*KeepEmpty=*/false);
  llvm::SmallVector<int64_t> numbers;
  for (StringRef word : llvm::drop_begin(words, !words.empty())) {
    int64_t number;
    if (!llvm::to_integer(word, number, 10))
      return false;
    numbers.push_back(number);
  }
  int64_t rank = int64_t(tensor.shape.size());
  StringRef kind = words.empty() ? "" : words.front();
  if (kind == "transpose") {
    llvm::SmallVector<int64_t> sorted(numbers);
    llvm::sort(sorted);
    if (int64_t(sorted.size()) != rank ||
        !llvm::equal(sorted, llvm::seq<int64_t>(0, rank)))
      return false;
    tensor = transposed(tensor, numbers, width);
    return true;
  }
  if (kind == "reshape") {
    if (checkedElements(numbers) != checkedElements(tensor.shape))
      return false;
    tensor.shape = numbers;
    return true;
  }
  if (kind != "slice" || numbers.size() != 4 || numbers[0] < 0 ||
      numbers[0] >= rank || numbers[1] < 0 || numbers[1] > numbers[2] ||
      numbers[2] > tensor.shape[numbers[0]] || numbers[3] < 1 ||
      numbers[3] > maxElements)
    return false;
  tensor = sliced(tensor, numbers, width);
  return true;
}

/// Writes the value of `rule` into `tensor`.
static LogicalResult restore(onnx::TensorProto &tensor, const ExportInfo &rule,
                             StateLookup state, MLIRContext *context,
                             Diagnostics &diagnostics) {
  auto fail = [&](const Twine &message) {
    diagnostics.error("DLC1015",
                      "initializer '" + rule.initializer + "' " + message);
    return failure();
  };
  const Weight *weight = state(rule.state);
  if (!weight)
    return fail("must have a value, but got no tensor '" + rule.state + "'");
  Type element = elementType(context, tensor.data_type());
  if (!element || !isa<FloatType>(element) ||
      !isa<FloatType>(weight->type.getElementType()))
    return fail("must hold floats, but got " +
                dataTypeName(tensor.data_type()));
  Weight converted = convertFloats(*weight, element);
  size_t width = elementBytes(element);
  StepTensor value{llvm::SmallVector<int64_t>(converted.type.getShape()),
                   std::string(converted.bytes.data(), converted.bytes.size())};
  for (const std::string &step : rule.steps)
    if (!applyStep(value, step, width))
      return fail("must be made by steps that fit, but got '" + step +
                  "' for shape " + shapeText(value.shape));
  if (!llvm::equal(value.shape, tensor.dims()))
    return fail("must have shape " +
                shapeText(llvm::SmallVector<int64_t>(tensor.dims().begin(),
                                                     tensor.dims().end())) +
                ", but got " + shapeText(value.shape));
  clearData(tensor);
  *tensor.mutable_raw_data() = std::move(value.bytes);
  return success();
}

FailureOr<std::string> exportOnnx(StringRef strippedModel,
                                  llvm::ArrayRef<ExportInfo> exports,
                                  StateLookup state, MLIRContext *context,
                                  Diagnostics &diagnostics) {
  onnx::ModelProto model;
  if (!model.ParsePartialFromString(strippedModel.str())) {
    diagnostics.error("DLC1006", "the source model must be an ONNX file, but "
                                 "got bytes that are none");
    return failure();
  }
  llvm::StringMap<onnx::TensorProto *> tensors;
  for (onnx::TensorProto &tensor :
       *model.mutable_graph()->mutable_initializer())
    tensors[tensor.name()] = &tensor;
  for (const ExportInfo &rule : exports) {
    onnx::TensorProto *tensor = tensors.lookup(rule.initializer);
    if (!tensor) {
      diagnostics.error("DLC1015", "initializer '" + rule.initializer +
                                       "' must be in the source model, but "
                                       "got none of that name");
      return failure();
    }
    if (failed(restore(*tensor, rule, state, context, diagnostics)))
      return failure();
  }
  if (model.ByteSizeLong() > INT32_MAX) {
    diagnostics.error("DLC1018",
                      llvm::formatv("the model must have at most 2^31 - 1 "
                                    "bytes to be one ONNX file, but got {0}; "
                                    "save .safetensors instead",
                                    model.ByteSizeLong()));
    return failure();
  }
  std::string bytes;
  model.SerializePartialToString(&bytes);
  return bytes;
}

LogicalResult writeFileAtomically(StringRef path, StringRef bytes,
                                  Diagnostics &diagnostics) {
  auto fail = [&](const std::string &why) {
    diagnostics.error("DLC1016", path + ": the file cannot be written: " + why);
    return failure();
  };
  auto temporary = llvm::sys::fs::TempFile::create(path + ".tmp-%%%%%%%%");
  if (!temporary)
    return fail(llvm::toString(temporary.takeError()));
  auto discard = [&](const std::string &why) {
    llvm::consumeError(temporary->discard());
    return fail(why);
  };
  size_t written = 0;
  while (written < bytes.size()) {
    ssize_t count = write(temporary->FD, bytes.data() + written,
                          bytes.size() - written);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return discard(std::strerror(errno));
    written += size_t(count);
  }
  if (fchmod(temporary->FD, 0644) != 0 || fsync(temporary->FD) != 0)
    return discard(std::strerror(errno));
  if (llvm::Error error = temporary->keep(path))
    return fail(llvm::toString(std::move(error)));
  StringRef folder = llvm::sys::path::parent_path(path);
  int directory = open(folder.empty() ? "." : folder.str().c_str(),
                       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    fsync(directory);
    close(directory);
  }
  return success();
}

} // namespace dlc
