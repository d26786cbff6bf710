#include "runtime/executor/Executor.h"

#include "runtime/core/CheckedMath.h"
#include "runtime/device/DeviceRegistry.h"
#include "runtime/executor/StateLog.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace dlc::rt {

struct Session::Entry {
  const fb::Program *program = nullptr;
  const EntryInfo *info = nullptr;
  // Filled by prepareLocked.
  bool isPrepared = false;
  std::vector<std::byte *> inputData, outputData;
  std::vector<std::unique_ptr<PreparedInstruction>> instructions;
  std::vector<std::byte *> addresses; // of its buffers
  uint64_t arenaEnd = 0; // highest byte that it uses
  bool isTraced = false, writesStates = false;
  // The first instruction of this call that computed what it should not.
  std::optional<size_t> firstFault;
};

static std::vector<int64_t> dimsOf(const flatbuffers::Vector<int64_t> *dims) {
  return dims ? std::vector<int64_t>(dims->begin(), dims->end())
              : std::vector<int64_t>();
}

Result<std::shared_ptr<const LoadedProgram>>
LoadedProgram::load(std::shared_ptr<const Artifact> artifact,
                    std::string_view device) {
  DLC_ASSIGN_OR_RETURN(Device * found, findDevice(device));
  return load(std::move(artifact), *found);
}

Result<std::shared_ptr<const LoadedProgram>>
LoadedProgram::load(std::shared_ptr<const Artifact> artifact, Device &device) {
  std::shared_ptr<LoadedProgram> result(new LoadedProgram());
  result->where = &device;
  DLC_ASSIGN_OR_RETURN(
      artifact, Artifact::forTarget(artifact, result->where->targetKind()));
  DLC_ASSIGN_OR_RETURN(result->kernels, result->where->loadCode(*artifact));
  result->file = std::move(artifact);
  result->describe();
  return std::shared_ptr<const LoadedProgram>(std::move(result));
}

static std::vector<TensorSlot> slotsOf(
    const flatbuffers::Vector<flatbuffers::Offset<fb::TensorInfo>> *tensors) {
  std::vector<TensorSlot> result;
  if (tensors)
    for (const fb::TensorInfo *tensor : *tensors) {
      TensorSlot slot{tensor->name()->str(), toDType(tensor->dtype()),
                      dimsOf(tensor->dims()), 0};
      slot.bytes = *tensorBytes(slot.dtype, slot.dims);
      result.push_back(std::move(slot));
    }
  return result;
}

void LoadedProgram::describe() {
  const fb::Artifact &header = file->header();
  if (header.states())
    for (const fb::State *state : *header.states()) {
      StateSlot slot;
      slot.name = state->name()->str();
      slot.dtype = toDType(state->dtype());
      slot.dims = dimsOf(state->dims());
      slot.bytes = *tensorBytes(slot.dtype, slot.dims);
      slot.offset = state->offset();
      slot.isOnHost = state->on_host();
      slot.role = state->role();
      slot.isTrained = state->trained();
      slot.note = state->note() ? state->note()->str() : "";
      stateSlots.push_back(std::move(slot));
    }
  if (header.programs())
    for (const fb::Program *program : *header.programs())
      entryInfos.push_back({program->name()->str(), slotsOf(program->inputs()),
                            slotsOf(program->outputs())});
}

Result<const EntryInfo *>
LoadedProgram::findEntry(std::string_view name) const {
  std::vector<std::string> names;
  for (const EntryInfo &entry : entryInfos) {
    if (entry.name == name)
      return &entry;
    names.push_back(entry.name);
  }
  return DLC_ERROR(NotFound, "DLC5201", "entry must be one of ", listOf(names),
                   ", but got '", name, "'");
}

const StateSlot *LoadedProgram::findState(std::string_view name) const {
  for (const StateSlot &slot : stateSlots)
    if (slot.name == name)
      return &slot;
  return nullptr;
}

Session::~Session() { entries.clear(); }

Result<std::unique_ptr<Session>>
Session::create(std::shared_ptr<const LoadedProgram> program,
                const SessionOptions &options) {
  std::unique_ptr<Session> session(new Session());
  session->loaded = std::move(program);
  session->mostSkips = options.mostSkips;
  Device &device = session->loaded->device();
  uint64_t bytes = session->loaded->artifact().header().arena_bytes();
  DLC_ASSIGN_OR_RETURN(session->arena, device.allocator().allocate(bytes));
  if (uint64_t host = session->loaded->artifact().header().host_bytes()) {
    DLC_ASSIGN_OR_RETURN(session->hostArena,
                         device.hostAllocator().allocate(host));
  }
  DLC_ASSIGN_OR_RETURN(
      session->stream,
      device.createStream(session->loaded->code(), options.threads));
  const LoadedProgram &owner = *session->loaded;
  for (size_t i = 0; i < owner.entries().size(); ++i) {
    auto entry = std::make_unique<Entry>();
    entry->program = owner.artifact().header().programs()->Get(
        static_cast<flatbuffers::uoffset_t>(i));
    entry->info = &owner.entries()[i];
    session->entries.push_back(std::move(entry));
  }
  DLC_RETURN_IF_ERROR(session->resetLocked(options.seed));
  return session;
}

Status Session::resetLocked(int64_t seed) {
  const fb::Artifact &header = loaded->artifact().header();
  if (!header.states())
    return Status::ok();
  std::span<const std::byte> weights =
      loaded->artifact().section(fb::SectionKind::Weights);
  // In pieces, and the weights' pages given back as they are copied: a model
  // must not be in memory twice.
  constexpr uint64_t piece = 4 << 20;
  const std::vector<std::byte> zeros(piece);
  for (flatbuffers::uoffset_t i = 0; i < header.states()->size(); ++i) {
    const fb::State &state = *header.states()->Get(i);
    const StateSlot &slot = loaded->states()[i];
    const int64_t seedWords[2] = {seed, 0};
    bool isConstant = state.init() == fb::StateInit::Constant;
    bool isZero = state.init() == fb::StateInit::Zero;
    for (uint64_t done = 0; done < slot.bytes; done += piece) {
      uint64_t bytes = std::min(piece, slot.bytes - done);
      const void *from = seedWords;
      if (isConstant)
        from = weights.data() + state.init_offset() + done;
      else if (isZero)
        from = zeros.data();
      DLC_RETURN_IF_ERROR(copyIntoState(slot, done, from, bytes));
      if (isConstant && bytes == piece) {
        DLC_RETURN_IF_ERROR(stream->synchronize());
        loaded->artifact().releasePages(fb::SectionKind::Weights);
      }
    }
  }
  DLC_RETURN_IF_ERROR(stream->synchronize());
  // The arena has its copy now; no need to hold the weights twice.
  loaded->artifact().releasePages(fb::SectionKind::Weights);
  return Status::ok();
}

Status Session::reset(int64_t seed) {
  std::lock_guard lock(mutex);
  if (log)
    log->forget();
  return resetLocked(seed);
}

Result<Session::Entry *> Session::findEntry(std::string_view name) const {
  for (const auto &entry : entries)
    if (entry->info->name == name)
      return entry.get();
  return std::move(loaded->findEntry(name).status());
}

Status Session::prepare(std::string_view name) {
  std::lock_guard lock(mutex);
  DLC_ASSIGN_OR_RETURN(Entry * entry, findEntry(name));
  return prepareLocked(*entry);
}

Status Session::prepareLocked(Entry &entry) {
  if (entry.isPrepared)
    return Status::ok();
  Status status = resolveBuffers(entry);
  if (status.isOk())
    status = stream->seal();
  if (!status.isOk()) {
    entry.instructions.clear();
    return std::move(status).withContext(
        concat("program '", entry.info->name, "'"));
  }
  entry.isPrepared = true;
  return Status::ok();
}

Status Session::resolveBuffers(Entry &entry) {
  const fb::Program &program = *entry.program;
  // Constants are read-only; the verifier has refused writes to them.
  std::byte *constants = loaded->code()->constants();
  if (!constants)
    constants = const_cast<std::byte *>(
        loaded->artifact().section(fb::SectionKind::Constants).data());
  std::vector<std::byte *> &addresses = entry.addresses;
  std::vector<uint64_t> sizes;
  addresses.clear();
  entry.arenaEnd = loaded->artifact().header().state_bytes();
  if (program.buffers())
    for (const fb::Buffer *buffer : *program.buffers()) {
      bool isArena = buffer->space() == fb::Space::Arena;
      std::byte *base = isArena ? arena->data() : constants;
      if (buffer->space() == fb::Space::Host)
        base = hostArena ? hostArena->data() : nullptr;
      addresses.push_back(base + buffer->offset());
      sizes.push_back(buffer->bytes());
      // Whole cache lines, as the compiler plans them.
      if (isArena)
        entry.arenaEnd = std::max(
            entry.arenaEnd, (buffer->offset() + buffer->bytes() + 63) / 64 * 64);
    }
  auto resolve = [&](const auto *tensors, std::vector<std::byte *> &data) {
    data.clear();
    if (tensors)
      for (const fb::TensorInfo *tensor : *tensors)
        data.push_back(addresses[tensor->buffer()]);
  };
  resolve(program.inputs(), entry.inputData);
  resolve(program.outputs(), entry.outputData);
  if (!program.instructions())
    return Status::ok();
  for (flatbuffers::uoffset_t i = 0; i < program.instructions()->size(); ++i) {
    const fb::Instruction &instruction = *program.instructions()->Get(i);
    auto prepared = stream->prepare(instruction, addresses, sizes);
    if (!prepared.isOk())
      return std::move(prepared.status())
          .withContext(concat("instruction ", i, " '",
                              instruction.label()
                                  ? instruction.label()->string_view()
                                  : std::string_view(),
                              "'"));
    entry.instructions.push_back(std::move(*prepared));
    entry.isTraced |= instruction.check() != nullptr;
    entry.writesStates |= writesState(
        program, instruction, loaded->artifact().header().state_bytes());
  }
  return Status::ok();
}

static Status checkTensor(const char *role, const TensorView &given,
                          const TensorSlot &slot) {
  if (given.dtype == slot.dtype &&
      std::equal(given.dims.begin(), given.dims.end(), slot.dims.begin(),
                 slot.dims.end()))
    return Status::ok();
  return DLC_ERROR(InvalidArgument, "DLC5203", role, " '", slot.name,
                   "' must be ", dtypeName(slot.dtype), " ", listOf(slot.dims),
                   ", but got ", dtypeName(given.dtype), " ",
                   listOf(given.dims));
}

static Status unknownTensor(const char *role, std::string_view name,
                            const std::vector<TensorSlot> &slots) {
  std::vector<std::string> names;
  for (const TensorSlot &slot : slots)
    names.push_back(slot.name);
  return DLC_ERROR(NotFound, "DLC5202", role, " must be one of ", listOf(names),
                   ", but got '", name, "'");
}

/// Index of the slot of that name, or the number of slots.
static size_t findSlot(const std::vector<TensorSlot> &slots,
                       std::string_view name) {
  size_t i = 0;
  while (i < slots.size() && slots[i].name != name)
    ++i;
  return i;
}

Status Session::start(std::string_view name, std::span<const TensorView> inputs,
                      std::span<const TensorView> outputs, How how) {
  std::lock_guard lock(mutex);
  DLC_ASSIGN_OR_RETURN(Entry * entry, findEntry(name));
  DLC_RETURN_IF_ERROR(prepareLocked(*entry));
  if (Status status = runLocked(*entry, inputs, outputs, how); !status.isOk())
    return std::move(status).withContext(concat("entry '", name, "'"));
  return Status::ok();
}

Status Session::run(std::string_view name, std::span<const TensorView> inputs,
                    std::span<const TensorView> outputs, Trace *trace) {
  return start(name, inputs, outputs, {trace, /*isAhead=*/false});
}

Status Session::submit(std::string_view name,
                       std::span<const TensorView> inputs,
                       std::span<const TensorView> outputs) {
  return start(name, inputs, outputs, {nullptr, /*isAhead=*/true});
}

Status Session::wait(size_t unfinished) {
  std::lock_guard lock(mutex);
  while (submitted.size() > unfinished) {
    uint64_t mark = submitted.front();
    submitted.pop_front();
    DLC_RETURN_IF_ERROR(stream->await(mark));
  }
  return Status::ok();
}

Status Session::run(std::string_view name, std::span<const TensorView> inputs,
                    Probe &probe) {
  std::lock_guard lock(mutex);
  DLC_ASSIGN_OR_RETURN(Entry * entry, findEntry(name));
  DLC_RETURN_IF_ERROR(prepareLocked(*entry));
  DLC_RETURN_IF_ERROR(checkInputs(*entry, inputs));
  DLC_RETURN_IF_ERROR(copyInputs(*entry, inputs, /*isAhead=*/false));
  if (entry->isTraced)
    DLC_RETURN_IF_ERROR(note(*entry, inputs));
  return runProbe(*entry, probe);
}

Status Session::checkInputs(const Entry &entry,
                            std::span<const TensorView> inputs) const {
  for (const TensorView &given : inputs)
    if (findSlot(entry.info->inputs, given.name) == entry.info->inputs.size())
      return unknownTensor("input", given.name, entry.info->inputs);
  return Status::ok();
}

Status Session::runLocked(Entry &entry, std::span<const TensorView> inputs,
                          std::span<const TensorView> outputs, How how) {
  DLC_RETURN_IF_ERROR(checkInputs(entry, inputs));
  for (const TensorView &given : outputs) {
    size_t i = findSlot(entry.info->outputs, given.name);
    if (i == entry.info->outputs.size())
      return unknownTensor("output", given.name, entry.info->outputs);
    DLC_RETURN_IF_ERROR(checkTensor("output", given, entry.info->outputs[i]));
  }
  DLC_RETURN_IF_ERROR(copyInputs(entry, inputs, how.isAhead));
  fault.reset();
  float scale = 0;
  if (entry.isTraced) {
    DLC_RETURN_IF_ERROR(note(entry, inputs));
    DLC_ASSIGN_OR_RETURN(scale, lossScale());
  }
  stream->beginCall();
  Status status = runInstructions(entry, how.trace);
  stream->endCall();
  if (!status.isOk() && log)
    log->forget();
  DLC_RETURN_IF_ERROR(std::move(status));
  arena->recordUse(entry.arenaEnd);
  for (const TensorView &given : outputs) {
    size_t i = findSlot(entry.info->outputs, given.name);
    DLC_RETURN_IF_ERROR(stream->copyToHost(given.data, entry.outputData[i],
                                           entry.info->outputs[i].bytes));
  }
  if (how.isAhead && !entry.isTraced) {
    DLC_ASSIGN_OR_RETURN(uint64_t mark, stream->mark());
    submitted.push_back(mark);
    return Status::ok();
  }
  DLC_RETURN_IF_ERROR(stream->synchronize());
  return entry.isTraced ? judge(entry, inputs, scale) : Status::ok();
}

Status Session::copyInputs(Entry &entry, std::span<const TensorView> inputs,
                           bool isAhead) {
  // All inputs are checked before the first one changes the arena.
  for (bool isCopying : {false, true})
    for (size_t i = 0; i < entry.info->inputs.size(); ++i) {
      const TensorSlot &slot = entry.info->inputs[i];
      auto given = std::find_if(
          inputs.begin(), inputs.end(),
          [&](const TensorView &view) { return view.name == slot.name; });
      if (given == inputs.end())
        return DLC_ERROR(InvalidArgument, "DLC5204", "input '", slot.name,
                         "' must be given, but got no tensor of that name");
      DLC_RETURN_IF_ERROR(checkTensor("input", *given, slot));
      if (!isCopying)
        continue;
      std::byte *place = entry.inputData[i];
      DLC_RETURN_IF_ERROR(
          isAhead ? stream->copyAhead(place, given->data, slot.bytes)
                  : stream->copyToDevice(place, given->data, slot.bytes));
    }
  return Status::ok();
}

Status Session::runInstructions(Entry &entry, Trace *trace) {
  entry.firstFault.reset();
  std::span<int64_t> nanoseconds;
  if (trace) {
    trace->nanoseconds.resize(entry.instructions.size());
    nanoseconds = trace->nanoseconds;
  }
  DLC_RETURN_IF_ERROR(stream->runAll(entry.instructions, nanoseconds));
  if (!entry.isTraced)
    return Status::ok();
  DLC_RETURN_IF_ERROR(stream->synchronize());
  for (size_t i = 0; i < entry.instructions.size() && !entry.firstFault; ++i)
    if (entry.instructions[i]->isFaulty())
      entry.firstFault = i;
  return Status::ok();
}

//===- Traced programs ----------------------------------------------------===//

/// Notes the call, so that the state before it can be had again.
Status Session::note(const Entry &entry, std::span<const TensorView> inputs) {
  if (!entry.writesStates)
    return Status::ok();
  if (!log)
    log = std::make_unique<StateLog>(loaded->artifact().header(),
                                     arena->data());
  StateLog::Call *call = nullptr;
  DLC_RETURN_IF_ERROR(
      log->begin(*stream, static_cast<size_t>(entry.info - &loaded->entries()[0]),
                 call));
  for (const TensorSlot &slot : entry.info->inputs)
    for (const TensorView &given : inputs)
      if (given.name == slot.name)
        call->inputs.insert(call->inputs.end(), given.data,
                            given.data + slot.bytes);
  return Status::ok();
}

/// The states as before this call of `last`, which is forgotten.
Status Session::goBack(const Entry &last) {
  if (!last.writesStates)
    return Status::ok();
  log->dropLast();
  DLC_RETURN_IF_ERROR(log->restore(*stream));
  for (const StateLog::Call &call : log->getCalls()) {
    Entry &entry = *entries[call.entry];
    const std::byte *from = call.inputs.data();
    for (size_t i = 0; i < entry.info->inputs.size(); ++i) {
      uint64_t bytes = entry.info->inputs[i].bytes;
      DLC_RETURN_IF_ERROR(
          stream->copyToDevice(entry.inputData[i], from, bytes));
      from += bytes;
    }
    stream->beginCall();
    Status status = runInstructions(entry, nullptr);
    stream->endCall();
    DLC_RETURN_IF_ERROR(std::move(status));
  }
  return Status::ok();
}

/// 0 if there is none.
Result<float> Session::lossScale() const {
  float scale = 0;
  std::vector<std::byte> storage;
  if (const StateSlot *slot = loaded->findState(lossScaleState)) {
    DLC_ASSIGN_OR_RETURN(
        const std::byte *data,
        stream->view(arena->data() + slot->offset, sizeof scale, storage));
    std::memcpy(&scale, data, sizeof scale);
  }
  return Result<float>(scale);
}

/// Whether this call's fault is an overflow of scaled gradients, which leaves
/// the step out: the loss itself is finite, and the scale has shrunk (or, where
/// batches are accumulated, the step that ends them will see to it).
Result<bool> Session::isSkipped(const Entry &entry, float scale) const {
  size_t output = findSlot(entry.info->outputs, "loss");
  if (scale == 0 || output == entry.info->outputs.size())
    return Result<bool>(false);
  const TensorSlot &loss = entry.info->outputs[output];
  std::vector<std::byte> storage;
  DLC_ASSIGN_OR_RETURN(
      const std::byte *data,
      stream->view(entry.outputData[output], loss.bytes, storage));
  if (holdsNonfinite(loss.dtype, data, loss.bytes, false))
    return Result<bool>(false);
  DLC_ASSIGN_OR_RETURN(float now, lossScale());
  return Result<bool>(entry.info->name == "accumulate" || now < scale);
}

/// What is NaN or infinite before the call.
Result<std::vector<std::string>>
Session::findSources(std::span<const TensorView> inputs) const {
  std::vector<std::string> sources;
  auto look = [&](const char *role, std::string_view name, DType dtype,
                  const std::byte *data, uint64_t bytes) {
    if (!holdsNonfinite(dtype, data, bytes, false))
      return;
    ValueRange range = rangeOf(dtype, data, bytes);
    // A mask may be an input.
    if (range.nans + range.plusInfinities == 0)
      return;
    sources.push_back(
        concat(role, " '", name, "' (", nonfiniteText(range), ")"));
  };
  for (const TensorView &input : inputs)
    look("input", input.name, input.dtype, input.data,
         tensorBytes(input.dtype, input.dims).value_or(0));
  std::vector<std::byte> storage;
  for (const StateSlot &state : loaded->states()) {
    const std::byte *data =
        (state.isOnHost ? hostArena : arena)->data() + state.offset;
    if (!state.isOnHost) {
      DLC_ASSIGN_OR_RETURN(data, stream->view(data, state.bytes, storage));
    }
    look("state", state.name, state.dtype, data, state.bytes);
  }
  return sources;
}

/// After a call of a traced program: was everything as it should be?
Status Session::judge(Entry &entry, std::span<const TensorView> inputs,
                      float scale) {
  bool isStep = entry.info->name == "step";
  if (!entry.firstFault) {
    if (isStep)
      skipped = 0;
    return Status::ok();
  }
  DLC_ASSIGN_OR_RETURN(bool isOverflow, isSkipped(entry, scale));
  if (isOverflow && (!isStep || ++skipped < mostSkips))
    return Status::ok();
  Fault found;
  found.entry = entry.info->name;
  found.instruction = *entry.firstFault;
  found.skipped = isOverflow ? skipped : 0;
  DLC_RETURN_IF_ERROR(goBack(entry));
  DLC_ASSIGN_OR_RETURN(found.sources, findSources(inputs));
  fault = found;
  return faultError(*entry.program, *fault);
}

Status Session::describe(const Entry &entry, bool wantsWritten,
                         Probe &probe) const {
  const fb::Check *check =
      entry.program->instructions()
          ->Get(static_cast<flatbuffers::uoffset_t>(probe.instruction))
          ->check();
  if (!check || !check->tensors())
    return Status::ok();
  std::vector<std::byte> storage;
  probe.tensors.resize(check->tensors()->size());
  for (flatbuffers::uoffset_t i = 0; i < check->tensors()->size(); ++i) {
    const fb::TracedTensor &tensor = *check->tensors()->Get(i);
    if (tensor.is_written() != wantsWritten)
      continue;
    DType dtype = toDType(tensor.dtype());
    uint64_t bytes = tensorBytes(dtype, dimsOf(tensor.dims())).value_or(0);
    DLC_ASSIGN_OR_RETURN(
        const std::byte *data,
        stream->view(entry.addresses[tensor.buffer()], bytes, storage));
    probe.tensors[i] = rangeOf(dtype, data, bytes);
  }
  return Status::ok();
}

Status Session::runProbe(Entry &entry, Probe &probe) {
  if (!entry.isTraced || probe.instruction >= entry.instructions.size())
    return DLC_ERROR(InvalidArgument, "DLC5207",
                     "probe must be of an instruction of a traced program, "
                     "but got instruction ",
                     probe.instruction, " of '", entry.info->name, "'");
  stream->beginCall();
  Status status;
  for (size_t i = 0; i <= probe.instruction && status.isOk(); ++i) {
    if (i == probe.instruction)
      status = describe(entry, /*wantsWritten=*/false, probe);
    if (status.isOk())
      status = entry.instructions[i]->run();
  }
  stream->endCall();
  DLC_RETURN_IF_ERROR(std::move(status));
  DLC_RETURN_IF_ERROR(describe(entry, /*wantsWritten=*/true, probe));
  return goBack(entry);
}

//===- Tuning -------------------------------------------------------------===//

Result<std::vector<int>>
Session::tune(std::string_view name, std::span<const TensorView> inputs,
              Tuner &tuner, const std::function<void(size_t)> &onCall) {
  std::lock_guard lock(mutex);
  DLC_ASSIGN_OR_RETURN(Entry * entry, findEntry(name));
  DLC_RETURN_IF_ERROR(prepareLocked(*entry));
  DLC_RETURN_IF_ERROR(checkInputs(*entry, inputs));
  DLC_RETURN_IF_ERROR(copyInputs(*entry, inputs, /*isAhead=*/false));
  stream->beginCall();
  auto forms = tuner.tune(*stream, entry->instructions, onCall);
  stream->endCall();
  if (!forms.isOk())
    return std::move(forms.status()).withContext(concat("entry '", name, "'"));
  return forms;
}

Result<Session::Choices> Session::choices(std::string_view name) {
  std::lock_guard lock(mutex);
  DLC_ASSIGN_OR_RETURN(Entry * entry, findEntry(name));
  DLC_RETURN_IF_ERROR(prepareLocked(*entry));
  Choices result;
  for (size_t i = 0; i < entry->instructions.size(); ++i) {
    const auto *stored = entry->program->instructions()
                             ->Get(static_cast<flatbuffers::uoffset_t>(i))
                             ->choice();
    if (!stored || stored->size() == 0)
      continue;
    ++result.stored;
    const Candidates *candidates = entry->instructions[i]->candidates();
    if (candidates && std::ranges::equal(
                          candidates->choice(candidates->taken()), *stored))
      ++result.taken;
  }
  return result;
}

Result<const StateSlot *> Session::checkState(std::string_view name,
                                              uint64_t bytes) const {
  const StateSlot *slot = loaded->findState(name);
  if (!slot)
    return DLC_ERROR(NotFound, "DLC5205",
                     "state must be one that the "
                     "artifact has, but got '",
                     name, "'");
  if (slot->bytes != bytes)
    return DLC_ERROR(InvalidArgument, "DLC5206", "state '", name,
                     "' must be read and written with ", slot->bytes,
                     " bytes, but got ", bytes);
  return slot;
}

Status Session::readState(std::string_view name, void *data, uint64_t bytes) {
  std::lock_guard lock(mutex);
  DLC_ASSIGN_OR_RETURN(const StateSlot *slot, checkState(name, bytes));
  if (slot->isOnHost) {
    DLC_RETURN_IF_ERROR(stream->synchronize());
    std::memcpy(data, hostArena->data() + slot->offset, bytes);
    return Status::ok();
  }
  DLC_RETURN_IF_ERROR(
      stream->copyToHost(data, arena->data() + slot->offset, bytes));
  return stream->synchronize();
}

Status Session::writeState(std::string_view name, const void *data,
                           uint64_t bytes) {
  std::lock_guard lock(mutex);
  DLC_ASSIGN_OR_RETURN(const StateSlot *slot, checkState(name, bytes));
  if (log)
    log->forget();
  DLC_RETURN_IF_ERROR(copyIntoState(*slot, 0, data, bytes));
  return stream->synchronize();
}

Status Session::copyIntoState(const StateSlot &slot, uint64_t at,
                              const void *from, uint64_t bytes) {
  if (!slot.isOnHost)
    return stream->copyToDevice(arena->data() + slot.offset + at, from, bytes);
  DLC_RETURN_IF_ERROR(stream->synchronize());
  std::memcpy(hostArena->data() + slot.offset + at, from, bytes);
  return Status::ok();
}

uint64_t Session::arenaBytes() const { return arena->size(); }
uint64_t Session::hostBytes() const {
  return hostArena ? hostArena->size() : 0;
}
uint64_t Session::peakBytes() const { return arena->peak(); }
uint64_t Session::scratchBytes() const { return stream->scratchBytes(); }

} // namespace dlc::rt
