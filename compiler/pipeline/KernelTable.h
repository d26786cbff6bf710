//===- KernelTable.h - every distinct kernel once ---------------*- C++ -*-===//
#ifndef DLC_COMPILER_PIPELINE_KERNELTABLE_H
#define DLC_COMPILER_PIPELINE_KERNELTABLE_H

#include "compiler/codegen/emitter/Emitter.h"
#include "llvm/ADT/StringMap.h"

namespace dlc {

struct KernelEntry {
  std::string symbol, schedule;
  uint64_t hash;
  int64_t groups;
  /// What every launch passes as `dims`.
  std::vector<int64_t> dims;
  /// GPUs: threads of a workgroup, and whether buffers come in a table.
  unsigned threads;
  bool isTable;
  /// Its first buffers are only read.
  unsigned inputs;
};

/// Emits kernels into modules, one function per distinct body: 96 equal layers
/// compile like one. The modules are balanced, to be compiled in parallel.
class KernelTable {
public:
  KernelTable(mlir::MLIRContext *context, const emit::Target &target,
              unsigned numModules);

  /// The index of `kernel`'s code in `entries()`.
  mlir::FailureOr<unsigned> add(KernelOp kernel);
  llvm::ArrayRef<KernelEntry> entries() const { return kernels; }
  llvm::MutableArrayRef<mlir::OwningOpRef<mlir::ModuleOp>> getModules() {
    return modules;
  }

private:
  emit::Target target;
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
  std::vector<size_t> weights;
  std::vector<KernelEntry> kernels;
  llvm::StringMap<unsigned> known;
};

} // namespace dlc

#endif
