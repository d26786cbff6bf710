//===- WeightStore.cpp - initial values beside a module -------------------===//
#include "frontends/WeightStore.h"

#include "llvm/ADT/APFloat.h"
#include <cassert>
#include <cstring>

using namespace mlir;

namespace dlc {

void WeightStore::add(Weight weight) {
  [[maybe_unused]] bool isNew =
      indices.try_emplace(weight.name, weights.size()).second;
  assert(isNew && "a weight's name is taken");
  weights.push_back(std::move(weight));
}

const Weight *WeightStore::find(llvm::StringRef name) const {
  auto found = indices.find(name);
  return found == indices.end() ? nullptr : &weights[found->second];
}

uint64_t WeightStore::totalBytes() const {
  uint64_t total = 0;
  for (const Weight &weight : weights)
    total += weight.bytes.size();
  return total;
}

size_t elementBytes(Type type) {
  return (type.getIntOrFloatBitWidth() + 7) / 8;
}

uint64_t tensorBytes(RankedTensorType type) {
  return uint64_t(type.getNumElements()) * elementBytes(type.getElementType());
}

/// Element `index` of `bytes`, exact in double for every float type here.
static double readFloat(llvm::ArrayRef<char> bytes, FloatType type,
                        size_t index) {
  if (type.isF32()) {
    float value;
    std::memcpy(&value, bytes.data() + index * 4, 4);
    return value;
  }
  if (type.isF64()) {
    double value;
    std::memcpy(&value, bytes.data() + index * 8, 8);
    return value;
  }
  size_t width = elementBytes(type);
  uint64_t bits = 0;
  std::memcpy(&bits, bytes.data() + index * width, width);
  APFloat value(type.getFloatSemantics(), APInt(type.getWidth(), bits));
  return value.convertToDouble();
}

static void writeFloat(char *to, FloatType type, double number) {
  if (type.isF32()) {
    float value = float(number);
    std::memcpy(to, &value, 4);
    return;
  }
  if (type.isF64()) {
    std::memcpy(to, &number, 8);
    return;
  }
  APFloat value(number);
  bool losesInfo;
  value.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                &losesInfo);
  uint64_t bits = value.bitcastToAPInt().getZExtValue();
  std::memcpy(to, &bits, elementBytes(type));
}

Weight convertFloats(const Weight &from, Type elementType) {
  auto source = dyn_cast<FloatType>(from.type.getElementType());
  if (!source || source == elementType)
    return from;
  auto target = cast<FloatType>(elementType);
  auto buffer = std::make_shared<std::vector<char>>();
  size_t count = from.type.getNumElements(), width = elementBytes(target);
  buffer->resize(count * width);
  for (size_t i = 0; i < count; ++i)
    writeFloat(buffer->data() + i * width, target,
               readFloat(from.bytes, source, i));
  return {from.name,
          RankedTensorType::get(from.type.getShape(), elementType),
          {buffer->data(), buffer->size()},
          buffer};
}

} // namespace dlc
