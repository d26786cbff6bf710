//===- RegisterCodegen.cpp - dialects of code generation ------------------===//
#include "compiler/codegen/cpu/CpuPipeline.h"
#include "compiler/codegen/gpu/Ptx.h"
#include "compiler/driver/Compiler.h"

void dlc::registerCodegenDialects(mlir::DialectRegistry &registry) {
  cpu::registerCpuDialects(registry);
  gpu::registerGpuDialects(registry);
}
