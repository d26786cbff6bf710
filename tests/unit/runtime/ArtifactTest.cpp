// The artifact's writer and reader: what is written is read, and nothing that
// is damaged, cut or made up gets past the reader or crashes it.

#include "runtime/artifact/Format.h"
#include "runtime/artifact/Reader.h"
#include "runtime/artifact/Writer.h"
#include "runtime/executor/Executor.h"
#include "tests/unit/runtime/LinearModel.h"
#include "tests/unit/runtime/TestUtil.h"

#define XXH_INLINE_ALL
#include <functional>
#include <xxhash.h>

using namespace dlc::rt;
using namespace dlc::rt::test;
namespace fb = dlc::fb;

namespace {

std::string idOf(const std::vector<std::byte> &bytes) {
  auto artifact = Artifact::fromMemory(bytes.data(), bytes.size());
  return artifact.isOk() ? "ok" : artifact.status().id();
}

/// Makes the checksums right again after a change, so that the checks behind
/// them are reached.
void reseal(std::vector<std::byte> &file) {
  Preamble preamble;
  std::memcpy(&preamble, file.data(), sizeof(preamble));
  uint64_t room = file.size() - sizeof(preamble);
  preamble.headerBytes = std::min(preamble.headerBytes, room);
  preamble.fileBytes = file.size();
  preamble.headerHash =
      XXH3_64bits(file.data() + sizeof(preamble), preamble.headerBytes);
  preamble.preambleHash =
      XXH3_64bits(&preamble, offsetof(Preamble, preambleHash));
  std::memcpy(file.data(), &preamble, sizeof(preamble));
}

TEST(ArtifactTest, Write_ThenRead_GivesTheSame) {
  TemporaryFolder folder;
  LinearModel model;
  std::string path = folder / "m.dlc";
  ASSERT_OK(writeArtifactFile(path, model.artifact, model.payloads()));
  auto artifact = Artifact::open(path);
  ASSERT_RESULT(artifact);
  const fb::Artifact &header = (*artifact)->header();
  EXPECT_EQ(header.model()->str(), "linear");
  EXPECT_EQ(header.arena_bytes(), model.artifact.arena_bytes);
  std::span<const std::byte> weights =
      (*artifact)->section(fb::SectionKind::Weights);
  ASSERT_EQ(weights.size(), model.weights.size());
  EXPECT_EQ(0,
            std::memcmp(weights.data(), model.weights.data(), weights.size()));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(weights.data()) % 64, 0u);
  EXPECT_TRUE((*artifact)->section(fb::SectionKind::Report).empty());
  EXPECT_NE((*artifact)->findProgram("infer"), nullptr);
  EXPECT_EQ((*artifact)->findProgram("train"), nullptr);
  (*artifact)->releasePages(fb::SectionKind::Weights);
  EXPECT_EQ(0,
            std::memcmp(weights.data(), model.weights.data(), weights.size()));
}

TEST(ArtifactTest, Write_Twice_GivesTheSameBytes) {
  EXPECT_EQ(LinearModel().bytes(), LinearModel().bytes());
}

TEST(ArtifactTest, Write_IntoAMissingFolder_IsAnError) {
  LinearModel model;
  Status status =
      writeArtifactFile("/no/such/folder/m.dlc", model.artifact, {});
  EXPECT_EQ(status.id(), "DLC5110");
}

TEST(ArtifactTest, Open_WrongFiles_SaysWhichWay) {
  std::vector<std::byte> good = LinearModel().bytes(), file = good;
  EXPECT_EQ(idOf(good), "ok");
  EXPECT_EQ(idOf({}), "DLC5002");
  file[0] = std::byte{'X'};
  EXPECT_EQ(idOf(file), "DLC5002");
  file = good;
  file[8] = std::byte{9}; // major version
  EXPECT_EQ(idOf(file), "DLC5003");
  file = good;
  file[40] = std::byte{1}; // a feature from the future
  reseal(file);
  EXPECT_EQ(idOf(file), "DLC5003");
  file = good;
  file.pop_back();
  EXPECT_EQ(idOf(file), "DLC5004");
  file = good;
  file[100] ^= std::byte{1};
  EXPECT_EQ(idOf(file), "DLC5005");
  file = good;
  file.back() ^= std::byte{1};
  EXPECT_EQ(idOf(file), "DLC5006");
  EXPECT_EQ(Artifact::open("/no/such/file").status().id(), "DLC5001");
  EXPECT_EQ(Artifact::open("/").status().id(), "DLC5001");
}

// Every length from nothing to one byte short, as is and with right checksums.
TEST(ArtifactTest, Open_EveryTruncation_IsAnErrorAndNoCrash) {
  LinearModel model;
  model.code.clear(); // small, so that every length can be tried
  std::vector<std::byte> good = model.bytes();
  ASSERT_LT(good.size(), 16384u);
  for (size_t length = 0; length < good.size(); ++length) {
    std::vector<std::byte> cut(good.begin(), good.begin() + ptrdiff_t(length));
    EXPECT_NE(idOf(cut), "ok") << length;
    if (length < sizeof(Preamble))
      continue;
    reseal(cut);
    EXPECT_NE(idOf(cut), "ok") << length;
  }
}

TEST(ArtifactTest, Open_FlippedBytes_AreAllNoticed) {
  LinearModel model;
  std::vector<std::byte> good = model.bytes();
  std::mt19937 random(11);
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::byte> file = good;
    // The padding between sections is nobody's and not checked.
    size_t at = random() % (sizeof(Preamble) + 2000);
    file[at] ^= std::byte(1 + random() % 255);
    EXPECT_NE(idOf(file), "ok") << "byte " << at;
  }
}

// With checksums made right, a changed header either fails a check or is a
// program that stays within its memory: it is then run.
TEST(ArtifactTest, Open_ResealedChanges_FailOrRun) {
  LinearModel model;
  std::vector<std::byte> good = model.bytes();
  Preamble preamble;
  std::memcpy(&preamble, good.data(), sizeof(preamble));
  std::mt19937 random(13);
  int accepted = 0;
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::byte> file = good;
    for (int change = 0; change < 1 + i % 3; ++change) {
      size_t at = sizeof(Preamble) + random() % preamble.headerBytes;
      file[at] = std::byte(random());
    }
    reseal(file);
    auto artifact = Artifact::fromMemory(file.data(), file.size());
    if (!artifact.isOk())
      continue;
    ++accepted;
    // Kernels are trusted code that a changed launch would mislead, and a
    // large arena is no error: what is run is "infer", a product alone, when
    // it still has no launch.
    const fb::Artifact &header = (*artifact)->header();
    const fb::Program *infer = (*artifact)->findProgram("infer");
    if (!infer || header.arena_bytes() > (1u << 24))
      continue;
    bool hasLaunch = false;
    if (infer->instructions())
      for (const fb::Instruction *instruction : *infer->instructions())
        hasLaunch |= instruction->op_type() == fb::Op::Launch;
    if (hasLaunch)
      continue;
    auto program = LoadedProgram::load(*artifact);
    if (!program.isOk())
      continue;
    auto session = Session::create(*program, {.threads = 1});
    if (!session.isOk())
      continue;
    Status status = session.value()->prepare("infer");
    std::vector<float> x(LinearModel::batch * LinearModel::inputs, 1.0f);
    std::vector<int64_t> dims{LinearModel::batch, LinearModel::inputs};
    TensorView in{"x", DType::F32, dims,
                  reinterpret_cast<std::byte *>(x.data())};
    if (status.isOk())
      (void)session.value()->run("infer", {&in, 1}, {});
  }
  EXPECT_GT(accepted, 100); // the checks are not just refusing everything
}

struct Change {
  const char *name;
  const char *id;
  std::function<void(fb::ArtifactT &)> apply;
};
void PrintTo(const Change &c, std::ostream *out) { *out << c.name; }

class ArtifactChangeTest : public ::testing::TestWithParam<Change> {};

TEST_P(ArtifactChangeTest, Open_ImpossiblePlan_IsRefused) {
  LinearModel model;
  GetParam().apply(model.artifact);
  EXPECT_EQ(idOf(model.bytes()), GetParam().id);
}

fb::GemmT &gemmOf(fb::ArtifactT &a) {
  return *a.programs[0]->instructions[0]->op.AsGemm();
}
fb::LaunchT &launchOf(fb::ArtifactT &a) {
  return *a.programs[0]->instructions[1]->op.AsLaunch();
}
fb::FillT &fillOf(fb::ArtifactT &a) {
  return *a.programs[0]->instructions[2]->op.AsFill();
}
fb::CopyT &copyOf(fb::ArtifactT &a) {
  return *a.programs[0]->instructions.back()->op.AsCopy();
}
fb::OpUnion &lastOp(fb::ArtifactT &a) {
  return a.programs[0]->instructions.back()->op;
}
/// Gives the program a place in a host arena, and a transfer to it.
fb::TransferT toHost(fb::ArtifactT &a) {
  a.host_bytes = 64;
  auto place = std::make_unique<fb::BufferT>();
  place->space = fb::Space::Host;
  place->bytes = 4;
  fb::TransferT transfer;
  transfer.source = 2;
  transfer.destination = uint32_t(a.programs[0]->buffers.size());
  transfer.bytes = 4;
  a.programs[0]->buffers.push_back(std::move(place));
  return transfer;
}
fb::ConvT convOf() {
  fb::ConvT c;
  c.dtype = fb::DType::F32;
  c.batch = c.in_channels = c.out_channels = 1;
  c.in_spatial = {4};
  c.out_spatial = {4};
  c.kernel = {3};
  c.strides = c.dilations = c.pads_begin = c.pads_end = {1};
  c.src = c.dst = 2;
  c.weights = 0;
  return c;
}

/// Two rows and two keys of one number each, in place of the first instruction.
fb::AttentionT &attentionOf(fb::ArtifactT &a) {
  auto view = [] {
    auto view = std::make_unique<fb::AttentionViewT>();
    view->buffer = 2;
    view->row_stride = 1;
    return view;
  };
  fb::AttentionT attention;
  attention.dtype = fb::DType::F32;
  attention.batch = attention.heads = 1;
  attention.rows = attention.keys = 2;
  attention.depth = attention.width = 1;
  attention.scale = 1;
  attention.logsumexp = 2;
  attention.q = view();
  attention.k = view();
  attention.v = view();
  attention.output = view();
  fb::OpUnion &op = a.programs[0]->instructions[0]->op;
  op.Set(std::move(attention));
  return *op.AsAttention();
}

TEST(ArtifactTest, Attention_Opens) {
  LinearModel model;
  attentionOf(model.artifact);
  EXPECT_EQ(idOf(model.bytes()), "ok");
}

INSTANTIATE_TEST_SUITE_P(Plans, ArtifactChangeTest,
                         ::testing::Values(
                             Change{"StateBeyondStates", "DLC5007",
                                    [](fb::ArtifactT &a) {
                                      a.states[0]->offset = 1 << 20;
                                    }},
                             Change{"StateUnaligned", "DLC5007",
                                    [](fb::ArtifactT &a) {
                                      a.states[1]->offset += 8;
                                    }},
                             Change{"StateOverlap", "DLC5007",
                                    [](fb::ArtifactT &a) {
                                      a.states[1]->offset = 64;
                                    }},
                             Change{"StateNegativeDim", "DLC5007",
                                    [](fb::ArtifactT &a) {
                                      a.states[0]->dims[0] = -1;
                                    }},
                             Change{"StateHugeDims", "DLC5007",
                                    [](fb::ArtifactT &a) {
                                      a.states[0]->dims = {int64_t(1) << 40,
                                                           int64_t(1) << 40};
                                    }},
                             Change{"StateTwice", "DLC5007",
                                    [](fb::ArtifactT &a) {
                                      a.states[1]->name = "w";
                                    }},
                             Change{"StateInitBeyondWeights", "DLC5007",
                                    [](fb::ArtifactT &a) {
                                      a.states[0]->init_offset = 64;
                                    }},
                             Change{"StateBadDType", "DLC5007",
                                    [](fb::ArtifactT &a) {
                                      a.states[0]->dtype =
                                          static_cast<fb::DType>(77);
                                    }},
                             Change{"SeedOfFloats", "DLC5007",
                                    [](fb::ArtifactT &a) {
                                      a.states[2]->dtype = fb::DType::F64;
                                    }},
                             Change{"StatesBeyondArena", "DLC5007",
                                    [](fb::ArtifactT &a) {
                                      a.state_bytes = a.arena_bytes + 1;
                                    }},
                             Change{"KernelWithoutName", "DLC5007",
                                    [](fb::ArtifactT &a) {
                                      a.kernels[0]->symbol = "";
                                    }},
                             Change{"BufferBeyondArena", "DLC5008",
                                    [](fb::ArtifactT &a) {
                                      a.programs[0]->buffers[0]->bytes =
                                          a.arena_bytes + 1;
                                    }},
                             Change{"BufferWraps", "DLC5008",
                                    [](fb::ArtifactT &a) {
                                      a.programs[0]->buffers[0]->offset =
                                          ~uint64_t(0) - 8;
                                    }},
                             Change{"BufferInMissingConstants", "DLC5008",
                                    [](fb::ArtifactT &a) {
                                      a.programs[0]->buffers[0]->space =
                                          fb::Space::Constant;
                                    }},
                             Change{"InputTooLarge", "DLC5008",
                                    [](fb::ArtifactT &a) {
                                      a.programs[0]->inputs[0]->dims = {1
                                                                        << 20};
                                    }},
                             Change{"InputWithoutBuffer", "DLC5008",
                                    [](fb::ArtifactT &a) {
                                      a.programs[0]->inputs[0]->buffer = 99;
                                    }},
                             Change{"InputTwice", "DLC5008",
                                    [](fb::ArtifactT &a) {
                                      a.programs[0]->inputs[1]->name = "x";
                                    }},
                             Change{"ProgramTwice", "DLC5008",
                                    [](fb::ArtifactT &a) {
                                      a.programs[1]->name = "step";
                                    }},
                             Change{"GemmReachesOut", "DLC5009",
                                    [](fb::ArtifactT &a) { gemmOf(a).m += 1; }},
                             Change{"GemmOffset", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      gemmOf(a).a_offset = 1;
                                    }},
                             Change{"GemmNegativeOffset", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      gemmOf(a).b_offset = -1;
                                    }},
                             Change{"GemmStrideWraps", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      gemmOf(a).a_strides[2] = int64_t(1) << 62;
                                    }},
                             Change{"GemmNegativeStride", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      gemmOf(a).c_strides[2] = -24;
                                    }},
                             Change{"GemmOverlappingResult", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      gemmOf(a).c_strides[2] = 1;
                                    }},
                             Change{"GemmNoUnitStride", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      gemmOf(a).m = gemmOf(a).k = 4;
                                      gemmOf(a).a_strides = {0, 0, 2, 2};
                                    }},
                             Change{"GemmThreeStrides", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      gemmOf(a).a_strides.pop_back();
                                    }},
                             Change{
                                 "GemmBiasTooShort", "DLC5009",
                                 [](fb::ArtifactT &a) { gemmOf(a).bias = 1; }},
                             Change{"GemmBiasGradientTooShort", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      gemmOf(a).bias = -1;
                                      gemmOf(a).bias_gradient = 1;
                                      gemmOf(a).bias_gradient_of =
                                          fb::GemmOperand::B;
                                    }},
                             Change{"GemmBiasGradientNowhere", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      gemmOf(a).bias = -1;
                                      gemmOf(a).bias_gradient = -7;
                                    }},
                             Change{"GemmBiasGradientWithBias", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      gemmOf(a).bias_gradient =
                                          int32_t(gemmOf(a).c);
                                      gemmOf(a).activation =
                                          fb::Activation::Relu;
                                    }},
                             Change{"GemmBiasGradientOfNeither", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      gemmOf(a).bias = -1;
                                      gemmOf(a).bias_gradient =
                                          int32_t(gemmOf(a).c);
                                      gemmOf(a).bias_gradient_of =
                                          static_cast<fb::GemmOperand>(7);
                                    }},
                             Change{"GemmBadActivation", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      gemmOf(a).activation =
                                          static_cast<fb::Activation>(50);
                                    }},
                             Change{"GemmTf32OfBf16", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      gemmOf(a).allows_tf32 = true;
                                      gemmOf(a).dtype = fb::DType::BF16;
                                    }},
                             Change{"GemmEmpty", "DLC5009",
                                    [](fb::ArtifactT &a) { gemmOf(a).k = 0; }},
                             Change{"LaunchKernel", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      launchOf(a).kernel = 3;
                                    }},
                             Change{"LaunchGroups", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      launchOf(a).groups = -1;
                                    }},
                             Change{"LaunchBuffer", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      launchOf(a).buffers[1] = 1000;
                                    }},
                             Change{"LaunchOffset", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      launchOf(a).offsets = {0, 0, 1 << 30};
                                    }},
                             Change{"LaunchOffsetCount", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      launchOf(a).offsets = {0};
                                    }},
                             Change{
                                 "FillBeyond", "DLC5009",
                                 [](fb::ArtifactT &a) { fillOf(a).bytes = 8; }},
                             Change{"FillPattern", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      fillOf(a).pattern_bytes = 3;
                                    }},
                             Change{"FillPatternZero", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      fillOf(a).pattern_bytes = 0;
                                    }},
                             Change{
                                 "CopyBeyond", "DLC5009",
                                 [](fb::ArtifactT &a) { copyOf(a).bytes = 5; }},
                             Change{"CopyWraps", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      copyOf(a).source_offset = ~0ull;
                                    }},
                             Change{"TransferWithinTheArena", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      fb::TransferT t;
                                      t.destination = 1;
                                      lastOp(a).Set(std::move(t));
                                    }},
                             Change{"TransferNotWaitedFor", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      lastOp(a).Set(toHost(a));
                                    }},
                             Change{"WaitForNothing", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      fb::TransferT t = toHost(a);
                                      fb::WaitT w;
                                      w.source = t.source;
                                      w.destination = t.destination;
                                      lastOp(a).Set(std::move(w));
                                    }},
                             Change{"HostBeyondItsArena", "DLC5008",
                                    [](fb::ArtifactT &a) {
                                      toHost(a);
                                      a.host_bytes = 0;
                                    }},
                             Change{"FillOnTheHost", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      fillOf(a).destination =
                                          toHost(a).destination;
                                    }},
                             Change{"ConvOutput", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      fb::ConvT c = convOf();
                                      c.out_spatial = {5};
                                      a.programs[0]->instructions[0]->op.Set(
                                          std::move(c));
                                    }},
                             Change{"ConvStrideZero", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      fb::ConvT c = convOf();
                                      c.strides = {0};
                                      a.programs[0]->instructions[0]->op.Set(
                                          std::move(c));
                                    }},
                             Change{"ConvGroups", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      fb::ConvT c = convOf();
                                      c.groups = 2;
                                      a.programs[0]->instructions[0]->op.Set(
                                          std::move(c));
                                    }},
                             Change{"ConvTooLarge", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      fb::ConvT c = convOf();
                                      c.batch = 1 << 20;
                                      a.programs[0]->instructions[0]->op.Set(
                                          std::move(c));
                                    }},
                             Change{"ConvRank", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      fb::ConvT c = convOf();
                                      c.kernel = {3, 3, 3, 3};
                                      a.programs[0]->instructions[0]->op.Set(
                                          std::move(c));
                                    }},
                             Change{"ConvBiasOnData", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      fb::ConvT c = convOf();
                                      c.kind = fb::ConvKind::BackwardData;
                                      c.bias = 0;
                                      a.programs[0]->instructions[0]->op.Set(
                                          std::move(c));
                                    }},
                             Change{"AttentionReachesOut", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      attentionOf(a).rows = 1 << 20;
                                    }},
                             Change{"AttentionKeysReachOut", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      attentionOf(a).keys = 1 << 20;
                                    }},
                             Change{"AttentionStrideWraps", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      attentionOf(a).k->row_stride = int64_t(1) << 62;
                                    }},
                             Change{"AttentionNegativeOffset", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      attentionOf(a).q->offset = -1;
                                    }},
                             Change{"AttentionNegativeStride", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      attentionOf(a).v->row_stride = -1;
                                    }},
                             Change{"AttentionNoSuchBuffer", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      attentionOf(a).logsumexp = 999;
                                    }},
                             Change{"AttentionOfIntegers", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      attentionOf(a).dtype = fb::DType::I32;
                                    }},
                             Change{"AttentionScaleNan", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      attentionOf(a).scale = std::nan("");
                                    }},
                             Change{"AttentionWritesTwice", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      attentionOf(a).output->row_stride = 0;
                                    }},
                             Change{"AttentionGradForward", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      attentionOf(a).dq = std::make_unique<fb::AttentionViewT>();
                                    }},
                             Change{"AttentionWithoutGrad", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      attentionOf(a).kind = fb::AttentionKind::Backward;
                                    }},
                             Change{"AttentionUnknownKind", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      attentionOf(a).kind = static_cast<fb::AttentionKind>(9);
                                    }},
                             Change{"AttentionMaskWithoutStrides", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      attentionOf(a).mask = 2;
                                    }},
                             Change{"AttentionMaskOfIntegers", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      fb::AttentionT &t = attentionOf(a);
                                      t.mask = 2;
                                      t.mask_dtype = fb::DType::I32;
                                      t.mask_strides = {0, 0, 2, 1};
                                    }},
                             Change{"AttentionMaskReachesOut", "DLC5009",
                                    [](fb::ArtifactT &a) {
                                      fb::AttentionT &t = attentionOf(a);
                                      t.mask = 2;
                                      t.mask_strides = {0, 0, 1 << 20, 1};
                                    }},
                             Change{"ExportState", "DLC5010",
                                    [](fb::ArtifactT &a) {
                                      auto rule =
                                          std::make_unique<fb::ExportRuleT>();
                                      rule->initializer = "w";
                                      rule->state = 3;
                                      a.exports.push_back(std::move(rule));
                                    }}),
                         [](const ::testing::TestParamInfo<Change> &info) {
                           return std::string(info.param.name);
                         });

} // namespace
