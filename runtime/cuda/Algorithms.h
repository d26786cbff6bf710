// The algorithms that a library offers for one call, in the order of its
// advice. What is offered for a call's shapes may still be refused when the
// call is made, which its first run shows: then the next one is taken. A tuning
// takes one by number, an artifact by its bytes. Those are compared with what
// the library offers, never given to it, so bytes of another version or of a
// damaged file do no harm.
#ifndef DLC_RUNTIME_CUDA_ALGORITHMS_H
#define DLC_RUNTIME_CUDA_ALGORITHMS_H

#include "runtime/device/Stream.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace dlc::rt::cuda {

/// `Algorithm` is plain bytes without padding: its name.
template <typename Algorithm> class Algorithms final : public Candidates {
  static_assert(std::has_unique_object_representations_v<Algorithm>);

public:
  size_t count() const override { return offered.size(); }
  size_t taken() const override { return index; }
  void take(size_t candidate) override {
    index = candidate;
    isHeld = true;
  }
  std::vector<uint8_t> choice(size_t candidate) const override {
    std::vector<uint8_t> bytes(sizeof(Algorithm));
    std::memcpy(bytes.data(), &offered[candidate], bytes.size());
    return bytes;
  }

  std::string library() const override { return owner; }
  std::string form() const override { return shape; }

  /// Forgets what was offered, for a call of `library` of this form.
  void begin(std::string library, std::string form) {
    owner = std::move(library);
    shape = std::move(form);
    offered.clear();
    index = 0;
  }
  bool isEmpty() const { return offered.empty(); }
  void offer(const Algorithm &algorithm) { offered.push_back(algorithm); }
  /// Puts the one with that name first, where there is one.
  void prefer(std::span<const uint8_t> name) {
    auto found = std::ranges::find_if(offered, [&](const Algorithm &algorithm) {
      return name.size() == sizeof algorithm &&
             std::memcmp(name.data(), &algorithm, sizeof algorithm) == 0;
    });
    if (found != offered.end())
      std::rotate(offered.begin(), found, found + 1);
  }
  const Algorithm &current() const { return offered[index]; }
  /// After a refusal. False if there is none left, or if one was taken by
  /// number.
  bool next() {
    if (isHeld || index + 1 >= offered.size())
      return false;
    ++index;
    return true;
  }
  /// The most that `part` gives of any.
  template <typename Part> uint64_t most(Part part) const {
    uint64_t result = 0;
    for (const Algorithm &algorithm : offered)
      result = std::max<uint64_t>(result, algorithm.*part);
    return result;
  }

private:
  std::string owner, shape;
  std::vector<Algorithm> offered;
  size_t index = 0;
  bool isHeld = false;
};

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_ALGORITHMS_H
