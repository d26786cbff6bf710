#include "runtime/cuda/HelperKernels.h"

#include "runtime/cuda/CudaCode.h"

namespace dlc::rt::cuda {

static constexpr unsigned blockThreads = 256;

/// A kernel whose threads each do `body` for their element: %d0 is its number,
/// %d1 to %d5 are from, to, count, x and y.
static std::string kernelPtx(const char *name, const std::string &body) {
  return concat(".visible .entry ", name, R"((
    .param .u64 from_p, .param .u64 to_p, .param .u64 count_p,
    .param .u64 x_p, .param .u64 y_p)
{
  .reg .pred %p<4>;
  .reg .b16 %h<4>;
  .reg .b32 %r<12>;
  .reg .f32 %f<2>;
  .reg .b64 %d<16>;
  mov.u32 %r0, %ctaid.x;
  mov.u32 %r1, %ntid.x;
  mov.u32 %r2, %tid.x;
  mul.wide.u32 %d0, %r0, %r1;
  cvt.u64.u32 %d6, %r2;
  add.u64 %d0, %d0, %d6;
  ld.param.u64 %d3, [count_p];
  setp.ge.u64 %p0, %d0, %d3;
  @%p0 bra done;
  ld.param.u64 %d1, [from_p];
  cvta.to.global.u64 %d1, %d1;
  ld.param.u64 %d2, [to_p];
  cvta.to.global.u64 %d2, %d2;
  ld.param.u64 %d4, [x_p];
  ld.param.u64 %d5, [y_p];
)",
                body, "done:\n  ret;\n}\n");
}

/// %d7 = %d1 + `from` * element, %d8 = %d2 + `to` * element.
static std::string addresses(int from, int to) {
  return concat("  mad.lo.u64 %d7, %d0, ", from, ", %d1;\n",
                "  mad.lo.u64 %d8, %d0, ", to, ", %d2;\n");
}

static std::string swapBody(int width) {
  int bits = width * 8;
  std::string value = bits == 16 ? "%h0" : bits == 32 ? "%r9" : "%d9";
  // Element [o, j, i] of the result, i in [0, a), is [o, i, j] of the operand.
  return concat(R"(
  cvt.u32.u64 %r3, %d0;
  cvt.u32.u64 %r4, %d4;
  cvt.u32.u64 %r5, %d5;
  div.u32 %r6, %r3, %r4;
  mul.lo.u32 %r7, %r6, %r4;
  sub.u32 %r7, %r3, %r7;
  div.u32 %r8, %r6, %r5;
  mul.lo.u32 %r10, %r8, %r5;
  sub.u32 %r10, %r6, %r10;
  mad.lo.u32 %r8, %r8, %r4, %r7;
  mad.lo.u32 %r8, %r8, %r5, %r10;
  cvt.u64.u32 %d6, %r8;
)",
                "  mad.lo.u64 %d7, %d6, ", width, ", %d1;\n",
                "  mad.lo.u64 %d8, %d0, ", width, ", %d2;\n", "  ld.global.b",
                bits, " ", value, ", [%d7];\n", "  st.global.b", bits,
                " [%d8], ", value, ";\n");
}

/// x masks the exponent. y is 0, or masks the fraction: then infinity is none
/// of what is looked for.
static std::string scanBody(int width) {
  std::string load;
  if (width == 2)
    load = "  ld.global.u16 %h0, [%d7];\n  cvt.u64.u16 %d9, %h0;\n";
  else if (width == 4)
    load = "  ld.global.u32 %r3, [%d7];\n  cvt.u64.u32 %d9, %r3;\n";
  else
    load = "  ld.global.u64 %d9, [%d7];\n";
  return concat("  mad.lo.u64 %d7, %d0, ", width, ", %d1;\n", load, R"(
  and.b64 %d10, %d9, %d4;
  setp.ne.u64 %p1, %d10, %d4;
  @%p1 bra done;
  and.b64 %d11, %d9, %d5;
  setp.ne.u64 %p2, %d5, 0;
  setp.eq.and.u64 %p3, %d11, 0, %p2;
  @%p3 bra done;
  mov.u32 %r9, 1;
  st.global.u32 [%d2], %r9;
)");
}

std::string helperPtx() {
  std::string text = "// Kernels of dlc's runtime.\n.version 7.0\n"
                     ".target sm_80\n.address_size 64\n";
  auto narrow = [](const char *convert) {
    return concat(addresses(4, 2), "  ld.global.f32 %f0, [%d7];\n  ", convert,
                  " %h0, %f0;\n  st.global.b16 [%d8], %h0;\n");
  };
  text += kernelPtx("dlc_narrow_bf16", narrow("cvt.rn.bf16.f32"));
  text += kernelPtx("dlc_narrow_f16", narrow("cvt.rn.f16.f32"));
  text += kernelPtx("dlc_widen_bf16", addresses(2, 4) +
                                          "  ld.global.u16 %h0, [%d7];\n"
                                          "  cvt.u32.u16 %r3, %h0;\n"
                                          "  shl.b32 %r3, %r3, 16;\n"
                                          "  st.global.b32 [%d8], %r3;\n");
  text += kernelPtx("dlc_widen_f16", addresses(2, 4) +
                                         "  ld.global.b16 %h0, [%d7];\n"
                                         "  cvt.f32.f16 %f0, %h0;\n"
                                         "  st.global.f32 [%d8], %f0;\n");
  for (int width : {2, 4, 8}) {
    text += kernelPtx(concat("dlc_swap_", width).c_str(), swapBody(width));
    text += kernelPtx(concat("dlc_scan_", width).c_str(), scanBody(width));
  }
  return text;
}

Result<std::unique_ptr<HelperKernels>>
HelperKernels::load(const Driver &driver) {
  std::unique_ptr<HelperKernels> helpers(new HelperKernels(driver));
  std::string text = helperPtx();
  DLC_ASSIGN_OR_RETURN(helpers->module,
                       loadModule(driver, text.c_str(), "the runtime's PTX"));
  const std::pair<const char *, FunctionHandle *> names[] = {
      {"dlc_narrow_bf16", &helpers->narrowBfloat},
      {"dlc_narrow_f16", &helpers->narrowHalf},
      {"dlc_widen_bf16", &helpers->widenBfloat},
      {"dlc_widen_f16", &helpers->widenHalf},
      {"dlc_swap_2", &helpers->swap2},
      {"dlc_swap_4", &helpers->swap4},
      {"dlc_swap_8", &helpers->swap8},
      {"dlc_scan_2", &helpers->scan2},
      {"dlc_scan_4", &helpers->scan4},
      {"dlc_scan_8", &helpers->scan8}};
  for (auto [name, function] : names)
    DLC_CUDA(driver, cuModuleGetFunction, function, helpers->module, name);
  return Result<std::unique_ptr<HelperKernels>>(std::move(helpers));
}

HelperKernels::~HelperKernels() {
  if (module)
    driver.api().cuModuleUnload(module);
}

HelperCall HelperKernels::narrow(DType type, DeviceAddress from,
                                 DeviceAddress to, uint64_t count) const {
  return {type == DType::BF16 ? narrowBfloat : narrowHalf, from, to, count};
}

HelperCall HelperKernels::widen(DType type, DeviceAddress from,
                                DeviceAddress to, uint64_t count) const {
  return {type == DType::BF16 ? widenBfloat : widenHalf, from, to, count};
}

HelperCall HelperKernels::swap(uint64_t width, DeviceAddress from,
                               DeviceAddress to, uint64_t outer, uint64_t a,
                               uint64_t b) const {
  FunctionHandle function = width == 2 ? swap2 : width == 4 ? swap4 : swap8;
  return {function, from, to, outer * a * b, a, b};
}

std::optional<HelperCall> HelperKernels::scan(DType type, DeviceAddress from,
                                              DeviceAddress flag,
                                              uint64_t count,
                                              bool allowsInfinity) const {
  struct Format {
    DType type;
    FunctionHandle function;
    uint64_t exponent, fraction;
  };
  const Format formats[] = {
      {DType::F64, scan8, 0x7ff0000000000000, 0x000fffffffffffff},
      {DType::F32, scan4, 0x7f800000, 0x007fffff},
      {DType::F16, scan2, 0x7c00, 0x03ff},
      {DType::BF16, scan2, 0x7f80, 0x007f}};
  for (const Format &format : formats)
    if (format.type == type)
      return HelperCall{format.function,
                        from,
                        flag,
                        count,
                        format.exponent,
                        allowsInfinity ? format.fraction : 0};
  return std::nullopt;
}

Status HelperKernels::launch(const HelperCall &call,
                             StreamHandle stream) const {
  if (call.count == 0)
    return Status::ok();
  HelperCall values = call;
  void *parameters[] = {&values.from, &values.to, &values.count, &values.x,
                        &values.y};
  auto blocks =
      static_cast<unsigned>((call.count + blockThreads - 1) / blockThreads);
  DLC_CUDA(driver, cuLaunchKernel, call.function, blocks, 1, 1, blockThreads, 1,
           1, 0, stream, parameters, nullptr);
  return Status::ok();
}

} // namespace dlc::rt::cuda
