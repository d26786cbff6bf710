//===- EngineTest.cpp - correct kernels on the emulator -------------------===//
//
// Every intrinsic against its definition, and a block reduction over shapes
// whose last block or warp is not full, under several orders of the threads.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/compiler/EmulatedKernels.h"
#include "tests/unit/runtime/TestUtil.h"

#include <chrono>
#include <cmath>
#include <numeric>

using namespace dlc::test;
using dlc::rt::EmulatedBuffer;
using dlc::rt::Status;

namespace {

/// y[tid] = value, where `code` computes %value, an i32, from %tid.
std::string perThread(const std::string &name, const std::string &code) {
  return "define ptx_kernel void @" + name + R"((ptr addrspace(1) %y) {
  %tid = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
)" + code +
         R"(
  %p = getelementptr i32, ptr addrspace(1) %y, i32 %tid
  store i32 %value, ptr addrspace(1) %p
  ret void
}
)";
}

std::vector<int32_t> runPerThread(const EmulatedKernels &kernels,
                                  const std::string &name, uint32_t threads) {
  std::vector<int32_t> result;
  for (uint64_t seed : {0, 1, 2}) {
    std::vector<int32_t> y(threads, -1);
    Status status = kernels.run(name, {bufferOf(y)}, 1, threads, seed);
    EXPECT_TRUE(status.isOk()) << name << ": " << status.toString();
    EXPECT_TRUE(seed == 0 || y == result) << name;
    result = y;
  }
  return result;
}

/// Sums of blocks, as the compiler's block reductions are: shuffles in the
/// warps, one partial sum per warp through workgroup memory.
const char *const reduction = R"(
@partial = internal addrspace(3) global [32 x float] poison, align 16
define ptx_kernel void @reduce(ptr addrspace(1) %x, ptr addrspace(1) %y, ptr addrspace(1) %count) {
  %n = load i32, ptr addrspace(1) %count
  %tid = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %ntid = call i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
  %block = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %first = mul i32 %block, %ntid
  %i = add i32 %first, %tid
  %is.in = icmp slt i32 %i, %n
  br i1 %is.in, label %read, label %join
read:
  %px = getelementptr float, ptr addrspace(1) %x, i32 %i
  %v = load float, ptr addrspace(1) %px
  br label %join
join:
  %s0 = phi float [ %v, %read ], [ 0.0, %0 ]
  %t0 = call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %s0, i32 16, i32 31)
  %s1 = fadd float %s0, %t0
  %t1 = call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %s1, i32 8, i32 31)
  %s2 = fadd float %s1, %t1
  %t2 = call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %s2, i32 4, i32 31)
  %s3 = fadd float %s2, %t2
  %t3 = call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %s3, i32 2, i32 31)
  %s4 = fadd float %s3, %t3
  %t4 = call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %s4, i32 1, i32 31)
  %s5 = fadd float %s4, %t4
  %lane = and i32 %tid, 31
  %warp = lshr i32 %tid, 5
  %is.first = icmp eq i32 %lane, 0
  br i1 %is.first, label %put, label %meet
put:
  %pp = getelementptr float, ptr addrspace(3) @partial, i32 %warp
  store float %s5, ptr addrspace(3) %pp
  br label %meet
meet:
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  %is.zero = icmp eq i32 %tid, 0
  br i1 %is.zero, label %sum, label %end
sum:
  %warps = lshr i32 %ntid, 5
  br label %loop
loop:
  %w = phi i32 [ 0, %sum ], [ %w1, %loop ]
  %acc = phi float [ 0.0, %sum ], [ %acc1, %loop ]
  %pw = getelementptr float, ptr addrspace(3) @partial, i32 %w
  %part = load float, ptr addrspace(3) %pw
  %acc1 = fadd float %acc, %part
  %w1 = add i32 %w, 1
  %more = icmp slt i32 %w1, %warps
  br i1 %more, label %loop, label %done
done:
  %py = getelementptr float, ptr addrspace(1) %y, i32 %block
  store float %acc1, ptr addrspace(1) %py
  br label %end
end:
  ret void
}
)";

Status runReduction(const EmulatedKernels &kernels, int32_t n, uint32_t threads,
                    uint64_t seed, std::vector<float> &y) {
  std::vector<float> x(static_cast<size_t>(n));
  for (int32_t i = 0; i < n; ++i)
    x[static_cast<size_t>(i)] = static_cast<float>(i % 7);
  uint32_t blocks = (static_cast<uint32_t>(n) + threads - 1) / threads;
  y.assign(blocks, NAN);
  std::vector<int32_t> count{n};
  return kernels.run("reduce", {bufferOf(x), bufferOf(y), bufferOf(count)},
                     blocks, threads, seed);
}

} // namespace

TEST(Engine, SpecialRegisters_HoldIds) {
  std::string body = perThread("ids", R"(
  %n = call i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
  %lane = call i32 @llvm.nvvm.read.ptx.sreg.laneid()
  %warp = call i32 @llvm.nvvm.read.ptx.sreg.warpid()
  %size = call i32 @llvm.nvvm.read.ptx.sreg.warpsize()
  %y1 = call i32 @llvm.nvvm.read.ptx.sreg.tid.y()
  %z1 = call i32 @llvm.nvvm.read.ptx.sreg.tid.z()
  %ny = call i32 @llvm.nvvm.read.ptx.sreg.ntid.y()
  %a = mul i32 %warp, %size
  %b = add i32 %a, %lane
  %c = mul i32 %n, 1000
  %d = add i32 %b, %c
  %e = add i32 %d, %y1
  %f = add i32 %e, %z1
  %value = mul i32 %f, %ny
)") + R"(
define ptx_kernel void @blocks(ptr addrspace(1) %y) {
  %block = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %blocks = call i32 @llvm.nvvm.read.ptx.sreg.nctaid.x()
  %p = getelementptr i32, ptr addrspace(1) %y, i32 %block
  store i32 %blocks, ptr addrspace(1) %p
  ret void
}
)";
  EmulatedKernels kernels(body);
  ASSERT_EQ(kernels.getError(), "");
  std::vector<int32_t> y = runPerThread(kernels, "ids", 96);
  for (int32_t i = 0; i < 96; ++i)
    EXPECT_EQ(y[static_cast<size_t>(i)], 96000 + i);
  for (uint32_t blocks : {1u, 2u, 7u, 64u}) {
    std::vector<int32_t> each(blocks, -1);
    ASSERT_OK(kernels.run("blocks", {bufferOf(each)}, blocks, 1, blocks));
    EXPECT_EQ(each, std::vector<int32_t>(blocks, int32_t(blocks)));
  }
}

TEST(Engine, Shuffles_FollowPtx) {
  // Segments of 8 lanes: mask 0x18 in the upper half of the clamp.
  std::string body;
  auto add = [&](const char *name, const char *mode, int lane, int clamp) {
    body +=
        perThread(name, "%x = mul i32 %tid, 10\n"
                        "%value = call i32 @llvm.nvvm.shfl.sync." +
                            std::string(mode) + ".i32(i32 -1, i32 %x, i32 " +
                            std::to_string(lane) + ", i32 " +
                            std::to_string(clamp) + ")");
  };
  add("up", "up", 3, 0);
  add("down", "down", 5, 31);
  add("idx", "idx", 9, 31);
  add("up8", "up", 3, 0x1800);
  add("down8", "down", 5, 0x181f);
  add("idx8", "idx", 2, 0x181f);
  body += perThread("inside", R"(
  %r = call {i32, i1} @llvm.nvvm.shfl.sync.down.i32p(i32 -1, i32 %tid, i32 4, i32 31)
  %is = extractvalue {i32, i1} %r, 1
  %value = zext i1 %is to i32)");
  body += perThread("bfly", R"(
  %f = sitofp i32 %tid to float
  %g = call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %f, i32 6, i32 31)
  %value = fptosi float %g to i32)");
  EmulatedKernels kernels(body);
  ASSERT_EQ(kernels.getError(), "");
  struct Case {
    const char *name;
    int (*expected)(int lane);
  } cases[] = {
      {"up", [](int l) { return 10 * (l >= 3 ? l - 3 : l); }},
      {"down", [](int l) { return 10 * (l + 5 <= 31 ? l + 5 : l); }},
      {"idx", [](int) { return 90; }},
      {"up8", [](int l) { return 10 * (l % 8 >= 3 ? l - 3 : l); }},
      {"down8", [](int l) { return 10 * (l % 8 + 5 <= 7 ? l + 5 : l); }},
      {"idx8", [](int l) { return 10 * (l / 8 * 8 + 2); }},
      {"inside", [](int l) { return int(l + 4 <= 31); }},
      {"bfly", [](int l) { return l ^ 6; }},
  };
  for (const Case &test : cases) {
    std::vector<int32_t> y = runPerThread(kernels, test.name, 32);
    for (int lane = 0; lane < 32; ++lane)
      EXPECT_EQ(y[size_t(lane)], test.expected(lane)) << test.name << lane;
  }
}

TEST(Engine, Votes_CountLanesOfTheMask) {
  auto vote = [](const char *name, const char *mode, const char *below,
                 const char *extend) {
    return perThread(name,
                     std::string("%p0 = icmp ult i32 %tid, ") + below +
                         "\n%v = call " + (*extend ? "i1" : "i32") +
                         " @llvm.nvvm.vote." + mode +
                         ".sync(i32 -1, i1 %p0)\n%value = " +
                         (*extend ? "zext i1 %v to i32" : "add i32 %v, 0"));
  };
  EmulatedKernels kernels(
      vote("all", "all", "32", "z") + vote("notall", "all", "31", "z") +
      vote("any", "any", "1", "z") + vote("none", "any", "0", "z") +
      vote("uni", "uni", "0", "z") + vote("mixed", "uni", "5", "z") +
      vote("ballot", "ballot", "12", "") +
      perThread("active", "%value = call i32 @llvm.nvvm.activemask()"));
  ASSERT_EQ(kernels.getError(), "");
  std::pair<const char *, int32_t> cases[] = {
      {"all", 1}, {"notall", 0}, {"any", 1},        {"none", 0},
      {"uni", 1}, {"mixed", 0},  {"ballot", 0xfff}, {"active", -1}};
  for (auto [name, expected] : cases)
    EXPECT_EQ(runPerThread(kernels, name, 32),
              std::vector<int32_t>(32, expected))
        << name;
}

TEST(Engine, BlockReduction_SumsEveryShape) {
  EmulatedKernels kernels(reduction);
  ASSERT_EQ(kernels.getError(), "");
  for (uint32_t threads : {32u, 64u, 128u, 256u, 1024u})
    for (int32_t n : {1, 31, 32, 33, 255, 257, 1000})
      for (uint64_t seed : {0, 1, 2}) {
        std::vector<float> y;
        ASSERT_OK(runReduction(kernels, n, threads, seed, y));
        for (size_t block = 0; block < y.size(); ++block) {
          float expected = 0;
          for (size_t i = block * threads;
               i < std::min((block + 1) * threads, size_t(n)); ++i)
            expected += float(i % 7);
          EXPECT_EQ(y[block], expected) << threads << " " << n << " " << seed;
        }
      }
}

TEST(Engine, BlockReduction_IsFast) {
  EmulatedKernels kernels(reduction);
  ASSERT_EQ(kernels.getError(), "");
  std::vector<float> y;
  auto start = std::chrono::steady_clock::now();
  ASSERT_OK(runReduction(kernels, 256000, 256, 0, y));
  double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  RecordProperty("seconds", std::to_string(seconds));
  std::printf("1000 blocks of 256 threads: %.3f s\n", seconds);
  EXPECT_EQ(y.size(), 1000u);
  EXPECT_LT(seconds, 5); // on a machine that does other things as well
}

TEST(Engine, Memory_IntrinsicsAndMasks) {
  EmulatedKernels kernels(R"(
define ptx_kernel void @masked(ptr addrspace(1) %x, ptr addrspace(1) %y) {
  %v = call <4 x float> @llvm.masked.load.v4f32.p1(ptr addrspace(1) %x, i32 4, <4 x i1> <i1 1, i1 1, i1 1, i1 0>, <4 x float> splat (float 9.0))
  call void @llvm.masked.store.v4f32.p1(<4 x float> %v, ptr addrspace(1) %y, i32 4, <4 x i1> <i1 1, i1 0, i1 1, i1 1>)
  ret void
}
define ptx_kernel void @blocks(ptr addrspace(1) %x, ptr addrspace(1) %y) {
  call void @llvm.memset.p1.i64(ptr addrspace(1) align 4 %y, i8 0, i64 8, i1 false)
  %q = getelementptr i8, ptr addrspace(1) %y, i64 8
  call void @llvm.memcpy.p1.p1.i64(ptr addrspace(1) align 4 %q, ptr addrspace(1) align 4 %x, i64 8, i1 false)
  ret void
}
define internal float @helper(ptr %p) noinline {
  %v = load float, ptr %p
  %w = call float @llvm.fma.f32(float %v, float 2.0, float 1.0)
  ret float %w
}
@table = internal addrspace(4) constant [2 x float] [float 3.0, float 4.0]
define ptx_kernel void @generic(ptr addrspace(1) %x, ptr addrspace(1) %y) {
  %local = alloca [4 x float]
  %tid = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %g = addrspacecast ptr addrspace(1) %x to ptr
  %v = call float @helper(ptr %g)
  %pl = getelementptr float, ptr %local, i32 %tid
  store float %v, ptr %pl
  %pt = getelementptr float, ptr addrspace(4) @table, i32 %tid
  %t = load float, ptr addrspace(4) %pt
  %u = load float, ptr %pl
  %s = call float @llvm.nvvm.fma.rn.f(float %t, float 1.0, float %u)
  %py = getelementptr float, ptr addrspace(1) %y, i32 %tid
  store float %s, ptr addrspace(1) %py
  ret void
}
)");
  ASSERT_EQ(kernels.getError(), "");
  // Neither buffer reaches the lanes that are masked off.
  std::vector<float> x{1, 2, 3}, y(4, 0);
  ASSERT_OK(kernels.run("masked", {bufferOf(x), bufferOf(y)}, 1, 1));
  EXPECT_EQ(y, (std::vector<float>{1, 0, 3, 9}));
  ASSERT_OK(kernels.run("blocks", {bufferOf(x), bufferOf(y)}, 1, 1));
  EXPECT_EQ(y, (std::vector<float>{0, 0, 1, 2}));
  std::vector<float> two(2);
  ASSERT_OK(kernels.run("generic", {bufferOf(x), bufferOf(two)}, 1, 2));
  EXPECT_EQ(two, (std::vector<float>{6, 7}));
}

TEST(Engine, Denormals_AreFlushed) {
  EmulatedKernels kernels(R"(
define ptx_kernel void @halve(ptr addrspace(1) %x, ptr addrspace(1) %y) {
  %v = load float, ptr addrspace(1) %x
  %w = fmul float %v, 0.5
  store float %w, ptr addrspace(1) %y
  ret void
}
)");
  ASSERT_EQ(kernels.getError(), "");
  std::vector<float> x{1.2e-38f}, y{1};
  ASSERT_OK(kernels.run("halve", {bufferOf(x), bufferOf(y)}, 1, 1));
  EXPECT_EQ(y[0], 0);
}
