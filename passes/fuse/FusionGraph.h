//===- FusionGraph.h - regions while they are being formed ------*- C++ -*-===//
//
// The state of the fusion pass: a set of *groups*, each a future kernel. A
// group has core ops; reshapes, broadcasts, slices and splat constants are free
// and belong to whoever reads through them. An op may be in several groups (it
// is then computed again in each), but at most one group writes its result to
// memory: its owner.
//
// Ops go by their number in program order. What an op reads and who reads it,
// through free ops, never changes and is found once. Groups and the ops in none
// are *units*; the graph keeps an order of units in which all that a unit needs
// comes before it, so that most questions about paths end after a few steps.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_FUSE_FUSIONGRAPH_H
#define DLC_PASSES_FUSE_FUSIONGRAPH_H

#include "dialects/dlc/IR/Halves.h"
#include "dialects/dlc/indexing/Region.h"
#include "llvm/ADT/SetVector.h"

namespace dlc {

/// Numbers of ops, ascending.
using OpIds = std::vector<unsigned>;

struct FusionGroup {
  unsigned id;
  OpIds core;
  bool isDead = false;
  /// Its time, until it or what others need of it changes.
  std::optional<double> time = std::nullopt;
  /// What the merge that is queued for it saves; 0: none is.
  double candidate = 0;
  /// The ops outside whose results it reads, until it changes.
  std::optional<OpIds> inputs = std::nullopt;
  /// How many elements each of its results has if it reduces nothing, else 0.
  int64_t elements = 0;
  /// Its place in the order of units.
  unsigned slot = 0;
};

class FusionGraph {
public:
  explicit FusionGraph(mlir::Block &block);

  std::vector<std::unique_ptr<FusionGroup>> groups;

  mlir::Operation *op(unsigned id) const { return nodes[id].op; }
  /// Whether `value` must be in memory for a reader that is no kernel: a
  /// library call or the function's result.
  bool isHardUsed(mlir::Value value) const { return hardUsed.contains(value); }
  bool isHardUsed(unsigned id) const;
  /// The group that writes the op's result; null if it is in none.
  FusionGroup *ownerOf(unsigned id) const { return nodes[id].owner; }
  /// The group that writes `value`; null if no group does.
  FusionGroup *writerOf(mlir::Value value);
  /// Whether the op only serves to update state element by element: optimizers,
  /// running statistics.
  bool isUpdate(mlir::Operation *op) const { return updates.contains(op); }
  /// In a step that computes parts of its forward half again: 0 for forward
  /// ops, the copy's number for copies; none for all other ops.
  std::optional<int64_t> copyOf(mlir::Operation *op) const {
    int64_t number = copyNumber(op);
    if (number || forward.contains(op))
      return number;
    return std::nullopt;
  }
  /// Other groups that read what `group` writes, through free ops.
  llvm::SmallVector<FusionGroup *> readersOf(const FusionGroup &group) const;

  /// `core` with the free ops that it reads through, in program order.
  std::vector<mlir::Operation *> closure(llvm::ArrayRef<unsigned> core) const;
  /// The results of `core` that others need from memory, if the groups in
  /// `self` become one (readers inside do not count).
  llvm::SmallVector<mlir::Value>
  outputsOf(llvm::ArrayRef<unsigned> core,
            llvm::ArrayRef<const FusionGroup *> self) const;
  /// Values from outside that a kernel of `core` reads.
  llvm::SmallSetVector<mlir::Value, 8>
  inputsOf(llvm::ArrayRef<unsigned> core) const;
  /// The ops outside whose results `group` reads.
  llvm::ArrayRef<unsigned> inputOps(FusionGroup &group) const;
  /// Says what a kernel of `core` computes, in numbers that are equal for equal
  /// computations on other values.
  void appendSignature(llvm::ArrayRef<mlir::Operation *> closure,
                       llvm::ArrayRef<mlir::Value> outputs,
                       std::vector<unsigned> &signature) const;

  /// Whether `to` depends on `from` through at least one unit outside both.
  bool hasPathAround(FusionGroup &from, FusionGroup &to) const;
  /// Joins `second` to `first`. There must be no path around between them.
  void merge(FusionGroup &first, FusionGroup &second);
  /// The groups that read `value`, a result of a group, from memory.
  llvm::SmallVector<FusionGroup *> readersOf(mlir::Value value) const;
  /// The ops of `group` that compute `output`, a value that it writes, from
  /// what is in memory; none if a sum or an extreme is among them.
  OpIds sliceOf(const FusionGroup &group, mlir::Value output) const;
  /// Makes `ops` of a group part of one that reads their result, too.
  void repeatIn(llvm::ArrayRef<unsigned> ops, FusionGroup &reader);
  /// The ops through which alone other groups read `value`, a result of a group:
  /// functions of it and of constants, and a narrowing cast in the end. Empty if
  /// it is read otherwise.
  OpIds narrowingOf(mlir::Value value) const;
  /// Makes such ops a part of `writer` and of no other group, of which none may
  /// consist of them alone.
  void moveToWriter(llvm::ArrayRef<unsigned> ops, FusionGroup &writer);
  /// Makes the ops of `producer` part of each of its readers.
  void mergeIntoAll(FusionGroup &producer,
                    llvm::ArrayRef<FusionGroup *> readers);

private:
  /// An op of the block.
  struct Node {
    mlir::Operation *op;
    FusionGroup *owner = nullptr;
    llvm::SmallVector<FusionGroup *, 2> holders;
    /// Inlined into every kernel that reads through it.
    bool isFree = false;
    /// Equal for ops that are equal but for their operands.
    unsigned kind = 0;
    /// Its place in the order of units, if it is in no group.
    unsigned slot = 0;
    /// The free ops that it reads through, and those behind them that are not.
    OpIds through, inputs;
    /// The core ops that read it, through free ops: which result, and who.
    llvm::SmallVector<std::pair<unsigned, unsigned>, 2> readers;
  };
  /// What is at a place in the order.
  struct Unit {
    FusionGroup *group = nullptr;
    int64_t node = -1;
  };

  void findHardUses(mlir::Block &block);
  void findUpdates(mlir::Block &block);
  void findForward(mlir::Block &block);
  void addNodes(mlir::Block &block);
  void addGroups(mlir::Block &block);
  void findReads(unsigned id);
  bool isReadOutside(unsigned id, unsigned result,
                     llvm::ArrayRef<const FusionGroup *> self) const;
  unsigned slotOf(unsigned id) const {
    return nodes[id].owner ? nodes[id].owner->slot : nodes[id].slot;
  }
  llvm::ArrayRef<unsigned> inputsOfUnit(unsigned slot) const;
  void place(Unit unit, unsigned slot);
  void moveTogether(FusionGroup &first, FusionGroup &second);
  void changeCore(FusionGroup &group, OpIds core);
  void forgetTimes(FusionGroup &group);
  /// Starts a walk: no slot is marked.
  void clearMarks() const { ++mark; }
  bool setMark(unsigned slot) const {
    return std::exchange(marks[slot], mark) != mark;
  }

  std::vector<Node> nodes;
  llvm::DenseMap<mlir::Operation *, unsigned> ids;
  /// Types of operands, numbered.
  llvm::DenseMap<mlir::Type, unsigned> types;
  std::vector<Unit> order;
  mutable std::vector<unsigned> marks;
  mutable unsigned mark = 0;
  llvm::DenseSet<mlir::Value> hardUsed;
  llvm::DenseSet<mlir::Operation *> updates, forward;
};

/// The numbers in either, ascending.
OpIds unionOf(llvm::ArrayRef<unsigned> a, llvm::ArrayRef<unsigned> b);

/// Whether the library computes `op`: it is in no kernel that is formed.
bool isLibraryCall(mlir::Operation *op);

} // namespace dlc

#endif
