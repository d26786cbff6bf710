#include "runtime/cuda/CudaBlas.h"

#include "runtime/core/CheckedMath.h"
#include "runtime/cuda/Algorithms.h"
#include "runtime/cuda/LibraryPlan.h"

#include <algorithm>

namespace dlc::rt::cuda {

namespace {

/// What the library asks of a workspace.
constexpr uint64_t workspaceAlignment = 256;

int blasTypeOf(fb::DType type) {
  switch (type) {
  case fb::DType::F64:
    return cudaReal64;
  case fb::DType::F16:
    return cudaReal16;
  case fb::DType::BF16:
    return cudaBfloat16;
  default:
    return cudaReal32;
  }
}

/// A way to compute a product, and what it needs.
struct BlasAlgorithm {
  MatmulAlgorithm algorithm;
  uint64_t workspaceBytes;
};

class CudaGemm final : public CudaInstruction {
public:
  using CudaInstruction::CudaInstruction;
  ~CudaGemm() override;
  Status prepare(const fb::Gemm &gemm, Operands operands);
  Candidates *candidates() override { return &algorithms; }

protected:
  Status issueWork() override;
  Status bind() override;

private:
  Status plan();
  Status describe();
  Status describeEpilogue();
  Status addSums();
  Status addLayout(LayoutHandle &layout, int type, const MatrixForm &form,
                   int64_t stride);
  Status choose(uint64_t workspaceGiven);
  Status setAlignments(PreferenceHandle preference) const;
  Status ask(PreferenceHandle preference, uint64_t workspaceGiven);
  std::string callForm() const;
  uint32_t alignmentOf(DeviceAddress base, int64_t step,
                       uint64_t elementBytes) const;
  bool narrowsBias() const {
    return gemm.bias >= 0 && resultBytes == 2 && !gemm.is_narrow_bias;
  }

  const Blas *blas = nullptr;
  fb::GemmT gemm;
  MatmulForm form;
  int type = 0, resultType = 0;
  uint64_t elementBytes = 4, resultBytes = 4;
  DeviceAddress a = 0, b = 0, c = 0, residual = 0, bias = 0, sums = 0;
  /// The bias gradient, where the product itself cannot have it.
  std::unique_ptr<CudaGemm> summing;
  /// Of such a product: its operand of ones.
  size_t onesPlace = 0;
  bool hasOnes = false;
  Workspace workspace;
  size_t biasPlace = 0;
  const HelperKernels *helpers = nullptr;
  HelperCall narrowing;
  MatmulHandle matmul = nullptr;
  LayoutHandle aLayout = nullptr, bLayout = nullptr, cLayout = nullptr;
  Algorithms<BlasAlgorithm> algorithms;
  /// The library answered that it has none.
  bool lacksAlgorithm = false;
};

CudaGemm::~CudaGemm() {
  if (!blas)
    return;
  for (LayoutHandle layout : {aLayout, bLayout, cLayout})
    if (layout)
      blas->api().cublasLtMatrixLayoutDestroy(layout);
  if (matmul)
    blas->api().cublasLtMatmulDescDestroy(matmul);
}

Status CudaGemm::prepare(const fb::Gemm &given, Operands operands) {
  given.UnPackTo(&gemm);
  if (std::string obstacle = gemmObstacle(gemm); !obstacle.empty())
    return DLC_ERROR(Unsupported, "DLC6210",
                     "product for cuBLASLt: ", obstacle);
  DLC_ASSIGN_OR_RETURN(blas, stream.gpu().blas());
  form = matmulFormOf(gemm);
  elementBytes = dtypeBytes(DType(gemm.dtype));
  resultBytes = gemm.is_wide ? 4 : elementBytes;
  type = blasTypeOf(gemm.dtype);
  resultType = gemm.is_wide ? cudaReal32 : type;
  auto place = [&](int64_t index, int64_t offset, uint64_t width) {
    return operands.at(index) + static_cast<uint64_t>(offset) * width;
  };
  a = place(gemm.a, gemm.a_offset, elementBytes);
  b = place(gemm.b, gemm.b_offset, elementBytes);
  c = place(gemm.c, gemm.c_offset, resultBytes);
  if (gemm.residual >= 0)
    residual = place(gemm.residual, gemm.c_offset, resultBytes);
  bias = operands.at(gemm.bias);
  sums = operands.at(gemm.bias_gradient);
  if (narrowsBias()) {
    DLC_ASSIGN_OR_RETURN(helpers, stream.gpu().helpers());
    biasPlace = shared.keep(static_cast<uint64_t>(gemm.n) * resultBytes);
  }
  workspace = CudaStream::workspaceOf(operands, gemm.workspace,
                                      gemmWorkspaceBytes(gemm));
  DLC_RETURN_IF_ERROR(plan());
  return summing ? summing->plan() : Status::ok();
}

Status CudaGemm::plan() {
  DLC_RETURN_IF_ERROR(describe());
  Status status = choose(workspace.bytes);
  if (lacksAlgorithm && sums) {
    DLC_RETURN_IF_ERROR(addSums());
    DLC_RETURN_IF_ERROR(describeEpilogue());
    status = choose(workspace.bytes);
  }
  DLC_RETURN_IF_ERROR(std::move(status));
  if (workspace.isScratch)
    stream.wantScratch(algorithms.most(&BlasAlgorithm::workspaceBytes));
  return Status::ok();
}

/// The library has no algorithm that sums on the way: a row of ones times the
/// operand gives the sums as well.
Status CudaGemm::addSums() {
  summing = std::make_unique<CudaGemm>(stream, shared, instruction());
  summing->blas = blas;
  summing->gemm = biasGradientProduct(gemm);
  summing->form = matmulFormOf(summing->gemm);
  summing->type = type;
  summing->resultType = resultType;
  summing->elementBytes = elementBytes;
  summing->resultBytes = resultBytes;
  summing->b = gemm.bias_gradient_of == fb::GemmOperand::A ? a : b;
  summing->c = sums;
  summing->workspace = workspace;
  uint64_t one = gemm.dtype == fb::DType::F32    ? 0x3f8000003f800000
                 : gemm.dtype == fb::DType::BF16 ? 0x3f803f803f803f80
                                                 : 0x3c003c003c003c00;
  uint64_t bytes = static_cast<uint64_t>(gemm.k) * elementBytes;
  summing->onesPlace = shared.keep(std::vector<uint64_t>((bytes + 7) / 8, one));
  summing->hasOnes = true;
  return Status::ok();
}

Status CudaGemm::addLayout(LayoutHandle &layout, int elements,
                           const MatrixForm &matrix, int64_t stride) {
  DLC_CUDA_LIBRARY(*blas, cublasLtMatrixLayoutCreate, &layout, elements,
                   static_cast<uint64_t>(matrix.rows),
                   static_cast<uint64_t>(matrix.columns), matrix.leading);
  if (form.items == 1)
    return Status::ok();
  auto count = static_cast<int32_t>(form.items);
  DLC_CUDA_LIBRARY(*blas, cublasLtMatrixLayoutSetAttribute, layout,
                   layoutBatchCount, &count, sizeof count);
  DLC_CUDA_LIBRARY(*blas, cublasLtMatrixLayoutSetAttribute, layout,
                   layoutBatchStride, &stride, sizeof stride);
  return Status::ok();
}

Status CudaGemm::describe() {
  bool isDouble = gemm.dtype == fb::DType::F64;
  int compute = isDouble           ? blasCompute64
                : gemm.allows_tf32 ? blasComputeTf32
                                   : blasCompute32;
  DLC_CUDA_LIBRARY(*blas, cublasLtMatmulDescCreate, &matmul, compute,
                   isDouble ? cudaReal64 : cudaReal32);
  // In columns the product is B' A'.
  int32_t first = form.b.isTransposed ? blasTranspose : blasNone;
  int32_t second = form.a.isTransposed ? blasTranspose : blasNone;
  DLC_CUDA_LIBRARY(*blas, cublasLtMatmulDescSetAttribute, matmul,
                   matmulTransposeA, &first, sizeof first);
  DLC_CUDA_LIBRARY(*blas, cublasLtMatmulDescSetAttribute, matmul,
                   matmulTransposeB, &second, sizeof second);
  DLC_RETURN_IF_ERROR(describeEpilogue());
  DLC_RETURN_IF_ERROR(addLayout(aLayout, type, form.a, form.aStride));
  DLC_RETURN_IF_ERROR(addLayout(bLayout, type, form.b, form.bStride));
  return addLayout(cLayout, resultType, form.c, form.cStride);
}

Status CudaGemm::describeEpilogue() {
  uint32_t epilogue = 0;
  if (gemm.bias >= 0)
    epilogue |= epilogueBias;
  if (gemm.activation == fb::Activation::Relu)
    epilogue |= epilogueRelu;
  if (gemm.activation == fb::Activation::GeluTanh)
    epilogue |= epilogueGelu;
  // In columns, A is the second operand.
  bool hasSums = sums && !summing;
  if (hasSums)
    epilogue = gemm.bias_gradient_of == fb::GemmOperand::A ? epilogueSumSecond
                                                           : epilogueSumFirst;
  if (epilogue == 0)
    epilogue = epilogueNone;
  DLC_CUDA_LIBRARY(*blas, cublasLtMatmulDescSetAttribute, matmul,
                   matmulEpilogue, &epilogue, sizeof epilogue);
  if (gemm.bias < 0 && !hasSums)
    return Status::ok();
  int32_t biasType = resultType;
  DLC_CUDA_LIBRARY(*blas, cublasLtMatmulDescSetAttribute, matmul,
                   matmulBiasType, &biasType, sizeof biasType);
  // The heuristic looks at the address's alignment; one that is narrowed gets
  // its place, aligned to 256, in bind().
  DeviceAddress pointer = narrowsBias() ? workspaceAlignment
                          : hasSums     ? sums
                                        : bias;
  DLC_CUDA_LIBRARY(*blas, cublasLtMatmulDescSetAttribute, matmul,
                   matmulBiasPointer, &pointer, sizeof pointer);
  return Status::ok();
}

/// Of every call's operand: what `base` and the step between calls share.
uint32_t CudaGemm::alignmentOf(DeviceAddress base, int64_t step,
                               uint64_t width) const {
  uint64_t bits = base | workspaceAlignment;
  if (form.calls > 1)
    bits |= static_cast<uint64_t>(step) * width;
  return static_cast<uint32_t>(bits & -bits);
}

Status CudaGemm::setAlignments(PreferenceHandle preference) const {
  uint32_t result = alignmentOf(c, form.cStep, resultBytes);
  uint32_t added =
      residual ? alignmentOf(residual, form.cStep, resultBytes) : result;
  const std::pair<int, uint32_t> alignments[] = {
      {preferAlignmentA, alignmentOf(b, form.bStep, elementBytes)},
      {preferAlignmentB, alignmentOf(a, form.aStep, elementBytes)},
      {preferAlignmentC, added},
      {preferAlignmentD, result}};
  for (auto [attribute, value] : alignments)
    DLC_CUDA_LIBRARY(*blas, cublasLtMatmulPreferenceSetAttribute, preference,
                     attribute, &value, sizeof value);
  return Status::ok();
}

/// The record without its places, but with how these are aligned.
std::string CudaGemm::callForm() const {
  fb::GemmT record = gemm;
  record.a = record.b = record.c = 0;
  record.a_offset = record.b_offset = record.c_offset = 0;
  for (int32_t *place : {&record.bias, &record.residual, &record.workspace,
                         &record.bias_gradient})
    *place = *place < 0 ? -1 : 0;
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(fb::Gemm::Pack(builder, &record));
  std::string text(reinterpret_cast<const char *>(builder.GetBufferPointer()),
                   builder.GetSize());
  return concat(text, " ", workspace.bytes, summing ? " without sums " : " ",
                alignmentOf(a, form.aStep, elementBytes), " ",
                alignmentOf(b, form.bStep, elementBytes), " ",
                alignmentOf(c, form.cStep, resultBytes), " ",
                alignmentOf(residual, form.cStep, resultBytes));
}

Status CudaGemm::choose(uint64_t workspaceGiven) {
  PreferenceHandle preference = nullptr;
  DLC_CUDA_LIBRARY(*blas, cublasLtMatmulPreferenceCreate, &preference);
  Status status = ask(preference, workspaceGiven);
  blas->api().cublasLtMatmulPreferenceDestroy(preference);
  return status;
}

Status CudaGemm::ask(PreferenceHandle preference, uint64_t workspaceGiven) {
  size_t most = workspaceGiven;
  DLC_CUDA_LIBRARY(*blas, cublasLtMatmulPreferenceSetAttribute, preference,
                   preferWorkspaceBytes, &most, sizeof most);
  uint32_t reductions = reduceInComputeType;
  DLC_CUDA_LIBRARY(*blas, cublasLtMatmulPreferenceSetAttribute, preference,
                   preferReductions, &reductions, sizeof reductions);
  DLC_RETURN_IF_ERROR(setAlignments(preference));
  MatmulCandidate candidates[16] = {};
  int count = 0;
  algorithms.begin(blas->name(), callForm());
  BlasCode code = blas->api().cublasLtMatmulAlgoGetHeuristic(
      blas->handle(), matmul, bLayout, aLayout, cLayout, cLayout, preference,
      int(std::size(candidates)), candidates, &count);
  for (int i = 0; i < count && !code; ++i)
    if (candidates[i].state == 0 && candidates[i].workspaceBytes <= most) {
      algorithms.offer({candidates[i].algorithm, candidates[i].workspaceBytes});
      // What is taken of the stream's is what the first one needs.
      if (workspace.isScratch)
        most = std::min(most, candidates[i].workspaceBytes);
    }
  if (!algorithms.isEmpty()) {
    algorithms.prefer(stream.choiceOf(instruction(), blas->name()));
    return Status::ok();
  }
  lacksAlgorithm =
      code == 0 || code == blasNotSupported || code == blasInvalidValue;
  return DLC_ERROR(Unsupported, "DLC6210", "product of ",
                   dtypeName(DType(gemm.dtype)), " with m ", gemm.m, ", n ",
                   gemm.n, ", k ", gemm.k, ", batches ", gemm.batch0, " and ",
                   gemm.batch1,
                   " must have an algorithm of cuBLASLt with at "
                   "most ",
                   most, " bytes of workspace, but got ", count,
                   " from cublasLtMatmulAlgoGetHeuristic (status ", code, ")");
}

Status CudaGemm::bind() {
  if (workspace.isScratch)
    workspace.begin = stream.scratch();
  if (hasOnes)
    a = shared.address(onesPlace);
  if (summing)
    DLC_RETURN_IF_ERROR(summing->bind());
  if (!narrowsBias())
    return Status::ok();
  DeviceAddress place = shared.address(biasPlace);
  DLC_CUDA_LIBRARY(*blas, cublasLtMatmulDescSetAttribute, matmul,
                   matmulBiasPointer, &place, sizeof place);
  narrowing = helpers->narrow(DType(gemm.dtype), bias, place,
                              static_cast<uint64_t>(gemm.n));
  return Status::ok();
}

Status CudaGemm::issueWork() {
  if (narrowsBias())
    DLC_RETURN_IF_ERROR(helpers->launch(narrowing, stream.main()));
  // Scale factors have the type of the sums.
  const double wide[2] = {1, residual ? 1.0 : 0.0};
  const float narrow[2] = {1, residual ? 1.0f : 0.0f};
  bool isDouble = gemm.dtype == fb::DType::F64;
  auto scale = [&](int i) -> const void * {
    return isDouble ? static_cast<const void *>(&wide[i]) : &narrow[i];
  };
  auto at = [](DeviceAddress base, int64_t call, int64_t step,
               uint64_t width) -> std::byte * {
    return toPointer(base + static_cast<uint64_t>(call * step) * width);
  };
  auto multiply = [&](int64_t i) {
    std::byte *result = at(c, i, form.cStep, resultBytes);
    const std::byte *added =
        residual ? at(residual, i, form.cStep, resultBytes) : result;
    const BlasAlgorithm &one = algorithms.current();
    return blas->api().cublasLtMatmul(
        blas->handle(), matmul, scale(0), at(b, i, form.bStep, elementBytes),
        bLayout, at(a, i, form.aStep, elementBytes), aLayout, scale(1), added,
        cLayout, result, cLayout, &one.algorithm,
        toPointer(one.workspaceBytes ? workspace.begin : 0), one.workspaceBytes,
        stream.main());
  };
  for (int64_t i = 0; i < form.calls; ++i) {
    BlasCode code = multiply(i);
    // What was offered for the shapes may be refused for the addresses; the
    // first run shows it.
    while (code == blasNotSupported && algorithms.next())
      code = multiply(i);
    if (code)
      return blas->error(code, "cublasLtMatmul");
  }
  return summing ? summing->issueWork() : Status::ok();
}

} // namespace

Result<std::unique_ptr<CudaInstruction>>
prepareGemm(CudaStream &stream, CudaProgram &program,
            const fb::Instruction &record, Operands operands) {
  auto gemm = std::make_unique<CudaGemm>(stream, program, record);
  DLC_RETURN_IF_ERROR(gemm->prepare(*record.op_as_Gemm(), operands));
  return std::unique_ptr<CudaInstruction>(std::move(gemm));
}

} // namespace dlc::rt::cuda
