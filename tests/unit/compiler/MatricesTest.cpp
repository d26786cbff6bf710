//===- MatricesTest.cpp - tensor cores on the emulator --------------------===//
//
// Products against plain sums. TF32 operands are loaded element by element, as
// the PTX ISA lays them out; bf16 operands come by asynchronous copies and
// loads of matrices.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/compiler/EmulatedKernels.h"
#include "tests/unit/runtime/TestUtil.h"

#include <bit>

using namespace dlc::test;
using dlc::rt::Status;

namespace {

/// Stores D's registers: (g, 2 t), (g, 2 t + 1), and eight rows below.
const char *const store = R"(
  %d0 = extractvalue {float, float, float, float} %d, 0
  %d1 = extractvalue {float, float, float, float} %d, 1
  %d2 = extractvalue {float, float, float, float} %d, 2
  %d3 = extractvalue {float, float, float, float} %d, 3
  %row = mul i32 %g, 8
  %t2 = mul i32 %t, 2
  %i0 = add i32 %row, %t2
  %p0 = getelementptr float, ptr addrspace(1) %out, i32 %i0
  store float %d0, ptr addrspace(1) %p0
  %p1 = getelementptr float, ptr addrspace(1) %p0, i32 1
  store float %d1, ptr addrspace(1) %p1
  %p2 = getelementptr float, ptr addrspace(1) %p0, i32 64
  store float %d2, ptr addrspace(1) %p2
  %p3 = getelementptr float, ptr addrspace(1) %p0, i32 65
  store float %d3, ptr addrspace(1) %p3
  ret void
}
)";

const char *const header =
    R"((ptr addrspace(1) %a, ptr addrspace(1) %b, ptr addrspace(1) %out) {
  %lane = call i32 @llvm.nvvm.read.ptx.sreg.laneid()
  %g = lshr i32 %lane, 2
  %t = and i32 %lane, 3
)";

const std::string tf32 = std::string("define ptx_kernel void @tf32") + header +
                         R"(
  %ga = mul i32 %g, 8
  %ia0 = add i32 %ga, %t
  %pa0 = getelementptr i32, ptr addrspace(1) %a, i32 %ia0
  %a0 = load i32, ptr addrspace(1) %pa0
  %pa1 = getelementptr i32, ptr addrspace(1) %pa0, i32 64
  %a1 = load i32, ptr addrspace(1) %pa1
  %pa2 = getelementptr i32, ptr addrspace(1) %pa0, i32 4
  %a2 = load i32, ptr addrspace(1) %pa2
  %pa3 = getelementptr i32, ptr addrspace(1) %pa0, i32 68
  %a3 = load i32, ptr addrspace(1) %pa3
  %tb = mul i32 %t, 8
  %ib0 = add i32 %tb, %g
  %pb0 = getelementptr i32, ptr addrspace(1) %b, i32 %ib0
  %b0 = load i32, ptr addrspace(1) %pb0
  %pb1 = getelementptr i32, ptr addrspace(1) %pb0, i32 32
  %b1 = load i32, ptr addrspace(1) %pb1
  %d = call {float, float, float, float} @llvm.nvvm.mma.m16n8k8.row.col.tf32(i32 %a0, i32 %a1, i32 %a2, i32 %a3, i32 %b0, i32 %b1, float 1.0, float 1.0, float 1.0, float 1.0)
)" + store;

/// A: 16 rows of 32 bytes, B: 16 rows of 16. The text "WAIT" is replaced.
const std::string bf16 =
    std::string("@sa = internal addrspace(3) global [512 x i8] poison, align "
                "16\n@sb = internal addrspace(3) global [256 x i8] poison, "
                "align 16\ndefine ptx_kernel void @bf16") +
    header + R"(
  %o16 = mul i32 %lane, 16
  %o8 = mul i32 %lane, 8
  %xa = getelementptr i8, ptr addrspace(1) %a, i32 %o16
  %xb = getelementptr i8, ptr addrspace(1) %b, i32 %o8
  %ya = getelementptr i8, ptr addrspace(3) @sa, i32 %o16
  %yb = getelementptr i8, ptr addrspace(3) @sb, i32 %o8
  call void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3) %ya, ptr addrspace(1) %xa)
  call void @llvm.nvvm.cp.async.commit.group()
  call void @llvm.nvvm.cp.async.ca.shared.global.8.s(ptr addrspace(3) %yb, ptr addrspace(1) %xb, i32 8)
  call void @llvm.nvvm.cp.async.commit.group()
  WAIT
  call void @llvm.nvvm.bar.warp.sync(i32 -1)
  %m = lshr i32 %lane, 3
  %r = and i32 %lane, 7
  %lower = and i32 %m, 1
  %right = lshr i32 %m, 1
  %lower8 = mul i32 %lower, 8
  %arow = add i32 %lower8, %r
  %arow32 = mul i32 %arow, 32
  %right16 = mul i32 %right, 16
  %ao = add i32 %arow32, %right16
  %la = getelementptr i8, ptr addrspace(3) @sa, i32 %ao
  %av = call {i32, i32, i32, i32} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3(ptr addrspace(3) %la)
  %brow = and i32 %lane, 15
  %bo = mul i32 %brow, 16
  %lb = getelementptr i8, ptr addrspace(3) @sb, i32 %bo
  %bv = call {i32, i32} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x2.trans.b16.p3(ptr addrspace(3) %lb)
  %a0 = extractvalue {i32, i32, i32, i32} %av, 0
  %a1 = extractvalue {i32, i32, i32, i32} %av, 1
  %a2 = extractvalue {i32, i32, i32, i32} %av, 2
  %a3 = extractvalue {i32, i32, i32, i32} %av, 3
  %b0 = extractvalue {i32, i32} %bv, 0
  %b1 = extractvalue {i32, i32} %bv, 1
  %d = call {float, float, float, float} @llvm.nvvm.mma.m16n8k16.row.col.bf16(i32 %a0, i32 %a1, i32 %a2, i32 %a3, i32 %b0, i32 %b1, float 0.0, float 0.0, float 0.0, float 0.0)
)" + store;

std::string waitingBy(const std::string &wait) {
  std::string text = bf16;
  return text.replace(text.find("WAIT"), 4, wait);
}

/// Small integers, which every type holds and whose sums are exact.
float valueAt(int i) { return float((i * 7 + 3) % 11 - 5); }

uint16_t toBfloat(float value) {
  return uint16_t(std::bit_cast<uint32_t>(value) >> 16);
}

void expectProduct(const std::vector<float> &d, int depth, float start) {
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column) {
      float sum = start;
      for (int k = 0; k < depth; ++k)
        sum += valueAt(row * depth + k) * valueAt(k * 8 + column + 1);
      EXPECT_EQ(d[size_t(row * 8 + column)], sum) << row << " " << column;
    }
}

Status runBfloat(const EmulatedKernels &kernels, uint64_t seed,
                 std::vector<float> &d) {
  alignas(64) uint16_t a[256], b[128];
  for (int i = 0; i < 256; ++i)
    a[i] = toBfloat(valueAt(i));
  for (int i = 0; i < 128; ++i)
    b[i] = toBfloat(valueAt(i + 1));
  d.assign(128, NAN);
  return kernels.run("bf16",
                     {{reinterpret_cast<std::byte *>(a), sizeof(a)},
                      {reinterpret_cast<std::byte *>(b), sizeof(b)},
                      bufferOf(d)},
                     1, 32, seed);
}

} // namespace

TEST(Matrices, Tf32Products_EqualSums) {
  EmulatedKernels kernels(tf32);
  ASSERT_EQ(kernels.getError(), "");
  std::vector<float> a(128), b(64), d(128, NAN);
  for (int i = 0; i < 128; ++i)
    a[size_t(i)] = valueAt(i);
  for (int i = 0; i < 64; ++i)
    b[size_t(i)] = valueAt(i + 1);
  for (uint64_t seed : {0, 1, 2}) {
    ASSERT_OK(kernels.run("tf32", {bufferOf(a), bufferOf(b), bufferOf(d)}, 1,
                          32, seed));
    expectProduct(d, 8, 1);
  }
}

TEST(Matrices, BfloatProducts_EqualSums) {
  EmulatedKernels kernels(
      waitingBy("call void @llvm.nvvm.cp.async.wait.group(i32 0)"));
  ASSERT_EQ(kernels.getError(), "");
  for (uint64_t seed : {0, 1, 2}) {
    std::vector<float> d;
    ASSERT_OK(runBfloat(kernels, seed, d));
    expectProduct(d, 16, 0);
  }
}

TEST(Matrices, CopiesNotWaitedFor_AreFound) {
  // The second of the two groups may still be under way.
  EmulatedKernels kernels(
      waitingBy("call void @llvm.nvvm.cp.async.wait.group(i32 1)"));
  ASSERT_EQ(kernels.getError(), "");
  for (uint64_t seed : {0, 1, 2}) {
    std::vector<float> d;
    Status status = runBfloat(kernels, seed, d);
    EXPECT_EQ(status.id(), "DLC6105") << status.toString();
    EXPECT_NE(status.message().find("'matrix load'"), std::string::npos)
        << status.toString();
  }
}
