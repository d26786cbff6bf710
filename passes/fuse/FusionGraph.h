//===- FusionGraph.h - regions while they are being formed ------*- C++ -*-===//
//
// The state of the fusion pass: a set of *groups*, each a future kernel. A
// group has core ops; reshapes, broadcasts, slices and splat constants are free
// and belong to whoever reads through them. An op may be in several groups (it
// is then computed again in each), but at most one group writes its result to
// memory: its owner.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_FUSE_FUSIONGRAPH_H
#define DLC_PASSES_FUSE_FUSIONGRAPH_H

#include "dialects/dlc/indexing/Region.h"
#include "llvm/ADT/SetVector.h"

namespace dlc {

struct FusionGroup {
  unsigned id;
  /// In program order.
  std::vector<mlir::Operation *> core;
  bool isDead = false;
  /// Its time, until the group changes.
  std::optional<double> time;
  /// What the merge that is queued for it saves; 0: none is.
  double candidate = 0;
  /// The ops whose results it reads, until it changes.
  mutable std::optional<llvm::SmallVector<mlir::Operation *>> inputOps;

  void setCore(std::vector<mlir::Operation *> ops) {
    core = std::move(ops);
    time.reset();
    inputOps.reset();
  }
};

class FusionGraph {
public:
  explicit FusionGraph(mlir::Block &block);

  std::vector<std::unique_ptr<FusionGroup>> groups;

  /// Whether `value` must be in memory for a reader that is no kernel: a
  /// library call or the function's result.
  bool isHardUsed(mlir::Value value) const { return hardUsed.contains(value); }
  /// Whether `op` is inlined into every kernel that reads through it.
  bool isFree(mlir::Operation *op) const;
  /// Whether `op` is a core op of some group.
  bool isCore(mlir::Operation *op) const { return owners.contains(op); }
  FusionGroup *ownerOf(mlir::Operation *op) const { return owners.lookup(op); }
  void setOwner(mlir::Operation *op, FusionGroup *group) {
    owners[op] = group;
  }
  /// Whether `op` only serves to update state element by element: optimizers,
  /// running statistics.
  bool isUpdate(mlir::Operation *op) const { return updates.contains(op); }
  /// Groups with a core op that reads `op`'s results, through free ops.
  llvm::SmallSetVector<FusionGroup *, 4> readersOf(mlir::Operation *op) const;
  void addMember(mlir::Operation *op, FusionGroup *group) {
    holders[op].insert(group);
  }
  void removeMember(mlir::Operation *op, FusionGroup *group) {
    holders[op].remove(group);
  }

  /// `core` with the free ops that it reads through, in program order.
  std::vector<mlir::Operation *>
  closure(llvm::ArrayRef<mlir::Operation *> core) const;
  /// The results of `core` that others need from memory, if the ops in `group`
  /// are held by `self` (readers inside it do not count).
  llvm::SmallVector<mlir::Value>
  outputsOf(llvm::ArrayRef<mlir::Operation *> core,
            llvm::ArrayRef<const FusionGroup *> self) const;
  /// Values from outside that a kernel of `core` reads.
  llvm::SmallSetVector<mlir::Value, 8>
  inputsOf(llvm::ArrayRef<mlir::Operation *> core) const;
  /// Whether `to` depends on `from` through at least one unit outside both.
  bool hasPathAround(const FusionGroup &from, const FusionGroup &to) const;

  /// The ops whose results `group` reads.
  llvm::ArrayRef<mlir::Operation *> inputOps(const FusionGroup &group) const;
  int64_t position(mlir::Operation *op) const { return positions.lookup(op); }
  std::vector<mlir::Operation *>
  merged(llvm::ArrayRef<mlir::Operation *> a,
         llvm::ArrayRef<mlir::Operation *> b) const;

private:
  void findHardUses(mlir::Block &block);
  void findUpdates(mlir::Block &block);

  llvm::DenseMap<mlir::Operation *, int64_t> positions;
  llvm::DenseMap<mlir::Operation *, FusionGroup *> owners;
  llvm::DenseMap<mlir::Operation *, llvm::SmallSetVector<FusionGroup *, 4>>
      holders;
  llvm::DenseSet<mlir::Value> hardUsed;
  llvm::DenseSet<mlir::Operation *> updates;
};

/// Whether `op` is computed by the library: no kernel.
bool isLibraryCall(mlir::Operation *op);

} // namespace dlc

#endif
