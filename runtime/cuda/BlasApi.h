// What dlc uses of cuBLASLt's C interface (versions 12 and 13), declared here
// as DriverApi.h says.
#ifndef DLC_RUNTIME_CUDA_BLASAPI_H
#define DLC_RUNTIME_CUDA_BLASAPI_H

#include "runtime/cuda/DriverApi.h"

namespace dlc::rt::cuda {

using BlasCode = int;
using BlasHandle = struct BlasTag *;
using MatmulHandle = struct MatmulTag *;
using LayoutHandle = struct LayoutTag *;
using PreferenceHandle = struct PreferenceTag *;

// cublasStatus_t: how the library says that it has no such product.
inline constexpr int blasInvalidValue = 7, blasNotSupported = 15;
// cudaDataType_t
inline constexpr int cudaReal32 = 0, cudaReal64 = 1, cudaReal16 = 2,
                     cudaBfloat16 = 14;
// cublasComputeType_t: only the last lets f32 operands be rounded to TF32.
inline constexpr int blasCompute32 = 68, blasCompute64 = 70,
                     blasComputeTf32 = 77;
// cublasOperation_t
inline constexpr int blasNone = 0, blasTranspose = 1;
// cublasLtMatmulDescAttributes_t
inline constexpr int matmulTransposeA = 3, matmulTransposeB = 4,
                     matmulEpilogue = 7, matmulBiasPointer = 8,
                     matmulBiasType = 26;
// cublasLtMatrixLayoutAttribute_t
inline constexpr int layoutBatchCount = 5, layoutBatchStride = 6;
// cublasLtMatmulPreferenceAttributes_t
inline constexpr int preferWorkspaceBytes = 1, preferReductions = 3,
                     preferAlignmentA = 5, preferAlignmentB = 6,
                     preferAlignmentC = 7, preferAlignmentD = 8;
// cublasLtReductionScheme_t: partial sums in the workspace, in f32.
inline constexpr uint32_t reduceInComputeType = 2;
// cublasLtEpilogue_t; sums of these are the combined ones.
inline constexpr uint32_t epilogueNone = 1, epilogueRelu = 2, epilogueBias = 4,
                          epilogueGelu = 32;
// The bias pointer gets the sums over k of the library's first operand, in the
// rows of its result, or of its second one, in the columns.
inline constexpr uint32_t epilogueSumFirst = 256, epilogueSumSecond = 512;

struct MatmulAlgorithm {
  uint64_t data[8];
};

struct MatmulCandidate {
  MatmulAlgorithm algorithm;
  size_t workspaceBytes;
  BlasCode state;
  float waves;
  int reserved[4];
};

/// F(symbol in libcublasLt, its type).
#define DLC_CUDA_BLAS_FUNCTIONS(F)                                             \
  F(cublasLtGetVersion, size_t())                                              \
  F(cublasLtGetStatusName, const char *(BlasCode))                             \
  F(cublasLtGetStatusString, const char *(BlasCode))                           \
  F(cublasLtCreate, BlasCode(BlasHandle *))                                    \
  F(cublasLtDestroy, BlasCode(BlasHandle))                                     \
  F(cublasLtMatmulDescCreate, BlasCode(MatmulHandle *, int, int))              \
  F(cublasLtMatmulDescDestroy, BlasCode(MatmulHandle))                         \
  F(cublasLtMatmulDescSetAttribute,                                            \
    BlasCode(MatmulHandle, int, const void *, size_t))                         \
  F(cublasLtMatrixLayoutCreate,                                                \
    BlasCode(LayoutHandle *, int, uint64_t, uint64_t, int64_t))                \
  F(cublasLtMatrixLayoutDestroy, BlasCode(LayoutHandle))                       \
  F(cublasLtMatrixLayoutSetAttribute,                                          \
    BlasCode(LayoutHandle, int, const void *, size_t))                         \
  F(cublasLtMatmulPreferenceCreate, BlasCode(PreferenceHandle *))              \
  F(cublasLtMatmulPreferenceDestroy, BlasCode(PreferenceHandle))               \
  F(cublasLtMatmulPreferenceSetAttribute,                                      \
    BlasCode(PreferenceHandle, int, const void *, size_t))                     \
  F(cublasLtMatmulAlgoGetHeuristic,                                            \
    BlasCode(BlasHandle, MatmulHandle, LayoutHandle, LayoutHandle,             \
             LayoutHandle, LayoutHandle, PreferenceHandle, int,                \
             MatmulCandidate *, int *))                                        \
  F(cublasLtMatmul,                                                            \
    BlasCode(BlasHandle, MatmulHandle, const void *, const void *,             \
             LayoutHandle, const void *, LayoutHandle, const void *,           \
             const void *, LayoutHandle, void *, LayoutHandle,                 \
             const MatmulAlgorithm *, void *, size_t, StreamHandle))

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_BLASAPI_H
