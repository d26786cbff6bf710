// What dlc uses of cuDNN's C interface (version 9), declared here as
// DriverApi.h says.
#ifndef DLC_RUNTIME_CUDA_DNNAPI_H
#define DLC_RUNTIME_CUDA_DNNAPI_H

#include "runtime/cuda/DriverApi.h"

namespace dlc::rt::cuda {

using DnnCode = int;
using DnnHandle = struct DnnTag *;
using TensorHandle = struct DnnTensorTag *;
using FilterHandle = struct DnnFilterTag *;
using ConvHandle = struct DnnConvTag *;
/// A piece of a graph of operations, of any kind.
using DescriptorHandle = void *;

// cudnnDataType_t
inline constexpr int dnnFloat = 0, dnnDouble = 1, dnnHalf = 2, dnnInt32 = 4,
                     dnnBfloat = 9, dnnBoolean = 11;
// cudnnTensorFormat_t
inline constexpr int dnnChannelsFirst = 0, dnnChannelsLast = 1;
// cudnnConvolutionMode_t
inline constexpr int dnnCrossCorrelation = 1;
// cudnnMathType_t
// FMA: f32 operands are not rounded to TF32; both others allow it.
inline constexpr int dnnDefaultMath = 0, dnnTensorMath = 1, dnnFmaMath = 3;
// cudnnStatus_t: from bad parameters on, up to what is said to be unsupported.
inline constexpr int dnnFirstRefusal = 2000, dnnLastRefusal = 3999;
// cudnnDeterminism_t
inline constexpr int dnnDeterministic = 1;
// cudnnConvolution…Algo_t: the sums of products; the others transform first and
// round differently.
inline constexpr int forwardImplicit = 0, forwardPrecomputed = 1,
                     forwardExplicit = 2, backwardOrdered = 1;

/// Graphs of operations (cudnnBackend…), which DnnGraph.h builds.
namespace backend {
// cudnnBackendDescriptorType_t
inline constexpr int pointwiseKind = 0, engineKind = 2, configKind = 3,
                     adviceKind = 4, planKind = 5, pointwiseOpKind = 13,
                     graphKind = 15, argumentsKind = 16, tensorKind = 17,
                     matmulKind = 18, matmulOpKind = 19, reductionKind = 21,
                     reductionOpKind = 22, reshapeOpKind = 31, deviceKind = 38;
// cudnnBackendAttributeType_t
inline constexpr int typeHandle = 0, typeDataType = 1, typeBoolean = 2,
                     typeInt64 = 3, typePointer = 6, typeAdvice = 8,
                     typeNote = 11, typePointwise = 14, typeDescriptor = 15,
                     typeReduction = 18, typeChar = 24;
// cudnnBackendAttributeName_t
inline constexpr int pointwiseMode = 0, pointwiseType = 1, pointwiseAxis = 9;
inline constexpr int adviceMode = 200, adviceGraph = 201, adviceResults = 202,
                     adviceDevice = 204;
inline constexpr int configEngine = 300;
inline constexpr int planHandle = 400, planConfig = 401, planWorkspace = 402,
                     planDevice = 407;
inline constexpr int pointwiseDescriptor = 750, pointwiseX = 751,
                     pointwiseB = 752, pointwiseY = 753, pointwiseT = 758;
inline constexpr int graphHandle = 800, graphOps = 801;
inline constexpr int tensorAlignment = 900, tensorType = 901, tensorDims = 902,
                     tensorStrides = 903, tensorId = 906, tensorIsVirtual = 907,
                     tensorIsByValue = 908;
inline constexpr int argumentIds = 1000, argumentPointers = 1001,
                     argumentWorkspace = 1003;
inline constexpr int engineNotes = 1303;
inline constexpr int matmulType = 1500, matmulA = 1520, matmulB = 1521,
                     matmulC = 1522, matmulDescriptor = 1523;
inline constexpr int reductionOperator = 1600, reductionType = 1601,
                     reductionX = 1610, reductionY = 1611,
                     reductionDescriptor = 1612;
inline constexpr int reshapeX = 2200, reshapeY = 2201;
inline constexpr int deviceText = 2702;
// cudnnPointwiseMode_t
inline constexpr int pointAdd = 0, pointMultiply = 1, pointDivide = 6,
                     pointSubtract = 9, pointExp = 13, pointLog = 15,
                     pointNotLess = 303, pointIndex = 501, pointSelect = 601;
// cudnnReduceTensorOp_t
inline constexpr int reduceSum = 0, reduceMax = 3;
// cudnnBackendHeurMode_t
inline constexpr int adviceFallback = 2, adviceBest = 3;
// cudnnBackendNumericalNote_t
inline constexpr int noteNarrowedInputs = 1, noteNarrowedSums = 2,
                     noteNondeterministic = 4;
} // namespace backend

/// cudnnConvolution{Fwd,BwdData,BwdFilter}AlgoPerf_t, which are laid out alike.
struct DnnCandidate {
  int algorithm;
  DnnCode status;
  float milliseconds;
  size_t workspaceBytes;
  int determinism;
  int math;
  int reserved[3];
};

/// F(symbol in libcudnn.so.9, its type).
#define DLC_CUDA_DNN_FUNCTIONS(F)                                              \
  F(cudnnGetVersion, size_t())                                                 \
  F(cudnnGetErrorString, const char *(DnnCode))                                \
  F(cudnnGetLastErrorString, void(char *, size_t))                             \
  F(cudnnCreate, DnnCode(DnnHandle *))                                         \
  F(cudnnDestroy, DnnCode(DnnHandle))                                          \
  F(cudnnSetStream, DnnCode(DnnHandle, StreamHandle))                          \
  F(cudnnCreateTensorDescriptor, DnnCode(TensorHandle *))                      \
  F(cudnnDestroyTensorDescriptor, DnnCode(TensorHandle))                       \
  F(cudnnSetTensorNdDescriptor,                                                \
    DnnCode(TensorHandle, int, int, const int *, const int *))                 \
  F(cudnnCreateFilterDescriptor, DnnCode(FilterHandle *))                      \
  F(cudnnDestroyFilterDescriptor, DnnCode(FilterHandle))                       \
  F(cudnnSetFilterNdDescriptor,                                                \
    DnnCode(FilterHandle, int, int, int, const int *))                         \
  F(cudnnCreateConvolutionDescriptor, DnnCode(ConvHandle *))                   \
  F(cudnnDestroyConvolutionDescriptor, DnnCode(ConvHandle))                    \
  F(cudnnSetConvolutionNdDescriptor,                                           \
    DnnCode(ConvHandle, int, const int *, const int *, const int *, int, int)) \
  F(cudnnSetConvolutionGroupCount, DnnCode(ConvHandle, int))                   \
  F(cudnnSetConvolutionMathType, DnnCode(ConvHandle, int))                     \
  F(cudnnGetConvolutionForwardAlgorithm_v7,                                    \
    DnnCode(DnnHandle, TensorHandle, FilterHandle, ConvHandle, TensorHandle,   \
            int, int *, DnnCandidate *))                                       \
  F(cudnnGetConvolutionBackwardDataAlgorithm_v7,                               \
    DnnCode(DnnHandle, FilterHandle, TensorHandle, ConvHandle, TensorHandle,   \
            int, int *, DnnCandidate *))                                       \
  F(cudnnGetConvolutionBackwardFilterAlgorithm_v7,                             \
    DnnCode(DnnHandle, TensorHandle, TensorHandle, ConvHandle, FilterHandle,   \
            int, int *, DnnCandidate *))                                       \
  F(cudnnGetConvolutionForwardWorkspaceSize,                                   \
    DnnCode(DnnHandle, TensorHandle, FilterHandle, ConvHandle, TensorHandle,   \
            int, size_t *))                                                    \
  F(cudnnGetConvolutionBackwardDataWorkspaceSize,                              \
    DnnCode(DnnHandle, FilterHandle, TensorHandle, ConvHandle, TensorHandle,   \
            int, size_t *))                                                    \
  F(cudnnGetConvolutionBackwardFilterWorkspaceSize,                            \
    DnnCode(DnnHandle, TensorHandle, TensorHandle, ConvHandle, FilterHandle,   \
            int, size_t *))                                                    \
  F(cudnnConvolutionForward,                                                   \
    DnnCode(DnnHandle, const void *, TensorHandle, const void *, FilterHandle, \
            const void *, ConvHandle, int, void *, size_t, const void *,       \
            TensorHandle, void *))                                             \
  F(cudnnConvolutionBackwardData,                                              \
    DnnCode(DnnHandle, const void *, FilterHandle, const void *, TensorHandle, \
            const void *, ConvHandle, int, void *, size_t, const void *,       \
            TensorHandle, void *))                                             \
  F(cudnnConvolutionBackwardFilter,                                            \
    DnnCode(DnnHandle, const void *, TensorHandle, const void *, TensorHandle, \
            const void *, ConvHandle, int, void *, size_t, const void *,       \
            FilterHandle, void *))                                             \
  F(cudnnConvolutionBackwardBias,                                              \
    DnnCode(DnnHandle, const void *, TensorHandle, const void *, const void *, \
            TensorHandle, void *))                                             \
  F(cudnnBackendCreateDescriptor, DnnCode(int, DescriptorHandle *))            \
  F(cudnnBackendDestroyDescriptor, DnnCode(DescriptorHandle))                  \
  F(cudnnBackendSetAttribute,                                                  \
    DnnCode(DescriptorHandle, int, int, int64_t, const void *))                \
  F(cudnnBackendGetAttribute,                                                  \
    DnnCode(DescriptorHandle, int, int, int64_t, int64_t *, void *))           \
  F(cudnnBackendFinalize, DnnCode(DescriptorHandle))                           \
  F(cudnnBackendExecute,                                                       \
    DnnCode(DnnHandle, DescriptorHandle, DescriptorHandle))

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_DNNAPI_H
