//===- Facts.h - what a compiled program does with memory -------*- C++ -*-===//
//
// Everything that reports say about a plan, computed once from the artifact's
// header: when each place is alive, the bytes alive at each instruction by
// category, the peak, and what each instruction moves and computes. The text of
// `dlc compile` and `dlc explain`, the JSON, the page and the refusal of
// `--memory-limit` all read these facts.
//
//   bytes  |      ____
//          |   __|    |__        alive(i): by category, at instruction i
//          |__|  peak    |___
//          +-----------------> instruction
//
// The parts of a total are the states, the temporaries that are alive at the
// peak, what alignment and packing leave unused there, the scratch of library
// calls, and the constants. They sum to it exactly, because the unused bytes are
// the rest.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_REPORT_FACTS_H
#define DLC_TOOLS_REPORT_FACTS_H

#include "runtime/artifact/artifact_generated.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace dlc::tools {

inline constexpr size_t kCategoryCount = size_t(fb::Category::MAX) + 1;
/// Bytes by fb::Category.
using CategoryBytes = std::array<uint64_t, kCategoryCount>;

/// "optimizer state": for people. `categoryKey`: "optimizer_state".
const char *categoryName(fb::Category category);
std::string categoryKey(fb::Category category);
uint64_t sumOf(const CategoryBytes &bytes);

/// A temporary or input of a program: memory that lives within one call.
struct BufferFacts {
  /// Its number among the program's buffers.
  size_t index = 0;
  fb::Category category = fb::Category::Activation;
  /// The tensor that it holds, or the op that computes it; may be empty.
  std::string name;
  uint64_t offset = 0, bytes = 0;
  /// The first and last instruction that need it. Inputs are there before the
  /// first (-1), outputs until after the last (their number).
  int64_t first = 0, last = 0;
  /// The instruction that writes it first; -1: the caller did.
  int64_t producer = -1;
  /// ONNX nodes of its producer.
  std::vector<std::string> nodes;

  bool isAliveAt(int64_t instruction) const {
    return first <= instruction && instruction <= last;
  }
};

struct InstructionFacts {
  /// "kernel", "gemm", "conv", "attention", "copy" or "fill"; "none" for the transfers of
  /// --offload, which run beside the rest.
  std::string kind;
  /// The kernel's symbol, or the call: "conv_grad_data".
  std::string kernel;
  std::string label, schedule;
  std::vector<std::string> nodes;
  /// Element types that it computes in: "f32"; empty where nothing says so.
  std::vector<std::string> precision;
  uint64_t flops = 0, bytesRead = 0, bytesWritten = 0;
  /// Parts that could run at the same time on a device with many units: blocks
  /// of a launch, tiles of a product. 0: unknown.
  double pieces = 0;
  /// Of attention: its gradients.
  bool isBackward = false; // of attention
  /// Bytes of inputs and temporaries that are alive while it runs.
  uint64_t aliveBytes = 0;

  uint64_t bytesMoved() const { return bytesRead + bytesWritten; }
  /// Operations per byte; 0 where it moves none.
  double intensity() const;
};

struct ProgramFacts {
  std::string name;
  /// Inputs and temporaries; states and constants outlive the program.
  std::vector<BufferFacts> buffers;
  std::vector<InstructionFacts> instructions;
  /// Per instruction, of inputs and temporaries.
  std::vector<CategoryBytes> alive;
  /// The instruction with most bytes alive, the first of them.
  int64_t peak = 0;
  uint64_t peakBytes = 0;
  /// What the plan takes above the states; at least `peakBytes`.
  uint64_t plannedBytes = 0;
  uint64_t flops = 0, bytesMoved = 0;
  /// What each thread takes for its library calls, beside the arena.
  uint64_t scratchBytes = 0;
};

/// A state: memory that lives as long as a session.
struct StateFacts {
  std::string name;
  fb::Category category = fb::Category::Parameter;
  uint64_t bytes = 0;
  bool isTrained = false;
};

struct MemoryFacts {
  /// At the peak: states, inputs, temporaries, constants.
  CategoryBytes parts{};
  /// Left between places by alignment and packing.
  uint64_t gapBytes = 0;
  /// What a session allocates, once: all of the above but the constants.
  uint64_t arenaBytes = 0;
  /// Read-only numbers, used where the artifact has them.
  uint64_t constantBytes = 0;
  uint64_t stateBytes = 0;
  /// What library calls take beside the arena, on `threads` threads.
  uint64_t scratchBytes = 0;
  int threads = 1;
  /// The host arena, beside the total: what --offload keeps there.
  uint64_t hostBytes = 0;

  uint64_t totalBytes() const {
    return arenaBytes + scratchBytes + constantBytes;
  }
};

/// What takes memory at the peak: a state, an input or a temporary.
struct Holding {
  std::string name;
  fb::Category category = fb::Category::Activation;
  uint64_t bytes = 0;
  /// States are there all the time; the others from one instruction to another.
  bool isResident = false;
  int64_t first = 0, last = 0, producer = -1;
  std::vector<std::string> nodes;
};

struct Facts {
  std::vector<ProgramFacts> programs;
  std::vector<StateFacts> states;
  /// Of the program that needs most.
  MemoryFacts memory;
  /// Its number; -1: there are no programs.
  int largest = -1;

  const ProgramFacts *largestProgram() const {
    return largest < 0 ? nullptr : &programs[size_t(largest)];
  }
  /// Everything in the arena at the peak of `program`, largest first.
  std::vector<Holding> holdingsAtPeak(const ProgramFacts &program) const;
  /// Bytes of the states by category.
  CategoryBytes stateBytes() const;
};

/// The facts of a plan. `constantBytes`: of the artifact's constants section;
/// `threads`: of the session.
Facts factsOf(const fb::Artifact &header, uint64_t constantBytes, int threads);

/// The places that an instruction reads or writes, without those left out (-1).
std::vector<uint32_t> placesOf(const fb::Instruction &instruction);

} // namespace dlc::tools

#endif
