#include "runtime/cuda/CudaDnn.h"

#include "runtime/core/CheckedMath.h"
#include "runtime/cuda/Algorithms.h"
#include "runtime/cuda/LibraryPlan.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace dlc::rt::cuda {

namespace {

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

/// Whether cuDNN has no such kernel, as opposed to a failure.
bool isRefusal(DnnCode code) {
  return code >= dnnFirstRefusal && code <= dnnLastRefusal;
}

/// A way to compute the convolution, and what it needs beside the copies.
struct DnnAlgorithm {
  int number, math;
  uint64_t workspaceBytes;
};

class CudaConv final : public CudaInstruction {
public:
  using CudaInstruction::CudaInstruction;
  ~CudaConv() override { forget(); }
  Status prepare(const fb::Conv &conv, Operands operands);
  Candidates *candidates() override { return &algorithms; }

protected:
  Status issueWork() override;
  Status bind() override;

private:
  void forget();
  Status describe(bool isChannelsFirst);
  Status describeTensor(TensorHandle &tensor, int64_t channels,
                        const std::vector<int64_t> &spatial) const;
  Status describeFilter();
  Status describeConv();
  Status describeBias();
  Status choose();
  Status collect(bool takesTransforms);
  std::string callForm() const;
  DnnCode candidatesOf(DnnCandidate *candidates, int most, int &count) const;
  Result<std::optional<uint64_t>>
  workspaceOf(const DnnCandidate &candidate) const;
  Status placeWorkspace();
  void placeCopies();
  void placeWeights();
  DeviceAddress placeTensor(DeviceAddress tensor, uint64_t copyBytes,
                            int64_t channels, uint64_t positions,
                            bool isResult);
  DeviceAddress take(uint64_t bytes) {
    return std::exchange(workspace, workspace + bytes);
  }
  Status callLibrary();
  DnnCode callOnce(const DnnAlgorithm &algorithm) const;
  Status callBias();
  HelperCall turn(DeviceAddress from, DeviceAddress to, bool isToLast) const;
  bool isWeightGradient() const {
    return conv.kind == fb::ConvKind::BackwardWeights;
  }
  bool isHalf() const { return elementBytes == 2; }
  /// f32 is not to be rounded to TF32 unless the record says that it may.
  bool isExact() const { return type == dnnFloat && !conv.allows_tf32; }
  int firstMath() const {
    return type == dnnDouble ? dnnDefaultMath
           : isExact()       ? dnnFmaMath
                             : dnnTensorMath;
  }
  int mathOf(const DnnCandidate &candidate) const {
    return isExact() ? dnnFmaMath : candidate.math;
  }

  const Dnn *dnn = nullptr;
  DnnHandle handle = nullptr;
  const HelperKernels *helpers = nullptr;
  fb::ConvT conv;
  int type = 0;
  uint64_t elementBytes = 4, weightCount = 0;
  DeviceAddress src = 0, weights = 0, dst = 0, bias = 0;
  /// Where cuDNN reads or writes them.
  DeviceAddress librarySrc = 0, libraryWeights = 0, libraryDst = 0;
  bool isChannelsFirst = false;
  ConvCopies copies;
  Workspace given;
  DeviceAddress workspace = 0; // of cuDNN, behind the copies
  std::vector<HelperCall> before, after;
  size_t biasPlace = 0;
  DeviceAddress libraryBias = 0;
  TensorHandle srcTensor = nullptr, dstTensor = nullptr, biasTensor = nullptr;
  FilterHandle filter = nullptr;
  ConvHandle descriptor = nullptr;
  Algorithms<DnnAlgorithm> algorithms;
};

void CudaConv::forget() {
  if (!dnn)
    return;
  for (TensorHandle *tensor : {&srcTensor, &dstTensor, &biasTensor})
    if (TensorHandle old = std::exchange(*tensor, nullptr))
      dnn->api().cudnnDestroyTensorDescriptor(old);
  if (FilterHandle old = std::exchange(filter, nullptr))
    dnn->api().cudnnDestroyFilterDescriptor(old);
  if (ConvHandle old = std::exchange(descriptor, nullptr))
    dnn->api().cudnnDestroyConvolutionDescriptor(old);
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
  DLC_RETURN_IF_ERROR(choose());
  if (bias && isHalf())
    biasPlace = shared.keep(static_cast<uint64_t>(conv.out_channels) * 2);
  return placeWorkspace();
}

/// The plan's workspace where it suffices, else the stream's.
Status CudaConv::placeWorkspace() {
  uint64_t needed =
      algorithms.most(&DnnAlgorithm::workspaceBytes) + copies.bytes();
  given.isScratch |= needed > given.bytes;
  if (given.isScratch)
    stream.wantScratch(needed);
  return Status::ok();
}

//===- Copies -------------------------------------------------------------===//

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

void CudaConv::placeWeights() {
  libraryWeights = weights;
  if (!isWeightGradient()) {
    if (copies.turnsWeights) {
      libraryWeights = take(copies.weightBytes);
      before.push_back(turn(weights, libraryWeights, true));
    }
    return;
  }
  if (copies.turnsWeights || copies.narrowsWeights)
    libraryWeights = take(copies.weightBytes);
  DeviceAddress ordered = libraryWeights;
  if (copies.turnsWeights) {
    ordered = copies.narrowsWeights ? take(copies.weightBytes) : weights;
    after.push_back(turn(libraryWeights, ordered, false));
  }
  if (copies.narrowsWeights)
    after.push_back(
        helpers->widen(DType(conv.dtype), ordered, weights, weightCount));
}

/// Between [N, positions, C] of the program and [N, C, positions] of cuDNN.
DeviceAddress CudaConv::placeTensor(DeviceAddress tensor, uint64_t copyBytes,
                                    int64_t channelCount, uint64_t positions,
                                    bool isResult) {
  if (copyBytes == 0)
    return tensor;
  DeviceAddress copy = take(copyBytes);
  auto items = static_cast<uint64_t>(conv.batch);
  auto channels = static_cast<uint64_t>(channelCount);
  if (isResult)
    after.push_back(
        helpers->swap(elementBytes, copy, tensor, items, channels, positions));
  else
    before.push_back(
        helpers->swap(elementBytes, tensor, copy, items, positions, channels));
  return copy;
}

/// Copies in the order of the workspace, and cuDNN's part behind them.
void CudaConv::placeCopies() {
  workspace = given.isScratch ? stream.scratch() : given.begin;
  placeWeights();
  auto positionsOf = [](const std::vector<int64_t> &spatial) {
    return static_cast<uint64_t>(elementCount(spatial).value_or(0));
  };
  librarySrc = placeTensor(src, copies.srcBytes, conv.in_channels,
                           positionsOf(conv.in_spatial),
                           conv.kind == fb::ConvKind::BackwardData);
  libraryDst = placeTensor(dst, copies.dstBytes, conv.out_channels,
                           positionsOf(conv.out_spatial),
                           conv.kind == fb::ConvKind::Forward);
}

//===- Descriptors --------------------------------------------------------===//

Status CudaConv::describeTensor(TensorHandle &tensor, int64_t channels,
                                const std::vector<int64_t> &spatial) const {
  std::vector<int> dims = {static_cast<int>(conv.batch),
                           static_cast<int>(channels)};
  for (int extent : padded(spatial, 1))
    dims.push_back(extent);
  // Dims are named in the order N, C, space; the strides say where channels
  // are.
  std::vector<int> strides(dims.size(), 1);
  int stride = isChannelsFirst ? 1 : dims[1];
  for (size_t i = dims.size(); i-- > 2;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  strides[1] = isChannelsFirst ? stride : 1;
  strides[0] = isChannelsFirst ? stride * dims[1] : stride;
  DLC_CUDA_LIBRARY(*dnn, cudnnCreateTensorDescriptor, &tensor);
  DLC_CUDA_LIBRARY(*dnn, cudnnSetTensorNdDescriptor, tensor, type,
                   int(dims.size()), dims.data(), strides.data());
  return Status::ok();
}

Status CudaConv::describeFilter() {
  std::vector<int> dims = {static_cast<int>(conv.out_channels),
                           static_cast<int>(conv.in_channels / conv.groups)};
  for (int extent : padded(conv.kernel, 1))
    dims.push_back(extent);
  DLC_CUDA_LIBRARY(*dnn, cudnnCreateFilterDescriptor, &filter);
  DLC_CUDA_LIBRARY(*dnn, cudnnSetFilterNdDescriptor, filter, type,
                   isChannelsFirst ? dnnChannelsFirst : dnnChannelsLast,
                   int(dims.size()), dims.data());
  return Status::ok();
}

Status CudaConv::describeConv() {
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
  DLC_CUDA_LIBRARY(*dnn, cudnnSetConvolutionMathType, descriptor, firstMath());
  return Status::ok();
}

Status CudaConv::describe(bool isFirst) {
  forget();
  isChannelsFirst = isFirst;
  copies = convCopiesOf(conv, isFirst);
  DLC_RETURN_IF_ERROR(
      describeTensor(srcTensor, conv.in_channels, conv.in_spatial));
  DLC_RETURN_IF_ERROR(
      describeTensor(dstTensor, conv.out_channels, conv.out_spatial));
  DLC_RETURN_IF_ERROR(describeFilter());
  DLC_RETURN_IF_ERROR(describeConv());
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

//===- Algorithms ---------------------------------------------------------===//

DnnCode CudaConv::candidatesOf(DnnCandidate *candidates, int most,
                               int &count) const {
  const DnnApi &api = dnn->api();
  switch (conv.kind) {
  case fb::ConvKind::Forward:
    return api.cudnnGetConvolutionForwardAlgorithm_v7(handle, srcTensor, filter,
                                                      descriptor, dstTensor,
                                                      most, &count, candidates);
  case fb::ConvKind::BackwardData:
    return api.cudnnGetConvolutionBackwardDataAlgorithm_v7(
        handle, filter, dstTensor, descriptor, srcTensor, most, &count,
        candidates);
  case fb::ConvKind::BackwardWeights:
    return api.cudnnGetConvolutionBackwardFilterAlgorithm_v7(
        handle, srcTensor, dstTensor, descriptor, filter, most, &count,
        candidates);
  }
  return dnnFirstRefusal;
}

/// What `candidate` needs with the math that is allowed; none if cuDNN has no
/// such kernel.
Result<std::optional<uint64_t>>
CudaConv::workspaceOf(const DnnCandidate &candidate) const {
  using Answer = Result<std::optional<uint64_t>>;
  DLC_CUDA_LIBRARY(*dnn, cudnnSetConvolutionMathType, descriptor,
                   mathOf(candidate));
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

/// The record without its places.
std::string CudaConv::callForm() const {
  fb::ConvT record = conv;
  record.src = record.weights = record.dst = 0;
  for (int32_t *place : {&record.bias, &record.residual, &record.workspace})
    *place = *place < 0 ? -1 : 0;
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(fb::Conv::Pack(builder, &record));
  std::string text(reinterpret_cast<const char *>(builder.GetBufferPointer()),
                   builder.GetSize());
  return concat(text, " ", given.bytes, isChannelsFirst ? " first" : " last");
}

/// The algorithms that may be taken in the order that cuDNN advises, those that
/// the workspace holds; if it holds none, the one that needs least.
Status CudaConv::collect(bool takesTransforms) {
  DnnCandidate candidates[16] = {};
  int count = 0;
  algorithms.begin(dnn->name(), callForm());
  DnnCode code = candidatesOf(candidates, int(std::size(candidates)), count);
  if (code && !isRefusal(code))
    return dnn->error(code, "cudnnGetConvolutionAlgorithm_v7");
  uint64_t needed = copies.bytes();
  uint64_t room = given.bytes > needed ? given.bytes - needed : 0;
  std::optional<DnnAlgorithm> least;
  for (int i = 0; i < count && !code; ++i) {
    const DnnCandidate &candidate = candidates[i];
    if (candidate.status != 0 || candidate.determinism != dnnDeterministic ||
        !(takesTransforms || isPlainSum(conv.kind, candidate.algorithm)))
      continue;
    DLC_ASSIGN_OR_RETURN(std::optional<uint64_t> bytes, workspaceOf(candidate));
    if (!bytes)
      continue;
    DnnAlgorithm found{candidate.algorithm, mathOf(candidate), *bytes};
    if (found.workspaceBytes <= room)
      algorithms.offer(found);
    if (!least || found.workspaceBytes < least->workspaceBytes)
      least = found;
  }
  if (algorithms.isEmpty() && least)
    algorithms.offer(*least);
  algorithms.prefer(stream.choiceOf(instruction(), dnn->name()));
  return Status::ok();
}

/// In the program's own layout if cuDNN has that, else through copies; and
/// rather a transform, which rounds otherwise, than nothing.
Status CudaConv::choose() {
  for (bool takesTransforms : {false, true})
    for (bool isOther : {false, true}) {
      DLC_RETURN_IF_ERROR(describe(wantsChannelsFirst(conv) != isOther));
      DLC_RETURN_IF_ERROR(collect(takesTransforms));
      if (!algorithms.isEmpty())
        return Status::ok();
    }
  return DLC_ERROR(
      Unsupported, "DLC6211", "convolution (", fb::EnumNameConvKind(conv.kind),
      ", ", dtypeName(DType(conv.dtype)), ", groups ", conv.groups, ", in ",
      listOf(conv.in_spatial), ", kernel ", listOf(conv.kernel),
      ") must have a deterministic algorithm of cuDNN, but got "
      "none");
}

Status CudaConv::bind() {
  placeCopies();
  libraryBias = isHalf() && bias ? shared.address(biasPlace) : bias;
  return Status::ok();
}

DnnCode CudaConv::callOnce(const DnnAlgorithm &algorithm) const {
  // Scale factors are f32, for f64 tensors f64.
  const double wide[2] = {1, 0};
  const float narrow[2] = {1, 0};
  bool isDouble = conv.dtype == fb::DType::F64;
  auto scale = [&](int i) -> const void * {
    return isDouble ? static_cast<const void *>(&wide[i]) : &narrow[i];
  };
  const DnnApi &api = dnn->api();
  if (DnnCode code =
          api.cudnnSetConvolutionMathType(descriptor, algorithm.math))
    return code;
  uint64_t bytes = algorithm.workspaceBytes;
  auto *space = toPointer(bytes ? workspace : 0);
  auto *x = toPointer(librarySrc), *w = toPointer(libraryWeights),
       *y = toPointer(libraryDst);
  switch (conv.kind) {
  case fb::ConvKind::Forward:
    return api.cudnnConvolutionForward(handle, scale(0), srcTensor, x, filter,
                                       w, descriptor, algorithm.number, space,
                                       bytes, scale(1), dstTensor, y);
  case fb::ConvKind::BackwardData:
    return api.cudnnConvolutionBackwardData(
        handle, scale(0), filter, w, dstTensor, y, descriptor, algorithm.number,
        space, bytes, scale(1), srcTensor, x);
  case fb::ConvKind::BackwardWeights:
    return api.cudnnConvolutionBackwardFilter(
        handle, scale(0), srcTensor, x, dstTensor, y, descriptor,
        algorithm.number, space, bytes, scale(1), filter, w);
  }
  return dnnFirstRefusal;
}

/// What was offered for the shapes may be refused when it is called; the first
/// run shows it.
Status CudaConv::callLibrary() {
  DnnCode code = callOnce(algorithms.current());
  while (isRefusal(code) && algorithms.next())
    code = callOnce(algorithms.current());
  if (!code)
    return Status::ok();
  const char *calls[] = {"cudnnConvolutionForward",
                         "cudnnConvolutionBackwardData",
                         "cudnnConvolutionBackwardFilter"};
  return dnn->error(code, calls[int(conv.kind)]);
}

/// The bias's gradient, which is f32 whatever the other tensors are.
Status CudaConv::callBias() {
  const float one = 1, zero = 0;
  DLC_CUDA_LIBRARY(*dnn, cudnnConvolutionBackwardBias, handle, &one, dstTensor,
                   toPointer(libraryDst), &zero, biasTensor,
                   toPointer(libraryBias));
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
