//===- DeviceModel.h - what devices can do at most --------------*- C++ -*-===//
//
// One table of devices, and the time that a piece of work takes on one of them
// at best. Reports, `dlc inspect --roofline` and whoever chooses between plans
// read the same numbers.
//
//   time = max(operations / rate, bytes / bandwidth) + launch
//
//   rate       peak of the element type x the fraction that the best known code
//              of that kind reaches x the share of the device that is busy
//   bandwidth  measured, of a copy, reads and writes counted; less where too
//              few pieces of work are in flight to keep the memory busy
//
// A device is made of `units` (SMs, cores). Work of fewer pieces than units
// leaves some idle; `memoryUnits` of them are enough to use the whole
// bandwidth. What runs at once is not modelled: instructions follow one
// another.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_COMPILER_TARGET_DEVICEMODEL_H
#define DLC_COMPILER_TARGET_DEVICEMODEL_H

#include "runtime/core/DType.h"

#include <span>
#include <string>
#include <string_view>

namespace dlc {

/// 1e9 operations per second, of dense products (a multiply-add is two) and of
/// generated code.
struct DeviceRates {
  double f64 = 0, f32 = 0, tf32 = 0, half = 0, fp8 = 0;
  /// Additions or multiplications of f32 by kernels; no fused multiply-adds.
  double vector = 0;
};

/// The part of the peak that the best known code of a kind reaches.
struct DeviceFractions {
  double product = 1, convolution = 1, attentionForward = 1,
         attentionBackward = 1, kernel = 1;
};

enum class WorkKind {
  Product,
  Convolution,
  AttentionForward,
  AttentionBackward,
  Kernel,
  Copy
};

/// What one instruction asks of a device.
struct Work {
  WorkKind kind = WorkKind::Kernel;
  /// What it computes in.
  rt::DType dtype = rt::DType::F32;
  double operations = 0, bytes = 0;
  /// A product of f32 may round its factors to TF32.
  bool isTf32 = false;
  /// Parts that can run at the same time, one unit each; 0: as many as needed.
  double pieces = 0;
};

/// What an instruction waits for most.
enum class Limit { Compute, Memory, Launch };
const char *limitName(Limit limit);

struct WorkTime {
  double computeNs = 0, memoryNs = 0, launchNs = 0;

  double totalNs() const;
  /// The largest of the three.
  Limit limit() const;
};

struct DeviceModel {
  /// As users write it: "h200".
  std::string name;
  /// "NVIDIA H200 SXM"
  std::string title;
  /// The kind of target whose plans it runs: "cuda", "cpu".
  std::string target = "cpu";
  DeviceRates peak;
  DeviceFractions fractions;
  /// 1e9 bytes per second, read and written, measured; from the level of cache
  /// that all units share; and in the data sheet.
  double gbytes = 0, cacheGbytes = 0, peakGbytes = 0;
  double launchNs = 0;
  double cacheBytes = 0, memoryBytes = 0;
  /// SMs or cores; 0: what runs at once does not matter.
  int units = 0;
  int memoryUnits = 0;
  bool isMeasured = false;
  /// Threads of the measurement; 0: none was made here.
  int threads = 0;

  /// Attainable 1e9 operations per second of `kind` in `dtype`.
  double gflops(WorkKind kind, rt::DType dtype, bool isTf32 = false) const;
  /// Whether it says anything.
  bool isKnown() const { return gbytes > 0; }
  /// The shortest time. `isCached`: the data is in the shared cache.
  WorkTime timeOf(const Work &work, bool isCached = false) const;
};

/// All devices that have a name.
std::span<const DeviceModel> deviceModels();
/// By name, whatever its case; null if there is none.
const DeviceModel *findDeviceModel(std::string_view name);

} // namespace dlc

#endif
