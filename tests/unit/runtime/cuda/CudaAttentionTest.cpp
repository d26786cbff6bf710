// Attention through the backend, computed by the stand-in from the graph that
// it was given, against sums written out from the record.

#include "tests/unit/runtime/cuda/LibraryCall.h"

#include "runtime/cuda/LibraryPlan.h"

#include <functional>

using namespace dlc::rt;
using namespace dlc::rt::test;
namespace fb = dlc::fb;

namespace {

using View = std::unique_ptr<fb::AttentionViewT>;

/// Buffers by number: those of the record's tensors in this order.
enum {
  bufferQ,
  bufferK,
  bufferV,
  bufferOut,
  bufferSums,
  bufferGrad,
  bufferDq,
  bufferDk,
  bufferDv,
  bufferWork,
  bufferCount
};

struct AttentionCase {
  fb::AttentionT record;
  /// Dense, [batch, head, row, column].
  std::vector<double> q, k, v, grad;
  std::vector<double> output, sums, dq, dk, dv; // as they must be

  int64_t heads() const { return record.batch * record.heads; }
  std::string text() const {
    const fb::AttentionT &a = record;
    return concat("attention ", fb::EnumNameAttentionKind(a.kind), " ",
                  fb::EnumNameDType(a.dtype), " batch ", a.batch, ", heads ",
                  a.heads, ", rows ", a.rows, ", keys ", a.keys, ", columns ",
                  a.depth, " and ", a.width, a.is_causal ? ", causal" : "");
  }
  /// Of one row, over its keys.
  std::vector<double> scores(int64_t head, int64_t row) const {
    const fb::AttentionT &a = record;
    std::vector<double> s;
    for (int64_t j = 0; j < (a.is_causal ? std::min(row + 1, a.keys) : a.keys);
         ++j) {
      double sum = 0;
      for (int64_t c = 0; c < a.depth; ++c)
        sum += q[size_t((head * a.rows + row) * a.depth + c)] *
               k[size_t((head * a.keys + j) * a.depth + c)];
      s.push_back(sum * a.scale);
    }
    return s;
  }
  void define() {
    const fb::AttentionT &a = record;
    output.assign(size_t(heads() * a.rows * a.width), 0);
    dq.assign(q.size(), 0);
    dk.assign(k.size(), 0);
    dv.assign(v.size(), 0);
    for (int64_t head = 0; head < heads(); ++head)
      for (int64_t row = 0; row < a.rows; ++row)
        defineRow(head, row);
  }
  void defineRow(int64_t head, int64_t row) {
    const fb::AttentionT &a = record;
    std::vector<double> p = scores(head, row);
    double total = 0;
    for (double s : p)
      total += std::exp(s);
    sums.push_back(std::log(total));
    double *out = &output[size_t((head * a.rows + row) * a.width)];
    const double *g = &grad[size_t((head * a.rows + row) * a.width)];
    for (size_t j = 0; j < p.size(); ++j) {
      p[j] = std::exp(p[j]) / total;
      for (int64_t c = 0; c < a.width; ++c)
        out[c] += p[j] * v[place(head, j, a.width) + size_t(c)];
    }
    double delta = 0;
    for (int64_t c = 0; c < a.width; ++c)
      delta += g[c] * out[c];
    for (size_t j = 0; j < p.size(); ++j) {
      double dp = -delta;
      for (int64_t c = 0; c < a.width; ++c) {
        size_t at = place(head, j, a.width) + size_t(c);
        dp += g[c] * v[at];
        dv[at] += p[j] * g[c];
      }
      for (int64_t c = 0; c < a.depth; ++c) {
        size_t i = size_t((head * a.rows + row) * a.depth + c);
        size_t at = place(head, j, a.depth) + size_t(c);
        dq[i] += a.scale * p[j] * dp * k[at];
        dk[at] += a.scale * p[j] * dp * q[i];
      }
    }
  }
  size_t place(int64_t head, size_t key, int64_t columns) const {
    return size_t(head * record.keys * columns) + key * size_t(columns);
  }
};

class CudaAttentionTest : public LibraryCallTest {
protected:
  /// [batch, head, row] or [batch, row, head], in a larger tensor or alone.
  View view(const fb::AttentionT &a, int64_t rows, int64_t columns,
            uint32_t buffer) {
    auto made = std::make_unique<fb::AttentionViewT>();
    int64_t parts = pick(1, 3), line = parts * columns;
    made->buffer = buffer;
    made->offset = pick(0, parts - 1) * columns;
    bool isByRow = pick(0, 1);
    made->row_stride = isByRow ? a.heads * line : line;
    made->head_stride = isByRow ? line : rows * line;
    made->batch_stride = a.heads * rows * line;
    return made;
  }
  AttentionCase make(bool isForward) {
    AttentionCase made;
    fb::AttentionT &a = made.record;
    a.kind =
        isForward ? fb::AttentionKind::Forward : fb::AttentionKind::Backward;
    a.dtype = pick(0, 1) ? fb::DType::F16 : fb::DType::BF16;
    a.batch = pick(1, 3);
    a.heads = pick(1, 3);
    a.rows = pick(2, 9);
    a.keys = pick(2, 9);
    a.depth = 8 * pick(1, 3);
    a.width = 8 * pick(1, 3);
    a.scale = 0.5;
    a.is_causal = pick(0, 1);
    a.q = view(a, a.rows, a.depth, bufferQ);
    a.k = view(a, a.keys, a.depth, bufferK);
    a.v = view(a, a.keys, a.width, bufferV);
    a.output = view(a, a.rows, a.width, bufferOut);
    a.logsumexp = bufferSums;
    a.workspace = bufferWork;
    if (!isForward) {
      a.grad = view(a, a.rows, a.width, bufferGrad);
      a.dq = view(a, a.rows, a.depth, bufferDq);
      a.dk = view(a, a.keys, a.depth, bufferDk);
      a.dv = view(a, a.keys, a.width, bufferDv);
    }
    made.q = values(a.dtype, made.heads() * a.rows * a.depth);
    made.k = values(a.dtype, made.heads() * a.keys * a.depth);
    made.v = values(a.dtype, made.heads() * a.keys * a.width);
    made.grad = values(a.dtype, made.heads() * a.rows * a.width);
    made.define();
    return made;
  }
  /// The place of element `i` of a dense tensor.
  static size_t placeOf(const AttentionCase &made, const View &view,
                        int64_t rows, int64_t columns, size_t i) {
    auto n = static_cast<int64_t>(i);
    int64_t column = n % columns, row = n / columns % rows;
    int64_t head = n / columns / rows % made.record.heads;
    int64_t item = n / columns / rows / made.record.heads;
    return size_t(view->offset + item * view->batch_stride +
                  head * view->head_stride + row * view->row_stride + column);
  }
  static std::vector<std::byte> placed(const AttentionCase &made,
                                       const View &view, int64_t rows,
                                       int64_t columns,
                                       const std::vector<double> &dense) {
    std::vector<double> all(3 * dense.size(), 77.0);
    for (size_t i = 0; i < dense.size(); ++i)
      all[placeOf(made, view, rows, columns, i)] = dense[i];
    return encode(made.record.dtype, all);
  }
  static std::vector<double> taken(const AttentionCase &made, const View &view,
                                   int64_t rows, int64_t columns,
                                   const std::vector<std::byte> &buffer) {
    std::vector<double> all = decode(made.record.dtype, buffer), dense;
    for (size_t i = 0; i < all.size() / 3; ++i)
      dense.push_back(all[placeOf(made, view, rows, columns, i)]);
    return dense;
  }
  Buffers buffersOf(const AttentionCase &made) const {
    const fb::AttentionT &a = made.record;
    bool isForward = a.kind == fb::AttentionKind::Forward;
    std::vector<double> none(made.output.size(), -7), noSums(made.sums.size());
    Buffers buffers(bufferCount);
    buffers[bufferQ] = placed(made, a.q, a.rows, a.depth, made.q);
    buffers[bufferK] = placed(made, a.k, a.keys, a.depth, made.k);
    buffers[bufferV] = placed(made, a.v, a.keys, a.width, made.v);
    buffers[bufferOut] =
        placed(made, a.output, a.rows, a.width, isForward ? none : made.output);
    buffers[bufferSums] =
        encode(fb::DType::F32, isForward ? noSums : made.sums);
    buffers[bufferWork].resize(cuda::attentionWorkspaceBytes(a));
    if (isForward) {
      buffers.resize(bufferSums + 1);
      return buffers;
    }
    buffers[bufferGrad] = placed(made, a.grad, a.rows, a.width, made.grad);
    auto zeros = [](const std::vector<double> &like) {
      return std::vector<double>(like.size());
    };
    buffers[bufferDq] = placed(made, a.dq, a.rows, a.depth, zeros(made.dq));
    buffers[bufferDk] = placed(made, a.dk, a.keys, a.depth, zeros(made.dk));
    buffers[bufferDv] = placed(made, a.dv, a.keys, a.width, zeros(made.dv));
    return buffers;
  }
  void check(const AttentionCase &made, const Buffers &buffers) {
    const fb::AttentionT &a = made.record;
    auto expect = [&](const char *role, const View &view, int64_t rows,
                      int64_t columns, int buffer,
                      const std::vector<double> &wanted) {
      expectNear(taken(made, view, rows, columns, buffers[size_t(buffer)]),
                 wanted, a.dtype, made.text() + ", " + role);
    };
    if (a.kind == fb::AttentionKind::Forward) {
      expect("output", a.output, a.rows, a.width, bufferOut, made.output);
      expectNear(decode(fb::DType::F32, buffers[bufferSums]), made.sums,
                 fb::DType::F32, made.text() + ", logsumexp");
      return;
    }
    expect("dq", a.dq, a.rows, a.depth, bufferDq, made.dq);
    expect("dk", a.dk, a.keys, a.depth, bufferDk, made.dk);
    expect("dv", a.dv, a.keys, a.width, bufferDv, made.dv);
  }
};

TEST_F(CudaAttentionTest, RandomRecords_MatchTheirDefinition) {
  for (int i = 0; i < cases / 4; ++i) {
    AttentionCase made = make(i % 2);
    fb::AttentionT &a = made.record;
    if (a.kind == fb::AttentionKind::Forward || pick(0, 3) == 0)
      a.workspace = -1; // the stream's
    ASSERT_EQ(cuda::attentionObstacle(a), "") << made.text();
    Buffers buffers = buffersOf(made);
    Status status = run(of(a), buffers);
#ifdef DLC_REAL_GPU
    if (status.id() == "DLC6214")
      GTEST_SKIP() << status.toString();
#endif
    ASSERT_TRUE(status.isOk()) << made.text() << ": " << status.toString();
    check(made, buffers);
    ASSERT_EQ(misuse(), "") << made.text();
    if (HasFailure())
      return;
  }
}

TEST_F(CudaAttentionTest, RepeatedGradient_GivesTheSameBits) {
  AttentionCase made = make(false);
  Buffers first = buffersOf(made), second = first;
  Status status = run(of(made.record), first);
#ifdef DLC_REAL_GPU
  if (status.id() == "DLC6214")
    GTEST_SKIP() << status.toString();
#endif
  ASSERT_TRUE(status.isOk()) << status.toString();
  ASSERT_TRUE(run(of(made.record), second).isOk());
  for (int buffer : {bufferDq, bufferDk, bufferDv})
    EXPECT_EQ(first[size_t(buffer)], second[size_t(buffer)]);
}

TEST_F(CudaAttentionTest, WhatCudnnDoesNotTake_SaysWhy) {
  AttentionCase made = make(true);
  auto obstacle = [&](const std::function<void(fb::AttentionT &)> &change) {
    fb::AttentionT other = made.record;
    change(other);
    return cuda::attentionObstacle(other);
  };
  EXPECT_EQ(obstacle([](fb::AttentionT &a) { a.dtype = fb::DType::F32; }),
            "element type must be f16 or bf16, but got f32");
  EXPECT_EQ(obstacle([](fb::AttentionT &a) { a.mask = 0; }),
            "keys must be hidden by causality alone, but got a mask");
  EXPECT_EQ(obstacle([](fb::AttentionT &a) { a.depth = 136; }),
            "columns of a head must be a multiple of 8 of at most 128, but got "
            "136");
  EXPECT_EQ(obstacle([](fb::AttentionT &a) { a.width = 20; }),
            "columns of a head must be a multiple of 8 of at most 128, but got "
            "20");
  EXPECT_EQ(obstacle([](fb::AttentionT &a) { a.rows = 1, a.keys = 5; }),
            "there must be at least 2 rows and 2 keys, but got 1 and 5");
  EXPECT_NE(obstacle([](fb::AttentionT &a) { a.q->offset = 4; }), "");
  EXPECT_NE(obstacle([](fb::AttentionT &a) { a.v->row_stride = 0; }), "");
  EXPECT_NE(obstacle([](fb::AttentionT &a) {
              a.kind = fb::AttentionKind::Backward;
              a.batch = 64, a.heads = 16, a.rows = a.keys = 8192;
            }),
            "");
  made.record.mask = 0;
  Buffers buffers = buffersOf(made);
  made.record.workspace = -1;
  EXPECT_EQ(run(of(made.record), buffers).id(), "DLC6216");
}

TEST_F(CudaAttentionTest, Workspace_HoldsWhatTheGradientNeeds) {
  AttentionCase made = make(false);
  fb::AttentionT &a = made.record;
  a.batch = 2, a.heads = 3, a.rows = 100, a.keys = 200;
  // One f32 per row, and in cuDNN's part rows and keys in blocks of 128.
  EXPECT_EQ(cuda::attentionRoomOf(a).rowBytes, 2560u);
  EXPECT_EQ(cuda::attentionRoomOf(a).libraryBytes,
            uint64_t(6 * 128 * 256 * 2 + 4096));
  a.kind = fb::AttentionKind::Forward;
  EXPECT_EQ(cuda::attentionWorkspaceBytes(a), 4096u);
}

#ifndef DLC_REAL_GPU
TEST_F(CudaAttentionTest, AnOlderLibrary_IsRefused) {
  fake.dnnVersion = 91002;
  AttentionCase made = make(true);
  made.record.workspace = -1;
  Buffers buffers = buffersOf(made);
  Status status = run(of(made.record), buffers);
  EXPECT_EQ(status.id(), "DLC6214") << status.toString();
}

TEST_F(CudaAttentionTest, FailingCalls_LeaveNothingBehind) {
  AttentionCase made = make(true);
  made.record.workspace = -1;
  Buffers buffers = buffersOf(made);
  ASSERT_TRUE(run(of(made.record), buffers).isOk());
  device.reset();
  int total = fake.calls;
  EXPECT_GT(total, 300);
  for (int failing = 1; failing <= total; failing += 2) {
    fake.calls = 0;
    fake.failingCall = failing;
    fake.failed.clear();
    Buffers copy = buffersOf(made);
    // Of kernels that are advised, another may do; so either is right.
    if (Status status = run(of(made.record), copy); status.isOk())
      check(made, copy);
    device.reset();
    expectClean("after " + fake.failed + " failed");
  }
  fake.failingCall = 0;
}
#endif

} // namespace
