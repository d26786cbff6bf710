#include "runtime/cuda/CudaCode.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace dlc::rt::cuda {

namespace {

/// "sm_90a" taken apart.
struct Architecture {
  bool isCubin = false, isExact = false;
  int number = -1;
};

Architecture parse(std::string_view name) {
  Architecture result;
  std::string_view digits;
  if (name.starts_with("sm_")) {
    result.isCubin = true;
    digits = name.substr(3);
  } else if (name.starts_with("compute_")) {
    digits = name.substr(8);
  }
  auto [end, failure] = std::from_chars(
      digits.data(), digits.data() + digits.size(), result.number);
  if (failure != std::errc())
    result.number = -1;
  result.isExact = end != digits.data() + digits.size();
  return result;
}

} // namespace

std::string_view chooseCode(const std::vector<std::string_view> &architectures,
                            int gpu) {
  std::string_view best;
  int bestRank = -1;
  for (std::string_view name : architectures) {
    Architecture code = parse(name);
    bool isUsable = code.number >= 0 && code.number <= gpu &&
                    (!code.isExact || code.number == gpu) &&
                    (!code.isCubin || code.number / 10 == gpu / 10);
    // Any cubin before any PTX; of equal numbers the one for this GPU alone.
    int rank = code.number * 2 + code.isExact + (code.isCubin ? 1 << 20 : 0);
    if (isUsable && rank > bestRank) {
      best = name;
      bestRank = rank;
    }
  }
  return best;
}

Result<ModuleHandle> loadModule(const Driver &driver, const void *image,
                                std::string_view what) {
  std::array<char, 4096> log = {};
  int options[] = {jitErrorLog, jitErrorLogBytes};
  // The size travels in the pointer itself.
  void *values[] = {log.data(), reinterpret_cast<void *>(log.size() - 1)};
  ModuleHandle module = nullptr;
  DriverCode code =
      driver.api().cuModuleLoadDataEx(&module, image, 2, options, values);
  if (code == driverSuccess)
    return Result<ModuleHandle>(module);
  if (code == driverOutOfMemory)
    return driver.error(code, "cuModuleLoadDataEx");
  const char *name = nullptr;
  driver.api().cuGetErrorName(code, &name);
  return DLC_ERROR(Unsupported, "DLC6206", what, " must load on '",
                   driver.name(), "' (sm_", driver.architecture(),
                   ") with this driver, but got ", name ? name : "no name",
                   " (", code, ") from cuModuleLoadDataEx", log[0] ? ": " : "",
                   log.data());
}

Result<std::shared_ptr<const CudaCode>>
CudaCode::load(const Driver &driver, const Artifact &artifact) {
  std::shared_ptr<CudaCode> code(new CudaCode(driver));
  ContextScope scope(driver);
  DLC_RETURN_IF_ERROR(code->loadKernels(artifact));
  DLC_RETURN_IF_ERROR(code->loadConstants(artifact));
  const fb::Tuning *tuning = artifact.header().tuning();
  bool isOfThisGpu = tuning && tuning->device() &&
                     tuning->device()->string_view() == driver.name();
  if (isOfThisGpu && tuning->libraries())
    for (const flatbuffers::String *library : *tuning->libraries())
      code->tunedLibraries.push_back(library->str());
  return std::shared_ptr<const CudaCode>(std::move(code));
}

bool CudaCode::isTunedWith(std::string_view library) const {
  return std::ranges::find(tunedLibraries, library) != tunedLibraries.end();
}

CudaCode::~CudaCode() {
  ContextScope scope(driver);
  if (module)
    driver.api().cuModuleUnload(module);
  driver.free(constantBytes);
}

Status CudaCode::loadKernels(const Artifact &artifact) {
  const auto *records = artifact.header().kernels();
  if (!records || records->size() == 0)
    return Status::ok();
  std::vector<std::string_view> architectures = artifact.architectures();
  std::string_view chosen = chooseCode(architectures, driver.architecture());
  if (chosen.empty())
    return DLC_ERROR(Unsupported, "DLC6205", "artifact must hold code for '",
                     driver.name(), "', a cubin of sm_", driver.architecture(),
                     " or PTX that is not newer, but got ",
                     listOf(architectures));
  std::span<const std::byte> bytes = artifact.code(chosen);
  // PTX is text that must end in a zero, which a section does not have.
  std::string text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  DLC_ASSIGN_OR_RETURN(
      module, loadModule(driver, text.c_str(), concat("code '", chosen, "'")));
  for (const fb::Kernel *record : *records) {
    CudaKernel kernel;
    kernel.symbol = record->symbol()->string_view();
    kernel.threads = record->threads();
    kernel.isTable = record->is_table();
    if (DriverCode code = driver.api().cuModuleGetFunction(
            &kernel.function, module, record->symbol()->c_str()))
      return driver.error(code, "cuModuleGetFunction")
          .withContext(concat("kernel '", kernel.symbol, "'"));
    int most = 0;
    DLC_CUDA(driver, cuFuncGetAttribute, &most, functionMaxThreads,
             kernel.function);
    if (kernel.threads == 0 || kernel.threads > static_cast<unsigned>(most))
      return DLC_ERROR(Unsupported, "DLC6213", "kernel '", kernel.symbol,
                       "' must have from 1 to ", most,
                       " threads per block here, but got ", kernel.threads);
    kernels.push_back(kernel);
  }
  return Status::ok();
}

Status CudaCode::loadConstants(const Artifact &artifact) {
  std::span<const std::byte> bytes =
      artifact.section(fb::SectionKind::Constants);
  if (bytes.empty())
    return Status::ok();
  DLC_ASSIGN_OR_RETURN(constantBytes, driver.allocate(bytes.size()));
  DLC_RETURN_IF_ERROR(driver.fill(constantBytes, bytes.data(), bytes.size()));
  artifact.releasePages(fb::SectionKind::Constants);
  return Status::ok();
}

} // namespace dlc::rt::cuda
