//===- DeviceModel.cpp - what devices can do at most ----------------------===//
//
// The table. Of each figure it says where it comes from; "(estimate)" marks
// those that nobody measured for it.
//
//===----------------------------------------------------------------------===//
#include "compiler/target/DeviceModel.h"

#include <algorithm>
#include <cctype>

namespace dlc {

//===----------------------------------------------------------------------===//
// The devices
//===----------------------------------------------------------------------===//

/// Hopper (H100 and H200 SXM have the same processor).
/// Peaks: NVIDIA H100 and H200 data sheets, dense, i.e. half of the figures
/// with sparsity; f64 is the tensor cores'. `vector`: 67 TFLOP/s count a fused
/// multiply-add as two operations, which generated code does not use.
static constexpr DeviceRates kHopperPeak = {.f64 = 67e3,
                                            .f32 = 67e3,
                                            .tf32 = 494.7e3,
                                            .half = 989.4e3,
                                            .fp8 = 1978.9e3,
                                            .vector = 33.5e3};

/// product: an 8192^3 product of bf16 random numbers ran at 788 TFLOP/s on an
/// H200. Attention: 290 and 300 TFLOP/s with heads of 64, causal (estimate: one
/// exponential costs as much time as the products of its score, so that half of
/// the peak is the most; FlashAttention-3's charts have 265 to 371 forward).
/// convolution, kernel: (estimate).
static constexpr DeviceFractions kHopperFractions = {
    .product = 788 / 989.4,
    .convolution = 0.65,
    .attentionForward = 290 / 989.4,
    .attentionBackward = 300 / 989.4,
    .kernel = 0.5};

// Launches: an instruction of a CUDA graph costs about 1 us more than its work
// (estimate); outside of graphs it would be 2 to 3.
// memoryUnits: an SM takes 32 B per cycle from memory, so that 57 of them use
// all of it (XLA's GPU performance model).

/// Bandwidth: a copy of 8.6 GB moved 4.3 TB/s on an H200, reads and writes
/// counted; 60 MB of level-2 cache as the driver reports them. cacheGbytes:
/// (estimate).
static DeviceModel h200() {
  DeviceModel model;
  model.name = "h200";
  model.title = "NVIDIA H200 SXM";
  model.target = "cuda";
  model.peak = kHopperPeak;
  model.fractions = kHopperFractions;
  model.gbytes = 4300;
  model.peakGbytes = 4800;
  model.cacheGbytes = 6000;
  model.cacheBytes = 60e6;
  model.memoryBytes = 141e9;
  model.launchNs = 1000;
  model.units = 132;
  model.memoryUnits = 57;
  return model;
}

/// Bandwidth: the same part of the data sheet's 3.35 TB/s as on the H200
/// (estimate).
static DeviceModel h100() {
  DeviceModel model = h200();
  model.name = "h100";
  model.title = "NVIDIA H100 SXM";
  model.peakGbytes = 3350;
  model.gbytes = 3000;
  model.cacheGbytes = 5500;
  model.cacheBytes = 50e6;
  model.memoryBytes = 80e9;
  return model;
}

/// Peaks: NVIDIA A100 data sheet (80 GB, SXM). Fractions and bandwidth: as on
/// the H200, but for attention, where the exponential costs less beside slower
/// tensor cores (estimate).
static DeviceModel a100() {
  DeviceModel model;
  model.name = "a100";
  model.title = "NVIDIA A100 SXM 80 GB";
  model.target = "cuda";
  model.peak = {.f64 = 19.5e3,
                .f32 = 19.5e3,
                .tf32 = 156e3,
                .half = 312e3,
                .fp8 = 0,
                .vector = 9.75e3};
  model.fractions = kHopperFractions;
  model.fractions.attentionForward = model.fractions.attentionBackward = 0.5;
  model.peakGbytes = 2039;
  model.gbytes = 1830;
  model.cacheGbytes = 4000;
  model.cacheBytes = 40e6;
  model.memoryBytes = 80e9;
  model.launchNs = 1000;
  model.units = 108;
  model.memoryUnits = 50;
  return model;
}

/// Two cores of a Sapphire Rapids class Xeon with AMX, two threads, all
/// measured: oneDNN's products ran at 300 to 370 GFLOP/s in f32 and, with
/// packed weights, at 2.4 TFLOP/s in bf16; an update in place moved 52 GB/s. A
/// launch is what handing work to a pool of threads costs. vector: as the cost
/// model of fusion.
static DeviceModel xeon() {
  DeviceModel model;
  model.name = "cpu-amx-2";
  model.title = "two cores of a Xeon with AMX";
  model.peak = {.f64 = 205,
                .f32 = 410,
                .tf32 = 410,
                .half = 4950,
                .fp8 = 0,
                .vector = 120};
  model.fractions = {.product = 0.85,
                     .convolution = 0.85,
                     .attentionForward = 0.5,
                     .attentionBackward = 0.5,
                     .kernel = 0.5};
  model.gbytes = 52;
  model.peakGbytes = 52;
  model.cacheGbytes = 200;
  model.cacheBytes = 4e6;
  model.launchNs = 1500;
  model.units = model.memoryUnits = 2;
  return model;
}

std::span<const DeviceModel> deviceModels() {
  static const DeviceModel models[] = {h200(), h100(), a100(), xeon()};
  return models;
}

const DeviceModel *findDeviceModel(std::string_view name) {
  auto isSame = [&](const DeviceModel &model) {
    return std::equal(
        name.begin(), name.end(), model.name.begin(), model.name.end(),
        [](unsigned char a, unsigned char b) { return std::tolower(a) == b; });
  };
  std::span<const DeviceModel> models = deviceModels();
  auto found = std::find_if(models.begin(), models.end(), isSame);
  return found == models.end() ? nullptr : &*found;
}

//===----------------------------------------------------------------------===//
// The time of a piece of work
//===----------------------------------------------------------------------===//

const char *limitName(Limit limit) {
  switch (limit) {
  case Limit::Compute:
    return "compute";
  case Limit::Memory:
    return "memory";
  case Limit::Launch:
    break;
  }
  return "launch";
}

double WorkTime::totalNs() const {
  return std::max(computeNs, memoryNs) + launchNs;
}

Limit WorkTime::limit() const {
  if (launchNs > std::max(computeNs, memoryNs))
    return Limit::Launch;
  return computeNs > memoryNs ? Limit::Compute : Limit::Memory;
}

static double productPeak(const DeviceRates &peak, rt::DType dtype,
                          bool isTf32) {
  switch (dtype) {
  case rt::DType::F64:
    return peak.f64;
  case rt::DType::BF16:
  case rt::DType::F16:
    return peak.half;
  case rt::DType::F8E4M3FN:
  case rt::DType::F8E5M2:
    return peak.fp8 > 0 ? peak.fp8 : peak.half;
  default:
    return isTf32 ? peak.tf32 : peak.f32;
  }
}

double DeviceModel::gflops(WorkKind kind, rt::DType dtype, bool isTf32) const {
  double product = productPeak(peak, dtype, isTf32);
  switch (kind) {
  case WorkKind::Product:
    return product * fractions.product;
  case WorkKind::Convolution:
    return product * fractions.convolution;
  case WorkKind::AttentionForward:
    return product * fractions.attentionForward;
  case WorkKind::AttentionBackward:
    return product * fractions.attentionBackward;
  case WorkKind::Kernel:
  case WorkKind::Copy:
    break;
  }
  // Of f64, half as many in the same time.
  return peak.vector * fractions.kernel * (dtype == rt::DType::F64 ? 0.5 : 1);
}

/// The part of `units` that `pieces` keep busy.
static double busyPart(double pieces, int units) {
  if (pieces <= 0 || units <= 0)
    return 1;
  return std::min(1.0, pieces / units);
}

WorkTime DeviceModel::timeOf(const Work &work, bool isCached) const {
  WorkTime time;
  if (!isKnown())
    return time;
  double rate = gflops(work.kind, work.dtype, work.isTf32);
  time.launchNs = launchNs;
  if (rate > 0)
    time.computeNs = work.operations / rate / busyPart(work.pieces, units);
  double bandwidth = isCached && cacheGbytes > gbytes ? cacheGbytes : gbytes;
  time.memoryNs = work.bytes / bandwidth / busyPart(work.pieces, memoryUnits);
  return time;
}

} // namespace dlc
