//===- DataSet.cpp - arrays of samples ------------------------------------===//
#include "tools/trainer/DataSet.h"

#include "tools/support/Failure.h"
#include "tools/support/Text.h"
#include "tools/trainer/Convert.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

namespace dlc::tools {

namespace fs = std::filesystem;

static rt::TensorMap loadFolder(const std::string &path) {
  rt::TensorMap arrays;
  std::error_code error;
  fs::recursive_directory_iterator it(path, error), end;
  for (; !error && it != end; it.increment(error)) {
    if (it->path().extension() != ".npy")
      continue;
    // "target/logits.npy" is array "target/logits".
    std::string name =
        fs::relative(it->path(), path).replace_extension().generic_string();
    rt::TensorMap file = check(rt::loadTensors(it->path().string()));
    arrays.emplace(name, std::move(file.begin()->second));
  }
  if (error)
    fail("DLC5126", "data folder '", path, "' must be readable, but got '",
         error.message(), "'");
  if (arrays.empty())
    fail("DLC5126", "data folder '", path,
         "' must hold .npy files, but got none");
  return arrays;
}

DataSet DataSet::load(const std::string &path) {
  std::error_code error;
  if (fs::is_directory(path, error))
    return DataSet(loadFolder(path), path);
  return DataSet(check(rt::loadTensors(path)), path);
}

DataSet::DataSet(rt::TensorMap arrays, std::string path)
    : file(std::move(path)), map(std::move(arrays)) {}

const rt::Tensor *DataSet::find(const std::string &name) const {
  auto it = map.find(name);
  return it == map.end() ? nullptr : &it->second;
}

const rt::Tensor &DataSet::get(const std::string &name) const {
  if (const rt::Tensor *found = find(name))
    return *found;
  std::string names;
  for (const auto &[other, tensor] : map)
    names += (names.empty() ? "'" : ", '") + other + "'";
  fail("DLC5120", "data '", file, "' must have an array '", name, "', but got ",
       names.empty() ? "none" : names);
}

void DataSet::fit(const std::vector<rt::TensorSlot> &slots) {
  rt::TensorMap kept;
  for (const rt::TensorSlot &slot : slots) {
    const rt::Tensor &array = get(slot.name);
    auto rest = [](const std::vector<int64_t> &dims) {
      return std::vector<int64_t>(dims.begin() + !dims.empty(), dims.end());
    };
    if (!slot.dims.empty() && slot.dims[0] < 1)
      fail("DLC5122", "input '", slot.name,
           "' must take at least one sample, but got shape ",
           formatDims(slot.dims));
    if (array.dims.size() != slot.dims.size() || slot.dims.empty() ||
        rest(array.dims) != rest(slot.dims))
      fail("DLC5122", "array '", slot.name, "' of '", file,
           "' must have samples of shape ", formatDims(rest(slot.dims)),
           ", but got an array of shape ", formatDims(array.dims));
    kept[slot.name] =
        convert(std::move(map.at(slot.name)), slot.dtype, slot.name);
  }
  map = std::move(kept);
  samples();
}

int64_t DataSet::samples() const {
  int64_t count = -1;
  std::string first;
  for (const auto &[name, array] : map) {
    if (array.dims.empty())
      fail("DLC5122", "array '", name, "' of '", file,
           "' must have samples along its first dim, but got a scalar");
    if (count >= 0 && array.dims[0] != count)
      fail("DLC5123", "arrays of '", file,
           "' must have one number of samples, but got ", count, " in '", first,
           "' and ", array.dims[0], " in '", name, "'");
    count = array.dims[0];
    first = name;
  }
  if (count <= 0)
    fail("DLC5123", "data '", file, "' must have samples, but got none");
  return count;
}

static void checkRange(const std::string &file, const std::string &name,
                       const rt::Tensor &array, int64_t size,
                       int64_t perSample) {
  bool isTarget = name.starts_with("target");
  visitIntegers(array, [&](size_t i, int64_t value) {
    bool isGood = isTarget ? (value >= 0 && value < size) || value == -100
                           : value >= -size && value < size;
    if (!isGood)
      fail("DLC5124", "array '", name, "' of '", file, "' must have elements ",
           isTarget ? "from 0 to " : "below ", isTarget ? size - 1 : size,
           isTarget ? " (or -100, to be ignored)" : " in size", ", but got ",
           value, " in sample ", static_cast<int64_t>(i) / perSample);
    return true;
  });
}

void DataSet::checkValues(const std::map<std::string, int64_t> &ranges) const {
  for (const auto &[name, array] : map) {
    int64_t perSample = 1;
    for (size_t i = 1; i < array.dims.size(); ++i)
      perSample *= array.dims[i];
    perSample = std::max<int64_t>(perSample, 1);
    if (auto range = ranges.find(name); range != ranges.end())
      checkRange(file, name, array, range->second, perSample);
    visitFloats(array, [&](size_t i, double value) {
      if (!std::isfinite(value))
        fail("DLC5125", "array '", name, "' of '", file,
             "' must have finite elements, but got ", value, " in sample ",
             static_cast<int64_t>(i) / perSample);
      return true;
    });
  }
}

Batch::Batch(const DataSet &data, const std::vector<rt::TensorSlot> &slots) {
  parts.reserve(slots.size());
  for (const rt::TensorSlot &slot : slots) {
    const rt::Tensor *array = data.find(slot.name);
    if (!array)
      continue;
    size_t rows = static_cast<size_t>(slot.dims[0]);
    parts.push_back({array->data.data(), std::vector<std::byte>(slot.bytes),
                     slot.bytes / rows});
    list.push_back(
        {slot.name, slot.dtype, slot.dims, parts.back().buffer.data()});
  }
}

void Batch::put(int64_t row, int64_t index) {
  for (Part &part : parts)
    std::memcpy(part.buffer.data() +
                    static_cast<size_t>(row) * part.bytesPerSample,
                part.from + static_cast<size_t>(index) * part.bytesPerSample,
                part.bytesPerSample);
}

} // namespace dlc::tools
