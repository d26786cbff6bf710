#include "tools/model/ModelOptions.h"

#include <gtest/gtest.h>

using namespace dlc::tools;

TEST(ModelOptions, Lines_ThereAndBack_AreTheSame) {
  ModelOptions options;
  options.entries = {"infer", "grad"};
  options.loss = "cross-entropy:output=logits,axis=1+mse:output=y";
  options.optimizer = "adamw:weight-decay=0.1";
  options.clipNorm = 0.1;
  options.accumulate = 4;
  options.freeze = {"a.*", "b=c"};
  options.trainOnly = {"head.*"};
  options.retie = false;
  options.batchNormTrains = false;
  options.precision = "bf16";
  options.keepF32 = {"head*"};
  options.attentionBy = "cudnn";
  options.recompute = "cheap";
  options.lossScale = "dynamic:init=8";
  options.dims = {{"sequence=length", 12}, {"x[2]", 3}};
  options.batch = 7;
  options.targetShapes = {{"target", {7, 12}}, {"target/y", {}}};
  options.cpu = "znver4";
  ModelOptions back = ModelOptions::fromLines(options.toLines());
  EXPECT_EQ(back.toLines(), options.toLines());
  EXPECT_EQ(back.dims, options.dims);
  EXPECT_EQ(back.targetShapes, options.targetShapes);
  EXPECT_EQ(back.freeze, options.freeze);
  EXPECT_EQ(back.clipNorm, 0.1);
}

TEST(ModelOptions, OptimizerNumber_AlreadyThere_IsKept) {
  ModelOptions options;
  options.setOptimizerNumber("weight-decay", 0.5);
  EXPECT_EQ(options.optimizer, "adamw:weight-decay=0.5");
  options.setOptimizerNumber("weight-decay", 0.25);
  EXPECT_EQ(options.optimizer, "adamw:weight-decay=0.5");
  EXPECT_EQ(options.optimizerKind(), "adamw");
}

TEST(ModelOptions, LossTerms_OneOutput_HaveOneTarget) {
  auto terms = lossTerms("cross-entropy:axis=1", "logits");
  ASSERT_EQ(terms.size(), 1u);
  EXPECT_EQ(terms[0].target, "target");
  EXPECT_EQ(terms[0].output, "logits");
  EXPECT_TRUE(terms[0].takesClasses());
}

TEST(ModelOptions, LossTerms_TwoOutputs_HaveATargetEach) {
  auto terms =
      lossTerms("cross-entropy:output=a+mse:output=b+none:output=c", "a");
  ASSERT_EQ(terms.size(), 3u);
  EXPECT_EQ(terms[0].target, "target/a");
  EXPECT_EQ(terms[1].target, "target/b");
  EXPECT_EQ(terms[2].target, "");
}

TEST(ModelOptions, ParseDims_Text_IsAList) {
  EXPECT_EQ(parseDims("8x3"), (std::vector<int64_t>{8, 3}));
  EXPECT_EQ(parseDims(""), std::vector<int64_t>());
  EXPECT_EQ(parseDims("8xa"), std::nullopt);
  EXPECT_EQ(parseDims("-1"), std::nullopt);
}
