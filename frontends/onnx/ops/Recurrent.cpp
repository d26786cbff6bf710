//===- Recurrent.cpp - ONNX's RNN, GRU and LSTM ---------------------------===//
//
//   all = x W^T + b                 one product for every step
//   h_t = cell(all[t], h_(t-1))     unrolled: a step's slice, product, gates
//
// Shapes are static, so the number of steps is known and the steps become a
// chain in the graph, which differentiation and fusion see like any other. The
// steps' kernels are equal and compiled once. A sequence that is shorter than
// its batch's keeps its state past its end, in both directions.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/ops/Contraction.h"

using namespace mlir;

namespace dlc::frontend {

namespace {

/// The graph grows with the steps.
constexpr int64_t maxSteps = 1024;

/// What a step hands to the next one; `cell` is LSTM's.
struct State {
  Value hidden, cell;
};

/// One direction's weights and activations while its steps are built.
class Direction {
public:
  Direction(NodeContext &c, int64_t hidden, int64_t gates)
      : c(c), hidden(hidden), gates(gates) {}

  /// Row `index` of the leading dim of `value`.
  Value row(Value value, int64_t index) const {
    SmallVector<int64_t> shape(shapeOf(value)), starts(shape.size(), 0);
    starts[0] = index;
    shape[0] = 1;
    Value one = slice(value, shape, starts);
    return reshapeTo(c.b, c.loc, one, ArrayRef(shape).drop_front());
  }
  /// Gates first … first + count - 1 of the last dim.
  Value part(Value value, int64_t first, int64_t count = 1) const {
    SmallVector<int64_t> shape(shapeOf(value)), starts(shape.size(), 0);
    shape.back() = count * hidden;
    starts.back() = first * hidden;
    return slice(value, shape, starts);
  }
  Value add(Value a, Value b) const {
    return AddOp::create(c.b, c.loc, a, broadcastTo(c.b, c.loc, b, shapeOf(a)));
  }
  Value mul(Value a, Value b) const {
    return MulOp::create(c.b, c.loc, a, broadcastTo(c.b, c.loc, b, shapeOf(a)));
  }
  Value oneMinus(Value a) const {
    return addNumber(c.b, c.loc, NegOp::create(c.b, c.loc, a), 1);
  }
  /// x w^T over the last dims.
  Value product(Value x, Value w) const {
    return DotGeneralOp::create(
        c.b, c.loc, x, w, ArrayRef<int64_t>{}, ArrayRef<int64_t>{},
        ArrayRef<int64_t>{rankOf(x) - 1}, ArrayRef<int64_t>{1});
  }
  /// The activation of place `place` among this direction's.
  Value activate(size_t place, Value x) const {
    StringRef name = activations[place];
    if (name == "Tanh")
      return TanhOp::create(c.b, c.loc, x);
    if (name == "Relu")
      return ReluOp::create(c.b, c.loc, x);
    return SigmoidOp::create(c.b, c.loc, x);
  }
  Value recurrent(Value state) const {
    Value sum = product(state, r);
    return recurrentBias ? add(sum, recurrentBias) : sum;
  }

  NodeContext &c;
  const int64_t hidden, gates;
  SmallVector<StringRef> activations;
  /// [gates * hidden, inputs], [gates * hidden, hidden], [gates * hidden].
  Value w, r, inputBias, recurrentBias, peephole;

private:
  Value slice(Value value, ArrayRef<int64_t> shape,
              ArrayRef<int64_t> starts) const {
    SmallVector<int64_t> steps(shape.size(), 1);
    auto type = RankedTensorType::get(shape, elementTypeOf(value));
    return SliceOp::create(c.b, c.loc, type, value, starts, steps);
  }
};

//===- Cells --------------------------------------------------------------===//

/// `all` is [batch, gates * hidden]: the step's inputs times W, plus biases.
using Cell = State (*)(const Direction &, Value all, State before);

/// h' = f(all + h R^T)
State rnnCell(const Direction &d, Value all, State before) {
  return {d.activate(0, d.add(all, d.recurrent(before.hidden))), {}};
}

/// z, r = f(…); h' = (1 - z) n + z h with n = g(all + r (h R^T)), or with
/// g(all + (r h) R^T).
State gruCell(const Direction &d, Value all, State before) {
  Value h = before.hidden;
  auto narrow = [&](int64_t first, int64_t count, Value state) {
    Direction part = d;
    SmallVector<int64_t> order = {1, 0};
    part.r = transposeBy(
        d.c.b, d.c.loc,
        d.part(transposeBy(d.c.b, d.c.loc, d.r, order), first, count), order);
    if (d.recurrentBias)
      part.recurrentBias = d.part(d.recurrentBias, first, count);
    return part.recurrent(state);
  };
  Value gates = d.activate(0, d.add(d.part(all, 0, 2), narrow(0, 2, h)));
  Value update = d.part(gates, 0), reset = d.part(gates, 1);
  bool isLinear = d.c.attr("linear_before_reset", 0) != 0;
  Value past =
      isLinear ? d.mul(reset, narrow(2, 1, h)) : narrow(2, 1, d.mul(reset, h));
  Value fresh = d.activate(1, d.add(d.part(all, 2), past));
  return {d.add(d.mul(d.oneMinus(update), fresh), d.mul(update, h)), {}};
}

/// i, o, f, g in the file's order; c' = f c + i g; h' = o h(c').
State lstmCell(const Direction &d, Value all, State before) {
  Value sum = d.add(all, d.recurrent(before.hidden));
  auto gate = [&](int64_t index, Value cell) {
    Value part = d.part(sum, index);
    if (d.peephole)
      part = d.add(part, d.mul(cell, d.part(d.peephole, index)));
    return d.activate(0, part);
  };
  Value in = gate(0, before.cell);
  Value forget =
      d.c.attr("input_forget", 0) ? d.oneMinus(in) : gate(2, before.cell);
  Value fresh = d.activate(1, d.part(sum, 3));
  Value cell = d.add(d.mul(forget, before.cell), d.mul(in, fresh));
  return {d.mul(gate(1, cell), d.activate(2, cell)), cell};
}

//===- Operands -----------------------------------------------------------===//

struct Form {
  Cell cell;
  int64_t gates;
  /// Default activations, and operands after sequence lengths.
  SmallVector<StringRef, 3> activations;
  bool hasCell;
};

struct Sizes {
  int64_t steps, batch, inputs, hidden, directions;
};

FailureOr<Sizes> checkShapes(NodeContext &c, const Form &form, bool isBatched) {
  StringRef direction = c.attrText("direction", "forward");
  int64_t directions = direction == "bidirectional" ? 2 : 1;
  if (directions == 1 && direction != "forward" && direction != "reverse")
    return c.invalid("'direction' must be forward, reverse or bidirectional, "
                     "but got '" +
                     direction + "'");
  ArrayRef<int64_t> x = c.shape(0), r = c.shape(2);
  if (x.size() != 3 || r.size() != 3 || !isa<FloatType>(elementTypeOf(c.in(0))))
    return c.invalid("operands 0 and 2 must be floats with 3 dims, but got "
                     "shapes " +
                     shapeText(x) + " and " + shapeText(r));
  Sizes s{x[isBatched ? 1 : 0], x[isBatched ? 0 : 1], x[2], r[2], directions};
  int64_t rows = form.gates * s.hidden;
  SmallVector<int64_t> state = {directions, s.batch, s.hidden};
  if (isBatched)
    std::swap(state[0], state[1]);
  SmallVector<SmallVector<int64_t>> shapes = {SmallVector<int64_t>(x),
                                              {directions, rows, s.inputs},
                                              {directions, rows, s.hidden},
                                              {directions, 2 * rows},
                                              {s.batch},
                                              state,
                                              state,
                                              {directions, 3 * s.hidden}};
  for (size_t i = 0; i < c.numInputs(); ++i)
    if (c.has(i) &&
        (c.shape(i) != ArrayRef(shapes[i]) ||
         (i != 4 && elementTypeOf(c.in(i)) != elementTypeOf(c.in(0)))))
      return c.invalid(llvm::formatv("operand {0} must be of the first one's "
                                     "type with shape {1}, but got {2}",
                                     i, shapeText(shapes[i]),
                                     c.in(i).getType()));
  if (s.steps < 1 || s.steps > maxSteps || s.hidden < 1)
    return c.unsupported(
        llvm::formatv("the sequence must have 1 to {0} steps, but got {1}",
                      maxSteps, s.steps));
  return s;
}

/// One activation per place and direction, in the form's order.
LogicalResult readActivations(NodeContext &c, const Form &form,
                              int64_t directions,
                              SmallVectorImpl<StringRef> &names) {
  if (const onnx::AttributeProto *stated = c.find("activations"))
    names.assign(stated->strings().begin(), stated->strings().end());
  else
    for (int64_t i = 0; i < directions; ++i)
      names.append(form.activations.begin(), form.activations.end());
  if (int64_t(names.size()) != directions * int64_t(form.activations.size()))
    return c.invalid("'activations' must name each gate's, but got " +
                     Twine(names.size()));
  for (StringRef name : names)
    if (name != "Sigmoid" && name != "Tanh" && name != "Relu")
      return c.unsupported("'activations' must be Sigmoid, Tanh or Relu, but "
                           "got '" +
                           name + "'");
  if (c.hasAttr("clip"))
    return c.unsupported("'clip' must be absent, but got a number");
  return success();
}

Direction readDirection(NodeContext &c, const Form &form, const Sizes &s,
                        int64_t index) {
  Direction d(c, s.hidden, form.gates);
  d.w = d.row(c.in(1), index);
  d.r = d.row(c.in(2), index);
  if (c.has(3)) {
    Value both = d.row(c.in(3), index);
    d.inputBias = d.part(both, 0, form.gates);
    d.recurrentBias = d.part(both, form.gates, form.gates);
  }
  if (form.hasCell && c.has(7))
    d.peephole = d.row(c.in(7), index);
  return d;
}

//===- Unrolling ----------------------------------------------------------===//

class Unroller {
public:
  Unroller(NodeContext &c, const Form &form, Sizes sizes, bool isBatched)
      : c(c), form(form), s(sizes), isBatched(isBatched) {
    x = isBatched ? transposeBy(c.b, c.loc, c.in(0), {1, 0, 2}) : c.in(0);
  }

  /// Builds a direction's steps; `outputs` gets [batch, hidden] per step.
  State run(const Direction &d, int64_t index, bool isReverse,
            SmallVectorImpl<Value> &outputs) {
    Value all = d.product(x, d.w);
    if (d.inputBias)
      all = d.add(all, d.inputBias);
    State state = {initial(d, 5, index), {}};
    if (form.hasCell)
      state.cell = initial(d, 6, index);
    outputs.resize(s.steps);
    for (int64_t i = 0; i < s.steps; ++i) {
      int64_t step = isReverse ? s.steps - 1 - i : i;
      State next = form.cell(d, d.row(all, step), state);
      outputs[step] = next.hidden;
      if (c.has(4)) {
        Value isInside = inside(step);
        outputs[step] = choose(isInside, next.hidden,
                               splatLike(c.b, c.loc, next.hidden, 0));
        next.hidden = choose(isInside, next.hidden, state.hidden);
        if (form.hasCell)
          next.cell = choose(isInside, next.cell, state.cell);
      }
      state = next;
    }
    return state;
  }

private:
  Value initial(const Direction &d, size_t operand, int64_t index) {
    if (!c.has(operand))
      return splat(c.b, c.loc,
                   RankedTensorType::get({s.batch, s.hidden}, elementTypeOf(x)),
                   0);
    Value given = c.in(operand);
    if (isBatched)
      given = transposeBy(c.b, c.loc, given, {1, 0, 2});
    return d.row(given, index);
  }
  /// Which sequences reach `step`, over [batch, hidden].
  Value inside(int64_t step) {
    Value lengths = castTo(c.b, c.loc, c.in(4), c.b.getI64Type());
    Value isInside =
        CompareOp::create(c.b, c.loc, ComparePredicate::GT, lengths,
                          splatLike(c.b, c.loc, lengths, double(step)));
    return broadcastInDim(c.b, c.loc, isInside, {s.batch, s.hidden}, {0});
  }
  Value choose(Value condition, Value yes, Value no) {
    return SelectOp::create(c.b, c.loc, condition, yes, no);
  }

  NodeContext &c;
  const Form &form;
  const Sizes s;
  const bool isBatched;
  Value x;
};

/// Values of one shape, side by side along a new dim `dim`.
Value stack(NodeContext &c, ArrayRef<Value> values, int64_t dim) {
  SmallVector<Value> rows;
  SmallVector<int64_t> shape(shapeOf(values.front()));
  shape.insert(shape.begin() + dim, 1);
  for (Value value : values)
    rows.push_back(reshapeTo(c.b, c.loc, value, shape));
  if (rows.size() == 1)
    return rows.front();
  return ConcatOp::create(c.b, c.loc, rows, dim);
}

/// Y [steps, directions, batch, hidden], and each direction's last states; with
/// the batch first under layout 1.
LogicalResult recurrent(NodeContext &c, const Form &form) {
  bool isBatched = c.attr("layout", 0) != 0;
  auto sizes = checkShapes(c, form, isBatched);
  SmallVector<StringRef> activations;
  if (failed(sizes) ||
      failed(readActivations(c, form, sizes->directions, activations)))
    return failure();
  Unroller unroller(c, form, *sizes, isBatched);
  SmallVector<Value> sequences, hidden, cells;
  for (int64_t i = 0; i < sizes->directions; ++i) {
    Direction d = readDirection(c, form, *sizes, i);
    size_t places = form.activations.size();
    d.activations.assign(activations.begin() + i * places,
                         activations.begin() + (i + 1) * places);
    bool isReverse = i == 1 || c.attrText("direction", "") == "reverse";
    SmallVector<Value> outputs;
    State last = unroller.run(d, i, isReverse, outputs);
    if (c.wants(0))
      sequences.push_back(stack(c, outputs, 0));
    hidden.push_back(last.hidden);
    cells.push_back(last.cell);
  }
  auto order = [&](Value value, ArrayRef<int64_t> batched) {
    return isBatched ? transposeBy(c.b, c.loc, value, batched) : value;
  };
  if (c.wants(0) &&
      failed(c.out(0, order(stack(c, sequences, 1), {2, 0, 1, 3}))))
    return failure();
  if (c.wants(1) && failed(c.out(1, order(stack(c, hidden, 0), {1, 0, 2}))))
    return failure();
  if (form.hasCell && c.wants(2))
    return c.out(2, order(stack(c, cells, 0), {1, 0, 2}));
  return success();
}

LogicalResult rnn(NodeContext &c) {
  return recurrent(c, {rnnCell, 1, {"Tanh"}, false});
}
LogicalResult gru(NodeContext &c) {
  return recurrent(c, {gruCell, 3, {"Sigmoid", "Tanh"}, false});
}
LogicalResult lstm(NodeContext &c) {
  return recurrent(c, {lstmCell, 4, {"Sigmoid", "Tanh", "Tanh"}, true});
}

} // namespace

void registerRecurrentOps(OpTable &table) {
  table.add({
      {"GRU", 7, latest, "dwww?l?d?", gru},
      {"LSTM", 7, latest, "dwww?l?d?d?w?", lstm},
      {"RNN", 7, latest, "dwww?l?d?", rnn},
  });
}

} // namespace dlc::frontend
