//===- MemoryText.h - memory in words ---------------------------*- C++ -*-===//
//
// What `dlc compile`, `inspect` and `explain` print about memory.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_REPORT_MEMORYTEXT_H
#define DLC_TOOLS_REPORT_MEMORYTEXT_H

#include "tools/report/Document.h"

namespace dlc::tools {

/// The parts at the peak, which sum to the total.
std::string memoryTable(const Facts &facts);
/// "library scratch, 2 threads"
std::string scratchName(const MemoryFacts &memory);
/// Bytes over the program as a line of blocks, and where its peak is.
std::string timelineText(const ProgramFacts &program, size_t width = 72);
/// What takes most at the peak: at most `rows` lines, then the rest as one.
std::string holdingsTable(const Facts &facts, const ProgramFacts &program,
                          size_t rows);
/// "173 of 412: gemm (node_linear_3)"
std::string instructionText(const ProgramFacts &program, int64_t number);
/// "a, b and 3 more"
std::string nodesText(const std::vector<std::string> &nodes, size_t most);
/// The ways out of a limit.
std::string fixesTable(const std::vector<Fix> &fixes);

} // namespace dlc::tools

#endif
