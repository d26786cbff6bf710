//===- BuildTraining.cpp - the pass over buildStep and its siblings -------===//
//
// Reads the options, builds the entries that are asked for and erases the
// functions that are not:
//
//   @forward, @infer, @train   --entries=infer,step,eval-->   @infer, @step,
//   @eval
//
//===----------------------------------------------------------------------===//
#include "passes/training/BuildStep.h"
#include "passes/training/Passes.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/StringExtras.h"

namespace dlc {
#define GEN_PASS_DEF_BUILDTRAININGPASS
#include "passes/training/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

using EntryBuilder = FailureOr<func::FuncOp> (*)(func::FuncOp,
                                                 const TrainingOptions &);

struct BuildTraining : dlc::impl::BuildTrainingPassBase<BuildTraining> {
  using BuildTrainingPassBase::BuildTrainingPassBase;

  void runOnOperation() override {
    TrainingOptions training;
    if (isTraining() && failed(readOptions(training)))
      return signalPassFailure();
    if (failed(buildEntries(training)))
      return signalPassFailure();
    for (auto func :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (!isAskedFor(func.getName()))
        func.erase();
  }

private:
  bool isAskedFor(StringRef entry) {
    return entries.empty() ? entry == "step"
                           : llvm::is_contained(entries, entry);
  }

  bool isTraining() {
    return llvm::any_of(
        ArrayRef<StringRef>{"step", "accumulate", "grad", "eval"},
        [&](StringRef entry) { return isAskedFor(entry); });
  }

  /// "target=4x8" into the table of shapes.
  LogicalResult readTargetShape(StringRef text, TrainingOptions &training) {
    auto [name, sizes] = text.split('=');
    SmallVector<int64_t> shape;
    for (StringRef size : llvm::split(sizes, 'x')) {
      int64_t number;
      if (sizes.empty())
        continue;
      if (size.getAsInteger(10, number) || number < 0)
        return getOperation().emitError()
               << "DLC2012: a target's shape is written NAME=4x8, but got '"
               << text << "'";
      shape.push_back(number);
    }
    training.targetShapes[name.str()] = shape;
    return success();
  }

  LogicalResult readOptions(TrainingOptions &training) {
    auto report = [&](const Twine &text) { getOperation().emitError(text); };
    if (clipNorm != 0)
      training.clipNorm = clipNorm;
    training.accumulate = accumulate;
    for (const std::string &text : targetShapes)
      if (failed(readTargetShape(text, training)))
        return failure();
    if (failed(parseLossScale(lossScale, training.lossScale, report)) ||
        failed(parseLosses(loss, training.losses, report)))
      return failure();
    return parseOptimizer(optimizer, training.optimizer, report);
  }

  LogicalResult buildEntries(const TrainingOptions &training) {
    struct Row {
      StringRef entry, model;
      EntryBuilder build;
    };
    for (const Row &row :
         {Row{"step", stepFrom, buildStep},
          Row{"accumulate", stepFrom, buildAccumulate},
          Row{"grad", gradFrom, buildGrad}, Row{"eval", evalFrom, buildEval}}) {
      if (!isAskedFor(row.entry))
        continue;
      auto model = getOperation().lookupSymbol<func::FuncOp>(row.model);
      if (!model)
        return getOperation().emitError()
               << "DLC2011: entry '" << row.entry
               << "' needs the model function '" << row.model
               << "', but got a module without it";
      if (failed(row.build(model, training)))
        return failure();
    }
    return success();
  }
};

} // namespace
