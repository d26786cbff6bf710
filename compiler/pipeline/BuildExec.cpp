//===- BuildExec.cpp - the exec phase -------------------------------------===//
//
// Functions of kernels become plans: instructions in an order, and a place in
// the arena for everything that they touch.
//
//===----------------------------------------------------------------------===//
#include "compiler/pipeline/Passes.h"
#include "compiler/pipeline/Phases.h"

#include "passes/kernels/Passes.h"
#include "passes/memory/Passes.h"
#include "passes/schedule/Passes.h"
#include "passes/verify/Passes.h"

using namespace mlir;

void dlc::buildExecPipeline(OpPassManager &pm, const ExecOptions &options) {
  pm.addPass(createLowerToExecPass());
  pm.addPass(createElideCopiesPass());
  SizeWorkspacesPassOptions workspaces;
  workspaces.target = options.target;
  pm.addPass(createSizeWorkspacesPass(workspaces));
  // After copies are gone and workspaces are there, because the order is judged
  // by what is in memory.
  pm.addPass(createSchedulePass());
  if (options.offload != "none") {
    OffloadPassOptions offload;
    offload.activations =
        options.offload == "activations" || options.offload == "all";
    offload.optimizer =
        options.offload == "optimizer" || options.offload == "all";
    offload.limit = options.offloadLimit;
    pm.addPass(createOffloadPass(offload));
  }
  // After the order is fixed, because lifetimes follow from it.
  pm.addPass(createPlanMemoryPass());
  pm.addPass(createVerifyExecPass());
}
