//===- Schedule.cpp - the learning rate over the steps --------------------===//
#include "tools/trainer/Schedule.h"

#include "tools/support/Text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

namespace dlc::tools {

bool Schedule::set(const std::string &name, double value) {
  bool isDecay = kind == Kind::Cosine || kind == Kind::Linear;
  if (name == "min" && isDecay && value >= 0)
    minimum = value;
  else if (name == "every" && kind == Kind::Step && value >= 1)
    every = static_cast<int64_t>(value);
  else if (name == "factor" && kind == Kind::Step && value > 0)
    factor = value;
  else
    return false;
  return true;
}

std::optional<Schedule> Schedule::parse(std::string_view text, double lr,
                                        int64_t warmup, int64_t updates,
                                        std::string &error) {
  Schedule schedule;
  schedule.lr = lr;
  schedule.warmup = warmup;
  schedule.updates = std::max<int64_t>(updates, 1);
  schedule.every = std::max<int64_t>((schedule.updates - warmup + 2) / 3, 1);
  size_t colon = std::min(text.find(':'), text.size());
  std::string_view kind = text.substr(0, colon);
  if (kind == "cosine")
    schedule.kind = Kind::Cosine;
  else if (kind == "linear")
    schedule.kind = Kind::Linear;
  else if (kind == "step")
    schedule.kind = Kind::Step;
  else if (kind != "constant") {
    error =
        "schedule must be one of constant, cosine, step, linear, but got '" +
        std::string(kind) + "'";
    return std::nullopt;
  }
  for (const std::string &setting :
       splitList(text.substr(std::min(colon + 1, text.size())), ',')) {
    size_t equals = std::min(setting.find('='), setting.size() - 1);
    double value = -1;
    const char *end = setting.data() + setting.size();
    auto [rest, failure] =
        std::from_chars(setting.data() + equals + 1, end, value);
    if (failure != std::errc() || rest != end ||
        !schedule.set(setting.substr(0, equals), value)) {
      error = "schedule '" + std::string(kind) +
              "' must have settings that it knows (cosine and linear: min=F; "
              "step: every=N,factor=F), but got '" +
              setting + "'";
      return std::nullopt;
    }
  }
  return schedule;
}

double Schedule::at(int64_t update) const {
  if (update < warmup)
    return lr * static_cast<double>(update + 1) / static_cast<double>(warmup);
  int64_t done = update - warmup;
  double span = static_cast<double>(std::max<int64_t>(updates - warmup, 1));
  double progress = std::min(static_cast<double>(done) / span, 1.0);
  switch (kind) {
  case Kind::Constant:
    return lr;
  case Kind::Cosine: {
    double share = (1 + std::cos(std::numbers::pi * progress)) / 2;
    return lr * (minimum + (1 - minimum) * share);
  }
  case Kind::Linear:
    return lr * (1 + (minimum - 1) * progress);
  case Kind::Step:
    return lr * std::pow(factor, static_cast<double>(done / every));
  }
  return lr;
}

} // namespace dlc::tools
