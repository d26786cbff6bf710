//===- Traced.cpp - ops in locations --------------------------------------===//
#include "dialects/dlc/IR/Traced.h"

#include "mlir/IR/Builders.h"

#include <limits>

using namespace mlir;

namespace dlc {

std::optional<double> injectedInto(Operation *op) {
  auto text = op->getAttrOfType<StringAttr>(names::inject);
  if (!text)
    return std::nullopt;
  double infinity = std::numeric_limits<double>::infinity();
  if (text == "nan")
    return std::numeric_limits<double>::quiet_NaN();
  return text == "-inf" ? -infinity : infinity;
}

// The op is the metadata of a fused location, which nobody takes for the name
// of a node.

Location tracedLocation(Location loc, const TracedOp &op) {
  Builder b(loc.getContext());
  auto entry = [&](StringRef name, Attribute value) {
    return b.getNamedAttr(name, value);
  };
  return FusedLoc::get(
      loc.getContext(), {loc},
      b.getDictionaryAttr({entry("number", b.getI64IntegerAttr(op.number)),
                           entry("op", b.getStringAttr(op.op)),
                           entry("part", b.getI64IntegerAttr(int(op.part))),
                           entry("state", b.getStringAttr(op.state))}));
}

SmallVector<TracedOp> tracedOps(Location loc) {
  SmallVector<TracedOp> ops;
  loc->walk([&](Location inner) {
    auto fused = dyn_cast<FusedLoc>(inner);
    auto told =
        fused ? dyn_cast_or_null<DictionaryAttr>(fused.getMetadata()) : nullptr;
    if (!told || !told.contains("number"))
      return WalkResult::advance();
    ops.push_back({told.getAs<IntegerAttr>("number").getInt(),
                   told.getAs<StringAttr>("op").str(),
                   StepPart(told.getAs<IntegerAttr>("part").getInt()),
                   told.getAs<StringAttr>("state").str(),
                   fused.getLocations().front()});
    return WalkResult::skip();
  });
  llvm::sort(ops, [](const TracedOp &a, const TracedOp &b) {
    return a.number < b.number;
  });
  return ops;
}

} // namespace dlc
