//===- MemoryText.cpp - memory in words -----------------------------------===//
#include "tools/report/MemoryText.h"

#include "tools/support/Text.h"

#include <algorithm>

namespace dlc::tools {

std::string nodesText(const std::vector<std::string> &nodes, size_t most) {
  std::string text;
  for (size_t i = 0; i < std::min(nodes.size(), most); ++i)
    text += (i ? ", " : "") + nodes[i];
  if (nodes.size() > most)
    text += " and " + std::to_string(nodes.size() - most) + " more";
  return text;
}

std::string instructionText(const ProgramFacts &program, int64_t number) {
  std::string text = std::to_string(number) + " of " +
                     std::to_string(program.instructions.size());
  if (number < 0 || size_t(number) >= program.instructions.size())
    return text;
  const InstructionFacts &facts = program.instructions[size_t(number)];
  text += ": " + facts.kernel;
  if (!facts.nodes.empty())
    text += " (" + nodesText(facts.nodes, 3) + ")";
  return text;
}

std::string scratchName(const MemoryFacts &memory) {
  return "library scratch, " + std::to_string(memory.threads) +
         (memory.threads == 1 ? " thread" : " threads");
}

std::string memoryTable(const Facts &facts) {
  const MemoryFacts &memory = facts.memory;
  std::string out = "memory";
  if (const ProgramFacts *program = facts.largestProgram())
    out += " at the peak of '" + program->name + "', instruction " +
           instructionText(*program, program->peak);
  out += "\n";
  Table table("lrr");
  auto row = [&](const char *name, uint64_t bytes) {
    table.row({name, formatBytes(bytes), formatCount(bytes) + " B"});
  };
  for (size_t c = 0; c < kCategoryCount; ++c)
    if (memory.parts[c] && fb::Category(c) != fb::Category::Constant)
      row(categoryName(fb::Category(c)), memory.parts[c]);
  row("alignment and gaps", memory.gapBytes);
  row("arena, allocated once", memory.arenaBytes);
  if (memory.scratchBytes)
    row(scratchName(memory).c_str(), memory.scratchBytes);
  if (memory.constantBytes)
    row("constants, in the artifact", memory.constantBytes);
  if (memory.totalBytes() != memory.arenaBytes)
    row("total", memory.totalBytes());
  if (memory.hostBytes)
    row("host arena, beside it", memory.hostBytes);
  return out + table.text();
}

std::string timelineText(const ProgramFacts &program, size_t width) {
  static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄",
                                       "▅", "▆", "▇", "█"};
  size_t count = program.instructions.size();
  std::string out = "memory of '" + program.name + "' over its " +
                    std::to_string(count) +
                    " instructions, above the states: most " +
                    formatBytes(program.peakBytes) + ", planned in " +
                    formatBytes(program.plannedBytes) + "\n";
  if (!count || !program.peakBytes)
    return out;
  size_t columns = std::min(width, count);
  std::string line = "  ";
  for (size_t x = 0; x < columns; ++x) {
    uint64_t most = 0;
    for (size_t i = x * count / columns; i < (x + 1) * count / columns; ++i)
      most = std::max(most, program.instructions[i].aliveBytes);
    // The highest block is the peak's alone.
    line += blocks[most ? std::max<uint64_t>(most * 8 / program.peakBytes, 1)
                        : 0];
  }
  size_t at = 0;
  while ((at + 1) * count / columns <= size_t(program.peak))
    ++at;
  return out + line + "\n  " + std::string(at, ' ') + "^ instruction " +
         instructionText(program, program.peak) + "\n";
}

static std::string lifetimeText(const Holding &holding,
                                const ProgramFacts &program) {
  if (holding.isResident)
    return "always";
  std::string first =
      holding.first < 0 ? "start" : std::to_string(holding.first);
  bool isToEnd = holding.last >= int64_t(program.instructions.size());
  return first + " to " + (isToEnd ? "end" : std::to_string(holding.last));
}

std::string holdingsTable(const Facts &facts, const ProgramFacts &program,
                          size_t rows) {
  std::vector<Holding> holdings = facts.holdingsAtPeak(program);
  std::string out = "largest at the peak of '" + program.name + "'\n";
  Table table("rllll");
  table.row({"bytes", "category", "alive", "what", "nodes"});
  uint64_t rest = 0;
  for (size_t i = 0; i < holdings.size(); ++i) {
    const Holding &holding = holdings[i];
    if (i >= rows) {
      rest += holding.bytes;
      continue;
    }
    table.row({formatCount(holding.bytes), categoryName(holding.category),
               lifetimeText(holding, program), holding.name,
               nodesText(holding.nodes, 3)});
  }
  if (holdings.size() > rows)
    table.row({formatCount(rest), "",
               "", std::to_string(holdings.size() - rows) + " smaller", ""});
  return out + table.text();
}

std::string fixesTable(const std::vector<Fix> &fixes) {
  if (fixes.empty())
    return "";
  Table table("lrrll");
  table.row({"", "total", "saves", "fits", "with"});
  for (const Fix &fix : fixes)
    table.row({fix.title, formatCount(fix.totalBytes) + " B",
               (fix.savedBytes < 0 ? "-" : "") +
                   formatCount(uint64_t(std::abs(fix.savedBytes))) + " B",
               fix.fits ? "yes" : "no", fix.options});
  return "what would help, each planned in full\n" + table.text();
}

} // namespace dlc::tools
