//===- SizeWorkspaces.cpp - workspaces that library calls ask for ---------===//
//
//   exec.gemm … -> %c   ->   exec.gemm … -> %c workspace(%w : !exec.buffer<4096>)
//
//===----------------------------------------------------------------------===//
#include "compiler/pipeline/LibraryRecords.h"
#include "compiler/pipeline/Passes.h"
#include "runtime/cpu/Conv.h"
#include "runtime/cpu/Gemm.h"

#include "mlir/IR/Builders.h"

namespace dlc {
#define GEN_PASS_DEF_SIZEWORKSPACESPASS
#include "compiler/pipeline/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

struct SizeWorkspaces : dlc::impl::SizeWorkspacesPassBase<SizeWorkspaces> {
  void runOnOperation() override {
    getOperation().walk([&](exec::GemmOp gemm) {
      if (!gemm.getWorkspace())
        add(gemm, rt::gemmWorkspaceBytes(recordOf(gemm)));
    });
    getOperation().walk([&](exec::ConvOp conv) {
      if (!conv.getWorkspace())
        add(conv, rt::convWorkspaceBytes(recordOf(conv)));
    });
  }

  template <typename OpTy>
  void add(OpTy op, uint64_t bytes) {
    if (!bytes)
      return;
    // Beside the other places, before the first instruction.
    OpBuilder builder(op->getContext());
    builder.setInsertionPointToStart(op->getBlock());
    auto buffer = exec::BufferOp::create(
        builder, op.getLoc(), exec::BufferType::get(op->getContext(), bytes),
        exec::Category::Workspace, builder.getStringAttr("workspace"),
        IntegerAttr());
    op.getWorkspaceMutable().assign(buffer.getBuffer());
  }
};

} // namespace
