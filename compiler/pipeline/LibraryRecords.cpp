//===- LibraryRecords.cpp - library calls in the artifact's words ---------===//
#include "compiler/pipeline/LibraryRecords.h"

#include "runtime/cpu/ScratchSize.h"

using namespace mlir;

namespace dlc {

fb::DType dtypeOf(Type type) {
  if (isa<Float8E4M3FNType>(type))
    return fb::DType::F8E4M3FN;
  if (isa<Float8E5M2Type>(type))
    return fb::DType::F8E5M2;
  if (type.isF64())
    return fb::DType::F64;
  if (type.isF32())
    return fb::DType::F32;
  if (type.isF16())
    return fb::DType::F16;
  if (type.isBF16())
    return fb::DType::BF16;
  if (type.isInteger(1))
    return fb::DType::I1;
  if (type.isInteger(8))
    return type.isUnsignedInteger() ? fb::DType::UI8 : fb::DType::I8;
  if (type.isInteger(16))
    return fb::DType::I16;
  return type.isInteger(32) ? fb::DType::I32 : fb::DType::I64;
}

static std::vector<int64_t> toVector(ArrayRef<int64_t> values) {
  return std::vector<int64_t>(values.begin(), values.end());
}

fb::GemmT recordOf(exec::GemmOp op) {
  ArrayRef<int64_t> sizes = op.getSizes();
  fb::GemmT gemm;
  gemm.dtype = dtypeOf(op.getElementType());
  gemm.is_wide = op.getResultType() != op.getElementType();
  gemm.is_narrow_bias = op.getNarrowBiasType().has_value();
  gemm.allows_tf32 = op.getTf32();
  gemm.batch0 = sizes[0];
  gemm.batch1 = sizes[1];
  gemm.m = sizes[2];
  gemm.n = sizes[3];
  gemm.k = sizes[4];
  gemm.a_offset = int64_t(op.getAOffset());
  gemm.b_offset = int64_t(op.getBOffset());
  gemm.c_offset = int64_t(op.getCOffset());
  gemm.a_strides = toVector(op.getAStrides());
  gemm.b_strides = toVector(op.getBStrides());
  gemm.c_strides = toVector(op.getCStrides());
  gemm.activation = fb::Activation(op.getActivation());
  // Its place gets a number later, but not every call can have one.
  gemm.bias_gradient = op.getBiasGradient() ? 0 : -1;
  if (std::optional<exec::GemmOperand> of = op.getBiasGradientOf())
    gemm.bias_gradient_of = fb::GemmOperand(*of);
  return gemm;
}

fb::ConvT recordOf(exec::ConvOp op) {
  auto shape = [](Type type) {
    return cast<RankedTensorType>(type).getShape();
  };
  ArrayRef<int64_t> src = shape(op.getSrcType()), dst = shape(op.getDstType());
  fb::ConvT conv;
  conv.kind = fb::ConvKind(op.getKind());
  conv.dtype = dtypeOf(cast<RankedTensorType>(op.getSrcType()).getElementType());
  conv.is_wide = cast<RankedTensorType>(op.getWeightsType()).getElementType() !=
                 cast<RankedTensorType>(op.getSrcType()).getElementType();
  conv.allows_tf32 = op.getTf32();
  conv.batch = src.front();
  conv.in_channels = src.back();
  conv.out_channels = dst.back();
  conv.groups = int64_t(op.getGroups());
  conv.in_spatial = toVector(src.drop_front().drop_back());
  conv.out_spatial = toVector(dst.drop_front().drop_back());
  conv.kernel = toVector(shape(op.getWeightsType()).drop_front(2));
  conv.strides = toVector(op.getStrides());
  conv.dilations = toVector(op.getDilations());
  conv.pads_begin = toVector(op.getPadsBegin());
  conv.pads_end = toVector(op.getPadsEnd());
  conv.activation = fb::Activation(op.getActivation());
  // Places get their numbers later, but which there are decides the form that
  // the library chooses, and so what the call needs.
  conv.bias = op.getBias() ? 0 : -1;
  conv.residual = op.getResidual() ? 0 : -1;
  return conv;
}

static std::unique_ptr<fb::AttentionViewT>
viewOf(std::optional<ArrayRef<int64_t>> layout) {
  if (!layout)
    return nullptr;
  auto view = std::make_unique<fb::AttentionViewT>();
  view->offset = (*layout)[0];
  view->batch_stride = (*layout)[1];
  view->head_stride = (*layout)[2];
  view->row_stride = (*layout)[3];
  return view;
}

fb::AttentionT recordOf(exec::AttentionOp op) {
  ArrayRef<int64_t> sizes = op.getSizes();
  fb::AttentionT attention;
  attention.kind = fb::AttentionKind(op.getKind());
  attention.dtype = dtypeOf(op.getElementType());
  attention.batch = sizes[0];
  attention.heads = sizes[1];
  attention.rows = sizes[2];
  attention.keys = sizes[3];
  attention.depth = sizes[4];
  attention.width = sizes[5];
  attention.scale = op.getScale().convertToDouble();
  attention.is_causal = op.getCausal();
  attention.q = viewOf(op.getQLayout());
  attention.k = viewOf(op.getKLayout());
  attention.v = viewOf(op.getVLayout());
  attention.output = viewOf(op.getOutputLayout());
  attention.grad = viewOf(op.getGradLayout());
  attention.dq = viewOf(op.getDqLayout());
  attention.dk = viewOf(op.getDkLayout());
  attention.dv = viewOf(op.getDvLayout());
  if (op.getMask()) {
    attention.mask = 0;
    attention.mask_dtype = dtypeOf(*op.getMaskType());
    attention.mask_offset = op.getMaskLayout()->front();
    attention.mask_strides = toVector(op.getMaskLayout()->drop_front());
  }
  return attention;
}

namespace {

/// Numbers for places, equal for equal ones.
class PlaceNumbers {
public:
  int32_t of(Value place) {
    if (!place)
      return -1;
    return numbers.try_emplace(place, int32_t(numbers.size())).first->second;
  }

private:
  llvm::DenseMap<Value, int32_t> numbers;
};

} // namespace

uint64_t scratchBytesOf(exec::ProgramOp program) {
  rt::ScratchSize size;
  PlaceNumbers places;
  for (exec::GemmOp op : program.getBlock().getOps<exec::GemmOp>()) {
    fb::GemmT gemm = recordOf(op);
    gemm.a = places.of(op.getA());
    gemm.b = places.of(op.getB());
    gemm.c = places.of(op.getC());
    gemm.bias = places.of(op.getBias());
    gemm.residual = places.of(op.getResidual());
    gemm.bias_gradient = places.of(op.getBiasGradient());
    gemm.workspace = places.of(op.getWorkspace());
    (void)size.add(gemm);
  }
  for (exec::ConvOp op : program.getBlock().getOps<exec::ConvOp>()) {
    fb::ConvT conv = recordOf(op);
    conv.src = places.of(op.getSrc());
    conv.weights = places.of(op.getWeights());
    conv.dst = places.of(op.getDst());
    conv.bias = places.of(op.getBias());
    conv.residual = places.of(op.getResidual());
    conv.workspace = places.of(op.getWorkspace());
    (void)size.add(conv);
  }
  for (exec::AttentionOp op : program.getBlock().getOps<exec::AttentionOp>())
    (void)size.add(recordOf(op));
  return size.bytesPerWorker();
}

} // namespace dlc
