//===- FusionCost.h - the time of a kernel on a CPU -------------*- C++ -*-===//
//
// A roofline: launch overhead, plus the larger of traffic and computation with
// a little of the other (they overlap, but not wholly). Only ratios matter: the
// pass compares regions with each other. The shape of the model is that of
// XLA's GPU performance model (openxla/xla, gpu_performance_model_base.h); the
// constants are a small CPU's.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_PASSES_FUSE_FUSIONCOST_H
#define DLC_PASSES_FUSE_FUSIONCOST_H

#include "dialects/dlc/indexing/Region.h"

namespace dlc {

struct FusionCost {
  double launchNs = 1500;
  double bytesPerNs = 25;
  /// Elementary vector-lane operations (see elementCost).
  double operationsPerNs = 60;
};

struct KernelTraffic {
  double read = 0, written = 0;
};

/// Bytes that a kernel of this plan moves: each input and output once, of an
/// input only as much as it reads.
KernelTraffic kernelTraffic(const RegionPlan &plan);
/// Estimated time in ns.
double kernelTime(const RegionPlan &plan, const FusionCost &cost);

} // namespace dlc

#endif
