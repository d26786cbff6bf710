//===- EmulatorIntrinsics.h - NVVM's intrinsics in the emulator -*- C++ -*-===//
#ifndef DLC_COMPILER_CODEGEN_GPU_EMULATORINTRINSICS_H
#define DLC_COMPILER_CODEGEN_GPU_EMULATORINTRINSICS_H

#include "llvm/ADT/DenseMap.h"
#include "llvm/IR/IRBuilder.h"

#include <string>
#include <vector>

namespace dlc::gpu {

/// Emits what one kernel asks of its thread: fields of the thread, and calls
/// through its table. Both are loaded once, where the function begins.
class ThreadCalls {
public:
  /// `entry` inserts at the beginning of `kernel`, whose first argument is the
  /// thread; `sites` is filled with the calls' names.
  ThreadCalls(llvm::Function &kernel, const llvm::IRBuilder<> &entry,
              std::vector<std::string> &sites)
      : thread(kernel.getArg(0)), place(&*entry.GetInsertPoint()),
        sites(sites) {}

  /// Whether lower() is to be called for calls of `callee`: the intrinsics of
  /// NVVM, and LLVM's own that mean something to a GPU's threads.
  static bool isOurs(const llvm::Function &callee);
  /// Replaces `call` and erases it; false, with nothing changed, if it is not
  /// known.
  bool lower(llvm::CallInst &call);

  /// The field of the thread at byte `offset`.
  llvm::Value *field(size_t offset, llvm::Type *type);
  /// Calls the entry of the table at byte `offset`.
  llvm::Value *emit(llvm::IRBuilder<> &builder, llvm::Type *result,
                    size_t offset, llvm::ArrayRef<llvm::Value *> arguments);
  uint32_t addSite(llvm::StringRef name);
  /// Where fields are loaded.
  llvm::Instruction *entry() const { return place; }
  /// Whether any lowered call waits for other threads.
  bool waits() const { return isWaiting; }

private:
  llvm::Value *lowerRegister(llvm::StringRef name, llvm::IRBuilder<> &builder);
  llvm::Value *lowerMath(llvm::StringRef name, llvm::CallInst &call,
                         llvm::IRBuilder<> &builder);
  bool lowerBarrier(llvm::StringRef name, llvm::CallInst &call,
                    llvm::IRBuilder<> &builder);
  llvm::Value *lowerShuffle(llvm::StringRef name, llvm::CallInst &call,
                            llvm::IRBuilder<> &builder);
  llvm::Value *lowerMultiply(llvm::StringRef name, llvm::CallInst &call,
                             llvm::IRBuilder<> &builder);
  llvm::Value *lowerLoadMatrix(llvm::StringRef name, llvm::CallInst &call,
                               llvm::IRBuilder<> &builder);
  bool lowerCopy(llvm::StringRef name, llvm::CallInst &call,
                 llvm::IRBuilder<> &builder);
  llvm::Value *reserveWords(unsigned count);
  llvm::Value *makeResult(llvm::IRBuilder<> &builder, llvm::Type *type,
                          llvm::Value *words);
  llvm::Value *lowerVote(llvm::StringRef name, llvm::CallInst &call,
                         llvm::IRBuilder<> &builder);

  llvm::Argument *thread;
  llvm::Instruction *place;
  std::vector<std::string> &sites;
  llvm::DenseMap<size_t, llvm::Value *> fields, callees;
  llvm::Value *table = nullptr;
  bool isWaiting = false;
};

} // namespace dlc::gpu

#endif
