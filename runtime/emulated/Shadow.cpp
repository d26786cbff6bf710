#include "runtime/emulated/Shadow.h"

#include <algorithm>
#include <bit>

namespace dlc::rt {

void Shadow::reset(uint64_t newBytes) {
  if (newBytes == bytes && shift != unset) {
    // The same kernel again, most likely: its cells' size stays.
    std::fill(cells.begin() + static_cast<ptrdiff_t>(firstUsed),
              cells.begin() + static_cast<ptrdiff_t>(endUsed), Cell());
  } else {
    cells.clear();
    bytes = newBytes;
    shift = unset;
  }
  firstUsed = endUsed = 0;
}

void Shadow::split(unsigned smaller) {
  size_t count = static_cast<size_t>((bytes >> smaller) + 1);
  if (firstUsed == endUsed) {
    cells.assign(count, Cell());
  } else {
    std::vector<Cell> finer(count);
    unsigned by = shift - smaller;
    for (size_t i = firstUsed << by; i < std::min(endUsed << by, count); ++i)
      finer[i] = cells[i >> by];
    cells.swap(finer);
    firstUsed <<= by;
    endUsed = std::min(endUsed << by, count);
  }
  shift = smaller;
}

bool Shadow::record(const Touch &touch, const Toucher &who, bool needsWrite,
                    Conflict &conflict) {
  unsigned finest =
      static_cast<unsigned>(std::countr_zero(touch.offset | touch.bytes));
  if (finest < shift)
    split(std::min(finest, largestShift));
  size_t first = static_cast<size_t>(touch.offset >> shift);
  size_t end = static_cast<size_t>((touch.offset + touch.bytes) >> shift);
  if (firstUsed == endUsed) {
    firstUsed = first;
    endUsed = end;
  } else {
    firstUsed = std::min(firstUsed, first);
    endUsed = std::max(endUsed, end);
  }
  for (size_t i = first; i < end; ++i) {
    Cell &cell = cells[i];
    if (touch.isStore ? recordWrite(cell, touch, who, conflict)
                      : recordRead(cell, touch, who, conflict))
      return true;
    if (needsWrite && cell.writer.thread == 0) {
      conflict.isUninitialised = true;
      return true;
    }
  }
  return false;
}

bool Shadow::isOrdered(const Access &earlier, const Toucher &who) {
  if (earlier.thread == 0 || earlier.thread == who.thread)
    return true;
  uint32_t local = earlier.thread - who.first;
  if (local >= who.threads)
    return false;
  bool isSameWarp = local / 32 == (who.thread - who.first) / 32;
  return earlier.clock < (isSameWarp ? who.clock : who.blockClock);
}

bool Shadow::recordRead(Cell &cell, const Touch &touch, const Toucher &who,
                        Conflict &conflict) {
  if (!isOrdered(cell.writer, who) && !(touch.isAtomic && (cell.atomics & 1))) {
    conflict = {false, cell.writer.thread, cell.sites[0], true};
    return true;
  }
  // A free place, or that of a read which every later write that it conflicts
  // with conflicts with this one for.
  int place = -1;
  for (int i = 0; i < 2 && place < 0; ++i)
    if (isOrdered(cell.readers[i], who))
      place = i;
  if (place < 0) {
    auto isOfBlock = [&](const Access &reader) {
      return reader.thread - who.first < who.threads;
    };
    // A read of this block, and another beside it, stand for this one too; two
    // of other blocks may be of one block, which this is not.
    if (isOfBlock(cell.readers[0]) || isOfBlock(cell.readers[1]))
      return false;
    place = 1;
  }
  cell.readers[place] = {who.thread, who.clock};
  cell.sites[place + 1] = static_cast<uint16_t>(touch.site);
  uint8_t bit = static_cast<uint8_t>(2u << place);
  cell.atomics = static_cast<uint8_t>(touch.isAtomic ? cell.atomics | bit
                                                     : cell.atomics & ~bit);
  return false;
}

bool Shadow::recordWrite(Cell &cell, const Touch &touch, const Toucher &who,
                         Conflict &conflict) {
  const Access *earlier[] = {&cell.writer, &cell.readers[0], &cell.readers[1]};
  for (int i = 0; i < 3; ++i)
    if (!isOrdered(*earlier[i], who) &&
        !(touch.isAtomic && (cell.atomics & (1 << i)))) {
      conflict = {false, earlier[i]->thread, cell.sites[i], i == 0};
      return true;
    }
  cell = Cell();
  cell.writer = {who.thread, who.clock};
  cell.sites[0] = static_cast<uint16_t>(touch.site);
  cell.atomics = touch.isAtomic;
  return false;
}

} // namespace dlc::rt
