//===- Roofline.h - what a program would take on a device -------*- C++ -*-===//
//
// The facts of a plan against a device model: per instruction the time at best
// and what limits it, and sums by kind. The instructions follow one another, so
// the time of the program is their sum.
//
//   ProgramFacts ─┐
//   DeviceModel  ─┴─> Roofline ─┬─> rooflineText()   dlc inspect --roofline
//                               └─> rooflineJson()
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_REPORT_ROOFLINE_H
#define DLC_TOOLS_REPORT_ROOFLINE_H

#include "compiler/target/DeviceModel.h"
#include "tools/report/Facts.h"

#include <nlohmann/json.hpp>

namespace dlc::tools {

/// What an instruction asks of a device.
Work workOf(const InstructionFacts &facts);

/// Of one kind: "gemm", "conv", "attention", "kernel, row", "copy, fill".
struct KindTotal {
  std::string kind;
  uint64_t count = 0, flops = 0, bytesMoved = 0;
  double ns = 0;
  /// ns of those that each limit binds.
  std::array<double, 3> nsByLimit{};
};

struct Roofline {
  DeviceModel device;
  std::string precision;
  /// What the plan was made for: "cpu".
  std::string target;
  const ProgramFacts *program = nullptr;
  /// Per instruction.
  std::vector<WorkTime> times;
  /// The most time first.
  std::vector<KindTotal> kinds;
  /// Numbers of the instructions, the most time first.
  std::vector<size_t> order;
  double ns = 0;
  /// The whole program stays in the device's cache.
  bool isCached = false;
};

/// `stateBytes`: what lives beside the program, to see whether all of it fits
/// the device's cache. `program` must outlive the result.
Roofline rooflineOf(const ProgramFacts &program, uint64_t stateBytes,
                    const DeviceModel &device, const std::string &precision,
                    const std::string &target);

/// Tables of the kinds and of the `count` slowest instructions.
std::string rooflineText(const Roofline &roofline, size_t count);
/// The same; instructions in the order of their time.
nlohmann::ordered_json rooflineJson(const Roofline &roofline, size_t count);

} // namespace dlc::tools

#endif
