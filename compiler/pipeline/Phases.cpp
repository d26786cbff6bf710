//===- Phases.cpp - the phases by name ------------------------------------===//
#include "compiler/pipeline/Phases.h"

#include "compiler/pipeline/Passes.h"

using namespace mlir;

namespace dlc {
#define GEN_PASS_REGISTRATION
#include "compiler/pipeline/Passes.h.inc"
} // namespace dlc

void dlc::registerPhases() {
  registerDlcPipelinePasses();
  PassPipelineRegistration<GraphOptions>(
      "dlc-graph-pipeline",
      "the graph phase: simplify, differentiate, optimize, decompose",
      buildGraphPipeline);
  PassPipelineRegistration<KernelsOptions>("dlc-kernels-pipeline",
                             "the kernels phase: form fusion regions",
                             buildKernelsPipeline);
  PassPipelineRegistration<ExecOptions>(
      "dlc-exec-pipeline",
      "the exec phase: plans with order and memory, verified",
      buildExecPipeline);
}
