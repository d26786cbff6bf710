//===- Svg.cpp - the pictures of a report ---------------------------------===//
#include "tools/report/Svg.h"

#include "tools/report/MemoryText.h"
#include "tools/support/Text.h"

#include <algorithm>
#include <cmath>

namespace dlc::tools {

std::string escapeHtml(std::string_view text) {
  std::string out;
  for (char c : text)
    switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    default:
      // Names in a model file may hold anything.
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  return out;
}

const std::vector<fb::Category> &stackedCategories() {
  static const std::vector<fb::Category> order = {
      fb::Category::Parameter,  fb::Category::Statistic,
      fb::Category::OtherState, fb::Category::OptimizerState,
      fb::Category::Input,      fb::Category::Output,
      fb::Category::Gradient,   fb::Category::Activation,
      fb::Category::Workspace};
  return order;
}

/// With one decimal: a tenth of a pixel.
static std::string px(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f", value);
  return buffer;
}

static std::string line(double x1, double y1, double x2, double y2,
                        const char *kind) {
  return std::string("<line class=\"") + kind + "\" x1=\"" + px(x1) +
         "\" y1=\"" + px(y1) + "\" x2=\"" + px(x2) + "\" y2=\"" + px(y2) +
         "\"/>\n";
}

static std::string label(double x, double y, const char *anchor,
                         const std::string &text) {
  return "<text x=\"" + px(x) + "\" y=\"" + px(y) + "\" text-anchor=\"" +
         anchor + "\">" + escapeHtml(text) + "</text>\n";
}

//===----------------------------------------------------------------------===//
// Timeline
//===----------------------------------------------------------------------===//

namespace {

class Timeline {
public:
  Timeline(const Document &document, const ProgramFacts &program)
      : document(document), program(program),
        count(program.instructions.size()), states(document.facts.stateBytes()) {
    most = double(document.facts.memory.stateBytes + program.plannedBytes);
    if (document.limit)
      most = std::max(most, double(*document.limit));
    // Limits far above would leave the picture flat.
    double own =
        double(document.facts.memory.stateBytes + program.plannedBytes);
    most = std::max(std::min(most, own * 2), 1.0) * 1.04;
  }

  std::string draw() {
    std::string out = "<svg class=\"chart\" viewBox=\"0 0 960 340\" "
                      "role=\"img\" aria-label=\"memory over instructions\">\n";
    out += axes();
    std::vector<uint64_t> low(count, 0);
    for (fb::Category category : stackedCategories()) {
      std::vector<uint64_t> high = low;
      for (size_t i = 0; i < count; ++i)
        high[i] += states[size_t(category)] +
                   program.alive[i][size_t(category)];
      if (high != low)
        out += band(category, low, high);
      low = std::move(high);
    }
    return out + marks() + hits() + "</svg>\n";
  }

private:
  static constexpr double left = 84, right = 944, top = 16, bottom = 296;

  double x(double instruction) const {
    return left + instruction * (right - left) / double(std::max<size_t>(count, 1));
  }
  double y(double bytes) const {
    return bottom - bytes * (bottom - top) / most;
  }

  std::string axes() const;
  std::string band(fb::Category category, const std::vector<uint64_t> &low,
                   const std::vector<uint64_t> &high) const;
  std::string edge(const std::vector<uint64_t> &values, bool isBackward) const;
  std::string marks() const;
  std::string hits() const;
  std::string tip(size_t instruction) const;

  const Document &document;
  const ProgramFacts &program;
  size_t count;
  CategoryBytes states;
  double most;
};

} // namespace

std::string Timeline::axes() const {
  std::string out;
  double step = std::exp2(std::ceil(std::log2(std::max(most / 5, 1.0))));
  for (double bytes = 0; bytes <= most; bytes += step) {
    out += line(left, y(bytes), right, y(bytes), "grid");
    out += label(left - 6, y(bytes) + 4, "end", formatBytes(uint64_t(bytes)));
  }
  size_t every = std::max<size_t>(count / 8, 1);
  for (size_t i = 0; i < count; i += every)
    out += label(x(double(i) + 0.5), bottom + 18, "middle", std::to_string(i));
  return out + label((left + right) / 2, bottom + 36, "middle", "instruction");
}

/// The outline's upper or lower edge, with equal neighbours in one stroke.
std::string Timeline::edge(const std::vector<uint64_t> &values,
                           bool isBackward) const {
  std::string path;
  for (size_t k = 0; k < count;) {
    size_t end = k + 1;
    auto at = [&](size_t n) { return isBackward ? count - 1 - n : n; };
    while (end < count && values[at(end)] == values[at(k)])
      ++end;
    path += (k == 0 && !isBackward ? " M" + px(x(0)) + " " : " V") +
            px(y(double(values[at(k)])));
    path += " H" + px(x(double(isBackward ? count - end : end)));
    k = end;
  }
  return path;
}

std::string Timeline::band(fb::Category category,
                           const std::vector<uint64_t> &low,
                           const std::vector<uint64_t> &high) const {
  return "<path class=\"" + categoryKey(category) + "\" d=\"" +
         edge(high, false).substr(1) + edge(low, true) + " Z\"><title>" +
         escapeHtml(categoryName(category)) + "</title></path>\n";
}

std::string Timeline::marks() const {
  double arena =
      double(document.facts.memory.stateBytes + program.plannedBytes);
  std::string out = line(left, y(arena), right, y(arena), "arena");
  out += label(right, y(arena) - 4, "end",
               "allocated: " + formatBytes(uint64_t(arena)));
  if (document.limit && double(*document.limit) < most) {
    double limit = double(*document.limit);
    out += line(left, y(limit), right, y(limit), "limit");
    out += label(left + 4, y(limit) - 4, "start",
                 "limit: " + formatBytes(*document.limit));
  }
  if (count) {
    double at = x(double(program.peak) + 0.5);
    out += line(at, top, at, bottom, "peak");
    bool isLeft = at < (left + right) / 2;
    out += label(isLeft ? at + 5 : at - 5, bottom - 6, isLeft ? "start" : "end",
                 "peak: instruction " + std::to_string(program.peak));
  }
  return out;
}

std::string Timeline::tip(size_t i) const {
  uint64_t bytes =
      sumOf(states) + program.instructions[i].aliveBytes;
  std::string text = "instruction " + instructionText(program, int64_t(i)) +
                     "; alive " + formatBytes(bytes) + ":";
  for (fb::Category category : stackedCategories())
    if (uint64_t part = states[size_t(category)] +
                        program.alive[i][size_t(category)])
      text += std::string(" ") + categoryName(category) + " " +
              formatBytes(part) + ",";
  text.pop_back();
  return text;
}

/// One column per instruction, or per few of them in a long program.
std::string Timeline::hits() const {
  std::string out = "<g class=\"hits\">\n";
  size_t columns = std::min<size_t>(count, 2000);
  for (size_t c = 0; c < columns; ++c) {
    size_t first = c * count / columns, end = (c + 1) * count / columns;
    size_t best = first;
    for (size_t i = first; i < end; ++i)
      if (program.instructions[i].aliveBytes >
          program.instructions[best].aliveBytes)
        best = i;
    out += "<rect x=\"" + px(x(double(first))) + "\" y=\"" + px(top) +
           "\" width=\"" + px(x(double(end)) - x(double(first))) +
           "\" height=\"" + px(bottom - top) + "\"><title>" +
           escapeHtml(tip(best)) + "</title></rect>\n";
  }
  return out + "</g>\n";
}

std::string timelineSvg(const Document &document, const ProgramFacts &program) {
  return Timeline(document, program).draw();
}

//===----------------------------------------------------------------------===//
// Roofline
//===----------------------------------------------------------------------===//

namespace {

struct Dot {
  size_t instruction;
  double intensity, rate, share;
};

class RooflineDrawing {
public:
  RooflineDrawing(const Document &document, const ProgramFacts &program)
      : program(program), gflops(document.roofGflops()),
        gbytes(document.machine.gbytes) {
    double total = 0;
    for (size_t i = 0; i < program.instructions.size(); ++i) {
      const InstructionFacts &facts = program.instructions[i];
      double time = document.timeOf(program, i);
      total += time;
      if (facts.flops && facts.bytesMoved() && time > 0)
        dots.push_back({i, facts.intensity(), double(facts.flops) / time, time});
    }
    // Powers of ten around the ridge and all dots.
    double low = ridge() / 10, high = ridge() * 10;
    double slowest = gflops / 10, fastest = gflops;
    for (Dot &dot : dots) {
      dot.share /= total;
      low = std::min(low, dot.intensity);
      high = std::max(high, dot.intensity);
      slowest = std::min(slowest, dot.rate);
      fastest = std::max(fastest, dot.rate);
    }
    firstX = std::floor(std::log10(low));
    lastX = std::ceil(std::log10(high));
    firstY = std::floor(std::log10(slowest));
    lastY = std::ceil(std::log10(fastest * 1.2));
  }

  std::string draw() const;

private:
  static constexpr double left = 84, right = 944, top = 16, bottom = 296;

  double x(double intensity) const {
    return left + (std::log10(intensity) - firstX) * (right - left) /
                      (lastX - firstX);
  }
  double y(double rate) const {
    return bottom - (std::log10(rate) - firstY) * (bottom - top) /
                        (lastY - firstY);
  }
  /// Operations per byte from which on computation is the limit.
  double ridge() const { return gflops / gbytes; }
  std::string axes() const;
  std::string roof() const;
  std::string dot(const Dot &dot) const;

  const ProgramFacts &program;
  /// The roof: of products, in the document's precision.
  double gflops, gbytes;
  std::vector<Dot> dots;
  double firstX, lastX, firstY, lastY;
};

} // namespace

std::string RooflineDrawing::axes() const {
  std::string out;
  for (double power = firstX; power <= lastX; ++power) {
    double at = x(std::pow(10, power));
    out += line(at, top, at, bottom, "grid");
    out += label(at, bottom + 18, "middle", formatNumber(std::pow(10, power)));
  }
  for (double power = firstY; power <= lastY; ++power) {
    double at = y(std::pow(10, power));
    out += line(left, at, right, at, "grid");
    out += label(left - 6, at + 4, "end",
                 formatNumber(std::pow(10, power)) + " G/s");
  }
  return out + label((left + right) / 2, bottom + 36, "middle",
                     "operations per byte");
}

std::string RooflineDrawing::roof() const {
  double start = std::pow(10, firstX), end = std::pow(10, lastX);
  double low = std::max(start * gbytes, std::pow(10, firstY));
  return line(x(low / gbytes), y(low), x(ridge()),
              y(gflops), "roof") +
         line(x(ridge()), y(gflops), x(end), y(gflops),
              "roof");
}

std::string RooflineDrawing::dot(const Dot &dot) const {
  const InstructionFacts &facts = program.instructions[dot.instruction];
  double radius = 2.5 + 22 * std::sqrt(dot.share);
  std::string tip =
      "instruction " + instructionText(program, int64_t(dot.instruction)) +
      "; " + formatNumber(dot.intensity, 3) + " operations per byte, " +
      formatNumber(dot.rate, 3) + " G/s, " +
      formatNumber(100 * dot.share, 2) + " % of the time";
  return "<circle class=\"dot " + facts.kind + "\" cx=\"" +
         px(x(dot.intensity)) + "\" cy=\"" + px(y(dot.rate)) + "\" r=\"" +
         px(radius) + "\"><title>" + escapeHtml(tip) + "</title></circle>\n";
}

std::string RooflineDrawing::draw() const {
  std::string out = "<svg class=\"chart\" viewBox=\"0 0 960 340\" "
                    "role=\"img\" aria-label=\"roofline\">\n";
  out += axes() + roof();
  std::vector<Dot> order = dots;
  std::stable_sort(order.begin(), order.end(), [](const Dot &a, const Dot &b) {
    return a.share > b.share;
  });
  for (const Dot &one : order)
    out += dot(one);
  return out + "</svg>\n";
}

std::string rooflineSvg(const Document &document, const ProgramFacts &program) {
  if (!document.machine.isKnown())
    return "";
  return RooflineDrawing(document, program).draw();
}

} // namespace dlc::tools
