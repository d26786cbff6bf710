// How much scratch library calls need beside the arena, before they run.
//
// The compiler asks so that a program's memory can be printed in full; it is
// answered by making the calls ready as a session does, in a context of one
// worker that never allocates.
#ifndef DLC_RUNTIME_CPU_SCRATCHSIZE_H
#define DLC_RUNTIME_CPU_SCRATCHSIZE_H

#include "runtime/artifact/artifact_generated.h"
#include "runtime/cpu/LibraryContext.h"

namespace dlc::rt {

/// Used by one thread. Depends on the calls and on the kind of CPU.
class ScratchSize {
public:
  /// Of operands, only which ones there are and whether the residual is the
  /// result's place matter. Fails with DLC6003 where oneDNN has no form.
  Status add(const fb::GemmT &gemm);
  Status add(const fb::ConvT &conv);
  Status add(const fb::AttentionT &attention);
  /// Bytes that each worker of a session with these calls takes.
  uint64_t bytesPerWorker() const { return context.totalScratchBytes(); }

private:
  LibraryContext context{1};
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_SCRATCHSIZE_H
