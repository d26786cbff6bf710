#include "runtime/cpu/Attention.h"

#include "runtime/core/CheckedMath.h"
#include "runtime/cpu/AttentionBlocks.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dlc::rt {

namespace {

/// A block of scores is 64 KiB in f32: with its operands it stays in L2.
constexpr int64_t rowBlock = 64, keyBlock = 256;

/// Rows or keys [first, first + size).
struct Span {
  int64_t first, size;
  int64_t last() const { return first + size - 1; }
};

Span spanOf(int64_t extent, int64_t step, int64_t i) {
  return {i * step, std::min(step, extent - i * step)};
}

template <typename T> class BlockedAttention final : public AttentionPlan {
public:
  BlockedAttention(LibraryContext &context, const fb::AttentionT &record,
                   const AttentionPointers &at);
  Status prepare();
  Status run(const ThreadPool &pool) override;

private:
  /// A worker's scratch, in parts.
  struct Scratch {
    T *q, *k, *v, *grad, *scores, *dp, *first, *second, *most, *sum;
    std::byte *library;
  };
  struct Head {
    int64_t batch, head, index;
  };
  Scratch scratchOf(int worker) const;
  int64_t scratchElements() const;
  Head headOf(int64_t item, int64_t blocks) const;
  bool isVisible(Span rows, Span keys) const {
    return !record.is_causal || keys.first <= rows.last();
  }
  int64_t rowBlocks() const { return ceilDiv(record.rows, rowBlock); }
  int64_t keyBlocks() const { return ceilDiv(record.keys, keyBlock); }

  void multiply(int worker, const Scratch &s, BlockProduct product, const T *a,
                const T *b, T *c);
  void scoresOf(int worker, const Scratch &s, Head at, Span rows, Span keys);
  void hideRow(T *scores, Head at, int64_t row, Span keys) const;
  void addBlock(const Scratch &s, Span rows, Span keys) const;
  void forwardBlock(int worker, int64_t item);
  void finishRows(const Scratch &s, Head at, Span rows) const;
  void deltaBlock(int worker, int64_t item);
  void scoreGradients(int worker, const Scratch &s, Head at, Span rows,
                      Span keys);
  void keyGradients(int worker, int64_t item);
  void queryGradients(int worker, int64_t item);
  template <typename Body>
  void forItems(const ThreadPool &pool, int64_t blocks, Body body);

  LibraryContext &context;
  fb::AttentionT record;
  AttentionPointers at;
  BlockTensor q, k, v, output, grad, dq, dk, dv;
  T *logsumexp, *delta;
  T scale;
  BlockProducts<T> products;
  CallFailures failures;
};

template <typename T> constexpr T infinity = std::numeric_limits<T>::infinity();

} // namespace

template <typename T>
BlockedAttention<T>::BlockedAttention(LibraryContext &context,
                                      const fb::AttentionT &source,
                                      const AttentionPointers &pointers)
    : context(context), record(source), at(pointers), products(context) {
  fb::DType type = record.dtype;
  int64_t depth = record.depth, width = record.width;
  q = {record.q.get(), at.q, type, depth};
  k = {record.k.get(), at.k, type, depth};
  v = {record.v.get(), at.v, type, width};
  output = {record.output.get(), at.output, type, width};
  grad = {record.grad.get(), at.grad, type, width};
  dq = {record.dq.get(), at.dq, type, depth};
  dk = {record.dk.get(), at.dk, type, depth};
  dv = {record.dv.get(), at.dv, type, width};
  logsumexp = reinterpret_cast<T *>(at.logsumexp);
  delta = reinterpret_cast<T *>(at.workspace);
  scale = static_cast<T>(record.scale);
}

//===----------------------------------------------------------------------===//
// Products and scratch
//===----------------------------------------------------------------------===//

template <typename T> int64_t BlockedAttention<T>::scratchElements() const {
  int64_t depth = record.depth, width = record.width;
  return rowBlock * (2 * depth + 2 * width + 2) +
         keyBlock * (2 * depth + 2 * width) + 2 * rowBlock * keyBlock;
}

template <typename T>
typename BlockedAttention<T>::Scratch
BlockedAttention<T>::scratchOf(int worker) const {
  std::byte *start = context.scratch(worker);
  T *next = reinterpret_cast<T *>(start + products.scratchBytes());
  auto take = [&](int64_t count) { return std::exchange(next, next + count); };
  Scratch s;
  s.library = start;
  s.q = take(rowBlock * record.depth);
  s.grad = take(rowBlock * record.width);
  s.k = take(keyBlock * record.depth);
  s.v = take(keyBlock * record.width);
  s.scores = take(rowBlock * keyBlock);
  s.dp = take(rowBlock * keyBlock);
  // Sums: of rows forward (the output) and for dq, of keys for dk and dv.
  s.first = take(std::max(rowBlock, keyBlock) * record.depth +
                 rowBlock * record.width);
  s.second = take(keyBlock * record.width);
  s.most = take(rowBlock);
  s.sum = take(rowBlock);
  return s;
}

/// Every product of every kind of block, whole or short.
template <typename T> Status BlockedAttention<T>::prepare() {
  int64_t depth = record.depth, width = record.width;
  auto sizes = [](int64_t extent, int64_t step) {
    return std::array{std::min(extent, step), extent % step};
  };
  for (int64_t rows : sizes(record.rows, rowBlock))
    for (int64_t keys : sizes(record.keys, keyBlock)) {
      const BlockProduct all[] = {
          {rows, keys, depth, false, true, false},  // scores
          {rows, width, keys, false, false, true},  // output
          {rows, keys, width, false, true, false},  // dp
          {keys, width, rows, true, false, true},   // dv
          {keys, depth, rows, true, false, true},   // dk
          {rows, depth, keys, false, false, true}}; // dq
      bool isForward = record.kind == fb::AttentionKind::Forward;
      for (size_t i = 0; i < std::size(all); ++i)
        if (i == 0 || (i == 1) == isForward)
          DLC_RETURN_IF_ERROR(products.prepare(all[i]));
    }
  context.reserveScratch(products.scratchBytes() +
                         static_cast<uint64_t>(scratchElements()) * sizeof(T));
  return Status::ok();
}

template <typename T>
void BlockedAttention<T>::multiply(int worker, const Scratch &s,
                                   BlockProduct product, const T *a, const T *b,
                                   T *c) {
  failures.note(products.run(worker, product, a, b, c, s.library));
}

/// Items count blocks within heads within batches.
template <typename T>
typename BlockedAttention<T>::Head
BlockedAttention<T>::headOf(int64_t item, int64_t blocks) const {
  int64_t index = item / blocks;
  return {index / record.heads, index % record.heads, index};
}

template <typename T>
template <typename Body>
void BlockedAttention<T>::forItems(const ThreadPool &pool, int64_t blocks,
                                   Body body) {
  pool.parallelFor(record.batch * record.heads * blocks,
                   [&](int worker, int64_t first, int64_t end) {
                     for (int64_t item = first; item < end; ++item)
                       body(worker, item);
                   });
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// What the mask and causality do to a row.
template <typename T>
void BlockedAttention<T>::hideRow(T *scores, Head head, int64_t row,
                                  Span keys) const {
  if (record.mask >= 0) {
    const std::vector<int64_t> &strides = record.mask_strides;
    int64_t start = record.mask_offset + head.batch * strides[0] +
                    head.head * strides[1] + row * strides[2];
    bool isBool = record.mask_dtype == fb::DType::I1;
    auto *seen = reinterpret_cast<const uint8_t *>(at.mask);
    auto *numbers = reinterpret_cast<const T *>(at.mask);
    for (int64_t j = 0; j < keys.size; ++j) {
      int64_t i = start + (keys.first + j) * strides[3];
      scores[j] = !isBool   ? scores[j] + numbers[i]
                  : seen[i] ? scores[j]
                            : -infinity<T>;
    }
  }
  if (record.is_causal)
    for (int64_t j = std::max<int64_t>(row + 1 - keys.first, 0); j < keys.size;
         ++j)
      scores[j] = -infinity<T>;
}

/// s.scores, from s.q and s.k.
template <typename T>
void BlockedAttention<T>::scoresOf(int worker, const Scratch &s, Head head,
                                   Span rows, Span keys) {
  multiply(worker, s,
           {rows.size, keys.size, record.depth, false, true, false}, s.q, s.k,
           s.scores);
  for (int64_t i = 0; i < rows.size; ++i) {
    T *line = s.scores + i * keys.size;
    for (int64_t j = 0; j < keys.size; ++j)
      line[j] *= scale;
    hideRow(line, head, rows.first + i, keys);
  }
}

//===----------------------------------------------------------------------===//
// Forward
//===----------------------------------------------------------------------===//

/// Scores to exponentials under the rows' new maxima; what was summed before is
/// brought to these.
template <typename T>
void BlockedAttention<T>::addBlock(const Scratch &s, Span rows,
                                   Span keys) const {
  for (int64_t i = 0; i < rows.size; ++i) {
    T *line = s.scores + i * keys.size;
    T most = s.most[i];
    for (int64_t j = 0; j < keys.size; ++j)
      most = line[j] > most || line[j] != line[j] ? line[j] : most;
    if (most == -infinity<T>) {
      std::fill_n(line, keys.size, T(0));
      continue;
    }
    exponentials(line, keys.size, most);
    T before = s.most[i] == -infinity<T> ? T(0) : std::exp(s.most[i] - most);
    T sum = 0;
    for (int64_t j = 0; j < keys.size; ++j)
      sum += line[j];
    s.sum[i] = s.sum[i] * before + sum;
    s.most[i] = most;
    if (before != 1)
      for (int64_t c = 0; c < record.width; ++c)
        s.first[i * record.width + c] *= before;
  }
}

template <typename T>
void BlockedAttention<T>::finishRows(const Scratch &s, Head head,
                                     Span rows) const {
  for (int64_t i = 0; i < rows.size; ++i) {
    T inverse = s.sum[i] == 0 ? T(0) : 1 / s.sum[i];
    for (int64_t c = 0; c < record.width; ++c)
      s.first[i * record.width + c] *= inverse;
    logsumexp[head.index * record.rows + rows.first + i] =
        s.sum[i] == 0 ? -infinity<T> : s.most[i] + std::log(s.sum[i]);
  }
  output.store(head.batch, head.head, rows.first, rows.size, s.first);
}

template <typename T>
void BlockedAttention<T>::forwardBlock(int worker, int64_t item) {
  Scratch s = scratchOf(worker);
  Head head = headOf(item, rowBlocks());
  Span rows = spanOf(record.rows, rowBlock, item % rowBlocks());
  q.load(head.batch, head.head, rows.first, rows.size, s.q);
  std::fill_n(s.first, rows.size * record.width, T(0));
  std::fill_n(s.most, rows.size, -infinity<T>);
  std::fill_n(s.sum, rows.size, T(0));
  for (int64_t block = 0; block < keyBlocks(); ++block) {
    Span keys = spanOf(record.keys, keyBlock, block);
    if (!isVisible(rows, keys))
      break;
    k.load(head.batch, head.head, keys.first, keys.size, s.k);
    v.load(head.batch, head.head, keys.first, keys.size, s.v);
    scoresOf(worker, s, head, rows, keys);
    addBlock(s, rows, keys);
    multiply(worker, s,
             {rows.size, record.width, keys.size, false, false, true},
             s.scores, s.v, s.first);
  }
  finishRows(s, head, rows);
}

//===----------------------------------------------------------------------===//
// Backward
//===----------------------------------------------------------------------===//

/// delta = sum over width of grad * output.
template <typename T>
void BlockedAttention<T>::deltaBlock(int worker, int64_t item) {
  Scratch s = scratchOf(worker);
  Head head = headOf(item, rowBlocks());
  Span rows = spanOf(record.rows, rowBlock, item % rowBlocks());
  grad.load(head.batch, head.head, rows.first, rows.size, s.grad);
  output.load(head.batch, head.head, rows.first, rows.size, s.first);
  for (int64_t i = 0; i < rows.size; ++i) {
    T sum = 0;
    for (int64_t c = i * record.width; c < (i + 1) * record.width; ++c)
      sum += s.grad[c] * s.first[c];
    delta[head.index * record.rows + rows.first + i] = sum;
  }
}

/// s.scores become probabilities, s.dp the scores' gradients.
template <typename T>
void BlockedAttention<T>::scoreGradients(int worker, const Scratch &s,
                                         Head head, Span rows, Span keys) {
  scoresOf(worker, s, head, rows, keys);
  multiply(worker, s,
           {rows.size, keys.size, record.width, false, true, false}, s.grad,
           s.v, s.dp);
  int64_t first = head.index * record.rows + rows.first;
  for (int64_t i = 0; i < rows.size; ++i) {
    T *p = s.scores + i * keys.size, *dp = s.dp + i * keys.size;
    if (logsumexp[first + i] == -infinity<T>)
      std::fill_n(p, keys.size, T(0));
    else
      exponentials(p, keys.size, logsumexp[first + i]);
    T center = delta[first + i];
    for (int64_t j = 0; j < keys.size; ++j)
      dp[j] = p[j] * (dp[j] - center) * scale;
  }
}

template <typename T>
void BlockedAttention<T>::keyGradients(int worker, int64_t item) {
  Scratch s = scratchOf(worker);
  Head head = headOf(item, keyBlocks());
  Span keys = spanOf(record.keys, keyBlock, item % keyBlocks());
  k.load(head.batch, head.head, keys.first, keys.size, s.k);
  v.load(head.batch, head.head, keys.first, keys.size, s.v);
  std::fill_n(s.first, keys.size * record.depth, T(0));
  std::fill_n(s.second, keys.size * record.width, T(0));
  for (int64_t block = 0; block < rowBlocks(); ++block) {
    Span rows = spanOf(record.rows, rowBlock, block);
    if (!isVisible(rows, keys))
      continue;
    q.load(head.batch, head.head, rows.first, rows.size, s.q);
    grad.load(head.batch, head.head, rows.first, rows.size, s.grad);
    scoreGradients(worker, s, head, rows, keys);
    multiply(worker, s,
             {keys.size, record.width, rows.size, true, false, true}, s.scores,
             s.grad, s.second);
    multiply(worker, s,
             {keys.size, record.depth, rows.size, true, false, true}, s.dp,
             s.q, s.first);
  }
  dk.store(head.batch, head.head, keys.first, keys.size, s.first);
  dv.store(head.batch, head.head, keys.first, keys.size, s.second);
}

template <typename T>
void BlockedAttention<T>::queryGradients(int worker, int64_t item) {
  Scratch s = scratchOf(worker);
  Head head = headOf(item, rowBlocks());
  Span rows = spanOf(record.rows, rowBlock, item % rowBlocks());
  q.load(head.batch, head.head, rows.first, rows.size, s.q);
  grad.load(head.batch, head.head, rows.first, rows.size, s.grad);
  std::fill_n(s.first, rows.size * record.depth, T(0));
  for (int64_t block = 0; block < keyBlocks(); ++block) {
    Span keys = spanOf(record.keys, keyBlock, block);
    if (!isVisible(rows, keys))
      break;
    k.load(head.batch, head.head, keys.first, keys.size, s.k);
    v.load(head.batch, head.head, keys.first, keys.size, s.v);
    scoreGradients(worker, s, head, rows, keys);
    multiply(worker, s,
             {rows.size, record.depth, keys.size, false, false, true}, s.dp,
             s.k, s.first);
  }
  dq.store(head.batch, head.head, rows.first, rows.size, s.first);
}

template <typename T>
Status BlockedAttention<T>::run(const ThreadPool &pool) {
  if (record.kind == fb::AttentionKind::Forward) {
    forItems(pool, rowBlocks(), [this](int worker, int64_t item) {
      forwardBlock(worker, item);
    });
    return failures.take("attention");
  }
  forItems(pool, rowBlocks(), [this](int worker, int64_t item) {
    deltaBlock(worker, item);
  });
  forItems(pool, keyBlocks(), [this](int worker, int64_t item) {
    keyGradients(worker, item);
  });
  forItems(pool, rowBlocks(), [this](int worker, int64_t item) {
    queryGradients(worker, item);
  });
  return failures.take("attention gradient");
}

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

uint64_t attentionWorkspaceBytes(const fb::AttentionT &attention) {
  if (attention.kind == fb::AttentionKind::Forward)
    return 0;
  uint64_t bytes = attention.dtype == fb::DType::F64 ? 8 : 4;
  return static_cast<uint64_t>(attention.batch) *
         static_cast<uint64_t>(attention.heads) *
         static_cast<uint64_t>(attention.rows) * bytes;
}

template <typename T>
static Result<std::unique_ptr<AttentionPlan>>
createPlan(LibraryContext &context, const fb::AttentionT &attention,
           const AttentionPointers &at) {
  auto plan = std::make_unique<BlockedAttention<T>>(context, attention, at);
  DLC_RETURN_IF_ERROR(plan->prepare());
  return std::unique_ptr<AttentionPlan>(std::move(plan));
}

Result<std::unique_ptr<AttentionPlan>>
AttentionPlan::create(LibraryContext &context, const fb::AttentionT &attention,
                      const AttentionPointers &at) {
  return attention.dtype == fb::DType::F64
             ? createPlan<double>(context, attention, at)
             : createPlan<float>(context, attention, at);
}

} // namespace dlc::rt
