//===- MathCodeTest.cpp - What the math functions compile to -------------===//
//
// The point of inlined functions is that nothing is called and little is
// executed; and random bits must be those everybody else gets.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/emitter/Math.h"
#include "tests/unit/compiler/MathCases.h"
#include "tests/unit/compiler/MathJit.h"

#include "gtest/gtest.h"

#include <cstdint>
#include <fstream>
#include <sstream>

using namespace dlc;
using namespace dlc::test;
using mlir::Location;
using mlir::OpBuilder;
using mlir::Value;
using mlir::ValueRange;

namespace {

struct Machine {
  const char *name, *triple, *cpu;
  int lanesF32; ///< half as many for f64, at least one
};

constexpr Machine machines[] = {
    {"avx512", "x86_64-unknown-linux-gnu", "x86-64-v4", 16},
    {"avx2", "x86_64-unknown-linux-gnu", "x86-64-v3", 8},
    {"scalar", "x86_64-unknown-linux-gnu", "x86-64-v3", 1},
    {"nvptx", "nvptx64-nvidia-cuda", "sm_80", 1},
};

MathKernel kernelOf(const MathCase &row, bool isF32, int lanesF32) {
  auto body = [&row](OpBuilder &b, Location loc, ValueRange x) {
    return std::vector<Value>{row.emit(b, loc, x[0])};
  };
  int lanes = isF32 ? lanesF32 : std::max(1, lanesF32 / 2);
  return {isF32 ? "f32" : "f64", lanes, 1, "", body};
}

MathKernel powKernel(bool isF32, int lanesF32) {
  auto body = [](OpBuilder &b, Location loc, ValueRange x) {
    return std::vector<Value>{emit::emitPow(b, loc, x[0], x[1])};
  };
  int lanes = isF32 ? lanesF32 : std::max(1, lanesF32 / 2);
  return {isF32 ? "f32" : "f64", lanes, 2, "", body};
}

/// Instructions that compute: all but moves, loads, stores and constants.
int computingInstructions(const std::string &assembly) {
  std::istringstream lines(assembly);
  std::string line, word;
  int count = 0;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    if (!(words >> word) || line[0] != '\t' || word[0] == '.' ||
        word[0] == '#' || word[0] == '/')
      continue;
    static const char *const free[] = {
        "ret",  "vzeroupper", "mov", "vmov", "vbroadcast", "vpbroadcast",
        "kmov", "ld.",        "st.", "cvta", "{",          "}"};
    bool isFree = false;
    for (const char *prefix : free)
      isFree |= word.rfind(prefix, 0) == 0;
    count += !isFree;
  }
  return count;
}

/// Rows "//   name  f32  f64 …" of the table in Math.h.
std::string documentedRow(const std::string &name) {
  std::ifstream header(DLC_SOURCE_DIR "/compiler/codegen/emitter/Math.h");
  std::string line;
  while (std::getline(header, line)) {
    std::istringstream words(line);
    std::string slashes, first;
    if (words >> slashes >> first && slashes == "//" && first == name &&
        line.rfind("//   ", 0) == 0)
      return line;
  }
  return "";
}

void expectDocumented(const std::string &name, double ulpF32, double ulpF64) {
  std::istringstream row(documentedRow(name));
  std::string slashes, first;
  double f32 = 0, f64 = 0;
  row >> slashes >> first >> f32 >> f64;
  EXPECT_EQ(f32, ulpF32) << name;
  EXPECT_EQ(f64, ulpF64) << name;
}

} // namespace

TEST(MathCode, EveryMachine_NoCallsAndNoTables) {
  bool isPrinting = std::getenv("DLC_MATH_PRINT");
  for (const Machine &machine : machines)
    for (bool isF32 : {true, false}) {
      auto check = [&](const char *name, const MathKernel &kernel) {
        std::string text = assemblyOf(kernel, machine.triple, machine.cpu);
        EXPECT_EQ(text.find("\tcall"), std::string::npos)
            << name << " on " << machine.name << "\n"
            << text;
        EXPECT_EQ(text.find("gather"), std::string::npos) << name;
        if (isPrinting)
          printf("%-8s %s %-7s %d\n", name, isF32 ? "f32" : "f64", machine.name,
                 computingInstructions(text));
      };
      for (const MathCase &row : mathCases())
        check(row.name, kernelOf(row, isF32, machine.lanesF32));
      check("pow", powKernel(isF32, machine.lanesF32));
    }
}

TEST(MathCode, ExpF32_Avx512_FourteenInstructions) {
  const MathCase &exp = mathCases().front();
  ASSERT_STREQ(exp.name, "exp");
  std::string text =
      assemblyOf(kernelOf(exp, true, 16), machines[0].triple, machines[0].cpu);
  EXPECT_LE(computingInstructions(text), 14) << text;
}

TEST(MathCode, SelectedF32Functions_DoNotDivide) {
  for (const MathCase &row : mathCases()) {
    std::string name = row.name;
    if (name != "exp" && name != "tanh" && name != "erf" && name != "sigmoid" &&
        name != "log")
      continue;
    std::string text = assemblyOf(kernelOf(row, true, 16), machines[0].triple,
                                  machines[0].cpu);
    EXPECT_EQ(text.find("vdiv"), std::string::npos) << name;
    EXPECT_EQ(text.find("vsqrt"), std::string::npos) << name;
  }
}

TEST(MathCode, HeaderTable_StatesTheBounds) {
  for (const MathCase &row : mathCases())
    expectDocumented(row.name, row.ulpF32, row.ulpF64);
  expectDocumented("pow", powUlpF32, powUlpF64);
}

// --- Random bits ------------------------------------------------------------

namespace {

struct KnownAnswer {
  uint32_t counter[4], key[2], result[4];
};

/// From Random123's kat_vectors, philox4x32 with 10 rounds.
constexpr KnownAnswer knownAnswers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

MathKernel philox(int lanes) {
  auto body = [](OpBuilder &b, Location loc, ValueRange x) {
    emit::PhiloxWords r =
        emit::emitPhilox(b, loc, {x[0], x[1], x[2], x[3]}, {x[4], x[5]});
    return std::vector<Value>(r.begin(), r.end());
  };
  return {"i32", lanes, 6, "", body};
}

} // namespace

TEST(MathRandom, Philox_KnownAnswers_Match) {
  for (int lanes : {1, 8, 16}) {
    CompiledMath code(philox(lanes));
    std::vector<uint32_t> in[6], out[4];
    for (int i = 0; i < 48; ++i) {
      const KnownAnswer &row = knownAnswers[i % 3];
      for (int word = 0; word < 6; ++word)
        in[word].push_back(word < 4 ? row.counter[word] : row.key[word - 4]);
    }
    for (auto &words : out)
      words.resize(48);
    code.run({in[0].data(), in[1].data(), in[2].data(), in[3].data(),
              in[4].data(), in[5].data()},
             {out[0].data(), out[1].data(), out[2].data(), out[3].data()}, 48);
    for (int i = 0; i < 48; ++i)
      for (int word = 0; word < 4; ++word)
        EXPECT_EQ(out[word][i], knownAnswers[i % 3].result[word])
            << "lanes " << lanes << ", element " << i << ", word " << word;
  }
}

TEST(MathRandom, PhiloxOfTwoWords_UpperCounterIsZero) {
  auto body = [](OpBuilder &b, Location loc, ValueRange x) {
    auto two = emit::emitPhilox(b, loc, x[0], x[1], x[2], x[3]);
    return std::vector<Value>(two.begin(), two.end());
  };
  CompiledMath code({"i32", 8, 4, "", body});
  std::vector<uint32_t> zero(8), out[4];
  for (auto &words : out)
    words.resize(8);
  code.run({zero.data(), zero.data(), zero.data(), zero.data()},
           {out[0].data(), out[1].data(), out[2].data(), out[3].data()}, 8);
  for (int word = 0; word < 4; ++word)
    EXPECT_EQ(out[word][7], knownAnswers[0].result[word]);
}

TEST(MathRandom, Uniform01_ExtremeBits_StayBelowOne) {
  auto single = [](OpBuilder &b, Location loc, ValueRange x) {
    return std::vector<Value>{emit::emitUniform01(b, loc, x[0])};
  };
  auto twice = [](OpBuilder &b, Location loc, ValueRange x) {
    return std::vector<Value>{emit::emitUniform01(b, loc, x[0], x[1])};
  };
  std::vector<uint32_t> high = {0, ~0u, 1u << 31, 255, 256, 31, 32, 12345678};
  std::vector<uint32_t> low = {0, ~0u, 0, 63, 64, ~0u, 0, 87654321};
  std::vector<float> f32(8);
  std::vector<double> f64(8);
  CompiledMath({"i32", 8, 1, "f32", single})
      .run({high.data()}, {f32.data()}, 8);
  CompiledMath({"i32", 8, 2, "f64", twice})
      .run({high.data(), low.data()}, {f64.data()}, 8);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(f32[i], std::ldexp(static_cast<float>(high[i] >> 8), -24));
    uint64_t bits = uint64_t(high[i] >> 5) << 26 | low[i] >> 6;
    EXPECT_EQ(f64[i], std::ldexp(static_cast<double>(bits), -53));
    EXPECT_LT(f32[i], 1.0f);
    EXPECT_LT(f64[i], 1.0);
  }
}
