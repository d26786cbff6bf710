//===- Feeding.h - arrays in and out of an entry ----------------*- C++ -*-===//
#ifndef DLC_TOOLS_DLC_FEEDING_H
#define DLC_TOOLS_DLC_FEEDING_H

#include "runtime/data/TensorMap.h"
#include "runtime/executor/Executor.h"

namespace dlc::tools {

/// The tensors of one call of an entry; `info` must outlive it.
class Call {
public:
  explicit Call(const rt::EntryInfo &info);

  /// Takes the arrays that the entry reads, converted; others are ignored.
  /// DLC5120 to DLC5122 where one is missing or does not fit.
  void feed(const rt::TensorMap &arrays);
  /// Sets `lr`, if the entry reads it.
  void setLearningRate(double lr);
  bool reads(const std::string &name) const;

  void run(rt::Session &session, rt::Trace *trace = nullptr);
  rt::Status tryRun(rt::Session &session, rt::Trace *trace = nullptr);
  /// As run(), but outputs are there after the session's wait().
  void submit(rt::Session &session);
  std::vector<rt::TensorView> inputViews() { return views(info.inputs, in); }

  rt::TensorMap &inputs() { return in; }
  const rt::TensorMap &outputs() const { return out; }

private:
  static std::vector<rt::TensorView>
  views(const std::vector<rt::TensorSlot> &slots, rt::TensorMap &tensors);
  const rt::EntryInfo &info;
  rt::TensorMap in, out;
};

/// "logits" f32 8x10 with its least, mean and largest value, a line each.
std::string summaryOf(const rt::TensorMap &tensors);

} // namespace dlc::tools

#endif
