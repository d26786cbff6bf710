//===- MemoryLimit.cpp - fit the limit, or say why not --------------------===//
#include "tools/dlc/MemoryLimit.h"

#include "tools/report/Fixes.h"
#include "tools/report/MemoryText.h"
#include "tools/support/Text.h"

#include <iostream>

namespace dlc::tools {

static std::string messageOf(const Document &document) {
  return "memory of '" + document.model + "' must be at most " +
         formatCount(*document.limit) + " B, but got " +
         formatCount(document.facts.memory.totalBytes()) + " B";
}

static std::string detailsOf(const Document &document) {
  std::string text = memoryTable(document.facts);
  if (const ProgramFacts *program = document.facts.largestProgram())
    text += holdingsTable(document.facts, *program, 10);
  return text + fixesTable(document.fixes);
}

OverLimitFailure::OverLimitFailure(std::shared_ptr<const Document> document)
    : Failure({{"DLC4110", messageOf(*document)}}),
      document(std::move(document)) {
  setDetails(detailsOf(*this->document));
}

Built compileWithin(Model &model, const ModelOptions &options,
                    const std::string &path) {
  try {
    return model.compile(options, path);
  } catch (const OverLimit &over) {
    Document document = documentOf(over.plan, options, model.path());
    auto onTry = [](const std::string &title) {
      std::cerr << "over the memory limit: planning with " << title << "\n";
    };
    document.fixes =
        FixSearch(model, options, document.facts, over.limit, onTry).run();
    throw OverLimitFailure(
        std::make_shared<const Document>(std::move(document)));
  }
}

} // namespace dlc::tools
