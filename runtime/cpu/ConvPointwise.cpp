// A convolution whose kernel has one tap, without stride or padding, is a
// matrix product over all positions of the batch: dst[p, o] = sum_c src[p, c]
// w[o, c]. The weight gradient sums over all positions, which a product does
// on few tiles only, so it is left to the direct form.

#include "runtime/cpu/ConvForms.h"
#include "runtime/cpu/Gemm.h"

#include <algorithm>

namespace dlc::rt {

namespace {
class PointwiseConv final : public ConvPlan {
public:
  explicit PointwiseConv(std::unique_ptr<GemmPlan> product)
      : product(std::move(product)) {}
  Status run(const ThreadPool &pool) override { return product->run(pool); }
  uint64_t workspaceBytes() const override { return 0; }

private:
  std::unique_ptr<GemmPlan> product;
};
} // namespace

ConvPlanResult createPointwiseConv(LibraryContext &context,
                                   const ConvShape &shape,
                                   const ConvPointers &at) {
  const fb::ConvT &conv = shape.conv;
  auto isAll = [](const std::vector<int64_t> &list, int64_t value) {
    return std::all_of(list.begin(), list.end(),
                       [=](int64_t v) { return v == value; });
  };
  bool isForward = conv.kind == fb::ConvKind::Forward;
  // A product adds its residual after the activation, a convolution before.
  bool isEpilogueSame = !at.residual || conv.activation == fb::Activation::None;
  if (conv.kind == fb::ConvKind::BackwardWeights || conv.groups != 1 ||
      shape.taps != 1 || !isAll(conv.strides, 1) ||
      !isAll(conv.pads_begin, 0) || !isAll(conv.pads_end, 0) || !isEpilogueSame)
    return std::unique_ptr<ConvPlan>();

  int64_t in = conv.in_channels, out = conv.out_channels;
  fb::GemmT gemm;
  gemm.dtype = conv.dtype;
  gemm.batch0 = gemm.batch1 = 1;
  gemm.m = conv.batch * shape.outPositions;
  gemm.n = isForward ? out : in;
  gemm.k = isForward ? in : out;
  gemm.a_strides = {0, 0, gemm.k, 1};
  if (isForward)
    gemm.b_strides = {0, 0, 1, in};
  else
    gemm.b_strides = {0, 0, in, 1};
  gemm.c_strides = {0, 0, gemm.n, 1};
  gemm.activation = conv.activation;
  GemmPointers pointers;
  pointers.a = isForward ? at.src : at.dst;
  pointers.b = at.weights;
  pointers.c = isForward ? at.dst : at.src;
  pointers.bias = at.bias;
  pointers.residual = at.residual;
  auto product = GemmPlan::create(context, gemm, pointers);
  if (!product.isOk())
    return std::move(product.status());
  return std::unique_ptr<ConvPlan>(
      new PointwiseConv(std::move(product.value())));
}

} // namespace dlc::rt
