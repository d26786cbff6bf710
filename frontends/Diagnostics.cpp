//===- Diagnostics.cpp - errors and remarks of a frontend -----------------===//
#include "frontends/Diagnostics.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

namespace dlc {

/// Names come from untrusted files: what would move a terminal's cursor or is
/// no UTF-8 is written out.
static std::string printable(const std::string &text) {
  std::string valid = llvm::json::fixUTF8(text), result;
  for (char letter : valid)
    if (uint8_t(letter) < 0x20 || letter == 0x7f)
      result += "\\x" + llvm::utohexstr(uint8_t(letter), /*LowerCase=*/true,
                                        /*Width=*/2);
    else
      result += letter;
  return result;
}

void Diagnostics::error(llvm::StringRef id, const llvm::Twine &message) {
  if (++count <= limit)
    kept.push_back({id.str(), printable(message.str())});
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
