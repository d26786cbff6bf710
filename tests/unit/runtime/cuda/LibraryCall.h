// One library call through the backend: its operands on the stand-in, its
// result read back after runs of its own and as part of a graph.
#ifndef DLC_TESTS_UNIT_RUNTIME_CUDA_LIBRARYCALL_H
#define DLC_TESTS_UNIT_RUNTIME_CUDA_LIBRARYCALL_H

#include "runtime/cuda/Gpu.h"
#include "runtime/cuda/LibraryPlan.h"
#ifdef DLC_REAL_GPU
#include "runtime/artifact/Writer.h"
#include "runtime/core/DType.h"
#include "runtime/cuda/CudaDevice.h"
#include "tests/unit/runtime/TestUtil.h"
#else
#include "tests/unit/runtime/cuda/FakeGpu.h"
#endif

#include <cmath>
#include <random>

namespace dlc::rt::test {

inline double rounded(fb::DType type, double value) {
  switch (type) {
  case fb::DType::F64:
    return value;
  case fb::DType::F16:
    return halfToFloat(floatToHalf(float(value)));
  case fb::DType::BF16:
    return bfloatToFloat(floatToBfloat(float(value)));
  default:
    return float(value);
  }
}

inline std::vector<std::byte> encode(fb::DType type,
                                     const std::vector<double> &values) {
  uint64_t width = dtypeBytes(DType(type));
  std::vector<std::byte> bytes(values.size() * width);
  for (size_t i = 0; i < values.size(); ++i) {
    std::byte *to = bytes.data() + i * width;
    auto narrow = float(values[i]);
    uint16_t bits =
        type == fb::DType::F16 ? floatToHalf(narrow) : floatToBfloat(narrow);
    if (width == 8)
      std::memcpy(to, &values[i], 8);
    else if (width == 4)
      std::memcpy(to, &narrow, 4);
    else
      std::memcpy(to, &bits, 2);
  }
  return bytes;
}

inline std::vector<double> decode(fb::DType type,
                                  const std::vector<std::byte> &from) {
  uint64_t width = dtypeBytes(DType(type));
  std::vector<double> values(from.size() / width);
  for (size_t i = 0; i < values.size(); ++i) {
    const std::byte *at = from.data() + i * width;
    float narrow;
    uint16_t bits;
    if (width == 8)
      std::memcpy(&values[i], at, 8);
    else if (width == 4)
      std::memcpy(&narrow, at, 4), values[i] = narrow;
    else
      std::memcpy(&bits, at, 2), values[i] = type == fb::DType::F16
                                                 ? halfToFloat(bits)
                                                 : bfloatToFloat(bits);
  }
  return values;
}

#ifdef DLC_REAL_GPU
class GpuUnderTest : public ::testing::Test {
protected:
  static constexpr int cases = 100;
  void SetUp() override {
    auto opened = openCudaDevice(cuda::LibraryNames(), 0);
    if (!opened.isOk())
      GTEST_SKIP() << opened.status().toString();
    device = std::move(*opened);
  }
  Status openDevice() { return Status::ok(); }
  std::string misuse() const { return ""; }
  std::unique_ptr<Device> device;
};
#else
class GpuUnderTest : public FakeGpuTest {
protected:
  static constexpr int cases = 400;
  Status openDevice() {
    if (!device) {
      DLC_ASSIGN_OR_RETURN(device, openCudaDevice(fakeNames(), 0));
    }
    return Status::ok();
  }
  std::string misuse() const {
    return fake.violations.empty() ? "" : fake.violations.front();
  }
};
#endif

class LibraryCallTest : public GpuUnderTest {
protected:
  using Buffers = std::vector<std::vector<std::byte>>;

  /// Runs one instruction on `buffers` four times, the last two as a graph, and
  /// reads them back.
  Status run(std::unique_ptr<fb::InstructionT> record, Buffers &buffers) {
    DLC_RETURN_IF_ERROR(openDevice());
    fb::ArtifactT empty;
    auto bytes = writeArtifact(empty, {});
    auto artifact = Artifact::fromMemory(bytes->data(), bytes->size());
    DLC_ASSIGN_OR_RETURN(auto code, device->loadCode(**artifact));
    // Before the stream, which waits at its end for what uses it.
    std::vector<std::unique_ptr<Memory>> memory;
    DLC_ASSIGN_OR_RETURN(auto stream, device->createStream(code, 0));
    std::vector<std::byte *> addresses;
    std::vector<uint64_t> sizes;
    for (const std::vector<std::byte> &buffer : buffers) {
      DLC_ASSIGN_OR_RETURN(auto piece,
                           device->allocator().allocate(buffer.size()));
      addresses.push_back(piece->data());
      sizes.push_back(buffer.size());
      memory.push_back(std::move(piece));
    }
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(fb::Instruction::Pack(builder, record.get()));
    const auto *instruction =
        flatbuffers::GetRoot<fb::Instruction>(builder.GetBufferPointer());
    std::vector<std::unique_ptr<PreparedInstruction>> prepared;
    DLC_ASSIGN_OR_RETURN(auto one,
                         stream->prepare(*instruction, addresses, sizes));
    prepared.push_back(std::move(one));
    DLC_RETURN_IF_ERROR(stream->seal());
    for (int i = 0; i < 4; ++i) {
      // A residual may be the place of the result: begin anew.
      for (size_t b = 0; b < buffers.size(); ++b)
        DLC_RETURN_IF_ERROR(
            stream->copyToDevice(addresses[b], buffers[b].data(), sizes[b]));
      DLC_RETURN_IF_ERROR(stream->runAll(prepared, {}));
    }
    for (size_t b = 0; b < buffers.size(); ++b)
      DLC_RETURN_IF_ERROR(
          stream->copyToHost(buffers[b].data(), addresses[b], sizes[b]));
    DLC_RETURN_IF_ERROR(stream->synchronize());
    isFaulty = record->check && prepared[0]->isFaulty();
    prepared.clear();
    return Status::ok();
  }

#ifndef DLC_REAL_GPU
  /// Runs `op` again and again, each time with another call failing.
  template <typename T> void failEachCall(const T &op, const Buffers &buffers) {
    int total = 1;
    for (int failing = 0; failing <= total; ++failing) {
      fake.calls = 0;
      fake.failingCall = failing;
      fake.failed.clear();
      fake.isFailedInRecording = false;
      Buffers copy = buffers;
      Status status = run(of(op), copy);
      device.reset();
      fake.failingCall = 0;
      total = failing ? total : fake.calls;
      // A stream that ends waits, and has nobody to tell. What cannot be
      // recorded runs without a graph, and of algorithms there are others.
      bool isMended = fake.isFailedInRecording ||
                      fake.failed.find("WorkspaceSize") != std::string::npos;
      if (failing == 0 || isMended)
        EXPECT_TRUE(status.isOk()) << status.toString();
      else if (fake.failed != "cuStreamSynchronize")
        EXPECT_FALSE(status.isOk()) << fake.failed;
      expectClean("after " + fake.failed + " failed");
    }
    EXPECT_GT(total, 40);
  }
#endif

  /// Compares a whole result; `what` says of which call.
  static void expectNear(const std::vector<double> &found,
                         const std::vector<double> &wanted, fb::DType type,
                         const std::string &what, bool allowsTf32 = false) {
    uint64_t width = dtypeBytes(DType(type));
    // Both factors of up to 9 terms below 1 are rounded by 2^-11.
    double tolerance = allowsTf32   ? 1e-2
                       : width == 8 ? 1e-12
                       : width == 4 ? 1e-5
                                    : 2e-2;
    ASSERT_EQ(found.size(), wanted.size()) << what;
    for (size_t i = 0; i < wanted.size(); ++i)
      // Not >, so that NaN is wrong.
      if (!(std::abs(found[i] - wanted[i]) <=
            tolerance * (1 + std::abs(wanted[i])))) {
        ADD_FAILURE() << what << ": element " << i << " must be " << wanted[i]
                      << ", but got " << found[i];
        return;
      }
  }

  template <typename T> static std::unique_ptr<fb::InstructionT> of(T op) {
    auto record = std::make_unique<fb::InstructionT>();
    record->op.Set(std::move(op));
    record->label = "call";
    return record;
  }

  std::vector<double> values(fb::DType type, int64_t count) {
    std::uniform_real_distribution<double> uniform(-1, 1);
    std::vector<double> result;
    for (int64_t i = 0; i < count; ++i)
      result.push_back(rounded(type, uniform(random)));
    return result;
  }
  int64_t pick(int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random);
  }

  /// As a record says it; the stand-in looks whether its calls do, too.
  bool allowTf32(bool isAllowed) {
#ifndef DLC_REAL_GPU
    fake.allowsTf32 = isAllowed;
#endif
    return isAllowed;
  }

  std::mt19937 random{11};
  bool isFaulty = false;
};

} // namespace dlc::rt::test

#endif // DLC_TESTS_UNIT_RUNTIME_CUDA_LIBRARYCALL_H
