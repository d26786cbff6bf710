//===- EntryFunction.cpp - a function that grows --------------------------===//
#include "passes/training/EntryFunction.h"

#include "dialects/dlc/IR/Dlc.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace dlc {

EntryFunction::EntryFunction(func::FuncOp model, StringRef name)
    : model(model), b(model.getContext()) {
  b.setInsertionPointAfter(model);
  func =
      func::FuncOp::create(b, model.getLoc(), name, b.getFunctionType({}, {}));
  b.setInsertionPointToStart(func.addEntryBlock());
}

Value EntryFunction::addArgument(Type type, DictionaryAttr attrs) {
  argumentAttrs.push_back(attrs);
  return body()->addArgument(type, loc());
}

Value EntryFunction::addArgument(Type type, StringRef kind, StringRef name) {
  return addArgument(
      type, b.getDictionaryAttr(b.getNamedAttr(kind, b.getStringAttr(name))));
}

void EntryFunction::addOutput(Value value, StringRef name) {
  results.push_back({value, Value(), name.str()});
}

void EntryFunction::addNewState(Value argument, Value value) {
  results.push_back({value, argument, ""});
}

void EntryFunction::addArgumentsOf(StringRef kind) {
  for (BlockArgument argument : model.getArguments())
    if (model.getArgAttr(argument.getArgNumber(), kind))
      mapping.map(argument,
                  addArgument(argument.getType(),
                              model.getArgAttrDict(argument.getArgNumber())));
}

void EntryFunction::cloneBody() {
  for (Operation &op : model.getBody().front().without_terminator())
    b.clone(op, mapping);
}

Value EntryFunction::modelResult(unsigned index) const {
  Operation *terminator =
      const_cast<func::FuncOp &>(model).getBody().front().getTerminator();
  return mapping.lookup(terminator->getOperand(index));
}

void EntryFunction::eraseDeadOps() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*body())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

SmallVector<DictionaryAttr> EntryFunction::eraseUnreadState() {
  SmallVector<DictionaryAttr> kept;
  llvm::BitVector unread(body()->getNumArguments());
  for (auto [i, attrs] : llvm::enumerate(argumentAttrs)) {
    bool isUpdated = llvm::any_of(results, [&, i = i](const Result &result) {
      return result.state == body()->getArgument(i);
    });
    if (body()->getArgument(i).use_empty() && !isUpdated &&
        !attrs.contains(names::input))
      unread.set(i);
    else
      kept.push_back(attrs);
  }
  body()->eraseArguments(unread);
  return kept;
}

func::FuncOp EntryFunction::finish() {
  auto values = llvm::map_to_vector(
      results, [](const Result &result) { return result.value; });
  func::ReturnOp::create(b, loc(), values);
  eraseDeadOps();
  SmallVector<DictionaryAttr> attrs = eraseUnreadState();
  func.setType(b.getFunctionType(body()->getArgumentTypes(),
                                 ValueRange(values).getTypes()));
  func.setAllArgAttrs(attrs);
  for (auto [i, result] : llvm::enumerate(results)) {
    if (!result.state) {
      func.setResultAttr(i, names::output, b.getStringAttr(result.name));
      continue;
    }
    unsigned number = cast<BlockArgument>(result.state).getArgNumber();
    func.setResultAttr(i, names::alias, b.getI64IntegerAttr(number));
  }
  return func;
}

} // namespace dlc
