//===- BuildTraining.cpp - the pass over buildStep and its siblings -------===//
//
// Reads the options, builds the entries that are asked for and erases the
// functions that are not:
//
//   @forward, @infer, @train   --entries=infer,step,eval-->   @infer, @step, @eval
//
//===----------------------------------------------------------------------===//
#include "passes/training/BuildStep.h"
#include "passes/training/Passes.h"

#include "mlir/IR/SymbolTable.h"

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
    if (failed(readOptions(training)) || failed(buildEntries(training)))
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

  LogicalResult readOptions(TrainingOptions &training) {
    auto report = [&](const Twine &text) { getOperation().emitError(text); };
    if (clipNorm != 0)
      training.clipNorm = clipNorm;
    training.accumulate = accumulate;
    if (failed(parseLosses(loss, training.losses, report)))
      return failure();
    return parseOptimizer(optimizer, training.optimizer, report);
  }

  LogicalResult buildEntries(const TrainingOptions &training) {
    struct Row {
      StringRef entry, model;
      EntryBuilder build;
    };
    for (const Row &row : {Row{"step", stepFrom, buildStep},
                           Row{"accumulate", stepFrom, buildAccumulate},
                           Row{"grad", gradFrom, buildGrad},
                           Row{"eval", evalFrom, buildEval}}) {
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
