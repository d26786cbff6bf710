//===- Fixes.h - ways to need less memory -----------------------*- C++ -*-===//
//
// What would help a model that does not fit. Each way is tried out: the model
// is planned anew with the changed options, up to where memory is known, so
// what is promised is what applying it gives.
//
// `fixRows()` in Fixes.cpp has one row per way. To add one, write a function
// that changes options and calls FixSearch::tryOut, and list it there.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_REPORT_FIXES_H
#define DLC_TOOLS_REPORT_FIXES_H

#include "tools/report/Document.h"

#include <functional>

namespace dlc::tools {

class FixSearch {
public:
  /// `facts`: of the plan with `options`, which is over `limit`. `onTry` hears
  /// the title of each way before it is planned.
  FixSearch(Model &model, const ModelOptions &options, const Facts &facts,
            uint64_t limit, std::function<void(const std::string &)> onTry)
      : model(model), options(options), facts(facts), limit(limit),
        onTry(std::move(onTry)) {}

  /// Tries every row; those that save anything, what fits first, then by what
  /// they save.
  std::vector<Fix> run();

  /// Plans with `changed`. None if the model cannot be compiled so. What saves
  /// nothing is returned, but not listed.
  std::optional<Fix> tryOut(std::string title, std::string flags,
                            ModelOptions changed);

  Model &model;
  const ModelOptions &options;
  const Facts &facts;
  const uint64_t limit;

private:
  std::function<void(const std::string &)> onTry;
  std::vector<Fix> found;
};

} // namespace dlc::tools

#endif
