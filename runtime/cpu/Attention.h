// Attention of a program and its gradients, block by block.
//
// A block of rows meets the keys a block at a time. Forward keeps a running
// maximum and sum per row (Milakov and Gimelshein's online softmax), so scores
// are never in memory; backward makes the probabilities again from the row's
// logsumexp, once for the gradients of keys and values, by blocks of keys, and
// once for that of queries, by blocks of rows. Blocks depend on shapes alone and
// each result element is summed by one worker in one order: same bits on any
// number of threads.
//
// Products are oneDNN's, in f32 on dense copies of the blocks; f64, which it
// has no product for, is computed by loops.
#ifndef DLC_RUNTIME_CPU_ATTENTION_H
#define DLC_RUNTIME_CPU_ATTENTION_H

#include "runtime/artifact/artifact_generated.h"
#include "runtime/cpu/LibraryContext.h"

#include <memory>

namespace dlc::rt {

/// Bytes of the workspace buffer that `attention` needs in the arena: backward
/// one number per row.
uint64_t attentionWorkspaceBytes(const fb::AttentionT &attention);

/// The starts of the buffers; the offsets of the record are added here. Which
/// are written depends on the kind.
struct AttentionPointers {
  const std::byte *q = nullptr, *k = nullptr, *v = nullptr;
  std::byte *output = nullptr, *logsumexp = nullptr;
  const std::byte *mask = nullptr, *grad = nullptr;
  std::byte *dq = nullptr, *dk = nullptr, *dv = nullptr;
  std::byte *workspace = nullptr;
};

/// One Attention record made ready to run. Lives no longer than its context.
class AttentionPlan {
public:
  /// Creates the primitives and reserves scratch in `context`. Fails with
  /// DLC6003 where oneDNN has no product for a block. Layouts are trusted (the
  /// artifact's Reader has checked them).
  static Result<std::unique_ptr<AttentionPlan>>
  create(LibraryContext &context, const fb::AttentionT &attention,
         const AttentionPointers &at);
  virtual ~AttentionPlan() = default;
  virtual Status run(const ThreadPool &pool) = 0;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_ATTENTION_H
