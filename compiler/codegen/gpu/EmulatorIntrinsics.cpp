//===- EmulatorIntrinsics.cpp - NVVM's intrinsics in the emulator ---------===//
//
// Intrinsics are told by name, since they come in families (shfl.sync.down.f32)
// whose members differ in one word each.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/gpu/EmulatorIntrinsics.h"

#include "runtime/emulated/EmulatorAbi.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/Intrinsics.h"

#include <cstddef>

using namespace llvm;

namespace dlc::gpu {

static constexpr StringLiteral prefix = "llvm.nvvm.";

static bool isTrap(const Function &callee) {
  return callee.getIntrinsicID() == Intrinsic::trap ||
         callee.getIntrinsicID() == Intrinsic::ubsantrap ||
         callee.getIntrinsicID() == Intrinsic::debugtrap;
}

bool ThreadCalls::isOurs(const Function &callee) {
  return callee.getName().starts_with(prefix) || isTrap(callee);
}

Value *ThreadCalls::field(size_t offset, Type *type) {
  Value *&value = fields[offset];
  if (!value) {
    IRBuilder<> builder(place);
    value = builder.CreateLoad(
        type, builder.CreateConstGEP1_64(builder.getInt8Ty(), thread, offset));
  }
  return value;
}

Value *ThreadCalls::emit(IRBuilder<> &builder, Type *result, size_t offset,
                         ArrayRef<Value *> arguments) {
  Value *&callee = callees[offset];
  if (!callee) {
    IRBuilder<> early(place);
    if (!table)
      table = field(offsetof(dlc_emulated_thread, calls), early.getPtrTy());
    callee = early.CreateLoad(
        early.getPtrTy(),
        early.CreateConstGEP1_64(early.getInt8Ty(), table, offset));
  }
  SmallVector<Type *> types;
  for (Value *argument : arguments)
    types.push_back(argument->getType());
  return builder.CreateCall(FunctionType::get(result, types, false), callee,
                            arguments);
}

uint32_t ThreadCalls::addSite(StringRef name) {
  sites.push_back(name.str());
  return sites.size() - 1;
}

bool ThreadCalls::lower(CallInst &call) {
  Function &callee = *call.getCalledFunction();
  IRBuilder<> builder(&call);
  if (isTrap(callee)) {
    emit(builder, builder.getVoidTy(), offsetof(dlc_emulated_calls, trap),
         {thread, builder.getInt32(addSite("trap"))});
    call.eraseFromParent();
    return true;
  }
  StringRef name = callee.getName().drop_front(prefix.size());
  if (lowerBarrier(name, call, builder) || lowerCopy(name, call, builder)) {
    call.eraseFromParent();
    return true;
  }
  Value *result = lowerRegister(name, builder);
  if (!result)
    result = lowerShuffle(name, call, builder);
  if (!result)
    result = lowerVote(name, call, builder);
  if (!result)
    result = lowerMultiply(name, call, builder);
  if (!result)
    result = lowerLoadMatrix(name, call, builder);
  if (!result)
    result = lowerMath(name, call, builder);
  if (!result)
    return false;
  call.replaceAllUsesWith(result);
  call.eraseFromParent();
  return true;
}

Value *ThreadCalls::lowerRegister(StringRef name, IRBuilder<> &builder) {
  Type *i32 = builder.getInt32Ty();
  if (name == "activemask")
    return emit(builder, i32, offsetof(dlc_emulated_calls, active_mask),
                {thread});
  if (!name.consume_front("read.ptx.sreg."))
    return nullptr;
  if (name == "laneid")
    return field(offsetof(dlc_emulated_thread, lane), i32);
  if (name == "warpid")
    return field(offsetof(dlc_emulated_thread, warp), i32);
  if (name == "warpsize")
    return builder.getInt32(32);
  auto [family, dim] = name.split('.');
  size_t base = StringSwitch<size_t>(family)
                    .Case("tid", offsetof(dlc_emulated_thread, tid))
                    .Case("ntid", offsetof(dlc_emulated_thread, ntid))
                    .Case("ctaid", offsetof(dlc_emulated_thread, ctaid))
                    .Case("nctaid", offsetof(dlc_emulated_thread, nctaid))
                    .Default(~size_t(0));
  size_t position = StringRef("xyz").find(dim);
  if (base == ~size_t(0) || dim.size() != 1 || position == StringRef::npos)
    return nullptr;
  return field(base + 4 * position, i32);
}

bool ThreadCalls::lowerBarrier(StringRef name, CallInst &call,
                               IRBuilder<> &builder) {
  if (name.starts_with("membar.") || name.starts_with("fence."))
    return true; // memory is in order here; the checks ask for barriers
  if (name == "bar.warp.sync") {
    emit(builder, builder.getVoidTy(), offsetof(dlc_emulated_calls, sync_warp),
         {thread, call.getArgOperand(0),
          builder.getInt32(addSite("warp barrier"))});
    return isWaiting = true;
  }
  bool isAll = name == "barrier0" || name == "barrier.cta.sync.aligned.all" ||
               name == "barrier.cta.sync.all" || name == "barrier.sync" ||
               name == "barrier.n" || name == "bar.sync";
  if (!isAll)
    return false;
  Value *id = call.arg_size() ? call.getArgOperand(0) : builder.getInt32(0);
  emit(builder, builder.getVoidTy(), offsetof(dlc_emulated_calls, barrier),
       {thread, id, builder.getInt32(addSite("barrier"))});
  return isWaiting = true;
}

/// shfl.sync.<mode>.<i32|f32>[p] (mask, value, lane, clamp)
Value *ThreadCalls::lowerShuffle(StringRef name, CallInst &call,
                                 IRBuilder<> &builder) {
  if (!name.consume_front("shfl.sync."))
    return nullptr;
  auto [modeName, type] = name.split('.');
  int mode = StringSwitch<int>(modeName)
                 .Case("up", DLC_SHUFFLE_UP)
                 .Case("down", DLC_SHUFFLE_DOWN)
                 .Case("bfly", DLC_SHUFFLE_BFLY)
                 .Case("idx", DLC_SHUFFLE_IDX)
                 .Default(-1);
  bool hasPredicate = type.consume_back("p");
  if (mode < 0 || (type != "i32" && type != "f32"))
    return nullptr;
  Value *value = call.getArgOperand(1);
  Value *both =
      emit(builder, builder.getInt64Ty(), offsetof(dlc_emulated_calls, shuffle),
           {thread, builder.getInt32(mode), call.getArgOperand(0),
            builder.CreateBitCast(value, builder.getInt32Ty()),
            call.getArgOperand(2), call.getArgOperand(3),
            builder.getInt32(addSite(("shuffle " + modeName).str()))});
  isWaiting = true;
  Value *result = builder.CreateBitCast(
      builder.CreateTrunc(both, builder.getInt32Ty()), value->getType());
  if (!hasPredicate)
    return result;
  Value *pair = PoisonValue::get(call.getType());
  pair = builder.CreateInsertValue(pair, result, 0);
  return builder.CreateInsertValue(
      pair,
      builder.CreateTrunc(builder.CreateLShr(both, 32), builder.getInt1Ty()),
      1);
}

/// vote.<mode>.sync (mask, predicate)
Value *ThreadCalls::lowerVote(StringRef name, CallInst &call,
                              IRBuilder<> &builder) {
  if (!name.consume_front("vote.") || !name.consume_back(".sync"))
    return nullptr;
  int mode = StringSwitch<int>(name)
                 .Case("all", DLC_VOTE_ALL)
                 .Case("any", DLC_VOTE_ANY)
                 .Case("uni", DLC_VOTE_UNI)
                 .Case("ballot", DLC_VOTE_BALLOT)
                 .Default(-1);
  if (mode < 0)
    return nullptr;
  Value *result =
      emit(builder, builder.getInt32Ty(), offsetof(dlc_emulated_calls, vote),
           {thread, builder.getInt32(mode), call.getArgOperand(0),
            builder.CreateZExt(call.getArgOperand(1), builder.getInt32Ty()),
            builder.getInt32(addSite(("vote " + name).str()))});
  isWaiting = true;
  return builder.CreateTrunc(result, call.getType());
}

/// Correctly rounded arithmetic alone: an approximation of a GPU's would give
/// other bits here.
Value *ThreadCalls::lowerMath(StringRef name, CallInst &call,
                              IRBuilder<> &builder) {
  auto is = [&](StringRef family) {
    StringRef rest = name;
    return rest.consume_front(family) &&
           (rest == "f" || rest == "d" || rest == "ftz.f");
  };
  Type *type = call.getType();
  if (name == "f2tf32.rna") {
    // As runtime/core/DType.h: infinity and NaN stay what they are.
    Type *i32 = builder.getInt32Ty();
    Value *bits = builder.CreateBitCast(call.getArgOperand(0), i32);
    Value *rounded = builder.CreateAnd(
        builder.CreateAdd(bits, builder.getInt32(0x1000)),
        builder.getInt32(~0x1fffu));
    Value *isFinite = builder.CreateICmpULT(
        builder.CreateAnd(bits, builder.getInt32(0x7fffffff)),
        builder.getInt32(0x7f800000));
    return builder.CreateSelect(isFinite, rounded, bits);
  }
  if (is("fma.rn."))
    return builder.CreateIntrinsic(
        Intrinsic::fma, {type},
        {call.getArgOperand(0), call.getArgOperand(1), call.getArgOperand(2)});
  if (is("sqrt.rn."))
    return builder.CreateUnaryIntrinsic(Intrinsic::sqrt, call.getArgOperand(0));
  if (is("rcp.rn."))
    return builder.CreateFDiv(ConstantFP::get(type, 1), call.getArgOperand(0));
  if (is("div.rn."))
    return builder.CreateFDiv(call.getArgOperand(0), call.getArgOperand(1));
  return nullptr;
}

} // namespace dlc::gpu
