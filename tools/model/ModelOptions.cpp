//===- ModelOptions.cpp - how a model is to be compiled -------------------===//
#include "tools/model/ModelOptions.h"

#include "tools/support/Text.h"

#include <algorithm>
#include <charconv>

namespace dlc::tools {

bool ModelOptions::has(std::string_view entry) const {
  return std::find(entries.begin(), entries.end(), entry) != entries.end();
}

bool ModelOptions::hasLoss() const {
  return has("step") || has("grad") || has("eval");
}

std::string ModelOptions::optimizerKind() const {
  return optimizer.substr(0, optimizer.find(':'));
}

void ModelOptions::setOptimizerNumber(const std::string &name, double value) {
  size_t colon = optimizer.find(':');
  if (colon != std::string::npos)
    for (const std::string &setting :
         splitList(std::string_view(optimizer).substr(colon + 1), ','))
      if (setting.starts_with(name + "="))
        return;
  optimizer += colon == std::string::npos ? ":" : ",";
  optimizer += name + "=" + formatNumber(value, 17);
}

static std::string joined(const std::vector<std::string> &parts) {
  std::string text;
  for (const std::string &part : parts)
    text += (text.empty() ? "" : ",") + part;
  return text;
}

std::vector<std::string> ModelOptions::toLines() const {
  std::vector<std::string> lines = {
      "entries=" + joined(entries),
      "loss=" + loss,
      "optimizer=" + optimizer,
      "clip-norm=" + formatNumber(clipNorm, 17),
      "accumulate=" + std::to_string(accumulate),
      std::string("retie=") + (retie ? "1" : "0"),
      std::string("fusion=") + (fuse ? "1" : "0"),
      std::string("batchnorm=") + (batchNormTrains ? "train" : "frozen"),
      "precision=" + precision,
      "loss-scale=" + lossScale,
      "recompute=" + recompute,
      "offload=" + offload,
      "target=" + target,
      "cpu=" + cpu};
  if (attention)
    lines.push_back("attention=1");
  if (attentionBy != "generated")
    lines.push_back("attention-by=" + attentionBy);
  for (const std::string &library : without)
    lines.push_back("without=" + library);
  if (traceNonfinite)
    lines.push_back("trace-nonfinite=1");
  for (const std::string &glob : freeze)
    lines.push_back("freeze=" + glob);
  for (const std::string &glob : trainOnly)
    lines.push_back("train-only=" + glob);
  for (const std::string &glob : keepF32)
    lines.push_back("keep-f32=" + glob);
  for (const auto &[name, size] : dims)
    lines.push_back("dim/" + name + "=" + std::to_string(size));
  if (batch)
    lines.push_back("batch=" + std::to_string(*batch));
  if (memoryLimit)
    lines.push_back("memory-limit=" + std::to_string(*memoryLimit));
  for (const auto &[name, shape] : targetShapes)
    lines.push_back("target-shape/" + name + "=" +
                    (shape.empty() ? "" : formatDims(shape)));
  return lines;
}

static int64_t toInteger(const std::string &text, int64_t otherwise) {
  int64_t value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Sets what one line says.
static void setOption(ModelOptions &options, const std::string &key,
                      const std::string &value) {
  if (key == "entries")
    options.entries = splitList(value, ',');
  else if (key == "loss")
    options.loss = value;
  else if (key == "optimizer")
    options.optimizer = value;
  else if (key == "clip-norm")
    std::from_chars(value.data(), value.data() + value.size(),
                    options.clipNorm);
  else if (key == "accumulate")
    options.accumulate = toInteger(value, 1);
  else if (key == "retie")
    options.retie = value != "0";
  else if (key == "fusion")
    options.fuse = value != "0";
  else if (key == "without")
    options.without.push_back(value);
  else if (key == "attention-by")
    options.attentionBy = value;
  else if (key == "attention")
    options.attention = value != "0";
  else if (key == "trace-nonfinite")
    options.traceNonfinite = value != "0";
  else if (key == "batchnorm")
    options.batchNormTrains = value != "frozen";
  else if (key == "precision")
    options.precision = value;
  else if (key == "recompute")
    options.recompute = value;
  else if (key == "offload")
    options.offload = value;
  else if (key == "loss-scale")
    options.lossScale = value;
  else if (key == "keep-f32")
    options.keepF32.push_back(value);
  else if (key == "target")
    options.target = value;
  else if (key == "cpu")
    options.cpu = value;
  else if (key == "freeze")
    options.freeze.push_back(value);
  else if (key == "train-only")
    options.trainOnly.push_back(value);
  else if (key == "batch")
    options.batch = toInteger(value, 1);
  else if (key == "memory-limit")
    options.memoryLimit = parseSize(value);
  else if (key.starts_with("dim/"))
    options.dims[key.substr(4)] = toInteger(value, 1);
  else if (key.starts_with("target-shape/"))
    if (auto dims = parseDims(value))
      options.targetShapes[key.substr(13)] = *dims;
}

ModelOptions ModelOptions::fromLines(const std::vector<std::string> &lines) {
  ModelOptions options;
  for (const std::string &line : lines) {
    // Names of dims may hold '=', sizes cannot.
    bool isNamed = line.starts_with("dim/") || line.starts_with("target-");
    size_t at = isNamed ? line.rfind('=') : line.find('=');
    if (at != std::string::npos)
      setOption(options, line.substr(0, at), line.substr(at + 1));
  }
  return options;
}

double defaultLearningRate(std::string_view optimizerKind) {
  if (optimizerKind == "sgd" || optimizerKind == "momentum" ||
      optimizerKind == "adafactor")
    return 1e-2;
  return optimizerKind == "lion" ? 1e-4 : 1e-3;
}

std::vector<LossTerm> lossTerms(const std::string &loss,
                                const std::string &firstOutput) {
  std::vector<LossTerm> terms;
  for (const std::string &text : splitList(loss, '+')) {
    size_t colon = std::min(text.find(':'), text.size());
    LossTerm term{text.substr(0, colon), firstOutput, ""};
    for (const std::string &setting : splitList(
             std::string_view(text).substr(std::min(colon + 1, text.size())),
             ','))
      if (setting.starts_with("output="))
        term.output = setting.substr(7);
    terms.push_back(std::move(term));
  }
  bool isOne = std::all_of(terms.begin(), terms.end(), [&](const auto &term) {
    return term.output == terms.front().output;
  });
  for (LossTerm &term : terms)
    if (term.kind != "none")
      term.target = isOne ? "target" : "target/" + term.output;
  return terms;
}

std::optional<std::vector<int64_t>> parseDims(std::string_view text) {
  std::vector<int64_t> dims;
  for (const std::string &part : splitList(text, 'x')) {
    int64_t dim = -1;
    auto [end, error] =
        std::from_chars(part.data(), part.data() + part.size(), dim);
    if (error != std::errc() || end != part.data() + part.size() || dim < 0)
      return std::nullopt;
    dims.push_back(dim);
  }
  return dims;
}

} // namespace dlc::tools
