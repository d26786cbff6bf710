//===- PassText.h - what a pass does ----------------------------*- C++ -*-===//
#ifndef DLC_TOOLS_MODEL_PASSTEXT_H
#define DLC_TOOLS_MODEL_PASSTEXT_H

#include <string>

namespace dlc::tools {

/// What `dlc-opt --help` says of the pass or phase pipeline called `name`, with
/// its options; empty if there is none.
std::string passText(const std::string &name);

} // namespace dlc::tools

#endif
