//===- Targets.cpp - what a program is compiled for -----------------------===//
#include "compiler/driver/Targets.h"

#include "compiler/codegen/gpu/Ptx.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace dlc {

/// What `cuda` alone means: machine code for the GPUs of two generations; the
/// driver makes that of later ones from the PTX that is always there.
static const char *const defaultArchitectures[] = {"sm_80", "sm_90"};

StringRef nameOf(TargetKind kind) {
  return kind == TargetKind::Cpu ? "cpu" : "cuda";
}

static Error refuse(StringRef got) {
  return createStringError(
      "target expects 'cpu', 'cuda', 'cuda:sm_NN,…' from sm_80 on, "
      "'emulated', or several with commas, but got '" +
      got + "'");
}

Expected<Targets> parseTargets(StringRef text) {
  Targets targets;
  auto add = [&](TargetKind kind) {
    if (!is_contained(targets.kinds, kind))
      targets.kinds.push_back(kind);
  };
  bool takesArchitectures = false;
  SmallVector<StringRef> words;
  text.split(words, ',');
  for (StringRef word : words) {
    StringRef arch = word.trim();
    if (arch == "cpu" || arch == "emulated" || arch == "cuda") {
      add(arch == "cpu" ? TargetKind::Cpu : TargetKind::Cuda);
      targets.isEmulated |= arch == "emulated";
      takesArchitectures = false;
      if (arch == "cuda")
        for (const char *each : defaultArchitectures)
          targets.architectures.push_back(each);
      continue;
    }
    if (arch.consume_front("cuda:")) {
      add(TargetKind::Cuda);
      takesArchitectures = true;
    }
    if (!takesArchitectures || !gpu::isKnownArchitecture(arch))
      return refuse(word.trim());
    targets.architectures.push_back(arch.str());
  }
  sort(targets.architectures, [](const std::string &a, const std::string &b) {
    return gpu::architectureNumber(a) < gpu::architectureNumber(b);
  });
  targets.architectures.erase(llvm::unique(targets.architectures),
                              targets.architectures.end());
  return targets;
}

} // namespace dlc
