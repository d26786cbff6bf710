#include "runtime/executor/StateBackup.h"

#include <map>

namespace dlc::rt {

StateBackup::StateBackup(const fb::Program &program, uint64_t stateBytes,
                         std::byte *arena)
    : arena(arena) {
  std::map<uint64_t, uint64_t> written;
  if (program.instructions())
    for (const fb::Instruction *instruction : *program.instructions()) {
      const fb::Check *check = instruction->check();
      if (!check || !check->tensors())
        continue;
      for (const fb::TracedTensor *tensor : *check->tensors()) {
        const fb::Buffer &buffer = *program.buffers()->Get(tensor->buffer());
        if (tensor->is_written() && buffer.space() == fb::Space::Arena &&
            buffer.offset() < stateBytes)
          written[buffer.offset()] =
              std::max(written[buffer.offset()], buffer.bytes());
      }
    }
  // States that lie side by side are one piece.
  for (auto [offset, bytes] : written) {
    bool isNext = !pieces.empty() && offset <= pieces.back().offset +
                                                   pieces.back().bytes + 64;
    if (isNext)
      pieces.back().bytes = std::max(pieces.back().bytes,
                                     offset + bytes - pieces.back().offset);
    else
      pieces.push_back({offset, bytes, 0});
  }
  for (Piece &piece : pieces) {
    piece.position = total;
    total += piece.bytes;
  }
}

Status StateBackup::save(Stream &stream) {
  if (!copy)
    copy.reset(new std::byte[total]);
  for (const Piece &piece : pieces)
    DLC_RETURN_IF_ERROR(stream.copyToHost(copy.get() + piece.position,
                                          arena + piece.offset, piece.bytes));
  return stream.synchronize();
}

Status StateBackup::restore(Stream &stream) const {
  for (const Piece &piece : pieces)
    DLC_RETURN_IF_ERROR(stream.copyToDevice(
        arena + piece.offset, copy.get() + piece.position, piece.bytes));
  return stream.synchronize();
}

const std::byte *StateBackup::find(uint64_t offset) const {
  for (const Piece &piece : pieces)
    if (offset >= piece.offset && offset < piece.offset + piece.bytes)
      return copy.get() + piece.position + (offset - piece.offset);
  return nullptr;
}

} // namespace dlc::rt
