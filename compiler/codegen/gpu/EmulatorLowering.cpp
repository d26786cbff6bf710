//===- EmulatorLowering.cpp - GPU kernels as x86-64 functions -------------===//
//
//   define ptx_kernel void @k(ptr addrspace(1) %x)
//     %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
//     store float %v, ptr addrspace(1) %p
//   ->
//   define void @k(ptr %thread, ptr %parameters)
//     %x = load ptr addrspace(1), ptr %parameters
//     %t = load i32, ptr %thread
//     call void %access(ptr %thread, ptr %p, i64 4, i32 flags, i32 site)
//     store float %v, ptr addrspace(1) %p
//
// The x86-64 backend treats address spaces below 256 as ordinary memory, so
// they stay as they are; a variable of workgroup memory becomes an offset from
// the base that the thread carries. Masked accesses are made scalar first, as
// the NVPTX backend does it. Nothing is optimized afterwards: what comes in is
// optimized already, and an access must stay behind the call that checks it.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/gpu/EmulatorLowering.h"

#include "compiler/codegen/cpu/NativeCode.h"
#include "compiler/codegen/gpu/EmulatorIntrinsics.h"
#include "runtime/emulated/EmulatorAbi.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/ReplaceConstant.h"
#include "llvm/IR/ValueHandle.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/IPO/AlwaysInliner.h"
#include "llvm/Transforms/Scalar/ScalarizeMaskedMemIntrin.h"

#include <cstddef>

using namespace llvm;

namespace dlc::gpu {

namespace {

constexpr unsigned sharedSpace = 3;

bool isKernel(const Function &function) {
  return function.getCallingConv() == CallingConv::PTX_Kernel ||
         function.hasFnAttribute("nvvm.kernel");
}

bool isShared(const GlobalVariable &variable) {
  return variable.getAddressSpace() == sharedSpace;
}

/// What an address was derived from.
struct Origin {
  unsigned kind = DLC_ORIGIN_UNKNOWN;
  unsigned index = 0;
  bool isChecked = true; // false for local memory and constants
  bool isAnywhere = false;
  SmallVector<unsigned, 2> parameters; // that it may be
};

/// An instruction that accesses memory, in one of its roles.
struct Access {
  Instruction *instruction;
  // They follow what replaces a parameter.
  WeakTrackingVH address, bytes; // bytes of a memory intrinsic; else null
  uint64_t size;                 // if `bytes` is null
  Align alignment;
  bool isStore, isAtomic;
  std::string name;
  Origin origin;
};

class KernelLowering {
public:
  explicit KernelLowering(Function &kernel)
      : kernel(kernel), module(*kernel.getParent()),
        context(module.getContext()), layout(module.getDataLayout()) {}

  Error run();

private:
  Error checkParameters();
  void placeShared();
  Error collect();
  void addAccess(Instruction &instruction, Value *address, Value *bytes,
                 Type *type, Align alignment, bool isStore, bool isAtomic,
                 StringRef what);
  void addCopySource(CallInst &call);
  Origin findOrigin(Value *address);
  void createFunction();
  void emitAccess(const Access &access);
  void replaceShared();
  void describe();
  Constant *stringConstant(StringRef text);
  Constant *arrayOf(Type *type, ArrayRef<Constant *> elements);

  Function &kernel;
  Module &module;
  LLVMContext &context;
  const DataLayout &layout;
  Function *lowered = nullptr;
  Value *thread = nullptr;
  std::vector<Access> accesses;
  std::vector<CallInst *> intrinsics;
  MapVector<GlobalVariable *, unsigned> shared; // -> offset
  std::vector<uint32_t> parameterFlags;
  std::vector<std::string> sites;
  StringMap<Constant *> strings;
  uint32_t flags = 0, sharedBytes = 0;
  uint64_t stackBytes = 0;
  std::unique_ptr<ThreadCalls> calls;
};

Error unknown(const Twine &subject, const Twine &requirement,
              const Twine &value) {
  return createStringError(subject + " expects " + requirement +
                           " for the emulated device, but got " + value +
                           " [DLC6101]");
}

Error KernelLowering::run() {
  if (Error error = checkParameters())
    return error;
  placeShared();
  if (Error error = collect())
    return error;
  createFunction();
  for (const Access &access : accesses)
    emitAccess(access);
  for (CallInst *call : intrinsics)
    if (!calls->lower(*call))
      return unknown("kernel '" + lowered->getName() + "'",
                     "instructions that it has",
                     "'" + call->getCalledFunction()->getName() + "'");
  replaceShared();
  if (calls->waits())
    flags |= DLC_KERNEL_WAITS;
  describe();
  return Error::success();
}

Error KernelLowering::checkParameters() {
  for (Argument &argument : kernel.args()) {
    Type *type = argument.getType();
    bool isPlain =
        type->isPointerTy() || type->isIntegerTy() || type->isFloatingPointTy();
    if (!isPlain || argument.hasByValAttr() ||
        layout.getTypeSizeInBits(type).getFixedValue() > 64)
      return unknown("parameter " + Twine(argument.getArgNo()) +
                         " of kernel '" + kernel.getName() + "'",
                     "a pointer or number of at most 64 bits", "another type");
    parameterFlags.push_back(0);
  }
  unsigned inputs = 0;
  Attribute attribute = kernel.getFnAttribute("dlc.inputs");
  if (attribute.isValid() &&
      !attribute.getValueAsString().getAsInteger(10, inputs))
    for (unsigned i = 0; i < inputs && i < parameterFlags.size(); ++i)
      parameterFlags[i] |= DLC_PARAMETER_INPUT;
  return Error::success();
}

/// Places the variables that the kernel uses, in the module's order.
void KernelLowering::placeShared() {
  for (GlobalVariable &variable : module.globals()) {
    if (!isShared(variable) || none_of(variable.users(), [&](User *user) {
          auto *instruction = dyn_cast<Instruction>(user);
          return instruction && instruction->getFunction() == &kernel;
        }))
      continue;
    sharedBytes = alignTo(
        sharedBytes, std::max(layout.getPreferredAlign(&variable), Align(16)));
    shared[&variable] = sharedBytes;
    sharedBytes += layout.getTypeAllocSize(variable.getValueType());
  }
}

Origin KernelLowering::findOrigin(Value *address) {
  SmallVector<const Value *, 4> objects;
  getUnderlyingObjects(address, objects, nullptr, /*MaxLookup=*/0);
  Origin origin;
  bool isLocal = !objects.empty(), isFirst = true, isSame = true;
  for (const Value *object : objects) {
    unsigned kind = DLC_ORIGIN_UNKNOWN, index = 0;
    bool isOwn = isa<AllocaInst>(object);
    if (auto *argument = dyn_cast<Argument>(object)) {
      kind = DLC_ORIGIN_PARAMETER;
      index = argument->getArgNo();
      origin.parameters.push_back(index);
    } else if (auto *variable = dyn_cast<GlobalVariable>(object)) {
      isOwn = !isShared(*variable);
      auto *place = shared.find(const_cast<GlobalVariable *>(variable));
      if (place != shared.end()) {
        kind = DLC_ORIGIN_SHARED;
        index = place - shared.begin();
      }
    } else if (!isOwn) {
      origin.isAnywhere = true;
    }
    isLocal &= isOwn;
    isSame &=
        !isOwn && (isFirst || (kind == origin.kind && index == origin.index));
    isFirst = false;
    origin.kind = kind;
    origin.index = index;
  }
  origin.isChecked = !isLocal;
  if (!isSame)
    origin.kind = origin.index = 0;
  return origin;
}

void KernelLowering::addAccess(Instruction &instruction, Value *address,
                               Value *bytes, Type *type, Align alignment,
                               bool isStore, bool isAtomic, StringRef what) {
  Origin origin = findOrigin(address);
  if (!origin.isChecked)
    return;
  std::string name;
  raw_string_ostream out(name);
  out << what;
  if (type)
    out << " " << *type;
  if (origin.kind == DLC_ORIGIN_SHARED)
    out << " of @" << shared.begin()[origin.index].first->getName();
  if (isStore) {
    for (unsigned parameter : origin.parameters)
      parameterFlags[parameter] |= DLC_PARAMETER_STORED;
    if (origin.isAnywhere)
      flags |= DLC_KERNEL_STORES_ANYWHERE;
  }
  uint64_t size = type ? layout.getTypeStoreSize(type).getFixedValue() : 0;
  accesses.push_back({&instruction, address, bytes, size, alignment, isStore,
                      isAtomic, std::move(name), std::move(origin)});
}

/// What an asynchronous copy reads; what it writes is checked when it is done.
void KernelLowering::addCopySource(CallInst &call) {
  StringRef name = call.getCalledFunction()->getName();
  name.consume_back(".s");
  unsigned bytes = 0;
  if (name.rsplit('.').second.getAsInteger(10, bytes) || !isPowerOf2_32(bytes))
    return;
  auto *i64 = Type::getInt64Ty(context);
  Value *count = ConstantInt::get(i64, bytes);
  if (call.arg_size() > 2)
    count = call.getArgOperand(2);
  addAccess(call, call.getArgOperand(1), count, nullptr, Align(bytes), false,
            false, "asynchronous copy from");
}

/// Finds what is to be rewritten, while addresses still lead to parameters.
Error KernelLowering::collect() {
  for (Instruction &i : instructions(kernel)) {
    // What was true of the instruction on a GPU is not of its neighbours here.
    i.dropUnknownNonDebugMetadata();
    if (auto *load = dyn_cast<LoadInst>(&i)) {
      addAccess(i, load->getPointerOperand(), nullptr, load->getType(),
                load->getAlign(), false, load->isAtomic(), "load");
    } else if (auto *store = dyn_cast<StoreInst>(&i)) {
      addAccess(i, store->getPointerOperand(), nullptr,
                store->getValueOperand()->getType(), store->getAlign(), true,
                store->isAtomic(), "store");
    } else if (auto *update = dyn_cast<AtomicRMWInst>(&i)) {
      addAccess(i, update->getPointerOperand(), nullptr, update->getType(),
                update->getAlign(), true, true, "atomic");
    } else if (auto *exchange = dyn_cast<AtomicCmpXchgInst>(&i)) {
      addAccess(i, exchange->getPointerOperand(), nullptr,
                exchange->getNewValOperand()->getType(), exchange->getAlign(),
                true, true, "atomic");
    } else if (auto *memory = dyn_cast<AnyMemIntrinsic>(&i)) {
      if (auto *transfer = dyn_cast<AnyMemTransferInst>(memory))
        addAccess(i, transfer->getRawSource(), transfer->getLength(), nullptr,
                  transfer->getSourceAlign().valueOrOne(), false, false,
                  "copy from");
      addAccess(i, memory->getRawDest(), memory->getLength(), nullptr,
                memory->getDestAlign().valueOrOne(), true, false,
                isa<AnyMemSetInst>(memory) ? "fill" : "copy to");
    } else if (auto *call = dyn_cast<CallInst>(&i)) {
      Function *callee = call->getCalledFunction();
      if (!callee || !callee->isIntrinsic())
        return unknown("kernel '" + kernel.getName() + "'",
                       "calls of intrinsics alone",
                       callee ? "'" + callee->getName() + "'"
                              : Twine("inline assembly or a pointer"));
      if (callee->getName().starts_with("llvm.nvvm.cp.async.c") &&
          call->arg_size() >= 2)
        addCopySource(*call);
      if (ThreadCalls::isOurs(*callee))
        intrinsics.push_back(call);
    } else if (auto *local = dyn_cast<AllocaInst>(&i)) {
      if (auto size = local->getAllocationSize(layout))
        stackBytes += alignTo(size->getFixedValue(), 64);
    }
  }
  return Error::success();
}

/// Moves the body into a function of the new type.
void KernelLowering::createFunction() {
  auto *pointer = PointerType::getUnqual(context);
  auto *type = FunctionType::get(Type::getVoidTy(context), {pointer, pointer},
                                 /*isVarArg=*/false);
  lowered = Function::Create(type, GlobalValue::ExternalLinkage, "", module);
  lowered->takeName(&kernel);
  lowered->addFnAttr(Attribute::NoUnwind);
  lowered->splice(lowered->begin(), &kernel);
  thread = lowered->getArg(0);
  // A block of its own for what is loaded once, with all local memory.
  BasicBlock &entry = lowered->getEntryBlock();
  BasicBlock *body =
      entry.splitBasicBlock(entry.getFirstNonPHIOrDbgOrAlloca(), "body");
  IRBuilder<> builder(entry.getTerminator());
  for (Instruction &i : make_early_inc_range(*body))
    if (auto *local = dyn_cast<AllocaInst>(&i);
        local && isa<Constant>(local->getArraySize()))
      local->moveBefore(entry.begin());
  for (Argument &argument : kernel.args()) {
    Value *slot = builder.CreateConstGEP1_32(
        builder.getInt64Ty(), lowered->getArg(1), argument.getArgNo());
    argument.replaceAllUsesWith(
        builder.CreateAlignedLoad(argument.getType(), slot, Align(8)));
  }
  calls = std::make_unique<ThreadCalls>(*lowered, builder, sites);
}

void KernelLowering::emitAccess(const Access &access) {
  uint32_t bits = access.isStore ? DLC_ACCESS_STORE : 0;
  if (access.isAtomic)
    bits |= DLC_ACCESS_ATOMIC;
  bits |= std::min(Log2(access.alignment), 15u) << DLC_ACCESS_ALIGN_SHIFT;
  bits |= access.origin.kind << DLC_ACCESS_ORIGIN_SHIFT;
  bits |= access.origin.index << DLC_ACCESS_INDEX_SHIFT;
  IRBuilder<> builder(access.instruction);
  Value *bytes = access.bytes
                     ? builder.CreateZExt(access.bytes, builder.getInt64Ty())
                     : builder.getInt64(access.size);
  // An instruction even for a variable, whose uses are replaced below.
  Value *address = access.address;
  if (address->getType() != builder.getPtrTy())
    address =
        builder.Insert(new AddrSpaceCastInst(address, builder.getPtrTy()));
  calls->emit(builder, builder.getVoidTy(),
              offsetof(dlc_emulated_calls, access),
              {thread, address, bytes, builder.getInt32(bits),
               builder.getInt32(calls->addSite(access.name))});
}

void KernelLowering::replaceShared() {
  if (shared.empty())
    return;
  IRBuilder<> builder(calls->entry());
  Value *base = builder.CreateAddrSpaceCast(
      calls->field(offsetof(dlc_emulated_thread, shared), builder.getPtrTy()),
      PointerType::get(context, sharedSpace));
  for (auto &[variable, offset] : shared) {
    Value *place = builder.CreatePtrAdd(base, builder.getInt64(offset));
    variable->replaceUsesWithIf(place, [&](Use &use) {
      auto *user = dyn_cast<Instruction>(use.getUser());
      return user && user->getFunction() == lowered;
    });
  }
}

Constant *KernelLowering::stringConstant(StringRef text) {
  Constant *&constant = strings[text];
  if (!constant) {
    Constant *bytes = ConstantDataArray::getString(context, text);
    constant = new GlobalVariable(module, bytes->getType(), true,
                                  GlobalValue::PrivateLinkage, bytes);
  }
  return constant;
}

Constant *KernelLowering::arrayOf(Type *type, ArrayRef<Constant *> elements) {
  Constant *array =
      ConstantArray::get(ArrayType::get(type, elements.size()), elements);
  return new GlobalVariable(module, array->getType(), true,
                            GlobalValue::PrivateLinkage, array);
}

/// Writes the struct dlc_emulated_kernel beside the function.
void KernelLowering::describe() {
  IRBuilder<> builder(context);
  auto number = [&](uint64_t value) -> Constant * {
    return builder.getInt32(static_cast<uint32_t>(value));
  };
  std::vector<Constant *> parameters, names, variables;
  for (uint32_t bits : parameterFlags)
    parameters.push_back(number(bits));
  for (const std::string &site : sites)
    names.push_back(stringConstant(site));
  auto *variableType = StructType::get(builder.getPtrTy(), builder.getInt32Ty(),
                                       builder.getInt32Ty());
  for (auto &[variable, offset] : shared)
    variables.push_back(ConstantStruct::get(
        variableType,
        {stringConstant(variable->getName()), number(offset),
         number(layout.getTypeAllocSize(variable->getValueType()))}));
  Constant *description = ConstantStruct::getAnon(
      {number(DLC_EMULATED_VERSION), number(flags), number(parameters.size()),
       number(names.size()), number(variables.size()), number(sharedBytes),
       builder.getInt64(stackBytes), arrayOf(builder.getInt32Ty(), parameters),
       arrayOf(builder.getPtrTy(), names), arrayOf(variableType, variables)});
  new GlobalVariable(module, description->getType(), true,
                     GlobalValue::ExternalLinkage, description,
                     lowered->getName() + DLC_EMULATED_KERNEL_SUFFIX);
}

/// Before kernels are rewritten: helpers inlined, masks made branches, and
/// every use of workgroup memory in an instruction.
void prepare(Module &module) {
  PassBuilder builder;
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager sccs;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  for (Function &function : module)
    if (!function.isDeclaration() && !isKernel(function)) {
      function.removeFnAttr(Attribute::NoInline);
      function.removeFnAttr(Attribute::OptimizeNone);
      function.addFnAttr(Attribute::AlwaysInline);
      function.setLinkage(GlobalValue::InternalLinkage);
    }
  ModulePassManager passes;
  passes.addPass(AlwaysInlinerPass());
  passes.addPass(
      createModuleToFunctionPassAdaptor(ScalarizeMaskedMemIntrinPass()));
  passes.run(module, modules);
  SmallVector<Constant *> shared;
  for (GlobalVariable &variable : module.globals())
    if (isShared(variable))
      shared.push_back(&variable);
  convertUsersOfConstantsToInstructions(shared);
}

Error checkVariables(Module &module) {
  for (GlobalVariable &variable : module.globals()) {
    if (variable.getName().starts_with("llvm."))
      continue;
    bool isSized = !variable.getValueType()->isEmptyTy();
    if (isShared(variable) ? !isSized : !variable.isConstant())
      return unknown("variable '" + variable.getName() + "'",
                     "a constant, or workgroup memory of a fixed size",
                     "another kind");
    if (!variable.isDeclaration())
      variable.setLinkage(GlobalValue::InternalLinkage);
  }
  return Error::success();
}

} // namespace

Error lowerForEmulator(Module &module) {
  // Lists that keep what a GPU's linker would drop.
  for (StringRef name : {"llvm.used", "llvm.compiler.used"})
    if (GlobalVariable *list = module.getGlobalVariable(name, true))
      list->eraseFromParent();
  prepare(module);
  if (Error error = checkVariables(module))
    return error;
  std::vector<Function *> kernels;
  for (Function &function : module)
    if (!function.isDeclaration() && isKernel(function))
      kernels.push_back(&function);
  for (Function *kernel : kernels)
    if (Error error = KernelLowering(*kernel).run())
      return error;
  if (NamedMDNode *annotations = module.getNamedMetadata("nvvm.annotations"))
    annotations->eraseFromParent();
  for (Function *kernel : kernels)
    kernel->eraseFromParent();
  for (GlobalVariable &variable : make_early_inc_range(module.globals()))
    if (isShared(variable) && variable.use_empty())
      variable.eraseFromParent();
  for (Function &function : make_early_inc_range(module))
    if (function.use_empty() &&
        (function.isDeclaration() || function.hasLocalLinkage()))
      function.eraseFromParent();
  std::string message;
  raw_string_ostream out(message);
  if (verifyModule(module, &out))
    return createStringError("kernel code could not be generated: " + message +
                             " [DLC4004]");
  return Error::success();
}

mlir::FailureOr<std::string> emitEmulatedObject(ArrayRef<Module *> modules,
                                                mlir::Location loc) {
  return cpu::linkObjects(modules.size(), loc,
                          [&](size_t i, StringRef path) -> Error {
                            Module &module = *modules[i];
                            if (Error error = lowerForEmulator(module))
                              return error;
                            std::unique_ptr<TargetMachine> machine =
                                cpu::createMachine(DLC_EMULATED_CPU, "");
                            cpu::setTarget(module, *machine);
                            return cpu::writeObject(module, *machine, path);
                          });
}

} // namespace dlc::gpu
