// Arithmetic on sizes that came from a file: every overflow is an answer
// ("no value"), never a wrap. Sizes are uint64_t, dims int64_t.
#ifndef DLC_RUNTIME_CORE_CHECKEDMATH_H
#define DLC_RUNTIME_CORE_CHECKEDMATH_H

#include <cstddef>
#include <cstdint>
#include <optional>

namespace dlc::rt {

template <typename T> std::optional<T> checkedAdd(T a, T b) {
  T result;
  if (__builtin_add_overflow(a, b, &result))
    return std::nullopt;
  return result;
}

template <typename T> std::optional<T> checkedMul(T a, T b) {
  T result;
  if (__builtin_mul_overflow(a, b, &result))
    return std::nullopt;
  return result;
}

template <typename T>
std::optional<T> checkedAdd(std::optional<T> a, std::optional<T> b) {
  return a && b ? checkedAdd(*a, *b) : std::nullopt;
}

template <typename T>
std::optional<T> checkedMul(std::optional<T> a, std::optional<T> b) {
  return a && b ? checkedMul(*a, *b) : std::nullopt;
}

/// Product of `dims`; none when a dim is negative or the product exceeds
/// int64. The product of no dims is 1.
template <typename Dims> std::optional<int64_t> elementCount(const Dims &dims) {
  int64_t count = 1;
  bool isEmpty = false;
  for (int64_t dim : dims) {
    if (dim < 0)
      return std::nullopt;
    isEmpty |= dim == 0;
    if (dim != 0 && __builtin_mul_overflow(count, dim, &count))
      return std::nullopt;
  }
  return isEmpty ? 0 : count;
}

/// True when [offset, offset + bytes) lies within [0, limit).
inline bool isWithin(uint64_t offset, uint64_t bytes, uint64_t limit) {
  return offset <= limit && bytes <= limit - offset;
}

constexpr uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

constexpr int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

} // namespace dlc::rt

#endif // DLC_RUNTIME_CORE_CHECKEDMATH_H
