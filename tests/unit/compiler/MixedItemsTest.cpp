//===- MixedItemsTest.cpp - rows walked along and across at once ----------===//
//
// Gradients of norms and their like on rows and columns that no vector, warp,
// team or tile divides, on the emulated device with three orders of its threads.
// Rows' own sums and what is computed per element give the CPU's bits; sums
// across rows are added in another order: within 1e-6 of the largest of them.
// Rows that are too short, too long, or too few are two kernels.
//
//===----------------------------------------------------------------------===//
#include "dialects/dlc/IR/Dlc.h"
#include "tests/unit/compiler/GpuRunner.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace dlc::test;
using dlc::reference::Tensor;

namespace {

struct Shape {
  int rows, columns;
  bool isMixed;
};

struct Family {
  const char *name;
  /// A function of tensors [R, C] and [C]; R and C stand for the lengths.
  const char *text;
  std::vector<Shape> shapes;
};

const Family families[] = {
    {"layer_norm_gradient", R"(
    func.func @f(%x: tensor<RxCxf32>, %mean: tensor<Rxf32>, %rstd: tensor<Rxf32>, %gain: tensor<Cxf32>, %dy: tensor<RxCxbf16>, %skip: tensor<RxCxf32>)
        -> (tensor<RxCxf32>, tensor<RxCxbf16>, tensor<Rxf32>, tensor<Cxf32>, tensor<Cxf32>, tensor<Cxf32>) {
      %n = dlc.constant dense<0.01> : tensor<Rxf32>
      %mb = dlc.broadcast %mean dims [0] : tensor<Rxf32> -> tensor<RxCxf32>
      %c = dlc.sub %x, %mb : tensor<RxCxf32>
      %rb = dlc.broadcast %rstd dims [0] : tensor<Rxf32> -> tensor<RxCxf32>
      %h = dlc.mul %c, %rb : tensor<RxCxf32>
      %dyw = dlc.cast %dy : tensor<RxCxbf16> -> tensor<RxCxf32>
      %dgt = dlc.mul %dyw, %h : tensor<RxCxf32>
      %dg = dlc.reduce_sum %dgt dims [0] : tensor<RxCxf32> -> tensor<Cxf32>
      %db = dlc.reduce_sum %dyw dims [0] : tensor<RxCxf32> -> tensor<Cxf32>
      %gb = dlc.broadcast %gain dims [1] : tensor<Cxf32> -> tensor<RxCxf32>
      %g = dlc.mul %dyw, %gb : tensor<RxCxf32>
      %s1 = dlc.reduce_sum %g dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      %m1 = dlc.mul %s1, %n : tensor<Rxf32>
      %gc = dlc.mul %g, %c : tensor<RxCxf32>
      %s2 = dlc.reduce_sum %gc dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      %s2r = dlc.mul %s2, %rstd : tensor<Rxf32>
      %m2 = dlc.mul %s2r, %n : tensor<Rxf32>
      %m1b = dlc.broadcast %m1 dims [0] : tensor<Rxf32> -> tensor<RxCxf32>
      %a = dlc.sub %g, %m1b : tensor<RxCxf32>
      %m2b = dlc.broadcast %m2 dims [0] : tensor<Rxf32> -> tensor<RxCxf32>
      %hm = dlc.mul %h, %m2b : tensor<RxCxf32>
      %b = dlc.sub %a, %hm : tensor<RxCxf32>
      %dxn = dlc.mul %rb, %b : tensor<RxCxf32>
      %dx = dlc.add %skip, %dxn : tensor<RxCxf32>
      %narrow = dlc.cast %dx : tensor<RxCxf32> -> tensor<RxCxbf16>
      %dbias = dlc.reduce_sum %dx dims [0] : tensor<RxCxf32> -> tensor<Cxf32>
      return %dx, %narrow, %s2, %dg, %db, %dbias : tensor<RxCxf32>, tensor<RxCxbf16>, tensor<Rxf32>, tensor<Cxf32>, tensor<Cxf32>, tensor<Cxf32> })",
     {{0, 33, false},
      {1, 64, false},
      {31, 33, false},
      {32, 17, true},
      {300, 7, false},
      {130, 31, true},
      {33 * 16, 33, true},
      {96, 768, true},
      {512, 64, true},
      {134, 130, true},
      {1000, 48, true},
      {48, 1023, true},
      {64, 2048, true},
      {48, 1028, true},
      // Sums of dy alone: rows of x and dy together are too wide.
      {32, 3000, true},
      {1021, 64, false}}},
    // Two levels of sums along rows, then what is summed across them.
    {"softmax", R"(
    func.func @f(%x: tensor<RxCxf32>) -> (tensor<RxCxf32>, tensor<Cxf32>) {
      %m = dlc.reduce_max %x dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      %mb = dlc.broadcast %m dims [0] : tensor<Rxf32> -> tensor<RxCxf32>
      %d = dlc.sub %x, %mb : tensor<RxCxf32>
      %e = dlc.exp %d : tensor<RxCxf32>
      %s = dlc.reduce_sum %e dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      %sb = dlc.broadcast %s dims [0] : tensor<Rxf32> -> tensor<RxCxf32>
      %y = dlc.div %e, %sb : tensor<RxCxf32>
      %t = dlc.reduce_sum %y dims [0] : tensor<RxCxf32> -> tensor<Cxf32>
      return %y, %t : tensor<RxCxf32>, tensor<Cxf32> })",
     {{31, 33, false}, {48, 100, true}, {320, 31, true}, {64, 1000, true},
      {34, 2100, true}}},
    // Only sums leave the kernel; f64 has two elements to an access.
    {"sums", R"(
    func.func @f(%x: tensor<RxCxf64>, %y: tensor<RxCxf64>) -> (tensor<Rxf64>, tensor<Cxf64>) {
      %p = dlc.mul %x, %y : tensor<RxCxf64>
      %r = dlc.reduce_sum %p dims [1] : tensor<RxCxf64> -> tensor<Rxf64>
      %c = dlc.reduce_sum %p dims [0] : tensor<RxCxf64> -> tensor<Cxf64>
      return %r, %c : tensor<Rxf64>, tensor<Cxf64> })",
     {{64, 18, true}, {64, 257, true}, {60, 600, true}, {32, 16, false}}},
    // Rows that are picked from a table, and positions of extremes.
    {"gathered", R"(
    func.func @f(%w: tensor<3xCxf32>, %i: tensor<Rxi64>, %x: tensor<RxCxf32>) -> (tensor<RxCxf32>, tensor<Rxi64>, tensor<Cxf32>) {
      %g = dlc.gather %w, %i dim 0 : (tensor<3xCxf32>, tensor<Rxi64>) -> tensor<RxCxf32>
      %a = dlc.add %g, %x : tensor<RxCxf32>
      %n = dlc.reduce_max %a dims [1] : tensor<RxCxf32> -> tensor<Rxf32>
      %p = dlc.arg_max %a dim 1 : tensor<RxCxf32> -> tensor<Rxi64>
      %nb = dlc.broadcast %n dims [0] : tensor<Rxf32> -> tensor<RxCxf32>
      %y = dlc.sub %a, %nb : tensor<RxCxf32>
      %s = dlc.reduce_sum %y dims [0] : tensor<RxCxf32> -> tensor<Cxf32>
      return %y, %p, %s : tensor<RxCxf32>, tensor<Rxi64>, tensor<Cxf32> })",
     {{32, 40, true}, {99, 37, true}, {160, 512, true}}}};

std::string sized(std::string text, Shape shape) {
  auto replace = [&](const std::string &from, const std::string &to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
         at += to.size())
      text.replace(at, from.size(), to);
  };
  std::string r = std::to_string(shape.rows), c = std::to_string(shape.columns);
  replace("<RxC", "<" + r + "x" + c);
  replace("<Rx", "<" + r + "x");
  replace("<Cx", "<" + c + "x");
  replace("<3xCx", "<3x" + c + "x");
  return text;
}

bool hasMixedKernel(ModuleOp module) {
  bool has = false;
  module.walk([&](dlc::KernelOp kernel) {
    has |= kernel.getSchedule().getKind() == dlc::ScheduleKind::Mixed;
  });
  return has;
}

void expectNear(const Tensor &actual, const Tensor &expected) {
  double largest = 1e-30;
  for (int64_t i = 0; i < expected.size(); ++i)
    largest = std::max(largest, std::abs(expected.number(i)));
  for (int64_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(actual.number(i), expected.number(i), 1e-6 * largest)
        << "element " << i;
}

class MixedItems : public testing::TestWithParam<Family> {};

TEST_P(MixedItems, OnEveryShape_GiveTheCpusResults) {
  for (Shape shape : GetParam().shapes) {
    SCOPED_TRACE(std::to_string(shape.rows) + "x" +
                 std::to_string(shape.columns));
    std::string text = sized(GetParam().text, shape);
    auto context = createContext();
    auto module = parseSourceString<ModuleOp>(text, context.get());
    ASSERT_TRUE(module) << text;
    auto function = *module->getOps<func::FuncOp>().begin();
    std::vector<Tensor> arguments;
    for (Type type : function.getArgumentTypes())
      arguments.push_back(randomTensor(cast<RankedTensorType>(type),
                                       unsigned(arguments.size()) + 1));
    auto wanted = runOnCpu(*module, arguments);
    ASSERT_TRUE(succeeded(wanted));
    EXPECT_FALSE(hasMixedKernel(*module));
    for (uint64_t seed : {0, 1, 2}) {
      auto copy = parseSourceString<ModuleOp>(text, context.get());
      auto run = runOnGpu(*copy, arguments, seed, /*splitsSums=*/true);
      ASSERT_TRUE(succeeded(run)) << text;
      EXPECT_EQ(hasMixedKernel(*copy), shape.isMixed);
      for (auto [actual, expected] :
           llvm::zip_equal(run->results, wanted->results)) {
        bool isAcross = expected.getType().getShape() ==
                            ArrayRef<int64_t>{shape.columns} &&
                        shape.rows != shape.columns;
        if (isAcross)
          expectNear(actual, expected);
        else
          EXPECT_TRUE(actual.getBytes() == expected.getBytes());
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, MixedItems, testing::ValuesIn(families),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

} // namespace
