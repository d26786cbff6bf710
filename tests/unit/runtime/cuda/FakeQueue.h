// Inside the stand-in: streams whose work waits until someone needs it.
#ifndef DLC_TESTS_UNIT_RUNTIME_CUDA_FAKEQUEUE_H
#define DLC_TESTS_UNIT_RUNTIME_CUDA_FAKEQUEUE_H

#include "runtime/cuda/BlasApi.h"
#include "runtime/cuda/DnnApi.h"
#include "tests/unit/runtime/cuda/FakeCuda.h"

#include <deque>
#include <functional>

namespace dlc::rt::test {

using Work = std::function<void()>;

struct FakeStream;

struct FakeEvent {
  FakeStream *stream = nullptr;
  uint64_t position = 0; // of the stream, when it was recorded
  uint64_t time = 0;
};

struct FakeStream {
  std::deque<Work> queue;
  uint64_t issued = 0, done = 0;
  bool isFirst = false;
  bool isCaptured = false;
  bool isUnjoined = false; // has captured work that the origin does not await

  void add(Work work);
  void drainTo(uint64_t position);
  void drain() { drainTo(issued); }
};

FakeCuda &fake();
/// Counts a call that may fail; returns whether this one does.
bool fails(const char *symbol);
void violate(const std::string &text);
/// What is given out and back.
void gain(const std::string &what, int64_t count = 1);
/// Lets time go by on the GPU.
void tick(uint64_t milliseconds);
/// The host memory of [address, address + bytes), which must be device memory.
std::byte *device(uint64_t address, uint64_t bytes, const char *what);
/// Adds to a stream, or to the graph that it is captured into.
void issue(void *stream, Work work);
/// Of calls that must not be made while a stream is captured.
void refuseCapture(const char *symbol);

} // namespace dlc::rt::test

#endif // DLC_TESTS_UNIT_RUNTIME_CUDA_FAKEQUEUE_H
