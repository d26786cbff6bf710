#include "runtime/core/ThreadPool.h"

#include <algorithm>
#include <cstdlib>
#include <sched.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

// The parts of libgomp's ABI that are needed, declared here because omp.h
// belongs to one compiler's private headers.
extern "C" {
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads,
                   unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
int omp_get_max_threads(void);
void omp_set_num_threads(int threads);
}

namespace dlc::rt {

int defaultThreadCount() {
  if (const char *text = std::getenv("DLC_NUM_THREADS")) {
    char *end = nullptr;
    long value = std::strtol(text, &end, 10);
    if (end != text && *end == '\0' && value >= 1 && value <= 1024)
      return static_cast<int>(value);
  }
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return std::max(1, CPU_COUNT(&set));
  return 1;
}

#if defined(__x86_64__)
static uint32_t enterFlushToZero() {
  constexpr uint32_t flushToZero = 1u << 15, denormalsAreZero = 1u << 6;
  uint32_t saved = _mm_getcsr();
  _mm_setcsr(saved | flushToZero | denormalsAreZero);
  return saved;
}
static void leaveFlushToZero(uint32_t saved) { _mm_setcsr(saved); }
#else
static uint32_t enterFlushToZero() { return 0; }
static void leaveFlushToZero(uint32_t) {}
#endif

FlushToZeroScope::FlushToZeroScope() : saved(enterFlushToZero()) {}
FlushToZeroScope::~FlushToZeroScope() { leaveFlushToZero(saved); }

SingleThreadedLibraries::SingleThreadedLibraries()
    : saved(omp_get_max_threads()) {
  omp_set_num_threads(1);
}
SingleThreadedLibraries::~SingleThreadedLibraries() {
  omp_set_num_threads(saved);
}

ThreadPool::ThreadPool(int threads) : count(std::max(1, threads)) {}

namespace {
struct Region {
  int64_t groups;
  void (*invoke)(void *, int, int64_t, int64_t);
  void *context;
};
} // namespace

static void runPart(void *data) {
  const Region &region = *static_cast<const Region *>(data);
  // OpenMP may grant fewer threads than asked; the parts follow what it gave.
  int64_t parts = omp_get_num_threads();
  int64_t part = omp_get_thread_num();
  int64_t size = region.groups / parts, extra = region.groups % parts;
  int64_t first = part * size + std::min(part, extra);
  int64_t end = first + size + (part < extra ? 1 : 0);
  if (first == end)
    return;
  FlushToZeroScope flushToZero;
  region.invoke(region.context, static_cast<int>(part), first, end);
}

void ThreadPool::run(int64_t groups, Invoke invoke, void *context) const {
  if (groups <= 0)
    return;
  if (groups == 1 || count == 1) {
    FlushToZeroScope flushToZero;
    SingleThreadedLibraries oneThread;
    invoke(context, 0, 0, groups);
    return;
  }
  // Always the whole team: a changing size makes OpenMP rebuild it.
  Region region{groups, invoke, context};
  GOMP_parallel(runPart, &region, static_cast<unsigned>(count), 0);
}

} // namespace dlc::rt
