//===- TraceRecords.cpp - what tracing knows of an instruction ------------===//
#include "compiler/pipeline/TraceRecords.h"

#include "compiler/pipeline/LibraryRecords.h"
#include "compiler/pipeline/Serialize.h"
#include "dialects/dlc/IR/Traced.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace dlc {

static std::vector<std::unique_ptr<fb::TracedOpT>> opsOf(Location loc) {
  std::vector<std::unique_ptr<fb::TracedOpT>> ops;
  for (const TracedOp &traced : tracedOps(loc)) {
    auto op = std::make_unique<fb::TracedOpT>();
    op->number = unsigned(traced.number);
    op->op = traced.op;
    op->nodes = nodeNames(traced.source);
    op->part = fb::StepPart(int(traced.part));
    op->state = traced.state;
    ops.push_back(std::move(op));
  }
  return ops;
}

namespace {

class TensorList {
public:
  TensorList(fb::CheckT &check, function_ref<unsigned(Value)> at)
      : check(check), at(at) {}

  void addLaunch(exec::LaunchOp op);
  void addGemm(exec::GemmOp op);
  void addConv(exec::ConvOp op);
  void addAttention(exec::AttentionOp op);
  /// A place of which only the bytes are known.
  void addBytes(Value place) {
    add(place, fb::DType::UI8, {int64_t(exec::bytesOf(place))}, true);
  }

private:
  void add(Value place, fb::DType dtype, ArrayRef<int64_t> dims,
           bool isWritten);
  void add(Value place, Type tensor, bool isWritten);
  void addVector(Value place, Type element, bool isWritten);
  void addMatrix(Value place, Type element, ArrayRef<int64_t> sizes,
                 ArrayRef<int64_t> strides, bool isWritten);

  fb::CheckT &check;
  function_ref<unsigned(Value)> at;
};

} // namespace

void TensorList::add(Value place, fb::DType dtype, ArrayRef<int64_t> dims,
                     bool isWritten) {
  auto tensor = std::make_unique<fb::TracedTensorT>();
  tensor->buffer = at(place);
  tensor->dtype = dtype;
  tensor->dims = dims.vec();
  tensor->is_written = isWritten;
  check.tensors.push_back(std::move(tensor));
}

void TensorList::add(Value place, Type type, bool isWritten) {
  auto tensor = cast<RankedTensorType>(type);
  add(place, dtypeOf(tensor.getElementType()), tensor.getShape(), isWritten);
}

void TensorList::addVector(Value place, Type element, bool isWritten) {
  if (place)
    add(place, dtypeOf(element),
        {int64_t(exec::bytesOf(place) / (element.getIntOrFloatBitWidth() / 8))},
        isWritten);
}

/// The dims in the order of memory where the matrix fills its place.
void TensorList::addMatrix(Value place, Type element, ArrayRef<int64_t> sizes,
                           ArrayRef<int64_t> strides, bool isWritten) {
  SmallVector<std::pair<int64_t, int64_t>> dims;
  int64_t elements = 1;
  for (auto [size, stride] : llvm::zip_equal(sizes, strides))
    if (size != 1 && stride != 0) {
      dims.push_back({stride, size});
      elements *= size;
    }
  llvm::sort(dims, std::greater<>());
  int64_t bytes = elements * (element.getIntOrFloatBitWidth() / 8);
  if (bytes != int64_t(exec::bytesOf(place)))
    return addVector(place, element, isWritten);
  add(place, dtypeOf(element),
      llvm::map_to_vector(dims, [](auto dim) { return dim.second; }),
      isWritten);
}

void TensorList::addLaunch(exec::LaunchOp op) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<exec::KernelOp>(
      op, op.getKernelAttr());
  dlc::KernelOp body = kernel.getRegionOp();
  for (auto [place, value] : llvm::zip_equal(op.getInputs(), body.getInputs()))
    add(place, value.getType(), false);
  for (auto [place, value] :
       llvm::zip_equal(op.getOutputs(), body.getOutputs()))
    add(place, value.getType(), true);
}

void TensorList::addGemm(exec::GemmOp op) {
  // [b0, b1, m, n, k]
  ArrayRef<int64_t> s = op.getSizes();
  addMatrix(op.getA(), op.getElementType(), {s[0], s[1], s[2], s[4]},
            op.getAStrides(), false);
  addMatrix(op.getB(), op.getElementType(), {s[0], s[1], s[4], s[3]},
            op.getBStrides(), false);
  addVector(op.getBias(), Float32Type::get(op.getContext()), false);
  addVector(op.getResidual(), op.getResultType(), false);
  addMatrix(op.getC(), op.getResultType(), {s[0], s[1], s[2], s[3]},
            op.getCStrides(), true);
  addVector(op.getBiasGradient(), Float32Type::get(op.getContext()), true);
}

void TensorList::addConv(exec::ConvOp op) {
  exec::ConvKind kind = op.getKind();
  auto addPart = [&](bool isWritten) {
    auto isResult = [&](exec::ConvKind of) { return kind == of; };
    if (isResult(exec::ConvKind::BackwardData) == isWritten)
      add(op.getSrc(), op.getSrcType(), isWritten);
    if (isResult(exec::ConvKind::BackwardWeights) == isWritten)
      add(op.getWeights(), op.getWeightsType(), isWritten);
    if (isResult(exec::ConvKind::Forward) == isWritten)
      add(op.getDst(), op.getDstType(), isWritten);
  };
  addPart(false);
  addVector(op.getResidual(),
            cast<RankedTensorType>(op.getDstType()).getElementType(), false);
  addVector(op.getBias(), Float32Type::get(op.getContext()),
            kind == exec::ConvKind::BackwardWeights);
  addPart(true);
}

/// Places may hold more than the call's tensors; each is looked at once. The
/// logsumexp is minus infinity by design where a mask hides a row, and anything
/// else that is not finite in it is in the output, too.
void TensorList::addAttention(exec::AttentionOp op) {
  llvm::SmallDenseSet<Value> seen = {op.getLogsumexp(), op.getMask(),
                                     op.getWorkspace()};
  for (Value place : op.getRead())
    if (seen.insert(place).second)
      addVector(place, op.getElementType(), false);
  for (Value place : op.getWritten())
    if (seen.insert(place).second)
      addVector(place, op.getElementType(), true);
}

std::unique_ptr<fb::CheckT> checkOf(exec::Instruction instruction,
                                    function_ref<unsigned(Value)> at) {
  auto check = std::make_unique<fb::CheckT>();
  check->infinities = uint8_t(infinitiesOf(instruction));
  check->ops = opsOf(instruction->getLoc());
  TensorList tensors(*check, at);
  llvm::TypeSwitch<Operation *>(instruction)
      .Case([&](exec::LaunchOp op) { tensors.addLaunch(op); })
      .Case([&](exec::GemmOp op) { tensors.addGemm(op); })
      .Case([&](exec::ConvOp op) { tensors.addConv(op); })
      .Case([&](exec::AttentionOp op) { tensors.addAttention(op); })
      .Case([&](exec::CopyOp op) { tensors.addBytes(op.getTarget()); })
      .Case([&](exec::FillOp op) { tensors.addBytes(op.getTarget()); });
  return check;
}

} // namespace dlc
