// Tensor cores: products of a warp, loads of matrices for them, and the copies
// that run beside. Which lane holds which elements is the PTX ISA's, "Matrix
// multiply-accumulate operation using mma instruction" and "ldmatrix".
//
// Products of two 16-bit floats are exact in f64, and so are most of their
// sums; the sum is rounded to f32 once. A GPU rounds in between, in an order
// that no one states, so its results differ in the last bits.
#include "runtime/cpu/Convert.h"
#include "runtime/emulated/Engine.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace dlc::rt {

namespace {

struct Form {
  uint32_t depth;     // K
  uint32_t wordBytes; // of an element of A and B
  fb::DType type;     // F32: of which TF32 ignores the low bits
};

Form formOf(uint32_t kind) {
  switch (kind) {
  case DLC_MULTIPLY_K16_BF16:
    return {16, 2, fb::DType::BF16};
  case DLC_MULTIPLY_K16_F16:
    return {16, 2, fb::DType::F16};
  case DLC_MULTIPLY_K8_BF16:
    return {8, 2, fb::DType::BF16};
  case DLC_MULTIPLY_K8_F16:
    return {8, 2, fb::DType::F16};
  default:
    return {8, 4, fb::DType::F32};
  }
}

/// The elements in one register, as floats: two, or one of TF32.
void unpack(const Form &form, uint32_t word, float *values) {
  if (form.wordBytes == 4)
    values[0] = std::bit_cast<float>(word & ~uint32_t(0x1fff));
  else
    widenRow(form.type, reinterpret_cast<const std::byte *>(&word), 2, values);
}

} // namespace

/// D[16, 8] = A[16, K] B[K, 8] + C. With g = lane / 4 and t = lane % 4, a
/// register of A holds elements (g [+ 8], p t … [+ K / 2]), p to a register;
/// of B, (p t … [+ K / 2], g); of C and D, (g [+ 8], 2 t …), an element each.
void EmulatorEngine::multiply(const Thread &any) {
  Form form = formOf(any.mode);
  uint32_t packed = 4 / form.wordBytes, step = 4 * packed;
  float a[16][16], b[16][8];
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const Thread &thread = laneOf(any, lane);
    uint32_t row = lane / 4, column = lane % 4 * packed;
    for (uint32_t half = 0; half < form.depth / step; ++half) {
      uint32_t k = column + half * step;
      float values[2];
      for (uint32_t down = 0; down < 2; ++down) {
        unpack(form, thread.operands[0][2 * half + down], values);
        std::memcpy(&a[row + 8 * down][k], values, packed * sizeof(float));
      }
      unpack(form, thread.operands[1][half], values);
      for (uint32_t i = 0; i < packed; ++i)
        b[k + i][row] = values[i];
    }
  }
  for (uint32_t lane = 0; lane < 32; ++lane) {
    Thread &thread = laneOf(any, lane);
    for (uint32_t i = 0; i < 4; ++i) {
      uint32_t row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      double sum = std::bit_cast<float>(thread.operands[2][i]);
      for (uint32_t k = 0; k < form.depth; ++k)
        sum += double(a[row][k]) * double(b[k][column]);
      thread.registers[i] = std::bit_cast<uint32_t>(static_cast<float>(sum));
    }
  }
}

/// Lane l gets elements 2 (l % 4) and the next of row l / 4 of each matrix, or
/// of column l / 4 if they are transposed.
void EmulatorEngine::loadMatrix(const Thread &any) {
  uint32_t count = any.mode & 255;
  bool isTransposed = any.mode >> 8;
  for (uint32_t matrix = 0; matrix < count; ++matrix) {
    uint16_t rows[8][8];
    for (uint32_t row = 0; row < 8; ++row)
      std::memcpy(rows[row], laneOf(any, 8 * matrix + row).address, 16);
    for (uint32_t lane = 0; lane < 32; ++lane) {
      uint32_t major = lane / 4, minor = lane % 4 * 2;
      uint32_t low = isTransposed ? rows[minor][major] : rows[major][minor];
      uint32_t high =
          isTransposed ? rows[minor + 1][major] : rows[major][minor + 1];
      laneOf(any, lane).registers[matrix] = low | high << 16;
    }
  }
}

void EmulatorEngine::waitCopies(Thread &thread, uint32_t pending) {
  std::vector<PendingCopy> &begun = copies[thread.local];
  auto isDue = [&](const PendingCopy &copy) {
    return pending == ~0u || copy.group + pending < thread.copyGroups;
  };
  for (const PendingCopy &copy : begun) {
    if (!isDue(copy))
      continue;
    auto alignment = static_cast<uint32_t>(std::countr_zero(copy.bytes));
    access(thread, reinterpret_cast<uintptr_t>(copy.to), copy.bytes,
           DLC_ACCESS_STORE | alignment << DLC_ACCESS_ALIGN_SHIFT, copy.site);
    auto *to = static_cast<std::byte *>(copy.to);
    uint32_t read = std::min(copy.sourceBytes, copy.bytes);
    std::memcpy(to, copy.from, read);
    std::memset(to + read, 0, copy.bytes - read);
  }
  std::erase_if(begun, isDue);
}

} // namespace dlc::rt
