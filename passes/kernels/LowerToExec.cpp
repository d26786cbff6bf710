//===- LowerToExec.cpp - from kernels to plans ----------------------------===//
//
// One walk over each function. A value is where its root is: the value that the
// reshapes above it start from.
//
//   %h = dlc.dot_general %x, %w …        %h = exec.buffer activation
//   %k = dlc.kernel "k" (%h) …      ->   exec.gemm … %x, %w -> %h
//   return %k {dlc.alias = 1}            exec.launch @k_7f3a(%h) -> (%k)
//                                        exec.copy %k -> %state
//
//===----------------------------------------------------------------------===//
#include "passes/kernels/Passes.h"

#include "dialects/dlc/IR/Attention.h"
#include "dialects/dlc/IR/Halves.h"
#include "dialects/dlc/IR/Traced.h"
#include "passes/fuse/AttentionViews.h"
#include "passes/fuse/FusionGraph.h"
#include "passes/fuse/LibraryKernels.h"
#include "passes/kernels/KernelBodies.h"
#include "passes/kernels/Variables.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dlc {
#define GEN_PASS_DEF_LOWERTOEXECPASS
#include "passes/kernels/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

class ProgramLowering {
public:
  ProgramLowering(func::FuncOp function, KernelBodies &kernels)
      : function(function), kernels(kernels), b(function.getContext()) {}

  LogicalResult run();

private:
  void addArguments();
  LogicalResult addOp(Operation &op);
  LogicalResult addKernel(dlc::KernelOp kernel);
  LogicalResult addLibraryKernel(dlc::KernelOp kernel);
  /// `sum` is null, or the bias gradient beside it.
  LogicalResult addGemm(DotGeneralOp dot, const Epilogue &epilogue,
                        Operation *at, Value sum = Value());
  template <typename OpTy>
  LogicalResult addConv(OpTy op, exec::ConvKind kind, Value src, Value weights,
                        Value dst, const Epilogue &epilogue, Operation *at);
  LogicalResult addForwardConv(dlc::ConvOp conv, const Epilogue &epilogue,
                               Operation *at);
  /// The places of what an epilogue reads, null where there is none.
  struct Operands {
    Value bias, residual;
    exec::Activation activation;
  };
  /// None with a diagnostic if nothing writes them.
  std::optional<Operands> placesOf(const Epilogue &epilogue, Operation *at);
  /// A tensor of attention: offset, and strides of batch to column.
  struct Tensor {
    Value place;
    SmallVector<int64_t, 5> layout;
  };
  FailureOr<SmallVector<Tensor>> attentionTensors(Operation *op);
  LogicalResult addAttention(Operation *op);
  LogicalResult addResults();
  Value stageState(Value place, Type type);

  /// Where `value` is; null with a diagnostic if nothing writes it.
  Value placeOf(Value value, Operation *reader);
  /// A new buffer for `value`, which the next instruction writes.
  Value newBuffer(Value value);
  Value addBuffer(Location loc, Type type, exec::Category category,
                  StringAttr name);
  /// Creates a place, after all others and before all instructions.
  template <typename OpTy, typename... Args>
  OpTy createPlace(Location loc, Args &&...args) {
    OpBuilder::InsertionGuard guard(b);
    if (lastPlace)
      b.setInsertionPointAfter(lastPlace);
    else
      b.setInsertionPointToStart(&program.getBlock());
    OpTy op = OpTy::create(b, loc, std::forward<Args>(args)...);
    lastPlace = op;
    return op;
  }

  func::FuncOp function;
  KernelBodies &kernels;
  OpBuilder b;
  exec::ProgramOp program;
  Operation *lastPlace = nullptr;
  DenseMap<Value, Value> places;
};

} // namespace

static Value rootOf(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getOperand();
  return value;
}

/// The last name in a location that is a node's: where the value was made.
static StringAttr nodeName(Location loc) {
  StringAttr last;
  loc->walk([&](Location inner) {
    auto name = dyn_cast<NameLoc>(inner);
    if (name && name.getName() != "gradient")
      last = name.getName();
    return WalkResult::advance();
  });
  return last;
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Value ProgramLowering::addBuffer(Location loc, Type type,
                                 exec::Category category, StringAttr name) {
  return createPlace<exec::BufferOp>(loc, exec::bufferTypeOf(type), category,
                                     name, IntegerAttr());
}

Value ProgramLowering::newBuffer(Value value) {
  Location loc = value.getLoc();
  exec::Category category = isGradient(loc) ? exec::Category::Gradient
                                            : exec::Category::Activation;
  return places[value] =
             addBuffer(loc, value.getType(), category, nodeName(loc));
}

Value ProgramLowering::placeOf(Value value, Operation *reader) {
  value = rootOf(value);
  if (Value place = places.lookup(value))
    return place;
  if (auto constant = value.getDefiningOp<dlc::ConstantOp>())
    return places[value] = createPlace<exec::ConstantOp>(
               constant.getLoc(), exec::bufferTypeOf(constant.getType()),
               constant.getValue());
  reader->emitOpError() << "reads a value that no kernel and no library call "
                           "writes [DLC4006]";
  return Value();
}

void ProgramLowering::addArguments() {
  for (BlockArgument argument : function.getArguments()) {
    unsigned i = argument.getArgNumber();
    Type type = exec::bufferTypeOf(argument.getType());
    auto attribute = [&](StringRef kind) {
      return function.getArgAttrOfType<StringAttr>(i, kind);
    };
    if (StringAttr name = attribute(names::input)) {
      places[argument] = createPlace<exec::ArgumentOp>(
          argument.getLoc(), type, name, TypeAttr::get(argument.getType()),
          IntegerAttr());
      continue;
    }
    StringAttr name = attribute(names::param);
    places[argument] = createPlace<exec::StateOp>(
        argument.getLoc(), type, name ? name : attribute(names::state));
  }
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

LogicalResult ProgramLowering::addKernel(dlc::KernelOp kernel) {
  bool isEmpty = llvm::all_of(kernel.getOutputs(), [](Value output) {
    return tensorType(output).getNumElements() == 0;
  });
  SmallVector<Value> inputs, outputs;
  for (Value input : kernel.getInputs()) {
    inputs.push_back(placeOf(input, kernel));
    if (!inputs.back())
      return failure();
  }
  for (Value output : kernel.getOutputs())
    outputs.push_back(newBuffer(output));
  if (!isEmpty)
    exec::LaunchOp::create(b, kernel.getLoc(), kernels.add(kernel).getSymName(),
                           inputs, outputs, IntegerAttr(),
                           DenseI64ArrayAttr());
  return success();
}

/// The call in the body with the epilogue that ends where the body does. What
/// is in memory before it has a place outside.
LogicalResult ProgramLowering::addLibraryKernel(dlc::KernelOp kernel) {
  Block &body = kernel.getBody().front();
  Value result = body.getTerminator()->getOperand(0);
  for (auto [input, argument] :
       llvm::zip_equal(kernel.getInputs(), body.getArguments())) {
    places[argument] = placeOf(input, kernel);
    if (!places[argument])
      return failure();
  }
  Operation *call = callOf(kernel);
  Value sum = kernel.getOutputs().size() > 1
                  ? body.getTerminator()->getOperand(1)
                  : Value();
  if (call && isLibraryCall(call))
    for (const Epilogue &epilogue : epiloguesOf(call)) {
      if (epilogue.result != result)
        continue;
      LogicalResult status =
          isa<DotGeneralOp>(call)
              ? addGemm(cast<DotGeneralOp>(call), epilogue, kernel, sum)
              : addForwardConv(cast<dlc::ConvOp>(call), epilogue, kernel);
      // Readers outside know them by the kernel's results.
      for (auto [output, inside] : llvm::zip_equal(
               kernel.getOutputs(), body.getTerminator()->getOperands()))
        places[output] = places.lookup(inside);
      return status;
    }
  return kernel.emitOpError() << "is no call that the library has [DLC4006]";
}

/// What the last op's result holds by design, the call's does.
static void passInfinities(const Epilogue &epilogue, Operation *call) {
  for (Operation *op = epilogue.result.getDefiningOp(); op;
       op = isIndexOnly(op) ? op->getOperand(0).getDefiningOp() : nullptr)
    if (Attribute set = op->getAttr(names::infinities)) {
      call->setAttr(names::infinities, set);
      return;
    }
}

LogicalResult ProgramLowering::addGemm(DotGeneralOp dot,
                                       const Epilogue &epilogue, Operation *at,
                                       Value sum) {
  GemmCall call = planGemm(dot, [](Value) { return false; });
  if (!call.writes)
    return dot.emitOpError() << "has dims that no matrix product can take, and "
                                "no kernel was formed for it [DLC4006]";
  const GemmShape &shape = call.shape;
  exec::GemmOperandAttr summed;
  if (sum) {
    std::optional<BiasGradient> gradient = biasGradientOf(dot, sum);
    if (!gradient)
      return at->emitOpError() << "sums what the library does not [DLC4006]";
    summed = exec::GemmOperandAttr::get(this->b.getContext(),
                                        gradient->isOfLhs
                                            ? exec::GemmOperand::A
                                            : exec::GemmOperand::B);
  }
  std::optional<Operands> operands = placesOf(epilogue, at);
  Value a = placeOf(shape.a.base, at), b = placeOf(shape.b.base, at);
  if (!operands || !a || !b)
    return failure();
  Type narrow = elementTypeOf(dot.getLhs());
  Type result = elementTypeOf(epilogue.result);
  bool isBiasNarrow = epilogue.isRounded && epilogue.bias;
  auto gemm = exec::GemmOp::create(
      this->b, at->getLoc(), narrow,
      result == narrow ? TypeAttr() : TypeAttr::get(result),
      dot->hasAttr(names::allowsTf32), ArrayRef<int64_t>{shape.batch0, shape.batch1, shape.m, shape.n, shape.k},
      a, shape.a.offset, shape.aStrides, b, shape.b.offset, shape.bStrides,
      newBuffer(epilogue.result), shape.c.offset, shape.cStrides,
      operands->bias, isBiasNarrow ? TypeAttr::get(narrow) : TypeAttr(),
      operands->activation, operands->residual, sum ? newBuffer(sum) : Value(),
      summed, Value());
  passInfinities(epilogue, gemm);
  return success();
}

std::optional<ProgramLowering::Operands>
ProgramLowering::placesOf(const Epilogue &epilogue, Operation *at) {
  Operands operands;
  operands.activation = exec::Activation(int(epilogue.activation));
  if (epilogue.bias && !(operands.bias = placeOf(epilogue.bias, at)))
    return std::nullopt;
  if (epilogue.residual &&
      !(operands.residual = placeOf(epilogue.residual, at)))
    return std::nullopt;
  return operands;
}

template <typename OpTy>
LogicalResult ProgramLowering::addConv(OpTy op, exec::ConvKind kind, Value src,
                                       Value weights, Value dst,
                                       const Epilogue &epilogue,
                                       Operation *reader) {
  std::optional<Operands> operands = placesOf(epilogue, reader);
  auto place = [&](Value value) {
    return value == op.getResult() ? newBuffer(epilogue.result)
                                   : placeOf(value, reader);
  };
  Value at[] = {place(src), place(weights), place(dst)};
  if (!operands || llvm::is_contained(at, Value()))
    return failure();
  auto call = exec::ConvOp::create(
      b, reader->getLoc(), kind, op->hasAttr(names::allowsTf32), at[0],
      tensorType(src), at[1],
      tensorType(weights), at[2], tensorType(dst), op.getStrides(),
      op.getDilations(), op.getPadsBegin(), op.getPadsEnd(), op.getGroups(),
      operands->bias, operands->activation, operands->residual, Value());
  passInfinities(epilogue, call);
  return success();
}

LogicalResult ProgramLowering::addForwardConv(dlc::ConvOp conv,
                                              const Epilogue &epilogue,
                                              Operation *at) {
  return addConv(conv, exec::ConvKind::Forward, conv.getSrc(),
                 conv.getWeights(), conv.getResult(), epilogue, at);
}

/// The operands' places, then the results'. Several results may be parts of one
/// value.
FailureOr<SmallVector<ProgramLowering::Tensor>>
ProgramLowering::attentionTensors(Operation *op) {
  SmallVector<Tensor> tensors;
  auto add = [&](Value place, const View &view) {
    tensors.push_back(
        {place, llvm::to_vector<5>(attentionLayout(view))});
  };
  for (const View &view : attentionReads(op)) {
    Value place = placeOf(view.base, op);
    if (!place)
      return failure();
    add(place, view);
  }
  for (const View &view : attentionWrites(op)) {
    Value place = places.lookup(view.base);
    add(place ? place : newBuffer(view.base), view);
  }
  return tensors;
}

LogicalResult ProgramLowering::addAttention(Operation *op) {
  FailureOr<SmallVector<Tensor>> found = attentionTensors(op);
  if (failed(found))
    return failure();
  bool isForward = isa<AttentionOp>(op);
  // Forward: q, k, v, mask? -> output, logsumexp.
  // Backward: grad, q, k, v, output, logsumexp, mask? -> dq, dk, dv.
  unsigned results = op->getNumOperands(), first = isForward ? 0 : 1;
  unsigned out = isForward ? results : 4, mask = isForward ? 3 : 6;
  bool hasMask = results > mask;
  Type element = elementTypeOf(op->getOperand(first));
  ArrayRef<int64_t> q = shapeOf(op->getOperand(first));
  ArrayRef<int64_t> v = shapeOf(op->getOperand(first + 2));
  size_t rank = q.size();
  int64_t sizes[] = {rank > 2 ? q[0] : 1, rank > 3 ? q[1] : 1,
                     q[rank - 2],         v[rank - 2],
                     q.back(),            v.back()};
  auto place = [&](unsigned i) { return (*found)[i].place; };
  auto layout = [&](unsigned i) {
    return b.getDenseI64ArrayAttr(ArrayRef((*found)[i].layout).drop_back());
  };
  auto gradient = [&](unsigned i) { return isForward ? Value() : place(i); };
  auto gradientLayout = [&](unsigned i) {
    return isForward ? DenseI64ArrayAttr() : layout(i);
  };
  exec::AttentionOp::create(
      b, op->getLoc(),
      exec::AttentionKindAttr::get(b.getContext(),
                                   isForward ? exec::AttentionKind::Forward
                                             : exec::AttentionKind::Backward),
      TypeAttr::get(element), b.getDenseI64ArrayAttr(sizes),
      op->getAttrOfType<FloatAttr>("scale"),
      op->getAttrOfType<UnitAttr>("causal"), place(first), layout(first),
      place(first + 1), layout(first + 1), place(first + 2), layout(first + 2),
      place(out), layout(out), place(out + 1),
      hasMask ? place(mask) : Value(),
      hasMask ? TypeAttr::get(elementTypeOf(op->getOperand(mask))) : TypeAttr(),
      hasMask ? b.getDenseI64ArrayAttr((*found)[mask].layout)
              : DenseI64ArrayAttr(),
      gradient(0), gradientLayout(0), gradient(results),
      gradientLayout(results), gradient(results + 1),
      gradientLayout(results + 1), gradient(results + 2),
      gradientLayout(results + 2), Value());
  return success();
}

LogicalResult ProgramLowering::addOp(Operation &op) {
  if (auto kernel = dyn_cast<dlc::KernelOp>(op))
    return isLibraryKernel(kernel) ? addLibraryKernel(kernel)
                                   : addKernel(kernel);
  if (isLibraryAttention(&op))
    return addAttention(&op);
  Epilogue none;
  if (op.getNumResults() == 1)
    none.result = op.getResult(0);
  if (auto dot = dyn_cast<DotGeneralOp>(op)) {
    none.result = planGemm(dot, [](Value) { return false; }).writes;
    return addGemm(dot, none, dot);
  }
  if (auto conv = dyn_cast<dlc::ConvOp>(op))
    return addForwardConv(conv, none, conv);
  if (auto conv = dyn_cast<ConvGradDataOp>(op))
    return addConv(conv, exec::ConvKind::BackwardData, conv.getResult(),
                   conv.getWeights(), conv.getGrad(), none, conv);
  if (auto conv = dyn_cast<ConvGradWeightsOp>(op))
    return addConv(conv, exec::ConvKind::BackwardWeights, conv.getSrc(),
                   conv.getResult(), conv.getGrad(), none, conv);
  // The rest is read through, or done.
  if (isa<dlc::ConstantOp, ReshapeOp, TransposeOp, SliceOp>(op) ||
      (isa<ConcatOp>(op) && places.contains(op.getResult(0))))
    return success();
  return op.emitOpError() << "is in no kernel [DLC4006]";
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// The old value of a state that is about to be overwritten, kept in a buffer.
Value ProgramLowering::stageState(Value place, Type type) {
  Value kept = addBuffer(place.getLoc(), type, exec::Category::Activation,
                         place.getDefiningOp<exec::StateOp>().getNameAttr());
  exec::CopyOp::create(b, place.getLoc(), place, 0, kept, 0,
                       exec::bytesOf(place));
  return kept;
}

LogicalResult ProgramLowering::addResults() {
  Operation *terminator = function.getBody().front().getTerminator();
  struct Result {
    Value place;
    Type type;
    StringAttr output;
    Value target;
  };
  SmallVector<Result> results;
  llvm::SmallDenseSet<Value> overwritten;
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    Value place = placeOf(value, terminator);
    if (!place)
      return failure();
    auto output = function.getResultAttrOfType<StringAttr>(i, names::output);
    Value target;
    if (auto alias = function.getResultAttrOfType<IntegerAttr>(i, names::alias))
      target = places[function.getArgument(alias.getInt())];
    if (target && target != place)
      overwritten.insert(target);
    results.push_back({place, value.getType(), output, target});
  }
  // Old values first, because the copies below overwrite them.
  for (Result &result : results)
    if (overwritten.contains(result.place))
      result.place = stageState(result.place, result.type);
  for (const Result &result : results)
    if (result.target && result.target != result.place)
      exec::CopyOp::create(b, terminator->getLoc(), result.place, 0,
                           result.target, 0, exec::bytesOf(result.target));
  for (const Result &result : results) {
    if (!result.output)
      continue;
    auto buffer = result.place.getDefiningOp<exec::BufferOp>();
    if (buffer && buffer.getCategory() == exec::Category::Activation)
      buffer.setCategory(exec::Category::Output);
    exec::OutputOp::create(b, terminator->getLoc(), result.output,
                           result.place, TypeAttr::get(result.type));
  }
  return success();
}

LogicalResult ProgramLowering::run() {
  b.setInsertionPoint(function);
  program =
      exec::ProgramOp::create(b, function.getLoc(), function.getName());
  if (Attribute traced = function->getAttr(names::traced))
    program->setAttr(names::traced, traced);
  b.setInsertionPointToStart(&program.getBlock());
  addArguments();
  b.setInsertionPointToEnd(&program.getBlock());
  for (Operation &op : function.getBody().front().without_terminator())
    if (failed(addOp(op)))
      return failure();
  return addResults();
}

namespace {

struct LowerToExec : dlc::impl::LowerToExecPassBase<LowerToExec> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
    addVariables(module);
    KernelBodies kernels(module);
    for (func::FuncOp function : functions) {
      if (failed(ProgramLowering(function, kernels).run()))
        return signalPassFailure();
    }
    // Variables and kernels come first, then programs in the old order.
    for (func::FuncOp function : functions) {
      Operation *program = function->getPrevNode();
      program->moveBefore(module.getBody(), module.getBody()->end());
      function.erase();
    }
  }
};

} // namespace
