// oneDNN's own convolutions, one single-threaded call per chunk of the batch.
//
// How many chunks there are follows from the shape. Weights go to the layout
// that the primitive prefers, in the workspace. A weight gradient is computed
// as one partial sum per chunk, in f32, in that layout; the partial sums are
// added in ascending order and brought back to ONNX order.

#include "runtime/core/CheckedMath.h"
#include "runtime/cpu/ConvForms.h"
#include "runtime/cpu/Gemm.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <type_traits>

namespace dlc::rt {

namespace {

using Desc = dnnl::memory::desc;
using Dims = dnnl::memory::dims;
using Tag = dnnl::memory::format_tag;
constexpr auto directAlgorithm = dnnl::algorithm::convolution_direct;

constexpr double chunkFlops = 2e6;
constexpr int64_t maxChunks = 16;

class DirectConv final : public ConvPlan {
public:
  DirectConv(LibraryContext &context, const ConvShape &shape,
             const ConvPointers &at)
      : context(context), shape(shape), conv(this->shape.conv), at(at) {}
  Status prepare();
  Status run(const ThreadPool &pool) override;
  uint64_t workspaceBytes() const override { return workspace; }

private:
  /// The primitive for a chunk of `batch` items, with its weight layout.
  struct Kernel {
    const BoundPrimitive *primitive = nullptr;
    Desc weights;
  };
  struct Geometry {
    Desc src, weights, bias, dst;
    Dims strides, dilations, padsBegin, padsEnd;
  };

  void chooseChunks();
  Geometry geometryOf(int64_t batch, const Desc &weights) const;
  Result<Kernel> createKernel(int64_t batch, const Desc &weights);
  template <typename Description>
  Kernel bind(const Description &description, const Desc &weights,
              const Geometry &geometry);
  dnnl::primitive_attr attributes(const Geometry &geometry) const;
  Desc plainWeights(dnnl::memory::data_type type) const;
  Dims weightDims() const;
  Status prepareReorder();
  bool isResidualInPlace() const {
    return at.residual && at.residual == at.dst;
  }
  void runChunks(const ThreadPool &pool);
  void addPartialSums(const ThreadPool &pool);
  std::byte *partial(int64_t chunk) const {
    return at.workspace + static_cast<uint64_t>(chunk) * partialBytes;
  }

  LibraryContext &context;
  ConvShape shape;
  const fb::ConvT &conv;
  ConvPointers at;
  dnnl::memory::data_type type{};
  int64_t chunkItems = 1, chunks = 1;
  Kernel full, last;
  std::optional<WeightReorder> reorder;
  uint64_t weightBytes = 0, biasBytes = 0, partialBytes = 0, workspace = 0;
  CallFailures failures;
};

void DirectConv::chooseChunks() {
  double flops = 2.0 * static_cast<double>(shape.weightElements) *
                 static_cast<double>(conv.batch * shape.outPositions);
  int64_t limit = maxChunks;
  if (conv.kind == fb::ConvKind::BackwardWeights) {
    // Every partial sum costs a pass over the weights.
    int64_t bytes = shape.weightElements * 4;
    limit = bytes <= 256 << 10 ? 8 : 4;
  }
  int64_t wanted =
      std::clamp<int64_t>(static_cast<int64_t>(flops / chunkFlops), 1, limit);
  chunkItems = ceilDiv(conv.batch, std::min(wanted, conv.batch));
  chunks = ceilDiv(conv.batch, chunkItems);
}

Dims DirectConv::weightDims() const {
  Dims dims;
  if (conv.groups != 1)
    dims = {conv.groups, conv.out_channels / conv.groups,
            conv.in_channels / conv.groups};
  else
    dims = {conv.out_channels, conv.in_channels};
  dims.insert(dims.end(), conv.kernel.begin(), conv.kernel.end());
  return dims;
}

Desc DirectConv::plainWeights(dnnl::memory::data_type weightType) const {
  Dims dims = weightDims(), strides(dims.size());
  int64_t stride = 1;
  for (size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  return Desc(dims, weightType, strides);
}

DirectConv::Geometry DirectConv::geometryOf(int64_t batch,
                                            const Desc &weights) const {
  constexpr Tag tags[] = {Tag::nwc, Tag::nhwc, Tag::ndhwc};
  Tag tag = tags[shape.rank() - 1];
  Dims src = {batch, conv.in_channels}, dst = {batch, conv.out_channels};
  src.insert(src.end(), conv.in_spatial.begin(), conv.in_spatial.end());
  dst.insert(dst.end(), conv.out_spatial.begin(), conv.out_spatial.end());
  Geometry geometry;
  geometry.src = Desc(src, type, tag);
  geometry.dst = Desc(dst, type, tag);
  geometry.weights = weights;
  if (at.bias) {
    Dims channels = {conv.out_channels};
    if (conv.kind == fb::ConvKind::Forward) {
      channels.assign(dst.size(), 1);
      channels[1] = conv.out_channels;
    }
    // Dense in any layout, all dims but one being 1.
    geometry.bias = Desc(channels, dnnl::memory::data_type::f32,
                         Dims(channels.size(), 1));
  }
  geometry.strides = conv.strides;
  geometry.padsBegin = conv.pads_begin;
  for (size_t i = 0; i < shape.rank(); ++i) {
    geometry.dilations.push_back(conv.dilations[i] - 1);
    // oneDNN wants the padding that the output really uses, which may be less
    // than what the model says when the stride does not divide.
    geometry.padsEnd.push_back((conv.out_spatial[i] - 1) * conv.strides[i] +
                               (conv.kernel[i] - 1) * conv.dilations[i] + 1 -
                               conv.in_spatial[i] - conv.pads_begin[i]);
  }
  return geometry;
}

dnnl::primitive_attr DirectConv::attributes(const Geometry &geometry) const {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops after;
  // Both are added when the sum over the channels is complete, as ops after the
  // convolution would. The library's own bias and sum start from them instead,
  // which rounds otherwise; only a residual under the results needs that.
  if (at.bias && conv.kind == fb::ConvKind::Forward)
    after.append_binary(dnnl::algorithm::binary_add, geometry.bias);
  if (isResidualInPlace())
    after.append_sum(1.0f);
  else if (at.residual)
    after.append_binary(dnnl::algorithm::binary_add, geometry.dst);
  dnnl::algorithm activation = activationAlgorithm(conv.activation);
  if (activation != dnnl::algorithm::undef) {
    bool isSwish = activation == dnnl::algorithm::eltwise_swish;
    after.append_eltwise(1.0f, activation, isSwish ? 1.0f : 0.0f, 0.0f);
  }
  attributes.set_post_ops(after);
  return attributes;
}

template <typename Description>
DirectConv::Kernel DirectConv::bind(const Description &description,
                                    const Desc &weights,
                                    const Geometry &geometry) {
  using Argument = BoundPrimitive::Argument;
  std::vector<Argument> arguments;
  bool isForward = conv.kind == fb::ConvKind::Forward;
  bool isData = conv.kind == fb::ConvKind::BackwardData;
  arguments.push_back(
      {isData ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, geometry.src});
  arguments.push_back({conv.kind == fb::ConvKind::BackwardWeights
                           ? DNNL_ARG_DIFF_WEIGHTS
                           : DNNL_ARG_WEIGHTS,
                       weights});
  arguments.push_back(
      {isForward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, geometry.dst});
  arguments.push_back({DNNL_ARG_SCRATCHPAD, description.scratchpad_desc()});
  // Present or not, bias and residual have their place among the pointers.
  int position = 0;
  auto added = [&] {
    return DNNL_ARG_ATTR_MULTIPLE_POST_OP(position++) | DNNL_ARG_SRC_1;
  };
  if (at.bias)
    arguments.push_back(
        {isForward ? added() : DNNL_ARG_DIFF_BIAS, geometry.bias});
  if (at.residual && !isResidualInPlace())
    arguments.push_back({added(), geometry.dst});
  context.reserveScratch(description.scratchpad_desc().get_size());
  Kernel kernel;
  kernel.weights = weights;
  using Primitive = std::conditional_t<
      std::is_same_v<Description, dnnl::convolution_forward::primitive_desc>,
      dnnl::convolution_forward,
      std::conditional_t<
          std::is_same_v<Description,
                         dnnl::convolution_backward_data::primitive_desc>,
          dnnl::convolution_backward_data, dnnl::convolution_backward_weights>>;
  kernel.primitive = context.adopt(std::make_unique<BoundPrimitive>(
      context.engine(), Primitive(description), std::move(arguments),
      context.workers()));
  return kernel;
}

Result<DirectConv::Kernel> DirectConv::createKernel(int64_t batch,
                                                    const Desc &weights) {
  SingleThreadedLibraries oneThread;
  Geometry g = geometryOf(batch, weights);
  // Gradients are described relative to a forward convolution.
  Geometry f = g;
  if (conv.kind != fb::ConvKind::Forward)
    f.weights = Desc(weightDims(), type, Tag::any);
  auto none = [&] {
    return DLC_ERROR(Unsupported, "DLC6003", "conv kind ", int(conv.kind),
                     " of ", conv.in_channels, " to ", conv.out_channels,
                     " channels must have a oneDNN implementation on this "
                     "CPU, but got none");
  };
  dnnl::primitive_attr plain;
  dnnl::convolution_forward::primitive_desc forward(
      dnnl::convolution_forward::desc(
          dnnl::prop_kind::forward_training, directAlgorithm, f.src, f.weights,
          Desc(), f.dst, f.strides, f.dilations, f.padsBegin, f.padsEnd),
      conv.kind == fb::ConvKind::Forward ? attributes(g) : plain,
      context.engine(), /*allow_empty=*/true);
  if (!forward)
    return none();
  if (conv.kind == fb::ConvKind::Forward)
    return bind(forward, forward.weights_desc(), g);
  if (conv.kind == fb::ConvKind::BackwardData) {
    dnnl::convolution_backward_data::primitive_desc data(
        dnnl::convolution_backward_data::desc(directAlgorithm, g.src, g.weights,
                                              g.dst, g.strides, g.dilations,
                                              g.padsBegin, g.padsEnd),
        attributes(g), context.engine(), forward, /*allow_empty=*/true);
    if (!data)
      return none();
    return bind(data, data.weights_desc(), g);
  }
  dnnl::convolution_backward_weights::primitive_desc gradient(
      dnnl::convolution_backward_weights::desc(
          directAlgorithm, g.src, g.weights, g.bias, g.dst, g.strides,
          g.dilations, g.padsBegin, g.padsEnd),
      attributes(g), context.engine(), forward, /*allow_empty=*/true);
  if (!gradient)
    return none();
  return bind(gradient, gradient.diff_weights_desc(), g);
}

Status DirectConv::prepareReorder() {
  bool isGradient = conv.kind == fb::ConvKind::BackwardWeights;
  Desc plain = plainWeights(conv.is_wide ? dnnl::memory::data_type::f32 : type);
  if (!isGradient && plain == full.weights)
    return Status::ok();
  DLC_ASSIGN_OR_RETURN(
      reorder, isGradient
                   ? WeightReorder::create(context, full.weights, plain, 8)
                   : WeightReorder::create(context, plain, full.weights, 8));
  return Status::ok();
}

Status DirectConv::prepare() {
  type = *libraryType(conv.dtype);
  chooseChunks();
  bool isGradient = conv.kind == fb::ConvKind::BackwardWeights;
  Desc any(weightDims(), isGradient ? dnnl::memory::data_type::f32 : type,
           Tag::any);
  DLC_ASSIGN_OR_RETURN(full, createKernel(chunkItems, any));
  last = full;
  if (int64_t rest = conv.batch % chunkItems) {
    DLC_ASSIGN_OR_RETURN(last, createKernel(rest, full.weights));
  }
  DLC_RETURN_IF_ERROR(prepareReorder());
  weightBytes = alignUp(full.weights.get_size(), 64);
  biasBytes = at.bias && isGradient
                  ? alignUp(static_cast<uint64_t>(conv.out_channels) * 4, 64)
                  : 0;
  partialBytes = weightBytes + biasBytes;
  workspace = isGradient ? partialBytes * static_cast<uint64_t>(chunks)
                         : (reorder ? weightBytes : 0);
  return Status::ok();
}

void DirectConv::runChunks(const ThreadPool &pool) {
  bool isGradient = conv.kind == fb::ConvKind::BackwardWeights;
  auto width = static_cast<int64_t>(shape.elementBytes);
  int64_t srcItem = conv.in_channels * shape.inPositions * width;
  int64_t dstItem = conv.out_channels * shape.outPositions * width;
  std::byte *weights = reorder ? at.workspace : at.weights;
  pool.parallelFor(chunks, [&](int worker, int64_t first, int64_t end) {
    for (int64_t chunk = first; chunk < end; ++chunk) {
      int64_t item = chunk * chunkItems;
      bool isShort = item + chunkItems > conv.batch;
      std::byte *w = isGradient ? partial(chunk) : weights;
      std::byte *bias = isGradient ? w + weightBytes : at.bias;
      const std::byte *residual =
          at.residual ? at.residual + item * dstItem : nullptr;
      const BoundPrimitive *primitive =
          isShort ? last.primitive : full.primitive;
      failures.note(primitive->run(
          worker, context.stream(worker),
          {at.src + item * srcItem, w, at.dst + item * dstItem,
           context.scratch(worker), at.bias ? bias : residual, residual}));
      if (conv.activation == fb::Activation::Relu) {
        int64_t items = std::min(chunkItems, conv.batch - item);
        applyRelu(conv.dtype, at.dst + item * dstItem, items * dstItem / width);
      }
    }
  });
}

void DirectConv::addPartialSums(const ThreadPool &pool) {
  constexpr int64_t block = 4096; // floats
  auto count = static_cast<int64_t>(partialBytes / 4);
  auto *sum = reinterpret_cast<float *>(at.workspace);
  if (chunks == 1)
    return;
  pool.parallelFor(ceilDiv(count, block), [&](int, int64_t first, int64_t end) {
    int64_t stop = std::min(count, end * block);
    for (int64_t begin = first * block; begin < stop; begin += block) {
      int64_t size = std::min(block, stop - begin);
      for (int64_t chunk = 1; chunk < chunks; ++chunk) {
        auto *part = reinterpret_cast<const float *>(partial(chunk));
        for (int64_t i = begin; i < begin + size; ++i)
          sum[i] += part[i];
      }
    }
  });
}

Status DirectConv::run(const ThreadPool &pool) {
  if (conv.kind != fb::ConvKind::BackwardWeights) {
    if (reorder)
      reorder->run(context, pool, at.weights, at.workspace, failures);
    runChunks(pool);
    return failures.take("conv");
  }
  runChunks(pool);
  addPartialSums(pool);
  reorder->run(context, pool, at.workspace, at.weights, failures);
  if (at.bias)
    std::memcpy(at.bias, at.workspace + weightBytes,
                static_cast<size_t>(conv.out_channels) * sizeof(float));
  return failures.take("conv");
}

} // namespace

ConvPlanResult createDirectConv(LibraryContext &context, const ConvShape &shape,
                                const ConvPointers &at) {
  auto plan = std::make_unique<DirectConv>(context, shape, at);
  DLC_RETURN_IF_ERROR(plan->prepare());
  return std::unique_ptr<ConvPlan>(std::move(plan));
}

} // namespace dlc::rt
