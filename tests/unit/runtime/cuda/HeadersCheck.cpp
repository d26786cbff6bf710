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

} // namespace
