//===- ReportSection.cpp - what compiling said, in the artifact -----------===//
#include "tools/model/ReportSection.h"

#include <nlohmann/json.hpp>

namespace dlc::tools {

using Json = nlohmann::json;

std::string writeReport(const Report &report) {
  Json parameters = Json::array();
  for (const Parameter &parameter : report.parameters)
    parameters.push_back(
        {{"name", parameter.name},
         {"dtype", std::string(rt::dtypeName(parameter.dtype))},
         {"shape", parameter.dims},
         {"trained", parameter.isTrained},
         {"reason", parameter.reason}});
  Json decisions = Json::array();
  for (const Decision &decision : report.decisions)
    decisions.push_back({decision.topic, decision.outcome, decision.entry,
                         decision.reason, decision.message, decision.nodes});
  Json json = {{"version", 1},
               {"parameters", std::move(parameters)},
               {"remarks", report.remarks},
               {"decisions", std::move(decisions)}};
  // Names in a model file need not be UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

static Report fromStates(const rt::Artifact &artifact) {
  Report report;
  if (!artifact.header().states())
    return report;
  for (const fb::State *state : *artifact.header().states()) {
    if (state->role() != fb::StateRole::Parameter)
      continue;
    Parameter parameter{state->name()->str(),
                        rt::toDType(state->dtype()),
                        {},
                        state->trained(),
                        ""};
    if (state->dims())
      parameter.dims.assign(state->dims()->begin(), state->dims()->end());
    if (state->note() && !state->trained())
      parameter.reason = state->note()->str();
    report.parameters.push_back(std::move(parameter));
  }
  return report;
}

Report readReport(const rt::Artifact &artifact) {
  std::span<const std::byte> bytes = artifact.section(fb::SectionKind::Report);
  if (bytes.empty())
    return fromStates(artifact);
  const char *text = reinterpret_cast<const char *>(bytes.data());
  try {
    Json json = Json::parse(text, text + bytes.size());
    Report report;
    for (const Json &item : json.at("parameters"))
      report.parameters.push_back(
          {item.at("name"),
           rt::dtypeFromName(item.at("dtype").get<std::string>())
               .value_or(rt::DType::F32),
           item.at("shape"), item.at("trained"), item.at("reason")});
    report.remarks = json.at("remarks");
    if (json.contains("decisions"))
      for (const Json &item : json.at("decisions"))
        report.decisions.push_back({item.at(0), item.at(1), item.at(2),
                                    item.at(3), item.at(4), item.at(5)});
    return report;
  } catch (const Json::exception &) {
    return fromStates(artifact);
  }
}

} // namespace dlc::tools
