//===- Fixes.cpp - ways to need less memory -------------------------------===//
#include "tools/report/Fixes.h"

#include "tools/support/Failure.h"
#include "tools/support/Text.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace dlc::tools {

std::optional<Fix> FixSearch::tryOut(std::string title, std::string flags,
                                     ModelOptions changed) {
  onTry(title);
  Fix fix{std::move(title), std::move(flags), 0, 0, false};
  try {
    fix.totalBytes = model.plan(changed).totalBytes();
  } catch (const Failure &) {
    // A model may not allow it: a reshape that needs its sizes, for one.
    return std::nullopt;
  }
  fix.savedBytes =
      int64_t(facts.memory.totalBytes()) - int64_t(fix.totalBytes);
  fix.fits = fix.totalBytes <= limit;
  if (fix.savedBytes > 0)
    found.push_back(fix);
  return fix;
}

//===----------------------------------------------------------------------===//
// The ways
//===----------------------------------------------------------------------===//

/// With another batch, also in the shapes of targets that data gave.
static ModelOptions withBatch(const ModelOptions &options, int64_t batch) {
  ModelOptions changed = options;
  changed.batch = batch;
  for (auto &[name, dims] : changed.targetShapes)
    if (!dims.empty() && dims[0] == *options.batch)
      dims[0] = batch;
  return changed;
}

/// Half the batch; and the largest that fits, found on the line through both
/// totals, because memory is the states plus so much per sample.
static void tryBatch(FixSearch &search) {
  if (!search.options.batch || *search.options.batch < 2)
    return;
  auto plan = [&](int64_t batch, const char *title) {
    return search.tryOut(title, "--batch " + std::to_string(batch),
                         withBatch(search.options, batch));
  };
  int64_t batch = *search.options.batch, half = batch / 2;
  std::optional<Fix> halved = plan(half, "half the batch");
  if (!halved)
    return;
  double perSample = double(halved->savedBytes) / double(batch - half);
  double over = double(search.facts.memory.totalBytes()) - double(search.limit);
  for (int attempt = 0; perSample > 0 && attempt < 3; ++attempt) {
    int64_t fitting = batch - int64_t(std::ceil(over / perSample)) - attempt;
    if (fitting < 1 || fitting == half || fitting >= batch)
      return;
    if (auto fix = plan(fitting, "the batch that fits"); !fix || fix->fits)
      return;
  }
}

static void tryAccumulate(FixSearch &search) {
  // With one call per update more, the gradients are kept between them.
  if (!search.options.batch || *search.options.batch % 2 ||
      !search.options.has("step"))
    return;
  ModelOptions changed =
      withBatch(search.options, *search.options.batch / 2);
  changed.accumulate *= 2;
  search.tryOut("half the batch, twice per update",
                "--batch " + std::to_string(*changed.batch) + " --accumulate " +
                    std::to_string(changed.accumulate),
                changed);
}

/// Half of each other dim that the model leaves open: a shorter sequence.
static void tryDims(FixSearch &search) {
  std::set<std::string> open;
  for (const Port &port : search.model.inputs())
    for (size_t i = 1; i < port.dimNames.size(); ++i)
      open.insert(port.dimNames[i]);
  for (const std::string &name : open) {
    auto size = search.options.dims.find(name);
    if (size == search.options.dims.end() || size->second < 2)
      continue;
    ModelOptions changed = search.options;
    changed.dims[name] = size->second / 2;
    search.tryOut("half of dim '" + name + "'",
                  "--dim " + name + "=" + std::to_string(size->second / 2),
                  changed);
  }
}

/// Optimizers with less state. What the present one was told apart from its
/// kind is not for another one, so it is left out.
static void tryOptimizer(FixSearch &search) {
  // By what they keep per parameter, most first.
  static const std::vector<std::set<std::string>> byState = {
      {"adam", "adamw"}, {"momentum", "lion"}, {"adafactor"}, {"sgd"}};
  if (!search.options.has("step"))
    return;
  bool isBelow = false;
  for (const std::set<std::string> &kinds : byState) {
    if (isBelow) {
      ModelOptions changed = search.options;
      changed.optimizer = *kinds.rbegin();
      search.tryOut("an optimizer with less state",
                    "--optimizer " + changed.optimizer, changed);
    }
    isBelow |= kinds.contains(search.options.optimizerKind());
  }
}

/// The largest parameter that trains: its gradient and optimizer state go.
static void tryFreeze(FixSearch &search) {
  if (!search.options.has("step") && !search.options.has("grad"))
    return;
  const StateFacts *largest = nullptr;
  for (const StateFacts &state : search.facts.states)
    if (state.category == fb::Category::Parameter && state.isTrained &&
        (!largest || state.bytes > largest->bytes))
      largest = &state;
  if (!largest)
    return;
  ModelOptions changed = search.options;
  changed.freeze.push_back(largest->name);
  search.tryOut("the largest parameter frozen",
                "--freeze '" + largest->name + "'", changed);
}

static void tryPrecision(FixSearch &search) {
  ModelOptions changed = search.options;
  if (search.options.precision == "f64")
    changed.precision = "f32";
  else if (search.options.precision == "f32" ||
           search.options.precision == "tf32")
    changed.precision = "bf16";
  else
    return;
  search.tryOut(changed.precision, "--precision " + changed.precision, changed);
}

/// The logits of a language model are its largest tensor.
static void tryChunks(FixSearch &search) {
  const std::string &loss = search.options.loss;
  if (loss.find('+') != std::string::npos ||
      !loss.starts_with("cross-entropy") ||
      loss.find("chunks=") != std::string::npos)
    return;
  ModelOptions changed = search.options;
  changed.loss += loss == "cross-entropy" ? ":chunks=8" : ",chunks=8";
  search.tryOut("the loss in parts", "--loss " + changed.loss, changed);
}

/// Unless the limit has chosen already.
static void tryRecompute(FixSearch &search) {
  for (const char *mode : {"cheap", "full"}) {
    const std::string &now = search.options.recompute;
    if (now != "none" && !(now == "cheap" && mode != now))
      continue;
    ModelOptions changed = search.options;
    changed.recompute = mode;
    search.tryOut("activations computed again",
                  std::string("--recompute ") + mode, changed);
  }
}

namespace {
using Row = void (*)(FixSearch &search);
} // namespace

/// One function per way.
static const std::vector<Row> &fixRows() {
  static const std::vector<Row> rows = {tryBatch,     tryAccumulate,
                                        tryDims,      tryOptimizer,
                                        tryFreeze,    tryPrecision,
                                        tryChunks,    tryRecompute};
  return rows;
}

std::vector<Fix> FixSearch::run() {
  found.clear();
  for (Row row : fixRows())
    row(*this);
  std::stable_sort(found.begin(), found.end(), [](const Fix &a, const Fix &b) {
    return a.fits != b.fits ? a.fits : a.savedBytes > b.savedBytes;
  });
  return found;
}

} // namespace dlc::tools
