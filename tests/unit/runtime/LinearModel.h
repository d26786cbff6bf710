// A handmade artifact that every part of the runtime can run: linear
// regression, prediction = x w with w [inputs, outputs], trained by
//   difference = x w - target;  loss = mean(difference^2)
//   w -= rate * x^T difference
// It has matrix products, generated kernels, a copy, a fill, states of every
// start, and the entries "step" and "infer".
#ifndef DLC_TESTS_UNIT_RUNTIME_LINEARMODEL_H
#define DLC_TESTS_UNIT_RUNTIME_LINEARMODEL_H

#include "runtime/artifact/Writer.h"

#include <cstddef>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace dlc::rt::test {

struct LinearModel {
  static constexpr int64_t batch = 96, inputs = 40, outputs = 24;

  fb::ArtifactT artifact;
  std::vector<std::byte> code, weights;

  LinearModel() {
    std::ifstream file(DLC_TEST_KERNELS, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    auto *first = reinterpret_cast<const std::byte *>(text.data());
    code.assign(first, first + text.size());
    weights.resize(inputs * outputs * 4);
    for (size_t i = 0; i < weights.size() / 4; ++i)
      reinterpret_cast<float *>(weights.data())[i] =
          static_cast<float>(i % 7) / 8 - 0.25f;
    build();
  }

  std::vector<SectionPayload> payloads() const {
    return {{fb::SectionKind::Code, code}, {fb::SectionKind::Weights, weights}};
  }
  std::vector<std::byte> bytes() {
    return writeArtifact(artifact, payloads()).value();
  }

private:
  using Op = std::unique_ptr<fb::InstructionT>;

  template <typename T>
  static void add(fb::ProgramT &p, T op, std::string label) {
    auto instruction = std::make_unique<fb::InstructionT>();
    instruction->op.Set(std::move(op));
    instruction->label = std::move(label);
    p.instructions.push_back(std::move(instruction));
  }
  static uint32_t buffer(fb::ProgramT &p, uint64_t offset, uint64_t bytes) {
    auto b = std::make_unique<fb::BufferT>();
    b->offset = offset;
    b->bytes = bytes;
    p.buffers.push_back(std::move(b));
    return static_cast<uint32_t>(p.buffers.size() - 1);
  }
  static std::unique_ptr<fb::TensorInfoT>
  tensor(std::string name, std::vector<int64_t> dims, uint32_t buffer) {
    auto t = std::make_unique<fb::TensorInfoT>();
    t->name = std::move(name);
    t->dtype = fb::DType::F32;
    t->dims = std::move(dims);
    t->buffer = buffer;
    return t;
  }
  void state(std::string name, fb::StateRole role, fb::StateInit init,
             fb::DType dtype, std::vector<int64_t> dims, uint64_t offset) {
    auto s = std::make_unique<fb::StateT>();
    s->name = std::move(name);
    s->role = role;
    s->init = init;
    s->dtype = dtype;
    s->dims = std::move(dims);
    s->offset = offset;
    s->trained = role == fb::StateRole::Parameter;
    artifact.states.push_back(std::move(s));
  }

  void build() {
    artifact.producer = "test";
    artifact.model = "linear";
    artifact.precision = "f32";
    artifact.target = std::make_unique<fb::TargetT>();
    artifact.target->kind = "cpu";
    artifact.target->cpu = "x86-64";
    artifact.target->features = {"sse2"};
    for (const char *symbol : {"subtract", "mean_square", "descend"}) {
      auto kernel = std::make_unique<fb::KernelT>();
      kernel->symbol = symbol;
      artifact.kernels.push_back(std::move(kernel));
    }
    uint64_t weightBytes = inputs * outputs * 4; // 3840 = 60 * 64
    state("w", fb::StateRole::Parameter, fb::StateInit::Constant,
          fb::DType::F32, {inputs, outputs}, 0);
    state("step", fb::StateRole::Step, fb::StateInit::Zero, fb::DType::I64, {},
          weightBytes);
    state("rng", fb::StateRole::Random, fb::StateInit::Seed, fb::DType::I64,
          {2}, weightBytes + 64);
    artifact.state_bytes = weightBytes + 128;
    for (const char *name : {"step", "infer"})
      addProgram(name, std::string(name) == "step");
  }

  void addProgram(const std::string &name, bool isStep) {
    auto p = std::make_unique<fb::ProgramT>();
    p->name = name;
    uint64_t next = artifact.state_bytes;
    auto take = [&](uint64_t bytes) {
      uint64_t offset = next;
      next += (bytes + 63) / 64 * 64;
      return buffer(*p, offset, bytes);
    };
    uint32_t w = buffer(*p, 0, inputs * outputs * 4);
    uint32_t step = buffer(*p, inputs * outputs * 4, 8);
    uint32_t x = take(batch * inputs * 4);
    uint32_t y = take(batch * outputs * 4);
    p->inputs.push_back(tensor("x", {batch, inputs}, x));
    fb::GemmT gemm;
    gemm.dtype = fb::DType::F32;
    gemm.batch0 = gemm.batch1 = 1;
    gemm.m = batch;
    gemm.n = outputs;
    gemm.k = inputs;
    gemm.a = x;
    gemm.b = w;
    gemm.c = y;
    gemm.a_strides = {0, 0, inputs, 1};
    gemm.b_strides = {0, 0, outputs, 1};
    gemm.c_strides = {0, 0, outputs, 1};
    add(*p, gemm, "predict");
    if (isStep) {
      uint32_t target = take(batch * outputs * 4);
      uint32_t rate = take(4), loss = take(4), copied = take(4);
      uint32_t gradient = take(inputs * outputs * 4);
      p->inputs.push_back(tensor("target", {batch, outputs}, target));
      p->inputs.push_back(tensor("lr", {}, rate));
      p->outputs.push_back(tensor("loss", {}, copied));
      fb::LaunchT subtract;
      subtract.kernel = 0;
      subtract.groups = batch;
      subtract.buffers = {y, target, y};
      subtract.dims = {outputs};
      add(*p, subtract, "difference");
      fb::FillT fill;
      fill.destination = loss;
      fill.bytes = 4;
      fill.pattern = 0x7fc00000; // NaN, so that a lost launch shows
      fill.pattern_bytes = 4;
      add(*p, fill, "fill");
      fb::LaunchT square;
      square.kernel = 1;
      square.groups = 1;
      square.buffers = {y, loss};
      square.dims = {batch * outputs};
      add(*p, square, "loss");
      gemm.m = inputs;
      gemm.n = outputs;
      gemm.k = batch;
      gemm.a = x;
      gemm.b = y;
      gemm.c = gradient;
      gemm.a_strides = {0, 0, 1, inputs};
      add(*p, gemm, "gradient");
      fb::LaunchT descend;
      descend.kernel = 2;
      descend.groups = 1;
      descend.buffers = {gradient, rate, w, step};
      descend.dims = {inputs * outputs};
      add(*p, descend, "descend");
      fb::CopyT copy;
      copy.source = loss;
      copy.destination = copied;
      copy.bytes = 4;
      add(*p, copy, "copy");
    } else {
      p->outputs.push_back(tensor("y", {batch, outputs}, y));
    }
    p->temp_bytes = next - artifact.state_bytes;
    artifact.arena_bytes = std::max(artifact.arena_bytes, next);
    artifact.programs.push_back(std::move(p));
  }
};

} // namespace dlc::rt::test

#endif // DLC_TESTS_UNIT_RUNTIME_LINEARMODEL_H
