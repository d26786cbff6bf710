//===- Machine.cpp - the device that a report is for ----------------------===//
#include "tools/report/Machine.h"

#include "runtime/artifact/artifact_generated.h"
#include "runtime/core/ThreadPool.h"
#include "runtime/cpu/Gemm.h"
#include "tools/support/Failure.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

namespace dlc::tools {

/// Seconds of the fastest of many short runs: another program's share of the
/// CPU does not hit all of them.
static double fastest(const std::function<void()> &run) {
  using Clock = std::chrono::steady_clock;
  constexpr double budget = 0.3;
  double best = 1e30, total = 0;
  run(); // warms up
  for (int i = 0; i < 5 || (total < budget && i < 1000); ++i) {
    Clock::time_point start = Clock::now();
    run();
    double seconds =
        std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, seconds);
    total += seconds;
  }
  return std::max(best, 1e-9);
}

static double measureProduct(rt::DType dtype, const rt::ThreadPool &pool) {
  constexpr int64_t size = 512;
  fb::GemmT gemm;
  gemm.dtype = fb::DType(dtype);
  gemm.batch0 = gemm.batch1 = 1;
  gemm.m = gemm.n = gemm.k = size;
  gemm.a_strides = gemm.b_strides = gemm.c_strides = {0, 0, size, 1};
  // Zeros would do, but for CPUs whose power depends on the data.
  std::vector<double> a(size * size, 1.5), b(size * size, 0.25), c(size * size);
  uint64_t workspaceBytes = rt::gemmWorkspaceBytes(gemm);
  std::vector<std::byte> workspace(workspaceBytes + 64);
  auto bytes = [](auto &values) {
    return reinterpret_cast<std::byte *>(values.data());
  };
  rt::GemmPointers at;
  at.a = bytes(a);
  at.b = bytes(b);
  at.c = bytes(c);
  at.workspace = workspaceBytes ? bytes(workspace) : nullptr;
  rt::LibraryContext context(pool.threads());
  auto created = rt::GemmPlan::create(context, gemm, at);
  // Not every type has a product in the library; then f32 is the yardstick.
  if (!created.isOk() && dtype != rt::DType::F32)
    return measureProduct(rt::DType::F32, pool);
  auto plan = check(std::move(created));
  check(context.allocate());
  double seconds = fastest([&] { check(plan->run(pool)); });
  return 2.0 * size * size * size / seconds / 1e9;
}

static double measureTriad(const rt::ThreadPool &pool) {
  constexpr int64_t groups = 256, groupSize = 32 * 1024; // 32 MiB per array
  std::vector<float> a(groups * groupSize, 1), b(groups * groupSize, 2),
      c(groups * groupSize, 3);
  double seconds = fastest([&] {
    pool.parallelFor(groups, [&](int, int64_t first, int64_t end) {
      for (int64_t i = first * groupSize; i < end * groupSize; ++i)
        a[size_t(i)] = b[size_t(i)] + 0.5f * c[size_t(i)];
    });
  });
  return 3.0 * 4 * groups * groupSize / seconds / 1e9;
}

/// A device that does everything at one rate.
static DeviceModel uniformDevice(double gflops, double gbytes) {
  DeviceModel model;
  model.peak = {gflops, gflops, gflops, gflops, gflops, gflops};
  model.gbytes = model.peakGbytes = gbytes;
  return model;
}

DeviceModel measureMachine(rt::DType dtype, int threads) {
  rt::ThreadPool pool(threads > 0 ? threads : rt::defaultThreadCount());
  double gflops = measureProduct(dtype, pool);
  DeviceModel model = uniformDevice(gflops, measureTriad(pool));
  model.name = "cpu";
  model.title = "this machine";
  model.isMeasured = true;
  model.threads = pool.threads();
  return model;
}

DeviceModel deviceByName(const std::string &name, rt::DType dtype) {
  if (name == "cpu")
    return measureMachine(dtype);
  if (const DeviceModel *model = findDeviceModel(name))
    return *model;
  std::string known = "cpu";
  for (const DeviceModel &model : deviceModels())
    known += ", " + model.name;
  fail("DLC5301", "device must be one of ", known, ", but got '", name, "'");
}

DeviceModel parseMachine(const std::string &text) {
  if (const DeviceModel *model = findDeviceModel(text))
    return *model;
  double gflops = 0, gbytes = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%lf,%lf%c", &gflops, &gbytes, &rest) != 2 ||
      !(gflops > 0) || !(gbytes > 0))
    fail("DLC4111",
         "machine must be GFLOPS,GBYTES, two numbers above 0, or the name of a "
         "device, but got '",
         text, "'");
  return uniformDevice(gflops, gbytes);
}

} // namespace dlc::tools
