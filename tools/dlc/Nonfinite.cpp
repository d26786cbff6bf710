//===- Nonfinite.cpp - the op behind a NaN or an infinity -----------------===//
#include "tools/dlc/Nonfinite.h"

#include "tools/support/Text.h"
#include "tools/trainer/Checkpoint.h"

#include <iostream>

namespace dlc::tools {

FaultFinder::FaultFinder(Model &model, const ModelOptions &options,
                         rt::Session &session,
                         std::span<const rt::TensorView> inputs,
                         std::string where)
    : model(model), options(options), session(session), inputs(inputs),
      where(std::move(where)), fault(*session.lastFault()) {}

static const fb::Program &programOf(const rt::Session &session,
                                    const rt::Fault &fault) {
  return *session.program().artifact().findProgram(fault.entry);
}

static const fb::Instruction &instructionOf(const rt::Session &session,
                                            const rt::Fault &fault) {
  return *programOf(session, fault)
              .instructions()
              ->Get(static_cast<flatbuffers::uoffset_t>(fault.instruction));
}

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

/// "'dlc.exp' of node '/Exp' (backward, op 57 of 'step')". What the model file
/// as a whole gave rise to has its name `model` for a node.
static std::string describeOp(const fb::TracedOp &op, std::string_view model,
                              const std::string &entry) {
  std::string text = rt::concat("'", op.op()->string_view(), "'"), nodes;
  for (flatbuffers::uoffset_t i = 0; op.nodes() && i < op.nodes()->size(); ++i)
    if (op.nodes()->Get(i)->string_view() != model)
      nodes += rt::concat(nodes.empty() ? " of node '" : ", '",
                          op.nodes()->Get(i)->string_view(), "'");
  text += nodes;
  bool isUpdate = op.part() == fb::StepPart::Update;
  if (nodes.empty() && !isUpdate)
    text += " of the loss";
  if (isUpdate && op.state() && op.state()->size() != 0)
    text += rt::concat(" of the update of '", op.state()->string_view(), "'");
  return rt::concat(text, " (", rt::partName(op.part()), ", op ", op.number(),
                    " of '", entry, "')");
}

/// Row-major position `position` as "[0, 5]".
static std::string indexText(const std::vector<int64_t> &dims,
                             int64_t position) {
  std::vector<int64_t> index(dims.size());
  for (size_t i = dims.size(); i-- > 0;) {
    index[i] = position % dims[i];
    position /= dims[i];
  }
  return rt::listOf(index);
}

static void addRow(Table &table, const std::string &role,
                   const fb::TracedTensor &tensor, const fb::Program &program,
                   const rt::ValueRange &range) {
  std::vector<int64_t> dims;
  if (tensor.dims())
    dims.assign(tensor.dims()->begin(), tensor.dims()->end());
  const fb::Buffer &buffer = *program.buffers()->Get(tensor.buffer());
  bool isKept = buffer.category() == fb::Category::Parameter ||
                buffer.category() == fb::Category::Statistic ||
                buffer.category() == fb::Category::OptimizerState ||
                buffer.category() == fb::Category::OtherState;
  std::string name = isKept && buffer.name() ? buffer.name()->str() : "";
  bool hasFinite = range.count > range.nonfinite();
  std::string bad = rt::nonfiniteText(range);
  if (range.firstNonfinite >= 0)
    bad += ", the first at " + indexText(dims, range.firstNonfinite);
  table.row({role, std::string(rt::dtypeName(rt::toDType(tensor.dtype()))),
             formatDims(dims), hasFinite ? formatNumber(range.least) : "-",
             hasFinite ? formatNumber(range.largest) : "-", bad, name});
}

/// The tensors of an instruction with their ranges, operands first.
static std::string rangesTable(const fb::Program &program,
                               const fb::Check &check, const rt::Probe &probe) {
  Table table("lllrrll");
  table.row({"", "type", "shape", "least", "largest", "not finite", ""});
  for (bool isResult : {false, true}) {
    int number = 0;
    for (flatbuffers::uoffset_t i = 0; i < check.tensors()->size(); ++i) {
      const fb::TracedTensor &tensor = *check.tensors()->Get(i);
      if (tensor.is_written() == isResult)
        addRow(table,
               isResult ? std::string("result")
                        : "operand " + std::to_string(number++),
               tensor, program, probe.tensors[i]);
    }
  }
  return table.text();
}

static std::string foundText(const fb::Check &check, const rt::Probe &probe) {
  for (flatbuffers::uoffset_t i = 0; i < check.tensors()->size(); ++i)
    if (check.tensors()->Get(i)->is_written() && probe.tensors[i].nonfinite())
      return rt::nonfiniteText(probe.tensors[i]);
  // A 16-bit result that is larger than its type's largest number.
  return "an overflow";
}

//===----------------------------------------------------------------------===//
// The call again, op by op
//===----------------------------------------------------------------------===//

/// Whether the model can be compiled without fusion; with the state of the
/// session if so.
bool FaultFinder::openUnfused() {
  ModelOptions plain = options;
  plain.fuse = false;
  plain.entries = {fault.entry == "accumulate" ? "step" : fault.entry};
  plain.recompute = "none";
  plain.memoryLimit.reset();
  plain.dumpPhases.clear();
  std::cerr << "NaN or infinity in " << where
            << ": running it again op by op\n";
  built = model.compile(plain);
  std::shared_ptr<const rt::LoadedProgram> program = built.load();
  rt::SessionOptions settings;
  settings.mostSkips = 1;
  unfused = check(rt::Session::create(program, settings));
  std::vector<std::byte> bytes;
  for (const rt::StateSlot &slot : program->states()) {
    if (!session.program().findState(slot.name))
      return false;
    bytes.resize(slot.bytes);
    check(session.readState(slot.name, bytes.data(), slot.bytes));
    check(unfused->writeState(slot.name, bytes.data(), slot.bytes));
  }
  return true;
}

Failure FaultFinder::nameKernel(const std::string &why) const {
  rt::Status status = rt::faultError(programOf(session, fault), fault);
  Failure failure({{status.id(), rt::concat(where, ": ", status.message())}});
  if (!why.empty())
    failure.setDetails("  the op is not known: " + why + "\n");
  return failure;
}

Failure FaultFinder::nameOp() {
  rt::Status status = unfused->run(fault.entry, inputs, {});
  if (status.isOk())
    return nameKernel("op by op every number is finite; sums in another order "
                      "may overflow or not");
  if (status.id() != "DLC6020")
    check(status);
  const rt::Fault found = *unfused->lastFault();
  rt::Probe probe{found.instruction, {}};
  check(unfused->run(fault.entry, inputs, probe));
  const fb::Check &record = *instructionOf(*unfused, found).check();
  if (!record.ops() || record.ops()->size() == 0)
    return nameKernel("no op of the graph is at fault");
  std::string skipped = fault.skipped
                            ? rt::concat(" after ", fault.skipped,
                                         " steps in a row that were left out")
                            : std::string();
  const flatbuffers::String *name = built.artifact->header().model();
  Failure failure(
      {{"DLC6020",
        rt::concat(describeOp(*record.ops()->Get(0),
                              name ? name->string_view() : "", fault.entry),
                   " must give finite numbers in ", where, skipped,
                   ", but got ", foundText(record, probe))}});
  const flatbuffers::String *label = instructionOf(session, fault).label();
  failure.setDetails(rangesTable(programOf(*unfused, fault), record, probe) +
                     (label ? rt::concat("  first seen in kernel '",
                                         label->string_view(), "'\n")
                            : std::string()));
  return failure;
}

Failure FaultFinder::explain() {
  if (!fault.sources.empty())
    return nameKernel("");
  try {
    if (!openUnfused())
      return nameKernel("the model without fusion has other states");
    return nameOp();
  } catch (const Failure &failure) {
    return nameKernel(failure.problems().front().message);
  }
}

void runTraced(Call &call, rt::Session &session, Model &model,
               const ModelOptions &options) {
  rt::Status status = call.tryRun(session);
  if (!status.isOk() && session.lastFault())
    throw FaultFinder(model, options, session, call.inputViews(),
                      "entry '" + session.lastFault()->entry + "'")
        .explain();
  check(status);
}

} // namespace dlc::tools
