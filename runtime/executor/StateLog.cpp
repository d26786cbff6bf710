#include "runtime/executor/StateLog.h"

#include <algorithm>
#include <map>

namespace dlc::rt {

/// Calls visit(buffer) for the states that a checked instruction writes.
template <typename Visit>
static void forWritten(const fb::Program &program,
                       const fb::Instruction &instruction, uint64_t stateBytes,
                       Visit visit) {
  const fb::Check *check = instruction.check();
  if (!check || !check->tensors())
    return;
  for (const fb::TracedTensor *tensor : *check->tensors()) {
    const fb::Buffer &buffer = *program.buffers()->Get(tensor->buffer());
    if (tensor->is_written() && buffer.space() == fb::Space::Arena &&
        buffer.offset() < stateBytes)
      visit(buffer);
  }
}

bool writesState(const fb::Program &program, const fb::Instruction &instruction,
                 uint64_t stateBytes) {
  bool writes = false;
  forWritten(program, instruction, stateBytes,
             [&](const fb::Buffer &) { writes = true; });
  return writes;
}

StateLog::StateLog(const fb::Artifact &artifact, std::byte *arena)
    : arena(arena) {
  std::map<uint64_t, uint64_t> written;
  if (artifact.programs())
    for (const fb::Program *program : *artifact.programs())
      for (size_t i = 0;
           program->instructions() && i < program->instructions()->size(); ++i)
        forWritten(*program,
                   *program->instructions()->Get(
                       static_cast<flatbuffers::uoffset_t>(i)),
                   artifact.state_bytes(), [&](const fb::Buffer &buffer) {
                     uint64_t &bytes = written[buffer.offset()];
                     bytes = std::max(bytes, buffer.bytes());
                   });
  // States that lie side by side are one piece.
  for (auto [offset, bytes] : written) {
    bool isNext = !pieces.empty() &&
                  offset <= pieces.back().offset + pieces.back().bytes + 64;
    if (isNext)
      pieces.back().bytes =
          std::max(pieces.back().bytes, offset + bytes - pieces.back().offset);
    else
      pieces.push_back({offset, bytes, 0});
  }
  for (Piece &piece : pieces) {
    piece.position = total;
    total += piece.bytes;
  }
}

Status StateLog::save(Stream &stream) {
  if (!copy)
    copy.reset(new std::byte[total]);
  for (const Piece &piece : pieces)
    DLC_RETURN_IF_ERROR(stream.copyToHost(copy.get() + piece.position,
                                          arena + piece.offset, piece.bytes));
  calls.clear();
  inputBytes = 0;
  isSaved = true;
  return stream.synchronize();
}

Status StateLog::begin(Stream &stream, size_t entry, Call *&call) {
  if (!calls.empty())
    inputBytes += calls.back().inputs.size();
  if (!isSaved || calls.size() >= mostCalls || inputBytes > total + freeBytes)
    DLC_RETURN_IF_ERROR(save(stream));
  calls.push_back({entry, {}});
  call = &calls.back();
  return Status::ok();
}

Status StateLog::restore(Stream &stream) const {
  for (const Piece &piece : pieces)
    DLC_RETURN_IF_ERROR(stream.copyToDevice(
        arena + piece.offset, copy.get() + piece.position, piece.bytes));
  return stream.synchronize();
}

} // namespace dlc::rt
