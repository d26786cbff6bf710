// Shared by the runtime's unit tests: reproducible values, bits compared, and
// EXPECT/ASSERT on a Status with its text.
#ifndef DLC_TESTS_UNIT_RUNTIME_TESTUTIL_H
#define DLC_TESTS_UNIT_RUNTIME_TESTUTIL_H

#include "runtime/core/Status.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

#define ASSERT_OK(EXPR)                                                        \
  do {                                                                         \
    ::dlc::rt::Status dlcTest = (EXPR);                                        \
    ASSERT_TRUE(dlcTest.isOk()) << dlcTest.toString();                         \
  } while (0)

#define ASSERT_RESULT(RESULT)                                                  \
  ASSERT_TRUE((RESULT).isOk()) << (RESULT).status().toString()

namespace dlc::rt::test {

/// Floats in (-1, 1), aligned like the arena; NaN when `seed` is 0, so that a
/// result that was not written shows.
class Floats {
public:
  explicit Floats(int64_t count, unsigned seed = 0)
      : count(static_cast<size_t>(count)),
        values(static_cast<float *>(
            std::aligned_alloc(64, (this->count * 4 + 63) / 64 * 64 + 64))) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
    for (size_t i = 0; i < this->count; ++i)
      values[i] = seed ? uniform(random) : NAN;
  }
  Floats(const Floats &) = delete;
  Floats(Floats &&other)
      : count(other.count), values(std::exchange(other.values, nullptr)) {}
  ~Floats() { std::free(values); }

  float &operator[](int64_t i) { return values[i]; }
  float operator[](int64_t i) const { return values[i]; }
  std::byte *bytes() const { return reinterpret_cast<std::byte *>(values); }
  int64_t size() const { return static_cast<int64_t>(count); }
  bool sameBits(const Floats &other) const {
    return count == other.count &&
           std::memcmp(values, other.values, count * 4) == 0;
  }

private:
  size_t count;
  float *values;
};

/// A folder of this test process, removed with it.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern = ::testing::TempDir() + "/dlc-test-XXXXXX";
    folder = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(folder); }
  std::string operator/(const std::string &name) const {
    return folder + "/" + name;
  }

private:
  std::string folder;
};

} // namespace dlc::rt::test

#endif // DLC_TESTS_UNIT_RUNTIME_TESTUTIL_H
