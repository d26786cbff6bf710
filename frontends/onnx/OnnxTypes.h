//===- OnnxTypes.h - element types and tensors of ONNX files ----*- C++ -*-===//
//
// Turns a TensorProto into bytes with a known type. Every size that a file
// states is checked against the bytes that are there before anything is read.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_FRONTENDS_ONNX_ONNXTYPES_H
#define DLC_FRONTENDS_ONNX_ONNXTYPES_H

#include "frontends/WeightStore.h"
#include "onnx/onnx.pb.h"
#include "llvm/Support/Error.h"
#include <optional>

namespace dlc::frontend {

/// Limits on what a file may state; beyond them it is refused.
inline constexpr int64_t maxRank = 16;
inline constexpr int64_t maxNodes = 1'000'000;
inline constexpr int64_t maxElements = int64_t(1) << 40;
inline constexpr int maxNesting = 64;

/// The type of ONNX's `TensorProto.DataType` number, or null if dlc has none.
mlir::Type elementType(mlir::MLIRContext *context, int32_t dataType);
/// "float16", for messages; "data type 77" for an unknown number.
std::string dataTypeName(int32_t dataType);

/// The product of `shape`, or none if a dim is negative or the product is above
/// `maxElements`.
std::optional<int64_t> checkedElements(llvm::ArrayRef<int64_t> shape);

/// "2x3", "scalar".
std::string shapeText(llvm::ArrayRef<int64_t> shape);

/// Why a tensor could not be decoded.
struct TensorError {
  std::string id;
  std::string message;
};

/// Reads `tensor`, whose data lie in the file itself; `owner` keeps the file
/// alive. On failure fills `error`.
std::optional<Weight> decodeTensor(mlir::MLIRContext *context,
                                   const onnx::TensorProto &tensor,
                                   std::shared_ptr<const void> owner,
                                   TensorError &error);
/// The same for a tensor in another file, whose bytes are `bytes`.
std::optional<Weight> decodeRaw(mlir::MLIRContext *context,
                                const onnx::TensorProto &tensor,
                                llvm::ArrayRef<char> bytes,
                                std::shared_ptr<const void> owner,
                                TensorError &error);

/// Removes every form of data that `tensor` holds or refers to.
void clearData(onnx::TensorProto &tensor);

/// SELU's constants (Klambauer et al. 2017).
inline constexpr double seluAlpha = 1.6732632423543772848170429916717;
inline constexpr double seluScale = 1.0507009873554804934193349852946;

/// The number that the author of an f32 meant, as a double. Exporters store
/// attributes and literals such as 1e-5, 1/6 or sqrt(2) as f32; computing in
/// f64 with the rounded value would be off by 1e-8. The shortest decimal that
/// rounds to `value`, if it has few digits; else a simple fraction, a root of a
/// whole number or a known constant that does; else the decimal after all.
double intendedNumber(float value);

} // namespace dlc::frontend

#endif
