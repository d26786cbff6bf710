// Attention and its gradients against sums written out in double: whole blocks,
// short ones, one row, one key; packed operands; masks; every dtype. And their
// bits against themselves on 1, 2 and 3 threads.

#include "runtime/cpu/Attention.h"
#include "runtime/core/DType.h"
#include "runtime/cpu/Convert.h"
#include "tests/unit/runtime/TestUtil.h"

#include <cmath>
#include <limits>
#include <random>

using namespace dlc::rt;
namespace fb = dlc::fb;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

enum class Mask { None, Booleans, Numbers };

struct Case {
  std::string name;
  int64_t batch, heads, rows, keys, depth, width;
  bool isCausal = false;
  Mask mask = Mask::None;
  fb::DType dtype = fb::DType::F32;
};

void PrintTo(const Case &c, std::ostream *out) { *out << c.name; }

/// Numbers of a dtype in memory, read and written as doubles.
class Numbers {
public:
  Numbers(fb::DType dtype, int64_t count, int seed = 0)
      : dtype(dtype), count(count),
        storage(static_cast<size_t>(count) *
                dtypeBytes(static_cast<DType>(dtype))) {
    if (!seed)
      return;
    std::mt19937_64 random(static_cast<uint64_t>(seed));
    std::uniform_real_distribution<double> numbers(-1, 1);
    for (int64_t i = 0; i < count; ++i)
      set(i, numbers(random));
  }
  double get(int64_t i) const {
    if (dtype == fb::DType::F64)
      return reinterpret_cast<const double *>(storage.data())[i];
    float value;
    widenRow(dtype, at(i), 1, &value);
    return value;
  }
  void set(int64_t i, double number) {
    if (dtype == fb::DType::F64) {
      reinterpret_cast<double *>(storage.data())[i] = number;
      return;
    }
    float value = static_cast<float>(number);
    narrowRow(dtype, &value, 1, const_cast<std::byte *>(at(i)));
  }
  std::byte *bytes() { return storage.data(); }
  int64_t size() const { return count; }
  bool operator==(const Numbers &other) const {
    return storage == other.storage;
  }

private:
  const std::byte *at(int64_t i) const {
    return storage.data() +
           static_cast<size_t>(i) * dtypeBytes(static_cast<DType>(dtype));
  }
  fb::DType dtype;
  int64_t count;
  std::vector<std::byte> storage;
};

/// Queries, keys and values as a model packs them, [batch, time, heads, size],
/// with numbers between the heads that nobody may touch.
struct Layout {
  int64_t heads, time, size, gap = 3;
  int64_t row() const { return heads * (size + gap); }
  int64_t at(int64_t b, int64_t h, int64_t t, int64_t c) const {
    return (b * time + t) * row() + h * (size + gap) + c + gap;
  }
  int64_t elements(int64_t batch) const { return batch * time * row() + gap; }
  std::unique_ptr<fb::AttentionViewT> view() const {
    auto view = std::make_unique<fb::AttentionViewT>();
    view->offset = gap;
    view->batch_stride = time * row();
    view->head_stride = size + gap;
    view->row_stride = row();
    return view;
  }
};

struct Problem {
  Case c;
  Layout query, key, value, result;
  Numbers q, k, v, grad, mask, output, logsumexp, dq, dk, dv;

  explicit Problem(const Case &c)
      : c(c), query{c.heads, c.rows, c.depth}, key{c.heads, c.keys, c.depth},
        value{c.heads, c.keys, c.width}, result{c.heads, c.rows, c.width},
        q(c.dtype, query.elements(c.batch), 1),
        k(c.dtype, key.elements(c.batch), 2),
        v(c.dtype, value.elements(c.batch), 3),
        grad(c.dtype, result.elements(c.batch), 4),
        mask(number(), c.heads * c.rows * c.keys, 5),
        output(c.dtype, result.elements(c.batch)),
        logsumexp(number(), c.batch * c.heads * c.rows),
        dq(c.dtype, q.size()), dk(c.dtype, k.size()), dv(c.dtype, v.size()) {}

  fb::DType number() const {
    return c.dtype == fb::DType::F64 ? fb::DType::F64 : fb::DType::F32;
  }
  static constexpr double scale = 0.7;
  /// Row 1 sees nothing, others two of three keys.
  bool isSeen(int64_t h, int64_t i, int64_t j) const {
    return i != 1 && (h + i + j) % 3 != 0;
  }
  std::vector<uint8_t> booleans() const {
    std::vector<uint8_t> all;
    for (int64_t h = 0; h < c.heads; ++h)
      for (int64_t i = 0; i < c.rows; ++i)
        for (int64_t j = 0; j < c.keys; ++j)
          all.push_back(isSeen(h, i, j));
    return all;
  }
  double score(int64_t b, int64_t h, int64_t i, int64_t j) const {
    if ((c.isCausal && j > i) || (c.mask == Mask::Booleans && !isSeen(h, i, j)))
      return -infinity;
    double sum = 0;
    for (int64_t d = 0; d < c.depth; ++d)
      sum += q.get(query.at(b, h, i, d)) * k.get(key.at(b, h, j, d));
    return sum * scale + (c.mask == Mask::Numbers
                              ? mask.get((h * c.rows + i) * c.keys + j)
                              : 0);
  }

  fb::AttentionT record(fb::AttentionKind kind) const {
    fb::AttentionT r;
    r.kind = kind;
    r.dtype = c.dtype;
    r.batch = c.batch;
    r.heads = c.heads;
    r.rows = c.rows;
    r.keys = c.keys;
    r.depth = c.depth;
    r.width = c.width;
    r.scale = scale;
    r.is_causal = c.isCausal;
    r.q = query.view();
    r.k = key.view();
    r.v = value.view();
    r.output = result.view();
    if (c.mask != Mask::None) {
      r.mask = 0;
      r.mask_dtype = c.mask == Mask::Booleans ? fb::DType::I1 : number();
      r.mask_strides = {0, c.rows * c.keys, c.keys, 1};
    }
    if (kind == fb::AttentionKind::Backward) {
      r.grad = result.view();
      r.dq = query.view();
      r.dk = key.view();
      r.dv = value.view();
    }
    return r;
  }
  void run(int threads) {
    std::vector<uint8_t> seen = booleans();
    for (fb::AttentionKind kind :
         {fb::AttentionKind::Forward, fb::AttentionKind::Backward}) {
      fb::AttentionT r = record(kind);
      std::vector<double> workspace(attentionWorkspaceBytes(r) / 8 + 1);
      LibraryContext context(threads);
      AttentionPointers at{q.bytes(), k.bytes(), v.bytes(), output.bytes(),
                           logsumexp.bytes(), mask.bytes(), grad.bytes(),
                           dq.bytes(), dk.bytes(), dv.bytes(),
                           reinterpret_cast<std::byte *>(workspace.data())};
      if (c.mask == Mask::Booleans)
        at.mask = reinterpret_cast<const std::byte *>(seen.data());
      auto plan = AttentionPlan::create(context, r, at);
      ASSERT_TRUE(plan.isOk()) << plan.status().toString();
      ASSERT_TRUE(context.allocate().isOk());
      ThreadPool pool(threads);
      ASSERT_TRUE(plan.value()->run(pool).isOk());
    }
  }
};

/// The same in double, [batch, heads, rows or keys, columns].
struct Expected {
  std::vector<double> output, logsumexp, dq, dk, dv;
};

Expected expected(const Problem &x) {
  const Case &c = x.c;
  int64_t heads = c.batch * c.heads;
  Expected e;
  e.output.resize(heads * c.rows * c.width);
  e.logsumexp.resize(heads * c.rows);
  e.dq.resize(heads * c.rows * c.depth);
  e.dk.resize(heads * c.keys * c.depth);
  e.dv.resize(heads * c.keys * c.width);
  for (int64_t n = 0; n < heads * c.rows; ++n) {
    int64_t head = n / c.rows, i = n % c.rows;
    int64_t b = head / c.heads, h = head % c.heads;
    std::vector<double> p(c.keys);
    double most = -infinity, sum = 0, delta = 0;
    for (int64_t j = 0; j < c.keys; ++j)
      most = std::max(most, p[j] = x.score(b, h, i, j));
    for (double &score : p)
      sum += score = most == -infinity ? 0 : std::exp(score - most);
    e.logsumexp[n] = most + std::log(sum);
    for (double &number : p)
      number = sum == 0 ? 0 : number / sum;
    for (int64_t w = 0; w < c.width; ++w) {
      double &out = e.output[n * c.width + w];
      for (int64_t j = 0; j < c.keys; ++j)
        out += p[j] * x.v.get(x.value.at(b, h, j, w));
      delta += out * x.grad.get(x.result.at(b, h, i, w));
    }
    for (int64_t j = 0; j < c.keys; ++j) {
      double dp = 0;
      for (int64_t w = 0; w < c.width; ++w) {
        double g = x.grad.get(x.result.at(b, h, i, w));
        dp += g * x.v.get(x.value.at(b, h, j, w));
        e.dv[(head * c.keys + j) * c.width + w] += p[j] * g;
      }
      double ds = p[j] * (dp - delta) * Problem::scale;
      for (int64_t d = 0; d < c.depth; ++d) {
        e.dq[n * c.depth + d] += ds * x.k.get(x.key.at(b, h, j, d));
        e.dk[(head * c.keys + j) * c.depth + d] +=
            ds * x.q.get(x.query.at(b, h, i, d));
      }
    }
  }
  return e;
}

/// Of the largest element, of 1 at least: gradients of one key are zero, but
/// for rounding. 16-bit results are rounded, and so is the output
/// that the gradients start from.
double toleranceOf(fb::DType dtype) {
  switch (dtype) {
  case fb::DType::F64:
    return 1e-13;
  case fb::DType::F32:
    return 3e-6;
  case fb::DType::F16:
    return 2e-3;
  default:
    return 2e-2;
  }
}

void expectNear(const Numbers &got, const Layout &layout, int64_t batch,
                const std::vector<double> &want, double tolerance,
                const char *what) {
  double largest = 1;
  for (double number : want)
    largest = std::max(largest, std::fabs(number));
  int64_t n = 0, wrong = 0;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < layout.heads; ++h)
      for (int64_t t = 0; t < layout.time; ++t)
        for (int64_t c = 0; c < layout.size; ++c, ++n)
          wrong += !(std::fabs(got.get(layout.at(b, h, t, c)) - want[n]) <=
                     tolerance * largest);
  EXPECT_EQ(wrong, 0) << what << " of " << n;
  // What lies between the heads stays zero.
  for (int64_t i = 0; i < layout.gap; ++i)
    EXPECT_EQ(got.get(i), 0) << what;
}

class AttentionTest : public testing::TestWithParam<Case> {};

TEST_P(AttentionTest, BothKinds_EqualSumsInDouble) {
  Problem x(GetParam());
  x.run(2);
  Expected e = expected(x);
  double tolerance = toleranceOf(x.c.dtype);
  expectNear(x.output, x.result, x.c.batch, e.output, tolerance, "output");
  for (size_t i = 0; i < e.logsumexp.size(); ++i)
    if (e.logsumexp[i] == -infinity)
      EXPECT_EQ(x.logsumexp.get(i), -infinity);
    else
      EXPECT_NEAR(x.logsumexp.get(i), e.logsumexp[i],
                  std::min(tolerance, 1e-5) * 10);
  expectNear(x.dq, x.query, x.c.batch, e.dq, tolerance, "dq");
  expectNear(x.dk, x.key, x.c.batch, e.dk, tolerance, "dk");
  expectNear(x.dv, x.value, x.c.batch, e.dv, tolerance, "dv");
}

TEST_P(AttentionTest, AnyNumberOfThreads_SameBits) {
  Problem one(GetParam());
  one.run(1);
  for (int threads : {2, 3}) {
    Problem more(GetParam());
    more.run(threads);
    EXPECT_TRUE(more.output == one.output);
    EXPECT_TRUE(more.logsumexp == one.logsumexp);
    EXPECT_TRUE(more.dq == one.dq);
    EXPECT_TRUE(more.dk == one.dk);
    EXPECT_TRUE(more.dv == one.dv);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, AttentionTest,
    testing::Values(
        Case{"one", 1, 1, 1, 1, 1, 1}, Case{"small", 2, 3, 5, 7, 4, 6},
        Case{"oneRow", 2, 2, 1, 300, 8, 8}, Case{"oneKey", 1, 2, 70, 1, 8, 8},
        Case{"wholeBlocks", 1, 1, 128, 512, 16, 16},
        Case{"shortBlocks", 1, 2, 129, 300, 16, 24},
        Case{"causal", 1, 2, 300, 300, 16, 16, true},
        Case{"causalMoreRows", 1, 1, 130, 40, 8, 8, true},
        Case{"causalMoreKeys", 1, 1, 40, 300, 8, 8, true},
        Case{"booleans", 2, 2, 70, 260, 8, 8, false, Mask::Booleans},
        Case{"numbers", 2, 2, 70, 260, 8, 8, false, Mask::Numbers},
        Case{"causalNumbers", 1, 2, 66, 66, 8, 8, true, Mask::Numbers},
        Case{"f64", 1, 2, 70, 260, 8, 12, true, Mask::None, fb::DType::F64},
        Case{"f64Booleans", 1, 2, 9, 11, 3, 2, false, Mask::Booleans,
             fb::DType::F64},
        Case{"f16", 1, 2, 70, 260, 8, 8, true, Mask::None, fb::DType::F16},
        Case{"bf16", 1, 2, 70, 260, 8, 8, false, Mask::Numbers,
             fb::DType::BF16}),
    [](const auto &info) { return info.param.name; });

TEST(AttentionTest, NanInAQuery_IsInItsRowAlone) {
  Problem x({"nan", 1, 1, 4, 6, 3, 3});
  x.q.set(x.query.at(0, 0, 2, 1), std::nan(""));
  x.run(1);
  for (int64_t row = 0; row < 4; ++row)
    EXPECT_EQ(std::isnan(x.output.get(x.result.at(0, 0, row, 0))), row == 2);
}

} // namespace
