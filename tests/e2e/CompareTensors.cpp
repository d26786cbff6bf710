// Compares two files of named tensors, for tests that drive the tools.
//
//   compare_tensors FOUND EXPECTED --tolerance T
//     [--found-prefix P] [--expected-prefix P]... [--mapping FILE --model NAME]
//     [--count N]
//
// Every expected tensor must have one found tensor within the tolerance:
// max|a - b| / max(max|b|, tiny), tiny being 1e-6 of the largest magnitude
// among the expected ones, so that tensors which are zero but for rounding are
// judged by their neighbours. Its counterpart is the tensor of its name, else
// the one that the mapping names (perhaps transposed), else the nearest in
// value of a fitting shape that is left: parameters that an exporter merged
// have new names. --count: how many found tensors there must be in all.
#include "runtime/data/TensorMap.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

using namespace dlc::rt;

namespace {

struct Array {
  std::vector<int64_t> dims;
  std::vector<double> values;
};
using Arrays = std::map<std::string, Array>;

struct Options {
  std::string found, expected, foundPrefix, mapping, model;
  std::vector<std::string> expectedPrefixes;
  double tolerance = 0;
  long count = -1;
};

[[noreturn]] void fail(const std::string &message) {
  std::fprintf(stderr, "compare_tensors: %s\n", message.c_str());
  std::exit(1);
}

template <typename T>
void widen(const Tensor &tensor, std::vector<double> &out) {
  for (T value : tensor.as<T>())
    out.push_back(static_cast<double>(value));
}

Array toArray(const std::string &name, const Tensor &tensor) {
  Array array{tensor.dims, {}};
  switch (tensor.dtype) {
  case DType::F64:
    widen<double>(tensor, array.values);
    break;
  case DType::F32:
    widen<float>(tensor, array.values);
    break;
  case DType::I64:
    widen<int64_t>(tensor, array.values);
    break;
  case DType::I32:
    widen<int32_t>(tensor, array.values);
    break;
  default:
    fail("tensor '" + name + "' must be f32, f64, i32 or i64, but is " +
         std::string(dtypeName(tensor.dtype)));
  }
  return array;
}

/// Whether a name is below a prefix that ends in '/', or is the prefix itself.
bool isChosen(const std::string &name, const std::string &prefix) {
  if (prefix.empty() || prefix.back() == '/')
    return name.rfind(prefix, 0) == 0;
  return name == prefix;
}

/// The chosen tensors of a file, under what follows the prefix in their names.
Arrays load(const std::string &path, const std::vector<std::string> &prefixes) {
  Result<TensorMap> tensors = loadTensors(path);
  if (!tensors.isOk())
    fail(path + ": " + tensors.status().toString());
  Arrays arrays;
  for (const auto &[name, tensor] : *tensors)
    for (const std::string &prefix : prefixes)
      if (isChosen(name, prefix))
        arrays.emplace(name.substr(prefix.size()), toArray(name, tensor));
  return arrays;
}

double magnitude(const Array &array) {
  double largest = 0;
  for (double value : array.values)
    largest = std::max(largest, std::fabs(value));
  return largest;
}

Array transposed(const Array &array) {
  int64_t rows = array.dims[0], cols = array.dims[1];
  Array out{{cols, rows}, std::vector<double>(array.values.size())};
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j)
      out.values[j * rows + i] = array.values[i * cols + j];
  return out;
}

/// Infinite when the counts differ or a difference is not a number.
double distance(const Array &found, const Array &expected, double tiny) {
  const double infinite = std::numeric_limits<double>::infinity();
  if (found.values.size() != expected.values.size())
    return infinite;
  double largest = 0;
  for (size_t i = 0; i < found.values.size(); ++i) {
    double difference = std::fabs(found.values[i] - expected.values[i]);
    if (!(difference <= std::numeric_limits<double>::max()))
      return infinite;
    largest = std::max(largest, difference);
  }
  return largest / std::max({magnitude(expected), tiny, 1e-300});
}

/// Dims without those of size 1.
std::vector<int64_t> squeezed(std::vector<int64_t> dims) {
  dims.erase(std::remove(dims.begin(), dims.end(), 1), dims.end());
  return dims;
}

/// Least distance over the readings of `found` that have expected's shape.
double nearest(const Array &found, const Array &expected, double tiny) {
  double least = std::numeric_limits<double>::infinity();
  if (squeezed(found.dims) == squeezed(expected.dims))
    least = distance(found, expected, tiny);
  if (found.dims.size() == 2 && expected.dims.size() == 2 &&
      found.dims[0] == expected.dims[1] && found.dims[1] == expected.dims[0])
    least = std::min(least, distance(transposed(found), expected, tiny));
  return least;
}

/// parameter -> initializer, from the mapping's object for the model.
std::map<std::string, std::string> owners(const Options &options) {
  std::map<std::string, std::string> owner;
  if (options.mapping.empty())
    return owner;
  std::ifstream in(options.mapping);
  nlohmann::json all = nlohmann::json::parse(in, nullptr, false);
  if (!all.is_object() || !all.contains(options.model))
    fail(options.mapping + " has nothing on '" + options.model + "'");
  for (const auto &[initializer, entry] : all[options.model].items())
    owner[entry["parameter"].get<std::string>()] = initializer;
  return owner;
}

struct Verdict {
  double error = 0;
  std::string name;
};

/// Settles by name and mapping first, by value then, so that a named tensor is
/// never taken by value for another.
Verdict compare(Arrays found, const Arrays &expected,
                const std::map<std::string, std::string> &owner) {
  double tiny = 0;
  for (const auto &[name, array] : expected)
    tiny = std::max(tiny, 1e-6 * magnitude(array));
  Verdict worst;
  auto settle = [&](const std::string &name, Arrays::iterator it) {
    double error = nearest(it->second, expected.at(name), tiny);
    if (worst.name.empty() || error > worst.error)
      worst = {error, name};
    found.erase(it);
  };
  std::vector<std::string> open;
  for (const auto &[name, array] : expected) {
    auto mapped = owner.find(name);
    auto it = found.find(name);
    if (it != found.end() && squeezed(it->second.dims) != squeezed(array.dims))
      it = found.end();
    if (it == found.end() && mapped != owner.end())
      it = found.find(mapped->second);
    if (it == found.end())
      open.push_back(name);
    else
      settle(name, it);
  }
  for (const std::string &name : open) {
    auto best = found.end();
    double least = std::numeric_limits<double>::infinity();
    for (auto it = found.begin(); it != found.end(); ++it)
      if (double error = nearest(it->second, expected.at(name), tiny);
          error < least)
        least = error, best = it;
    if (best == found.end())
      fail("no tensor fits '" + name + "'");
    settle(name, best);
  }
  return worst;
}

Options parse(int argc, char **argv) {
  Options options;
  std::vector<std::string> plain;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word.rfind("--", 0) != 0) {
      plain.push_back(word);
      continue;
    }
    if (++i == argc)
      fail("'" + word + "' needs a value");
    if (word == "--tolerance")
      options.tolerance = std::atof(argv[i]);
    else if (word == "--count")
      options.count = std::atol(argv[i]);
    else if (word == "--found-prefix")
      options.foundPrefix = argv[i];
    else if (word == "--expected-prefix")
      options.expectedPrefixes.push_back(argv[i]);
    else if (word == "--mapping")
      options.mapping = argv[i];
    else if (word == "--model")
      options.model = argv[i];
    else
      fail("unknown option '" + word + "'");
  }
  if (plain.size() != 2 || options.tolerance <= 0)
    fail("usage: compare_tensors FOUND EXPECTED --tolerance T [options]");
  options.found = plain[0];
  options.expected = plain[1];
  if (options.expectedPrefixes.empty())
    options.expectedPrefixes.push_back("");
  return options;
}

} // namespace

int main(int argc, char **argv) {
  Options options = parse(argc, argv);
  Arrays found = load(options.found, {options.foundPrefix});
  Arrays expected = load(options.expected, options.expectedPrefixes);
  if (expected.empty())
    fail(options.expected + " holds no tensor of these prefixes");
  if (options.count >= 0 && found.size() != static_cast<size_t>(options.count))
    fail(options.found + " must hold " + std::to_string(options.count) +
         " tensors, but holds " + std::to_string(found.size()));
  Verdict worst = compare(std::move(found), expected, owners(options));
  std::printf("%zu tensors, worst '%s': %.2e\n", expected.size(),
              worst.name.c_str(), worst.error);
  return worst.error <= options.tolerance ? 0 : 1;
}
