//===- Threads.cpp - the threads of a GPU's workgroup ---------------------===//
#include "compiler/codegen/emitter/Threads.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace dlc::emit {

template <typename Register>
static Value readRegister(ElementBuilder &e) {
  Value number = Register::create(e.b, e.loc, e.b.getI32Type());
  return arith::ExtUIOp::create(e.b, e.loc, e.b.getI64Type(), number);
}

Value blockNumber(ElementBuilder &e) {
  return readRegister<NVVM::BlockIdXOp>(e);
}

Value threadNumber(ElementBuilder &e) {
  return readRegister<NVVM::ThreadIdXOp>(e);
}

static Value shuffleWord(ElementBuilder &e, Value word, unsigned bits) {
  Type i32 = e.b.getI32Type();
  return NVVM::ShflOp::create(
      e.b, e.loc, i32, e.integer(i32, -1), word, e.integer(i32, bits),
      e.integer(i32, warpLanes - 1), NVVM::ShflKind::bfly, UnitAttr());
}

Value shuffleXor(ElementBuilder &e, Value scalar, unsigned bits) {
  OpBuilder &b = e.b;
  Type type = scalar.getType(), i32 = b.getI32Type();
  unsigned width = type.getIntOrFloatBitWidth();
  Type integer = b.getIntegerType(width);
  Value word = scalar;
  if (type != integer)
    word = arith::BitcastOp::create(b, e.loc, integer, word);
  if (width < 32)
    word = arith::ExtUIOp::create(b, e.loc, i32, word);
  if (width <= 32) {
    word = shuffleWord(e, word, bits);
    if (width < 32)
      word = arith::TruncIOp::create(b, e.loc, integer, word);
  } else {
    Value half = e.integer(integer, 32);
    Value low = arith::TruncIOp::create(b, e.loc, i32, word);
    Value high = arith::TruncIOp::create(
        b, e.loc, i32, arith::ShRUIOp::create(b, e.loc, word, half));
    low = arith::ExtUIOp::create(b, e.loc, integer, shuffleWord(e, low, bits));
    high =
        arith::ExtUIOp::create(b, e.loc, integer, shuffleWord(e, high, bits));
    word = arith::OrIOp::create(b, e.loc, low,
                                arith::ShLIOp::create(b, e.loc, high, half));
  }
  if (type != integer)
    word = arith::BitcastOp::create(b, e.loc, type, word);
  return word;
}

} // namespace dlc::emit
