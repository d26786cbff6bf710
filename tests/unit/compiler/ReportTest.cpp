//===- ReportTest.cpp - planted bugs that the emulator must find ----------===//
//
// A kernel's text holds each planted bug beside its correction, as
// "{{bug||correction}}": the first must be found under every seed, with its id
// and what its message has to name; the second must run without an error.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/compiler/EmulatedKernels.h"

#include <gtest/gtest.h>

#include <memory>

using namespace dlc::test;
using dlc::rt::Status;

namespace {

struct Planted {
  const char *name, *id;
  /// Parts of the message.
  std::vector<const char *> parts;
  const char *body;
  uint32_t blocks = 1;
  uint32_t threads = 64;
};

const char *const globals = R"(
@tile = internal addrspace(3) global [64 x i32] poison, align 16
@after = internal addrspace(3) global [64 x i32] poison, align 16
)";

/// %x holds 64 numbers, %y 128 zeros.
const char *const prologue = R"(
  %tid = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %block = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %first = mul i32 %block, 64
  %i = add i32 %first, %tid
  %mirror = sub i32 63, %tid
  %lane = and i32 %tid, 31
  %px = getelementptr i32, ptr addrspace(1) %x, i32 %tid
  %py = getelementptr i32, ptr addrspace(1) %y, i32 %i
  %pt = getelementptr i32, ptr addrspace(3) @tile, i32 %tid
  %pm = getelementptr i32, ptr addrspace(3) @tile, i32 %mirror
  %low = icmp ult i32 %tid, 32
  %lane.low = icmp ult i32 %lane, 16
)";

std::string textOf(const Planted &bug, bool isCorrected) {
  std::string body = bug.body;
  for (size_t at; (at = body.find("{{")) != std::string::npos;) {
    size_t middle = body.find("||", at), end = body.find("}}", middle);
    std::string chosen = isCorrected ? body.substr(middle + 2, end - middle - 2)
                                     : body.substr(at + 2, middle - at - 2);
    body.replace(at, end + 2 - at, chosen);
  }
  return std::string("define ptx_kernel void @") + bug.name +
         (isCorrected ? "_right" : "_wrong") +
         "(ptr addrspace(1) %x, ptr addrspace(1) %y) \"dlc.inputs\"=\"1\" {" +
         prologue + body + "\n  ret void\n}\n";
}

const std::vector<Planted> memoryBugs = {
    {"read_outside",
     "DLC6102",
     {"'load i32' (site 0) by thread 63 of block 0 must stay inside buffer 0 "
      "of 256 bytes, but got bytes 256 to 260 of buffer 0",
      "kernel 'read_outside_wrong': "},
     R"(
  %j = add i32 %tid, {{1||0}}
  %p = getelementptr i32, ptr addrspace(1) %x, i32 %j
  %v = load i32, ptr addrspace(1) %p
  store i32 %v, ptr addrspace(1) %py)"},
    {"write_outside",
     "DLC6102",
     {"'store i32' (site 0)", "buffer 1 of 512 bytes"},
     R"(
  %j = mul i32 %tid, {{3||2}}
  %p = getelementptr i32, ptr addrspace(1) %y, i32 %j
  store i32 1, ptr addrspace(1) %p)"},
    {"vector_outside",
     "DLC6102",
     {"'load <4 x i32>'", "bytes 256 to 272"},
     R"(
  %small = icmp ult i32 %tid, {{17||16}}
  br i1 %small, label %go, label %end
go:
  %j = mul i32 %tid, 4
  %p = getelementptr i32, ptr addrspace(1) %x, i32 %j
  %v = load <4 x i32>, ptr addrspace(1) %p, align 16
  %q = getelementptr i32, ptr addrspace(1) %y, i32 %j
  store <4 x i32> %v, ptr addrspace(1) %q, align 16
  br label %end
end:)"},
    {"fill_outside",
     "DLC6102",
     {"'fill'", "bytes 0 to 516 of buffer 1"},
     R"(
  call void @llvm.memset.p1.i64(ptr addrspace(1) align 4 %y, i8 0, i64 {{516||512}}, i1 false))",
     1,
     1},
    {"misaligned",
     "DLC6115",
     {"must be aligned to 16 bytes, but got bytes 4 to 20 of buffer 0"},
     R"(
  %p = getelementptr i8, ptr addrspace(1) %x, i32 {{4||16}}
  %v = load <4 x i32>, ptr addrspace(1) %p, align 16
  %e = extractelement <4 x i32> %v, i32 0
  store i32 %e, ptr addrspace(1) %py)"},
    {"write_input",
     "DLC6103",
     {"'store i32'", "must not change an input", "of buffer 0"},
     R"(
  store i32 1, ptr addrspace(1) {{%px||%py}})"},
    {"shared_outside",
     "DLC6104",
     {"'store i32 of @tile' (site 0) by thread 63 of block 0",
      "bytes 256 to 260 of workgroup variable 'tile'"},
     R"(
  %j = add i32 %tid, {{1||0}}
  %p = getelementptr i32, ptr addrspace(3) @tile, i32 %j
  store i32 1, ptr addrspace(3) %p
  %q = getelementptr i32, ptr addrspace(3) @after, i32 %tid
  store i32 2, ptr addrspace(3) %q)"},
    {"uninitialised",
     "DLC6105",
     {"must read what the block has written", "of workgroup variable 'tile'"},
     R"(
  %in = icmp ult i32 %tid, {{60||64}}
  br i1 %in, label %put, label %meet
put:
  store i32 %tid, ptr addrspace(3) %pt
  br label %meet
meet:
  call void @llvm.nvvm.barrier0()
  %v = load i32, ptr addrspace(3) %pm
  store i32 %v, ptr addrspace(1) %py)"},
};

const std::vector<Planted> races = {
    {"missing_barrier",
     "DLC6106",
     {"@tile' (site ", "must be behind a barrier, but got a "},
     R"(
  store i32 0, ptr addrspace(3) %pt
  call void @llvm.nvvm.barrier0()
  store i32 %tid, ptr addrspace(3) %pt
  call void @llvm.nvvm.{{membar.cta||barrier0}}()
  %v = load i32, ptr addrspace(3) %pm
  store i32 %v, ptr addrspace(1) %py)"},
    {"everyone_writes",
     "DLC6106",
     {"a store there"},
     R"(
  %one = icmp ult i32 %tid, {{2||1}}
  br i1 %one, label %put, label %end
put:
  store i32 %tid, ptr addrspace(3) @tile
  br label %end
end:)"},
    {"overwritten_early",
     "DLC6106",
     {"of workgroup variable 'tile'"},
     R"(
  store i32 %tid, ptr addrspace(3) %pt
  call void @llvm.nvvm.barrier0()
  %v = load i32, ptr addrspace(3) %pm
  call void @llvm.nvvm.{{membar.cta||barrier0}}()
  store i32 %v, ptr addrspace(3) %pt
  store i32 %v, ptr addrspace(1) %py)"},
    {"missing_warp_barrier",
     "DLC6106",
     {"'load i32 of @tile'"},
     R"(
  store i32 0, ptr addrspace(3) %pt
  call void @llvm.nvvm.barrier0()
  store i32 %tid, ptr addrspace(3) %pt
  call void @llvm.nvvm.{{membar.cta()||bar.warp.sync(i32 -1)}}
  %j = xor i32 %tid, 1
  %p = getelementptr i32, ptr addrspace(3) @tile, i32 %j
  %v = load i32, ptr addrspace(3) %p
  store i32 %v, ptr addrspace(1) %py)",
     1,
     32},
    {"block_race",
     "DLC6107",
     {"'store i32' (site 0)", "of block 0, at bytes", "of buffer 1"},
     R"(
  %j = {{lshr||shl}} i32 %tid, 1
  %p = getelementptr i32, ptr addrspace(1) %y, i32 %j
  store i32 %tid, ptr addrspace(1) %p)"},
    {"grid_race",
     "DLC6107",
     {"of block 1", "of block 0"},
     R"(
  %p = getelementptr i32, ptr addrspace(1) %y, i32 {{%tid||%i}}
  store i32 %tid, ptr addrspace(1) %p)",
     2},
    {"read_write_race",
     "DLC6107",
     {"of buffer 1"},
     R"(
  store i32 %tid, ptr addrspace(1) %py
  call void @llvm.nvvm.{{membar.cta||barrier0}}()
  %p = getelementptr i32, ptr addrspace(1) %y, i32 %mirror
  %v = load i32, ptr addrspace(1) %p)"},
    {"bytes_race",
     "DLC6107",
     {"'store i16'"},
     R"(
  %half = trunc i32 %tid to i16
  %p = getelementptr {{i8||i16}}, ptr addrspace(1) %y, i32 %tid
  store i16 %half, ptr addrspace(1) %p, align 1)"},
    {"not_atomic",
     "DLC6107",
     {"of buffer 1"},
     R"(
  {{%v = load i32, ptr addrspace(1) %y
  %w = add i32 %v, 1
  store i32 %w, ptr addrspace(1) %y||%v = atomicrmw add ptr addrspace(1) %y, i32 1 monotonic}})"},
};

const std::vector<Planted> waits = {
    {"two_barriers",
     "DLC6108",
     {"must be reached by the whole block, but got thread"},
     R"(
  br i1 {{%low||true}}, label %a, label %b
a:
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  br label %end
b:
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  br label %end
end:)"},
    {"early_exit",
     "DLC6109",
     {"but got thread 48 at its end"},
     R"(
  %in = icmp ult i32 %tid, {{48||64}}
  br i1 %in, label %go, label %end
go:
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  br label %end
end:)"},
    {"lane_missing",
     "DLC6110",
     {"'shuffle down' (site 0)", "lanes of mask 0xffffffff, but got thread 16 "
                                 "at its end"},
     R"(
  br i1 %lane.low, label %go, label %end
go:
  %v = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 {{-1||65535}}, i32 %tid, i32 0, i32 31)
  br label %end
end:)"},
    {"vote_at_barrier",
     "DLC6110",
     {"'vote ballot'", "thread 16 at 'barrier'"},
     R"(
  br i1 {{%lane.low||true}}, label %go, label %end
go:
  %v = call i32 @llvm.nvvm.vote.ballot.sync(i32 -1, i1 true)
  br label %end
end:
  call void @llvm.nvvm.barrier0())"},
    {"not_in_mask",
     "DLC6110",
     {"but got lane 5, which is not one"},
     R"(
  %five = icmp eq i32 %lane, 5
  br i1 %five, label %go, label %end
go:
  %v = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 {{31||32}}, i32 %tid, i32 5, i32 31)
  br label %end
end:)"},
    {"outside_mask",
     "DLC6111",
     {"'shuffle idx'", "must read from lanes of mask 0xffff, but got lane 20"},
     R"(
  br i1 %lane.low, label %go, label %end
go:
  %v = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 65535, i32 %tid, i32 {{20||2}}, i32 31)
  br label %end
end:)"},
    {"stuck",
     "DLC6112",
     {"must wait or end within"},
     R"(
  br label %loop
loop:
  %v = load volatile i32, ptr addrspace(1) %x
  %again = icmp eq i32 %v, {{0||1}}
  br i1 %again, label %loop, label %end
end:)"},
    {"trap",
     "DLC6113",
     {"'trap' (site 0) by thread 7 of block 0"},
     R"(
  %bad = icmp eq i32 %tid, {{7||64}}
  br i1 %bad, label %stop, label %end
stop:
  call void @llvm.trap()
  unreachable
end:)"},
};

void checkAll(const std::vector<Planted> &bugs) {
  std::string text = globals;
  for (const Planted &bug : bugs)
    text += textOf(bug, false) + textOf(bug, true);
  EmulatedKernels kernels(text);
  ASSERT_EQ(kernels.getError(), "");
  for (const Planted &bug : bugs)
    for (uint64_t seed : {0, 1, 2}) {
      auto run = [&](const char *suffix) {
        // One behind the other, as in an arena.
        alignas(64) std::byte memory[64 * 4 + 128 * 4] = {};
        return kernels.run(std::string(bug.name) + suffix,
                           {{memory, 256}, {memory + 256, 512}}, bug.blocks,
                           bug.threads, seed, 1 << 16);
      };
      Status wrong = run("_wrong");
      EXPECT_EQ(wrong.id(), bug.id) << bug.name << ": " << wrong.toString();
      for (const char *part : bug.parts)
        EXPECT_NE(wrong.message().find(part), std::string::npos)
            << bug.name << ": " << wrong.toString() << " lacks " << part;
      Status right = run("_right");
      EXPECT_TRUE(right.isOk()) << bug.name << ": " << right.toString();
    }
}

} // namespace

TEST(Report, MemoryBugs_AreFound) { checkAll(memoryBugs); }
TEST(Report, Races_AreFound) { checkAll(races); }
TEST(Report, WaitingBugs_AreFound) { checkAll(waits); }
