//===- Feeding.cpp - arrays in and out of an entry ------------------------===//
#include "tools/dlc/Feeding.h"

#include "tools/support/Failure.h"
#include "tools/support/Text.h"
#include "tools/trainer/Convert.h"

#include <algorithm>
#include <limits>

namespace dlc::tools {

Call::Call(const rt::EntryInfo &info) : info(info) {
  for (const rt::TensorSlot &slot : info.inputs)
    in[slot.name] = rt::Tensor::zeros(slot.dtype, slot.dims);
  for (const rt::TensorSlot &slot : info.outputs)
    out[slot.name] = rt::Tensor::zeros(slot.dtype, slot.dims);
}

bool Call::reads(const std::string &name) const { return in.contains(name); }

void Call::feed(const rt::TensorMap &arrays) {
  for (const rt::TensorSlot &slot : info.inputs) {
    auto it = arrays.find(slot.name);
    if (it == arrays.end() && slot.name == "lr")
      continue;
    if (it == arrays.end())
      fail("DLC5120", "inputs must have an array '", slot.name, "' for entry '",
           info.name, "', but got none of that name");
    if (it->second.dims != slot.dims)
      fail("DLC5122", "array '", slot.name, "' must have shape ",
           formatDims(slot.dims), ", but got ", formatDims(it->second.dims));
    in[slot.name] = convert(it->second, slot.dtype, slot.name);
  }
}

void Call::setLearningRate(double lr) {
  auto it = in.find("lr");
  if (it == in.end())
    return;
  if (it->second.dtype == rt::DType::F64)
    it->second.as<double>()[0] = lr;
  else
    it->second.as<float>()[0] = static_cast<float>(lr);
}

std::vector<rt::TensorView>
Call::views(const std::vector<rt::TensorSlot> &slots, rt::TensorMap &tensors) {
  std::vector<rt::TensorView> list;
  for (const rt::TensorSlot &slot : slots)
    list.push_back(
        {slot.name, slot.dtype, slot.dims, tensors[slot.name].data.data()});
  return list;
}

rt::Status Call::tryRun(rt::Session &session, rt::Trace *trace) {
  return session.run(info.name, views(info.inputs, in),
                     views(info.outputs, out), trace);
}

void Call::submit(rt::Session &session) {
  check(session.submit(info.name, views(info.inputs, in),
                       views(info.outputs, out)));
}

void Call::run(rt::Session &session, rt::Trace *trace) {
  check(tryRun(session, trace));
}

std::string summaryOf(const rt::TensorMap &tensors) {
  Table table("llllll");
  for (const auto &[name, tensor] : tensors) {
    double least = std::numeric_limits<double>::infinity(), largest = -least;
    double sum = 0, count = 0;
    auto add = [&](size_t, auto value) {
      double number = static_cast<double>(value);
      least = std::min(least, number);
      largest = std::max(largest, number);
      sum += number;
      ++count;
      return true;
    };
    visitFloats(tensor, add);
    visitIntegers(tensor, add);
    std::string type(rt::dtypeName(tensor.dtype));
    if (count == 1)
      table.row({name, type, formatDims(tensor.dims), formatNumber(sum, 8)});
    else if (count > 0)
      table.row({name, type, formatDims(tensor.dims),
                 "min " + formatNumber(least),
                 "mean " + formatNumber(sum / count),
                 "max " + formatNumber(largest)});
    else
      table.row({name, type, formatDims(tensor.dims), "empty"});
  }
  return table.text(0);
}

} // namespace dlc::tools
