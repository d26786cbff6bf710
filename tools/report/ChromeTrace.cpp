//===- ChromeTrace.cpp - calls of a program on a time line ----------------===//
#include "tools/report/ChromeTrace.h"

#include "runtime/core/AtomicFile.h"
#include "tools/support/Failure.h"

namespace dlc::tools {

namespace {

// The format knows processes and threads: one process, a thread per track.
constexpr int kProcess = 1, kCalls = 1, kInstructions = 2;

constexpr double kUsPerMs = 1000, kNsPerUs = 1000;

} // namespace

static nlohmann::ordered_json metadata(const char *what, int thread,
                                       const std::string &name) {
  return {{"ph", "M"},
          {"name", what},
          {"pid", kProcess},
          {"tid", thread},
          {"args", {{"name", name}}}};
}

static nlohmann::ordered_json span(int thread, const std::string &name,
                                   const std::string &category, double startUs,
                                   double us) {
  return {{"ph", "X"},     {"name", name}, {"cat", category},
          {"pid", kProcess}, {"tid", thread}, {"ts", startUs},
          {"dur", us}};
}

static nlohmann::ordered_json argumentsOf(const InstructionFacts &facts,
                                          size_t number, int64_t nanoseconds) {
  nlohmann::ordered_json json = {{"number", number}};
  if (!facts.kernel.empty())
    json["kernel"] = facts.kernel;
  if (!facts.schedule.empty())
    json["schedule"] = facts.schedule;
  json["nodes"] = facts.nodes;
  json["precision"] = facts.precision;
  json["bytes_read"] = facts.bytesRead;
  json["bytes_written"] = facts.bytesWritten;
  json["flops"] = facts.flops;
  if (nanoseconds > 0) {
    auto time = static_cast<double>(nanoseconds);
    json["gbytes_per_s"] = static_cast<double>(facts.bytesMoved()) / time;
    json["gflops"] = static_cast<double>(facts.flops) / time;
  }
  return json;
}

ChromeTrace::ChromeTrace(const Document &document, const std::string &device) {
  about = {{"model", document.model},
           {"device", device},
           {"precision", document.precision},
           {"producer", document.producer}};
  events.push_back(
      metadata("process_name", 0, document.model + " on " + device));
  events.push_back(metadata("thread_name", kCalls, "calls"));
  events.push_back(metadata("thread_name", kInstructions, "instructions"));
}

void ChromeTrace::addCall(const ProgramFacts &program, const std::string &title,
                          double startMs, double wallMs,
                          std::span<const int64_t> nanoseconds) {
  double start = startMs * kUsPerMs, now = start;
  events.push_back(
      span(kCalls, title, program.name, start, wallMs * kUsPerMs));
  size_t count = std::min(nanoseconds.size(), program.instructions.size());
  for (size_t i = 0; i < count; ++i) {
    const InstructionFacts &facts = program.instructions[i];
    double us = static_cast<double>(nanoseconds[i]) / kNsPerUs;
    Json event = span(kInstructions,
                      facts.label.empty() ? facts.kind : facts.label,
                      facts.kind, now, us);
    event["args"] = argumentsOf(facts, i, nanoseconds[i]);
    events.push_back(std::move(event));
    Json memory = {{"ph", "C"},
                   {"name", "bytes alive"},
                   {"pid", kProcess},
                   {"ts", now}};
    for (size_t c = 0; c < kCategoryCount; ++c)
      if (program.alive[program.peak][c] || program.alive[i][c])
        memory["args"][categoryKey(fb::Category(c))] = program.alive[i][c];
    if (memory.contains("args"))
      events.push_back(std::move(memory));
    now += us;
  }
}

nlohmann::ordered_json ChromeTrace::json() const {
  return {{"displayTimeUnit", "ms"},
          {"otherData", about},
          {"traceEvents", events}};
}

void ChromeTrace::write(const std::string &path) const {
  std::string text =
      json().dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  rt::AtomicFile file = check(rt::AtomicFile::create(path));
  check(file.write(text.data(), text.size()));
  check(file.commit());
}

void checkTracePath(const std::string &path) {
  if (!path.ends_with(".json"))
    fail("DLC4107", "trace '", path,
         "' must end in .json, but got another ending");
}

} // namespace dlc::tools
