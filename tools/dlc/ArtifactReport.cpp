//===- ArtifactReport.cpp - what an artifact is made of -------------------===//
#include "tools/dlc/ArtifactReport.h"

#include "runtime/core/ThreadPool.h"
#include "tools/report/Facts.h"
#include "tools/support/Failure.h"
#include "tools/support/Text.h"

#include <algorithm>
#include <set>

namespace dlc::tools {

static std::vector<int64_t> dimsOf(const flatbuffers::Vector<int64_t> *dims) {
  return dims ? std::vector<int64_t>(dims->begin(), dims->end())
              : std::vector<int64_t>();
}

static std::string text(const flatbuffers::String *string) {
  return string ? string->str() : "";
}

template <typename T>
static std::vector<const T *>
listOf(const flatbuffers::Vector<flatbuffers::Offset<T>> *items) {
  return items ? std::vector<const T *>(items->begin(), items->end())
               : std::vector<const T *>();
}

//===----------------------------------------------------------------------===//
// Parameters, kernels, entries
//===----------------------------------------------------------------------===//

static uint64_t elementsOf(const std::vector<int64_t> &dims) {
  uint64_t count = 1;
  for (int64_t dim : dims)
    count *= static_cast<uint64_t>(dim);
  return count;
}

std::string parameterTable(const Report &report) {
  uint64_t tensors = 0, elements = 0, others = 0;
  Table table("lll");
  for (const Parameter &parameter : report.parameters)
    if (parameter.isTrained) {
      ++tensors;
      elements += elementsOf(parameter.dims);
    } else {
      ++others;
      table.row({parameter.name, formatDims(parameter.dims), parameter.reason});
    }
  return "trained " + formatCount(tensors) + " tensors / " +
         formatCount(elements) + " elements, not trained " +
         formatCount(others) + "\n" + table.text();
}

std::string instructionKind(const fb::Instruction &instruction) {
  switch (instruction.op_type()) {
  case fb::Op::Launch:
    return "kernel";
  case fb::Op::Gemm:
    return "gemm";
  case fb::Op::Conv:
    return "conv";
  case fb::Op::Attention:
    return "attention";
  case fb::Op::Copy:
    return "copy";
  case fb::Op::Fill:
    return "fill";
  case fb::Op::Transfer:
    return "transfer";
  case fb::Op::Wait:
    return "wait";
  default:
    return "none";
  }
}

std::string kernelName(const rt::Artifact &artifact,
                       const fb::Instruction &instruction) {
  const fb::Launch *launch = instruction.op_as_Launch();
  if (!launch)
    return instructionKind(instruction);
  return artifact.header().kernels()->Get(launch->kernel())->symbol()->str();
}

std::string kernelTable(const rt::Artifact &artifact) {
  size_t distinct = listOf(artifact.header().kernels()).size();
  std::string out = "kernels: " + formatCount(distinct) + " distinct\n";
  Table table("lrrrrrrr");
  table.row({"entry", "launches", "distinct", "gemm", "conv", "attention",
             "copies, fills", "moved"});
  for (const fb::Program *program : listOf(artifact.header().programs())) {
    std::map<std::string, uint64_t> counts;
    std::set<uint32_t> kernels;
    uint64_t moved = 0;
    for (const fb::Instruction *instruction : listOf(program->instructions())) {
      ++counts[instructionKind(*instruction)];
      moved += instruction->bytes_read() + instruction->bytes_written();
      if (const fb::Launch *launch = instruction->op_as_Launch())
        kernels.insert(launch->kernel());
    }
    table.row({program->name()->str(), formatCount(counts["kernel"]),
               formatCount(kernels.size()), formatCount(counts["gemm"]),
               formatCount(counts["conv"]),
               formatCount(counts["attention"]),
               formatCount(counts["copy"] + counts["fill"] + counts["transfer"]),
               formatBytes(moved)});
  }
  return out + table.text();
}

static std::string tensorText(const fb::TensorInfo &info) {
  return info.name()->str() + " " +
         std::string(rt::dtypeName(rt::toDType(info.dtype()))) + " " +
         formatDims(dimsOf(info.dims()));
}

std::string entryTable(const rt::Artifact &artifact) {
  std::string out = "entries\n";
  Table table("lll");
  for (const fb::Program *program : listOf(artifact.header().programs())) {
    std::string name = program->name()->str();
    for (const fb::TensorInfo *info : listOf(program->inputs())) {
      table.row({name, "in", tensorText(*info)});
      name = "";
    }
    size_t shown = 0;
    for (const fb::TensorInfo *info : listOf(program->outputs())) {
      if (++shown > 8)
        continue;
      table.row({name, "out", tensorText(*info)});
      name = "";
    }
    if (shown > 8)
      table.row({"", "out", "and " + std::to_string(shown - 8) + " more"});
  }
  return out + table.text();
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static Json tensorJson(const fb::TensorInfo &info) {
  return {{"name", info.name()->str()},
          {"dtype", std::string(rt::dtypeName(rt::toDType(info.dtype())))},
          {"shape", dimsOf(info.dims())}};
}

static Json tensorsJson(
    const flatbuffers::Vector<flatbuffers::Offset<fb::TensorInfo>> *tensors) {
  Json list = Json::array();
  for (const fb::TensorInfo *info : listOf(tensors))
    list.push_back(tensorJson(*info));
  return list;
}

/// The tensors of all programs, by name, each with the entries it belongs to.
static Json unionOf(const rt::Artifact &artifact, bool isInput) {
  Json list = Json::array();
  std::map<std::string, size_t> index;
  for (const fb::Program *program : listOf(artifact.header().programs()))
    for (const fb::TensorInfo *info :
         listOf(isInput ? program->inputs() : program->outputs())) {
      auto [it, isNew] = index.try_emplace(info->name()->str(), list.size());
      if (isNew) {
        list.push_back(tensorJson(*info));
        list.back()["entries"] = Json::array();
      }
      list[it->second]["entries"].push_back(program->name()->str());
    }
  return list;
}

static Json parametersJson(const Report &report) {
  Json list = Json::array();
  for (const Parameter &parameter : report.parameters)
    list.push_back({{"name", parameter.name},
                    {"dtype", std::string(rt::dtypeName(parameter.dtype))},
                    {"shape", parameter.dims},
                    {"trained", parameter.isTrained},
                    {"reason", parameter.reason}});
  return list;
}

static Json memoryJson(const Built &built) {
  const fb::Artifact &header = built.artifact->header();
  MemoryFacts facts =
      factsOf(header,
              built.artifact->section(fb::SectionKind::Constants).size(),
              rt::defaultThreadCount())
          .memory;
  Json memory = {{"total_bytes", facts.totalBytes()},
                 {"arena_bytes", facts.arenaBytes},
                 {"state_bytes", facts.stateBytes},
                 {"constant_bytes", facts.constantBytes},
                 {"scratch_bytes", facts.scratchBytes},
                 {"threads", facts.threads},
                 {"host_bytes", facts.hostBytes}};
  Json &categories = memory["categories"] = Json::object();
  for (size_t c = 0; c < kCategoryCount; ++c)
    categories[categoryKey(fb::Category(c))] = facts.parts[c];
  categories["gaps"] = facts.gapBytes;
  categories["scratch"] = facts.scratchBytes;
  Json &temporaries = memory["temporary_bytes"] = Json::object();
  for (const fb::Program *program : listOf(header.programs()))
    temporaries[program->name()->str()] = program->temp_bytes();
  return memory;
}

static bool allowsTf32(const fb::Instruction &instruction) {
  const fb::Gemm *gemm = instruction.op_as_Gemm();
  const fb::Conv *conv = instruction.op_as_Conv();
  return (gemm && gemm->allows_tf32()) || (conv && conv->allows_tf32());
}

static Json kernelsJson(const rt::Artifact &artifact) {
  Json list = Json::array();
  for (const fb::Program *program : listOf(artifact.header().programs()))
    for (const fb::Instruction *instruction : listOf(program->instructions())) {
      Json item = {{"entry", program->name()->str()},
                   {"kernel", kernelName(artifact, *instruction)},
                   {"kind", instructionKind(*instruction)},
                   {"label", text(instruction->label())}};
      if (const fb::Launch *launch = instruction->op_as_Launch())
        item["schedule"] = text(
            artifact.header().kernels()->Get(launch->kernel())->schedule());
      if (allowsTf32(*instruction))
        item["allows_tf32"] = true;
      Json &nodes = item["nodes"] = Json::array();
      for (const flatbuffers::String *node : listOf(instruction->nodes()))
        nodes.push_back(node->str());
      item["flops"] = instruction->flops();
      item["bytes_read"] = instruction->bytes_read();
      item["bytes_written"] = instruction->bytes_written();
      list.push_back(std::move(item));
    }
  return list;
}

//===----------------------------------------------------------------------===//
// Targets
//===----------------------------------------------------------------------===//

std::string targetKindOf(const fb::Artifact &plan) {
  return plan.target() && plan.target()->kind() ? plan.target()->kind()->str()
                                                : "cpu";
}

std::vector<std::shared_ptr<const rt::Artifact>>
plansOf(const std::shared_ptr<const rt::Artifact> &artifact) {
  std::vector<std::shared_ptr<const rt::Artifact>> plans = {artifact};
  for (const fb::Artifact *variant : listOf(artifact->file().variants()))
    plans.push_back(
        check(rt::Artifact::forTarget(artifact, targetKindOf(*variant))));
  return plans;
}

/// Of GPUs and of the emulated one; a CPU's code has no name.
static std::vector<std::string> architecturesOf(const rt::Artifact &plan) {
  std::vector<std::string> names;
  for (std::string_view arch : plan.architectures())
    if (!arch.empty())
      names.emplace_back(arch);
  return names;
}

std::string targetsText(const std::shared_ptr<const rt::Artifact> &artifact) {
  std::string out;
  for (const auto &plan : plansOf(artifact)) {
    out += (out.empty() ? "" : ", ") + targetKindOf(plan->header());
    if (const fb::Target *target = plan->header().target())
      if (std::string cpu = text(target->cpu()); !cpu.empty())
        out += " " + cpu;
    std::string names;
    for (const std::string &arch : architecturesOf(*plan))
      names += (names.empty() ? "" : ", ") + arch;
    if (!names.empty())
      out += " (" + names + ")";
    if (const fb::Tuning *tuning = plan->header().tuning())
      out += " tuned on " + text(tuning->device());
  }
  return out;
}

/// What processors of GPUs give to a plan's kernels.
static Json resourcesJson(const fb::Artifact &plan) {
  Json list = Json::array();
  for (const fb::Kernel *kernel : listOf(plan.kernels()))
    for (const fb::KernelResources *taken : listOf(kernel->resources()))
      list.push_back({{"kernel", kernel->symbol()->str()},
                      {"arch", text(taken->arch())},
                      {"registers", taken->registers()},
                      {"spill_bytes", taken->spill_bytes()},
                      {"shared_bytes", taken->shared_bytes()}});
  return list;
}

static Json tuningJson(const fb::Artifact &plan, const fb::Tuning &tuning) {
  Json libraries = Json::array();
  for (const flatbuffers::String *library : listOf(tuning.libraries()))
    libraries.push_back(library->str());
  size_t choices = 0;
  for (const fb::Program *program : listOf(plan.programs()))
    for (const fb::Instruction *instruction : listOf(program->instructions()))
      choices += instruction->choice() && instruction->choice()->size() > 0;
  return {{"device", text(tuning.device())},
          {"libraries", std::move(libraries)},
          {"choices", choices}};
}

static Json targetsJson(const std::shared_ptr<const rt::Artifact> &artifact) {
  Json list = Json::array();
  for (const auto &plan : plansOf(artifact)) {
    const fb::Target *target = plan->header().target();
    if (!target)
      continue;
    Json features = Json::array();
    for (const flatbuffers::String *feature : listOf(target->features()))
      features.push_back(feature->str());
    Json item = {{"kind", text(target->kind())},
                 {"cpu", text(target->cpu())},
                 {"features", std::move(features)}};
    item["architectures"] = architecturesOf(*plan);
    item["arena_bytes"] = plan->header().arena_bytes();
    item["resources"] = resourcesJson(plan->header());
    if (const fb::Tuning *tuning = plan->header().tuning())
      item["tuning"] = tuningJson(plan->header(), *tuning);
    list.push_back(std::move(item));
  }
  return list;
}

Json inspectJson(const Built &built, const std::string &model) {
  const rt::Artifact &artifact = *built.artifact;
  const fb::Artifact &header = artifact.header();
  Json json = {{"version", kJsonVersion},
               {"model", model},
               {"producer", text(header.producer())},
               {"precision", text(header.precision())},
               {"inputs", unionOf(artifact, true)},
               {"outputs", unionOf(artifact, false)},
               {"parameters", parametersJson(built.report)},
               {"memory", memoryJson(built)},
               {"targets", targetsJson(built.artifact)},
               {"kernels", kernelsJson(artifact)},
               {"distinct_kernels", listOf(header.kernels()).size()}};
  Json &entries = json["entries"] = Json::object();
  for (const fb::Program *program : listOf(header.programs()))
    entries[program->name()->str()] = {
        {"inputs", tensorsJson(program->inputs())},
        {"outputs", tensorsJson(program->outputs())}};
  Json &states = json["states"] = Json::array();
  for (const fb::State *state : listOf(header.states()))
    states.push_back(
        {{"name", state->name()->str()},
         {"role", fb::EnumNameStateRole(state->role())},
         {"dtype", std::string(rt::dtypeName(rt::toDType(state->dtype())))},
         {"shape", dimsOf(state->dims())},
         {"trained", state->trained()}});
  json["options"] = Json::array();
  for (const flatbuffers::String *line : listOf(header.options()))
    json["options"].push_back(line->str());
  json["remarks"] = built.report.remarks;
  return json;
}

} // namespace dlc::tools
