//===- EmulatorMatrices.cpp - tensor cores in the emulator ----------------===//
//
// Products of a warp, loads of matrices for them, and the copies that run
// beside them. Registers go to the engine as words in local memory.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/gpu/EmulatorIntrinsics.h"

#include "runtime/emulated/EmulatorAbi.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/Module.h"

#include <cstddef>

using namespace llvm;

namespace dlc::gpu {

/// Local memory of `count` words, where the function begins.
Value *ThreadCalls::reserveWords(unsigned count) {
  IRBuilder<> builder(&place->getFunction()->getEntryBlock(),
                      place->getFunction()->getEntryBlock().begin());
  return builder.CreateAlloca(ArrayType::get(builder.getInt32Ty(), count));
}

static Value *wordAddress(IRBuilder<> &builder, Value *words, unsigned index) {
  return builder.CreateConstGEP1_32(builder.getInt32Ty(), words, index);
}

/// The words as a value of `type`: 32 bits, or a struct of such.
Value *ThreadCalls::makeResult(IRBuilder<> &builder, Type *type, Value *words) {
  auto *structType = dyn_cast<StructType>(type);
  if (!structType)
    return builder.CreateLoad(type, words);
  Value *result = PoisonValue::get(type);
  for (unsigned i = 0; i < structType->getNumElements(); ++i)
    result = builder.CreateInsertValue(
        result,
        builder.CreateLoad(structType->getElementType(i),
                           wordAddress(builder, words, i)),
        i);
  return result;
}

/// mma.m16n8k<8|16>.row.col.<type>: the registers of A, B and C in turn
Value *ThreadCalls::lowerMultiply(StringRef name, CallInst &call,
                                  IRBuilder<> &builder) {
  int kind = StringSwitch<int>(name)
                 .Case("mma.m16n8k16.row.col.bf16", DLC_MULTIPLY_K16_BF16)
                 .Case("mma.m16n8k16.row.col.f32.f32", DLC_MULTIPLY_K16_F16)
                 .Case("mma.m16n8k8.row.col.bf16", DLC_MULTIPLY_K8_BF16)
                 .Case("mma.m16n8k8.row.col.f32.f32", DLC_MULTIPLY_K8_F16)
                 .Case("mma.m16n8k8.row.col.tf32", DLC_MULTIPLY_K8_TF32)
                 .Default(-1);
  if (kind < 0)
    return nullptr;
  bool isSmall = kind == DLC_MULTIPLY_K8_BF16 || kind == DLC_MULTIPLY_K8_F16;
  unsigned counts[] = {isSmall ? 2u : 4u, isSmall ? 1u : 2u, 4u};
  SmallVector<Value *> arguments = {thread, builder.getInt32(kind)};
  unsigned next = 0;
  for (unsigned count : counts) {
    Value *words = reserveWords(count);
    for (unsigned i = 0; i < count; ++i)
      builder.CreateStore(call.getArgOperand(next++),
                          wordAddress(builder, words, i));
    arguments.push_back(words);
  }
  Value *result = reserveWords(4);
  arguments.push_back(result);
  arguments.push_back(builder.getInt32(addSite("matrix product")));
  emit(builder, builder.getVoidTy(), offsetof(dlc_emulated_calls, multiply),
       arguments);
  isWaiting = true;
  return makeResult(builder, call.getType(), result);
}

/// ldmatrix.sync.aligned.m8n8.x<count>[.trans].b16.p<space> (address)
Value *ThreadCalls::lowerLoadMatrix(StringRef name, CallInst &call,
                                    IRBuilder<> &builder) {
  unsigned count = 0;
  if (!name.consume_front("ldmatrix.sync.aligned.m8n8.x") ||
      name.consumeInteger(10, count))
    return nullptr;
  bool isTransposed = name.consume_front(".trans");
  if (!name.starts_with(".b16"))
    return nullptr;
  Value *result = reserveWords(count);
  Value *address =
      builder.CreateAddrSpaceCast(call.getArgOperand(0), builder.getPtrTy());
  emit(builder, builder.getVoidTy(), offsetof(dlc_emulated_calls, load_matrix),
       {thread, address, builder.getInt32(count),
        builder.getInt32(isTransposed), result,
        builder.getInt32(addSite("matrix load"))});
  isWaiting = true;
  return makeResult(builder, call.getType(), result);
}

/// cp.async.c<a|g>.shared.global.<bytes>[.s] (to, from[, source bytes])
bool ThreadCalls::lowerCopy(StringRef name, CallInst &call,
                            IRBuilder<> &builder) {
  if (!name.consume_front("cp.async."))
    return false;
  if (name == "commit.group") {
    emit(builder, builder.getVoidTy(),
         offsetof(dlc_emulated_calls, commit_copies), {thread});
    return true;
  }
  if (name == "wait.group" || name == "wait.all") {
    Value *pending =
        name == "wait.all" ? builder.getInt32(~0u) : call.getArgOperand(0);
    emit(builder, builder.getVoidTy(),
         offsetof(dlc_emulated_calls, wait_copies), {thread, pending});
    return true;
  }
  unsigned bytes = 0;
  if ((!name.consume_front("ca.shared.global.") &&
       !name.consume_front("cg.shared.global.")) ||
      name.consumeInteger(10, bytes) || (!name.empty() && name != ".s"))
    return false;
  Type *pointer = builder.getPtrTy();
  emit(builder, builder.getVoidTy(), offsetof(dlc_emulated_calls, copy_async),
       {thread, builder.CreateAddrSpaceCast(call.getArgOperand(0), pointer),
        builder.CreateAddrSpaceCast(call.getArgOperand(1), pointer),
        builder.getInt32(bytes),
        name.empty() ? builder.getInt32(bytes) : call.getArgOperand(2),
        builder.getInt32(addSite("asynchronous copy"))});
  return true;
}

} // namespace dlc::gpu
