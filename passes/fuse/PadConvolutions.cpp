//===- PadConvolutions.cpp - convolutions with one pad for both sides -----===//
//
// cuDNN pads both sides of a dim alike. Exporters that pad by `SAME` do not
// where a stride leaves an odd rest: there the padding becomes an op of its own,
// which fuses with what computes the input.
//
//   conv %x pads [0] to [1]       ->  conv (pad %x) pads [0] to [0]
//   conv_grad_data … -> in        ->  slice (conv_grad_data … -> padded in)
//   conv_grad_weights %x, %g      ->  conv_grad_weights (pad %x), %g
//
//===----------------------------------------------------------------------===//
#include "passes/fuse/Passes.h"

#include "dialects/dlc/IR/Builders.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace dlc {
#define GEN_PASS_DEF_PADCONVOLUTIONSPASS
#include "passes/fuse/Passes.h.inc"
} // namespace dlc

using namespace dlc;

namespace {

/// Whether padding both sides by `padsBegin` gives the same output: the far side
/// is not read where a stride leaves a rest.
template <typename ConvOpTy>
bool isPaddedAlike(ConvOpTy op, ArrayRef<int64_t> in, ArrayRef<int64_t> out,
                   ArrayRef<int64_t> kernel) {
  for (size_t i = 0; i < op.getStrides().size(); ++i) {
    int64_t span = in[i + 1] + 2 * op.getPadsBegin()[i] -
                   op.getDilations()[i] * (kernel[i + 2] - 1);
    if ((span - 1) / op.getStrides()[i] + 1 != out[i + 1])
      return false;
  }
  return true;
}

class Padder {
public:
  explicit Padder(Operation *op) : b(op), loc(op->getLoc()) {}

  template <typename ConvOpTy> void findPads(ConvOpTy op) {
    low.assign({0});
    high.assign({0});
    llvm::append_range(low, op.getPadsBegin());
    llvm::append_range(high, op.getPadsEnd());
    low.push_back(0);
    high.push_back(0);
  }
  RankedTensorType padded(RankedTensorType type) const {
    SmallVector<int64_t> shape(type.getShape());
    for (size_t i = 0; i < shape.size(); ++i)
      shape[i] += low[i] + high[i];
    return type.clone(shape);
  }
  Value pad(Value value) {
    RankedTensorType type = padded(tensorType(value));
    Value zero = splat(b, loc, type.clone(ArrayRef<int64_t>{}), 0);
    SmallVector<int64_t> none(low.size(), 0);
    return PadOp::create(b, loc, type, value, zero, low, none);
  }
  Value unpad(Value value, RankedTensorType type) {
    SmallVector<int64_t> ones(low.size(), 1);
    return SliceOp::create(b, loc, type, value, low, ones);
  }
  /// The op on other operands, without pads.
  template <typename ConvOpTy>
  Value create(ConvOpTy op, RankedTensorType type, Value a, Value c) {
    SmallVector<int64_t> none(op.getStrides().size(), 0);
    auto padless = ConvOpTy::create(b, loc, type, a, c, op.getStrides(),
                                    op.getDilations(), none, none,
                                    op.getGroups());
    padless->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    return padless;
  }

private:
  OpBuilder b;
  Location loc;
  SmallVector<int64_t> low, high;
};

struct PadConvolutions
    : dlc::impl::PadConvolutionsPassBase<PadConvolutions> {
  void runOnOperation() override {
    SmallVector<Operation *> convolutions;
    for (Operation &op : getOperation().getBody().front())
      if (isa<ConvOp, ConvGradDataOp, ConvGradWeightsOp>(op))
        convolutions.push_back(&op);
    for (Operation *op : convolutions) {
      Value replacement = rewrite(op);
      if (!replacement)
        continue;
      op->getResult(0).replaceAllUsesWith(replacement);
      op->erase();
      ++numPadded;
    }
  }

private:
  static Value rewrite(Operation *op) {
    Padder padder(op);
    if (auto conv = dyn_cast<ConvOp>(op)) {
      if (isPaddedAlike(conv, shapeOf(conv.getSrc()), shapeOf(conv.getResult()),
                        shapeOf(conv.getWeights())))
        return nullptr;
      padder.findPads(conv);
      return padder.create(conv, conv.getType(), padder.pad(conv.getSrc()),
                           conv.getWeights());
    }
    if (auto data = dyn_cast<ConvGradDataOp>(op)) {
      if (isPaddedAlike(data, shapeOf(data.getResult()),
                        shapeOf(data.getGrad()), shapeOf(data.getWeights())))
        return nullptr;
      padder.findPads(data);
      return padder.unpad(padder.create(data, padder.padded(data.getType()),
                                        data.getGrad(), data.getWeights()),
                          data.getType());
    }
    auto weights = cast<ConvGradWeightsOp>(op);
    if (isPaddedAlike(weights, shapeOf(weights.getSrc()),
                      shapeOf(weights.getGrad()),
                      shapeOf(weights.getResult())))
      return nullptr;
    padder.findPads(weights);
    return padder.create(weights, weights.getType(),
                         padder.pad(weights.getSrc()), weights.getGrad());
  }
};

} // namespace
