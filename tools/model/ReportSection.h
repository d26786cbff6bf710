//===- ReportSection.h - what compiling said, in the artifact ---*- C++ -*-===//
//
// The report section of an artifact is a JSON object with the parameters of the
// model file and why each does or does not train, and the compiler's remarks.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_MODEL_REPORTSECTION_H
#define DLC_TOOLS_MODEL_REPORTSECTION_H

#include "tools/model/Model.h"

namespace dlc::tools {

std::string writeReport(const Report &report);
/// From the section or, in an artifact without a readable one, from its states.
Report readReport(const rt::Artifact &artifact);

} // namespace dlc::tools

#endif
