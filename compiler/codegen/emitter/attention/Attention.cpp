//===- Attention.cpp - the attention schedule -----------------------------===//
//
// Forward, a workgroup has some rows of one head and meets keys and values a
// tile at a time, with the row's running maximum m and sum l (Milakov and
// Gimelshein; Dao et al., FlashAttention). The copy of the next tile runs
// beside the products of this one:
//
//   copy keys 0
//   for each tile j:
//     wait; copy values j;   s = q keys^T; p = 2^(s - m)
//     wait; copy keys j + 1; out = out * 2^(old m - m) + p values
//
// Backward is one launch of two kinds of workgroups, since each gradient is
// summed by one of them in one order. Some own keys and meet the rows:
//
//   p^T = 2^(k q^T - lse), ds^T = p^T * (v grad^T - delta)
//   dv += p^T grad, dk += ds^T q
//
// and the others own rows and meet the keys: dq += ds k. delta, the sum of
// grad * output of a row, is computed by whoever needs it.
//
//===----------------------------------------------------------------------===//
#include "compiler/codegen/emitter/attention/Attention.h"

#include "compiler/codegen/emitter/FiniteCheck.h"
#include "compiler/codegen/emitter/KernelFunction.h"
#include "compiler/codegen/emitter/Math.h"
#include "compiler/codegen/emitter/attention/Softmax.h"
#include "dialects/dlc/IR/Attention.h"
#include "dialects/dlc/IR/Traced.h"
#include "passes/fuse/AttentionViews.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;

namespace dlc::emit {

namespace {

class AttentionEmitter {
public:
  AttentionEmitter(OpBuilder &b, Location loc, StringRef shared,
                   KernelOp kernel, Operation *op);

  void emit(KernelFunction &function);
  void declareShared(Operation *function) { e.declareShared(function); }
  int64_t getGroups() const {
    return heads() * (rowTiles() + (isBackward ? keyTiles() : 0));
  }
  unsigned getThreads() const { return engine->threads; }
  FiniteCheck checks;

private:
  int64_t heads() const { return sizes[0] * sizes[1]; }
  int64_t rowTiles() const {
    return llvm::divideCeil(rows, int64_t(engine->ownRows));
  }
  int64_t keyTiles() const {
    return llvm::divideCeil(keys, int64_t(engine->ownRows));
  }

  /// What a workgroup does: its tile of one head.
  struct Work {
    Value first, batch, head;
  };
  Work workOf(Value number, int64_t tiles, bool isLastHeaviest);
  Matrix matrixOf(KernelFunction &function, const View &view, const Work &work,
                  int64_t rows, int64_t columns);
  void bind(KernelFunction &function, const Work &work);
  void forward(const Work &work);
  void keyGradients(const Work &work);
  void rowGradient(const Work &work);
  Value deltaOf(Value row);
  /// For the rows of a tile: lse / ln 2, and delta.
  void fillStatistics(const Tile &lse, const Tile &delta, Value first);
  void storeSums(ValueRange sums, const Matrix &matrix, Value first,
                 function_ref<Value(unsigned)> factor, bool isFirstResult);
  Value logsumexpAt(Value row);
  ScoreRules makeRules() {
    return ScoreRules(*engine, type, rows, keys, scale, isCausal, mask);
  }

  AttentionBuilder e;
  KernelOp kernel;
  Operation *op;
  bool isBackward, isCausal;
  double scale;
  /// [batch, heads].
  std::array<int64_t, 2> sizes;
  int64_t rows, keys, depth, width;
  Type element, type;
  std::unique_ptr<AttentionEngine> engine;
  // Of the workgroup's head.
  Matrix q, k, v, output, grad, dq, dk, dv, logsumexp;
  AttentionMask mask{};
};

} // namespace

template <typename OpTy> static AttentionSizes sizesAs(Operation *op) {
  return sizesOf(cast<OpTy>(op));
}

AttentionEmitter::AttentionEmitter(OpBuilder &b, Location loc, StringRef shared,
                                   KernelOp kernel, Operation *op)
    : checks(e), e(b, loc, shared), kernel(kernel), op(op),
      isBackward(isa<AttentionGradOp>(op)), isCausal(op->hasAttr("causal")),
      scale(op->getAttrOfType<FloatAttr>("scale").getValueAsDouble()) {
  AttentionSizes all =
      isBackward ? sizesAs<AttentionGradOp>(op) : sizesAs<AttentionOp>(op);
  ArrayRef<int64_t> batch = all.batch;
  sizes = {batch.empty() ? 1 : batch[0], batch.size() < 2 ? 1 : batch[1]};
  rows = all.rows;
  keys = all.keys;
  depth = all.depth;
  width = all.width;
  element = elementTypeOf(op->getOperand(0));
  type = scoreType(element);
  EngineChoice choice{element, depth, width, isBackward};
  engine = element.getIntOrFloatBitWidth() == 16 ? makeMatrixEngine(e, choice)
                                                 : makeScalarEngine(e, choice);
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

/// Heavy tiles come first, so that light ones fill the end.
AttentionEmitter::Work AttentionEmitter::workOf(Value number, int64_t tiles,
                                                bool isLastHeaviest) {
  Value tile, head;
  if (isCausal) {
    tile = e.div(number, heads());
    head = e.rem(number, heads());
    if (isLastHeaviest)
      tile = e.sub(e.i32(tiles - 1), tile);
  } else {
    tile = e.rem(number, tiles);
    head = e.div(number, tiles);
  }
  return {e.mul(tile, engine->ownRows), e.div(head, sizes[1]),
          e.rem(head, sizes[1])};
}

/// The largest power of two, up to 16 bytes, that divides all of `numbers`.
static unsigned widthOf(ArrayRef<int64_t> numbers, int64_t bytes) {
  unsigned width = 16 / bytes;
  while (llvm::any_of(numbers, [&](int64_t n) { return n % width != 0; }))
    width /= 2;
  return width;
}

Matrix AttentionEmitter::matrixOf(KernelFunction &function, const View &view,
                                  const Work &work, int64_t rows,
                                  int64_t columns) {
  // A kernel's buffers are its inputs, then its outputs.
  Block &body = kernel.getBody().front();
  int64_t position;
  if (auto argument = dyn_cast<BlockArgument>(view.base))
    position = argument.getArgNumber();
  else
    position = body.getNumArguments() +
               (llvm::find(body.getTerminator()->getOperands(), view.base) -
                body.getTerminator()->operand_begin());
  std::array<int64_t, 5> layout = attentionLayout(view);
  Type stored = elementTypeOf(view.base);
  int64_t strides[] = {sizes[0] > 1 ? layout[1] : 0,
                       sizes[1] > 1 ? layout[2] : 0, rows > 1 ? layout[3] : 0};
  unsigned width =
      widthOf({columns, layout[0], strides[0], strides[1], strides[2]},
              byteWidth(stored));
  // 64 bits: the whole tensor may be large.
  Type i64 = e.b.getI64Type();
  auto times = [&](Value x, int64_t y) -> Value {
    Value wide = arith::ExtUIOp::create(e.b, e.loc, i64, x);
    return arith::MulIOp::create(e.b, e.loc, wide, e.integer(i64, y));
  };
  Value start =
      e.add(e.add(times(work.batch, strides[0]), times(work.head, strides[1])),
            e.integer(i64, layout[0]));
  Type unit = stored.isInteger(1) ? Type(e.b.getI8Type()) : stored;
  Value base = e.offset(function.pointer(e.b, position), unit, start);
  return {base, stored, rows, columns, layout[3], width};
}

void AttentionEmitter::bind(KernelFunction &function, const Work &work) {
  SmallVector<View> reads = attentionReads(op), writes = attentionWrites(op);
  unsigned first = isBackward ? 1 : 0, masks = isBackward ? 6 : 3;
  auto of = [&](const View &view, int64_t rows, int64_t columns) {
    return matrixOf(function, view, work, rows, columns);
  };
  q = of(reads[first], rows, depth);
  k = of(reads[first + 1], keys, depth);
  v = of(reads[first + 2], keys, width);
  if (reads.size() > masks) {
    const View &view = reads[masks];
    Matrix found = of(view, rows, keys);
    mask = {found.base, found.element, found.rowStride,
            attentionLayout(view)[4]};
  }
  // One number per row, without gaps: rows x 1.
  auto column = [&](const View &view) {
    View wide = view;
    wide.sizes.push_back(1);
    wide.strides.push_back(1);
    return of(wide, rows, 1);
  };
  if (!isBackward) {
    output = of(writes[0], rows, width);
    logsumexp = column(writes[1]);
    return;
  }
  grad = of(reads[0], rows, width);
  output = of(reads[4], rows, width);
  logsumexp = column(reads[5]);
  dq = of(writes[0], rows, depth);
  dk = of(writes[1], keys, depth);
  dv = of(writes[2], keys, width);
}

/// sums * factor(slot), rounded.
void AttentionEmitter::storeSums(ValueRange sums, const Matrix &matrix,
                                 Value first,
                                 function_ref<Value(unsigned)> factor,
                                 bool isFirstResult) {
  bool isPaired = engine->isPaired() && matrix.width >= 2;
  for (unsigned i = 0; i < sums.size(); i += isPaired ? 2 : 1) {
    unsigned slot = engine->slotOf(i);
    Value row = e.add(first, engine->ownRow(slot));
    Value column = engine->columnOf(i);
    Value exists = e.less(row, matrix.rows);
    if (int64_t(engine->paddedColumns(matrix.columns)) != matrix.columns)
      exists = e.both(exists, e.less(column, matrix.columns));
    e.when(exists, [&] {
      Values values;
      for (unsigned j = i; j < i + (isPaired ? 2 : 1); ++j) {
        Value value = e.mul(sums[j], factor(slot));
        if (isFirstResult && injectedInto(op)) {
          Value sum = e.add(e.add(row, column), e.block());
          Value isFirst =
              j != i ? Value(e.integer(e.b.getI1Type(), 0)) : e.less(sum, 1);
          value = withFault(e, op, value, isFirst);
        }
        checks.check(op, value, nullptr);
        values.push_back(e.narrow(value, element));
      }
      if (!isPaired) {
        e.store(matrix, row, column, values[0]);
        return;
      }
      Value pair =
          LLVM::PoisonOp::create(e.b, e.loc, VectorType::get({2}, element));
      for (unsigned j : {0, 1})
        pair = LLVM::InsertElementOp::create(e.b, e.loc, pair, values[j],
                                             e.i32(j));
      e.store(matrix, row, column, pair);
    });
  }
}

//===----------------------------------------------------------------------===//
// Forward
//===----------------------------------------------------------------------===//

void AttentionEmitter::forward(const Work &work) {
  ScoreRules rules = makeRules();
  int64_t step = engine->tileRows;
  unsigned slots = engine->slots;
  Tile keyTile = engine->makeTile(k), valueTile = engine->makeTile(v);
  engine->prepare();
  OwnRows own = engine->loadRows(q, work.first);
  Value end = e.i32(keys), zero = e.i32(0);
  if (isCausal)
    end = e.smaller(end, e.add(work.first, engine->ownRows));
  if (keys > 0)
    engine->fill(keyTile, k, zero);
  // Sums, then maxima and sums of the slots.
  unsigned numSums = engine->count(width);
  Value lowest = e.number(type, -std::numeric_limits<double>::infinity());
  Values carried(numSums, e.number(type, 0));
  carried.append(slots, lowest);
  carried.append(slots, e.number(type, 0));
  Values result =
      e.loop(zero, end, step, carried, [&](Value at, ValueRange old) {
        e.arrive();
        engine->fill(valueTile, v, at);
        Values scores = rules.finish(engine->products(own, keyTile),
                                     {work.first, at, false});
        Values most(old.slice(numSums, slots));
        for (auto [i, score] : llvm::enumerate(scores))
          most[engine->slotOf(i)] = e.larger(most[engine->slotOf(i)], score);
        Values shifts, decays, sums(old.take_back(slots));
        Value by = e.number(type, rules.factorOfTwo);
        for (unsigned slot = 0; slot < slots; ++slot) {
          most[slot] = e.quadMax(most[slot]);
          shifts.push_back(e.mul(rules.finite(most[slot]), by));
          decays.push_back(
              e.exp2(e.sub(e.mul(old[numSums + slot], by), shifts[slot])));
          sums[slot] = e.mul(sums[slot], decays[slot]);
        }
        Values p = rules.powers(
            scores, [&](unsigned i) { return shifts[engine->slotOf(i)]; });
        for (auto [i, value] : llvm::enumerate(p))
          sums[engine->slotOf(i)] = e.add(sums[engine->slotOf(i)], value);
        e.arrive();
        Value next = e.add(at, step);
        e.when(e.less(next, end), [&] { engine->fill(keyTile, k, next); });
        Values out;
        for (unsigned i = 0; i < numSums; ++i)
          out.push_back(e.mul(old[i], decays[engine->slotOf(i)]));
        out = engine->accumulate(out, p, valueTile);
        out.append(most);
        out.append(sums);
        return out;
      });

  Values inverses;
  Value one = e.number(type, 1);
  for (unsigned slot = 0; slot < slots; ++slot) {
    Value sum = e.quadSum(result[numSums + slots + slot]);
    Value isNone = arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OEQ,
                                         sum, e.number(type, 0));
    Value divisor = e.select(isNone, one, sum);
    inverses.push_back(arith::DivFOp::create(e.b, e.loc, one, divisor));
    // The logarithm of 1 is 0, and the maximum is minus infinity.
    Value row = e.add(work.first, engine->ownRow(slot));
    Value isMine = e.both(e.less(row, rows), e.less(e.rem(e.thread(), 4), 1));
    e.when(isMine, [&] {
      Value most = e.mul(result[numSums + slot], e.number(type, rules.factor));
      e.store(logsumexp, row, zero, e.add(most, emitLog(e.b, e.loc, divisor)));
    });
  }
  storeSums(
      ArrayRef(result).take_front(numSums), output, work.first,
      [&](unsigned slot) { return inverses[slot]; }, true);
}

//===----------------------------------------------------------------------===//
// Backward
//===----------------------------------------------------------------------===//

/// The shift of a row's exponents of 2; `row` may lie beyond the end.
Value AttentionEmitter::logsumexpAt(Value row) {
  row = e.smaller(row, e.i32(rows - 1));
  Value lse = makeRules().finite(e.load(logsumexp, row, e.i32(0)));
  return e.mul(lse, e.number(type, M_LOG2E));
}

/// The sum of grad * output over a row, by the threads of a quad, which all get
/// it; `row` may lie beyond the end.
Value AttentionEmitter::deltaOf(Value row) {
  row = e.smaller(row, e.i32(rows - 1));
  unsigned step = std::min(grad.width, output.width);
  Value begin = e.mul(e.rem(e.thread(), 4), step);
  Values sum = e.loop(
      begin, e.i32(width), 4 * step, Values{e.number(type, 0)},
      [&](Value column, ValueRange carried) {
        Value x = e.widen(e.load(grad, row, column, step), type);
        Value y = e.widen(e.load(output, row, column, step), type);
        if (step == 1)
          return Values{e.fma(x, y, carried[0])};
        Value next = carried[0];
        for (unsigned i = 0; i < step; ++i)
          next = e.fma(LLVM::ExtractElementOp::create(e.b, e.loc, x, e.i32(i)),
                       LLVM::ExtractElementOp::create(e.b, e.loc, y, e.i32(i)),
                       next);
        return Values{next};
      });
  return e.quadSum(sum[0]);
}

void AttentionEmitter::fillStatistics(const Tile &lse, const Tile &delta,
                                      Value first) {
  Value zero = e.i32(0), quad = e.div(e.thread(), 4);
  // A quad has a row at a time; all threads take part in its shuffles.
  unsigned perStep = engine->threads / 4;
  for (unsigned at = 0; at < engine->tileRows; at += perStep) {
    Value inTile = e.add(quad, at), row = e.add(first, inTile);
    Value shift = logsumexpAt(row), sum = deltaOf(row);
    e.when(e.less(e.rem(e.thread(), 4), 1), [&] {
      e.store(lse, zero, inTile, shift);
      e.store(delta, zero, inTile, sum);
    });
  }
}

void AttentionEmitter::keyGradients(const Work &work) {
  ScoreRules rules = makeRules();
  int64_t start = e.getTaken(), step = engine->tileRows;
  Tile rowTile = engine->makeTile(q), gradTile = engine->makeTile(grad);
  Tile lse = e.makeTile(type, 1, step, step);
  Tile delta = e.makeTile(type, 1, step, step);
  engine->prepare();
  OwnRows ownKeys = engine->loadRows(k, work.first);
  OwnRows ownValues = engine->loadRows(v, work.first, true);
  // Rows before the first key do not see any.
  Value low = e.i32(0), zero = e.i32(0);
  if (isCausal)
    low = e.mul(e.div(work.first, step), step);
  unsigned numKeys = engine->count(depth);
  Values carried(numKeys + engine->count(width), e.number(type, 0));
  Values result =
      e.loop(low, e.i32(rows), step, carried, [&](Value at, ValueRange old) {
        e.barrier();
        engine->fill(rowTile, q, at);
        engine->fill(gradTile, grad, at);
        fillStatistics(lse, delta, at);
        e.arrive();
        Values scores = rules.finish(engine->products(ownKeys, rowTile),
                                     {work.first, at, true});
        Values p = rules.powers(scores, [&](unsigned i) {
          return e.load(lse, zero, engine->columnOf(i));
        });
        Values values =
            engine->accumulate(old.drop_front(numKeys), p, gradTile);
        Values ds = engine->products(ownValues, gradTile);
        for (auto [i, value] : llvm::enumerate(ds))
          value = e.mul(p[i],
                        e.sub(value, e.load(delta, zero, engine->columnOf(i))));
        Values next = engine->accumulate(old.take_front(numKeys), ds, rowTile);
        next.append(values);
        return next;
      });
  Value by = e.number(type, scale), one = e.number(type, 1);
  ArrayRef<Value> sums(result);
  storeSums(
      sums.take_front(numKeys), dk, work.first, [&](unsigned) { return by; },
      false);
  storeSums(
      sums.drop_front(numKeys), dv, work.first, [&](unsigned) { return one; },
      false);
  e.release(start);
}

void AttentionEmitter::rowGradient(const Work &work) {
  ScoreRules rules = makeRules();
  int64_t start = e.getTaken(), step = engine->tileRows;
  Tile keyTile = engine->makeTile(k), valueTile = engine->makeTile(v);
  engine->prepare();
  OwnRows ownRows = engine->loadRows(q, work.first);
  OwnRows ownGrad = engine->loadRows(grad, work.first, true);
  Values shifts, deltas;
  for (unsigned slot = 0; slot < engine->slots; ++slot) {
    Value row = e.add(work.first, engine->ownRow(slot));
    shifts.push_back(logsumexpAt(row));
    deltas.push_back(deltaOf(row));
  }
  Value end = e.i32(keys);
  if (isCausal)
    end = e.smaller(end, e.add(work.first, engine->ownRows));
  Values carried(engine->count(depth), e.number(type, 0));
  Values result =
      e.loop(e.i32(0), end, step, carried, [&](Value at, ValueRange old) {
        e.barrier();
        engine->fill(keyTile, k, at);
        engine->fill(valueTile, v, at);
        e.arrive();
        Values scores = rules.finish(engine->products(ownRows, keyTile),
                                     {work.first, at, false});
        Values p = rules.powers(
            scores, [&](unsigned i) { return shifts[engine->slotOf(i)]; });
        Values ds = engine->products(ownGrad, valueTile);
        for (auto [i, value] : llvm::enumerate(ds))
          value = e.mul(p[i], e.sub(value, deltas[engine->slotOf(i)]));
        return engine->accumulate(old, ds, keyTile);
      });
  Value by = e.number(type, scale);
  storeSums(
      result, dq, work.first, [&](unsigned) { return by; }, true);
  e.release(start);
}

void AttentionEmitter::emit(KernelFunction &function) {
  Value number = e.block();
  if (!isBackward) {
    Work work = workOf(number, rowTiles(), true);
    bind(function, work);
    forward(work);
    return;
  }
  int64_t keyGroups = keyTiles() * heads();
  if (keyTiles())
    e.when(e.less(number, keyGroups), [&] {
      Work work = workOf(number, keyTiles(), false);
      bind(function, work);
      keyGradients(work);
    });
  if (rowTiles())
    e.when(e.less(e.i32(keyGroups - 1), number), [&] {
      Work work = workOf(e.add(number, -keyGroups), rowTiles(), true);
      bind(function, work);
      rowGradient(work);
    });
}

FailureOr<EmittedKernel> emitAttentionKernel(KernelOp kernel, StringRef symbol,
                                             const Target &target,
                                             ModuleOp module) {
  Block &body = kernel.getBody().front();
  Operation *op = nullptr;
  for (Operation &inner : body)
    if (isAttention(&inner))
      op = &inner;
  if (!op || !target.isGpu)
    return kernel.emitOpError()
           << "cannot be emitted: the attention schedule is for attention on "
              "GPUs [DLC4001]";
  Location loc = kernel.getLoc();
  size_t numBuffers = body.getNumArguments() + kernel.getOutputs().size();
  KernelFunction function(module, loc, symbol, target,
                          numBuffers + target.checksFinite);
  OpBuilder b = OpBuilder::atBlockBegin(&function.entry());
  AttentionEmitter emitter(b, loc, (symbol + "_memory").str(), kernel, op);
  if (target.checksFinite)
    emitter.checks.begin();
  emitter.emit(function);
  emitter.checks.end([&] { return function.pointer(b, int64_t(numBuffers)); });
  emitter.declareShared(function.get());
  function.finish(b);
  return EmittedKernel{
      function.get(), emitter.getGroups(), {}, emitter.getThreads()};
}

} // namespace dlc::emit
