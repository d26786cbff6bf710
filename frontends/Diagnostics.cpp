//===- Diagnostics.cpp - errors and remarks of a frontend -----------------===//
#include "frontends/Diagnostics.h"

namespace dlc {

void Diagnostics::error(llvm::StringRef id, const llvm::Twine &message) {
  if (++count <= limit)
    kept.push_back({id.str(), message.str()});
}

std::string Diagnostics::text() const {
  std::string lines;
  for (const ReportedError &error : kept)
    lines += error.text() + "\n";
  if (count > limit)
    lines += "and " + std::to_string(count - limit) + " more errors\n";
  return lines;
}

} // namespace dlc
