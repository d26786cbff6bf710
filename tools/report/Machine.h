//===- Machine.h - what a machine can do at most ----------------*- C++ -*-===//
//
// The two limits of a roofline: operations and bytes per second. Measured on
// this machine, or stated by whoever reads the report for another one.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_REPORT_MACHINE_H
#define DLC_TOOLS_REPORT_MACHINE_H

#include "runtime/core/DType.h"

#include <cstdint>
#include <string>

namespace dlc::tools {

struct MachineLimits {
  /// 1e9 operations and 1e9 bytes per second.
  double gflops = 0, gbytes = 0;
  bool isMeasured = false;
  /// Threads of the measurement; 0: stated.
  int threads = 0;

  /// The shortest time in ns for that much work: it may overlap wholly.
  double timeNs(uint64_t flops, uint64_t bytes) const;
  /// Operations per byte from which on computation is the limit.
  double ridge() const { return gbytes > 0 ? gflops / gbytes : 0; }
};

/// A matrix product by the library and a triad over arrays that no cache holds,
/// each the best of many short runs: about a second. `threads` 0: as many as a
/// session would use.
MachineLimits measureMachine(rt::DType dtype, int threads = 0);

/// The limits of "GFLOPS,GBYTES". Throws Failure (DLC4111).
MachineLimits parseMachine(const std::string &text);

} // namespace dlc::tools

#endif
