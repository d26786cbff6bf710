//===- EmulatedKernels.cpp - kernels in LLVM IR on the emulator -----------===//
#include "tests/unit/compiler/EmulatedKernels.h"

#include "compiler/codegen/gpu/EmulatorLowering.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

namespace dlc::test {

static const char *const header = R"(
target triple = "nvptx64-nvidia-cuda"
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.tid.y()
declare i32 @llvm.nvvm.read.ptx.sreg.tid.z()
declare i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ntid.y()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.nctaid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.laneid()
declare i32 @llvm.nvvm.read.ptx.sreg.warpid()
declare i32 @llvm.nvvm.read.ptx.sreg.warpsize()
declare void @llvm.nvvm.barrier.cta.sync.aligned.all(i32)
declare void @llvm.nvvm.barrier0()
declare void @llvm.nvvm.bar.warp.sync(i32)
declare void @llvm.nvvm.membar.cta()
declare i32 @llvm.nvvm.activemask()
declare i32 @llvm.nvvm.shfl.sync.up.i32(i32, i32, i32, i32)
declare i32 @llvm.nvvm.shfl.sync.down.i32(i32, i32, i32, i32)
declare i32 @llvm.nvvm.shfl.sync.idx.i32(i32, i32, i32, i32)
declare float @llvm.nvvm.shfl.sync.bfly.f32(i32, float, i32, i32)
declare float @llvm.nvvm.shfl.sync.down.f32(i32, float, i32, i32)
declare {i32, i1} @llvm.nvvm.shfl.sync.down.i32p(i32, i32, i32, i32)
declare i1 @llvm.nvvm.vote.all.sync(i32, i1)
declare i1 @llvm.nvvm.vote.any.sync(i32, i1)
declare i1 @llvm.nvvm.vote.uni.sync(i32, i1)
declare i32 @llvm.nvvm.vote.ballot.sync(i32, i1)
declare float @llvm.nvvm.fma.rn.f(float, float, float)
declare float @llvm.fma.f32(float, float, float)
declare <4 x float> @llvm.masked.load.v4f32.p1(ptr addrspace(1), i32, <4 x i1>, <4 x float>)
declare void @llvm.masked.store.v4f32.p1(<4 x float>, ptr addrspace(1), i32, <4 x i1>)
declare void @llvm.memset.p1.i64(ptr addrspace(1), i8, i64, i1)
declare void @llvm.memcpy.p1.p1.i64(ptr addrspace(1), ptr addrspace(1), i64, i1)
declare void @llvm.trap()
declare {float, float, float, float} @llvm.nvvm.mma.m16n8k16.row.col.bf16(i32, i32, i32, i32, i32, i32, float, float, float, float)
declare {float, float, float, float} @llvm.nvvm.mma.m16n8k8.row.col.tf32(i32, i32, i32, i32, i32, i32, float, float, float, float)
declare {i32, i32, i32, i32} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3(ptr addrspace(3))
declare {i32, i32} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x2.trans.b16.p3(ptr addrspace(3))
declare void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3), ptr addrspace(1))
declare void @llvm.nvvm.cp.async.ca.shared.global.8.s(ptr addrspace(3), ptr addrspace(1), i32)
declare void @llvm.nvvm.cp.async.commit.group()
declare void @llvm.nvvm.cp.async.wait.group(i32)
declare void @llvm.nvvm.cp.async.wait.all()
)";

EmulatedKernels::EmulatedKernels(const std::string &body) {
  mlir::MLIRContext mlirContext(mlir::MLIRContext::Threading::DISABLED);
  mlir::ScopedDiagnosticHandler handler(&mlirContext,
                                        [&](mlir::Diagnostic &diagnostic) {
                                          error += diagnostic.str();
                                          return mlir::success();
                                        });
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> module =
      llvm::parseAssemblyString(header + body, diagnostic, context);
  if (!module) {
    llvm::raw_string_ostream out(error);
    diagnostic.print("kernel", out);
    return;
  }
  llvm::Module *modules[] = {module.get()};
  mlir::FailureOr<std::string> object =
      gpu::emitEmulatedObject(modules, mlir::UnknownLoc::get(&mlirContext));
  if (failed(object))
    return;
  code = std::move(*object);
  int file = memfd_create("kernels", 0);
  if (write(file, code.data(), code.size()) != ssize_t(code.size())) {
    error = "the code could not be written";
    return;
  }
  std::string path = "/proc/self/fd/" + std::to_string(file);
  handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    error = dlerror();
  // The file stays open: its number is the library's name.
}

rt::Status EmulatedKernels::run(std::string_view name,
                                std::vector<rt::EmulatedBuffer> buffers,
                                uint32_t blocks, uint32_t threads,
                                uint64_t seed, uint64_t patience) const {
  std::string symbol(name);
  auto function =
      reinterpret_cast<rt::EmulatedFunction>(dlsym(handle, symbol.c_str()));
  symbol += DLC_EMULATED_KERNEL_SUFFIX;
  auto *kernel =
      static_cast<const dlc_emulated_kernel *>(dlsym(handle, symbol.c_str()));
  if (!function || !kernel)
    return DLC_ERROR(NotFound, "DLC6006", "kernel '", name,
                     "' must be in the code, but got none");
  DLC_ASSIGN_OR_RETURN(rt::EmulatedLaunch launch,
                       rt::EmulatedLaunch::create(
                           *kernel, function, rt::concat("kernel '", name, "'"),
                           std::move(buffers), blocks, threads));
  rt::EmulatorEngine engine(seed);
  engine.setPatience(patience);
  return engine.run(launch);
}

} // namespace dlc::test
