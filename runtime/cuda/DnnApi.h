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

// cudnnDataType_t
inline constexpr int dnnFloat = 0, dnnDouble = 1, dnnHalf = 2, dnnBfloat = 9;
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
            TensorHandle, void *))

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_DNNAPI_H
