//===- NarrowFloats.cpp - rounding to bf16 without its instructions -------===//
#include "compiler/codegen/cpu/NarrowFloats.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace dlc::cpu {

/// bf16 is the upper half of an f32.
static Value *roundToBf16(IRBuilder<> &b, Value *number, Type *result) {
  Type *word = number->getType()->getWithNewType(b.getInt32Ty());
  auto constant = [&](uint32_t value) { return ConstantInt::get(word, value); };
  Value *bits = b.CreateBitCast(number, word);
  Value *isOdd = b.CreateAnd(b.CreateLShr(bits, 16), constant(1));
  Value *rounded =
      b.CreateAdd(bits, b.CreateAdd(isOdd, constant(0x7fff)));
  Value *quiet = b.CreateOr(bits, constant(0x400000));
  Value *sign = b.CreateAnd(bits, constant(0x80000000));
  Value *isSmall = b.CreateICmpEQ(b.CreateAnd(bits, constant(0x7f800000)),
                                  constant(0));
  Value *isNan = b.CreateICmpUGT(b.CreateAnd(bits, constant(0x7fffffff)),
                                 constant(0x7f800000));
  Value *chosen = b.CreateSelect(isSmall, sign, rounded);
  chosen = b.CreateSelect(isNan, quiet, chosen);
  Type *half = number->getType()->getWithNewType(b.getInt16Ty());
  Value *upper = b.CreateTrunc(b.CreateLShr(chosen, 16), half);
  return b.CreateBitCast(upper, result);
}

void expandBf16Rounding(Module &module) {
  SmallVector<FPTruncInst *> roundings;
  for (Function &function : module)
    for (Instruction &instruction : instructions(function))
      if (auto *rounding = dyn_cast<FPTruncInst>(&instruction))
        if (rounding->getType()->getScalarType()->isBFloatTy() &&
            rounding->getSrcTy()->getScalarType()->isFloatTy())
          roundings.push_back(rounding);
  for (FPTruncInst *rounding : roundings) {
    IRBuilder<> b(rounding);
    rounding->replaceAllUsesWith(
        roundToBf16(b, rounding->getOperand(0), rounding->getType()));
    rounding->eraseFromParent();
  }
}

} // namespace dlc::cpu
