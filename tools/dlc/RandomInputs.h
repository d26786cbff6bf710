//===- RandomInputs.h - data for timing an entry ----------------*- C++ -*-===//
#ifndef DLC_TOOLS_DLC_RANDOMINPUTS_H
#define DLC_TOOLS_DLC_RANDOMINPUTS_H

#include "tools/model/Model.h"

#include <random>

namespace dlc::tools {

/// Fills inputs with random numbers: floats normal, those of a probability
/// target uniform in 0..1, whole numbers within the model's ranges. The
/// learning rate stays.
class RandomInputs {
public:
  RandomInputs(const Built &built, int64_t seed);
  void fill(rt::TensorMap &tensors);

private:
  void fill(const std::string &name, rt::Tensor &tensor);

  std::map<std::string, int64_t> ranges;
  std::mt19937_64 engine;
  bool isBinary;
};

/// Of at least one value.
double medianOf(std::vector<double> values);

} // namespace dlc::tools

#endif
