//===- Machine.h - the device that a report is for --------------*- C++ -*-===//
//
// Where a report's device model comes from: measured on this machine, a name in
// the table of devices, or two numbers stated by whoever reads it.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_REPORT_MACHINE_H
#define DLC_TOOLS_REPORT_MACHINE_H

#include "compiler/target/DeviceModel.h"

#include <string>

namespace dlc::tools {

/// A matrix product by the library and a triad over arrays that no cache holds,
/// each the best of many short runs: about a second. Everything else is taken
/// to run at the product's rate. `threads` 0: as many as a session would use.
DeviceModel measureMachine(rt::DType dtype, int threads = 0);

/// A device by its name, "cpu" for this machine. Throws Failure (DLC5301).
DeviceModel deviceByName(const std::string &name, rt::DType dtype);

/// A device by its name, or the limits "GFLOPS,GBYTES" for all that it does.
/// Throws Failure (DLC4111).
DeviceModel parseMachine(const std::string &text);

} // namespace dlc::tools

#endif
