//===- Svg.h - the pictures of a report -------------------------*- C++ -*-===//
//
// Inline SVG for the page: colors come from the page's style, tooltips are
// <title> elements, which need no script.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_REPORT_SVG_H
#define DLC_TOOLS_REPORT_SVG_H

#include "tools/report/Document.h"

namespace dlc::tools {

/// Text between tags and in quoted attributes.
std::string escapeHtml(std::string_view text);

/// Bytes over the instructions of `program`, stacked by category on top of the
/// states, with the peak and, if there is one, the limit.
std::string timelineSvg(const Document &document, const ProgramFacts &program);
/// The categories that timelineSvg stacks, from the bottom.
const std::vector<fb::Category> &stackedCategories();

/// Operations per second over operations per byte: the machine's roof, and a
/// dot per instruction, by area of its share of the time.
std::string rooflineSvg(const Document &document, const ProgramFacts &program);

} // namespace dlc::tools

#endif
