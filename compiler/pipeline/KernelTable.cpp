//===- KernelTable.cpp - every distinct kernel once -----------------------===//
#include "compiler/pipeline/KernelTable.h"

#include "compiler/codegen/emitter/Matrices.h"
#include "passes/kernels/KernelBodies.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace dlc {

KernelTable::KernelTable(MLIRContext *context, const emit::Target &target,
                         unsigned numModules)
    : target(target), weights(numModules) {
  for (unsigned i = 0; i < numModules; ++i)
    modules.push_back(ModuleOp::create(UnknownLoc::get(context)));
}

FailureOr<unsigned> KernelTable::add(KernelOp kernel) {
  std::string key = kernelKey(kernel);
  auto [it, isNew] = known.try_emplace(key, kernels.size());
  if (!isNew)
    return it->second;
  KernelEntry entry;
  entry.hash = llvm::xxh3_64bits(key);
  entry.symbol = llvm::formatv("{0}_{1}", kernel.getName(),
                               llvm::utohexstr(entry.hash & 0xffffff, true))
                     .str();
  for (const KernelEntry &other : kernels)
    if (other.symbol == entry.symbol)
      entry.symbol += "_" + std::to_string(kernels.size());
  entry.schedule = stringifyScheduleKind(kernel.getSchedule().getKind()).str();
  size_t lightest = llvm::min_element(weights) - weights.begin();
  weights[lightest] +=
      std::distance(kernel.getBody().front().begin(),
                    kernel.getBody().front().end());
  FailureOr<emit::EmittedKernel> emitted =
      emit::emitKernel(kernel, entry.symbol, target, *modules[lightest]);
  if (failed(emitted))
    return failure();
  if (auto type = emitted->function->getAttrOfType<TypeAttr>(
          emit::tensorCores)) {
    entry.schedule += type.getValue().isF32()    ? "_tf32"
                      : type.getValue().isBF16() ? "_bf16"
                                                 : "_f16";
    emitted->function->removeAttr(emit::tensorCores);
  }
  entry.groups = emitted->groups;
  entry.dims = std::move(emitted->dims);
  entry.threads = emitted->threads;
  entry.isTable = emitted->isTable;
  // A list's parameters are its two tables.
  entry.inputs =
      entry.isTable ? 2 : kernel.getBody().front().getNumArguments();
  kernels.push_back(std::move(entry));
  return unsigned(kernels.size() - 1);
}

} // namespace dlc
