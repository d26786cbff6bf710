//===- Html.cpp - the report as one page ----------------------------------===//
//
// Self-contained: style, pictures and a few lines of script stand in the page,
// and nothing is loaded. Without scripts only the line under a picture, which
// repeats the tooltip, is missing.
//
//===----------------------------------------------------------------------===//
#include "tools/report/MemoryText.h"
#include "tools/report/Svg.h"
#include "tools/support/Text.h"

#include <algorithm>
#include <map>

namespace dlc::tools {

static const char *const kStyle = R"css(
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667; --line: #d7dae0;
  --page: #fff; --panel: #f5f6f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ec; --soft: #9aa3b0;
  --line: #39404b; --page: #15181d; --panel: #1e232a; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink);
  background: var(--page); max-width: 1080px; margin: 24px auto; padding: 0 16px; }
h1 { font-size: 24px; margin: 0; } h2 { font-size: 18px; margin: 32px 0 8px; }
p.sub, .note { color: var(--soft); margin: 4px 0 12px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { text-align: left; padding: 3px 8px; vertical-align: top;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 500; }
td.n, th.n { text-align: right; white-space: nowrap; overflow-wrap: normal;
  font-variant-numeric: tabular-nums; }
tr.sum td { font-weight: 600; }
.over { border-left: 4px solid #d64545; background: var(--panel);
  padding: 8px 12px; }
.key { display: inline-block; width: 11px; height: 11px; margin-right: 6px; }
.chart { width: 100%; height: auto; background: var(--panel); }
.chart text { font-size: 11px; fill: var(--soft); }
.chart .grid { stroke: var(--line); } .chart .arena { stroke: var(--ink); }
.chart .limit { stroke: #d64545; stroke-dasharray: 6 4; }
.chart .peak { stroke: var(--ink); stroke-dasharray: 2 3; }
.chart .roof { stroke: var(--ink); stroke-width: 1.5; }
.chart .dot { fill-opacity: .55; stroke: var(--ink); stroke-width: .5; }
.hits rect { fill: transparent; } .hits rect:hover { fill: rgba(128,128,128,.35); }
.readout { min-height: 3em; font-size: 13px; }
.bar { display: inline-block; height: 9px; background: #4e79a7; }
.parameters { fill: #4e79a7; background: #4e79a7; }
.statistics { fill: #9c755f; background: #9c755f; }
.other_state { fill: #bab0ac; background: #bab0ac; }
.optimizer_state { fill: #76b7b2; background: #76b7b2; }
.inputs { fill: #edc948; background: #edc948; }
.outputs { fill: #b07aa1; background: #b07aa1; }
.gradients { fill: #e15759; background: #e15759; }
.activations { fill: #f28e2b; background: #f28e2b; }
.workspace { fill: #59a14f; background: #59a14f; }
.constants, .gaps { fill: #8a8f98; background: #8a8f98; }
.kernel { fill: #4e79a7; background: #4e79a7; } .gemm { fill: #f28e2b; background: #f28e2b; }
.attention { fill: #76b7b2; background: #76b7b2; }
.conv { fill: #59a14f; background: #59a14f; }
details { margin: 8px 0; } summary { cursor: pointer; }
)css";

/// Under each picture, what its tooltips say.
static const char *const kScript = R"js(
for (const chart of document.querySelectorAll('.chart')) {
  const readout = chart.nextElementSibling;
  chart.addEventListener('mouseover', event => {
    const title = event.target.querySelector('title');
    if (title && readout) readout.textContent = title.textContent;
  });
}
)js";

namespace {

/// Rows of an HTML table; a column is a number if its title begins with '#'.
class HtmlTable {
public:
  explicit HtmlTable(std::vector<std::string> titles) {
    for (std::string &title : titles) {
      isNumber.push_back(title.starts_with("#"));
      if (isNumber.back())
        title.erase(0, 1);
    }
    out = "<table>\n";
    row(titles, "th");
  }
  /// Cells are HTML already.
  void row(const std::vector<std::string> &cells, const char *tag = "td",
           const char *kind = "") {
    out += kind[0] ? std::string("<tr class=\"") + kind + "\">" : "<tr>";
    for (size_t i = 0; i < cells.size(); ++i)
      out += std::string("<") + tag + (isNumber[i] ? " class=\"n\">" : ">") +
             cells[i] + "</" + tag + ">";
    out += "</tr>\n";
  }
  std::string text() const { return out + "</table>\n"; }

private:
  std::vector<bool> isNumber;
  std::string out;
};

class Page {
public:
  explicit Page(const Document &document) : document(document) {}
  std::string write();

private:
  void head();
  void refusal();
  void memory();
  void timelines();
  void holdings();
  void roofline();
  void instructions(const ProgramFacts &program);
  void decisions();
  void parameters();
  void phases();

  const Document &document;
  std::string out;
};

} // namespace

static std::string key(const std::string &kind, const std::string &text) {
  return "<span class=\"key " + kind + "\"></span>" + escapeHtml(text);
}

static std::string details(const std::string &title, const std::string &body) {
  return "<details><summary>" + escapeHtml(title) + "</summary>\n" + body +
         "</details>\n";
}

static std::string bar(double share) {
  return "<span class=\"bar\" style=\"width:" +
         formatNumber(std::clamp(share, 0.0, 1.0) * 160, 4) + "px\"></span>";
}

void Page::head() {
  out += "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta "
         "charset=\"utf-8\">\n<meta name=\"viewport\" "
         "content=\"width=device-width\">\n<title>" +
         escapeHtml(document.model) + ": dlc report</title>\n<style>" + kStyle +
         "</style>\n</head>\n<body>\n<h1>" + escapeHtml(document.model) +
         "</h1>\n<p class=\"sub\">" + escapeHtml(document.producer) + " for " +
         escapeHtml(document.targetKind + " " + document.targetCpu) + ", " +
         escapeHtml(document.precision);
  if (document.compileSeconds > 0)
    out += ", compiled in " + formatSeconds(document.compileSeconds);
  out += "</p>\n";
  std::string lines;
  for (const std::string &option : document.options)
    lines += "<br>" + escapeHtml(option);
  out += details("options", "<p>" + (lines.empty() ? "" : lines.substr(4)) +
                                "</p>\n");
}

void Page::refusal() {
  if (!document.isOver())
    return;
  out += "<div class=\"over\"><b>Over the memory limit:</b> " +
         formatCount(document.facts.memory.totalBytes()) + " B needed, " +
         formatCount(*document.limit) + " B allowed.</div>\n";
  if (document.fixes.empty())
    return;
  out += "<h2>What would help</h2>\n<p class=\"note\">Each was planned in full "
         "with these options.</p>\n";
  HtmlTable table({"way", "#total", "#saves", "fits", "options"});
  for (const Fix &fix : document.fixes)
    table.row({escapeHtml(fix.title), formatCount(fix.totalBytes) + " B",
               formatCount(uint64_t(fix.savedBytes)) + " B",
               fix.fits ? "yes" : "no", escapeHtml(fix.options)});
  out += table.text();
}

void Page::memory() {
  const MemoryFacts &facts = document.facts.memory;
  out += "<h2>Memory</h2>\n";
  if (const ProgramFacts *program = document.facts.largestProgram())
    out += "<p class=\"note\">At the peak of '" + escapeHtml(program->name) +
           "', instruction " +
           escapeHtml(instructionText(*program, program->peak)) + ".</p>\n";
  HtmlTable table({"category", "#", "#bytes", "share"});
  double total = std::max<double>(double(facts.totalBytes()), 1);
  auto row = [&](const std::string &kind, const std::string &name,
                 uint64_t bytes) {
    table.row({key(kind, name), formatBytes(bytes), formatCount(bytes),
               bar(double(bytes) / total)});
  };
  for (size_t c = 0; c < kCategoryCount; ++c)
    if (facts.parts[c])
      row(categoryKey(fb::Category(c)), categoryName(fb::Category(c)),
          facts.parts[c]);
  row("gaps", "alignment and gaps", facts.gapBytes);
  if (facts.scratchBytes)
    row("workspace", scratchName(facts), facts.scratchBytes);
  table.row({"total", formatBytes(facts.totalBytes()),
             formatCount(facts.totalBytes()), ""},
            "td", "sum");
  out += table.text() +
         "<p class=\"note\">A session allocates " +
         formatCount(facts.arenaBytes) +
         " B once, and the scratch of library calls; constants are read from "
         "the artifact.</p>\n";
}

void Page::timelines() {
  out += "<h2>Memory over the program</h2>\n<p class=\"note\">";
  for (fb::Category category : stackedCategories())
    out += key(categoryKey(category), categoryName(category)) + " &nbsp; ";
  out += "</p>\n";
  const ProgramFacts *largest = document.facts.largestProgram();
  for (const ProgramFacts &program : document.facts.programs) {
    std::string picture = timelineSvg(document, program) +
                          "<p class=\"readout note\">Point at an instruction to "
                          "see what is alive.</p>\n";
    if (&program == largest)
      out += "<p><b>" + escapeHtml(program.name) + "</b></p>\n" + picture;
  }
  for (const ProgramFacts &program : document.facts.programs)
    if (&program != largest)
      out += details(program.name + ": " +
                         formatBytes(document.facts.memory.stateBytes +
                                     program.plannedBytes),
                     timelineSvg(document, program) +
                         "<p class=\"readout note\"></p>\n");
}

static void addHolding(const Holding &holding, const ProgramFacts &program,
                       HtmlTable &table) {
  std::string alive = "always", by;
  if (!holding.isResident) {
    bool isToEnd = holding.last >= int64_t(program.instructions.size());
    alive = (holding.first < 0 ? "start" : std::to_string(holding.first)) +
            " to " + (isToEnd ? "end" : std::to_string(holding.last));
    by = holding.producer < 0
             ? "caller"
             : program.instructions[size_t(holding.producer)].kernel;
  }
  table.row({formatCount(holding.bytes),
             key(categoryKey(holding.category), categoryName(holding.category)),
             alive, escapeHtml(holding.name), escapeHtml(by),
             escapeHtml(nodesText(holding.nodes, 6))});
}

void Page::holdings() {
  const ProgramFacts *program = document.facts.largestProgram();
  if (!program)
    return;
  out += "<h2>Alive at the peak</h2>\n";
  std::vector<Holding> all = document.facts.holdingsAtPeak(*program);
  auto part = [&](size_t first, size_t end) {
    HtmlTable table({"#bytes", "category", "alive", "what", "computed by",
                     "ONNX nodes"});
    for (size_t i = first; i < end; ++i)
      addHolding(all[i], *program, table);
    return table.text();
  };
  size_t shown = std::min<size_t>(all.size(), 25);
  out += part(0, shown);
  if (shown < all.size())
    out += details(std::to_string(all.size() - shown) + " smaller",
                   part(shown, all.size()));
}

void Page::roofline() {
  const ProgramFacts *program = document.facts.largestProgram();
  if (!program)
    return;
  const DeviceModel &machine = document.machine;
  bool isRun = document.measured.contains(program->name);
  out += "<h2>Kernels and library calls</h2>\n<p class=\"note\">Roofline of '" +
         escapeHtml(program->name) + "' for " +
         formatNumber(document.roofGflops(), 4) + " G operations/s and " +
         formatNumber(machine.gbytes, 4) + " GB/s, ";
  out += machine.isMeasured
             ? "measured on this machine with " +
                   std::to_string(machine.threads) + " threads"
         : machine.name.empty() ? "as stated"
                                : "those of " + machine.title;
  out += isRun ? ". Dots stand at their measured rate; above the roof are those "
                 "whose data a cache held."
               : ". Dots stand on the roof, at the best that their traffic "
                 "allows: the program was not run.";
  out += " Their area is their share of the time.<br>" +
         key("kernel", "kernel") + " &nbsp; " + key("gemm", "gemm") +
         " &nbsp; " + key("conv", "conv") + " &nbsp; " +
         key("attention", "attention") + "</p>\n" +
         rooflineSvg(document, *program) +
         "<p class=\"readout note\"></p>\n";
  instructions(*program);
}

void Page::instructions(const ProgramFacts &program) {
  std::vector<size_t> order(program.instructions.size());
  double total = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
    total += document.timeOf(program, i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return document.timeOf(program, a) > document.timeOf(program, b);
  });
  bool isRun = document.measured.contains(program.name);
  auto part = [&](size_t first, size_t end) {
    HtmlTable table({"#number", "kernel", "precision", "#moved", "#operations",
                     "#per byte", "bound", isRun ? "#us" : "#least us",
                     "#share", "ONNX nodes"});
    for (size_t k = first; k < end; ++k) {
      const InstructionFacts &facts = program.instructions[order[k]];
      std::string precision;
      for (const std::string &type : facts.precision)
        precision += (precision.empty() ? "" : " ") + type;
      double time = document.timeOf(program, order[k]);
      table.row({std::to_string(order[k]), key(facts.kind, facts.kernel),
                 escapeHtml(precision), formatBytes(facts.bytesMoved()),
                 formatCount(facts.flops), formatNumber(facts.intensity(), 3),
                 limitName(document.leastTimeOf(facts).limit()),
                 formatNumber(time / 1000, 3),
                 formatNumber(100 * time / std::max(total, 1e-9), 2) + " %",
                 escapeHtml(nodesText(facts.nodes, 8))});
    }
    return table.text();
  };
  size_t shown = std::min<size_t>(order.size(), 25);
  out += part(0, shown);
  if (shown < order.size())
    out += details(std::to_string(order.size() - shown) + " more",
                   part(shown, order.size()));
}

void Page::decisions() {
  const ProgramFacts *program = document.facts.largestProgram();
  std::map<std::string, std::vector<const Decision *>> groups;
  for (const Decision &decision : document.report.decisions)
    if (program && decision.entry == program->name)
      groups[decision.topic + ": " + decision.outcome + ", " + decision.reason]
          .push_back(&decision);
  out += "<h2>Decisions</h2>\n";
  size_t fused = 0, kernels = 0;
  if (program)
    for (const InstructionFacts &facts : program->instructions) {
      kernels += facts.kind == "kernel";
      fused += facts.kind == "kernel" && facts.nodes.size() > 1;
    }
  out += "<p class=\"note\">" + formatCount(fused) + " of " +
         formatCount(kernels) +
         " kernels hold ops of several nodes (listed with each kernel above). "
         "Below: what was left apart or done otherwise, and why.</p>\n";
  for (const auto &[title, decisions] : groups) {
    HtmlTable table({"ONNX nodes", "decision"});
    for (const Decision *decision : decisions)
      table.row({escapeHtml(nodesText(decision->nodes, 6)),
                 escapeHtml(decision->message)});
    out += details(std::to_string(decisions.size()) + " × " + title,
                   table.text());
  }
  std::string remarks;
  for (const std::string &remark : document.report.remarks)
    remarks += "<li>" + escapeHtml(remark) + "</li>\n";
  if (!remarks.empty())
    out += "<ul>\n" + remarks + "</ul>\n";
}

void Page::parameters() {
  HtmlTable table({"parameter", "dtype", "shape", "trains"});
  size_t trained = 0;
  for (const Parameter &parameter : document.report.parameters) {
    trained += parameter.isTrained;
    table.row({escapeHtml(parameter.name),
               std::string(rt::dtypeName(parameter.dtype)),
               formatDims(parameter.dims),
               parameter.isTrained ? "yes" : escapeHtml(parameter.reason)});
  }
  out += "<h2>Parameters</h2>\n" +
         details(formatCount(trained) + " of " +
                     formatCount(document.report.parameters.size()) + " train",
                 table.text());
}

void Page::phases() {
  if (document.phases.empty())
    return;
  HtmlTable table({"phase", "#time", "share"});
  double total = std::max(document.compileSeconds, 1e-9);
  for (const auto &[phase, seconds] : document.phases)
    table.row({escapeHtml(phase), formatSeconds(seconds), bar(seconds / total)});
  out += "<h2>Compiling</h2>\n" + table.text();
}

std::string Page::write() {
  head();
  refusal();
  memory();
  timelines();
  holdings();
  roofline();
  decisions();
  parameters();
  phases();
  return out + "<script>" + kScript + "</script>\n</body>\n</html>\n";
}

std::string documentHtml(const Document &document) {
  return Page(document).write();
}

} // namespace dlc::tools
