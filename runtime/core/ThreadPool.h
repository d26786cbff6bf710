// The one thread pool: GNU OpenMP's, which oneDNN of Debian uses too, so no
// second set of threads ever spins beside it.
//
// The pool is entered through libgomp's stable entry point (the code GCC
// emits for `#pragma omp parallel`), so that every compiler builds the same
// runtime. A loop over `groups` is split into one contiguous part per thread;
// how many threads there are must never change what a group computes.
//
// Inside a parallel region OpenMP reports omp_in_parallel(), which makes
// oneDNN run a primitive on the calling thread alone. A team of one thread is
// not "in parallel", so SingleThreadedLibraries pins the caller's count too.
#ifndef DLC_RUNTIME_CORE_THREADPOOL_H
#define DLC_RUNTIME_CORE_THREADPOOL_H

#include <cstdint>
#include <memory>
#include <type_traits>

namespace dlc::rt {

/// DLC_NUM_THREADS when it is a number from 1 to 1024, else the CPUs this
/// process may use.
int defaultThreadCount();

/// Flush-to-zero and denormals-are-zero on this thread until destruction.
/// f64 programs run under it as well; it only changes results below 1e-308.
class FlushToZeroScope {
public:
  FlushToZeroScope();
  ~FlushToZeroScope();
  FlushToZeroScope(const FlushToZeroScope &) = delete;
  FlushToZeroScope &operator=(const FlushToZeroScope &) = delete;

private:
  uint32_t saved;
};

/// While alive, OpenMP code called from this thread uses one thread.
class SingleThreadedLibraries {
public:
  SingleThreadedLibraries();
  ~SingleThreadedLibraries();
  SingleThreadedLibraries(const SingleThreadedLibraries &) = delete;
  SingleThreadedLibraries &operator=(const SingleThreadedLibraries &) = delete;

private:
  int saved;
};

/// Thread-safe: each calling thread gets its own team from OpenMP. Must not be
/// entered from inside a loop body.
class ThreadPool {
public:
  explicit ThreadPool(int threads);

  int threads() const { return count; }

  /// Calls body(worker, first, end) so that the parts cover [0, groups) once.
  /// `worker` is in [0, threads()) and unique among the concurrent calls.
  /// Flush-to-zero is set in every worker. Returns when all are done.
  template <typename Body> void parallelFor(int64_t groups, Body &&body) const {
    using Plain = std::remove_reference_t<Body>;
    run(
        groups,
        [](void *context, int worker, int64_t first, int64_t end) {
          (*static_cast<Plain *>(context))(worker, first, end);
        },
        const_cast<void *>(static_cast<const void *>(std::addressof(body))));
  }

private:
  using Invoke = void (*)(void *, int, int64_t, int64_t);
  void run(int64_t groups, Invoke invoke, void *context) const;
  int count;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_CORE_THREADPOOL_H
