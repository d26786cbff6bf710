#include "runtime/cpu/LibraryContext.h"

#include "runtime/core/CheckedMath.h"

#include <cstdlib>
#include <cstring>

namespace dlc::rt {

BoundPrimitive::BoundPrimitive(const dnnl::engine &engine,
                               dnnl::primitive primitive,
                               std::vector<Argument> arguments, int workers)
    : primitive(std::move(primitive)), argumentCount(arguments.size()) {
  for (int worker = 0; worker < workers; ++worker)
    for (const Argument &argument : arguments) {
      memories.emplace_back(argument.desc, engine,
                            static_cast<void *>(DNNL_MEMORY_NONE));
      execArguments.push_back({argument.id, memories.back().get()});
    }
}

bool BoundPrimitive::run(int worker, const dnnl::stream &stream,
                         std::initializer_list<const void *> pointers) const {
  size_t first = static_cast<size_t>(worker) * argumentCount;
  size_t i = first;
  for (const void *pointer : pointers) {
    if (i == first + argumentCount)
      break;
    dnnl_memory_set_data_handle(memories[i++].get(),
                                const_cast<void *>(pointer));
  }
  return dnnl_primitive_execute(primitive.get(), stream.get(),
                                static_cast<int>(argumentCount),
                                &execArguments[first]) == dnnl_success;
}

LibraryContext::LibraryContext(int workers) : cpu(dnnl::engine::kind::cpu, 0) {
  for (int i = 0; i < workers; ++i)
    streams.emplace_back(cpu);
}

LibraryContext::~LibraryContext() { std::free(storage); }

static dnnl::primitive_attr attributesOf(const MatmulShape &shape) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops after;
  if (shape.accumulates)
    after.append_sum(1.0f);
  if (shape.activation != dnnl::algorithm::undef) {
    bool isSwish = shape.activation == dnnl::algorithm::eltwise_swish;
    after.append_eltwise(1.0f, shape.activation, isSwish ? 1.0f : 0.0f, 0.0f);
  }
  attributes.set_post_ops(after);
  return attributes;
}

Result<const BoundPrimitive *>
LibraryContext::matmul(const MatmulShape &s, uint64_t &scratchpadBytes) {
  if (auto found = matmuls.find(s); found != matmuls.end()) {
    scratchpadBytes = found->second.scratchpadBytes;
    return static_cast<const BoundPrimitive *>(found->second.primitive.get());
  }
  using Desc = dnnl::memory::desc;
  using Dims = dnnl::memory::dims;
  Desc a({s.m, s.k}, s.dtype, s.isATransposed ? Dims{1, s.m} : Dims{s.k, 1});
  Desc b = s.isBPacked ? Desc({s.k, s.n}, s.dtype,
                              dnnl::memory::format_tag::BA16a64b2a)
                       : Desc({s.k, s.n}, s.dtype,
                              s.isBTransposed ? Dims{1, s.k} : Dims{s.n, 1});
  Desc c({s.m, s.n}, s.resultType, Dims{s.n, 1});
  Desc bias = s.hasBias ? Desc({1, s.n}, dnnl::memory::data_type::f32,
                               Dims{s.n, 1})
                        : Desc();
  SingleThreadedLibraries oneThread;
  dnnl::matmul::desc operation = s.hasBias ? dnnl::matmul::desc(a, b, bias, c)
                                           : dnnl::matmul::desc(a, b, c);
  dnnl::matmul::primitive_desc description(operation, attributesOf(s), cpu,
                                           /*allow_empty=*/true);
  bool isFast = description && std::strncmp(description.impl_info_str(), "brg",
                                            3) == 0;
  if (!description || (s.isBPacked && !isFast))
    return DLC_ERROR(Unsupported, "DLC6003", "gemm of ", s.m, "x", s.n, "x",
                     s.k,
                     " must have a oneDNN implementation on this CPU, "
                     "but got none for its dtype");
  scratchpadBytes = alignUp(description.scratchpad_desc().get_size(), 4096);
  std::vector<BoundPrimitive::Argument> arguments = {
      {DNNL_ARG_SRC, a},
      {DNNL_ARG_WEIGHTS, b},
      {DNNL_ARG_DST, c},
      {s.hasBias ? DNNL_ARG_BIAS : DNNL_ARG_SCRATCHPAD,
       s.hasBias ? bias : description.scratchpad_desc()}};
  if (s.hasBias)
    arguments.push_back({DNNL_ARG_SCRATCHPAD, description.scratchpad_desc()});
  CachedMatmul entry{
      std::make_unique<BoundPrimitive>(cpu, dnnl::matmul(description),
                                       std::move(arguments), workers()),
      scratchpadBytes};
  const BoundPrimitive *result = entry.primitive.get();
  matmuls.emplace(s, std::move(entry));
  return result;
}

const BoundPrimitive *
LibraryContext::adopt(std::unique_ptr<BoundPrimitive> primitive) {
  adopted.push_back(std::move(primitive));
  return adopted.back().get();
}

void LibraryContext::reserveScratch(uint64_t bytes) {
  scratchBytes = std::max(scratchBytes, alignUp(bytes, 4096));
}

Status LibraryContext::allocate() {
  uint64_t bytes = totalScratchBytes();
  if (bytes == allocatedBytes)
    return Status::ok();
  std::free(storage);
  allocatedBytes = bytes;
  storage = static_cast<std::byte *>(std::aligned_alloc(4096, bytes));
  if (!storage)
    return DLC_ERROR(OutOfMemory, "DLC6002", "library scratch needs ", bytes,
                     " bytes, but got none from the system");
  return Status::ok();
}

} // namespace dlc::rt
