#include "runtime/cuda/Gpu.h"

#include <array>

namespace dlc::rt::cuda {

/// The first whose attribute values are those of today's headers.
static constexpr size_t leastBlas = 120000, leastDnn = 90000;

Result<std::unique_ptr<Blas>>
Blas::openOne(std::span<const std::string> names,
              std::span<const std::string> folders) {
  std::unique_ptr<Blas> blas(new Blas());
  DLC_ASSIGN_OR_RETURN(
      blas->file, SharedLibrary::open(names, folders, "DLC6208", "cuBLASLt"));
  std::vector<Slot> slots = blas->functions.slots();
  DLC_RETURN_IF_ERROR(resolve(blas->file, slots, "DLC6208"));
  size_t version = blas->api().cublasLtGetVersion();
  if (version < leastBlas)
    return DLC_ERROR(Unsupported, "DLC6208", "library '", blas->file.name(),
                     "' must be of version ", leastBlas, " or later, but got ",
                     version);
  DLC_CUDA_LIBRARY(*blas, cublasLtCreate, &blas->library);
  return Result<std::unique_ptr<Blas>>(std::move(blas));
}

Result<std::unique_ptr<Blas>> Blas::open(const LibraryNames &names) {
  // A library for a newer CUDA than the driver's loads, but does not begin:
  // then an older one may.
  std::span<const std::string> left = names.blas;
  Result<std::unique_ptr<Blas>> first = openOne(left, names.folders);
  while (!first.isOk() && left.size() > 1) {
    left = left.subspan(1);
    auto next = openOne(left, names.folders);
    if (next.isOk())
      return next;
  }
  return first;
}

Blas::~Blas() {
  if (library)
    functions.cublasLtDestroy(library);
}

std::string Blas::name() const {
  return concat("cuBLASLt ", functions.cublasLtGetVersion());
}

Status Blas::error(BlasCode code, const char *call) const {
  return DLC_ERROR(Io, "DLC6207", "call '", call, "' must succeed, but got ",
                   functions.cublasLtGetStatusName(code), " (", code,
                   "): ", functions.cublasLtGetStatusString(code));
}

Result<std::unique_ptr<Dnn>> Dnn::open(const LibraryNames &names) {
  std::unique_ptr<Dnn> dnn(new Dnn());
  // What cuDNN loads by name itself is found when it is in the process already;
  // without one of these it does with what it has.
  for (const auto &part : {names.blas, names.compiler})
    if (auto file = SharedLibrary::open(part, names.folders, "DLC6209",
                                        "a part of cuDNN");
        file.isOk())
      dnn->parts.push_back(std::move(*file));
  DLC_ASSIGN_OR_RETURN(dnn->file, SharedLibrary::open(names.dnn, names.folders,
                                                      "DLC6209", "cuDNN"));
  std::vector<Slot> slots = dnn->functions.slots();
  DLC_RETURN_IF_ERROR(resolve(dnn->file, slots, "DLC6209"));
  size_t version = dnn->api().cudnnGetVersion();
  if (version < leastDnn)
    return DLC_ERROR(Unsupported, "DLC6209", "library '", dnn->file.name(),
                     "' must be of version ", leastDnn, " or later, but got ",
                     version);
  return Result<std::unique_ptr<Dnn>>(std::move(dnn));
}

std::string Dnn::name() const {
  return concat("cuDNN ", functions.cudnnGetVersion());
}

Status Dnn::error(DnnCode code, const char *call) const {
  std::array<char, 512> detail = {};
  functions.cudnnGetLastErrorString(detail.data(), detail.size() - 1);
  return DLC_ERROR(Io, "DLC6207", "call '", call, "' must succeed, but got ",
                   functions.cudnnGetErrorString(code), " (", code, ")",
                   detail[0] ? ": " : "", detail.data());
}

Result<std::unique_ptr<Gpu>> Gpu::open(const LibraryNames &names, int ordinal) {
  std::unique_ptr<Gpu> gpu(new Gpu());
  gpu->names = names;
  DLC_ASSIGN_OR_RETURN(gpu->opened, Driver::open(names, ordinal));
  return Result<std::unique_ptr<Gpu>>(std::move(gpu));
}

Gpu::~Gpu() {
  if (!opened)
    return;
  {
    ContextScope scope(*opened);
    openedHelpers.reset();
    openedBlas.reset();
  }
  openedDnn.reset();
}

/// What `slot` holds, opened first if it is empty. The lock is the caller's.
template <typename T, typename Open>
static Result<const T *> once(std::unique_ptr<T> &slot, Open open) {
  if (!slot) {
    DLC_ASSIGN_OR_RETURN(slot, open());
  }
  return Result<const T *>(slot.get());
}

Result<const Blas *> Gpu::blas() {
  std::lock_guard lock(mutex);
  return once(openedBlas, [&] { return Blas::open(names); });
}

Result<const Dnn *> Gpu::dnn() {
  std::lock_guard lock(mutex);
  return once(openedDnn, [&] { return Dnn::open(names); });
}

Result<const HelperKernels *> Gpu::helpers() {
  std::lock_guard lock(mutex);
  return once(openedHelpers, [&] { return HelperKernels::load(*opened); });
}

const Ranges &Gpu::ranges() {
  std::lock_guard lock(mutex);
  if (!openedRanges)
    openedRanges.emplace(names);
  return *openedRanges;
}

} // namespace dlc::rt::cuda
