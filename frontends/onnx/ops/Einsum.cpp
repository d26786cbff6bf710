//===- Einsum.cpp - ONNX Einsum -------------------------------------------===//
//
//   bhqd,bhkd->bhqk
//
// Operands are multiplied from left to right. Labels that only one operand has
// and the result lacks are summed first; of two operands, labels that neither
// the result nor a later operand needs are contracted, others that both have
// are batch dims.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/ops/Contraction.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace dlc::frontend {

namespace {

/// A value and one label per dim. Labels of an ellipsis are '0', '1', … from
/// its last dim on.
struct Term {
  Value value;
  std::string labels;
};

/// Writes the ellipsis of `text` as `dims` labels. False if it is malformed.
bool expandEllipsis(std::string &text, int64_t dims) {
  size_t at = text.find("...");
  if (at == std::string::npos)
    return text.find('.') == std::string::npos;
  std::string labels;
  for (int64_t i = dims; i-- > 0;)
    labels += char('0' + i);
  text.replace(at, 3, labels);
  return text.find('.') == std::string::npos;
}

/// A label twice in one operand takes its diagonal: gathered by flat position.
Term diagonal(NodeContext &c, Term term) {
  for (size_t i = 0; i < term.labels.size(); ++i) {
    size_t j = term.labels.find(term.labels[i], i + 1);
    if (j == std::string::npos)
      continue;
    SmallVector<int64_t> order;
    for (size_t k = 0; k < term.labels.size(); ++k)
      if (k != i && k != j)
        order.push_back(int64_t(k));
    order.insert(order.begin(), {int64_t(i), int64_t(j)});
    Value moved = transposeBy(c.b, c.loc, term.value, order);
    int64_t size = shapeOf(moved)[0];
    SmallVector<int64_t> flat(shapeOf(moved).drop_front(1)), positions;
    flat[0] = size * size;
    for (int64_t k = 0; k < size; ++k)
      positions.push_back(k * (size + 1));
    std::string labels(1, term.labels[i]);
    for (int64_t k : ArrayRef(order).drop_front(2))
      labels += term.labels[k];
    Value picked = GatherOp::create(
        c.b, c.loc, reshapeTo(c.b, c.loc, moved, flat),
        i64Constant(c.b, c.loc, positions), 0);
    return diagonal(c, {picked, labels});
  }
  return term;
}

/// Sums over the labels that are not in `needed`.
Term summed(NodeContext &c, Term term, StringRef needed) {
  SmallVector<int64_t> dims;
  std::string kept;
  for (auto [i, label] : llvm::enumerate(term.labels))
    if (needed.contains(label))
      kept += label;
    else
      dims.push_back(int64_t(i));
  if (!dims.empty())
    term = {ReduceSumOp::create(c.b, c.loc, term.value, dims), kept};
  return term;
}

/// A dim of size 1 where the other operand's is larger broadcasts: drop it.
Term withoutOnes(NodeContext &c, Term term, const Term &other) {
  SmallVector<int64_t> shape;
  std::string kept;
  for (auto [i, label] : llvm::enumerate(term.labels)) {
    size_t j = other.labels.find(label);
    bool broadcasts = shapeOf(term.value)[i] == 1 &&
                      j != std::string::npos && shapeOf(other.value)[j] != 1;
    if (broadcasts)
      continue;
    shape.push_back(shapeOf(term.value)[i]);
    kept += label;
  }
  return {reshapeTo(c.b, c.loc, term.value, shape), kept};
}

FailureOr<Term> multiplied(NodeContext &c, Term lhs, Term rhs,
                           StringRef needed) {
  lhs = withoutOnes(c, lhs, rhs);
  rhs = withoutOnes(c, rhs, lhs);
  lhs = summed(c, lhs, (needed + rhs.labels).str());
  rhs = summed(c, rhs, (needed + lhs.labels).str());
  DotDims dims;
  std::string batch, lhsFree, rhsFree;
  for (auto [i, label] : llvm::enumerate(lhs.labels)) {
    size_t j = rhs.labels.find(label);
    if (j == std::string::npos) {
      lhsFree += label;
      continue;
    }
    bool isBatch = needed.contains(label);
    (isBatch ? dims.lhsBatch : dims.lhsContract).push_back(int64_t(i));
    (isBatch ? dims.rhsBatch : dims.rhsContract).push_back(int64_t(j));
    if (isBatch)
      batch += label;
  }
  for (char label : rhs.labels)
    if (lhs.labels.find(label) == std::string::npos)
      rhsFree += label;
  auto product = dot(c, lhs.value, rhs.value, dims);
  if (failed(product))
    return failure();
  return Term{*product, batch + lhsFree + rhsFree};
}

/// The labels of operands and result.
struct Equation {
  std::vector<std::string> operands;
  std::string result;
};

/// Without an arrow the result has the ellipsis and then, sorted, the labels
/// that occur once.
std::string impliedResult(ArrayRef<std::string> operands) {
  std::map<char, int> counts;
  for (const std::string &operand : operands)
    for (char label : operand)
      ++counts[label];
  std::string dots, labels;
  for (auto [label, count] : counts)
    if (llvm::isDigit(label))
      dots.insert(dots.begin(), label);
    else if (count == 1)
      labels += label;
  return dots + labels;
}

FailureOr<Equation> parse(NodeContext &c) {
  std::string text;
  for (char letter : c.attrText("equation", ""))
    if (letter != ' ')
      text += letter;
  auto fail = [&](const Twine &why) {
    return c.fail("DLC1012", "equation must " + why + ", but got '" + text +
                                 "'");
  };
  auto [left, right] = StringRef(text).split("->");
  SmallVector<StringRef> parts;
  left.split(parts, ',');
  if (parts.size() != c.numInputs())
    return fail("name each operand");
  Equation equation;
  int64_t ellipsis = 0;
  for (auto [i, part] : llvm::enumerate(parts)) {
    std::string labels = part.str();
    int64_t named = llvm::count_if(labels, llvm::isAlpha);
    int64_t extra = rankOf(c.in(i)) - named;
    bool hasDots = part.contains("...");
    if (extra < 0 || extra > 9 || (!hasDots && extra) ||
        !expandEllipsis(labels, extra) ||
        int64_t(labels.size()) != rankOf(c.in(i)))
      return fail("have a letter for each dim of operand " + Twine(i));
    ellipsis = std::max(ellipsis, hasDots ? extra : 0);
    equation.operands.push_back(labels);
  }
  equation.result = right.str();
  if (!StringRef(text).contains("->"))
    equation.result = impliedResult(equation.operands);
  else if (!expandEllipsis(equation.result, ellipsis))
    return fail("be letters, commas, dots and an arrow");
  for (auto [i, label] : llvm::enumerate(equation.result))
    if (equation.result.find(label, i + 1) != std::string::npos ||
        llvm::none_of(equation.operands, [&](const std::string &operand) {
          return operand.find(label) != std::string::npos;
        }))
      return fail("have result letters that are distinct and in an operand");
  return equation;
}

/// Every label has one size, or 1.
LogicalResult checkSizes(NodeContext &c, const Equation &equation) {
  std::map<char, int64_t> sizes;
  for (auto [i, labels] : llvm::enumerate(equation.operands))
    for (auto [dim, label] : llvm::enumerate(labels)) {
      int64_t size = c.shape(i)[dim];
      int64_t &known = sizes.try_emplace(label, size).first->second;
      bool repeats = labels.find(label) != dim;
      if (known != size && (repeats || (known != 1 && size != 1)))
        return c.invalid("operands must have one size per letter, but got " +
                         Twine(known) + " and " + Twine(size) + " for '" +
                         Twine(label) + "'");
      known = std::max(known, size);
    }
  return success();
}

} // namespace

LogicalResult einsum(NodeContext &c) {
  auto equation = parse(c);
  if (failed(equation) || failed(checkSizes(c, *equation)))
    return failure();
  Term product = diagonal(c, {c.in(0), equation->operands[0]});
  for (size_t i = 1; i < c.numInputs(); ++i) {
    std::string needed = equation->result;
    for (size_t j = i + 1; j < c.numInputs(); ++j)
      needed += equation->operands[j];
    auto next = multiplied(
        c, product, diagonal(c, {c.in(i), equation->operands[i]}), needed);
    if (failed(next))
      return failure();
    product = *next;
  }
  product = summed(c, product, equation->result);
  SmallVector<int64_t> order;
  for (char label : equation->result)
    order.push_back(int64_t(product.labels.find(label)));
  return c.out(transposeBy(c.b, c.loc, product.value, order));
}

} // namespace dlc::frontend
