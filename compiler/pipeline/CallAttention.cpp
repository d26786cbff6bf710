//===- CallAttention.cpp - attention that a library of GPUs computes ------===//
//
//   %o, %l = dlc.attention …   ->   %o, %l = dlc.attention … {dlc.call}
//
// The record that the call would be is made of the op and of the views that it
// reads and writes through; LibraryPlan.h says whether cuDNN takes it.
//
//===----------------------------------------------------------------------===//
#include "compiler/pipeline/LibraryRecords.h"
#include "compiler/pipeline/Passes.h"
#include "dialects/dlc/IR/Attention.h"
#include "passes/fuse/AttentionViews.h"
#include "runtime/cuda/LibraryPlan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"

namespace dlc {
#define GEN_PASS_DEF_CALLATTENTIONPASS
#include "compiler/pipeline/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

std::unique_ptr<fb::AttentionViewT> recordOf(const View &view) {
  auto [offset, batch, head, row, column] = attentionLayout(view);
  auto record = std::make_unique<fb::AttentionViewT>();
  record->offset = offset;
  record->batch_stride = batch;
  record->head_stride = head;
  record->row_stride = row;
  return record;
}

/// Sizes and what hides keys.
template <typename OpTy> fb::AttentionT headOf(OpTy op) {
  AttentionSizes sizes = sizesOf(op);
  fb::AttentionT record;
  record.dtype = dtypeOf(elementTypeOf(op.getQ()));
  record.batch = sizes.batch.empty() ? 1 : sizes.batch.front();
  record.heads = sizes.batch.size() < 2 ? 1 : sizes.batch.back();
  record.rows = sizes.rows;
  record.keys = sizes.keys;
  record.depth = sizes.depth;
  record.width = sizes.width;
  record.scale = op.getScale().convertToDouble();
  record.is_causal = op.getCausal();
  record.mask = op.getMask() ? 0 : -1;
  return record;
}

fb::AttentionT recordOf(AttentionOp op) {
  SmallVector<View> reads = attentionReads(op), writes = attentionWrites(op);
  fb::AttentionT record = headOf(op);
  record.kind = fb::AttentionKind::Forward;
  record.q = recordOf(reads[0]);
  record.k = recordOf(reads[1]);
  record.v = recordOf(reads[2]);
  record.output = recordOf(writes[0]);
  return record;
}

fb::AttentionT recordOf(AttentionGradOp op) {
  SmallVector<View> reads = attentionReads(op), writes = attentionWrites(op);
  fb::AttentionT record = headOf(op);
  record.kind = fb::AttentionKind::Backward;
  record.grad = recordOf(reads[0]);
  record.q = recordOf(reads[1]);
  record.k = recordOf(reads[2]);
  record.v = recordOf(reads[3]);
  record.output = recordOf(reads[4]);
  record.dq = recordOf(writes[0]);
  record.dk = recordOf(writes[1]);
  record.dv = recordOf(writes[2]);
  return record;
}

struct CallAttention : dlc::impl::CallAttentionPassBase<CallAttention> {
  void runOnOperation() override {
    for (Operation &op : getOperation().getBody().front())
      if (auto forward = dyn_cast<AttentionOp>(op))
        choose(forward);
      else if (auto backward = dyn_cast<AttentionGradOp>(op))
        choose(backward);
  }

  template <typename OpTy> void choose(OpTy op) {
    if (!isLibraryAttention(op))
      return;
    fb::AttentionT record = recordOf(op);
    std::string obstacle = rt::cuda::attentionObstacle(record);
    if (obstacle.empty())
      op->setAttr(names::call, UnitAttr::get(&getContext()));
    if (!getContext().getRemarkEngine())
      return;
    auto options = [&](StringRef name) {
      return remark::RemarkOpts::name(name)
          .category("attention")
          .function(getOperation().getName());
    };
    if (obstacle.empty())
      remark::passed(op.getLoc(), options("called"))
          << "one call of cuDNN, with a workspace of " +
                 std::to_string(rt::cuda::attentionWorkspaceBytes(record)) +
                 " bytes";
    else
      remark::missed(op.getLoc(), options("generated"))
          << "a generated kernel instead of a call of cuDNN: " + obstacle;
  }
};

} // namespace
