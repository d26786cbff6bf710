// What one session keeps for its oneDNN calls: an engine, matmul primitives by
// shape, and per worker a stream, the memory objects that carry the pointers
// of a call, and scratch memory.
//
// Everything is created when the session is: a step only sets pointers. Every
// primitive is created while OpenMP reports one thread and runs on one thread;
// work is split by shape into tiles before oneDNN sees it, so its results
// cannot depend on how many threads there are.
#ifndef DLC_RUNTIME_CPU_LIBRARYCONTEXT_H
#define DLC_RUNTIME_CPU_LIBRARYCONTEXT_H

#include "runtime/core/Status.h"
#include "runtime/core/ThreadPool.h"

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

namespace dlc::rt {

/// One dense matmul tile: C[m,n] (+)= A[m,k] B[k,n], with an epilogue. Dense
/// means that rows (or, transposed, columns) follow each other without gaps.
struct MatmulShape {
  dnnl::memory::data_type dtype = dnnl::memory::data_type::f32; // of A and B
  dnnl::memory::data_type resultType = dnnl::memory::data_type::f32; // of C
  int64_t m = 0, n = 0, k = 0;
  bool isATransposed = false; // A is stored [k, m]
  bool isBTransposed = false; // B is stored [n, k]
  bool isBPacked = false;     // as in PackedOperand.h
  bool accumulates = false;   // adds to what C holds
  bool hasBias = false;       // of f32
  dnnl::algorithm activation = dnnl::algorithm::undef;

  auto operator<=>(const MatmulShape &) const = default;
};

/// A primitive with its arguments per worker. Calls of different workers may
/// run at the same time.
class BoundPrimitive {
public:
  struct Argument {
    int id;
    dnnl::memory::desc desc;
  };
  BoundPrimitive(const dnnl::engine &engine, dnnl::primitive primitive,
                 std::vector<Argument> arguments, int workers);

  /// `pointers` in the order of the arguments.
  bool run(int worker, const dnnl::stream &stream,
           std::initializer_list<const void *> pointers) const;

private:
  dnnl::primitive primitive;
  std::vector<dnnl::memory> memories; // [worker][argument]
  std::vector<dnnl_exec_arg_t> execArguments;
  size_t argumentCount;
};

class LibraryContext {
public:
  explicit LibraryContext(int workers);
  ~LibraryContext();
  LibraryContext(const LibraryContext &) = delete;
  LibraryContext &operator=(const LibraryContext &) = delete;

  const dnnl::engine &engine() const { return cpu; }
  const dnnl::stream &stream(int worker) const { return streams[worker]; }

  /// The tile's primitive, created on first use. Arguments of run():
  /// {A, B, C, bias or null, scratchpad}. Fails with DLC6003 where oneDNN has
  /// no such product, or none of its fast kernels reads B packed.
  Result<const BoundPrimitive *> matmul(const MatmulShape &shape,
                                        uint64_t &scratchpadBytes);

  /// Adopts a primitive for the life of the context.
  const BoundPrimitive *adopt(std::unique_ptr<BoundPrimitive> primitive);
  int workers() const { return static_cast<int>(streams.size()); }

  /// Every plan reserves what one worker of it needs; allocate() then gives
  /// each worker the largest reservation. Called again after more plans, it
  /// moves the scratch, so plans ask for its address in every call.
  void reserveScratch(uint64_t bytes);
  Status allocate();
  std::byte *scratch(int worker) const {
    return storage + static_cast<uint64_t>(worker) * scratchBytes;
  }
  /// Bytes of scratch in all, over the workers.
  uint64_t totalScratchBytes() const { return scratchBytes * streams.size(); }

private:
  struct CachedMatmul {
    std::unique_ptr<BoundPrimitive> primitive;
    uint64_t scratchpadBytes;
  };
  dnnl::engine cpu;
  std::vector<dnnl::stream> streams;
  std::map<MatmulShape, CachedMatmul> matmuls;
  std::vector<std::unique_ptr<BoundPrimitive>> adopted;
  uint64_t scratchBytes = 0, allocatedBytes = 0;
  std::byte *storage = nullptr;
};

/// A failed library call is a bug of dlc; it is noted in the parallel loop and
/// reported after it.
class CallFailures {
public:
  void note(bool succeeded) {
    if (!succeeded)
      failed.store(true, std::memory_order_relaxed);
  }
  Status take(const char *what) {
    if (!failed.exchange(false, std::memory_order_relaxed))
      return Status::ok();
    return DLC_ERROR(Internal, "DLC6005", "library call '", what,
                     "' must succeed, but got an error from oneDNN");
  }

private:
  std::atomic<bool> failed{false};
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_LIBRARYCONTEXT_H
