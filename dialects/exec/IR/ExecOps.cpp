//===- ExecOps.cpp - verifiers and answers of plan ops --------------------===//
#include "dialects/dlc/IR/Attention.h"
#include "dialects/dlc/indexing/Region.h"
#include "dialects/exec/IR/Exec.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace dlc::exec;
namespace exec = dlc::exec;

//===----------------------------------------------------------------------===//
// Side by side in the module
//===----------------------------------------------------------------------===//

void ProgramOp::build(OpBuilder &builder, OperationState &state,
                      llvm::StringRef name) {
  state.addAttribute(getSymNameAttrName(state.name),
                     builder.getStringAttr(name));
  state.addRegion()->emplaceBlock();
}

LogicalResult VariableOp::verify() {
  if (getOffset() % arenaAlignment)
    return emitOpError() << "expects an offset that is a multiple of "
                         << arenaAlignment << ", but got " << getOffset();
  return success();
}

dlc::KernelOp exec::KernelOp::getRegionOp() {
  return cast<dlc::KernelOp>(getBody().front().front());
}

LogicalResult exec::KernelOp::verifyRegions() {
  Block &block = getBody().front();
  auto kernel = llvm::hasSingleElement(block)
                    ? dyn_cast<dlc::KernelOp>(block.front())
                    : dlc::KernelOp();
  if (!kernel)
    return emitOpError() << "expects one 'dlc.kernel', but got "
                         << block.getOperations().size() << " ops";
  if (!llvm::equal(kernel.getInputs(), block.getArguments()))
    return emitOpError() << "expects the 'dlc.kernel' to take the block's "
                            "arguments in order, but got other operands";
  if (getCost().size() != 3)
    return emitOpError() << "expects a cost of 3 numbers, but got "
                         << getCost().size();
  return success();
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

/// A place holds exactly its tensor.
static LogicalResult verifyBytes(Operation *op, Value buffer, Type tensor) {
  if (bytesOf(buffer) == bytesOf(tensor))
    return success();
  return op->emitOpError() << "expects a place of " << bytesOf(tensor)
                           << " bytes for " << tensor << ", but got "
                           << bytesOf(buffer);
}

/// Places print under their own names, as far as those are identifiers.
static void namePlace(Value place, StringRef name,
                    OpAsmSetValueNameFn setNameFn) {
  std::string text;
  for (char c : name)
    text += llvm::isAlnum(c) ? c : '_';
  if (!text.empty())
    setNameFn(place, llvm::isDigit(text.front()) ? "_" + text : text);
}

void ArgumentOp::getAsmResultNames(OpAsmSetValueNameFn setNameFn) {
  namePlace(getBuffer(), exec::ArgumentOp::getName(), setNameFn);
}
void StateOp::getAsmResultNames(OpAsmSetValueNameFn setNameFn) {
  namePlace(getBuffer(), exec::StateOp::getName(), setNameFn);
}
void exec::ConstantOp::getAsmResultNames(OpAsmSetValueNameFn setNameFn) {
  namePlace(getBuffer(), "c", setNameFn);
}
void BufferOp::getAsmResultNames(OpAsmSetValueNameFn setNameFn) {
  namePlace(getBuffer(), exec::BufferOp::getName().value_or("b"), setNameFn);
}

LogicalResult ArgumentOp::verify() {
  return verifyBytes(*this, getBuffer(), getTensorType());
}
LogicalResult exec::ConstantOp::verify() {
  return verifyBytes(*this, getBuffer(), getValue().getShapedType());
}
LogicalResult OutputOp::verify() {
  return verifyBytes(*this, getBuffer(), getTensorType());
}

//===----------------------------------------------------------------------===//
// Launch
//===----------------------------------------------------------------------===//

static exec::KernelOp kernelOf(LaunchOp launch) {
  return SymbolTable::lookupNearestSymbolFrom<exec::KernelOp>(
      launch->getParentOp(), launch.getKernelAttr());
}

LogicalResult LaunchOp::verify() {
  if (getGrid() && int64_t(*getGrid()) < 0)
    return emitOpError() << "expects a grid of at least 0, but got "
                         << int64_t(*getGrid());
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<exec::KernelOp>(
      getOperation()->getParentOp(), getKernelAttr());
  if (!kernel)
    return emitOpError() << "expects a kernel of the module, but got '"
                         << getKernel() << "'";
  dlc::KernelOp region = kernel.getRegionOp();
  auto check = [&](ValueRange places, TypeRange types,
                   StringRef what) -> LogicalResult {
    if (places.size() != types.size())
      return emitOpError() << "expects as many " << what << " as '"
                           << getKernel() << "' has, " << types.size()
                           << ", but got " << places.size();
    for (auto [i, place, type] : llvm::enumerate(places, types))
      if (bytesOf(place) != bytesOf(type))
        return emitOpError()
               << "expects " << what << " " << i << " to be of "
               << bytesOf(type) << " bytes, but got " << bytesOf(place);
    return success();
  };
  if (failed(check(getInputs(), region.getInputs().getTypes(), "inputs")))
    return failure();
  return check(getOutputs(), region.getOutputs().getTypes(), "outputs");
}

SmallVector<Value> LaunchOp::getRead() { return getInputs(); }
SmallVector<Value> LaunchOp::getWritten() { return getOutputs(); }
std::string LaunchOp::getLabel() { return getKernel().str(); }

InstructionCost LaunchOp::getCost() {
  ArrayRef<int64_t> cost = kernelOf(*this).getCost();
  return {uint64_t(cost[0]), uint64_t(cost[1]), uint64_t(cost[2])};
}

/// Every read of `input` in `plan` is of the element that `output` then
/// overwrites, in the last sweep.
static bool readsOnlyWhatItWrites(const dlc::RegionPlan &plan, Value input,
                                  const dlc::RegionOutput &output) {
  if (!plan.reductions.empty() && output.level != plan.levels)
    return false;
  AffineExpr written =
      plan.space.linearize(output.at, dlc::shapeOf(output.value));
  return llvm::all_of(plan.leaves, [&](const dlc::RegionLeaf &leaf) {
    return leaf.value != input || leaf.offset == written;
  });
}

bool LaunchOp::mayShare(Value read, Value written) {
  auto output = llvm::find(getOutputs(), written);
  if (output == getOutputs().end())
    return false;
  dlc::KernelOp kernel = kernelOf(*this).getRegionOp();
  // A list updates states, each slice from its own old value alone.
  if (kernel.getSchedule().getKind() == dlc::ScheduleKind::List)
    return bool(read.getDefiningOp<StateOp>());
  // A scatter reads and adds in the order of its indices; attention's groups
  // read what others of them write.
  dlc::ScheduleKind kind = kernel.getSchedule().getKind();
  if (kind == dlc::ScheduleKind::Scatter ||
      kind == dlc::ScheduleKind::Attention)
    return false;
  Block &body = kernel.getBody().front();
  unsigned number = output - getOutputs().begin();
  Type type = body.getTerminator()->getOperand(number).getType();
  FailureOr<dlc::RegionPlan> plan = dlc::planKernel(kernel);
  if (failed(plan))
    return false;
  // Rows of other threads are read again after a row's scalars are stored.
  const dlc::RegionOutput &own = plan->outputs[number];
  if (plan->isMixed() && (own.isPerRow || own.isPerColumn))
    return false;
  for (auto [input, argument] :
       llvm::zip_equal(getInputs(), body.getArguments()))
    if (input == read &&
        (dlc::elementTypeOf(argument).getIntOrFloatBitWidth() !=
             cast<RankedTensorType>(type).getElementTypeBitWidth() ||
         !readsOnlyWhatItWrites(*plan, argument, own)))
      return false;
  return true;
}

//===----------------------------------------------------------------------===//
// Library calls
//===----------------------------------------------------------------------===//

/// Appends the optional operands that are there.
static void append(SmallVector<Value> &places,
                   std::initializer_list<Value> more) {
  for (Value place : more)
    if (place)
      places.push_back(place);
}

/// "gemm_bias_relu": what is computed in the same call.
static std::string label(StringRef call, Value bias, Activation activation,
                         Value residual) {
  std::string text = call.str();
  if (bias)
    text += "_bias";
  if (activation != Activation::None)
    text += "_" + stringifyActivation(activation).str();
  if (residual)
    text += "_residual";
  return text;
}

/// The view's last element lies in the place.
static LogicalResult verifyView(GemmOp op, StringRef name, Value place,
                                Type element, int64_t offset,
                                ArrayRef<int64_t> strides,
                                ArrayRef<int64_t> sizes) {
  if (strides.size() != 4)
    return op.emitOpError() << "expects 4 strides of '" << name
                            << "', but got " << strides.size();
  int64_t last = offset;
  for (auto [size, stride] : llvm::zip_equal(sizes, strides)) {
    if (stride < 0 || offset < 0)
      return op.emitOpError() << "expects '" << name
                              << "' to have no negative stride or offset, but "
                                 "got "
                              << (offset < 0 ? offset : stride);
    last += (size - 1) * stride;
  }
  uint64_t bytes = uint64_t(last + 1) * element.getIntOrFloatBitWidth() / 8;
  if (llvm::all_of(sizes, [](int64_t size) { return size > 0; }) &&
      bytes > bytesOf(place))
    return op.emitOpError() << "expects '" << name << "' to lie in its "
                            << bytesOf(place) << " bytes, but got an end at "
                            << bytes;
  return success();
}

/// What the libraries sum beside a product.
static LogicalResult verifyBiasGradient(GemmOp op) {
  if (bool(op.getBiasGradient()) != op.getBiasGradientOf().has_value())
    return op.emitOpError()
           << "expects a bias gradient of an operand, but got "
           << (op.getBiasGradient() ? "no operand" : "no bias gradient");
  if (!op.getBiasGradient())
    return success();
  ArrayRef<int64_t> sizes = op.getSizes();
  if (sizes[0] != 1 || sizes[1] != 1 || !op.getResultType().isF32() ||
      op.getBias() || op.getActivation() != Activation::None)
    return op.emitOpError() << "expects a bias gradient beside one product in "
                               "f32 without bias and activation, but got "
                            << op.getSizesAttr() << " of "
                            << op.getResultType();
  uint64_t bytes = uint64_t(op.getBiasGradientSize()) * sizeof(float);
  if (bytesOf(op.getBiasGradient()) < bytes)
    return op.emitOpError() << "expects a bias gradient of " << bytes
                            << " bytes, but got "
                            << bytesOf(op.getBiasGradient());
  return success();
}

LogicalResult GemmOp::verify() {
  ArrayRef<int64_t> s = getSizes();
  if (s.size() != 5 || llvm::any_of(s, [](int64_t n) { return n < 0; }))
    return emitOpError() << "expects sizes [batch0, batch1, m, n, k], but got "
                         << getSizesAttr();
  if (!isa<FloatType>(getElementType()))
    return emitOpError() << "expects a float type, but got "
                         << getElementType();
  Type narrow = getElementType(), result = getResultType();
  if (result != narrow && !(narrow.getIntOrFloatBitWidth() == 16 && result.isF32()))
    return emitOpError() << "expects a wide type of f32 for a 16-bit product, "
                            "but got "
                         << result << " for " << narrow;
  if (getTf32() && !narrow.isF32())
    return emitOpError() << "expects tf32 of an f32 product, but got "
                         << narrow;
  auto view = [&](StringRef name, Value place, Type element, uint64_t offset,
                  ArrayRef<int64_t> strides, int64_t rows, int64_t columns) {
    return verifyView(*this, name, place, element, int64_t(offset), strides,
                      {s[0], s[1], rows, columns});
  };
  if (failed(view("a", getA(), narrow, getAOffset(), getAStrides(), s[2],
                  s[4])) ||
      failed(view("b", getB(), narrow, getBOffset(), getBStrides(), s[4],
                  s[3])) ||
      failed(view("c", getC(), result, getCOffset(), getCStrides(), s[2],
                  s[3])))
    return failure();
  if (getResidual() && failed(view("residual", getResidual(), result,
                                   getCOffset(), getCStrides(), s[2], s[3])))
    return failure();
  if (std::optional<Type> type = getNarrowBiasType();
      type && (!getBias() || *type != result || result != narrow))
    return emitOpError() << "expects a narrow bias of the type of the product "
                            "and its result, but got "
                         << *type << " for " << narrow << " and " << result;
  uint64_t columnBytes = uint64_t(s[3]) * getBiasWidth();
  if (getBias() && bytesOf(getBias()) < columnBytes)
    return emitOpError() << "expects a bias of " << columnBytes
                         << " bytes, but got " << bytesOf(getBias());
  return verifyBiasGradient(*this);
}

SmallVector<Value> GemmOp::getRead() {
  SmallVector<Value> places{getA(), getB()};
  append(places, {getBias(), getResidual()});
  return places;
}
SmallVector<Value> GemmOp::getWritten() {
  SmallVector<Value> places{getC()};
  append(places, {getBiasGradient(), getWorkspace()});
  return places;
}
std::string GemmOp::getLabel() {
  return label("gemm", getBias(), getActivation(), getResidual()) +
         (getBiasGradient() ? "_bias_gradient" : "");
}

/// Each element of the residual is read just before the result's is written.
bool GemmOp::mayShare(Value read, Value written) {
  return written == getC() && read == getResidual() && read != getA() &&
         read != getB() && read != getBias();
}

InstructionCost GemmOp::getCost() {
  ArrayRef<int64_t> s = getSizes();
  uint64_t batch = uint64_t(s[0]) * s[1];
  uint64_t m = s[2], n = s[3], k = s[4];
  uint64_t bytes = getElementType().getIntOrFloatBitWidth() / 8;
  uint64_t resultBytes = getResultType().getIntOrFloatBitWidth() / 8;
  uint64_t operands = bytes * (m * k + k * n);
  uint64_t residual = getResidual() ? resultBytes * m * n : 0;
  uint64_t bias = getBias() ? getBiasWidth() * n : 0;
  uint64_t sums = getBiasGradient() ? getBiasGradientSize() : 0;
  return {2 * batch * m * n * k + sums * k,
          batch * (operands + residual) + bias,
          resultBytes * batch * m * n + sizeof(float) * sums};
}

LogicalResult exec::ConvOp::verify() {
  std::tuple<StringRef, Value, Type> operands[] = {
      {"src", getSrc(), getSrcType()},
      {"weights", getWeights(), getWeightsType()},
      {"dst", getDst(), getDstType()}};
  size_t spatial = getStrides().size();
  for (auto [name, place, type] : operands) {
    auto tensor = cast<RankedTensorType>(type);
    if (tensor.getRank() != int64_t(spatial) + 2)
      return emitOpError() << "expects '" << name << "' of rank "
                           << spatial + 2 << ", but got " << tensor.getRank();
    if (failed(verifyBytes(*this, place, type)))
      return failure();
  }
  Type element = cast<RankedTensorType>(getSrcType()).getElementType();
  if (getTf32() && !element.isF32())
    return emitOpError() << "expects tf32 of an f32 convolution, but got "
                         << element;
  for (ArrayRef<int64_t> list :
       {getDilations(), getPadsBegin(), getPadsEnd()})
    if (list.size() != spatial)
      return emitOpError() << "expects " << spatial
                           << " dilations and pads, but got " << list.size();
  if (getKind() != ConvKind::Forward &&
      (getResidual() || getActivation() != Activation::None))
    return emitOpError() << "expects activation and residual of 'forward' "
                            "alone, but got '"
                         << stringifyConvKind(getKind()) << "'";
  return success();
}

SmallVector<Value> exec::ConvOp::getRead() {
  SmallVector<Value> places;
  if (getKind() != ConvKind::BackwardData)
    places.push_back(getSrc());
  if (getKind() != ConvKind::BackwardWeights) {
    places.push_back(getWeights());
    append(places, {getBias()});
  }
  if (getKind() != ConvKind::Forward)
    places.push_back(getDst());
  append(places, {getResidual()});
  return places;
}

SmallVector<Value> exec::ConvOp::getWritten() {
  SmallVector<Value> places;
  switch (getKind()) {
  case ConvKind::Forward:
    places = {getDst()};
    break;
  case ConvKind::BackwardData:
    places = {getSrc()};
    break;
  case ConvKind::BackwardWeights:
    places = {getWeights()};
    append(places, {getBias()});
    break;
  }
  append(places, {getWorkspace()});
  return places;
}

std::string exec::ConvOp::getLabel() {
  switch (getKind()) {
  case ConvKind::Forward:
    return label("conv", getBias(), getActivation(), getResidual());
  case ConvKind::BackwardData:
    return "conv_grad_data";
  case ConvKind::BackwardWeights:
    return "conv_grad_weights";
  }
  llvm_unreachable("a kind of convolution");
}

InstructionCost exec::ConvOp::getCost() {
  auto weights = cast<RankedTensorType>(getWeightsType());
  auto dst = cast<RankedTensorType>(getDstType());
  uint64_t perResult = 1;
  for (int64_t size : weights.getShape().drop_front())
    perResult *= uint64_t(size);
  uint64_t all = bytesOf(getSrcType()) + bytesOf(getWeightsType()) +
                 bytesOf(getDstType());
  uint64_t written = bytesOf(getWritten().front());
  uint64_t read = all - written;
  for (Value operand : {getBias(), getResidual()})
    if (operand && llvm::is_contained(getRead(), operand))
      read += bytesOf(operand);
  return {2 * uint64_t(dst.getNumElements()) * perResult, read, written};
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {
/// A tensor of the call: `inner` are its sizes after batch and heads.
struct AttentionTensor {
  StringRef name;
  Value place;
  std::optional<ArrayRef<int64_t>> layout;
  std::array<int64_t, 2> inner;
  bool isBackward = false;
};
} // namespace

static SmallVector<AttentionTensor> tensorsOf(AttentionOp op) {
  ArrayRef<int64_t> s = op.getSizes();
  int64_t rows = s[2], keys = s[3], depth = s[4], width = s[5];
  return {{"q", op.getQ(), op.getQLayout(), {rows, depth}},
          {"k", op.getK(), op.getKLayout(), {keys, depth}},
          {"v", op.getV(), op.getVLayout(), {keys, width}},
          {"out", op.getOutput(), op.getOutputLayout(), {rows, width}},
          {"grad", op.getGrad(), op.getGradLayout(), {rows, width}, true},
          {"dq", op.getDq(), op.getDqLayout(), {rows, depth}, true},
          {"dk", op.getDk(), op.getDkLayout(), {keys, depth}, true},
          {"dv", op.getDv(), op.getDvLayout(), {keys, width}, true}};
}

/// The last element lies in the place. `strides` end with that of columns.
static LogicalResult verifyLayout(AttentionOp op, StringRef name, Value place,
                                  Type element, ArrayRef<int64_t> layout,
                                  std::array<int64_t, 2> inner) {
  if (layout.size() != 5 ||
      llvm::any_of(layout, [](int64_t n) { return n < 0; }))
    return op.emitOpError() << "expects offset and strides of '" << name
                            << "', none of them negative, but got "
                            << DenseI64ArrayAttr::get(op.getContext(), layout);
  int64_t sizes[] = {op.getSizes()[0], op.getSizes()[1], inner[0], inner[1]};
  int64_t last = layout[0];
  for (auto [size, stride] : llvm::zip_equal(sizes, layout.drop_front()))
    last += (size - 1) * stride;
  uint64_t bytes =
      uint64_t(last + 1) * ((element.getIntOrFloatBitWidth() + 7) / 8);
  if (!llvm::is_contained(sizes, 0) && bytes > bytesOf(place))
    return op.emitOpError() << "expects '" << name << "' to lie in its "
                            << bytesOf(place) << " bytes, but got an end at "
                            << bytes;
  return success();
}

static LogicalResult verifyTensor(AttentionOp op,
                                  const AttentionTensor &tensor) {
  bool isThere = tensor.place && tensor.layout;
  bool isWanted = !tensor.isBackward || op.getKind() == AttentionKind::Backward;
  if (isThere != isWanted)
    return op.emitOpError() << "expects '" << tensor.name << "' of 'backward' "
                            << "alone, but got '"
                            << stringifyAttentionKind(op.getKind()) << "'";
  if (!isThere)
    return success();
  // Columns follow each other.
  SmallVector<int64_t> layout(*tensor.layout);
  layout.push_back(1);
  return verifyLayout(op, tensor.name, tensor.place, op.getElementType(),
                      layout, tensor.inner);
}

LogicalResult AttentionOp::verify() {
  ArrayRef<int64_t> s = getSizes();
  if (s.size() != 6 || llvm::any_of(s, [](int64_t n) { return n < 0; }))
    return emitOpError() << "expects sizes [batch, heads, rows, keys, depth, "
                            "width], but got "
                         << getSizesAttr();
  Type element = getElementType();
  if (!element.isF64() && !element.isF32() && !element.isF16() &&
      !element.isBF16())
    return emitOpError() << "expects f64, f32, f16 or bf16, but got "
                         << element;
  for (const AttentionTensor &tensor : tensorsOf(*this))
    if (failed(verifyTensor(*this, tensor)))
      return failure();
  Type score = dlc::scoreType(element);
  uint64_t lse =
      uint64_t(s[0] * s[1] * s[2]) * score.getIntOrFloatBitWidth() / 8;
  if (bytesOf(getLogsumexp()) < lse)
    return emitOpError() << "expects an 'lse' of " << lse << " bytes, but got "
                         << bytesOf(getLogsumexp());
  if (!getMask())
    return success();
  if (!getMaskType() || !getMaskLayout() ||
      (!getMaskType()->isInteger(1) && *getMaskType() != score))
    return emitOpError() << "expects a mask of i1 or " << score << ", but got "
                         << getMaskTypeAttr();
  return verifyLayout(*this, "mask", getMask(), *getMaskType(),
                      *getMaskLayout(), {s[2], s[3]});
}

SmallVector<Value> AttentionOp::getRead() {
  SmallVector<Value> places{getQ(), getK(), getV()};
  append(places, {getMask()});
  if (getKind() == AttentionKind::Backward)
    append(places, {getOutput(), getLogsumexp(), getGrad()});
  return places;
}

/// The three gradients may be parts of one place.
SmallVector<Value> AttentionOp::getWritten() {
  SmallVector<Value> places;
  if (getKind() == AttentionKind::Forward)
    places = {getOutput(), getLogsumexp()};
  else
    places = {getDq(), getDk(), getDv()};
  append(places, {getWorkspace()});
  llvm::SetVector<Value> distinct(llvm::from_range, places);
  return distinct.takeVector();
}

std::string AttentionOp::getLabel() {
  std::string text = "attention";
  if (getCausal())
    text += "_causal";
  if (getMask())
    text += "_mask";
  return getKind() == AttentionKind::Backward ? text + "_grad" : text;
}

InstructionCost AttentionOp::getCost() {
  ArrayRef<int64_t> s = getSizes();
  dlc::AttentionSizes sizes{{s[0], s[1]}, s[2], s[3], s[4], s[5]};
  bool isBackward = getKind() == AttentionKind::Backward;
  double perPair =
      isBackward ? 2.0 * (3 * s[4] + 2 * s[5]) + 20 : 2.0 * (s[4] + s[5]) + 20;
  uint64_t heads = uint64_t(s[0]) * s[1];
  uint64_t width = getElementType().getIntOrFloatBitWidth() / 8;
  uint64_t query = heads * s[2] * s[4] * width;
  uint64_t key = heads * s[3] * s[4] * width;
  uint64_t value = heads * s[3] * s[5] * width;
  uint64_t output = heads * s[2] * s[5] * width;
  uint64_t lse = heads * s[2] *
                 dlc::scoreType(getElementType()).getIntOrFloatBitWidth() / 8;
  uint64_t read = query + key + value + (getMask() ? bytesOf(getMask()) : 0);
  // What a library keeps of the scores' gradients goes there and back.
  uint64_t kept = getWorkspace() ? bytesOf(getWorkspace()) : 0;
  if (isBackward)
    return {uint64_t(sizes.pairs(getCausal()) * perPair),
            read + 2 * output + lse + kept, query + key + value + kept};
  return {uint64_t(sizes.pairs(getCausal()) * perPair), read, output + lse};
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

LogicalResult CopyOp::verify() {
  if (getSourceOffset() + getBytes() > bytesOf(getSource()) ||
      getTargetOffset() + getBytes() > bytesOf(getTarget()))
    return emitOpError() << "expects to copy within " << bytesOf(getSource())
                         << " and " << bytesOf(getTarget())
                         << " bytes, but got " << getBytes();
  return success();
}
SmallVector<Value> CopyOp::getRead() { return {getSource()}; }
SmallVector<Value> CopyOp::getWritten() { return {getTarget()}; }
std::string CopyOp::getLabel() { return "copy"; }
InstructionCost CopyOp::getCost() { return {0, getBytes(), getBytes()}; }

/// One of both places lies in the host arena.
static LogicalResult verifyArenas(Operation *op, Value source, Value target) {
  if (isOnHost(source) == isOnHost(target))
    return op->emitOpError("expects a place in the arena and one in the host "
                           "arena, but got two of one kind");
  return success();
}

LogicalResult TransferOp::verify() {
  return verifyArenas(*this, getSource(), getTarget());
}
SmallVector<Value> TransferOp::getRead() { return {getSource()}; }
SmallVector<Value> TransferOp::getWritten() { return {getTarget()}; }
std::string TransferOp::getLabel() {
  return isOnHost(getTarget()) ? "transfer_to_host" : "transfer_from_host";
}
InstructionCost TransferOp::getCost() {
  return {0, bytesOf(getSource()), bytesOf(getTarget())};
}

LogicalResult WaitOp::verify() {
  return verifyArenas(*this, getSource(), getTarget());
}
SmallVector<Value> WaitOp::getRead() { return {getSource()}; }
SmallVector<Value> WaitOp::getWritten() { return {getTarget()}; }
std::string WaitOp::getLabel() { return "wait"; }
InstructionCost WaitOp::getCost() { return {0, 0, 0}; }

LogicalResult FillOp::verify() {
  uint64_t width = getPatternBytes();
  if (!llvm::is_contained({1, 2, 4, 8}, int(width)))
    return emitOpError() << "expects a pattern of 1, 2, 4 or 8 bytes, but got "
                         << width;
  if (bytesOf(getTarget()) % width)
    return emitOpError() << "expects whole patterns of " << width
                         << " bytes, but got " << bytesOf(getTarget());
  return success();
}
SmallVector<Value> FillOp::getRead() { return {}; }
SmallVector<Value> FillOp::getWritten() { return {getTarget()}; }
std::string FillOp::getLabel() { return "fill"; }
InstructionCost FillOp::getCost() { return {0, 0, bytesOf(getTarget())}; }
