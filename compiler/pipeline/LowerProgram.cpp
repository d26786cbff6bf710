//===- LowerProgram.cpp - from kernels to the runtime's plan --------------===//
//
// 1. Every tensor that some instruction writes gets a buffer; reshapes share
//    their operand's. New values of state are written into the state itself
//    where nothing reads the old value afterwards, and copied there otherwise.
// 2. Instructions follow the function's order.
// 3. Lifetimes give offsets (passes/memory).
//
//===----------------------------------------------------------------------===//
#include "compiler/pipeline/LowerProgram.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/indexing/Region.h"
#include "passes/fuse/FusionCost.h"
#include "passes/fuse/Views.h"
#include "passes/memory/PlanMemory.h"
#include "runtime/cpu/Conv.h"
#include "runtime/cpu/Gemm.h"

using namespace mlir;

namespace dlc {

uint64_t ConstantPool::add(ElementsAttr value) {
  std::vector<std::byte> own;
  auto append = [&](ArrayRef<char> raw) {
    auto *data = reinterpret_cast<const std::byte *>(raw.data());
    own.insert(own.end(), data, data + raw.size());
  };
  auto type = cast<RankedTensorType>(value.getType());
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    append(resource.getData());
  } else if (type.getElementType().isInteger(1)) {
    for (bool bit : dense.getValues<bool>())
      own.push_back(std::byte(bit));
  } else if (dense.isSplat()) {
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      append(dense.getRawData());
  } else {
    append(dense.getRawData());
  }
  StringRef key(reinterpret_cast<const char *>(own.data()), own.size());
  auto [it, isNew] = offsets.try_emplace(key, bytes.size());
  if (isNew) {
    bytes.insert(bytes.end(), own.begin(), own.end());
    bytes.resize((bytes.size() + 63) / 64 * 64);
  }
  return it->second;
}

namespace {

class Lowering {
public:
  Lowering(func::FuncOp function, const StateTable &states,
           KernelTable &kernels, ConstantPool &constants)
      : function(function), states(states), kernels(kernels),
        constants(constants), program(std::make_unique<fb::ProgramT>()) {}

  FailureOr<std::unique_ptr<fb::ProgramT>> run(StringRef name);

private:
  struct Lifetime {
    int64_t first = INT64_MAX, last = -1;
  };

  void addArguments();
  LogicalResult addOp(Operation &op);
  LogicalResult addKernel(KernelOp kernel);
  LogicalResult addGemm(DotGeneralOp dot);
  template <typename OpTy>
  LogicalResult addConv(OpTy op, fb::ConvKind kind, Value src, Value weights,
                        Value dst);
  void addResults();
  void chooseInPlace();
  LogicalResult placeBuffers();

  /// The value whose buffer holds `value`: reshapes are looked through.
  Value rootOf(Value value);
  unsigned bufferOf(Value value);
  unsigned newBuffer(uint64_t bytes, fb::Category category, StringRef name);
  unsigned workspace(uint64_t bytes);
  fb::InstructionT &append(Operation *op, StringRef label);
  template <typename T>
  void setOp(fb::InstructionT &instruction, T op) {
    instruction.op.Set(std::move(op));
  }

  func::FuncOp function;
  const StateTable &states;
  KernelTable &kernels;
  ConstantPool &constants;
  std::unique_ptr<fb::ProgramT> program;
  llvm::DenseMap<Value, unsigned> buffers;
  /// Gemm results that are written as their transpose.
  llvm::DenseMap<Value, Value> writtenAs;
  /// Per buffer; only arena temporaries count.
  std::vector<Lifetime> lifetimes;
  std::vector<bool> isTemporary;
  /// State argument number of values that may be written in place.
  llvm::DenseMap<Value, unsigned> inPlace;
};

} // namespace

/// Names of ONNX nodes (or source lines) in a location.
static void collectNames(Location loc, std::vector<std::string> &names) {
  if (auto name = dyn_cast<NameLoc>(loc)) {
    std::string text = name.getName().str();
    if (text != "gradient" && !llvm::is_contained(names, text))
      names.push_back(text);
    collectNames(name.getChildLoc(), names);
  } else if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location inner : fused.getLocations())
      collectNames(inner, names);
  }
}

static bool isGradient(Location loc) {
  bool found = false;
  loc->walk([&](Location inner) {
    if (auto name = dyn_cast<NameLoc>(inner))
      found |= name.getName() == "gradient";
    return WalkResult::advance();
  });
  return found;
}

fb::InstructionT &Lowering::append(Operation *op, StringRef label) {
  auto instruction = std::make_unique<fb::InstructionT>();
  instruction->label = label.str();
  collectNames(op->getLoc(), instruction->nodes);
  if (instruction->nodes.size() > 16)
    instruction->nodes.resize(16);
  program->instructions.push_back(std::move(instruction));
  return *program->instructions.back();
}

unsigned Lowering::newBuffer(uint64_t bytes, fb::Category category,
                             StringRef name) {
  auto buffer = std::make_unique<fb::BufferT>();
  buffer->space = fb::Space::Arena;
  buffer->bytes = bytes;
  buffer->category = category;
  buffer->name = name.str();
  program->buffers.push_back(std::move(buffer));
  lifetimes.emplace_back();
  isTemporary.push_back(true);
  return program->buffers.size() - 1;
}

Value Lowering::rootOf(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getOperand();
  return value;
}

unsigned Lowering::bufferOf(Value value) {
  value = rootOf(value);
  auto it = buffers.find(value);
  if (it != buffers.end())
    return it->second;
  unsigned buffer;
  if (auto constant = value.getDefiningOp<ConstantOp>()) {
    buffer = newBuffer(bytesOf(value.getType()), fb::Category::Constant, "");
    program->buffers[buffer]->space = fb::Space::Constant;
    program->buffers[buffer]->offset = constants.add(constant.getValue());
    isTemporary[buffer] = false;
  } else {
    std::vector<std::string> names;
    collectNames(value.getLoc(), names);
    buffer = newBuffer(bytesOf(value.getType()),
                       isGradient(value.getLoc()) ? fb::Category::Gradient
                                                  : fb::Category::Activation,
                       names.empty() ? "" : names.back());
  }
  buffers[value] = buffer;
  return buffer;
}

unsigned Lowering::workspace(uint64_t bytes) {
  return newBuffer(bytes, fb::Category::Workspace, "workspace");
}

static fb::Category categoryOf(fb::StateRole role) {
  switch (role) {
  case fb::StateRole::Parameter:
    return fb::Category::Parameter;
  case fb::StateRole::Statistic:
    return fb::Category::Statistic;
  case fb::StateRole::Optimizer:
    return fb::Category::OptimizerState;
  default:
    return fb::Category::OtherState;
  }
}

static std::unique_ptr<fb::TensorInfoT> tensorInfo(StringRef name, Type type,
                                                   unsigned buffer) {
  auto info = std::make_unique<fb::TensorInfoT>();
  auto tensor = cast<RankedTensorType>(type);
  info->name = name.str();
  info->dtype = dtypeOf(tensor.getElementType());
  info->dims.assign(tensor.getShape().begin(), tensor.getShape().end());
  info->buffer = buffer;
  return info;
}

void Lowering::addArguments() {
  for (BlockArgument argument : function.getArguments()) {
    unsigned i = argument.getArgNumber();
    unsigned buffer = newBuffer(bytesOf(argument.getType()),
                                fb::Category::Input, "");
    buffers[argument] = buffer;
    fb::BufferT &entry = *program->buffers[buffer];
    if (auto input = function.getArgAttrOfType<StringAttr>(i, names::input)) {
      entry.name = input.str();
      lifetimes[buffer].first = -1;
      program->inputs.push_back(
          tensorInfo(input.getValue(), argument.getType(), buffer));
      continue;
    }
    auto name = function.getArgAttrOfType<StringAttr>(i, names::param);
    if (!name)
      name = function.getArgAttrOfType<StringAttr>(i, names::state);
    const fb::StateT *state = states.find(name.getValue());
    entry.name = state->name;
    entry.category = categoryOf(state->role);
    entry.offset = state->offset;
    isTemporary[buffer] = false;
  }
}

//===- In place updates of state ------------------------------------------===//

/// Every read of input `input` in `plan` is of the element that output `output`
/// then overwrites.
static bool readsOnlyWhatItWrites(const RegionPlan &plan, Value input,
                                  const RegionOutput &output) {
  if (!plan.reductions.empty() && output.level != plan.levels)
    return false;
  AffineExpr written =
      plan.space.linearize(output.at, shapeOf(output.value));
  return llvm::all_of(plan.leaves, [&](const RegionLeaf &leaf) {
    return leaf.value != input || leaf.offset == written;
  });
}

/// Marks results whose new state may be written over the old one: the kernel
/// reads the old value element by element, and nothing reads it later.
void Lowering::chooseInPlace() {
  auto terminator = function.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    auto alias = function.getResultAttrOfType<IntegerAttr>(i, names::alias);
    Value root = rootOf(value);
    auto kernel = root.getDefiningOp<KernelOp>();
    if (!alias || !kernel || inPlace.contains(root))
      continue;
    BlockArgument old = function.getArgument(alias.getInt());
    bool isReadLater = llvm::any_of(old.getUsers(), [&](Operation *user) {
      // Views of the old value count as reads by whoever reads the view.
      if (isa<ReshapeOp, TransposeOp, SliceOp>(user))
        return !llvm::all_of(user->getUsers(), [&](Operation *reader) {
          return reader->isBeforeInBlock(kernel);
        });
      return user != kernel && !user->isBeforeInBlock(kernel);
    });
    if (isReadLater)
      continue;
    // Slices of a list are read at the element that is written.
    if (kernel.getSchedule().getKind() == ScheduleKind::List) {
      inPlace[root] = alias.getInt();
      continue;
    }
    Block &body = kernel.getBody().front();
    SmallVector<Operation *> ops;
    for (Operation &op : body.without_terminator())
      ops.push_back(&op);
    SmallVector<Value> outputs(body.getTerminator()->getOperands());
    FailureOr<RegionPlan> plan = planRegion(ops, outputs);
    if (failed(plan))
      continue;
    unsigned number = cast<OpResult>(root).getResultNumber();
    bool isSafe = true;
    for (auto [input, argument] :
         llvm::zip_equal(kernel.getInputs(), body.getArguments()))
      if (rootOf(input) == old)
        isSafe &= readsOnlyWhatItWrites(*plan, argument, plan->outputs[number]);
    if (isSafe)
      inPlace[root] = alias.getInt();
  }
}

//===- Instructions -------------------------------------------------------===//

LogicalResult Lowering::addKernel(KernelOp kernel) {
  FailureOr<unsigned> index = kernels.add(kernel);
  if (failed(index))
    return failure();
  const KernelEntry &entry = kernels.entries()[*index];
  for (Value result : kernel.getOutputs())
    if (auto it = inPlace.find(result); it != inPlace.end())
      buffers[result] = buffers[function.getArgument(it->second)];
  fb::LaunchT launch;
  launch.kernel = *index;
  launch.groups = entry.groups;
  launch.dims = entry.dims;
  for (Value input : kernel.getInputs())
    launch.buffers.push_back(bufferOf(input));
  for (Value output : kernel.getOutputs())
    launch.buffers.push_back(bufferOf(output));
  fb::InstructionT &instruction = append(kernel, entry.symbol);
  Block &body = kernel.getBody().front();
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator())
    ops.push_back(&op);
  SmallVector<Value> outputs(body.getTerminator()->getOperands());
  if (kernel.getSchedule().getKind() == ScheduleKind::List) {
    for (Value input : kernel.getInputs())
      instruction.bytes_read += bytesOf(input.getType());
    for (Value output : kernel.getOutputs())
      instruction.bytes_written += bytesOf(output.getType());
  } else if (FailureOr<RegionPlan> plan = planRegion(ops, outputs);
             succeeded(plan)) {
    KernelTraffic traffic = kernelTraffic(*plan);
    instruction.flops = uint64_t(plan->operations);
    instruction.bytes_read = uint64_t(traffic.read);
    instruction.bytes_written = uint64_t(traffic.written);
  }
  if (launch.groups == 0) {
    program->instructions.pop_back();
    return success();
  }
  setOp(instruction, std::move(launch));
  return success();
}

static std::vector<int64_t> toVector(ArrayRef<int64_t> values) {
  return std::vector<int64_t>(values.begin(), values.end());
}

LogicalResult Lowering::addGemm(DotGeneralOp dot) {
  GemmCall call = planGemm(dot, [](Value) { return false; });
  if (!call.writes)
    return dot.emitOpError() << "has dims that no matrix product can take, and "
                                "no kernel was formed for it [DLC4006]";
  const GemmShape &shape = call.shape;
  fb::GemmT gemm;
  gemm.dtype = dtypeOf(elementTypeOf(dot.getResult()));
  gemm.batch0 = shape.batch0;
  gemm.batch1 = shape.batch1;
  gemm.m = shape.m;
  gemm.n = shape.n;
  gemm.k = shape.k;
  gemm.a = bufferOf(shape.a.base);
  gemm.b = bufferOf(shape.b.base);
  gemm.c = bufferOf(call.writes);
  gemm.a_offset = shape.a.offset;
  gemm.b_offset = shape.b.offset;
  gemm.c_offset = shape.c.offset;
  gemm.a_strides = toVector(shape.aStrides);
  gemm.b_strides = toVector(shape.bStrides);
  gemm.c_strides = toVector(shape.cStrides);
  if (uint64_t bytes = rt::gemmWorkspaceBytes(gemm))
    gemm.workspace = workspace(bytes);
  fb::InstructionT &instruction = append(dot, "gemm");
  uint64_t batch = uint64_t(shape.batch0) * shape.batch1;
  instruction.flops = 2 * batch * shape.m * shape.n * shape.k;
  instruction.bytes_read =
      4 * batch * (uint64_t(shape.m) * shape.k + uint64_t(shape.k) * shape.n);
  instruction.bytes_written = 4 * batch * uint64_t(shape.m) * shape.n;
  setOp(instruction, std::move(gemm));
  return success();
}

template <typename OpTy>
LogicalResult Lowering::addConv(OpTy op, fb::ConvKind kind, Value src,
                                Value weights, Value dst) {
  fb::ConvT conv;
  conv.kind = kind;
  conv.dtype = dtypeOf(elementTypeOf(op.getResult()));
  ArrayRef<int64_t> in = shapeOf(src), out = shapeOf(dst);
  conv.batch = in.front();
  conv.in_channels = in.back();
  conv.out_channels = out.back();
  conv.groups = op.getGroups();
  conv.in_spatial = toVector(in.drop_front().drop_back());
  conv.out_spatial = toVector(out.drop_front().drop_back());
  conv.kernel = toVector(shapeOf(weights).drop_front(2));
  conv.strides = toVector(op.getStrides());
  conv.dilations = toVector(op.getDilations());
  conv.pads_begin = toVector(op.getPadsBegin());
  conv.pads_end = toVector(op.getPadsEnd());
  conv.src = bufferOf(src);
  conv.weights = bufferOf(weights);
  conv.dst = bufferOf(dst);
  if (uint64_t bytes = rt::convWorkspaceBytes(conv))
    conv.workspace = workspace(bytes);
  static const char *const labels[] = {"conv", "conv_grad_data",
                                       "conv_grad_weights"};
  fb::InstructionT &instruction = append(op, labels[int(kind)]);
  instruction.flops = 2 * uint64_t(elementCount(out)) *
                      uint64_t(elementCount(shapeOf(weights).drop_front()));
  uint64_t sizes[] = {bytesOf(src.getType()), bytesOf(weights.getType()),
                      bytesOf(dst.getType())};
  uint64_t written = bytesOf(op.getType());
  instruction.bytes_written = written;
  instruction.bytes_read = sizes[0] + sizes[1] + sizes[2] - written;
  setOp(instruction, std::move(conv));
  return success();
}

LogicalResult Lowering::addOp(Operation &op) {
  if (auto kernel = dyn_cast<KernelOp>(op))
    return addKernel(kernel);
  if (auto dot = dyn_cast<DotGeneralOp>(op))
    return addGemm(dot);
  if (auto conv = dyn_cast<ConvOp>(op))
    return addConv(conv, fb::ConvKind::Forward, conv.getSrc(),
                   conv.getWeights(), conv.getResult());
  if (auto conv = dyn_cast<ConvGradDataOp>(op))
    return addConv(conv, fb::ConvKind::BackwardData, conv.getResult(),
                   conv.getWeights(), conv.getGrad());
  if (auto conv = dyn_cast<ConvGradWeightsOp>(op))
    return addConv(conv, fb::ConvKind::BackwardWeights, conv.getSrc(),
                   conv.getResult(), conv.getGrad());
  // The rest is read through, or done.
  if (isa<ConstantOp, ReshapeOp, TransposeOp, SliceOp, func::ReturnOp>(op))
    return success();
  return op.emitOpError() << "is in no kernel [DLC4006]";
}

void Lowering::addResults() {
  Operation *terminator = function.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    unsigned buffer = bufferOf(value);
    if (auto name = function.getResultAttrOfType<StringAttr>(i, names::output)) {
      if (program->buffers[buffer]->category == fb::Category::Activation)
        program->buffers[buffer]->category = fb::Category::Output;
      program->outputs.push_back(
          tensorInfo(name.getValue(), value.getType(), buffer));
      lifetimes[buffer].last = INT64_MAX / 2;
      continue;
    }
    auto alias = function.getResultAttrOfType<IntegerAttr>(i, names::alias);
    unsigned state = buffers[function.getArgument(alias.getInt())];
    if (state == buffer)
      continue;
    fb::CopyT copy;
    copy.source = buffer;
    copy.destination = state;
    copy.bytes = bytesOf(value.getType());
    fb::InstructionT &instruction = append(terminator, "copy state");
    instruction.bytes_read = instruction.bytes_written = copy.bytes;
    setOp(instruction, std::move(copy));
  }
}

//===- Lifetimes and offsets ----------------------------------------------===//

/// Calls `visit` with each buffer that `instruction` touches.
static void forEachBuffer(const fb::InstructionT &instruction,
                          function_ref<void(unsigned)> visit) {
  auto maybe = [&](int64_t buffer) {
    if (buffer >= 0)
      visit(unsigned(buffer));
  };
  if (auto *launch = instruction.op.AsLaunch()) {
    for (unsigned buffer : launch->buffers)
      visit(buffer);
  } else if (auto *gemm = instruction.op.AsGemm()) {
    visit(gemm->a);
    visit(gemm->b);
    visit(gemm->c);
    maybe(gemm->bias);
    maybe(gemm->residual);
    maybe(gemm->workspace);
  } else if (auto *conv = instruction.op.AsConv()) {
    visit(conv->src);
    visit(conv->weights);
    visit(conv->dst);
    maybe(conv->bias);
    maybe(conv->residual);
    maybe(conv->workspace);
  } else if (auto *copy = instruction.op.AsCopy()) {
    visit(copy->source);
    visit(copy->destination);
  } else if (auto *fill = instruction.op.AsFill()) {
    visit(fill->destination);
  }
}

LogicalResult Lowering::placeBuffers() {
  for (auto [i, instruction] : llvm::enumerate(program->instructions))
    forEachBuffer(*instruction, [&, i = int64_t(i)](unsigned buffer) {
      lifetimes[buffer].first = std::min(lifetimes[buffer].first, i);
      lifetimes[buffer].last = std::max(lifetimes[buffer].last, i);
    });
  std::vector<LiveBuffer> live;
  std::vector<unsigned> which;
  for (unsigned i = 0; i < program->buffers.size(); ++i) {
    if (!isTemporary[i])
      continue;
    // Written before the first instruction, or read after the last.
    int64_t first = std::min<int64_t>(lifetimes[i].first,
                                      program->instructions.size());
    live.push_back({program->buffers[i]->bytes, first,
                    std::max(first, lifetimes[i].last)});
    which.push_back(i);
  }
  MemoryPlan plan = planMemory(live);
  for (auto [buffer, offset] : llvm::zip_equal(which, plan.offsets))
    program->buffers[buffer]->offset = states.bytes() + offset;
  program->temp_bytes = plan.bytes;
  return success();
}

FailureOr<std::unique_ptr<fb::ProgramT>> Lowering::run(StringRef name) {
  program->name = name.str();
  addArguments();
  chooseInPlace();
  for (Operation &op : function.getBody().front())
    if (failed(addOp(op)))
      return failure();
  addResults();
  if (failed(placeBuffers()))
    return failure();
  return std::move(program);
}

FailureOr<std::unique_ptr<fb::ProgramT>>
lowerProgram(func::FuncOp function, StringRef name, const StateTable &states,
             KernelTable &kernels, ConstantPool &constants) {
  return Lowering(function, states, kernels, constants).run(name);
}

} // namespace dlc
