//===- Nonfinite.h - the op behind a NaN or an infinity ---------*- C++ -*-===//
//
// A traced program stops at the kernel that computed a number which is not
// finite. Here the same call is done again with one op per kernel, from the
// same state and inputs, which tells the op, its node and its operands.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_DLC_NONFINITE_H
#define DLC_TOOLS_DLC_NONFINITE_H

#include "tools/dlc/Feeding.h"
#include "tools/model/Model.h"
#include "tools/support/Failure.h"

namespace dlc::tools {

class FaultFinder {
public:
  /// `session` has just failed with DLC6020 in a call with `inputs`, which it
  /// compiled from `model` with `options`. `where` is "step 17".
  FaultFinder(Model &model, const ModelOptions &options, rt::Session &session,
              std::span<const rt::TensorView> inputs, std::string where);

  /// What went wrong: DLC6020.
  Failure explain();

private:
  bool openUnfused();
  Failure nameOp();
  Failure nameKernel(const std::string &why) const;

  Model &model;
  ModelOptions options;
  rt::Session &session;
  std::span<const rt::TensorView> inputs;
  std::string where;
  const rt::Fault &fault;
  Built built;
  std::unique_ptr<rt::Session> unfused;
};

/// Runs `call`; where a traced program fails, says which op did it.
void runTraced(Call &call, rt::Session &session, Model &model,
               const ModelOptions &options);

} // namespace dlc::tools

#endif
