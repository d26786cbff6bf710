#include "runtime/cuda/CudaStream.h"

#include "runtime/core/CheckedMath.h"
#include "runtime/cuda/CudaBlas.h"
#include "runtime/cuda/CudaDnn.h"
#include "runtime/cuda/CudaInstructions.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace dlc::rt::cuda {

/// After so many failures a program keeps to single instructions.
static constexpr int mostRecordings = 3;

Result<std::unique_ptr<CudaStream>>
CudaStream::create(Gpu &gpu, std::shared_ptr<const CudaCode> code) {
  std::unique_ptr<CudaStream> stream(new CudaStream(gpu, std::move(code)));
  DLC_RETURN_IF_ERROR(stream->open());
  return Result<std::unique_ptr<CudaStream>>(std::move(stream));
}

Status CudaStream::open() {
  ContextScope scope(driver());
  DLC_CUDA(driver(), cuStreamCreate, &mainStream, streamNonBlocking);
  DLC_CUDA(driver(), cuStreamCreate, &copyStream, streamNonBlocking);
  DLC_CUDA(driver(), cuEventCreate, &joined, eventDisableTiming);
  staging.emplace(driver(), mainStream);
  return staging->open();
}

CudaStream::~CudaStream() {
  ContextScope scope(driver());
  std::lock_guard lock(owner.setUp());
  const DriverApi &api = driver().api();
  // Work under way still uses what goes now. What it failed for has been said
  // by whoever waited for it.
  if (copyStream)
    api.cuStreamSynchronize(copyStream);
  if (mainStream)
    api.cuStreamSynchronize(mainStream);
  current.reset();
  programs.clear();
  staging.reset();
  ahead.reset();
  timer.reset();
  for (auto [address, bytes] : scratches)
    driver().free(address);
  attention = {};
  if (dnn) {
    if (auto library = owner.dnn(); library.isOk())
      (*library)->api().cudnnDestroy(dnn);
  }
  if (joined)
    api.cuEventDestroy_v2(joined);
  if (copyStream)
    api.cuStreamDestroy_v2(copyStream);
  if (mainStream)
    api.cuStreamDestroy_v2(mainStream);
}

Result<DnnHandle> CudaStream::dnnHandle() {
  DLC_ASSIGN_OR_RETURN(const Dnn *library, owner.dnn());
  if (!dnn) {
    if (DnnCode code = library->api().cudnnCreate(&dnn))
      return library->error(code, "cudnnCreate");
    if (DnnCode code = library->api().cudnnSetStream(dnn, mainStream))
      return library->error(code, "cudnnSetStream");
  }
  return Result<DnnHandle>(dnn);
}

Workspace CudaStream::workspaceOf(Operands operands, int64_t index,
                                  uint64_t most) {
  constexpr uint64_t alignment = 256;
  if (index < 0)
    return {0, most, true};
  DeviceAddress begin = alignUp(operands.at(index), alignment);
  DeviceAddress end = operands.at(index) + operands.sizeOf(index);
  return {begin, begin < end ? end - begin : 0, false};
}

void CudaStream::wantScratch(uint64_t bytes) {
  scratchWanted = std::max(scratchWanted, bytes);
}

Status CudaStream::takeScratch() {
  uint64_t given = scratches.empty() ? 0 : scratches.back().second;
  if (scratchWanted <= given)
    return Status::ok();
  DLC_ASSIGN_OR_RETURN(DeviceAddress address, driver().allocate(scratchWanted));
  scratches.push_back({address, scratchWanted});
  return Status::ok();
}

//===- Preparing ----------------------------------------------------------===//

Result<std::unique_ptr<PreparedInstruction>>
CudaStream::prepare(const fb::Instruction &instruction,
                    std::span<std::byte *const> buffers,
                    std::span<const uint64_t> bufferBytes) {
  ContextScope scope(driver());
  std::lock_guard lock(owner.setUp());
  if (!current)
    current = std::make_unique<CudaProgram>(driver());
  Prepared prepared = prepareOne(instruction, {buffers, bufferBytes});
  if (!prepared.isOk()) {
    // There will be no such program: those before it are not to be bound.
    current.reset();
    unbound.clear();
    underWay.clear();
    return std::move(prepared.status());
  }
  unbound.push_back(prepared->get());
  return std::unique_ptr<PreparedInstruction>(std::move(*prepared));
}

CudaStream::Prepared CudaStream::prepareOne(const fb::Instruction &instruction,
                                            Operands operands) {
  DLC_ASSIGN_OR_RETURN(std::unique_ptr<CudaInstruction> prepared,
                       prepareUnchecked(instruction, operands));
  bool isCall = instruction.op_type() == fb::Op::Gemm ||
                instruction.op_type() == fb::Op::Conv ||
                instruction.op_type() == fb::Op::Attention;
  if (instruction.check() && isCall)
    DLC_RETURN_IF_ERROR(addScans(*prepared, *instruction.check(), operands));
  return Prepared(std::move(prepared));
}

CudaStream::Prepared
CudaStream::prepareUnchecked(const fb::Instruction &instruction,
                             Operands operands) {
  switch (instruction.op_type()) {
  case fb::Op::Launch:
    return prepareLaunch(instruction, operands);
  case fb::Op::Gemm:
    return prepareGemm(*this, *current, instruction, operands);
  case fb::Op::Conv:
    return prepareConv(*this, *current, instruction, operands);
  case fb::Op::Attention:
    return prepareAttention(*this, *current, instruction, operands);
  case fb::Op::Copy: {
    const fb::Copy &copy = *instruction.op_as_Copy();
    return std::unique_ptr<CudaInstruction>(new CudaCopy(
        *this, *current, instruction,
        operands.at(copy.destination()) + copy.destination_offset(),
        operands.at(copy.source()) + copy.source_offset(), copy.bytes()));
  }
  case fb::Op::Fill:
    return std::unique_ptr<CudaInstruction>(
        new CudaFill(*this, *current, instruction,
                     operands.at(instruction.op_as_Fill()->destination())));
  case fb::Op::Transfer:
  case fb::Op::Wait:
    return prepareTransfer(instruction, operands);
  default:
    return DLC_ERROR(Unsupported, "DLC5009",
                     "instruction must be of a kind that cuda runs, but got '",
                     fb::EnumNameOp(instruction.op_type()), "'");
  }
}

CudaStream::Prepared
CudaStream::prepareLaunch(const fb::Instruction &instruction,
                          Operands operands) {
  auto launch = std::make_unique<CudaLaunch>(*this, *current, instruction);
  DLC_RETURN_IF_ERROR(launch->prepare(
      code->kernel(instruction.op_as_Launch()->kernel()), operands));
  return std::unique_ptr<CudaInstruction>(std::move(launch));
}

CudaStream::Prepared
CudaStream::prepareTransfer(const fb::Instruction &instruction,
                            Operands operands) {
  auto key = [&](const auto &copy) {
    return std::pair<const std::byte *, const std::byte *>(
        operands.buffers[copy.source()], operands.buffers[copy.destination()]);
  };
  if (const fb::Transfer *transfer = instruction.op_as_Transfer()) {
    DLC_ASSIGN_OR_RETURN(EventHandle isReady,
                         current->addEvent(eventDisableTiming));
    DLC_ASSIGN_OR_RETURN(EventHandle isDone,
                         current->addEvent(eventDisableTiming));
    underWay[key(*transfer)] = isDone;
    current->hasTransfers = true;
    return std::unique_ptr<CudaInstruction>(new CudaTransfer(
        *this, *current, instruction, operands.at(transfer->destination()),
        operands.at(transfer->source()), isReady, isDone));
  }
  const fb::Wait &wait = *instruction.op_as_Wait();
  auto found = underWay.find(key(wait));
  if (found == underWay.end())
    return DLC_ERROR(Corrupt, "DLC5009",
                     "a wait must be for a transfer that is under way, but got "
                     "none from buffer ",
                     wait.source(), " to ", wait.destination());
  EventHandle isDone = found->second;
  underWay.erase(found);
  return std::unique_ptr<CudaInstruction>(
      new CudaWait(*this, *current, instruction, isDone));
}

/// What a library writes is looked at after the call.
Status CudaStream::addScans(CudaInstruction &call, const fb::Check &check,
                            Operands operands) {
  if (!check.tensors())
    return Status::ok();
  DLC_ASSIGN_OR_RETURN(const HelperKernels *helpers, owner.helpers());
  for (const fb::TracedTensor *tensor : *check.tensors()) {
    if (!tensor->is_written())
      continue;
    std::vector<int64_t> dims;
    if (tensor->dims())
      dims.assign(tensor->dims()->begin(), tensor->dims()->end());
    auto count = static_cast<uint64_t>(elementCount(dims).value_or(0));
    // The flag's address is filled in by seal().
    std::optional<HelperCall> scan = helpers->scan(
        static_cast<DType>(tensor->dtype()), operands.at(tensor->buffer()), 0,
        count, check.infinities() != 0);
    if (!scan)
      continue;
    if (!call.flag)
      call.setFlag(current->addFlag());
    call.addScan(*helpers, *scan);
  }
  return Status::ok();
}

Status CudaStream::seal() {
  ContextScope scope(driver());
  std::lock_guard lock(owner.setUp());
  underWay.clear();
  if (!current)
    return Status::ok();
  std::vector<CudaInstruction *> instructions = std::exchange(unbound, {});
  std::unique_ptr<CudaProgram> program = std::move(current);
  DLC_RETURN_IF_ERROR(takeScratch());
  DLC_RETURN_IF_ERROR(program->seal());
  for (CudaInstruction *instruction : instructions) {
    DLC_RETURN_IF_ERROR(instruction->bind());
    for (HelperCall &scan : instruction->scans)
      scan.to = program->flagAddress(*instruction->flag);
  }
  programs.push_back(std::move(program));
  return Status::ok();
}

//===- Running ------------------------------------------------------------===//

Status CudaStream::runAll(Instructions instructions,
                          std::span<int64_t> nanoseconds) {
  if (instructions.empty())
    return Status::ok();
  ContextScope scope(driver());
  CudaProgram &program =
      static_cast<CudaInstruction &>(*instructions.front()).program();
  if (!nanoseconds.empty())
    return measure(program, instructions, nanoseconds);
  if (!program.graph && program.hasRun && program.recordings < mostRecordings)
    record(program, instructions);
  if (program.graph) {
    DLC_CUDA(driver(), cuGraphLaunch, program.graph, mainStream);
    return Status::ok();
  }
  if (program.hasRun)
    return issueAll(program, instructions);
  std::lock_guard lock(owner.setUp());
  DLC_RETURN_IF_ERROR(issueAll(program, instructions));
  program.hasRun = true;
  return Status::ok();
}

/// A recording fails when other code of the process does to the GPU what is not
/// allowed meanwhile, or when a library cannot be recorded. Instructions one by
/// one do the same then, and what is wrong with them they say themselves.
void CudaStream::record(CudaProgram &program, Instructions instructions) {
  std::lock_guard lock(owner.setUp());
  ++program.recordings;
  Status status = capture(program, instructions);
  const char *level = std::getenv("DLC_LOG");
  if (!status.isOk() && level && *level)
    std::fprintf(stderr, "cuda: a program runs without a graph: %s\n",
                 status.toString().c_str());
}

Status CudaStream::issueAll(CudaProgram &program, Instructions instructions) {
  DLC_RETURN_IF_ERROR(program.clearFlags(mainStream));
  for (const auto &instruction : instructions)
    DLC_RETURN_IF_ERROR(static_cast<CudaInstruction &>(*instruction).issue());
  DLC_RETURN_IF_ERROR(joinCopies(program));
  return program.fetchFlags(mainStream);
}

/// The main stream is done only when the other is: to be captured both must
/// end in one, and the next call may write what a copy reads.
Status CudaStream::joinCopies(const CudaProgram &program) {
  if (!program.hasTransfers)
    return Status::ok();
  DLC_CUDA(driver(), cuEventRecord, joined, copyStream);
  DLC_CUDA(driver(), cuStreamWaitEvent, mainStream, joined, 0);
  return Status::ok();
}

Status CudaStream::capture(CudaProgram &program, Instructions instructions) {
  DLC_CUDA(driver(), cuStreamBeginCapture_v2, mainStream, captureThreadLocal);
  Status status = issueAll(program, instructions);
  // Also after an error: a stream that captures runs nothing.
  GraphHandle graph = nullptr;
  DriverCode code = driver().api().cuStreamEndCapture(mainStream, &graph);
  if (status.isOk() && code)
    status = driver().error(code, "cuStreamEndCapture");
  if (status.isOk()) {
    code = driver().api().cuGraphInstantiateWithFlags(&program.graph, graph, 0);
    if (code) {
      program.graph = nullptr;
      status = driver().error(code, "cuGraphInstantiateWithFlags");
    }
  }
  if (graph)
    driver().api().cuGraphDestroy(graph);
  return status;
}

Status CudaStream::measure(CudaProgram &program, Instructions instructions,
                           std::span<int64_t> nanoseconds) {
  while (program.marks.size() <= instructions.size()) {
    DLC_ASSIGN_OR_RETURN(EventHandle mark, program.addEvent(eventDefault));
    program.marks.push_back(mark);
  }
  const Ranges &ranges = owner.ranges();
  DLC_RETURN_IF_ERROR(program.clearFlags(mainStream));
  DLC_CUDA(driver(), cuEventRecord, program.marks[0], mainStream);
  for (size_t i = 0; i < instructions.size(); ++i) {
    auto &instruction = static_cast<CudaInstruction &>(*instructions[i]);
    ranges.push(instruction.rangeName().c_str());
    Status status = instruction.issue();
    ranges.pop();
    DLC_RETURN_IF_ERROR(std::move(status));
    DLC_CUDA(driver(), cuEventRecord, program.marks[i + 1], mainStream);
  }
  DLC_RETURN_IF_ERROR(joinCopies(program));
  DLC_RETURN_IF_ERROR(program.fetchFlags(mainStream));
  DLC_RETURN_IF_ERROR(synchronize());
  for (size_t i = 0; i < instructions.size(); ++i) {
    float milliseconds = 0;
    DLC_CUDA(driver(), cuEventElapsedTime, &milliseconds, program.marks[i],
             program.marks[i + 1]);
    nanoseconds[i] = std::llround(double(milliseconds) * 1e6);
  }
  program.hasRun = true;
  return Status::ok();
}

Result<int64_t> CudaStream::time(PreparedInstruction &instruction) {
  ContextScope scope(driver());
  std::lock_guard lock(owner.setUp());
  if (!timer) {
    timer.emplace(driver());
    if (Status status = timer->open(); !status.isOk()) {
      timer.reset();
      return status;
    }
  }
  return timer->time(mainStream, [&] {
    return static_cast<CudaInstruction &>(instruction).issue();
  });
}

std::span<const uint8_t>
CudaStream::choiceOf(const fb::Instruction &instruction,
                     std::string_view library) const {
  const auto *choice = instruction.choice();
  if (!choice || !code->isTunedWith(library))
    return {};
  return {choice->data(), choice->size()};
}

//===- Copies -------------------------------------------------------------===//

Status CudaStream::copyToDevice(std::byte *to, const void *from,
                                uint64_t bytes) {
  ContextScope scope(driver());
  return staging->send(toAddress(to), from, bytes);
}

Status CudaStream::copyToHost(void *to, const std::byte *from, uint64_t bytes) {
  ContextScope scope(driver());
  return staging->fetch(to, toAddress(from), bytes);
}

Status CudaStream::copyAhead(std::byte *to, const void *from,
                             uint64_t bytes) {
  if (bytes < AheadCopies::leastBytes)
    return copyToDevice(to, from, bytes);
  ContextScope scope(driver());
  if (!ahead)
    ahead.emplace(driver(), mainStream, copyStream);
  return ahead->send(toAddress(to), from, bytes);
}

Result<uint64_t> CudaStream::mark() {
  ContextScope scope(driver());
  return staging->mark();
}

Status CudaStream::await(uint64_t mark) {
  ContextScope scope(driver());
  Status status = staging->await(mark);
  return std::move(status).withContext("work on the GPU");
}

Result<const std::byte *> CudaStream::view(const std::byte *from,
                                           uint64_t bytes,
                                           std::vector<std::byte> &storage) {
  storage.resize(bytes);
  DLC_RETURN_IF_ERROR(copyToHost(storage.data(), from, bytes));
  DLC_RETURN_IF_ERROR(synchronize());
  return Result<const std::byte *>(storage.data());
}

Status CudaStream::synchronize() {
  ContextScope scope(driver());
  Status status = staging->finish();
  // Work fails long after it was issued.
  return std::move(status).withContext("work on the GPU");
}

uint64_t CudaStream::scratchBytes() const {
  uint64_t bytes = 0;
  for (const auto &program : programs)
    bytes += program->blockBytes();
  for (auto [address, size] : scratches)
    bytes += size;
  return bytes + (ahead ? ahead->spareBytes() : 0);
}

} // namespace dlc::rt::cuda
