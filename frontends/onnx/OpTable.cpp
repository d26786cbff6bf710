//===- OpTable.cpp - which ONNX ops dlc imports ---------------------------===//
#include "frontends/onnx/OpTable.h"

#include "llvm/ADT/STLExtras.h"

namespace dlc::frontend {

const OpTable &OpTable::get() {
  static const OpTable table = [] {
    OpTable table;
    registerActivationOps(table);
    registerAttentionOps(table);
    registerConstantOps(table);
    registerContractionOps(table);
    registerElementwiseOps(table);
    registerIndexOps(table);
    registerLossOps(table);
    registerNormalizationOps(table);
    registerRandomOps(table);
    registerRecurrentOps(table);
    registerReductionOps(table);
    registerResizeOps(table);
    registerSequenceOps(table);
    registerShapeOps(table);
    registerWindowOps(table);
    return table;
  }();
  return table;
}

void OpTable::add(llvm::ArrayRef<OpRow> rows) {
  for (const OpRow &row : rows)
    byName[row.name].push_back(row);
}

const OpRow *OpTable::find(llvm::StringRef domain, llvm::StringRef name,
                           int64_t opset) const {
  if (!domain.empty() && domain != "ai.onnx")
    return nullptr;
  auto found = byName.find(name);
  if (found == byName.end())
    return nullptr;
  for (const OpRow &row : found->second)
    if (opset >= row.since && opset < row.until)
      return &row;
  return nullptr;
}

std::vector<const OpRow *> OpTable::rows() const {
  std::vector<const OpRow *> all;
  for (const auto &entry : byName)
    for (const OpRow &row : entry.second)
      all.push_back(&row);
  llvm::sort(all, [](const OpRow *a, const OpRow *b) {
    return std::pair(a->name.str(), a->since) <
           std::pair(b->name.str(), b->since);
  });
  return all;
}

Role operandRole(const OpRow &row, size_t index) {
  char role = char(Role::Literal);
  for (char letter : row.roles) {
    if (letter == '?')
      continue;
    if (letter == '*')
      return Role(role);
    if (index-- == 0)
      return Role(letter);
    role = letter;
  }
  return Role::Literal;
}

std::pair<size_t, size_t> operandCounts(const OpRow &row) {
  size_t least = 0, most = 0;
  for (char letter : row.roles) {
    if (letter == '*')
      return {least, SIZE_MAX};
    if (letter == '?')
      --least;
    else
      ++least, ++most;
  }
  return {least, most};
}

} // namespace dlc::frontend
