//===- DlcDialect.cpp - registration of the graph dialect -----------------===//
#include "dialects/dlc/IR/Dlc.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/dlc/IR/DlcDialect.cpp.inc"
#include "dialects/dlc/IR/DlcEnums.cpp.inc"
#include "dialects/dlc/IR/DlcInterfaces.cpp.inc"

/// `[2, 3]`, or `[]` for a domain of one element.
static ParseResult parseDomain(AsmParser &parser,
                               SmallVector<int64_t> &domain) {
  return parser.parseCommaSeparatedList(
      AsmParser::Delimiter::Square,
      [&] { return parser.parseInteger(domain.emplace_back()); });
}

static void printDomain(AsmPrinter &printer, ArrayRef<int64_t> domain) {
  printer << '[';
  llvm::interleaveComma(domain, printer);
  printer << ']';
}

#define GET_ATTRDEF_CLASSES
#include "dialects/dlc/IR/DlcAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/dlc/IR/DlcOps.cpp.inc"

void dlc::DlcDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/dlc/IR/DlcAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/dlc/IR/DlcOps.cpp.inc"
      >();
}

Operation *dlc::DlcDialect::materializeConstant(OpBuilder &builder,
                                                Attribute value, Type type,
                                                Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, type, elements);
}
