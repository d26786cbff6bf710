// What cuBLASLt and cuDNN take of the records that a program may hold, told
// from the record alone. The compiler asks before it plans a call; the runtime
// asks again before it makes one. Needs neither library.
#ifndef DLC_RUNTIME_CUDA_LIBRARYPLAN_H
#define DLC_RUNTIME_CUDA_LIBRARYPLAN_H

#include "runtime/artifact/artifact_generated.h"

#include <cstdint>
#include <string>
#include <vector>

namespace dlc::rt::cuda {

/// A matrix of one of cuBLASLt's column-major operands.
struct MatrixForm {
  bool isTransposed = false;
  int64_t rows = 0, columns = 0; // as stored, before transposition
  int64_t leading = 0;           // elements from column to column
};

/// C = A B in rows is C' = B' A' in columns: cuBLASLt's first operand is `b`.
struct MatmulForm {
  MatrixForm a, b, c;
  /// Batch items that one call computes, and how far apart they are.
  int64_t items = 1, aStride = 0, bStride = 0, cStride = 0;
  /// Calls, and how far apart their operands are, in elements.
  int64_t calls = 1, aStep = 0, bStep = 0, cStep = 0;
};

/// Why cuBLASLt does not compute `gemm`, empty when it does. It takes f32, f64,
/// f16 and bf16; 16-bit products also with f32 results; of epilogues
///   f32, f16, bf16: [bias] [relu or gelu_tanh], or [bias] [residual]
/// (a 16-bit result's bias may be as narrow; one of f32 is narrowed each time)
///   f64:            [residual]
/// and beside one f32 result without bias and activation a bias gradient.
std::string gemmObstacle(const fb::GemmT &gemm);
/// The bias gradient of `gemm` as a product of its own, of a row of ones with
/// the operand (as B), for where cuBLASLt has no algorithm that does both.
fb::GemmT biasGradientProduct(const fb::GemmT &gemm);
/// Of a record without obstacle.
MatmulForm matmulFormOf(const fb::GemmT &gemm);
/// Bytes of the workspace buffer that `gemm` is best planned with.
uint64_t gemmWorkspaceBytes(const fb::GemmT &gemm);

/// Why cuDNN does not compute `conv`, empty when it does. It takes f32, f64,
/// f16 and bf16 with pads that are the same on both sides (where the far side
/// is read at all), forward without bias, activation and residual.
std::string convObstacle(const fb::ConvT &conv);
/// Bytes of the workspace buffer that `conv` is best planned with: for copies
/// and for cuDNN itself. A call that needs more takes the stream's.
uint64_t convWorkspaceBytes(const fb::ConvT &conv);
/// Whether cuDNN computes `conv` on channels-first tensors alone.
bool wantsChannelsFirst(const fb::ConvT &conv);

/// What a call copies, because cuDNN has another order or type than a program.
/// Each copy's bytes are a multiple of 256.
struct ConvCopies {
  /// Weights [O, C, taps] to [O, taps, C]; only where that moves any.
  bool turnsWeights = false;
  /// A wide gradient of 16-bit weights.
  bool narrowsWeights = false;
  uint64_t weightBytes = 0; // of one copy of them
  /// Of activations in channels-first order; 0 where that moves none.
  uint64_t srcBytes = 0, dstBytes = 0;

  uint64_t bytes() const {
    // What is turned and narrowed is so in two places.
    return (uint64_t(turnsWeights) + uint64_t(narrowsWeights)) * weightBytes +
           srcBytes + dstBytes;
  }
};
ConvCopies convCopiesOf(const fb::ConvT &conv, bool isChannelsFirst);

/// Why cuDNN does not compute `attention`, empty when it does. It takes f16 and
/// bf16 without a mask or causal, heads of 8 to 128 columns in eights, at least
/// two rows and keys, and tensors whose rows begin at multiples of 16 bytes.
std::string attentionObstacle(const fb::AttentionT &attention);

/// What a call of attention needs beside its operands.
///
///   [one f32 per row, backward | cuDNN's own]
///
/// Each part's bytes are a multiple of 256. In a gradient whose sums keep their
/// order, cuDNN has a 16-bit number per row, key and head in its part.
struct AttentionRoom {
  uint64_t rowBytes = 0, libraryBytes = 0;
  uint64_t bytes() const { return rowBytes + libraryBytes; }
};
AttentionRoom attentionRoomOf(const fb::AttentionT &attention);
/// Bytes of the workspace buffer that `attention` is best planned with.
uint64_t attentionWorkspaceBytes(const fb::AttentionT &attention);

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_LIBRARYPLAN_H
