//===- DataSet.h - arrays of samples ----------------------------*- C++ -*-===//
//
// A data set is one array per input of the model, under its name, and `target`
// (or `target/<output>`), samples along the first dim. Everything that training
// would trip over later is checked here, before it starts.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_TRAINER_DATASET_H
#define DLC_TOOLS_TRAINER_DATASET_H

#include "runtime/data/TensorMap.h"
#include "runtime/executor/Executor.h"

#include <map>
#include <string>
#include <vector>

namespace dlc::tools {

class DataSet {
public:
  /// Reads `.npz`, `.npy`, `.safetensors`, or a folder of `.npy` files, whose
  /// names are the arrays'.
  static DataSet load(const std::string &path);
  explicit DataSet(rt::TensorMap arrays, std::string path = "data");

  const std::string &path() const { return file; }
  const rt::TensorMap &arrays() const { return map; }
  /// Null if there is none of that name.
  const rt::Tensor *find(const std::string &name) const;
  /// The same, or DLC5120.
  const rt::Tensor &get(const std::string &name) const;

  /// Keeps the arrays that `slots` name, each in the slot's type; every dim but
  /// the first must be the slot's. DLC5120 to DLC5123.
  void fit(const std::vector<rt::TensorSlot> &slots);
  /// Elements within `ranges` (Built::ranges) and floats finite: DLC5124,
  /// DLC5125, with the first sample that is not.
  void checkValues(const std::map<std::string, int64_t> &ranges) const;

  /// How many samples every array has; DLC5123 if they differ or are none.
  int64_t samples() const;

private:
  std::string file;
  rt::TensorMap map;
};

/// Buffers for one batch of a data set, and the views an entry takes.
class Batch {
public:
  /// For the slots of an entry that the data set has; `data` must outlive it.
  Batch(const DataSet &data, const std::vector<rt::TensorSlot> &slots);
  /// Copies the sample `index` to place `row`.
  void put(int64_t row, int64_t index);
  const std::vector<rt::TensorView> &views() const { return list; }

private:
  struct Part {
    const std::byte *from;
    std::vector<std::byte> buffer;
    size_t bytesPerSample;
  };
  std::vector<Part> parts;
  std::vector<rt::TensorView> list;
};

} // namespace dlc::tools

#endif
