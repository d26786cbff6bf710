//===- ChromeTrace.h - calls of a program on a time line --------*- C++ -*-===//
//
// What `--trace FILE.json` writes: the Trace Event Format, which Perfetto
// (ui.perfetto.dev) and chrome://tracing show. Three tracks:
//
//   calls          |------------- step 4 -------------|   |---- step 5 …
//   instructions   |gemm|map …|gemm|attention| …
//   memory         bytes alive in the arena by category, as the plan has them
//
// An instruction carries its ONNX nodes, bytes, operations and rates. The
// instructions of a call run one after another; those of a GPU's call are put
// at its start, because the host and the device have no common clock. Measured
// calls run without a CUDA graph: between instructions there is launch time
// that the graph saves.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_REPORT_CHROMETRACE_H
#define DLC_TOOLS_REPORT_CHROMETRACE_H

#include "tools/report/Document.h"

#include <span>

namespace dlc::tools {

class ChromeTrace {
public:
  /// Of calls of programs of `document`, on `device` ("cuda:0").
  ChromeTrace(const Document &document, const std::string &device);

  /// A call of `program` named `title` ("step 4"): it began `startMs` after the
  /// first and took `wallMs`, and instruction i took `nanoseconds[i]`.
  void addCall(const ProgramFacts &program, const std::string &title,
               double startMs, double wallMs,
               std::span<const int64_t> nanoseconds);

  nlohmann::ordered_json json() const;
  /// DLC5110 when the file cannot be written.
  void write(const std::string &path) const;

private:
  using Json = nlohmann::ordered_json;
  Json events = Json::array(), about;
};

/// DLC4106 when `path` does not end in .json.
void checkTracePath(const std::string &path);

} // namespace dlc::tools

#endif
