#include "runtime/emulated/Fibers.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define DLC_HAS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DLC_HAS_SANITIZER 1
#endif

#if defined(__x86_64__)
// void dlc_fiber_switch(void **saved, void *next): pushes the registers that a
// function must keep, stores the stack pointer, takes the other one, pops.
// dlc_fiber_begin is what a new stack returns to: rbx holds the body, r12 its
// argument.
asm(R"(
.text
.p2align 4
.type dlc_fiber_switch, @function
dlc_fiber_switch:
  .cfi_startproc
  endbr64
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .cfi_endproc
.size dlc_fiber_switch, .-dlc_fiber_switch
.p2align 4
.type dlc_fiber_begin, @function
dlc_fiber_begin:
  .cfi_startproc
  .cfi_undefined rip
  endbr64
  movq %r12, %rdi
  callq *%rbx
  ud2
  .cfi_endproc
.size dlc_fiber_begin, .-dlc_fiber_begin
)");

extern "C" void dlc_fiber_switch(void **saved, void *next);
extern "C" void dlc_fiber_begin();
#endif

namespace dlc::rt {

bool hasFibers() {
#if defined(__x86_64__) && !defined(DLC_HAS_SANITIZER)
  return true;
#else
  return false;
#endif
}

static size_t pageBytes() {
  static const size_t bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

FiberPool::~FiberPool() {
  for (const Mapping &mapping : mappings)
    munmap(mapping.base, mapping.bytes);
}

Status FiberPool::reserve(size_t count) {
  if (count <= fibers.size())
    return Status::ok();
  size_t added = count - fibers.size(), each = pageBytes() + stackBytes;
  void *base = mmap(nullptr, added * each, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED)
    return DLC_ERROR(OutOfMemory, "DLC6002", "stacks of ", added * each,
                     " bytes must fit in memory, but got '",
                     std::strerror(errno), "'");
  mappings.push_back({static_cast<std::byte *>(base), added * each});
  for (size_t i = 0; i < added; ++i) {
    std::byte *guard = static_cast<std::byte *>(base) + i * each;
    if (mprotect(guard, pageBytes(), PROT_NONE) != 0)
      return DLC_ERROR(OutOfMemory, "DLC6002", "stacks of ", added * each,
                       " bytes must have guard pages, but got '",
                       std::strerror(errno), "'");
    fibers.push_back({guard + pageBytes(), nullptr});
  }
  return Status::ok();
}

#if defined(__x86_64__)
void FiberPool::start(size_t index, Body body, void *argument) {
  // As dlc_fiber_switch leaves it: r15 r14 r13 r12 rbx rbp, return address.
  // After its `ret` the stack pointer must be a multiple of 16, so that
  // dlc_fiber_begin calls the body as the ABI wants it.
  auto **top = reinterpret_cast<void **>(fibers[index].stack + stackBytes) - 2;
  *--top = reinterpret_cast<void *>(&dlc_fiber_begin);
  *--top = nullptr;
  *--top = reinterpret_cast<void *>(body);
  *--top = argument;
  for (int i = 0; i < 3; ++i)
    *--top = nullptr;
  fibers[index].saved = top;
}

void FiberPool::resume(size_t index) {
  current = index;
  dlc_fiber_switch(&caller, fibers[index].saved);
}

void FiberPool::leave() { dlc_fiber_switch(&fibers[current].saved, caller); }
#else
// reserve() is never reached: the device refuses such a machine.
void FiberPool::start(size_t, Body, void *) {}
void FiberPool::resume(size_t) {}
void FiberPool::leave() {}
#endif

} // namespace dlc::rt
