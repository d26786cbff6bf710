// Matrix products of a program, on oneDNN.
//
// The product is cut, by its shape alone, into tiles of rows, columns and
// batch items; each tile is one single-threaded oneDNN call on dense operands
// (its fast kernels want dense ones: up to 250 GFLOP/s per core of a Zen 5,
// against 100 to 170 on strided operands). An operand tile that is not dense
// in memory is gathered into the worker's scratch first; a result tile that is
// not dense, or that the residual aliases, is computed there and copied out.
// Long sums are cut too, and added in ascending order. Where the result is too
// small to give every core a tile and the sum is long (weight gradients), parts
// of the sum become partial results in the workspace, added in order after.
//
// B is the weights in most products. Where several bf16 tiles read the same part
// of it, or none can read it in place, it is packed once per call, also into the
// workspace: once per step for each product of the weights.
//
// Products of 16-bit floats sum in f32. Where the CPU multiplies bf16 itself,
// tiles stay bf16; else they are widened to f32 as they are gathered.
#ifndef DLC_RUNTIME_CPU_GEMM_H
#define DLC_RUNTIME_CPU_GEMM_H

#include "runtime/artifact/artifact_generated.h"
#include "runtime/cpu/LibraryContext.h"

#include <algorithm>
#include <memory>
#include <optional>

namespace dlc::rt {

/// Bytes of the workspace buffer that `gemm` wants in the arena. The compiler
/// plans it; it depends on the shape alone and is often 0. A record without a
/// workspace runs too, with less parallelism.
uint64_t gemmWorkspaceBytes(const fb::GemmT &gemm);

/// Where the operands are. `a`, `b` and `c` point at their buffers' starts;
/// the offsets of the record are added here.
struct GemmPointers {
  const std::byte *a = nullptr, *b = nullptr;
  std::byte *c = nullptr;
  const std::byte *bias = nullptr, *residual = nullptr;
  std::byte *biasGradient = nullptr;
  std::byte *workspace = nullptr; // gemmWorkspaceBytes, or null
};

/// One Gemm record made ready to run. Lives no longer than its context.
class GemmPlan {
public:
  /// Creates the primitives and reserves scratch in `context`. Fails with
  /// DLC6003 for a dtype that oneDNN has no product for on this CPU. The
  /// strides are trusted (the artifact's Reader has checked them).
  static Result<std::unique_ptr<GemmPlan>> create(LibraryContext &context,
                                                  const fb::GemmT &gemm,
                                                  const GemmPointers &at);
  /// One parallel loop over the tiles.
  Status run(const ThreadPool &pool);

private:
  struct Operand {
    const std::byte *base = nullptr;
    int64_t rowStride = 0, columnStride = 0; // elements
    int64_t batchStrides[2] = {0, 0};
    bool isTransposed = false; // columns are the contiguous direction
    bool isTurned = false;     // and are not any more once gathered
  };
  struct Span {
    int64_t first, size;
  };
  /// An extent in pieces of `step`, of which the last may be short.
  struct Axis {
    int64_t extent = 0, step = 0, count = 0;
    Span at(int64_t i) const {
      int64_t first = i * step;
      return {first, std::min(step, extent - first)};
    }
    bool isShort(int64_t i) const { return at(i).size != step; }
  };
  struct WorkerCache; // what a worker's B scratch holds

  friend uint64_t gemmWorkspaceBytes(const fb::GemmT &gemm);
  GemmPlan(LibraryContext &context) : context(context) {}
  void describe(const fb::GemmT &record, const GemmPointers &pointers);
  void chooseTiles();
  bool chooseParts();
  bool wantsPacking() const;
  bool isBfloat() const;
  int64_t cutDepth() const;
  uint64_t partBytes() const;
  void pack(const ThreadPool &pool) const;
  const std::byte *packedTile(Span rows, Span columns) const;
  void cutTiles(int64_t &rowStep, int64_t &columnStep) const;
  const float *biasOf(Span columns) const;
  Status createKernels();
  Status createKernel(bool isRowShort, bool isColumnShort, bool isFirst,
                      bool isLast);
  void runTiles(int worker, int64_t first, int64_t end);
  void runTile(int worker, int64_t item, int64_t part, int64_t row,
               int64_t column, WorkerCache &cache);
  void addParts(const ThreadPool &pool) const;
  const std::byte *tileOf(const Operand &operand, int64_t item, Span rows,
                          Span columns, std::byte *scratch,
                          bool isScratchValid) const;
  std::byte *addressOf(const Operand &operand, int64_t item, Span rows,
                       Span columns, uint64_t width) const;
  bool isDense(const Operand &operand, Span rows, Span columns) const;
  void finishTile(const Operand &target, int64_t item, Span rows, Span columns,
                  const std::byte *tile) const;
  void finishRow(const std::byte *line, const std::byte *residual,
                 int64_t count, std::byte *target) const;
  Operand partialResult(int64_t part) const;
  int64_t batchOffset(const Operand &operand, int64_t item) const;

  LibraryContext &context;
  fb::GemmT gemm;
  GemmPointers at;
  std::vector<float> wideBias; // of a 16-bit one, for the time of a call
  Operand a, b, c;
  fb::DType resultType{};                             // of C in memory
  uint64_t elementBytes = 4, resultBytes = 4;         // in memory
  uint64_t computeBytes = 4, tileBytes = 4;           // as oneDNN sees them
  dnnl::memory::data_type computeType{}, tileType{}; // of A and B; of C
  dnnl::algorithm activation = dnnl::algorithm::undef;
  Axis rows, columns, depth;
  int64_t items = 1, itemsPerGroup = 1, groups = 1;
  int64_t parts = 1, piecesPerPart = 1; // of the sum
  bool isPacked = false;                // B, in the workspace
  uint64_t aBytes = 0, bBytes = 0, cBytes = 0, libraryBytes = 0;
  // [short rows][short columns][first piece of a part][last piece of all]
  const BoundPrimitive *kernels[2][2][2][2] = {};
  CallFailures failures;
};

/// The oneDNN form of an activation; undef for none, and for what applyRelu
/// does.
dnnl::algorithm activationAlgorithm(fb::Activation activation);
/// values[i] = max(values[i], 0) for `count` f32 or bf16, where NaN stays NaN.
void applyRelu(fb::DType type, std::byte *values, int64_t count);
/// What oneDNN computes products of `type` with on this CPU: f32, or bf16 for
/// itself where there are instructions. Empty for dtypes that go elsewhere.
std::optional<dnnl::memory::data_type> libraryType(fb::DType type);

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_GEMM_H
