//===- Document.h - a report, ready to be written ---------------*- C++ -*-===//
//
// All that `--report` tells: the facts of the plan, what the compiler said and
// decided, how long it took, and the machine that the roofline is drawn for.
// The writers below only arrange it; none computes anything of its own.
//
//   Built or Plan ─> Document ─┬─> documentJson()   --report FILE.json
//                              ├─> documentHtml()   --report FILE.html
//                              └─> text tables      compile, inspect, explain
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_REPORT_DOCUMENT_H
#define DLC_TOOLS_REPORT_DOCUMENT_H

#include "tools/model/Model.h"
#include "tools/report/Facts.h"
#include "tools/report/Machine.h"
#include "tools/report/Roofline.h"

#include <nlohmann/json.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dlc::tools {

/// The version of the report's JSON (docs/reference/report-json.md).
inline constexpr int kReportVersion = 1;

/// Another way to compile the model, with what it would need.
struct Fix {
  /// What to change: "half the batch", and the options that do it.
  std::string title, options;
  uint64_t totalBytes = 0;
  int64_t savedBytes = 0;
  bool fits = false;
};

struct Document {
  std::string model, producer, precision, targetKind, targetCpu;
  std::vector<std::string> options;
  Facts facts;
  Report report;
  PhaseTimes phases;
  double compileSeconds = 0;
  DeviceModel machine;
  /// The limit that the plan was held against.
  std::optional<uint64_t> limit;
  /// Only where the plan is over it.
  std::vector<Fix> fixes;
  /// By entry: ns per instruction, where it was run.
  std::map<std::string, std::vector<double>> measured;

  bool isOver() const { return limit && facts.memory.totalBytes() > *limit; }
  /// ns of an instruction: measured, or the least that the machine allows.
  double timeOf(const ProgramFacts &program, size_t instruction) const;
  /// The least that the machine allows.
  WorkTime leastTimeOf(const InstructionFacts &facts) const;
  /// 1e9 operations per second of products in the document's precision: the
  /// machine's roof.
  double roofGflops() const;
};

/// Without the machine's limits.
Document documentOf(const Built &built, const std::string &model);
Document documentOf(const Plan &plan, const ModelOptions &options,
                    const std::string &model);

nlohmann::ordered_json documentJson(const Document &document);
std::string documentHtml(const Document &document);
/// Writes FILE.html or FILE.json. DLC4106 for another ending: found early by
/// checkReportPath.
void checkReportPath(const std::string &path);
void writeReportFile(const std::string &path, const Document &document);

} // namespace dlc::tools

#endif
