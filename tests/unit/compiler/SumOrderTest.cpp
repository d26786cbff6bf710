//===- SumOrderTest.cpp - fusion changes no bit -------------------------===//
//
// The same graph as few kernels, and with every op a kernel of its own; with
// short and with long vectors: the results are the same bytes, because the
// order of a sum belongs to the op (dialects/dlc/indexing/SumOrder.h).
//
//===----------------------------------------------------------------------===//
#include "tests/unit/compiler/CpuRunner.h"

#include "dialects/dlc/IR/Builders.h"
#include "dialects/dlc/indexing/SumOrder.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace dlc::test;
using dlc::reference::Tensor;

namespace {

std::vector<Tensor> runAlone(Operation &op, llvm::DenseMap<Value, Tensor> &at) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(op.getLoc());
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  auto function = func::FuncOp::create(
      b, op.getLoc(), "f",
      b.getFunctionType(op.getOperandTypes(), op.getResultTypes()));
  Block *body = function.addEntryBlock();
  b.setInsertionPointToEnd(body);
  IRMapping mapping;
  std::vector<Tensor> arguments;
  for (auto [operand, argument] :
       llvm::zip_equal(op.getOperands(), body->getArguments())) {
    mapping.map(operand, argument);
    arguments.push_back(at.find(operand)->second);
  }
  // An op that reads a value twice reads its first argument twice.
  Operation *copy = b.clone(op, mapping);
  func::ReturnOp::create(b, op.getLoc(), copy->getResults());
  auto run = runOnCpu(*module, arguments);
  EXPECT_TRUE(succeeded(run));
  return succeeded(run) ? run->results : std::vector<Tensor>();
}

/// Compares the kernels of `text`'s function with its ops one by one. Returns
/// how many kernels there are.
unsigned checkBits(const std::string &text) {
  auto context = createContext();
  auto module = parseSourceString<ModuleOp>(text, context.get());
  EXPECT_TRUE(module) << text;
  if (!module)
    return 0;
  auto function = *module->getOps<func::FuncOp>().begin();
  std::vector<Tensor> arguments;
  llvm::DenseMap<Value, Tensor> at;
  for (Value argument : function.getArguments()) {
    arguments.push_back(
        randomTensor(cast<RankedTensorType>(argument.getType()),
                     unsigned(arguments.size()) + 1));
    at.try_emplace(argument, arguments.back());
  }
  Block &body = function.getBody().front();
  for (Operation &op : body.without_terminator())
    for (auto [result, tensor] : llvm::zip(op.getResults(), runAlone(op, at)))
      at.try_emplace(result, tensor);

  unsigned numKernels = 0;
  for (unsigned vectorBytes : {16u, 32u, 64u}) {
    if (vectorBytes == 64 && !__builtin_cpu_supports("avx512f"))
      continue;
    auto fused = parseSourceString<ModuleOp>(text, context.get());
    auto run = runOnCpu(*fused, arguments, vectorBytes);
    EXPECT_TRUE(succeeded(run)) << text;
    if (failed(run))
      return 0;
    numKernels = run->numKernels;
    for (auto [i, value] : llvm::enumerate(body.getTerminator()->getOperands()))
      EXPECT_TRUE(run->results[i].getBytes() == at.find(value)->second.getBytes())
          << "result " << i << " with vectors of " << vectorBytes
          << " bytes in\n" << text;
  }
  return numKernels;
}

/// `text` with every "R" that stands for a shape replaced.
std::string withShape(std::string text, const std::string &shape) {
  for (size_t at = 0; (at = text.find("Rx", at)) != std::string::npos;)
    text.replace(at, 1, shape);
  return text;
}

TEST(KernelBits, NormalizedRows_AnyLength) {
  for (const char *columns : {"3", "31", "32", "77", "384"})
    checkBits(withShape(
        R"(func.func @f(%x: tensor<9xRxf32>, %w: tensor<Rxf32>) -> (tensor<9xRxf32>, tensor<9xf32>) {
      %s = dlc.reduce_sum %x dims [1] : tensor<9xRxf32> -> tensor<9xf32>
      %sb = dlc.broadcast %s dims [0] : tensor<9xf32> -> tensor<9xRxf32>
      %c = dlc.sub %x, %sb : tensor<9xRxf32>
      %q = dlc.mul %c, %c : tensor<9xRxf32>
      %v = dlc.reduce_sum %q dims [1] : tensor<9xRxf32> -> tensor<9xf32>
      %r = dlc.rsqrt %v : tensor<9xf32>
      %rb = dlc.broadcast %r dims [0] : tensor<9xf32> -> tensor<9xRxf32>
      %n = dlc.mul %c, %rb : tensor<9xRxf32>
      %wb = dlc.broadcast %w dims [1] : tensor<Rxf32> -> tensor<9xRxf32>
      %y = dlc.mul %n, %wb : tensor<9xRxf32>
      %e = dlc.exp %y : tensor<9xRxf32>
      %z = dlc.reduce_sum %e dims [1] : tensor<9xRxf32> -> tensor<9xf32>
      return %y, %z : tensor<9xRxf32>, tensor<9xf32> })",
        columns));
}

TEST(KernelBits, SumsOfColumns_WithHeavyAndTransposedTerms) {
  checkBits(
      R"(func.func @f(%x: tensor<70x48xf32>, %y: tensor<48x70xf32>) -> (tensor<48xf32>, tensor<48xf32>) {
    %t = dlc.transpose %y [1, 0] : tensor<48x70xf32> -> tensor<70x48xf32>
    %e = dlc.tanh %t : tensor<70x48xf32>
    %p = dlc.mul %x, %e : tensor<70x48xf32>
    %a = dlc.reduce_sum %p dims [0] : tensor<70x48xf32> -> tensor<48xf32>
    %b = dlc.reduce_sum %x dims [0] : tensor<70x48xf32> -> tensor<48xf32>
    return %a, %b : tensor<48xf32>, tensor<48xf32> })");
}

// The whole tensor is one row of terms, whether or not what is added to them
// can be read along it.
TEST(KernelBits, WholeSums_OfBroadcastTerms) {
  for (const char *columns : {"10", "64", "37"})
    checkBits(withShape(
        R"(func.func @f(%x: tensor<4x5xRxf32>, %b: tensor<Rxf32>) -> tensor<f32> {
      %bb = dlc.broadcast %b dims [2] : tensor<Rxf32> -> tensor<4x5xRxf32>
      %p = dlc.mul %x, %bb : tensor<4x5xRxf32>
      %s = dlc.reduce_sum %p dims [0, 1, 2] : tensor<4x5xRxf32> -> tensor<f32>
      return %s : tensor<f32> })",
        columns));
}

TEST(KernelBits, SumsOverOuterAndInnerDims) {
  checkBits(
      R"(func.func @f(%x: tensor<4x6x5x3xf32>) -> (tensor<6xf32>, tensor<4x6x5x3xf32>, tensor<4x5xf32>) {
    %e = dlc.exp %x : tensor<4x6x5x3xf32>
    %s = dlc.reduce_sum %e dims [0, 2, 3] : tensor<4x6x5x3xf32> -> tensor<6xf32>
    %b = dlc.broadcast %s dims [1] : tensor<6xf32> -> tensor<4x6x5x3xf32>
    %y = dlc.div %e, %b : tensor<4x6x5x3xf32>
    %t = dlc.reduce_sum %y dims [1, 3] : tensor<4x6x5x3xf32> -> tensor<4x5xf32>
    return %s, %y, %t : tensor<6xf32>, tensor<4x6x5x3xf32>, tensor<4x5xf32> })");
}

// One kernel per order, though one walk could compute both.
TEST(KernelBits, OtherOrders_OtherKernels) {
  const char *text =
      R"(func.func @f(%x: tensor<48x64xf32>, %y: tensor<64x48xf32>) -> tensor<48xf32> {
    %a = dlc.OP %x dims [1] : tensor<48x64xf32> -> tensor<48xf32>
    %b = dlc.OP %y dims [0] : tensor<64x48xf32> -> tensor<48xf32>
    %c = dlc.add %a, %b : tensor<48xf32>
    return %c : tensor<48xf32> })";
  auto with = [&](const std::string &op) {
    std::string copy = text;
    for (size_t at = 0; (at = copy.find("OP", at)) != std::string::npos;)
      copy.replace(at, 2, op);
    return copy;
  };
  EXPECT_EQ(checkBits(with("reduce_sum")), 2u);
  EXPECT_EQ(checkBits(with("reduce_max")), 1u);
}

//===- The order itself ---------------------------------------------------===//

std::optional<dlc::SumOrder> orderOf(const std::string &shape,
                                     const std::string &dims,
                                     const std::string &result,
                                     const std::string &op = "reduce_sum") {
  auto context = createContext();
  auto module = parseSourceString<ModuleOp>(
      "func.func @f(%x: tensor<" + shape + ">) -> tensor<" + result +
          "> { %0 = dlc." + op + " %x dims [" + dims + "] : tensor<" + shape +
          "> -> tensor<" + result + "> return %0 : tensor<" + result + "> }",
      context.get());
  EXPECT_TRUE(module);
  auto function = *module->getOps<func::FuncOp>().begin();
  return dlc::sumOrder(&function.getBody().front().front());
}

TEST(SumOrder, Rows_InPartialSums) {
  auto order = orderOf("8x256x384xf32", "2", "8x256xf32");
  ASSERT_TRUE(order);
  EXPECT_EQ(order->dim, 0u);
  EXPECT_EQ(order->lanes, 32u);
  EXPECT_EQ(orderOf("9x5xf32", "1", "9xf32")->lanes, 8u);
}

TEST(SumOrder, Columns_OneAfterTheOther) {
  auto order = orderOf("64x10xf32", "0", "10xf32");
  ASSERT_TRUE(order);
  EXPECT_FALSE(order->dim);
  EXPECT_EQ(order->lanes, 1u);
}

TEST(SumOrder, NeighbouringDims_AreOne) {
  auto order = orderOf("6x4x8xf64", "0, 1, 2", "f64");
  ASSERT_TRUE(order);
  EXPECT_EQ(order->box, SmallVector<int64_t>({192}));
}

TEST(SumOrder, ExtremesAndIntegers_HaveNone) {
  EXPECT_FALSE(orderOf("6x4xf32", "1", "6xf32", "reduce_max"));
  EXPECT_FALSE(orderOf("6x4xi64", "1", "6xi64"));
}

TEST(SumOrder, WalksThatKeepIt) {
  dlc::SumOrder order = {{8, 64}, 1, 32};
  EXPECT_TRUE(dlc::isInOrder(order, {8, 64}, 1));
  EXPECT_TRUE(dlc::isInOrder(order, {1, 8, 64}, 2));
  // Rows of whole vectors may be cut and joined.
  EXPECT_TRUE(dlc::isInOrder(order, {512}, 0));
  EXPECT_TRUE(dlc::isInOrder(order, {16, 32}, 1));
  EXPECT_FALSE(dlc::isInOrder(order, {32, 16}, 1));
  EXPECT_FALSE(dlc::isInOrder(order, {8, 64}, 0));
  EXPECT_FALSE(dlc::isInOrder(order, {8, 64}, std::nullopt));
  dlc::SumOrder odd = {{8, 10}, 1, 16};
  EXPECT_FALSE(dlc::isInOrder(odd, {80}, 0));
  EXPECT_TRUE(dlc::isInOrder({{80}, std::nullopt, 1}, {8, 10}, std::nullopt));
}

} // namespace
