//===- Decisions.cpp - what passes did and left undone --------------------===//
#include "compiler/driver/Decisions.h"

#include "compiler/pipeline/Serialize.h"

#include "mlir/IR/Remarks.h"

#include <mutex>

using namespace mlir;

namespace dlc {

namespace {

/// Called from several threads at once.
class Collector : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit Collector(std::vector<PassDecision> &decisions)
      : decisions(decisions) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    PassDecision decision;
    decision.topic = remark.getCategoryName().str();
    decision.isPassed = remark.getRemarkType() == llvm::remarks::Type::Passed;
    decision.entry = remark.getFunction().str();
    decision.reason = remark.getRemarkName().str();
    for (const remark::detail::Remark::Arg &argument : remark.getArgs())
      decision.message += argument.val;
    decision.nodes = nodeNames(remark.getLocation());
    std::lock_guard lock(mutex);
    decisions.push_back(std::move(decision));
  }

private:
  std::mutex mutex;
  std::vector<PassDecision> &decisions;
};

} // namespace

DecisionScope::DecisionScope(MLIRContext &context,
                             std::vector<PassDecision> &decisions)
    : context(context), decisions(decisions) {
  remark::RemarkCategories all;
  // Each kind is off unless it is named.
  all.passed = all.missed = all.analysis = ".*";
  (void)remark::enableOptimizationRemarks(
      context, std::make_unique<Collector>(decisions),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), all);
}

DecisionScope::~DecisionScope() {
  context.setRemarkEngine(nullptr);
  llvm::stable_sort(decisions, [](const auto &a, const auto &b) {
    return a.entry < b.entry;
  });
}

} // namespace dlc
