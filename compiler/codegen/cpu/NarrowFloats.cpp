//===- NarrowFloats.cpp - bf16 in code for CPUs ---------------------------===//
//
// Three steps, each over all functions: what computes in bf16 computes in f32;
// conversions become integer arithmetic, or AVX512-BF16's instruction; what
// only moves values (memory, selections, vectors' elements) gets the integer
// type.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/cpu/NarrowFloats.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace dlc::cpu {

static bool isBf16(Type *type) {
  return type->getScalarType()->isBFloatTy();
}

/// 16-bit integers in the form (scalar or vector) of `type`.
static Type *halfWords(Type *type) {
  return type->getWithNewType(Type::getInt16Ty(type->getContext()));
}

//===- Conversions --------------------------------------------------------===//

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
  Value *upper = b.CreateTrunc(b.CreateLShr(chosen, 16), halfWords(result));
  return b.CreateBitCast(upper, result);
}

/// Vectors that AVX512-BF16 has as they are.
static bool isWholeRegister(Type *type) {
  auto *vector = dyn_cast<FixedVectorType>(type);
  return vector && vector->getNumElements() % 8 == 0;
}

/// The only value that keeps the type is the instruction's, up to its cast.
static Value *roundByInstruction(IRBuilder<> &b, Value *number, Type *result) {
  Value *rounded = b.CreateFPTrunc(number, result);
  return b.CreateBitCast(b.CreateBitCast(rounded, halfWords(result)), result);
}

static Value *extendBf16(IRBuilder<> &b, Value *number, Type *result) {
  Value *bits = b.CreateBitCast(number, halfWords(number->getType()));
  Type *word = bits->getType()->getWithNewType(b.getInt32Ty());
  Type *wide = bits->getType()->getWithNewType(b.getFloatTy());
  Value *upper = b.CreateShl(b.CreateZExt(bits, word), 16);
  Value *extended = b.CreateBitCast(upper, wide);
  return wide == result ? extended : b.CreateFPExt(extended, result);
}

/// Calls `rewrite` for the instructions that `select` takes; it gives their
/// replacement.
static void replaceAll(Module &module, function_ref<bool(Instruction &)> select,
                       function_ref<Value *(IRBuilder<> &, Instruction &)> rewrite) {
  SmallVector<Instruction *> selected;
  for (Function &function : module)
    for (Instruction &instruction : instructions(function))
      if (select(instruction))
        selected.push_back(&instruction);
  for (Instruction *instruction : selected) {
    IRBuilder<> b(instruction);
    Value *replacement = rewrite(b, *instruction);
    if (!instruction->getType()->isVoidTy())
      instruction->replaceAllUsesWith(replacement);
    instruction->eraseFromParent();
  }
}

//===- What computes ------------------------------------------------------===//

/// LLVM's optimizer has found that these are exact in bf16.
static bool isComputedWide(const Instruction &instruction) {
  if (isa<FCmpInst, FPToSIInst, FPToUIInst>(instruction))
    return isBf16(instruction.getOperand(0)->getType());
  if (!isBf16(instruction.getType()))
    return false;
  // Widening and rounding keep what only moves the sign.
  if (isa<BinaryOperator, UnaryOperator, SIToFPInst, UIToFPInst>(instruction))
    return true;
  auto *call = dyn_cast<IntrinsicInst>(&instruction);
  if (!call)
    return false;
  switch (call->getIntrinsicID()) {
  case Intrinsic::fma:
  case Intrinsic::fmuladd:
  case Intrinsic::sqrt:
  case Intrinsic::fabs:
  case Intrinsic::copysign:
  case Intrinsic::minnum:
  case Intrinsic::maxnum:
  case Intrinsic::minimum:
  case Intrinsic::maximum:
  case Intrinsic::floor:
  case Intrinsic::ceil:
  case Intrinsic::trunc:
  case Intrinsic::rint:
  case Intrinsic::nearbyint:
  case Intrinsic::roundeven:
    return true;
  default:
    return false;
  }
}

/// The same in f32, then rounded.
static Value *widen(IRBuilder<> &b, Instruction &instruction) {
  auto wideType = [&](Type *type) {
    return isBf16(type) ? type->getWithNewType(b.getFloatTy()) : type;
  };
  SmallVector<Value *> operands;
  for (Value *operand : instruction.operand_values())
    operands.push_back(isBf16(operand->getType())
                           ? b.CreateFPExt(operand, wideType(operand->getType()))
                           : operand);
  Type *wide = wideType(instruction.getType());
  if (auto *compare = dyn_cast<FCmpInst>(&instruction))
    return b.CreateFCmp(compare->getPredicate(), operands[0], operands[1]);
  Value *result;
  if (auto *binary = dyn_cast<BinaryOperator>(&instruction))
    result = b.CreateBinOp(binary->getOpcode(), operands[0], operands[1]);
  else if (isa<UnaryOperator>(instruction))
    result = b.CreateFNeg(operands[0]);
  else if (auto *convert = dyn_cast<CastInst>(&instruction))
    result = b.CreateCast(convert->getOpcode(), operands[0], wide);
  else
    // The last operand is the function.
    result = b.CreateIntrinsic(
        llvm::cast<IntrinsicInst>(instruction).getIntrinsicID(), {wide},
        ArrayRef<Value *>(operands).drop_back());
  return wide == instruction.getType()
             ? result
             : b.CreateFPTrunc(result, instruction.getType());
}

//===- What moves ---------------------------------------------------------===//

static bool movesMemory(const Instruction &instruction) {
  if (auto *store = dyn_cast<StoreInst>(&instruction))
    return isBf16(store->getValueOperand()->getType());
  if (isa<LoadInst>(instruction))
    return isBf16(instruction.getType());
  // Masked loads and stores.
  auto *call = dyn_cast<IntrinsicInst>(&instruction);
  return call && (isBf16(call->getType()) ||
                  any_of(call->args(), [](const Use &argument) {
                    return isBf16(argument->getType());
                  }));
}

/// The access with integers, between casts that the next step removes.
static Value *moveWords(IRBuilder<> &b, Instruction &instruction) {
  auto words = [&](Value *value) {
    return isBf16(value->getType())
               ? b.CreateBitCast(value, halfWords(value->getType()))
               : value;
  };
  if (auto *store = dyn_cast<StoreInst>(&instruction)) {
    StoreInst *moved = b.CreateAlignedStore(words(store->getValueOperand()),
                                            store->getPointerOperand(),
                                            store->getAlign());
    moved->copyMetadata(*store);
    return moved;
  }
  Type *type = instruction.getType();
  if (auto *load = dyn_cast<LoadInst>(&instruction)) {
    LoadInst *moved = b.CreateAlignedLoad(
        halfWords(type), load->getPointerOperand(), load->getAlign());
    moved->copyMetadata(*load);
    return b.CreateBitCast(moved, type);
  }
  auto &call = llvm::cast<IntrinsicInst>(instruction);
  SmallVector<Type *> overloads;
  Intrinsic::getIntrinsicSignature(call.getCalledFunction(), overloads);
  for (Type *&overload : overloads)
    if (isBf16(overload))
      overload = halfWords(overload);
  SmallVector<Value *> arguments(
      map_range(call.args(), [&](Use &argument) { return words(argument); }));
  CallInst *moved =
      b.CreateIntrinsic(call.getIntrinsicID(), overloads, arguments);
  moved->setAttributes(call.getAttributes());
  return isBf16(type) ? b.CreateBitCast(moved, type)
                      : static_cast<Value *>(moved);
}

/// Phis, selections and vectors' elements take the integer type where they are.
static void retype(Module &module) {
  for (Function &function : module)
    for (Instruction &instruction : instructions(function)) {
      for (Use &operand : instruction.operands())
        if (auto *constant = dyn_cast<Constant>(operand);
            constant && isBf16(constant->getType()))
          operand.set(ConstantExpr::getBitCast(
              constant, halfWords(constant->getType())));
      if (isBf16(instruction.getType()) && !isa<FPTruncInst>(instruction))
        instruction.mutateType(halfWords(instruction.getType()));
    }
  // Casts between the two are of one type now.
  replaceAll(
      module,
      [](Instruction &instruction) {
        return isa<BitCastInst>(instruction) &&
               instruction.getType() == instruction.getOperand(0)->getType();
      },
      [](IRBuilder<> &, Instruction &instruction) {
        return instruction.getOperand(0);
      });
}

void expandBf16(Module &module, bool hasRounding) {
  replaceAll(module, isComputedWide, widen);
  auto isConversion = [](Instruction &instruction) {
    return isa<FPExtInst, FPTruncInst>(instruction) &&
           (isBf16(instruction.getType()) ||
            isBf16(instruction.getOperand(0)->getType()));
  };
  replaceAll(module, isConversion,
             [hasRounding](IRBuilder<> &b, Instruction &instruction) {
               Value *number = instruction.getOperand(0);
               Type *type = instruction.getType();
               if (isa<FPExtInst>(instruction))
                 return extendBf16(b, number, type);
               return hasRounding && isWholeRegister(type)
                          ? roundByInstruction(b, number, type)
                          : roundToBf16(b, number, type);
             });
  replaceAll(module, movesMemory, moveWords);
  retype(module);
}

} // namespace dlc::cpu
