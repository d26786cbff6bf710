// What blocked attention is made of: dense copies of blocks, their products,
// and exponentials of rows. `T` is what is computed in, float or double.
#ifndef DLC_RUNTIME_CPU_ATTENTIONBLOCKS_H
#define DLC_RUNTIME_CPU_ATTENTIONBLOCKS_H

#include "runtime/cpu/Attention.h"

#include <compare>
#include <map>

namespace dlc::rt {

/// C[m,n] (+)= A[m,k] B[k,n], all dense.
struct BlockProduct {
  int64_t m = 0, n = 0, k = 0;
  bool isATransposed = false; // A is stored [k, m]
  bool isBTransposed = false; // B is stored [n, k]
  bool accumulates = false;

  auto operator<=>(const BlockProduct &) const = default;
};

/// The products of a plan. prepare() each while the plan is made; run() may be
/// called by several workers at once.
template <typename T> class BlockProducts {
public:
  explicit BlockProducts(LibraryContext &context) : context(context) {}
  Status prepare(const BlockProduct &product);
  /// What one worker's calls take of its scratch.
  uint64_t scratchBytes() const { return bytes; }
  /// False on a failure in the library.
  bool run(int worker, const BlockProduct &product, const T *a, const T *b,
           T *c, std::byte *scratch) const;

private:
  LibraryContext &context;
  std::map<BlockProduct, const BoundPrimitive *> primitives;
  uint64_t bytes = 0;
};

/// One tensor of the record: rows of `columns` elements somewhere in a buffer.
struct BlockTensor {
  std::byte *base = nullptr;
  fb::DType dtype{};
  int64_t batchStride = 0, headStride = 0, rowStride = 0, columns = 0;

  BlockTensor() = default;
  BlockTensor(const fb::AttentionViewT *view, const std::byte *buffer,
              fb::DType dtype, int64_t columns);
  /// Rows [first, first + count) of a head, dense, in T; and back, rounded.
  template <typename T>
  void load(int64_t batch, int64_t head, int64_t first, int64_t count,
            T *to) const;
  template <typename T>
  void store(int64_t batch, int64_t head, int64_t first, int64_t count,
             const T *from) const;

private:
  std::byte *row(int64_t batch, int64_t head, int64_t index) const;
};

/// values[i] = e^(values[i] - shift); 0 for minus infinity. To 3e-7 in float.
void exponentials(float *values, int64_t count, float shift);
void exponentials(double *values, int64_t count, double shift);

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_ATTENTIONBLOCKS_H
