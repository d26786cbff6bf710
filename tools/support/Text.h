//===- Text.h - numbers and tables for people -------------------*- C++ -*-===//
#ifndef DLC_TOOLS_SUPPORT_TEXT_H
#define DLC_TOOLS_SUPPORT_TEXT_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dlc::tools {

/// "512MiB", "8GB", "4096": bytes. K, M, G, T alone and with "B" are powers of
/// 1000, with "iB" of 1024. None where the text is no size or overflows.
std::optional<uint64_t> parseSize(std::string_view text);
/// "30s", "250ms", "5m", "1.5h", "10": seconds.
std::optional<double> parseDuration(std::string_view text);

/// "1.5 MiB"; below 1 KiB "640 B".
std::string formatBytes(uint64_t bytes);
/// "12,345,678"
std::string formatCount(uint64_t count);
/// "850 ms", "12.3 s", "4m 05s", "2h 03m"
std::string formatSeconds(double seconds);
/// `value` with `digits` significant digits.
std::string formatNumber(double value, int digits = 4);
/// "2x3x4", or "scalar".
std::string formatDims(const std::vector<int64_t> &dims);
/// The parts between `separator`s, trimmed, empty ones left out.
std::vector<std::string> splitList(std::string_view text, char separator);

/// Rows of cells, printed with aligned columns.
class Table {
public:
  /// One letter per column: 'l' or 'r' for the side it is aligned to.
  explicit Table(std::string alignment) : alignment(std::move(alignment)) {}
  void row(std::vector<std::string> cells) { rows.push_back(std::move(cells)); }
  /// Every row on a line of its own, behind `indent` blanks.
  std::string text(int indent = 2) const;

private:
  std::string alignment;
  std::vector<std::vector<std::string>> rows;
};

} // namespace dlc::tools

#endif
