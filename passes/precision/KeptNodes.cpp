//===- KeptNodes.cpp - nodes that stay f32 by name ------------------------===//
#include "passes/precision/KeptNodes.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"

using namespace mlir;

namespace dlc {

LogicalResult KeptNodes::set(MLIRContext *context,
                             std::vector<std::string> given) {
  texts = std::make_shared<const std::vector<std::string>>(std::move(given));
  globs.clear();
  for (const std::string &text : *texts) {
    llvm::Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(text);
    if (!glob) {
      return emitError(UnknownLoc::get(context))
             << "DLC2017: a glob of nodes to keep in f32 must be well formed, "
                "but got '"
             << text << "': " << llvm::toString(glob.takeError());
    }
    globs.push_back(std::move(*glob));
  }
  return success();
}

bool KeptNodes::contains(Operation *op) const {
  bool found = false;
  op->getLoc()->walk([&](Location inner) {
    if (auto name = dyn_cast<NameLoc>(inner))
      found |= llvm::any_of(globs, [&](const llvm::GlobPattern &pattern) {
        return pattern.match(name.getName());
      });
    return WalkResult::advance();
  });
  return found;
}

} // namespace dlc
