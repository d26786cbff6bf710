//===- WeightStore.h - initial values beside a module -----------*- C++ -*-===//
//
// The values of parameters and other state are not in the IR: a graph of a
// large model would be slow to print, hash and copy. They lie here, by the
// names that the functions' arguments carry (`dlc.param`, `dlc.state`). Values
// that a model file holds in place are views into it, not copies.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_FRONTENDS_WEIGHTSTORE_H
#define DLC_FRONTENDS_WEIGHTSTORE_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringMap.h"
#include <memory>
#include <string>
#include <vector>

namespace dlc {

/// One tensor: `bytes` are row-major and little endian, one byte per `i1`, and
/// need not be aligned. They stay valid for as long as `owner` lives.
struct Weight {
  std::string name;
  mlir::RankedTensorType type;
  llvm::ArrayRef<char> bytes;
  std::shared_ptr<const void> owner;
};

/// Tensors by name, in the order of the model's initializers. Reading is safe
/// from many threads; adding is not.
class WeightStore {
public:
  /// Adds `weight`, whose name must be new.
  void add(Weight weight);
  /// The tensor of that name, or null. Valid until the next `add`.
  const Weight *find(llvm::StringRef name) const;
  llvm::ArrayRef<Weight> entries() const { return weights; }
  /// Sum of all tensors' sizes.
  uint64_t totalBytes() const;

private:
  std::vector<Weight> weights;
  llvm::StringMap<size_t> indices;
};

/// Bytes of one element of `type` (1 for `i1`).
size_t elementBytes(mlir::Type type);
/// Bytes of a tensor of type `type`; the product must not overflow.
uint64_t tensorBytes(mlir::RankedTensorType type);
/// Converts floats from the type of `from` to `elementType`, rounding to
/// nearest even; returns `from` itself if nothing changes.
Weight convertFloats(const Weight &from, mlir::Type elementType);

} // namespace dlc

#endif
