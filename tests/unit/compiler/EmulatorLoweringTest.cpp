//===- EmulatorLoweringTest.cpp - what the emulator refuses ---------------===//
#include "tests/unit/compiler/EmulatedKernels.h"

#include <gtest/gtest.h>

using namespace dlc::test;

static std::string errorOf(const std::string &body) {
  return EmulatedKernels(body).getError();
}

TEST(EmulatorLowering, UnknownParts_AreNamed) {
  std::string clock = errorOf(R"(
declare i32 @llvm.nvvm.read.ptx.sreg.clock()
define ptx_kernel void @k(ptr addrspace(1) %y) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.clock()
  store i32 %t, ptr addrspace(1) %y
  ret void
}
)");
  EXPECT_EQ(clock, "kernel 'k' expects instructions that it has for the "
                   "emulated device, but got "
                   "'llvm.nvvm.read.ptx.sreg.clock' [DLC6101]");
  std::string call = errorOf(R"(
declare float @__nv_expf(float)
define ptx_kernel void @k(ptr addrspace(1) %y) {
  %t = call float @__nv_expf(float 1.0)
  store float %t, ptr addrspace(1) %y
  ret void
}
)");
  EXPECT_NE(call.find("'__nv_expf' [DLC6101]"), std::string::npos) << call;
  std::string assembly = errorOf(R"(
define ptx_kernel void @k() {
  call void asm sideeffect "nop", ""()
  ret void
}
)");
  EXPECT_NE(assembly.find("inline assembly"), std::string::npos) << assembly;
  std::string variable = errorOf(R"(
@count = addrspace(1) global i32 0
define ptx_kernel void @k() {
  store i32 1, ptr addrspace(1) @count
  ret void
}
)");
  EXPECT_NE(variable.find("variable 'count'"), std::string::npos) << variable;
}
