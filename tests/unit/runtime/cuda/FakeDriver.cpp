// The driver's part of the stand-in. Device addresses are host addresses with a
// mark that makes them fault when the host uses them as pointers.

#include "tests/unit/runtime/cuda/FakeQueue.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

using namespace dlc::rt::test;
using namespace dlc::rt::cuda;

namespace {

constexpr uint64_t mark = uint64_t(1) << 60;
constexpr DriverCode failure = 700, invalid = 1, unjoined = 904;

struct FakeFunction {
  std::string name;
  FakeKernel kernel;
};
struct FakeModule {
  std::vector<std::unique_ptr<FakeFunction>> functions;
};
struct FakeGraph {
  std::vector<Work> work;
};

std::map<uint64_t, uint64_t> memory; // device allocations: host address, bytes
std::map<uint64_t, uint64_t> pinned;
std::set<FakeStream *> streams;
FakeStream *capturing = nullptr;
FakeGraph *captured = nullptr;
uint64_t clockTicks = 0;
int contexts = 0;

uint64_t bytesOf(const std::map<uint64_t, uint64_t> &allocations) {
  uint64_t bytes = 0;
  for (auto [address, size] : allocations)
    bytes += size;
  return bytes;
}

bool holds(const std::map<uint64_t, uint64_t> &allocations, uint64_t address,
           uint64_t bytes) {
  auto next = allocations.upper_bound(address);
  if (next == allocations.begin())
    return false;
  auto [begin, size] = *std::prev(next);
  return address + bytes <= begin + size;
}

/// Device or pinned memory, as cuMemcpyAsync takes either.
std::byte *anywhere(uint64_t address, uint64_t bytes, const char *what) {
  if (address & mark)
    return device(address, bytes, what);
  if (!holds(pinned, address, bytes))
    violate(std::string(what) + ": host memory that is not pinned");
  return reinterpret_cast<std::byte *>(address);
}

FakeStream &streamOf(void *handle) {
  return *static_cast<FakeStream *>(handle);
}

template <typename T>
DriverCode setPattern(DeviceAddress to, T value, size_t count,
                      StreamHandle stream, const char *symbol) {
  if (fails(symbol))
    return failure;
  issue(stream, [=] {
    auto *place = reinterpret_cast<T *>(device(to, count * sizeof(T), symbol));
    std::fill_n(place, count, value);
  });
  return 0;
}

} // namespace

namespace dlc::rt::test {

/// Programs that cannot reach the stand-in set it up through the environment.
static FakeCuda fromEnvironment() {
  FakeCuda made;
  if (const char *text = std::getenv("FAKE_CUDA")) {
    made.knowsAllKernels = true;
    made.delayOfAdvice = std::string_view(text) == "delay" ? 40 : 0;
  }
  if (const char *version = std::getenv("FAKE_CUDA_BLAS"))
    made.blasVersion = std::strtoull(version, nullptr, 10);
  return made;
}

FakeCuda &fake() {
  static FakeCuda instance = fromEnvironment();
  instance.host = [](uint64_t address) { return device(address, 1, "kernel"); };
  return instance;
}

bool fails(const char *symbol) {
  FakeCuda &state = fake();
  ++state.counts[symbol];
  bool isChosen =
      ++state.calls == state.failingCall || state.failingSymbol == symbol;
  if (isChosen) {
    std::string_view name = symbol;
    state.failed = symbol;
    state.isFailedInRecording = capturing ||
                                name.find("Capture") != name.npos ||
                                name.starts_with("cuGraphInstantiate");
  }
  if (contexts == 0 && std::string_view(symbol).starts_with("cuMem"))
    violate(std::string(symbol) + ": no context");
  return isChosen;
}

void tick(uint64_t milliseconds) { clockTicks += milliseconds; }

void violate(const std::string &text) { fake().violations.push_back(text); }

void gain(const std::string &what, int64_t count) {
  int64_t &live = fake().live[what];
  live += count;
  if (live < 0)
    violate(what + " given back twice");
  if (live == 0)
    fake().live.erase(what);
}

std::byte *device(uint64_t address, uint64_t bytes, const char *what) {
  if (!(address & mark) || !holds(memory, address & ~mark, bytes)) {
    violate(std::string(what) + ": not device memory");
    static std::byte nowhere[1 << 22];
    return nowhere;
  }
  return reinterpret_cast<std::byte *>(address & ~mark);
}

void FakeStream::add(Work work) {
  queue.push_back(std::move(work));
  ++issued;
  if (!isFirst && fake().hasEagerCopies)
    drain();
}

void FakeStream::drainTo(uint64_t position) {
  while (done < position && !queue.empty()) {
    Work work = std::move(queue.front());
    queue.pop_front();
    work();
    ++done;
  }
}

void issue(void *handle, Work work) {
  FakeStream &stream = streamOf(handle);
  if (!stream.isCaptured)
    return stream.add(std::move(work));
  captured->work.push_back(std::move(work));
  stream.isUnjoined = &stream != capturing;
}

void refuseCapture(const char *symbol) {
  if (capturing)
    violate(std::string(symbol) + " within a capture");
}

} // namespace dlc::rt::test

extern "C" {

FakeCuda *fakeCuda() { return &fake(); }

DriverCode cuInit(unsigned) {
  if (fake().devices == 0)
    return driverNoDevice;
  return fails("cuInit") ? failure : 0;
}
DriverCode cuDriverGetVersion(int *version) {
  *version = fake().driverVersion;
  return 0;
}
DriverCode cuGetErrorName(DriverCode code, const char **name) {
  *name = code == driverOutOfMemory  ? "CUDA_ERROR_OUT_OF_MEMORY"
          : code == driverInvalidPtx ? "CUDA_ERROR_INVALID_PTX"
                                     : "CUDA_ERROR_ILLEGAL_ADDRESS";
  return 0;
}
DriverCode cuGetErrorString(DriverCode, const char **text) {
  *text = "made to fail";
  return 0;
}
DriverCode cuDeviceGetCount(int *count) {
  *count = fake().devices;
  return fails("cuDeviceGetCount") ? failure : 0;
}
DriverCode cuDeviceGet(DeviceOrdinal *ordinal, int index) {
  *ordinal = index;
  return fails("cuDeviceGet") ? failure : 0;
}
DriverCode cuDeviceGetName(char *text, int bytes, DeviceOrdinal) {
  std::strncpy(text, fake().name, static_cast<size_t>(bytes));
  return fails("cuDeviceGetName") ? failure : 0;
}
DriverCode cuDeviceGetAttribute(int *value, int attribute, DeviceOrdinal) {
  *value = attribute == attributeMajor   ? fake().major
           : attribute == attributeMinor ? fake().minor
                                         : 1 << 20;
  return fails("cuDeviceGetAttribute") ? failure : 0;
}
DriverCode cuDevicePrimaryCtxRetain(ContextHandle *context, DeviceOrdinal) {
  if (fails("cuDevicePrimaryCtxRetain"))
    return failure;
  *context = reinterpret_cast<ContextHandle>(&contexts);
  gain("context");
  return 0;
}
DriverCode cuDevicePrimaryCtxRelease_v2(DeviceOrdinal) {
  gain("context", -1);
  return 0;
}
DriverCode cuCtxPushCurrent_v2(ContextHandle) { return ++contexts, 0; }
DriverCode cuCtxPopCurrent_v2(ContextHandle *) { return --contexts, 0; }

DriverCode cuMemAlloc_v2(DeviceAddress *address, size_t bytes) {
  refuseCapture("cuMemAlloc_v2");
  if (fails("cuMemAlloc_v2") || bytes == 0 ||
      bytesOf(memory) + bytes > fake().totalMemory)
    return driverOutOfMemory;
  // Aligned as the driver does; what is not zeroed shows.
  void *base = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(base, 0xa5, bytes);
  auto host = reinterpret_cast<uint64_t>(base);
  memory[host] = bytes;
  gain("memory");
  *address = host | mark;
  return 0;
}
DriverCode cuMemFree_v2(DeviceAddress address) {
  uint64_t host = address & ~mark;
  if (memory.erase(host) == 0)
    return violate("cuMemFree_v2: not an allocation"), invalid;
  std::free(reinterpret_cast<void *>(host));
  gain("memory", -1);
  return 0;
}
DriverCode cuMemGetInfo_v2(size_t *unused, size_t *total) {
  *total = fake().totalMemory;
  *unused = fake().totalMemory - bytesOf(memory);
  return 0;
}
DriverCode cuMemHostAlloc(void **address, size_t bytes, unsigned) {
  if (fails("cuMemHostAlloc") ||
      bytesOf(pinned) + bytes > fake().lockableMemory)
    return driverOutOfMemory;
  *address = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  pinned[reinterpret_cast<uint64_t>(*address)] = bytes;
  gain("pinned");
  return 0;
}
DriverCode cuMemFreeHost(void *address) {
  pinned.erase(reinterpret_cast<uint64_t>(address));
  std::free(address);
  gain("pinned", -1);
  return 0;
}

DriverCode cuMemcpyHtoD_v2(DeviceAddress to, const void *from, size_t bytes) {
  if (fails("cuMemcpyHtoD_v2"))
    return failure;
  std::memcpy(device(to, bytes, "cuMemcpyHtoD_v2"), from, bytes);
  return 0;
}
DriverCode cuMemcpyHtoDAsync_v2(DeviceAddress to, const void *from,
                                size_t bytes, StreamHandle stream) {
  if (fails("cuMemcpyHtoDAsync_v2"))
    return failure;
  if (!holds(pinned, reinterpret_cast<uint64_t>(from), bytes))
    violate("cuMemcpyHtoDAsync_v2: host memory that is not pinned");
  issue(stream, [=] {
    std::memcpy(device(to, bytes, "cuMemcpyHtoDAsync_v2"), from, bytes);
  });
  return 0;
}
DriverCode cuMemcpyDtoHAsync_v2(void *to, DeviceAddress from, size_t bytes,
                                StreamHandle stream) {
  if (fails("cuMemcpyDtoHAsync_v2"))
    return failure;
  issue(stream, [=] {
    std::memcpy(to, device(from, bytes, "cuMemcpyDtoHAsync_v2"), bytes);
  });
  // Into other memory the driver copies before it returns.
  if (!holds(pinned, reinterpret_cast<uint64_t>(to), bytes))
    streamOf(stream).drain();
  return 0;
}
DriverCode cuMemcpyAsync(DeviceAddress to, DeviceAddress from, size_t bytes,
                         StreamHandle stream) {
  if (fails("cuMemcpyAsync"))
    return failure;
  issue(stream, [=] {
    std::memcpy(anywhere(to, bytes, "cuMemcpyAsync"),
                anywhere(from, bytes, "cuMemcpyAsync"), bytes);
  });
  return 0;
}
DriverCode cuMemsetD8_v2(DeviceAddress to, unsigned char value, size_t count) {
  if (fails("cuMemsetD8_v2"))
    return failure;
  std::memset(device(to, count, "cuMemsetD8_v2"), value, count);
  return 0;
}
DriverCode cuMemsetD8Async(DeviceAddress to, unsigned char value, size_t count,
                           StreamHandle stream) {
  return setPattern(to, value, count, stream, "cuMemsetD8Async");
}
DriverCode cuMemsetD16Async(DeviceAddress to, unsigned short value,
                            size_t count, StreamHandle stream) {
  return setPattern(to, value, count, stream, "cuMemsetD16Async");
}
DriverCode cuMemsetD32Async(DeviceAddress to, unsigned value, size_t count,
                            StreamHandle stream) {
  return setPattern(to, value, count, stream, "cuMemsetD32Async");
}
DriverCode cuMemsetD2D32Async(DeviceAddress to, size_t pitch, unsigned value,
                              size_t width, size_t height,
                              StreamHandle stream) {
  if (fails("cuMemsetD2D32Async"))
    return failure;
  issue(stream, [=] {
    for (size_t row = 0; row < height; ++row)
      std::fill_n(reinterpret_cast<unsigned *>(device(
                      to + row * pitch, width * 4, "cuMemsetD2D32Async")),
                  width, value);
  });
  return 0;
}

DriverCode cuStreamCreate(StreamHandle *stream, unsigned flags) {
  if (fails("cuStreamCreate"))
    return failure;
  if (flags != streamNonBlocking)
    violate("cuStreamCreate: would wait for the null stream");
  auto *created = new FakeStream();
  created->isFirst = streams.empty();
  streams.insert(created);
  gain("stream");
  *stream = reinterpret_cast<StreamHandle>(created);
  return 0;
}
DriverCode cuStreamDestroy_v2(StreamHandle stream) {
  if (!streamOf(stream).queue.empty())
    violate("cuStreamDestroy_v2: work is under way");
  streams.erase(&streamOf(stream));
  delete &streamOf(stream);
  gain("stream", -1);
  return 0;
}
DriverCode cuStreamSynchronize(StreamHandle stream) {
  refuseCapture("cuStreamSynchronize");
  // The null stream's work is done at once here.
  if (stream)
    streamOf(stream).drain();
  return fails("cuStreamSynchronize") ? failure : 0;
}
DriverCode cuStreamWaitEvent(StreamHandle handle, EventHandle event, unsigned) {
  if (fails("cuStreamWaitEvent"))
    return failure;
  FakeStream &stream = streamOf(handle);
  FakeEvent recorded = *reinterpret_cast<FakeEvent *>(event);
  if (!recorded.stream)
    return 0;
  if (recorded.stream->isCaptured) {
    if (&stream == capturing)
      recorded.stream->isUnjoined = false;
    stream.isCaptured = true;
    stream.isUnjoined |= &stream != capturing;
    return 0;
  }
  stream.add([=] { recorded.stream->drainTo(recorded.position); });
  return 0;
}
DriverCode cuStreamBeginCapture_v2(StreamHandle stream, int) {
  if (fails("cuStreamBeginCapture_v2"))
    return failure;
  capturing = &streamOf(stream);
  capturing->isCaptured = true;
  captured = new FakeGraph();
  gain("graph");
  return 0;
}
DriverCode cuStreamEndCapture(StreamHandle, GraphHandle *graph) {
  bool isUnjoined = false;
  for (FakeStream *stream : streams) {
    isUnjoined |= stream->isUnjoined;
    stream->isCaptured = stream->isUnjoined = false;
  }
  FakeGraph *finished = std::exchange(captured, nullptr);
  capturing = nullptr;
  if (isUnjoined || fails("cuStreamEndCapture")) {
    delete finished;
    gain("graph", -1);
    return isUnjoined ? unjoined : failure;
  }
  *graph = reinterpret_cast<GraphHandle>(finished);
  return 0;
}

DriverCode cuEventCreate(EventHandle *event, unsigned) {
  if (fails("cuEventCreate"))
    return failure;
  *event = reinterpret_cast<EventHandle>(new FakeEvent());
  gain("event");
  return 0;
}
DriverCode cuEventDestroy_v2(EventHandle event) {
  delete reinterpret_cast<FakeEvent *>(event);
  gain("event", -1);
  return 0;
}
DriverCode cuEventRecord(EventHandle handle, StreamHandle stream) {
  if (fails("cuEventRecord"))
    return failure;
  auto *event = reinterpret_cast<FakeEvent *>(handle);
  event->stream = &streamOf(stream);
  event->position = event->stream->issued;
  event->time = ++clockTicks;
  return 0;
}
DriverCode cuEventSynchronize(EventHandle handle) {
  refuseCapture("cuEventSynchronize");
  auto *event = reinterpret_cast<FakeEvent *>(handle);
  if (event->stream)
    event->stream->drainTo(event->position);
  return fails("cuEventSynchronize") ? failure : 0;
}
DriverCode cuEventElapsedTime(float *milliseconds, EventHandle from,
                              EventHandle to) {
  *milliseconds = float(reinterpret_cast<FakeEvent *>(to)->time -
                        reinterpret_cast<FakeEvent *>(from)->time);
  return fails("cuEventElapsedTime") ? failure : 0;
}

DriverCode cuModuleLoadDataEx(ModuleHandle *module, const void *image,
                              unsigned count, int *options, void **values) {
  if (fails("cuModuleLoadDataEx"))
    return failure;
  const char *text = static_cast<const char *>(image);
  if (std::strstr(text, "not ptx") && count == 2 && options[0] == jitErrorLog) {
    auto bytes = reinterpret_cast<uintptr_t>(values[1]);
    std::strncpy(static_cast<char *>(values[0]), "ptxas: line 1: no", bytes);
    return driverInvalidPtx;
  }
  fake().images.push_back(text);
  *module = reinterpret_cast<ModuleHandle>(new FakeModule());
  gain("module");
  return 0;
}
DriverCode cuModuleUnload(ModuleHandle module) {
  delete reinterpret_cast<FakeModule *>(module);
  gain("module", -1);
  return 0;
}
DriverCode cuModuleGetFunction(FunctionHandle *function, ModuleHandle module,
                               const char *name) {
  auto known = fake().kernels.find(name);
  bool isKnown = known != fake().kernels.end();
  if (fails("cuModuleGetFunction") || !(isKnown || fake().knowsAllKernels))
    return failure;
  FakeKernel nothing{[](void **, unsigned, unsigned) {}, 0};
  auto &functions = reinterpret_cast<FakeModule *>(module)->functions;
  functions.push_back(std::make_unique<FakeFunction>(
      FakeFunction{name, isKnown ? known->second : nothing}));
  *function = reinterpret_cast<FunctionHandle>(functions.back().get());
  return 0;
}
DriverCode cuFuncGetAttribute(int *value, int, FunctionHandle) {
  *value = 1024;
  return fails("cuFuncGetAttribute") ? failure : 0;
}
DriverCode cuLaunchKernel(FunctionHandle function, unsigned gridX, unsigned,
                          unsigned, unsigned blockX, unsigned, unsigned,
                          unsigned, StreamHandle stream, void **parameters,
                          void **) {
  if (fails("cuLaunchKernel"))
    return failure;
  FakeKernel kernel = reinterpret_cast<FakeFunction *>(function)->kernel;
  // The driver copies the parameters.
  std::vector<uint64_t> values;
  for (int i = 0; i < kernel.parameters; ++i)
    values.push_back(*static_cast<uint64_t *>(parameters[i]));
  issue(stream, [=]() mutable {
    std::vector<void *> pointers;
    for (uint64_t &value : values)
      pointers.push_back(&value);
    kernel.body(pointers.data(), gridX, blockX);
  });
  return 0;
}

DriverCode cuGraphInstantiateWithFlags(GraphExecHandle *exec, GraphHandle graph,
                                       unsigned long long) {
  if (fails("cuGraphInstantiateWithFlags"))
    return failure;
  *exec = reinterpret_cast<GraphExecHandle>(
      new FakeGraph(*reinterpret_cast<FakeGraph *>(graph)));
  gain("graph exec");
  return 0;
}
DriverCode cuGraphLaunch(GraphExecHandle exec, StreamHandle stream) {
  if (fails("cuGraphLaunch"))
    return failure;
  issue(stream, [exec] {
    for (const Work &work : reinterpret_cast<FakeGraph *>(exec)->work)
      work();
  });
  return 0;
}
DriverCode cuGraphDestroy(GraphHandle graph) {
  delete reinterpret_cast<FakeGraph *>(graph);
  gain("graph", -1);
  return 0;
}
DriverCode cuGraphExecDestroy(GraphExecHandle exec) {
  delete reinterpret_cast<FakeGraph *>(exec);
  gain("graph exec", -1);
  return 0;
}
}
