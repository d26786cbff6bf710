//===- Inspect.cpp - dlc inspect ------------------------------------------===//
#include "tools/dlc/ArtifactReport.h"
#include "tools/dlc/CompileFlags.h"
#include "tools/report/MemoryText.h"
#include "tools/report/Roofline.h"
#include "tools/support/Failure.h"

#include <iostream>

namespace dlc::tools {

namespace {

struct Flags {
  std::string model, plan, roofline, entry = "step", code;
  bool isJson = false, isAll = false;
  CompileFlags compile;
};

/// A plan is enough: neither its code nor its memory is needed.
struct Planned {
  /// The header lies in one of these.
  std::shared_ptr<const rt::Artifact> artifact;
  std::optional<Plan> plan;

  /// The plan for targets of `kind`; the outer one where there is none.
  const fb::Artifact &header(const std::string &kind) const {
    const fb::Artifact &outer = plan ? plan->artifact() : artifact->header();
    if (outer.variants())
      for (const fb::Artifact *variant : *outer.variants())
        if (targetKindOf(*variant) == kind)
          return *variant;
    return outer;
  }
};

} // namespace

/// `kind`: of the target that the plan is for, unless an option says another.
static Planned planOf(const Flags &flags, const std::string &kind) {
  flags.compile.checkSupported();
  std::unique_ptr<Model> model = Model::open(flags.model);
  if (model->isArtifact() && !flags.compile.isGiven())
    return {model->stored().artifact, std::nullopt};
  ModelOptions options = model->storedOptions();
  flags.compile.apply(options);
  if (!flags.compile.hasTarget())
    options.target = kind;
  DimBinding::bindBatch(*model, flags.compile.batch, options);
  if (options.has(flags.entry))
    options.entries = {flags.entry};
  return {nullptr, model->plan(options)};
}

static const ProgramFacts &programOf(const Facts &facts,
                                     const std::string &entry) {
  std::string known;
  for (const ProgramFacts &program : facts.programs) {
    if (program.name == entry)
      return program;
    known += (known.empty() ? "" : ", ") + program.name;
  }
  fail("DLC5302", "entry must be one of the program's (",
       known.empty() ? "none" : known, "), but got '", entry, "'");
}

static void runRoofline(const Flags &flags) {
  constexpr size_t shown = 25;
  // Before anything is compiled: the name may be wrong.
  const DeviceModel *known = findDeviceModel(flags.roofline);
  if (!known && flags.roofline != "cpu")
    deviceByName(flags.roofline, rt::DType::F32);
  std::string kind = known ? known->target : "cpu";
  Planned planned = planOf(flags, kind);
  const fb::Artifact &header = planned.header(kind);
  Facts facts = factsOf(header, 0, /*threads=*/1);
  const ProgramFacts &program = programOf(facts, flags.entry);
  std::string precision =
      header.precision() ? header.precision()->str() : "f32";
  DeviceModel device = deviceByName(
      flags.roofline, rt::dtypeFromName(precision).value_or(rt::DType::F32));
  Roofline roofline = rooflineOf(program, facts.memory.stateBytes, device,
                                 precision, targetKindOf(header));
  size_t count = flags.isAll ? program.instructions.size() : shown;
  if (flags.isJson) {
    Json json = {{"version", kJsonVersion}, {"model", flags.model}};
    json.update(rooflineJson(roofline, count));
    printJson(json);
    return;
  }
  std::cout << flags.model << ": " << rooflineText(roofline, count);
}

/// Writes the code for an architecture as it is: text for PTX, bytes for others.
static void printCode(const Flags &flags) {
  Built built = openOrCompile(flags.model, flags.compile);
  std::string known;
  for (const auto &plan : plansOf(built.artifact))
    for (std::string_view arch : plan->architectures()) {
      if (arch == flags.code) {
        auto code = plan->code(arch);
        std::cout.write(reinterpret_cast<const char *>(code.data()),
                        std::streamsize(code.size()));
        return;
      }
      if (!arch.empty())
        known += (known.empty() ? "" : ", ") + std::string(arch);
    }
  fail("DLC5303", "code must be asked for by an architecture of the artifact (",
       known.empty() ? "none" : known, "), but got '", flags.code, "'");
}

static void runInspect(const Flags &flags) {
  if (!flags.roofline.empty()) {
    runRoofline(flags);
    return;
  }
  if (!flags.code.empty()) {
    printCode(flags);
    return;
  }
  Built built = openOrCompile(flags.model, flags.compile);
  std::string targets = targetsText(built.artifact);
  if (!flags.plan.empty())
    built.artifact = check(rt::Artifact::forTarget(built.artifact, flags.plan));
  if (flags.isJson) {
    printJson(inspectJson(built, flags.model));
    return;
  }
  std::cout << flags.model << ": for " << targets << "\n"
            << entryTable(*built.artifact)
            << memoryTable(documentOf(built, flags.model).facts)
            << parameterTable(built.report) << kernelTable(*built.artifact);
  printRemarks(built.report.remarks);
}

void addInspect(CLI::App &app) {
  auto flags = std::make_shared<Flags>();
  CLI::App *command = app.add_subcommand(
      "inspect", "Show inputs, outputs, parameters, memory and kernels");
  command->add_option("MODEL", flags->model, "an artifact, or an .onnx file")
      ->required();
  command->add_flag("--json", flags->isJson, "print one JSON document");
  CLI::Option *plan = command->add_option(
      "--plan", flags->plan,
      "cpu or cuda: which plan to show of an artifact for both [the first]");
  CLI::Option *roofline = command->add_option(
      "--roofline", flags->roofline,
      "predict the time of an entry's instructions on a device: h200, h100, "
      "a100, cpu-amx-2, or cpu for this machine");
  roofline->excludes(plan);
  command
      ->add_option("--code", flags->code,
                   "write the kernels' code for an architecture to stdout: "
                   "compute_80 (PTX), sm_90, x86_64")
      ->excludes(roofline)
      ->excludes(plan);
  command->add_option("--entry", flags->entry, "the entry to predict [step]")
      ->needs(roofline);
  command
      ->add_flag("--all", flags->isAll,
                 "all instructions, not just the slowest 25")
      ->needs(roofline);
  flags->compile.add(*command, /*withEntries=*/true);
  command->callback([flags] { runInspect(*flags); });
}

} // namespace dlc::tools
