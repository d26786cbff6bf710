//===- Tensor.h - a tensor that the reference evaluator computes with -----===//
//
// Row-major bytes with a type. Elements are read and written as `double` (or
// as `int64_t` for integers): reading is exact, writing a double rounds once,
// to nearest even, to the element type. Storage is what the artifact and .npz
// use: little endian, `i1` one byte (0 or 1), f16, bf16 and f8 their bit
// patterns.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_DIALECTS_DLC_REFERENCE_TENSOR_H
#define DLC_DIALECTS_DLC_REFERENCE_TENSOR_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"

#include <vector>

namespace dlc::reference {

/// How one element lies in memory.
enum class Storage { F64, F32, SmallFloat, I64, I32, I16, I8, U8, Bool };

/// Values copy deeply; a Tensor needs the MLIR context of its type to be alive.
class Tensor {
public:
  Tensor() = default;
  /// Zeros. `type` has a static shape and an element type of the dialect.
  explicit Tensor(mlir::RankedTensorType type);
  /// `values` in row-major order, as many as `type` has elements; a single
  /// value fills the tensor.
  Tensor(mlir::RankedTensorType type, llvm::ArrayRef<double> values);
  /// `bytes` as described above; their number must fit `type`.
  static Tensor fromBytes(mlir::RankedTensorType type,
                          llvm::ArrayRef<char> bytes);
  /// The elements of a dense or dense-resource attribute; failure for other
  /// kinds, or when the resource's bytes are gone.
  static mlir::FailureOr<Tensor> fromAttribute(mlir::ElementsAttr attribute);
  /// A splat if all elements have equal bits.
  mlir::DenseElementsAttr toAttribute() const;

  mlir::RankedTensorType getType() const { return type; }
  mlir::Type getElementType() const { return type.getElementType(); }
  llvm::ArrayRef<int64_t> getShape() const { return type.getShape(); }
  int64_t getRank() const { return type.getRank(); }
  int64_t size() const { return count; }
  bool isFloat() const {
    return storage == Storage::F64 || storage == Storage::F32 ||
           storage == Storage::SmallFloat;
  }
  llvm::ArrayRef<char> getBytes() const { return bytes; }
  llvm::MutableArrayRef<char> getBytes() { return bytes; }
  /// Bytes of one element.
  int64_t getElementBytes() const { return elementBytes; }

  /// Element `i` in row-major order; an i64 beyond 2^53 rounds.
  double number(int64_t i) const;
  /// Rounds to the element type. Integers truncate toward zero and saturate,
  /// NaN gives 0; `i1` is `value != 0`.
  void setNumber(int64_t i, double value);
  /// Element `i` of an integer or `i1` tensor.
  int64_t integer(int64_t i) const;
  /// Integers keep the low bits; floats round once.
  void setInteger(int64_t i, int64_t value);
  /// Copies element `j` of `from`, which has the same element type.
  void copyElement(int64_t i, const Tensor &from, int64_t j);

  /// All elements as doubles.
  std::vector<double> toDoubles() const;
  /// The same elements under another shape of the same size.
  Tensor reshaped(llvm::ArrayRef<int64_t> shape) const;

private:
  mlir::RankedTensorType type;
  Storage storage = Storage::F32;
  int64_t elementBytes = 0;
  int64_t count = 0;
  std::vector<char> bytes;
};

/// Row-major strides, in elements.
llvm::SmallVector<int64_t> rowMajorStrides(llvm::ArrayRef<int64_t> shape);
int64_t elementCount(llvm::ArrayRef<int64_t> shape);
/// Calls `visit(index)` for every index of `shape` in row-major order.
void forEachIndex(llvm::ArrayRef<int64_t> shape,
                  llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit);
/// The row-major position of `index`.
int64_t linearIndex(llvm::ArrayRef<int64_t> index,
                    llvm::ArrayRef<int64_t> strides);

} // namespace dlc::reference

#endif
