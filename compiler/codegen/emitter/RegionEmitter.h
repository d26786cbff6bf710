//===- RegionEmitter.h - emits the loops of one region ----------*- C++ -*-===//
#ifndef DLC_COMPILER_CODEGEN_EMITTER_REGIONEMITTER_H
#define DLC_COMPILER_CODEGEN_EMITTER_REGIONEMITTER_H

#include "compiler/codegen/emitter/Elements.h"
#include "compiler/codegen/emitter/Emitter.h"
#include "compiler/codegen/emitter/FiniteCheck.h"
#include "compiler/codegen/emitter/KernelFunction.h"
#include "dialects/dlc/indexing/Region.h"

#include <functional>
#include <map>
#include <set>

namespace dlc::emit {

/// One operand of a contraction, and the kept dims that only it depends on.
struct TileSide {
  unsigned operand = 0;
  llvm::SmallVector<unsigned> dims;
  /// Elements of the dims together, those of a tile, and tiles.
  int64_t size = 1, extent = 1, tiles = 1;
  /// Neighbouring steps are neighbours in memory; else neighbours of a dim are.
  bool runsAlongSteps = false;
  /// Elements that a thread fetches at once, neighbours in `vectorDim`.
  int64_t width = 1;
  unsigned vectorDim = 0;
};

/// GPUs: how workgroups share a contraction (ContractionTile.cpp).
struct ContractionTile {
  /// Of their dims neighbouring threads store neighbouring columns.
  TileSide rows, columns;
  llvm::SmallVector<unsigned> batch;
  /// Steps that are in workgroup memory at a time.
  unsigned depth = 1;
  /// What tensor cores multiply (MatrixTile.cpp); null if they do not.
  mlir::Type matrixElement;
  /// Warps that divide a tile's columns, where they do.
  int64_t warpsAcross = 0;
  /// A thread's results are stored two at a time.
  bool storesPairs = false;
};

/// How the emitter walks a plan.
struct Walk {
  /// The dim of the domain that lanes run along, and how many there are.
  unsigned vectorDim;
  unsigned lanes;
  bool isVectorDimKept;
  /// GPUs: a lane is a thread, and lanes of one item are neighbours in a warp.
  /// Else a lane is an element of a vector.
  bool areLanesThreads = false;
  /// GPUs, where an item has one lane: threads that share its steps, each doing
  /// every rowThreads-th. They meet in workgroup memory.
  unsigned rowThreads = 1;
  /// GPUs: the workgroup's threads share a long row (LongRows.cpp), and how many
  /// of its vectors each has in flight.
  bool isRowShared = false;
  unsigned tileSteps = 1;
  /// GPUs: workgroups that a processor has registers for; 0: as it comes.
  unsigned residentGroups = 0;
  /// GPUs: the row is short enough that its threads keep what they read and
  /// compute in registers from sweep to sweep.
  bool isRowHeld = false;
  /// GPUs: of a workgroup.
  unsigned threads = 0;
  /// GPUs: a workgroup's item is a tile of a contraction's results.
  std::optional<ContractionTile> tile;
  /// Rows are grid work and tiles of the vector dim a loop inside them, instead
  /// of both being grid work.
  bool hasTileLoop;
  /// Grid work items, and items per workgroup.
  int64_t items, itemsPerGroup;
  int64_t groups;
};

/// GPUs: how the threads of a workgroup walk a group of rows along and across
/// (MixedItems.cpp).
struct MixedWalk {
  /// Along: a warp per row. Across: a thread has vectors of columns.
  Walk along, across;
  /// Threads that share a row's columns, vectors that each of them has, and
  /// teams of them, which walk different rows.
  int64_t teamThreads, vectors, teams;
  /// Rows that a team has under way at once.
  int64_t rowsAtOnce;
  /// Rows between two meetings of all threads.
  int64_t tileRows;
};

/// Chooses lanes, vector dim and grid from shapes, types and access patterns.
Walk chooseWalk(const RegionPlan &plan,
                llvm::ArrayRef<mlir::Operation *> ops,
                const Target &target);
/// The same for a GPU.
Walk chooseGpuWalk(RegionPlan &plan,
                   llvm::ArrayRef<mlir::Operation *> ops,
                   const Target &target);
/// The same for a mixed region.
MixedWalk chooseMixedWalk(const RegionPlan &plan);

/// Chooses tiles for a contraction that is alone in its region; false where
/// another walk does better. For GPUs.
bool chooseContractionTile(RegionPlan &plan, Walk &walk);
/// The least extent of a tile that tensor cores multiply.
inline constexpr int64_t leastMatrixExtent = 32;
/// What tensor cores would multiply for the contraction `op`; null if they
/// cannot.
mlir::Type matrixElement(mlir::Operation *op);
/// Divides a tile, whose extents are known, among warps. `accesses`: of its
/// operands.
void chooseMatrixTile(const RegionPlan &plan, ContractionTile &tile,
                      llvm::ArrayRef<Access> accesses, mlir::Type element);
unsigned matrixThreads(const ContractionTile &tile);
/// Whether the threads of a workgroup share the rows of `plan`; makes `walk` so.
bool shareRow(const RegionPlan &plan, Walk &walk);

class RegionEmitter : public ElementBuilder {
public:
  RegionEmitter(mlir::OpBuilder &b, mlir::Location loc, RegionPlan &plan,
                llvm::ArrayRef<mlir::Operation *> ops,
                const Target &target);

  /// Takes the base pointers of `inputs`, then `outputs`.
  void bindBuffers(KernelFunction &function, mlir::ValueRange inputs,
                   mlir::ValueRange outputs);
  /// Emits the work of the function's groups.
  void emit(KernelFunction &function);
  struct List {
    /// Scalars that all slices read, and slices.
    int64_t shared, slices;
    /// GPUs: of a workgroup.
    unsigned threads;
  };
  /// Emits a list kernel: the region is its first slice, `inputs` the shared
  /// scalars and that slice's own. Group g does elements [start, start + count)
  /// of slice s, where dims[3 g …] = (s, start, count).
  void emitList(KernelFunction &function, mlir::ValueRange inputs,
                mlir::ValueRange outputs, const List &list);
  int64_t getGroups() const { return walk.groups; }
  unsigned getThreads() const { return walk.threads; }
  unsigned getResidentGroups() const { return walk.residentGroups; }
  /// The checks of a traced kernel, which begin before and end after its work.
  FiniteCheck &getChecks() { return checks; }

  mlir::Value indexValue(mlir::AffineExpr index) override;

private:
  /// Remembered values of one loop level, and the dims that are known there.
  struct Scope {
    /// Emits before this op; null: at the builder's own insertion point.
    mlir::Operation *before = nullptr;
    llvm::SmallVector<mlir::Value> dims;
    /// (value or expression, mask, index) -> emitted value
    std::map<std::vector<const void *>, mlir::Value> values;
  };
  using Values = llvm::SmallVector<mlir::Value>;
  /// While it lives, a thread of a contraction's tile computes vectors of
  /// `width` neighbours in `dim`.
  class VectorScope {
  public:
    VectorScope(RegionEmitter &e, unsigned dim, int64_t width);
    ~VectorScope();

  private:
    RegionEmitter &e;
    unsigned vectorDim, walkLanes, lanes;
    bool areLanesThreads;
  };

  void emitListGroup(KernelFunction &function, mlir::Value group,
                     mlir::ValueRange inputs, mlir::ValueRange outputs,
                     const List &list);
  void emitRange(mlir::Value start, mlir::Value count, unsigned threads);
  void emitThreadItem();
  // Grid and kept dims.
  void emitItem(mlir::Value item);
  void emitTiles(llvm::function_ref<void()> body, mlir::Value tile);
  void emitRow();
  // One sweep over the reduced dims.
  void emitSweep(unsigned sweep);
  Values emitReducedLoops(unsigned position, llvm::ArrayRef<unsigned> dims,
                          Values accumulators,
                          llvm::function_ref<Values(Values)> body);
  Values emitVectorLoop(Values accumulators,
                        llvm::function_ref<Values(Values)> body);
  Values joinGroups(mlir::Operation *op, Values accumulators);
  mlir::Value sharedArray(mlir::Type element, unsigned number, int64_t size);
  mlir::Value isFirstThread();
  void awaitLanes();
  Values emitHeldRow(Values accumulators,
                     llvm::function_ref<Values(Values)> body);
  Values sweepStep(Values accumulators);
  Values combineAll(Values accumulators);
  Values storedValues(llvm::ArrayRef<const RegionOutput *> outputs);
  void storeValues(llvm::ArrayRef<const RegionOutput *> outputs, Values values);
  // Rows that a workgroup shares.
  void emitSharedItem();
  Values emitSharedRow(Values accumulators);
  Values emitTileLoop(int64_t start, int64_t end, unsigned steps,
                      Values accumulators);
  Values emitTile(mlir::Value start, unsigned steps, Values accumulators);
  using Fetched = std::set<std::vector<const void *>>;
  void fetchSweep();
  void fetchOperands(mlir::Operation *op, const Index &at, const Index &step,
                     mlir::Value mask, Fetched &fetched);
  void fetch(mlir::Value value, const Index &at, mlir::Value mask,
             Fetched &fetched);
  Values joinShared(Values accumulators);
  // Sums of one term.
  /// A number that belongs to the whole row.
  struct RowElement {
    mlir::Value value;
    Index at;
  };
  bool followToRow(mlir::Value &value, Index &at);
  std::optional<RowElement> comparedPosition(mlir::Operation *op,
                                             const Index &at);
  mlir::Value emitRowNumber(const RowElement &element);
  mlir::Value emitPick(const RegionReduction &reduction);
  mlir::Value emitPositionCheck(mlir::Operation *op, const Index &at);
  Values meetLanes(mlir::Operation *op, Values accumulators, unsigned count);
  Values joinLanes(mlir::Operation *op, Values accumulators);
  Values joinThreads(mlir::Operation *op, Values accumulators);
  // Tiles of contractions.
  struct TilePlace {
    mlir::Value at, depth;
  };
  void emitContraction();
  TilePlace fetchPlace(const TileSide &side, unsigned e);
  mlir::Value placeOnSide(const TileSide &side, mlir::Value first,
                          mlir::Value at,
                          llvm::MutableArrayRef<mlir::Value> dims);
  Values fetchTile(const TileSide &side, mlir::Value first, mlir::Value start,
                   bool mayEnd);
  mlir::Value tileAddress(const TileSide &side, mlir::Type element,
                          mlir::Value at, mlir::Value depth);
  void putTile(const TileSide &side, mlir::ValueRange fetched);
  mlir::Value ownPlace(bool isRow, unsigned i);
  Values multiplyTiles(Values sums, llvm::ArrayRef<mlir::Type> elements);
  void storeTile(mlir::Value firstRow, mlir::Value firstColumn,
                 llvm::ArrayRef<mlir::Value> sums);
  void storeResult(mlir::Value firstRow, mlir::Value row,
                   mlir::Value firstColumn, mlir::Value column,
                   mlir::Value sum);
  void storeContraction(mlir::Value result);
  void emitScalarTile(mlir::Value firstRow, mlir::Value firstColumn);
  // Those that tensor cores multiply.
  void emitMatrixTile(mlir::Value firstRow, mlir::Value firstColumn);
  mlir::Value matrixAddress(const TileSide &side, mlir::Value half,
                            mlir::Value at, mlir::Value depth);
  mlir::Value toMatrixElement(mlir::Value value);
  void putMatrix(const TileSide &side, mlir::ValueRange fetched,
                 mlir::Value half);
  Values loadOperand(const TileSide &side, mlir::Value half, mlir::Value at,
                     int64_t depth, bool isLeft);
  std::pair<mlir::Value, mlir::Value> warpPlace();
  Values multiplyMatrixTiles(Values sums, mlir::Value half);
  std::pair<mlir::Value, mlir::Value> pairPlace(unsigned pair);
  void storeMatrices(mlir::Value firstRow, mlir::Value firstColumn,
                     llvm::ArrayRef<mlir::Value> sums);
  void storePair(mlir::Value firstRow, mlir::Value row,
                 mlir::Value firstColumn, mlir::Value column,
                 llvm::ArrayRef<mlir::Value> sums);
  // A mixed region.
  void emitMixed();
  void emitTileAlong(mlir::Value firstRow);
  void emitRowAlong(mlir::Value row, mlir::Value place);
  Values emitTileAcross(mlir::Value firstRow, Values sums);
  Values emitRowsAcross(unsigned vector, llvm::ArrayRef<mlir::Value> rows,
                        llvm::ArrayRef<mlir::Value> places, Values sums);
  void emitColumnSums(Values sums);
  Values joinTeams(Values sums);
  mlir::Value hasVector(unsigned vector);
  mlir::Value slotAddress(unsigned number, mlir::Value place);
  // Values.
  mlir::Value emitValue(mlir::Value value, const Index &at, mlir::Value mask);
  mlir::Value computeValue(mlir::Value value, const Index &at,
                           mlir::Value mask);
  mlir::Value watched(mlir::Operation *op, mlir::Value value, const Index &at,
                      mlir::Value mask);
  mlir::Value isFirst(const Index &at);
  llvm::SmallVector<Element> emitAccesses(mlir::Operation *op, const Index &at,
                                          const Index &step, mlir::Value mask);
  mlir::Value emitGuards(llvm::ArrayRef<Guard> guards);
  mlir::Value emitExpr(mlir::AffineExpr expr);
  mlir::Value emitStart(mlir::AffineExpr expr);
  bool dependsOnLane(mlir::AffineExpr expr);
  bool startsAtTile(mlir::AffineExpr expr);
  std::optional<int64_t> laneCoefficient(mlir::AffineExpr expr);
  bool isConsecutive(mlir::AffineExpr offset);
  bool isKnownIn(const Scope &scope, llvm::ArrayRef<mlir::AffineExpr> at);
  // Memory.
  struct Buffer {
    mlir::Value pointer;
    mlir::Type storage;
    llvm::SmallVector<int64_t> shape;
  };
  mlir::Value load(const Buffer &buffer, const Index &at, mlir::Value mask);
  void storeAll(llvm::ArrayRef<const RegionOutput *> stored);
  void store(const Buffer &buffer, const Index &at, mlir::Value value);
  mlir::Value address(const Buffer &buffer, mlir::Value offset);
  mlir::Value loadVector(const Buffer &buffer, mlir::AffineExpr offset,
                         mlir::Value mask);
  mlir::Value loadWhere(mlir::Value condition, mlir::Type type,
                        mlir::Value pointer, unsigned alignment);
  mlir::Value loadRaw(const Buffer &buffer, mlir::AffineExpr offset,
                      mlir::Value mask);
  mlir::Value loadGuarded(const Buffer &buffer, mlir::AffineExpr offset,
                          mlir::Value condition);
  void storeByThread(const Buffer &buffer, mlir::AffineExpr offset,
                     mlir::Value value);
  unsigned alignmentOf(mlir::Type storage, mlir::AffineExpr offset);
  mlir::Value fromMemory(mlir::Value value, mlir::Type storage);
  mlir::Value toMemory(mlir::Value value, mlir::Type storage);
  mlir::Value joinMasks(mlir::Value a, mlir::Value b);
  mlir::Value laneNumbers();

  mlir::Value i64(int64_t value) { return integer(b.getI64Type(), value); }

  RegionPlan &plan;
  llvm::DenseSet<mlir::Operation *> members;
  bool isGpu;
  Walk walk;
  std::optional<MixedWalk> mixed;
  llvm::DenseMap<mlir::Value, Buffer> inputs;
  llvm::SmallVector<Buffer> outputs;
  /// Outer scope (kept dims), and inside loops an inner one.
  llvm::SmallVector<Scope, 2> scopes;
  llvm::DenseMap<mlir::Value, mlir::Value> reductionResults;
  /// What the current sweep is made of.
  llvm::SmallVector<const RegionReduction *> sweepReductions;
  llvm::SmallVector<const RegionOutput *> sweepOutputs;
  /// Of a held row: the remembered values of each step.
  llvm::SmallVector<std::map<std::vector<const void *>, mlir::Value>> heldValues;
  /// Vectors start at multiples of their lanes in the vector dim.
  bool areTilesAligned = true;
  /// Index expressions are emitted for the first lane alone.
  bool isAtFirstLane = false;
  /// Lanes that exist: null for all of them.
  mlir::Value tailMask;
  /// Where lanes are threads: the thread's lane, and whether its item exists
  /// (null if all do). Threads without one load and store nothing, but meet the
  /// others of their warp.
  mlir::Value lane, isActive;
  /// Where threads share an item's steps: which of them this is, and the slot of
  /// its item among the workgroup's.
  mlir::Value group, column;
  /// Of a mixed region: the thread's warp, its team, its place in the team, what
  /// is the same for all rows of each of its vectors, and the reductions along
  /// rows that are read across them.
  mlir::Value warp, team, place;
  llvm::SmallVector<Scope> columnScopes;
  llvm::SmallVector<mlir::Value> rowScalars;
  /// Where they share a long row: this thread's first element.
  mlir::Value firstElement;
  /// Arrays in workgroup memory.
  llvm::DenseMap<std::pair<mlir::Type, unsigned>, mlir::Value> shared;
  FiniteCheck checks;
};

} // namespace dlc::emit

#endif
