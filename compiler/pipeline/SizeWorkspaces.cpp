//===- SizeWorkspaces.cpp - workspaces that library calls ask for ---------===//
//
//   exec.gemm … -> %c   ->   exec.gemm … -> %c workspace(%w : !exec.buffer<4096>)
//
//===----------------------------------------------------------------------===//
#include "compiler/pipeline/LibraryRecords.h"
#include "compiler/pipeline/Passes.h"
#include "runtime/cpu/Attention.h"
#include "runtime/cpu/Conv.h"
#include "runtime/cpu/Gemm.h"
#include "runtime/cuda/LibraryPlan.h"

#include "mlir/IR/Builders.h"

#include <exception>

namespace dlc {
#define GEN_PASS_DEF_SIZEWORKSPACESPASS
#include "compiler/pipeline/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

struct SizeWorkspaces : dlc::impl::SizeWorkspacesPassBase<SizeWorkspaces> {
  using Base::Base;

  void runOnOperation() override {
    bool isCuda = target == "cuda";
    getOperation().walk([&](exec::GemmOp gemm) {
      if (gemm.getWorkspace())
        return;
      if (isCuda)
        askCuda(gemm, rt::cuda::gemmObstacle, rt::cuda::gemmWorkspaceBytes);
      else
        ask(gemm, rt::gemmWorkspaceBytes);
    });
    getOperation().walk([&](exec::ConvOp conv) {
      if (conv.getWorkspace())
        return;
      if (isCuda)
        askCuda(conv, rt::cuda::convObstacle, rt::cuda::convWorkspaceBytes);
      else
        ask(conv, rt::convWorkspaceBytes);
    });
    getOperation().walk([&](exec::AttentionOp attention) {
      if (attention.getWorkspace())
        return;
      if (isCuda)
        askCuda(attention, rt::cuda::attentionObstacle,
                rt::cuda::attentionWorkspaceBytes);
      else
        ask(attention, rt::attentionWorkspaceBytes);
    });
  }

  template <typename OpTy, typename Obstacle, typename Bytes>
  void askCuda(OpTy op, Obstacle obstacle, Bytes bytes) {
    auto record = recordOf(op);
    if (std::string why = obstacle(record); !why.empty()) {
      op.emitError("DLC6210: call of a CUDA library: ") << why;
      return signalPassFailure();
    }
    add(op, bytes(record));
  }

  /// The library throws where it has no form, of sizes beyond 32 bits for one.
  template <typename OpTy, typename Bytes> void ask(OpTy op, Bytes bytes) {
    try {
      add(op, bytes(recordOf(op)));
    } catch (const std::exception &error) {
      op.emitError("DLC6003: a call must be one that oneDNN has a form for, "
                   "but got '")
          << error.what() << "'";
      signalPassFailure();
    }
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
