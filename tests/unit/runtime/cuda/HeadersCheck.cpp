// Compares runtime/cuda's own declarations of NVIDIA's interfaces with the real
// headers. Compiled only where those are found (DLC_CUDA_HEADERS); there is
// nothing to run.

#include "runtime/cuda/BlasApi.h"
#include "runtime/cuda/DnnApi.h"
#include "runtime/cuda/DriverApi.h"

#include <cublasLt.h>
#include <cuda.h>
#include <cudnn.h>

#include <type_traits>

using namespace dlc::rt::cuda;

namespace {

/// Whether values of both travel alike: by size, and in which register.
template <typename A, typename B> constexpr bool travelsAlike() {
  if constexpr (std::is_void_v<A> || std::is_void_v<B>)
    return std::is_void_v<A> && std::is_void_v<B>;
  else
    return sizeof(A) == sizeof(B) &&
           std::is_pointer_v<A> == std::is_pointer_v<B> &&
           std::is_floating_point_v<A> == std::is_floating_point_v<B>;
}

template <typename A, typename B> struct IsAlike : std::false_type {};
template <typename R, typename... P, typename S, typename... Q>
struct IsAlike<R(P...), S(Q...)> {
  static constexpr bool check() {
    if constexpr (sizeof...(P) != sizeof...(Q))
      return false;
    else
      return travelsAlike<R, S>() && (travelsAlike<P, Q>() && ...);
  }
  static constexpr bool value = check();
};

#define SAME_FUNCTION(SYMBOL, ...)                                             \
  static_assert(IsAlike<__VA_ARGS__, decltype(::SYMBOL)>::value, #SYMBOL);
DLC_CUDA_DRIVER_FUNCTIONS(SAME_FUNCTION)
DLC_CUDA_BLAS_FUNCTIONS(SAME_FUNCTION)
DLC_CUDA_DNN_FUNCTIONS(SAME_FUNCTION)

#define SAME_VALUE(OURS, THEIRS)                                               \
  static_assert(static_cast<long long>(OURS) ==                                \
                    static_cast<long long>(THEIRS),                            \
                #THEIRS);
SAME_VALUE(driverSuccess, CUDA_SUCCESS)
SAME_VALUE(driverOutOfMemory, CUDA_ERROR_OUT_OF_MEMORY)
SAME_VALUE(driverNoDevice, CUDA_ERROR_NO_DEVICE)
SAME_VALUE(driverNoBinaryForGpu, CUDA_ERROR_NO_BINARY_FOR_GPU)
SAME_VALUE(driverInvalidPtx, CUDA_ERROR_INVALID_PTX)
SAME_VALUE(driverUnsupportedPtxVersion, CUDA_ERROR_UNSUPPORTED_PTX_VERSION)
SAME_VALUE(attributeMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
SAME_VALUE(attributeMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)
SAME_VALUE(functionMaxThreads, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK)
SAME_VALUE(jitErrorLog, CU_JIT_ERROR_LOG_BUFFER)
SAME_VALUE(jitErrorLogBytes, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
SAME_VALUE(streamNonBlocking, CU_STREAM_NON_BLOCKING)
SAME_VALUE(eventDefault, CU_EVENT_DEFAULT)
SAME_VALUE(eventDisableTiming, CU_EVENT_DISABLE_TIMING)
SAME_VALUE(hostAllocPortable, CU_MEMHOSTALLOC_PORTABLE)
SAME_VALUE(captureThreadLocal, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)

SAME_VALUE(blasInvalidValue, CUBLAS_STATUS_INVALID_VALUE)
SAME_VALUE(blasNotSupported, CUBLAS_STATUS_NOT_SUPPORTED)
SAME_VALUE(cudaReal32, CUDA_R_32F)
SAME_VALUE(cudaReal64, CUDA_R_64F)
SAME_VALUE(cudaReal16, CUDA_R_16F)
SAME_VALUE(cudaBfloat16, CUDA_R_16BF)
SAME_VALUE(blasCompute32, CUBLAS_COMPUTE_32F)
SAME_VALUE(blasCompute64, CUBLAS_COMPUTE_64F)
SAME_VALUE(blasComputeTf32, CUBLAS_COMPUTE_32F_FAST_TF32)
SAME_VALUE(blasNone, CUBLAS_OP_N)
SAME_VALUE(blasTranspose, CUBLAS_OP_T)
SAME_VALUE(matmulTransposeA, CUBLASLT_MATMUL_DESC_TRANSA)
SAME_VALUE(matmulTransposeB, CUBLASLT_MATMUL_DESC_TRANSB)
SAME_VALUE(matmulEpilogue, CUBLASLT_MATMUL_DESC_EPILOGUE)
SAME_VALUE(matmulBiasPointer, CUBLASLT_MATMUL_DESC_BIAS_POINTER)
SAME_VALUE(matmulBiasType, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE)
SAME_VALUE(epilogueSumFirst, CUBLASLT_EPILOGUE_BGRADA)
SAME_VALUE(epilogueSumSecond, CUBLASLT_EPILOGUE_BGRADB)
SAME_VALUE(layoutBatchCount, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT)
SAME_VALUE(layoutBatchStride, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET)
SAME_VALUE(preferWorkspaceBytes, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
SAME_VALUE(preferReductions, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK)
SAME_VALUE(preferAlignmentA, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES)
SAME_VALUE(preferAlignmentB, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES)
SAME_VALUE(preferAlignmentC, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES)
SAME_VALUE(preferAlignmentD, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES)
SAME_VALUE(reduceInComputeType, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)
SAME_VALUE(epilogueNone, CUBLASLT_EPILOGUE_DEFAULT)
SAME_VALUE(epilogueRelu, CUBLASLT_EPILOGUE_RELU)
SAME_VALUE(epilogueBias, CUBLASLT_EPILOGUE_BIAS)
SAME_VALUE(epilogueGelu, CUBLASLT_EPILOGUE_GELU)
SAME_VALUE(epilogueGelu | epilogueBias, CUBLASLT_EPILOGUE_GELU_BIAS)
SAME_VALUE(epilogueRelu | epilogueBias, CUBLASLT_EPILOGUE_RELU_BIAS)
SAME_VALUE(sizeof(MatmulAlgorithm), sizeof(cublasLtMatmulAlgo_t))
SAME_VALUE(sizeof(MatmulCandidate), sizeof(cublasLtMatmulHeuristicResult_t))
SAME_VALUE(offsetof(MatmulCandidate, workspaceBytes),
           offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize))
SAME_VALUE(offsetof(MatmulCandidate, state),
           offsetof(cublasLtMatmulHeuristicResult_t, state))

SAME_VALUE(dnnFloat, CUDNN_DATA_FLOAT)
SAME_VALUE(dnnDouble, CUDNN_DATA_DOUBLE)
SAME_VALUE(dnnHalf, CUDNN_DATA_HALF)
SAME_VALUE(dnnBfloat, CUDNN_DATA_BFLOAT16)
SAME_VALUE(dnnChannelsFirst, CUDNN_TENSOR_NCHW)
SAME_VALUE(dnnChannelsLast, CUDNN_TENSOR_NHWC)
SAME_VALUE(dnnDefaultMath, CUDNN_DEFAULT_MATH)
SAME_VALUE(dnnFirstRefusal, CUDNN_STATUS_BAD_PARAM)
SAME_VALUE(dnnLastRefusal / 1000, CUDNN_STATUS_NOT_SUPPORTED / 1000)
SAME_VALUE(dnnCrossCorrelation, CUDNN_CROSS_CORRELATION)
SAME_VALUE(dnnTensorMath, CUDNN_TENSOR_OP_MATH)
SAME_VALUE(dnnFmaMath, CUDNN_FMA_MATH)
SAME_VALUE(dnnDeterministic, CUDNN_DETERMINISTIC)
SAME_VALUE(forwardImplicit, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM)
SAME_VALUE(forwardPrecomputed, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM)
SAME_VALUE(forwardExplicit, CUDNN_CONVOLUTION_FWD_ALGO_GEMM)
SAME_VALUE(backwardOrdered, CUDNN_CONVOLUTION_BWD_DATA_ALGO_1)
SAME_VALUE(backwardOrdered, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1)
#define SAME_CANDIDATE(THEIRS)                                                 \
  SAME_VALUE(sizeof(DnnCandidate), sizeof(THEIRS))                             \
  SAME_VALUE(offsetof(DnnCandidate, algorithm), offsetof(THEIRS, algo))        \
  SAME_VALUE(offsetof(DnnCandidate, status), offsetof(THEIRS, status))         \
  SAME_VALUE(offsetof(DnnCandidate, workspaceBytes), offsetof(THEIRS, memory)) \
  SAME_VALUE(offsetof(DnnCandidate, determinism),                              \
             offsetof(THEIRS, determinism))                                    \
  SAME_VALUE(offsetof(DnnCandidate, math), offsetof(THEIRS, mathType))
SAME_CANDIDATE(cudnnConvolutionFwdAlgoPerf_t)
SAME_CANDIDATE(cudnnConvolutionBwdDataAlgoPerf_t)
SAME_CANDIDATE(cudnnConvolutionBwdFilterAlgoPerf_t)

// Headers of cuDNN before 9.8 have no attributes of devices that are not there.
#if CUDNN_VERSION >= 90800
SAME_VALUE(dnnInt32, CUDNN_DATA_INT32)
SAME_VALUE(dnnBoolean, CUDNN_DATA_BOOLEAN)
SAME_VALUE(backend::pointwiseKind, CUDNN_BACKEND_POINTWISE_DESCRIPTOR)
SAME_VALUE(backend::engineKind, CUDNN_BACKEND_ENGINE_DESCRIPTOR)
SAME_VALUE(backend::configKind, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR)
SAME_VALUE(backend::adviceKind, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR)
SAME_VALUE(backend::planKind, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)
SAME_VALUE(backend::pointwiseOpKind, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR)
SAME_VALUE(backend::graphKind, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR)
SAME_VALUE(backend::argumentsKind, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR)
SAME_VALUE(backend::tensorKind, CUDNN_BACKEND_TENSOR_DESCRIPTOR)
SAME_VALUE(backend::matmulKind, CUDNN_BACKEND_MATMUL_DESCRIPTOR)
SAME_VALUE(backend::matmulOpKind, CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR)
SAME_VALUE(backend::reductionKind, CUDNN_BACKEND_REDUCTION_DESCRIPTOR)
SAME_VALUE(backend::reductionOpKind, CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR)
SAME_VALUE(backend::reshapeOpKind, CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR)
SAME_VALUE(backend::deviceKind, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR)
SAME_VALUE(backend::typeHandle, CUDNN_TYPE_HANDLE)
SAME_VALUE(backend::typeDataType, CUDNN_TYPE_DATA_TYPE)
SAME_VALUE(backend::typeBoolean, CUDNN_TYPE_BOOLEAN)
SAME_VALUE(backend::typeInt64, CUDNN_TYPE_INT64)
SAME_VALUE(backend::typePointer, CUDNN_TYPE_VOID_PTR)
SAME_VALUE(backend::typeAdvice, CUDNN_TYPE_HEUR_MODE)
SAME_VALUE(backend::typeNote, CUDNN_TYPE_NUMERICAL_NOTE)
SAME_VALUE(backend::typePointwise, CUDNN_TYPE_POINTWISE_MODE)
SAME_VALUE(backend::typeDescriptor, CUDNN_TYPE_BACKEND_DESCRIPTOR)
SAME_VALUE(backend::typeReduction, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE)
SAME_VALUE(backend::typeChar, CUDNN_TYPE_CHAR)
SAME_VALUE(backend::pointwiseMode, CUDNN_ATTR_POINTWISE_MODE)
SAME_VALUE(backend::pointwiseType, CUDNN_ATTR_POINTWISE_MATH_PREC)
SAME_VALUE(backend::pointwiseAxis, CUDNN_ATTR_POINTWISE_AXIS)
SAME_VALUE(backend::adviceMode, CUDNN_ATTR_ENGINEHEUR_MODE)
SAME_VALUE(backend::adviceGraph, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH)
SAME_VALUE(backend::adviceResults, CUDNN_ATTR_ENGINEHEUR_RESULTS)
SAME_VALUE(backend::adviceDevice, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP)
SAME_VALUE(backend::configEngine, CUDNN_ATTR_ENGINECFG_ENGINE)
SAME_VALUE(backend::planHandle, CUDNN_ATTR_EXECUTION_PLAN_HANDLE)
SAME_VALUE(backend::planConfig, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)
SAME_VALUE(backend::planWorkspace, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE)
SAME_VALUE(backend::planDevice, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP)
SAME_VALUE(backend::pointwiseDescriptor, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR)
SAME_VALUE(backend::pointwiseX, CUDNN_ATTR_OPERATION_POINTWISE_XDESC)
SAME_VALUE(backend::pointwiseB, CUDNN_ATTR_OPERATION_POINTWISE_BDESC)
SAME_VALUE(backend::pointwiseY, CUDNN_ATTR_OPERATION_POINTWISE_YDESC)
SAME_VALUE(backend::pointwiseT, CUDNN_ATTR_OPERATION_POINTWISE_TDESC)
SAME_VALUE(backend::graphHandle, CUDNN_ATTR_OPERATIONGRAPH_HANDLE)
SAME_VALUE(backend::graphOps, CUDNN_ATTR_OPERATIONGRAPH_OPS)
SAME_VALUE(backend::tensorAlignment, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT)
SAME_VALUE(backend::tensorType, CUDNN_ATTR_TENSOR_DATA_TYPE)
SAME_VALUE(backend::tensorDims, CUDNN_ATTR_TENSOR_DIMENSIONS)
SAME_VALUE(backend::tensorStrides, CUDNN_ATTR_TENSOR_STRIDES)
SAME_VALUE(backend::tensorId, CUDNN_ATTR_TENSOR_UNIQUE_ID)
SAME_VALUE(backend::tensorIsVirtual, CUDNN_ATTR_TENSOR_IS_VIRTUAL)
SAME_VALUE(backend::tensorIsByValue, CUDNN_ATTR_TENSOR_IS_BY_VALUE)
SAME_VALUE(backend::argumentIds, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS)
SAME_VALUE(backend::argumentPointers, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS)
SAME_VALUE(backend::argumentWorkspace, CUDNN_ATTR_VARIANT_PACK_WORKSPACE)
SAME_VALUE(backend::engineNotes, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE)
SAME_VALUE(backend::matmulType, CUDNN_ATTR_MATMUL_COMP_TYPE)
SAME_VALUE(backend::matmulA, CUDNN_ATTR_OPERATION_MATMUL_ADESC)
SAME_VALUE(backend::matmulB, CUDNN_ATTR_OPERATION_MATMUL_BDESC)
SAME_VALUE(backend::matmulC, CUDNN_ATTR_OPERATION_MATMUL_CDESC)
SAME_VALUE(backend::matmulDescriptor, CUDNN_ATTR_OPERATION_MATMUL_DESC)
SAME_VALUE(backend::reductionOperator, CUDNN_ATTR_REDUCTION_OPERATOR)
SAME_VALUE(backend::reductionType, CUDNN_ATTR_REDUCTION_COMP_TYPE)
SAME_VALUE(backend::reductionX, CUDNN_ATTR_OPERATION_REDUCTION_XDESC)
SAME_VALUE(backend::reductionY, CUDNN_ATTR_OPERATION_REDUCTION_YDESC)
SAME_VALUE(backend::reductionDescriptor, CUDNN_ATTR_OPERATION_REDUCTION_DESC)
SAME_VALUE(backend::reshapeX, CUDNN_ATTR_OPERATION_RESHAPE_XDESC)
SAME_VALUE(backend::reshapeY, CUDNN_ATTR_OPERATION_RESHAPE_YDESC)
SAME_VALUE(backend::deviceText, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION)
SAME_VALUE(backend::pointAdd, CUDNN_POINTWISE_ADD)
SAME_VALUE(backend::pointMultiply, CUDNN_POINTWISE_MUL)
SAME_VALUE(backend::pointDivide, CUDNN_POINTWISE_DIV)
SAME_VALUE(backend::pointSubtract, CUDNN_POINTWISE_SUB)
SAME_VALUE(backend::pointExp, CUDNN_POINTWISE_EXP)
SAME_VALUE(backend::pointLog, CUDNN_POINTWISE_LOG)
SAME_VALUE(backend::pointNotLess, CUDNN_POINTWISE_CMP_GE)
SAME_VALUE(backend::pointIndex, CUDNN_POINTWISE_GEN_INDEX)
SAME_VALUE(backend::pointSelect, CUDNN_POINTWISE_BINARY_SELECT)
SAME_VALUE(backend::reduceSum, CUDNN_REDUCE_TENSOR_ADD)
SAME_VALUE(backend::reduceMax, CUDNN_REDUCE_TENSOR_MAX)
SAME_VALUE(backend::adviceFallback, CUDNN_HEUR_MODE_FALLBACK)
SAME_VALUE(backend::adviceBest, CUDNN_HEUR_MODE_A)
SAME_VALUE(backend::noteNarrowedInputs, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS)
SAME_VALUE(backend::noteNarrowedSums, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION)
SAME_VALUE(backend::noteNondeterministic, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC)
#endif

} // namespace
