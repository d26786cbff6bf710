//===- Document.cpp - a report, ready to be written -----------------------===//
#include "tools/report/Document.h"

#include "runtime/core/AtomicFile.h"
#include "runtime/core/ThreadPool.h"
#include "tools/support/Failure.h"

namespace dlc::tools {

static std::string text(const flatbuffers::String *string) {
  return string ? string->str() : "";
}

static Document fromHeader(const fb::Artifact &header, uint64_t constantBytes,
                           const std::string &model) {
  Document document;
  document.model = model;
  document.producer = text(header.producer());
  document.precision = text(header.precision());
  if (header.target()) {
    document.targetKind = text(header.target()->kind());
    document.targetCpu = text(header.target()->cpu());
  }
  document.facts = factsOf(header, constantBytes, rt::defaultThreadCount());
  return document;
}

Document documentOf(const Built &built, const std::string &model) {
  const rt::Artifact &artifact = *built.artifact;
  Document document = fromHeader(
      artifact.header(), artifact.section(fb::SectionKind::Constants).size(),
      model);
  document.options = built.options.toLines();
  document.limit = built.options.memoryLimit;
  document.report = built.report;
  document.phases = built.phases;
  document.compileSeconds = built.compileSeconds;
  return document;
}

Document documentOf(const Plan &plan, const ModelOptions &options,
                    const std::string &model) {
  Document document = fromHeader(plan.artifact(), plan.constantBytes, model);
  document.options = options.toLines();
  document.limit = options.memoryLimit;
  document.report = plan.report;
  document.phases = plan.phases;
  for (const auto &[phase, seconds] : plan.phases)
    document.compileSeconds += seconds;
  return document;
}

double Document::timeOf(const ProgramFacts &program, size_t instruction) const {
  if (auto found = measured.find(program.name);
      found != measured.end() && instruction < found->second.size())
    return found->second[instruction];
  return leastTimeOf(program.instructions[instruction]).totalNs();
}

WorkTime Document::leastTimeOf(const InstructionFacts &facts) const {
  return machine.timeOf(workOf(facts));
}

double Document::roofGflops() const {
  return machine.gflops(WorkKind::Product,
                        rt::dtypeFromName(precision).value_or(rt::DType::F32),
                        precision == "tf32");
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

using Json = nlohmann::ordered_json;

static Json partsJson(const MemoryFacts &memory) {
  Json parts = Json::object();
  for (size_t c = 0; c < kCategoryCount; ++c)
    parts[categoryKey(fb::Category(c))] = memory.parts[c];
  parts["gaps"] = memory.gapBytes;
  parts["scratch"] = memory.scratchBytes;
  return parts;
}

static Json memoryJson(const Document &document) {
  const MemoryFacts &memory = document.facts.memory;
  const ProgramFacts *program = document.facts.largestProgram();
  Json json = {{"entry", program ? Json(program->name) : Json()},
               {"total_bytes", memory.totalBytes()},
               {"arena_bytes", memory.arenaBytes},
               {"state_bytes", memory.stateBytes},
               {"constant_bytes", memory.constantBytes},
               {"scratch_bytes", memory.scratchBytes},
               {"threads", memory.threads},
               {"host_bytes", memory.hostBytes},
               {"parts", partsJson(memory)}};
  if (document.limit) {
    json["limit_bytes"] = *document.limit;
    json["fits"] = !document.isOver();
  }
  return json;
}

static Json instructionJson(const Document &document,
                            const ProgramFacts &program, size_t i) {
  const InstructionFacts &facts = program.instructions[i];
  Json json = {{"number", i},
               {"kind", facts.kind},
               {"kernel", facts.kernel},
               {"label", facts.label},
               {"schedule", facts.schedule},
               {"nodes", facts.nodes},
               {"precision", facts.precision},
               {"flops", facts.flops},
               {"bytes_read", facts.bytesRead},
               {"bytes_written", facts.bytesWritten},
               {"intensity", facts.intensity()},
               {"alive_bytes", facts.aliveBytes}};
  Json &alive = json["alive"] = Json::object();
  for (size_t c = 0; c < kCategoryCount; ++c)
    if (program.alive[i][c])
      alive[categoryKey(fb::Category(c))] = program.alive[i][c];
  if (document.machine.isKnown()) {
    WorkTime time = document.leastTimeOf(facts);
    json["bound"] = limitName(time.limit());
    json["least_us"] = time.totalNs() / 1000;
  }
  if (document.measured.contains(program.name))
    json["measured_us"] = document.timeOf(program, i) / 1000;
  return json;
}

static Json programJson(const Document &document, const ProgramFacts &program) {
  Json json = {{"name", program.name},
               {"planned_bytes", program.plannedBytes},
               {"peak_instruction", program.peak},
               {"peak_bytes", program.peakBytes},
               {"scratch_bytes_per_thread", program.scratchBytes},
               {"flops", program.flops},
               {"bytes_moved", program.bytesMoved}};
  Json &instructions = json["instructions"] = Json::array();
  for (size_t i = 0; i < program.instructions.size(); ++i)
    instructions.push_back(instructionJson(document, program, i));
  Json buffers = Json::array(), atPeak = Json::array();
  for (const BufferFacts &buffer : program.buffers) {
    if (buffer.isAliveAt(program.peak))
      atPeak.push_back(buffers.size());
    buffers.push_back({{"name", buffer.name},
                       {"category", categoryKey(buffer.category)},
                       {"offset", buffer.offset},
                       {"bytes", buffer.bytes},
                       {"first", buffer.first},
                       {"last", buffer.last},
                       {"producer", buffer.producer},
                       {"nodes", buffer.nodes}});
  }
  json["buffers"] = std::move(buffers);
  json["alive_at_peak"] = std::move(atPeak);
  return json;
}

static Json decisionsJson(const Report &report) {
  Json list = Json::array();
  for (const Decision &decision : report.decisions)
    list.push_back({{"topic", decision.topic},
                    {"outcome", decision.outcome},
                    {"entry", decision.entry},
                    {"reason", decision.reason},
                    {"message", decision.message},
                    {"nodes", decision.nodes}});
  return list;
}

static void addModelJson(Json &json, const Document &document) {
  Json &states = json["states"] = Json::array();
  for (const StateFacts &state : document.facts.states)
    states.push_back({{"name", state.name},
                      {"category", categoryKey(state.category)},
                      {"bytes", state.bytes}});
  Json &parameters = json["parameters"] = Json::array();
  for (const Parameter &parameter : document.report.parameters)
    parameters.push_back(
        {{"name", parameter.name},
         {"dtype", std::string(rt::dtypeName(parameter.dtype))},
         {"shape", parameter.dims},
         {"trained", parameter.isTrained},
         {"reason", parameter.reason}});
  json["remarks"] = document.report.remarks;
  json["decisions"] = decisionsJson(document.report);
}

Json documentJson(const Document &document) {
  Json json = {{"version", kReportVersion},
               {"model", document.model},
               {"producer", document.producer},
               {"precision", document.precision},
               {"target",
                {{"kind", document.targetKind}, {"cpu", document.targetCpu}}},
               {"options", document.options},
               {"memory", memoryJson(document)}};
  if (!document.fixes.empty()) {
    Json &fixes = json["fixes"] = Json::array();
    for (const Fix &fix : document.fixes)
      fixes.push_back({{"title", fix.title},
                       {"options", fix.options},
                       {"total_bytes", fix.totalBytes},
                       {"saved_bytes", fix.savedBytes},
                       {"fits", fix.fits}});
  }
  const DeviceModel &machine = document.machine;
  json["machine"] = {{"source", machine.isMeasured ? "measured" : "stated"},
                     {"name", machine.name},
                     {"threads", machine.threads},
                     {"gflops", document.roofGflops()},
                     {"gbytes_per_s", machine.gbytes}};
  Json &phases = json["phases_s"] = Json::object();
  for (const auto &[phase, seconds] : document.phases)
    phases[phase] = seconds;
  json["compile_s"] = document.compileSeconds;
  Json &entries = json["entries"] = Json::array();
  for (const ProgramFacts &program : document.facts.programs)
    entries.push_back(programJson(document, program));
  addModelJson(json, document);
  return json;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

void checkReportPath(const std::string &path) {
  if (!path.ends_with(".json") && !path.ends_with(".html"))
    fail("DLC4106", "report '", path,
         "' must end in .html or .json, but got another ending");
}

void writeReportFile(const std::string &path, const Document &document) {
  std::string text =
      path.ends_with(".html")
          ? documentHtml(document)
          : documentJson(document).dump(1, ' ', false,
                                        Json::error_handler_t::replace) +
                "\n";
  rt::AtomicFile file = check(rt::AtomicFile::create(path));
  check(file.write(text.data(), text.size()));
  check(file.commit());
}

} // namespace dlc::tools
