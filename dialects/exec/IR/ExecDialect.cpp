//===- ExecDialect.cpp - registration of the plan dialect -----------------===//
#include "dialects/exec/IR/Exec.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/exec/IR/ExecDialect.cpp.inc"
#include "dialects/exec/IR/ExecEnums.cpp.inc"
#include "dialects/exec/IR/ExecInterfaces.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/exec/IR/ExecTypes.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/exec/IR/ExecOps.cpp.inc"

void dlc::exec::ExecDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/exec/IR/ExecTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/exec/IR/ExecOps.cpp.inc"
      >();
}
