//===- Dependences.cpp - which instruction waits for which ----------------===//
#include "passes/schedule/Dependences.h"

using namespace mlir;

namespace dlc {

Dependences::Dependences(ArrayRef<exec::Instruction> instructions)
    : before(instructions.size()), after(instructions.size()) {
  struct Accesses {
    std::optional<unsigned> lastWrite;
    SmallVector<unsigned> readsSince;
  };
  llvm::DenseMap<Value, Accesses> accesses;
  for (unsigned i = 0; i < instructions.size(); ++i) {
    llvm::SmallSetVector<unsigned, 8> needs;
    SmallVector<Value> read = exec::Instruction(instructions[i]).getRead();
    SmallVector<Value> written =
        exec::Instruction(instructions[i]).getWritten();
    for (Value place : read)
      if (auto &write = accesses[place].lastWrite)
        needs.insert(*write);
    for (Value place : written) {
      Accesses &known = accesses[place];
      if (known.lastWrite)
        needs.insert(*known.lastWrite);
      needs.insert(known.readsSince.begin(), known.readsSince.end());
    }
    for (Value place : read)
      accesses[place].readsSince.push_back(i);
    for (Value place : written)
      accesses[place] = {i, {}};
    for (unsigned need : needs)
      if (need != i) {
        before[i].push_back(need);
        after[need].push_back(i);
      }
  }
}

} // namespace dlc
