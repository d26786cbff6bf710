// Who touched which bytes of a piece of memory, so that races are found.
//
// Two accesses of different threads race if they touch the same byte, at least
// one of them writes, not both are atomic, and nothing orders them. What orders
// is a barrier of their block, or for two lanes of a warp a warp barrier:
// every warp has a clock that each of its barriers advances, and a barrier of
// the block brings all clocks to one new value. An access at an earlier clock
// lies behind such a barrier. Blocks are never ordered.
//
// A cell holds the last write and up to two reads since: two are enough, since
// two reads of different threads (of different blocks, where there are such)
// conflict with any write that is ordered after neither. Cells stand for 16
// bytes until an access comes that is smaller; then all are split.
#ifndef DLC_RUNTIME_EMULATED_SHADOW_H
#define DLC_RUNTIME_EMULATED_SHADOW_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dlc::rt {

/// Who makes an access, and when.
struct Toucher {
  uint32_t thread; // in the launch, from 1
  uint32_t first;  // the number of its block's first thread
  uint32_t threads;
  uint32_t clock;      // of its warp
  uint32_t blockClock; // of all warps when they last met
};

struct Touch {
  uint64_t offset, bytes;
  bool isStore, isAtomic;
  uint32_t site;
};

/// What an access may not follow.
struct Conflict {
  bool isUninitialised = false; // nobody wrote this
  uint32_t thread = 0;          // in the launch, from 1
  uint32_t site = 0;
  bool isStore = false;
};

class Shadow {
public:
  /// Forgets everything; the memory has `bytes` bytes now.
  void reset(uint64_t bytes);
  /// Records an access inside the memory. True if it conflicts with an earlier
  /// one; with `needsWrite` also if it reads what was never written.
  bool record(const Touch &touch, const Toucher &who, bool needsWrite,
              Conflict &conflict);

private:
  struct Access {
    uint32_t thread = 0; // 0: none
    uint32_t clock = 0;
  };
  struct Cell {
    Access writer, readers[2];
    uint16_t sites[3] = {0, 0, 0}; // of the writer and the readers
    uint8_t atomics = 0;           // a bit for each
    uint8_t unused = 0;
  };
  static bool isOrdered(const Access &earlier, const Toucher &who);
  bool recordRead(Cell &cell, const Touch &touch, const Toucher &who,
                  Conflict &conflict);
  bool recordWrite(Cell &cell, const Touch &touch, const Toucher &who,
                   Conflict &conflict);
  void split(unsigned smaller);

  std::vector<Cell> cells;
  uint64_t bytes = 0;
  unsigned shift = unset;
  size_t firstUsed = 0, endUsed = 0; // cells that may hold something
  static constexpr unsigned unset = 64, largestShift = 4;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_EMULATED_SHADOW_H
