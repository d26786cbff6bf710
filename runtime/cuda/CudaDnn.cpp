#include "runtime/cuda/CudaDnn.h"

#include "runtime/core/CheckedMath.h"
#include "runtime/cuda/LibraryPlan.h"

#include <algorithm>
#include <optional>

namespace dlc::rt::cuda {

namespace {

constexpr uint64_t placeAlignment = 256;

int dnnTypeOf(fb::DType type) {
  switch (type) {
  case fb::DType::F64:
    return dnnDouble;
  case fb::DType::F16:
    return dnnHalf;
  case fb::DType::BF16:
    return dnnBfloat;
  default:
    return dnnFloat;
  }
}

bool isPlainSum(fb::ConvKind kind, int algorithm) {
  if (kind != fb::ConvKind::Forward)
    return algorithm == backwardOrdered;
  return algorithm == forwardImplicit || algorithm == forwardPrecomputed ||
         algorithm == forwardExplicit;
}

/// cuDNN wants at least two spatial dims.
std::vector<int> padded(const std::vector<int64_t> &spatial, int value) {
  std::vector<int> result(spatial.size() < 2 ? 2 - spatial.size() : 0, value);
  for (int64_t extent : spatial)
    result.push_back(static_cast<int>(extent));
  return result;
}

class CudaConv final : public CudaInstruction {
public:
  using CudaInstruction::CudaInstruction;
  ~CudaConv() override;
  Status prepare(const fb::Conv &conv, Operands operands);

protected:
  Status issueWork() override;
  Status bind() override;

private:
  Status describe();
  Status describeTensor(TensorHandle &tensor, int64_t channels,
                        const std::vector<int64_t> &spatial);
  Status describeBias();
  void placeWeights();
  Status choose();
  Status candidatesOf(DnnCandidate *candidates, int most, int &count) const;
  Result<std::optional<uint64_t>>
  workspaceOf(const DnnCandidate &candidate) const;
  Status callLibrary();
  Status callBias();
  HelperCall turn(DeviceAddress from, DeviceAddress to, bool isToLast) const;
  bool isWeightGradient() const {
    return conv.kind == fb::ConvKind::BackwardWeights;
  }
  bool isHalf() const { return elementBytes == 2; }

  const Dnn *dnn = nullptr;
  DnnHandle handle = nullptr;
  const HelperKernels *helpers = nullptr;
  fb::ConvT conv;
  int type = 0;
  uint64_t elementBytes = 4, weightCount = 0;
  DeviceAddress src = 0, weights = 0, dst = 0, bias = 0;
  DeviceAddress libraryWeights = 0; // where cuDNN reads or writes them
  Workspace given;
  DeviceAddress workspace = 0; // cuDNN's own part
  uint64_t workspaceGiven = 0, workspaceBytes = 0;
  std::vector<HelperCall> before, after;
  size_t biasPlace = 0;
  DeviceAddress libraryBias = 0;
  TensorHandle srcTensor = nullptr, dstTensor = nullptr, biasTensor = nullptr;
  FilterHandle filter = nullptr;
  ConvHandle descriptor = nullptr;
  int algorithm = 0;
};

CudaConv::~CudaConv() {
  if (!dnn)
    return;
  for (TensorHandle tensor : {srcTensor, dstTensor, biasTensor})
    if (tensor)
      dnn->api().cudnnDestroyTensorDescriptor(tensor);
  if (filter)
    dnn->api().cudnnDestroyFilterDescriptor(filter);
  if (descriptor)
    dnn->api().cudnnDestroyConvolutionDescriptor(descriptor);
}

Status CudaConv::prepare(const fb::Conv &call, Operands operands) {
  call.UnPackTo(&conv);
  if (std::string obstacle = convObstacle(conv); !obstacle.empty())
    return DLC_ERROR(Unsupported, "DLC6211",
                     "convolution for cuDNN: ", obstacle);
  DLC_ASSIGN_OR_RETURN(dnn, stream.gpu().dnn());
  DLC_ASSIGN_OR_RETURN(handle, stream.dnnHandle());
  DLC_ASSIGN_OR_RETURN(helpers, stream.gpu().helpers());
  type = dnnTypeOf(conv.dtype);
  elementBytes = dtypeBytes(DType(conv.dtype));
  weightCount = static_cast<uint64_t>(conv.out_channels *
                                      (conv.in_channels / conv.groups) *
                                      elementCount(conv.kernel).value_or(0));
  src = operands.at(conv.src);
  weights = operands.at(conv.weights);
  dst = operands.at(conv.dst);
  bias = operands.at(conv.bias);
  given = CudaStream::workspaceOf(operands, conv.workspace,
                                  convWorkspaceBytes(conv));
  uint64_t needed = convWeightBytes(conv);
  if (needed > given.bytes)
    return DLC_ERROR(Corrupt, "DLC5009", "conv workspace must have ", needed,
                     " bytes from a multiple of ", placeAlignment,
                     " on for weights, but got ", given.bytes);
  workspaceGiven = given.bytes - needed;
  DLC_RETURN_IF_ERROR(describe());
  if (bias && isHalf())
    biasPlace = shared.keep(static_cast<uint64_t>(conv.out_channels) * 2);
  DLC_RETURN_IF_ERROR(choose());
  if (given.isScratch)
    stream.wantScratch(needed + workspaceBytes);
  return Status::ok();
}

/// Between [O, C, taps] and [O, taps, C].
HelperCall CudaConv::turn(DeviceAddress from, DeviceAddress to,
                          bool isToLast) const {
  auto channels = static_cast<uint64_t>(conv.in_channels / conv.groups);
  auto outer = static_cast<uint64_t>(conv.out_channels);
  uint64_t taps = weightCount / (outer * channels);
  return isToLast
             ? helpers->swap(elementBytes, from, to, outer, channels, taps)
             : helpers->swap(elementBytes, from, to, outer, taps, channels);
}

/// Which copies of the weights are made, and where.
void CudaConv::placeWeights() {
  DeviceAddress begin = given.isScratch ? stream.scratch() : given.begin;
  uint64_t needed = convWeightBytes(conv);
  workspace = begin + needed;
  bool isNarrow = isWeightGradient() && conv.is_wide && isHalf();
  uint64_t copyBytes = alignUp(weightCount * elementBytes, placeAlignment);
  bool isTurned = needed != (isNarrow ? copyBytes : 0);
  libraryWeights = needed ? begin : weights;
  if (!isWeightGradient()) {
    if (isTurned)
      before.push_back(turn(weights, libraryWeights, true));
    return;
  }
  DeviceAddress ordered = libraryWeights;
  if (isTurned) {
    ordered = isNarrow ? begin + copyBytes : weights;
    after.push_back(turn(libraryWeights, ordered, false));
  }
  if (isNarrow)
    after.push_back(
        helpers->widen(DType(conv.dtype), ordered, weights, weightCount));
}

Status CudaConv::describeTensor(TensorHandle &tensor, int64_t channels,
                                const std::vector<int64_t> &spatial) {
  std::vector<int> dims = {static_cast<int>(conv.batch),
                           static_cast<int>(channels)};
  for (int extent : padded(spatial, 1))
    dims.push_back(extent);
  // Dims are named in the order N, C, space; the strides say channels last.
  std::vector<int> strides(dims.size(), 1);
  int stride = static_cast<int>(channels);
  for (size_t i = dims.size(); i-- > 2;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  strides[0] = stride;
  DLC_CUDA_LIBRARY(*dnn, cudnnCreateTensorDescriptor, &tensor);
  DLC_CUDA_LIBRARY(*dnn, cudnnSetTensorNdDescriptor, tensor, type,
                   int(dims.size()), dims.data(), strides.data());
  return Status::ok();
}

Status CudaConv::describe() {
  DLC_RETURN_IF_ERROR(
      describeTensor(srcTensor, conv.in_channels, conv.in_spatial));
  DLC_RETURN_IF_ERROR(
      describeTensor(dstTensor, conv.out_channels, conv.out_spatial));
  std::vector<int> dims = {static_cast<int>(conv.out_channels),
                           static_cast<int>(conv.in_channels / conv.groups)};
  for (int extent : padded(conv.kernel, 1))
    dims.push_back(extent);
  DLC_CUDA_LIBRARY(*dnn, cudnnCreateFilterDescriptor, &filter);
  DLC_CUDA_LIBRARY(*dnn, cudnnSetFilterNdDescriptor, filter, type,
                   dnnChannelsLast, int(dims.size()), dims.data());
  std::vector<int> pads = padded(conv.pads_begin, 0);
  std::vector<int> strides = padded(conv.strides, 1);
  std::vector<int> dilations = padded(conv.dilations, 1);
  DLC_CUDA_LIBRARY(*dnn, cudnnCreateConvolutionDescriptor, &descriptor);
  DLC_CUDA_LIBRARY(*dnn, cudnnSetConvolutionNdDescriptor, descriptor,
                   int(pads.size()), pads.data(), strides.data(),
                   dilations.data(), dnnCrossCorrelation,
                   conv.dtype == fb::DType::F64 ? dnnDouble : dnnFloat);
  DLC_CUDA_LIBRARY(*dnn, cudnnSetConvolutionGroupCount, descriptor,
                   static_cast<int>(conv.groups));
  DLC_CUDA_LIBRARY(*dnn, cudnnSetConvolutionMathType, descriptor,
                   isHalf() ? dnnTensorMath : dnnFmaMath);
  return bias ? describeBias() : Status::ok();
}

Status CudaConv::describeBias() {
  std::vector<int> dims(2 + padded(conv.kernel, 1).size(), 1);
  dims[1] = static_cast<int>(conv.out_channels);
  std::vector<int> strides(dims.size(), 1);
  strides[0] = dims[1];
  DLC_CUDA_LIBRARY(*dnn, cudnnCreateTensorDescriptor, &biasTensor);
  DLC_CUDA_LIBRARY(*dnn, cudnnSetTensorNdDescriptor, biasTensor, type,
                   int(dims.size()), dims.data(), strides.data());
  return Status::ok();
}

Status CudaConv::candidatesOf(DnnCandidate *candidates, int most,
                              int &count) const {
  switch (conv.kind) {
  case fb::ConvKind::Forward:
    DLC_CUDA_LIBRARY(*dnn, cudnnGetConvolutionForwardAlgorithm_v7, handle,
                     srcTensor, filter, descriptor, dstTensor, most, &count,
                     candidates);
    break;
  case fb::ConvKind::BackwardData:
    DLC_CUDA_LIBRARY(*dnn, cudnnGetConvolutionBackwardDataAlgorithm_v7, handle,
                     filter, dstTensor, descriptor, srcTensor, most, &count,
                     candidates);
    break;
  case fb::ConvKind::BackwardWeights:
    DLC_CUDA_LIBRARY(*dnn, cudnnGetConvolutionBackwardFilterAlgorithm_v7,
                     handle, srcTensor, dstTensor, descriptor, filter, most,
                     &count, candidates);
    break;
  }
  return Status::ok();
}

/// What `candidate` needs with the math that is allowed; none if cuDNN has no
/// such kernel.
Result<std::optional<uint64_t>>
CudaConv::workspaceOf(const DnnCandidate &candidate) const {
  using Answer = Result<std::optional<uint64_t>>;
  // f64 has no other math, and f32 is not to be rounded to TF32.
  DLC_CUDA_LIBRARY(*dnn, cudnnSetConvolutionMathType, descriptor,
                   isHalf() ? candidate.math : dnnFmaMath);
  size_t bytes = 0;
  DnnCode code = 0;
  switch (conv.kind) {
  case fb::ConvKind::Forward:
    code = dnn->api().cudnnGetConvolutionForwardWorkspaceSize(
        handle, srcTensor, filter, descriptor, dstTensor, candidate.algorithm,
        &bytes);
    break;
  case fb::ConvKind::BackwardData:
    code = dnn->api().cudnnGetConvolutionBackwardDataWorkspaceSize(
        handle, filter, dstTensor, descriptor, srcTensor, candidate.algorithm,
        &bytes);
    break;
  case fb::ConvKind::BackwardWeights:
    code = dnn->api().cudnnGetConvolutionBackwardFilterWorkspaceSize(
        handle, srcTensor, dstTensor, descriptor, filter, candidate.algorithm,
        &bytes);
    break;
  }
  return Answer(code ? std::nullopt : std::optional<uint64_t>(bytes));
}

Status CudaConv::choose() {
  DnnCandidate candidates[16] = {};
  int count = 0;
  DLC_RETURN_IF_ERROR(
      candidatesOf(candidates, int(std::size(candidates)), count));
  std::optional<uint64_t> least;
  for (int i = 0; i < count; ++i) {
    const DnnCandidate &candidate = candidates[i];
    if (candidate.status != 0 || candidate.determinism != dnnDeterministic ||
        !isPlainSum(conv.kind, candidate.algorithm))
      continue;
    DLC_ASSIGN_OR_RETURN(std::optional<uint64_t> needed,
                         workspaceOf(candidate));
    if (needed && *needed <= workspaceGiven) {
      algorithm = candidate.algorithm;
      workspaceBytes = *needed;
      return Status::ok();
    }
    if (needed)
      least = std::min(least.value_or(*needed), *needed);
  }
  if (least)
    return DLC_ERROR(Unsupported, "DLC6211",
                     "workspace of a convolution must have ", *least,
                     " bytes for cuDNN, but got ", workspaceGiven);
  return DLC_ERROR(Unsupported, "DLC6211", "convolution (",
                   fb::EnumNameConvKind(conv.kind), ", ",
                   dtypeName(DType(conv.dtype)),
                   ") must have a deterministic algorithm of cuDNN, but got "
                   "none among ",
                   count, " candidates");
}

Status CudaConv::bind() {
  placeWeights();
  libraryBias = isHalf() && bias ? shared.address(biasPlace) : bias;
  return Status::ok();
}

Status CudaConv::callLibrary() {
  // Scale factors are f32, for f64 tensors f64.
  const double wide[2] = {1, 0};
  const float narrow[2] = {1, 0};
  bool isDouble = conv.dtype == fb::DType::F64;
  auto scale = [&](int i) -> const void * {
    return isDouble ? static_cast<const void *>(&wide[i]) : &narrow[i];
  };
  auto *space = toPointer(workspaceBytes ? workspace : 0);
  switch (conv.kind) {
  case fb::ConvKind::Forward:
    DLC_CUDA_LIBRARY(*dnn, cudnnConvolutionForward, handle, scale(0), srcTensor,
                     toPointer(src), filter, toPointer(libraryWeights),
                     descriptor, algorithm, space, workspaceBytes, scale(1),
                     dstTensor, toPointer(dst));
    break;
  case fb::ConvKind::BackwardData:
    DLC_CUDA_LIBRARY(*dnn, cudnnConvolutionBackwardData, handle, scale(0),
                     filter, toPointer(libraryWeights), dstTensor,
                     toPointer(dst), descriptor, algorithm, space,
                     workspaceBytes, scale(1), srcTensor, toPointer(src));
    break;
  case fb::ConvKind::BackwardWeights:
    DLC_CUDA_LIBRARY(*dnn, cudnnConvolutionBackwardFilter, handle, scale(0),
                     srcTensor, toPointer(src), dstTensor, toPointer(dst),
                     descriptor, algorithm, space, workspaceBytes, scale(1),
                     filter, toPointer(libraryWeights));
    break;
  }
  return Status::ok();
}

/// The bias's gradient, which is f32 whatever the other tensors are.
Status CudaConv::callBias() {
  const float one = 1, zero = 0;
  DLC_CUDA_LIBRARY(*dnn, cudnnConvolutionBackwardBias, handle, &one, dstTensor,
                   toPointer(dst), &zero, biasTensor, toPointer(libraryBias));
  if (!isHalf())
    return Status::ok();
  return helpers->launch(
      helpers->widen(DType(conv.dtype), libraryBias, bias,
                     static_cast<uint64_t>(conv.out_channels)),
      stream.main());
}

Status CudaConv::issueWork() {
  for (const HelperCall &call : before)
    DLC_RETURN_IF_ERROR(helpers->launch(call, stream.main()));
  DLC_RETURN_IF_ERROR(callLibrary());
  for (const HelperCall &call : after)
    DLC_RETURN_IF_ERROR(helpers->launch(call, stream.main()));
  return bias ? callBias() : Status::ok();
}

} // namespace

Result<std::unique_ptr<CudaInstruction>>
prepareConv(CudaStream &stream, CudaProgram &program,
            const fb::Instruction &record, Operands operands) {
  auto conv = std::make_unique<CudaConv>(stream, program, record);
  DLC_RETURN_IF_ERROR(conv->prepare(*record.op_as_Conv(), operands));
  return std::unique_ptr<CudaInstruction>(std::move(conv));
}

} // namespace dlc::rt::cuda
