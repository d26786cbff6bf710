//===- Roofline.cpp - what a program would take on a device ---------------===//
#include "tools/report/Roofline.h"

#include "tools/report/MemoryText.h"
#include "tools/support/Text.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace dlc::tools {

//===----------------------------------------------------------------------===//
// Times
//===----------------------------------------------------------------------===//

/// What tensor cores multiply in a generated contraction, "bf16" of
/// "contract_bf16"; empty for other instructions.
static std::string matrixTypeOf(const InstructionFacts &facts) {
  const std::string prefix = "contract_";
  return facts.schedule.starts_with(prefix)
             ? facts.schedule.substr(prefix.size())
             : "";
}

static WorkKind workKindOf(const InstructionFacts &facts) {
  if (!matrixTypeOf(facts).empty())
    return WorkKind::Product;
  // A library call, or a kernel on tensor cores.
  if (facts.kind == "attention" || facts.schedule == "attention")
    return facts.isBackward ? WorkKind::AttentionBackward
                            : WorkKind::AttentionForward;
  static const std::map<std::string, WorkKind> kinds = {
      {"gemm", WorkKind::Product},
      {"conv", WorkKind::Convolution},
      {"kernel", WorkKind::Kernel}};
  auto found = kinds.find(facts.kind);
  return found == kinds.end() ? WorkKind::Copy : found->second;
}

/// The widest type that it computes in sets its pace; of attention, that of its
/// products, beside which it has sums in f32.
static rt::DType dtypeOf(const InstructionFacts &facts) {
  if (std::string type = matrixTypeOf(facts); !type.empty())
    return rt::dtypeFromName(type).value_or(rt::DType::F32);
  bool wantsNarrowest = facts.schedule == "attention";
  rt::DType found = rt::DType::F32;
  bool isFirst = true;
  for (const std::string &name : facts.precision)
    if (auto type = rt::dtypeFromName(name); type && rt::isFloat(*type)) {
      bool isWider = rt::dtypeBytes(*type) > rt::dtypeBytes(found);
      bool isNarrower = rt::dtypeBytes(*type) < rt::dtypeBytes(found);
      if (isFirst || (wantsNarrowest ? isNarrower : isWider))
        found = *type;
      isFirst = false;
    }
  return found;
}

Work workOf(const InstructionFacts &facts) {
  Work work;
  work.kind = workKindOf(facts);
  work.dtype = dtypeOf(facts);
  work.isTf32 = matrixTypeOf(facts) == "tf32" ||
                std::ranges::count(facts.precision, "tf32") > 0;
  work.operations = double(facts.flops);
  work.bytes = double(facts.bytesMoved());
  work.pieces = facts.pieces;
  return work;
}

static std::string kindOf(const InstructionFacts &facts) {
  if (facts.kind == "kernel")
    return facts.schedule.empty() ? "kernel" : "kernel, " + facts.schedule;
  if (facts.kind == "copy" || facts.kind == "fill")
    return "copy, fill";
  return facts.kind == "none" ? "transfer" : facts.kind;
}

Roofline rooflineOf(const ProgramFacts &program, uint64_t stateBytes,
                    const DeviceModel &device, const std::string &precision,
                    const std::string &target) {
  Roofline roofline;
  roofline.device = device;
  roofline.precision = precision;
  roofline.target = target;
  roofline.program = &program;
  roofline.isCached =
      double(program.plannedBytes + stateBytes) <= device.cacheBytes;
  std::map<std::string, KindTotal> kinds;
  for (const InstructionFacts &facts : program.instructions) {
    WorkTime time;
    // Transfers to the host run beside the rest.
    if (facts.kind != "none")
      time = device.timeOf(workOf(facts), roofline.isCached);
    roofline.times.push_back(time);
    roofline.ns += time.totalNs();
    KindTotal &total = kinds[kindOf(facts)];
    ++total.count;
    total.flops += facts.flops;
    total.bytesMoved += facts.bytesMoved();
    total.ns += time.totalNs();
    total.nsByLimit[size_t(time.limit())] += time.totalNs();
  }
  for (auto &[kind, total] : kinds) {
    total.kind = kind;
    roofline.kinds.push_back(std::move(total));
  }
  std::stable_sort(
      roofline.kinds.begin(), roofline.kinds.end(),
      [](const KindTotal &a, const KindTotal &b) { return a.ns > b.ns; });
  roofline.order.resize(program.instructions.size());
  std::iota(roofline.order.begin(), roofline.order.end(), size_t(0));
  std::stable_sort(
      roofline.order.begin(), roofline.order.end(), [&](size_t a, size_t b) {
        return roofline.times[a].totalNs() > roofline.times[b].totalNs();
      });
  return roofline;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static std::string percent(double part, double whole) {
  return whole > 0 ? formatNumber(100 * part / whole, 3) + " %" : "";
}

static std::string microseconds(double ns) {
  return formatNumber(ns / 1000, 4) + " us";
}

static std::string milliseconds(double ns) {
  return formatNumber(ns / 1e6, 4) + " ms";
}

static std::string headText(const Roofline &roofline) {
  const DeviceModel &device = roofline.device;
  double products = device.gflops(
      WorkKind::Product,
      rt::dtypeFromName(roofline.precision).value_or(rt::DType::F32),
      roofline.precision == "tf32");
  return "entry '" + roofline.program->name + "' on " + device.title +
         ": predicted " + milliseconds(roofline.ns) + ", " +
         formatCount(roofline.program->instructions.size()) +
         " instructions, planned for " + roofline.target + "\n  at " +
         formatNumber(products / 1000, 4) + " T operations/s of products in " +
         roofline.precision + ", " + formatNumber(device.gbytes, 4) + " GB/s" +
         (roofline.isCached ? ", all of it in cache at " +
                                  formatNumber(device.cacheGbytes, 4) + " GB/s"
                            : "") +
         ", " + formatNumber(device.launchNs / 1000, 3) + " us per launch\n";
}

static std::string kindTable(const Roofline &roofline) {
  Table table("lrrrrrrrr");
  table.row({"kind", "count", "time", "share", "operations", "moved",
             "compute-bound", "memory-bound", "launch-bound"});
  for (const KindTotal &total : roofline.kinds) {
    std::vector<std::string> cells = {total.kind,
                                      formatCount(total.count),
                                      milliseconds(total.ns),
                                      percent(total.ns, roofline.ns),
                                      formatNumber(double(total.flops), 4),
                                      formatBytes(total.bytesMoved)};
    for (double ns : total.nsByLimit)
      cells.push_back(percent(ns, total.ns));
    table.row(std::move(cells));
  }
  return "by kind\n" + table.text();
}

std::string rooflineText(const Roofline &roofline, size_t count) {
  const ProgramFacts &program = *roofline.program;
  Table table("rrrllrrl");
  table.row({"number", "time", "share", "limit", "instruction", "operations",
             "moved", "nodes"});
  count = std::min(count, roofline.order.size());
  for (size_t i = 0; i < count; ++i) {
    size_t number = roofline.order[i];
    const InstructionFacts &facts = program.instructions[number];
    const WorkTime &time = roofline.times[number];
    std::string what = kindOf(facts);
    if (!facts.label.empty() && facts.label != facts.kind)
      what += ": " + facts.label;
    table.row({std::to_string(number), microseconds(time.totalNs()),
               percent(time.totalNs(), roofline.ns), limitName(time.limit()),
               what, formatNumber(double(facts.flops), 4),
               formatBytes(facts.bytesMoved()), nodesText(facts.nodes, 3)});
  }
  std::string title = count < roofline.order.size()
                          ? "slowest " + formatCount(count) + " of " +
                                formatCount(roofline.order.size()) +
                                " instructions\n"
                          : "instructions\n";
  return headText(roofline) + kindTable(roofline) + title + table.text();
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

using Json = nlohmann::ordered_json;

static Json kindsJson(const Roofline &roofline) {
  Json list = Json::array();
  for (const KindTotal &total : roofline.kinds) {
    Json item = {{"kind", total.kind},
                 {"count", total.count},
                 {"predicted_us", total.ns / 1000},
                 {"flops", total.flops},
                 {"bytes_moved", total.bytesMoved}};
    Json &limits = item["predicted_us_by_limit"] = Json::object();
    for (Limit limit : {Limit::Compute, Limit::Memory, Limit::Launch})
      limits[limitName(limit)] = total.nsByLimit[size_t(limit)] / 1000;
    list.push_back(std::move(item));
  }
  return list;
}

static Json instructionJson(const Roofline &roofline, size_t number) {
  const InstructionFacts &facts = roofline.program->instructions[number];
  const WorkTime &time = roofline.times[number];
  return {{"number", number},
          {"kind", facts.kind},
          {"kernel", facts.kernel},
          {"label", facts.label},
          {"schedule", facts.schedule},
          {"nodes", facts.nodes},
          {"precision", facts.precision},
          {"flops", facts.flops},
          {"bytes_read", facts.bytesRead},
          {"bytes_written", facts.bytesWritten},
          {"limit", limitName(time.limit())},
          {"predicted_us", time.totalNs() / 1000},
          {"compute_us", time.computeNs / 1000},
          {"memory_us", time.memoryNs / 1000},
          {"launch_us", time.launchNs / 1000}};
}

static Json deviceJson(const DeviceModel &device) {
  return {{"name", device.name},
          {"title", device.title},
          {"source", device.isMeasured ? "measured" : "stated"},
          {"gbytes_per_s", device.gbytes},
          {"cache_bytes", device.cacheBytes},
          {"memory_bytes", device.memoryBytes},
          {"launch_us", device.launchNs / 1000},
          {"units", device.units}};
}

Json rooflineJson(const Roofline &roofline, size_t count) {
  Json json = {{"entry", roofline.program->name},
               {"target", roofline.target},
               {"precision", roofline.precision},
               {"device", deviceJson(roofline.device)},
               {"predicted_ms", roofline.ns / 1e6},
               {"flops", roofline.program->flops},
               {"bytes_moved", roofline.program->bytesMoved},
               {"is_cached", roofline.isCached},
               {"kinds", kindsJson(roofline)}};
  Json &list = json["instructions"] = Json::array();
  for (size_t i = 0; i < std::min(count, roofline.order.size()); ++i)
    list.push_back(instructionJson(roofline, roofline.order[i]));
  return json;
}

} // namespace dlc::tools
