//===- Ptxas.cpp - PTX to machine code of one architecture ----------------===//
#include "compiler/codegen/gpu/Ptxas.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"

#include <cstdlib>

using namespace mlir;

namespace dlc::gpu {

std::string findPtxas() {
  if (auto path = llvm::sys::findProgramByName("ptxas"))
    return *path;
  std::vector<std::string> folders;
  if (const char *home = std::getenv("CUDA_HOME"))
    folders.push_back(std::string(home) + "/bin");
  folders.push_back("/usr/local/cuda/bin");
  for (const std::string &folder : folders)
    if (auto path = llvm::sys::findProgramByName("ptxas", {folder}))
      return *path;
  return "";
}

/// Reads what `ptxas -v` says of each kernel:
///   ptxas info    : Compiling entry function 'map_1f' for 'sm_90'
///       0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
///   ptxas info    : Used 24 registers, used 0 barriers, 1024 bytes smem, …
static std::vector<KernelResources> readResources(StringRef log) {
  std::vector<KernelResources> kernels;
  llvm::Regex entry("entry function '([^']+)' for '([^']+)'"),
      spills("([0-9]+) bytes spill stores, ([0-9]+) bytes spill loads"),
      registers("Used ([0-9]+) registers"), shared("([0-9]+) bytes smem");
  SmallVector<StringRef> lines, found;
  log.split(lines, '\n');
  auto number = [&](unsigned group) {
    unsigned value = 0;
    (void)found[group].getAsInteger(10, value);
    return value;
  };
  for (StringRef line : lines) {
    if (entry.match(line, &found)) {
      kernels.push_back({found[1].str(), found[2].str()});
      continue;
    }
    if (kernels.empty())
      continue;
    if (spills.match(line, &found))
      kernels.back().spillBytes = number(1) + number(2);
    if (registers.match(line, &found))
      kernels.back().registers = number(1);
    if (shared.match(line, &found))
      kernels.back().sharedBytes = number(1);
  }
  return kernels;
}

static std::string contents(StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  return file ? (*file)->getBuffer().str() : "";
}

static FailureOr<Cubin> run(StringRef ptx, StringRef arch,
                            const std::string &path, Location loc) {
  SmallString<128> folder;
  if (std::error_code error =
          llvm::sys::fs::createUniqueDirectory("dlc-ptx", folder))
    return emitError(loc) << "a temporary folder expects to be writable, but "
                             "got '"
                          << error.message() << "' [DLC4003]";
  llvm::scope_exit cleanup(
      [&] { llvm::sys::fs::remove_directories(folder); });
  std::string source = (folder + "/kernels.ptx").str(),
              output = (folder + "/kernels.cubin").str(),
              log = (folder + "/log").str();
  {
    std::error_code error;
    llvm::raw_fd_ostream out(source, error);
    if (!error)
      out << ptx;
    if (error || out.has_error())
      return emitError(loc) << "a temporary folder expects to be writable, but "
                               "got a failed write [DLC4003]";
  }
  std::string target = "-arch=" + arch.str();
  // No contraction: see Ptx.h.
  std::vector<StringRef> arguments = {path,   "-v",   "-O3", "-fmad=false",
                                      target, source, "-o",  output};
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(log),
                                          StringRef(log)};
  std::string message;
  int status = llvm::sys::ExecuteAndWait(path, arguments, std::nullopt,
                                         redirects, 0, 0, &message);
  std::string said = contents(log);
  if (status != 0) {
    if (message.empty())
      message = StringRef(said).split('\n').first.str();
    if (message.empty())
      message = "exit status " + std::to_string(status);
    return emitError(loc) << "'ptxas' must take the kernels for '" << arch
                          << "', but got '" << message << "' [DLC4204]";
  }
  return Cubin{contents(output), readResources(said)};
}

static unsigned spillBytes(const Cubin &cubin) {
  unsigned sum = 0;
  for (const KernelResources &kernel : cubin.kernels)
    sum += kernel.spillBytes;
  return sum;
}

std::string withWorkgroups(StringRef ptx, ArrayRef<KernelResources> kernels,
                           unsigned workgroups) {
  std::string text = ptx.str();
  const std::string demand =
      "\n.minnctapersm " + std::to_string(workgroups);
  for (const KernelResources &kernel : kernels) {
    size_t entry = text.find(".entry " + kernel.symbol + "(");
    size_t body = text.find("\n{", entry);
    if (entry == std::string::npos || body == std::string::npos)
      continue;
    size_t old = text.find("\n.minnctapersm", entry);
    if (old < body)
      text.replace(old, text.find('\n', old + 1) - old, demand);
    else
      text.insert(body, demand);
  }
  return text;
}

FailureOr<Cubin> assemble(StringRef ptx, StringRef arch,
                          const std::string &path, Location loc) {
  std::string text = ptx.str();
  FailureOr<Cubin> best = run(text, arch, path, loc);
  for (unsigned workgroups : {2, 1}) {
    if (failed(best) || spillBytes(*best) == 0)
      return best;
    std::vector<KernelResources> spilling;
    llvm::copy_if(
        best->kernels, std::back_inserter(spilling),
        [](const KernelResources &kernel) { return kernel.spillBytes > 0; });
    std::string demanding = withWorkgroups(text, spilling, workgroups);
    FailureOr<Cubin> next = run(demanding, arch, path, loc);
    if (failed(next) || spillBytes(*next) >= spillBytes(*best))
      continue;
    best = std::move(next);
    text = std::move(demanding);
  }
  return best;
}

} // namespace dlc::gpu
