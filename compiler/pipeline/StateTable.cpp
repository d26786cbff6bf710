//===- StateTable.cpp - what lives in the arena across calls --------------===//
#include "compiler/pipeline/StateTable.h"

#include "dialects/dlc/IR/Dlc.h"
#include "dialects/dlc/indexing/IndexSpace.h"

using namespace mlir;

namespace dlc {

fb::DType dtypeOf(Type type) {
  if (isa<Float8E4M3FNType>(type))
    return fb::DType::F8E4M3FN;
  if (isa<Float8E5M2Type>(type))
    return fb::DType::F8E5M2;
  if (type.isF64())
    return fb::DType::F64;
  if (type.isF32())
    return fb::DType::F32;
  if (type.isF16())
    return fb::DType::F16;
  if (type.isBF16())
    return fb::DType::BF16;
  if (type.isInteger(1))
    return fb::DType::I1;
  if (type.isInteger(8))
    return type.isUnsignedInteger() ? fb::DType::UI8 : fb::DType::I8;
  if (type.isInteger(16))
    return fb::DType::I16;
  return type.isInteger(32) ? fb::DType::I32 : fb::DType::I64;
}

uint64_t bytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  unsigned bits = tensor.getElementTypeBitWidth();
  return uint64_t(elementCount(tensor.getShape())) * std::max(bits / 8, 1u);
}

static fb::StateRole roleOf(StringRef name, bool isParameter) {
  if (isParameter)
    return fb::StateRole::Parameter;
  if (name == "rng")
    return fb::StateRole::Random;
  if (name == "step")
    return fb::StateRole::Step;
  // The names that the optimizers give: "adamw.m/<parameter>".
  auto [kind, rest] = name.split('/');
  bool isOptimizer = !rest.empty() && kind.contains('.');
  bool isAccumulated = kind == "accumulated" && !rest.empty();
  return isOptimizer || isAccumulated ? fb::StateRole::Optimizer
                                      : fb::StateRole::Statistic;
}

void StateTable::add(func::FuncOp function) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto param = function.getArgAttrOfType<StringAttr>(i, names::param);
    auto other = function.getArgAttrOfType<StringAttr>(i, names::state);
    StringAttr name = param ? param : other;
    if (!name || !indices.try_emplace(name.getValue(), states.size()).second)
      continue;
    auto type = cast<RankedTensorType>(function.getArgument(i).getType());
    fb::StateT state;
    state.name = name.str();
    state.role = roleOf(name.getValue(), bool(param));
    state.dtype = dtypeOf(type.getElementType());
    state.dims.assign(type.getShape().begin(), type.getShape().end());
    state.trained = param && !function.getArgAttr(i, names::frozen);
    if (auto why = function.getArgAttrOfType<StringAttr>(i, names::frozen))
      state.note = why.str();
    states.push_back(std::move(state));
  }
}

void StateTable::assignOffsets() {
  llvm::stable_sort(states, [](const fb::StateT &a, const fb::StateT &b) {
    return a.role < b.role;
  });
  totalBytes = 0;
  for (auto [i, state] : llvm::enumerate(states)) {
    indices[state.name] = i;
    state.offset = totalBytes;
    uint64_t bytes = state.dtype == fb::DType::F64 || state.dtype == fb::DType::I64
                         ? 8
                         : state.dtype == fb::DType::F32 ||
                                   state.dtype == fb::DType::I32
                               ? 4
                               : state.dtype == fb::DType::F16 ||
                                         state.dtype == fb::DType::BF16 ||
                                         state.dtype == fb::DType::I16
                                     ? 2
                                     : 1;
    bytes *= uint64_t(elementCount(state.dims));
    totalBytes += (bytes + 63) / 64 * 64;
  }
}

const fb::StateT *StateTable::find(StringRef name) const {
  auto it = indices.find(name);
  return it == indices.end() ? nullptr : &states[it->second];
}

} // namespace dlc
