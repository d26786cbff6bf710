//===- TargetPlan.h - the phases after the graph, for one target *- C++ -*-===//
//
// Graphs are the same for all targets. From there on each kind of target goes
// its own way: kernels, the plan and its memory, code.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_DRIVER_TARGETPLAN_H
#define DLC_COMPILER_DRIVER_TARGETPLAN_H

#include "compiler/codegen/cpu/EmitObject.h"
#include "compiler/driver/Compiler.h"
#include "compiler/driver/Targets.h"
#include "compiler/pipeline/Serialize.h"

namespace dlc {

class TargetPlan {
public:
  /// `graph` is the module after the graph phase, this plan's own.
  TargetPlan(TargetKind kind, mlir::OwningOpRef<mlir::ModuleOp> graph,
             const CompileOptions &options, const Targets &targets);

  TargetKind getKind() const { return kind; }
  mlir::ModuleOp getModule() { return *module; }

  // The phases, in order.
  mlir::LogicalResult formKernels();
  /// Fills `artifact` with all that the plan decides. Constants of all plans
  /// share `constants`.
  mlir::LogicalResult plan(fb::ArtifactT &artifact, ConstantPool &constants);
  /// Appends this plan's code, and notes what kernels take of a processor in
  /// `artifact`. What a user should know goes to `remarks`.
  mlir::LogicalResult emitCode(fb::ArtifactT &artifact,
                               std::vector<CodeImage> &images,
                               std::vector<std::string> &remarks);

private:
  mlir::LogicalResult emitGpuCode(fb::ArtifactT &artifact,
                                  std::vector<CodeImage> &images,
                                  std::vector<std::string> &remarks);
  mlir::LogicalResult assembleAll(const std::string &ptx,
                                  fb::ArtifactT &artifact,
                                  std::vector<CodeImage> &images);
  void packPlan(fb::ArtifactT &artifact, ConstantPool &constants);

  TargetKind kind;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  const CompileOptions &options;
  const Targets &targets;
  cpu::CpuTarget cpu;
  std::unique_ptr<KernelTable> kernels;
  KernelIndices kernelIndices;
};

} // namespace dlc

#endif
