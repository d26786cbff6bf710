//===- Text.cpp - numbers and tables for people ---------------------------===//
#include "tools/support/Text.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace dlc::tools {

/// The number that `text` begins with; the rest stays in `text`.
static std::optional<double> takeNumber(std::string_view &text) {
  double value;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !(value >= 0) || !std::isfinite(value))
    return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  while (text.starts_with(' '))
    text.remove_prefix(1);
  return value;
}

std::optional<uint64_t> parseSize(std::string_view text) {
  std::optional<double> value = takeNumber(text);
  if (!value)
    return std::nullopt;
  double scale = 1;
  constexpr std::string_view prefixes = "KMGT";
  if (!text.empty()) {
    auto at = prefixes.find(
        static_cast<char>(std::toupper(static_cast<unsigned char>(text[0]))));
    if (at != std::string_view::npos) {
      bool isBinary = text.substr(1) == "iB";
      if (!isBinary && text.size() > 1 && text.substr(1) != "B")
        return std::nullopt;
      scale = std::pow(isBinary ? 1024 : 1000, static_cast<double>(at + 1));
    } else if (text != "B") {
      return std::nullopt;
    }
  }
  double bytes = *value * scale;
  if (bytes >= 0x1p63)
    return std::nullopt;
  return static_cast<uint64_t>(bytes);
}

std::optional<double> parseDuration(std::string_view text) {
  std::optional<double> value = takeNumber(text);
  if (!value)
    return std::nullopt;
  if (text.empty() || text == "s")
    return value;
  if (text == "ms")
    return *value / 1000;
  if (text == "m" || text == "min")
    return *value * 60;
  if (text == "h")
    return *value * 3600;
  return std::nullopt;
}

std::string formatNumber(double value, int digits) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*g", digits, value);
  return buffer;
}

std::string formatBytes(uint64_t bytes) {
  static constexpr const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, unit == 0 ? "%.0f %s" : "%.2f %s", value,
                units[unit]);
  return buffer;
}

std::string formatCount(uint64_t count) {
  std::string digits = std::to_string(count);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

std::string formatSeconds(double seconds) {
  char buffer[64];
  int whole = static_cast<int>(std::min(seconds, 1e9));
  if (seconds < 1)
    std::snprintf(buffer, sizeof buffer, "%.0f ms", seconds * 1000);
  else if (seconds < 60)
    std::snprintf(buffer, sizeof buffer, "%.1f s", seconds);
  else if (seconds < 3600)
    std::snprintf(buffer, sizeof buffer, "%dm %02ds", whole / 60, whole % 60);
  else
    std::snprintf(buffer, sizeof buffer, "%dh %02dm", whole / 3600,
                  whole / 60 % 60);
  return buffer;
}

std::string formatDims(const std::vector<int64_t> &dims) {
  std::string text;
  for (int64_t dim : dims)
    text += (text.empty() ? "" : "x") + std::to_string(dim);
  return text.empty() ? "scalar" : text;
}

std::vector<std::string> splitList(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    size_t end = std::min(text.find(separator), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (part.starts_with(' '))
      part.remove_prefix(1);
    while (part.ends_with(' '))
      part.remove_suffix(1);
    if (!part.empty())
      parts.emplace_back(part);
  }
  return parts;
}

/// How many columns UTF-8 text takes, every character being one wide.
static size_t widthOf(const std::string &text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string Table::text(int indent) const {
  std::vector<size_t> widths(alignment.size());
  for (const auto &row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], widthOf(row[i]));
  std::string out;
  for (const auto &row : rows) {
    std::string line(static_cast<size_t>(indent), ' ');
    for (size_t i = 0; i < row.size(); ++i) {
      std::string blanks(widths[i] - widthOf(row[i]), ' ');
      line += alignment[i] == 'r' ? blanks + row[i] : row[i] + blanks;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

} // namespace dlc::tools
