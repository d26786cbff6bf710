//===- FormAttention.cpp - attention as one op ----------------------------===//
//
//   %s = dlc.dot_general %q, %k
//   %t = dlc.mul %s, %scale
//   %m = dlc.select %mask, %t, %hidden   ->   %o, %l = dlc.attention %q, %k, %v
//   %p = dlc.softmax %m                         mask %mask scale 0.125
//   %o = dlc.dot_general %p, %v
//
// Operands are brought to [batch…, rows, columns] by transposes and reshapes,
// which the call reads through.
//
//===----------------------------------------------------------------------===//
#include "passes/attention/AttentionMatcher.h"
#include "passes/attention/Passes.h"

#include "dialects/dlc/IR/Attention.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace dlc {
#define GEN_PASS_DEF_FORMATTENTIONPASS
#include "passes/attention/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

/// `value` without a number that multiplies it, which `scale` takes in; looks
/// through views, which are then made again.
Value withoutScale(OpBuilder &b, Value value, double &scale,
                   unsigned depth = 0) {
  Operation *op = value.getDefiningOp();
  if (!op || depth > 8)
    return value;
  if (isa<MulOp, DivOp>(op))
    for (unsigned i : {1, 0}) {
      std::optional<double> number = splatValue(op->getOperand(i));
      if (number && *number != 0 && (i == 1 || isa<MulOp>(op))) {
        scale = isa<MulOp>(op) ? scale * *number : scale / *number;
        return withoutScale(b, op->getOperand(1 - i), scale, depth + 1);
      }
    }
  if (!isa<ReshapeOp, TransposeOp, SliceOp>(op))
    return value;
  Value source = withoutScale(b, op->getOperand(0), scale, depth + 1);
  if (source == op->getOperand(0))
    return value;
  Operation *view = b.clone(*op);
  view->setOperand(0, source);
  return view->getResult(0);
}

class Former {
public:
  explicit Former(func::FuncOp function)
      : function(function), masks(function.getBody().front()) {}

  unsigned run();

private:
  LogicalResult form(AttentionMatch &match, AttentionMiss &miss);
  Value operand(OpBuilder &b, AttentionMatch &match, const ProductSide &side,
                int64_t rows);
  void remarkOn(AttentionOp op);
  void remarkOn(SoftmaxOp softmax, const AttentionMiss &miss);

  func::FuncOp function;
  MaskReader masks;
};

} // namespace

/// [batch…, rows, columns] of one side of a product.
Value Former::operand(OpBuilder &b, AttentionMatch &match,
                      const ProductSide &side, int64_t rows) {
  Location loc = match.softmax.getLoc();
  Value ordered = transposeBy(b, loc, side.value, side.order);
  SmallVector<int64_t> shape(match.batch);
  shape.append({rows, shapeOf(ordered).back()});
  return reshapeTo(b, loc, ordered, shape);
}

LogicalResult Former::form(AttentionMatch &match, AttentionMiss &miss) {
  OpBuilder b(match.mix);
  Location loc = b.getFusedLoc({match.scores.getLoc(), match.softmax.getLoc(),
                                match.mix.getLoc()});
  SmallVector<ScoreMask> shrunk(match.masks);
  for (ScoreMask &mask : shrunk)
    mask.value = masks.shrunk(b, mask.value);
  FailureOr<MaskForm> form =
      masks.formOf(b, shrunk, miss.reason, miss.message);
  if (failed(form))
    return failure();
  double scale = match.scale;
  ProductSide qSide = match.q, kSide = match.k;
  qSide.value = withoutScale(b, qSide.value, scale);
  kSide.value = withoutScale(b, kSide.value, scale);
  Value q = operand(b, match, qSide, match.rows);
  Value k = operand(b, match, kSide, match.keys);
  Value v = operand(b, match, match.v, match.keys);
  Type element = elementTypeOf(q), wide = scoreType(element);
  SmallVector<int64_t> shape(match.batch);
  shape.push_back(match.rows);
  auto statistic = RankedTensorType::get(shape, wide);
  shape.push_back(shapeOf(v).back());
  Value mask = form->mask;
  if (mask && !elementTypeOf(mask).isInteger(1))
    mask = castTo(b, loc, mask, wide);
  auto op = AttentionOp::create(
      b, loc, RankedTensorType::get(shape, element), statistic, q, k, v, mask,
      b.getF64FloatAttr(scale), form->isCausal ? b.getUnitAttr() : UnitAttr());
  Value result =
      reshapeTo(b, loc, op.getOutput(), match.probabilityShape);
  match.mix.getResult().replaceAllUsesWith(
      castTo(b, loc, transposeBy(b, loc, result, match.resultOrder),
             elementTypeOf(match.mix.getResult())));
  remarkOn(op);
  return success();
}

void Former::remarkOn(AttentionOp op) {
  if (!function.getContext()->getRemarkEngine())
    return;
  AttentionSizes s = sizesOf(op);
  double bytes = double(reference::elementCount(s.shape({s.rows, s.keys}))) *
                 double(elementTypeOf(op.getQ()).getIntOrFloatBitWidth()) / 8;
  StringRef mask = op.getCausal() ? (op.getMask() ? "causal and another mask"
                                                  : "causal")
                   : op.getMask() ? "a mask"
                                  : "no mask";
  remark::passed(op.getLoc(), remark::RemarkOpts::name("formed")
                                  .category("attention")
                                  .function(function.getName()))
      << llvm::formatv("one op with {0}; its scores of {1} bytes are never in "
                       "memory",
                       mask, int64_t(bytes))
             .str();
}

void Former::remarkOn(SoftmaxOp softmax, const AttentionMiss &miss) {
  if (!function.getContext()->getRemarkEngine() || miss.reason.empty())
    return;
  remark::missed(softmax.getLoc(), remark::RemarkOpts::name(miss.reason)
                                       .category("attention")
                                       .function(function.getName()))
      << miss.message;
}

unsigned Former::run() {
  unsigned formed = 0;
  for (SoftmaxOp softmax : llvm::to_vector(function.getOps<SoftmaxOp>())) {
    AttentionMiss miss;
    FailureOr<AttentionMatch> match = matchAttention(softmax, miss);
    if (failed(match) || failed(form(*match, miss)))
      remarkOn(softmax, miss);
    else
      ++formed;
  }
  return formed;
}

namespace {

struct FormAttention : dlc::impl::FormAttentionPassBase<FormAttention> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isDeclaration())
      return;
    numFormed += Former(function).run();
    // What is no longer read.
    for (Operation &op : llvm::make_early_inc_range(
             llvm::reverse(function.getBody().front())))
      if (isOpTriviallyDead(&op))
        op.erase();
  }
};

} // namespace
