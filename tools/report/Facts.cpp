//===- Facts.cpp - what a compiled program does with memory ---------------===//
#include "tools/report/Facts.h"

#include "runtime/artifact/Reader.h"

#include <algorithm>
#include <cmath>

namespace dlc::tools {

//===----------------------------------------------------------------------===//
// Categories
//===----------------------------------------------------------------------===//

static const char *const kCategories[] = {
    "parameters",  "statistics", "optimizer state", "other state", "gradients",
    "activations", "workspace",  "inputs",          "outputs",     "constants"};
static_assert(std::size(kCategories) == kCategoryCount);

const char *categoryName(fb::Category category) {
  return kCategories[size_t(category)];
}

std::string categoryKey(fb::Category category) {
  std::string key = categoryName(category);
  std::replace(key.begin(), key.end(), ' ', '_');
  return key;
}

uint64_t sumOf(const CategoryBytes &bytes) {
  uint64_t sum = 0;
  for (uint64_t part : bytes)
    sum += part;
  return sum;
}

double InstructionFacts::intensity() const {
  return bytesMoved() ? double(flops) / double(bytesMoved()) : 0;
}

//===----------------------------------------------------------------------===//
// Reading the header
//===----------------------------------------------------------------------===//

static std::string text(const flatbuffers::String *string) {
  return string ? string->str() : "";
}

template <typename T>
static std::vector<const T *>
listOf(const flatbuffers::Vector<flatbuffers::Offset<T>> *items) {
  return items ? std::vector<const T *>(items->begin(), items->end())
               : std::vector<const T *>();
}

static std::vector<std::string>
textsOf(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>
            *strings) {
  std::vector<std::string> texts;
  for (const flatbuffers::String *string : listOf(strings))
    texts.push_back(string->str());
  return texts;
}

static fb::Category categoryOf(fb::StateRole role) {
  switch (role) {
  case fb::StateRole::Parameter:
    return fb::Category::Parameter;
  case fb::StateRole::Statistic:
    return fb::Category::Statistic;
  case fb::StateRole::Optimizer:
    return fb::Category::OptimizerState;
  default:
    return fb::Category::OtherState;
  }
}

std::vector<uint32_t> placesOf(const fb::Instruction &instruction) {
  std::vector<uint32_t> places;
  auto add = [&](std::initializer_list<int64_t> some) {
    for (int64_t place : some)
      if (place >= 0)
        places.push_back(uint32_t(place));
  };
  if (const fb::Launch *launch = instruction.op_as_Launch()) {
    if (launch->buffers())
      places.assign(launch->buffers()->begin(), launch->buffers()->end());
  } else if (const fb::Gemm *gemm = instruction.op_as_Gemm()) {
    add({gemm->a(), gemm->b(), gemm->c(), gemm->bias(), gemm->residual(),
         gemm->bias_gradient(), gemm->workspace()});
  } else if (const fb::Conv *conv = instruction.op_as_Conv()) {
    add({conv->src(), conv->weights(), conv->dst(), conv->bias(),
         conv->residual(), conv->workspace()});
  } else if (const fb::Attention *attention =
                 instruction.op_as_Attention()) {
    for (const fb::AttentionView *view :
         {attention->q(), attention->k(), attention->v(), attention->output(),
          attention->grad(), attention->dq(), attention->dk(),
          attention->dv()})
      if (view)
        add({view->buffer()});
    add({attention->logsumexp(), attention->mask(), attention->workspace()});
  } else if (const fb::Copy *copy = instruction.op_as_Copy()) {
    add({copy->source(), copy->destination()});
  } else if (const fb::Fill *fill = instruction.op_as_Fill()) {
    add({fill->destination()});
  } else if (const fb::Transfer *transfer = instruction.op_as_Transfer()) {
    add({transfer->source(), transfer->destination()});
  } else if (const fb::Wait *wait = instruction.op_as_Wait()) {
    add({wait->source(), wait->destination()});
  }
  return places;
}

static std::vector<std::string> precisionOf(const fb::Instruction &instruction) {
  auto nameOf = [](fb::DType type) {
    return std::string(rt::dtypeName(rt::toDType(type)));
  };
  if (const fb::Gemm *gemm = instruction.op_as_Gemm())
    return {gemm->allows_tf32() ? "tf32" : nameOf(gemm->dtype())};
  if (const fb::Conv *conv = instruction.op_as_Conv())
    return {conv->allows_tf32() ? "tf32" : nameOf(conv->dtype())};
  if (const fb::Attention *attention = instruction.op_as_Attention())
    return {nameOf(attention->dtype())};
  std::vector<std::string> names;
  if (instruction.precision())
    for (auto type : *instruction.precision())
      if (fb::DType(type) >= fb::DType::MIN && fb::DType(type) <= fb::DType::MAX)
        names.push_back(nameOf(fb::DType(type)));
  return names;
}

/// Of a product: tiles of 128 x 128, and of a long inner dim parts of 512.
static double tilesOf(double batch, double m, double n, double k) {
  return batch * std::ceil(m / 128) * std::ceil(n / 128) *
         std::max(1.0, std::floor(k / 512));
}

static double productOf(const flatbuffers::Vector<int64_t> *dims) {
  double product = 1;
  for (size_t i = 0; dims && i < dims->size(); ++i)
    product *= double(dims->Get(unsigned(i)));
  return product;
}

/// As the product that it amounts to, per group.
static double tilesOf(const fb::Conv &conv) {
  double groups = double(conv.groups());
  double pixels = double(conv.batch()) * productOf(conv.out_spatial());
  double window = productOf(conv.kernel());
  double inputs = double(conv.in_channels()) / groups;
  double outputs = double(conv.out_channels()) / groups;
  switch (conv.kind()) {
  case fb::ConvKind::Forward:
    return tilesOf(groups, pixels, outputs, inputs * window);
  case fb::ConvKind::BackwardData:
    return tilesOf(groups,
                   double(conv.batch()) * productOf(conv.in_spatial()), inputs,
                   outputs * window);
  case fb::ConvKind::BackwardWeights:
    break;
  }
  return tilesOf(groups, outputs, inputs * window, pixels);
}

/// A block takes 128 queries of a head.
static double tilesOf(const fb::Attention &attention) {
  return double(attention.batch()) * double(attention.heads()) *
         std::ceil(double(attention.rows()) / 128);
}

/// A launch on a GPU says its blocks. For another device they were not cut: as
/// many as there would be at four elements of four bytes per thread.
static double piecesOf(const fb::Artifact &header,
                       const fb::Instruction &instruction) {
  constexpr double bytesPerBlock = 256 * 16;
  if (const fb::Gemm *gemm = instruction.op_as_Gemm())
    return tilesOf(double(gemm->batch0()) * double(gemm->batch1()),
                   double(gemm->m()), double(gemm->n()), double(gemm->k()));
  if (const fb::Conv *conv = instruction.op_as_Conv())
    return tilesOf(*conv);
  if (const fb::Attention *attention = instruction.op_as_Attention())
    return tilesOf(*attention);
  const fb::Launch *launch = instruction.op_as_Launch();
  if (launch && header.target() && text(header.target()->kind()) == "cuda")
    return std::max(1.0, double(launch->groups()));
  return std::ceil(
      double(instruction.bytes_read() + instruction.bytes_written()) /
      bytesPerBlock);
}

static InstructionFacts instructionFacts(const fb::Artifact &header,
                                         const fb::Instruction &instruction) {
  InstructionFacts facts;
  const fb::Launch *launch = instruction.op_as_Launch();
  facts.kind = launch                       ? "kernel"
               : instruction.op_as_Gemm()   ? "gemm"
               : instruction.op_as_Conv()   ? "conv"
               : instruction.op_as_Attention() ? "attention"
               : instruction.op_as_Copy()   ? "copy"
               : instruction.op_as_Fill()   ? "fill"
                                            : "none";
  facts.label = text(instruction.label());
  facts.kernel = facts.label.empty() ? facts.kind : facts.label;
  if (launch && header.kernels()) {
    const fb::Kernel &kernel = *header.kernels()->Get(launch->kernel());
    facts.kernel = kernel.symbol()->str();
    facts.schedule = text(kernel.schedule());
    facts.isBackward = facts.kernel.find("grad") != std::string::npos;
  }
  facts.nodes = textsOf(instruction.nodes());
  facts.precision = precisionOf(instruction);
  facts.flops = instruction.flops();
  facts.bytesRead = instruction.bytes_read();
  facts.bytesWritten = instruction.bytes_written();
  facts.pieces = piecesOf(header, instruction);
  if (const fb::Attention *attention = instruction.op_as_Attention())
    facts.isBackward = attention->kind() == fb::AttentionKind::Backward;
  return facts;
}

//===----------------------------------------------------------------------===//
// One program
//===----------------------------------------------------------------------===//

namespace {

class ProgramReader {
public:
  ProgramReader(const fb::Artifact &header, const fb::Program &program)
      : header(header), program(program) {}

  ProgramFacts read() {
    facts.name = text(program.name());
    facts.plannedBytes = program.temp_bytes();
    facts.scratchBytes = program.scratch_bytes();
    for (const fb::Instruction *instruction : listOf(program.instructions())) {
      facts.instructions.push_back(instructionFacts(header, *instruction));
      facts.flops += facts.instructions.back().flops;
      facts.bytesMoved += facts.instructions.back().bytesMoved();
    }
    findLifetimes();
    sumAlive();
    return std::move(facts);
  }

private:
  void findLifetimes();
  void sumAlive();
  void touch(size_t place, int64_t when);

  const fb::Artifact &header;
  const fb::Program &program;
  ProgramFacts facts;
  std::vector<BufferFacts> all;
  std::vector<bool> isTouched;
};

} // namespace

void ProgramReader::touch(size_t place, int64_t when) {
  if (place >= all.size())
    return;
  BufferFacts &buffer = all[place];
  if (!isTouched[place]) {
    isTouched[place] = true;
    buffer.first = buffer.last = buffer.producer = when;
    return;
  }
  buffer.last = std::max(buffer.last, when);
}

void ProgramReader::findLifetimes() {
  int64_t end = int64_t(facts.instructions.size());
  std::vector<const fb::Buffer *> buffers = listOf(program.buffers());
  for (size_t i = 0; i < buffers.size(); ++i) {
    BufferFacts buffer;
    buffer.index = i;
    buffer.category = buffers[i]->category();
    buffer.name = text(buffers[i]->name());
    buffer.offset = buffers[i]->offset();
    buffer.bytes = buffers[i]->bytes();
    all.push_back(std::move(buffer));
  }
  isTouched.assign(all.size(), false);
  for (const fb::TensorInfo *input : listOf(program.inputs()))
    touch(input->buffer(), -1);
  int64_t number = 0;
  for (const fb::Instruction *instruction : listOf(program.instructions())) {
    for (uint32_t place : placesOf(*instruction))
      touch(place, number);
    ++number;
  }
  for (const fb::TensorInfo *output : listOf(program.outputs())) {
    touch(output->buffer(), end);
    if (output->buffer() < all.size() && all[output->buffer()].name.empty())
      all[output->buffer()].name = text(output->name());
  }
  for (size_t i = 0; i < all.size(); ++i) {
    bool isTemporary = buffers[i]->space() == fb::Space::Arena &&
                       buffers[i]->offset() >= header.state_bytes();
    if (!isTemporary || !isTouched[i])
      continue;
    BufferFacts &buffer = all[i];
    if (buffer.producer >= 0 && buffer.producer < end)
      buffer.nodes = facts.instructions[size_t(buffer.producer)].nodes;
    facts.buffers.push_back(std::move(buffer));
  }
}

void ProgramReader::sumAlive() {
  size_t count = facts.instructions.size();
  // What begins and ends at each instruction, then running sums.
  std::vector<std::array<int64_t, kCategoryCount>> changes(count + 1);
  for (const BufferFacts &buffer : facts.buffers) {
    auto clamped = [&](int64_t at) {
      return size_t(std::clamp<int64_t>(at, 0, int64_t(count)));
    };
    changes[clamped(buffer.first)][size_t(buffer.category)] +=
        int64_t(buffer.bytes);
    changes[clamped(buffer.last + 1)][size_t(buffer.category)] -=
        int64_t(buffer.bytes);
  }
  CategoryBytes now{};
  for (size_t i = 0; i < count; ++i) {
    for (size_t c = 0; c < kCategoryCount; ++c)
      now[c] = uint64_t(int64_t(now[c]) + changes[i][c]);
    facts.alive.push_back(now);
    uint64_t bytes = sumOf(now);
    facts.instructions[i].aliveBytes = bytes;
    if (bytes > facts.peakBytes) {
      facts.peakBytes = bytes;
      facts.peak = int64_t(i);
    }
  }
}

//===----------------------------------------------------------------------===//
// All of it
//===----------------------------------------------------------------------===//

std::vector<Holding> Facts::holdingsAtPeak(const ProgramFacts &program) const {
  std::vector<Holding> found;
  for (const StateFacts &state : states)
    found.push_back({state.name, state.category, state.bytes, true, 0, 0, -1,
                     {}});
  for (const BufferFacts &buffer : program.buffers)
    if (buffer.isAliveAt(program.peak))
      found.push_back({buffer.name, buffer.category, buffer.bytes, false,
                       buffer.first, buffer.last, buffer.producer,
                       buffer.nodes});
  std::stable_sort(
      found.begin(), found.end(),
      [](const Holding &a, const Holding &b) { return a.bytes > b.bytes; });
  return found;
}

CategoryBytes Facts::stateBytes() const {
  CategoryBytes bytes{};
  for (const StateFacts &state : states)
    bytes[size_t(state.category)] += state.bytes;
  return bytes;
}

/// The program that needs most; `step` among equals.
static int largestOf(const std::vector<ProgramFacts> &programs) {
  int best = -1;
  for (size_t i = 0; i < programs.size(); ++i) {
    uint64_t most = best < 0 ? 0 : programs[size_t(best)].plannedBytes;
    if (best < 0 || programs[i].plannedBytes > most ||
        (programs[i].plannedBytes == most && programs[i].name == "step"))
      best = int(i);
  }
  return best;
}

static void addParts(Facts &facts) {
  MemoryFacts &memory = facts.memory;
  memory.parts = facts.stateBytes();
  if (const ProgramFacts *program = facts.largestProgram())
    if (!program->alive.empty())
      for (size_t c = 0; c < kCategoryCount; ++c)
        memory.parts[c] += program->alive[size_t(program->peak)][c];
  uint64_t used = sumOf(memory.parts);
  memory.gapBytes = std::max(memory.arenaBytes, used) - used;
  memory.parts[size_t(fb::Category::Constant)] = memory.constantBytes;
}

Facts factsOf(const fb::Artifact &header, uint64_t constantBytes, int threads) {
  Facts facts;
  for (const fb::Program *program : listOf(header.programs()))
    facts.programs.push_back(ProgramReader(header, *program).read());
  for (const fb::State *state : listOf(header.states())) {
    if (state->on_host())
      continue;
    std::vector<int64_t> dims;
    if (state->dims())
      dims.assign(state->dims()->begin(), state->dims()->end());
    facts.states.push_back(
        {text(state->name()), categoryOf(state->role()),
         rt::tensorBytes(rt::toDType(state->dtype()), dims).value_or(0),
         state->trained()});
  }
  facts.largest = largestOf(facts.programs);
  facts.memory.arenaBytes = header.arena_bytes();
  facts.memory.stateBytes = header.state_bytes();
  facts.memory.hostBytes = header.host_bytes();
  facts.memory.constantBytes = constantBytes;
  facts.memory.threads = threads;
  for (const ProgramFacts &program : facts.programs)
    facts.memory.scratchBytes =
        std::max(facts.memory.scratchBytes,
                 program.scratchBytes * static_cast<uint64_t>(threads));
  addParts(facts);
  return facts;
}

} // namespace dlc::tools
