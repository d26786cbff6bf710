// Convolutions of a program and their gradients, on cuDNN.
//
// Activations are channels-last. Weights lie in ONNX's order, [O, C, kernel],
// while cuDNN's fast kernels want channels last there too: they are turned in
// the workspace, before a call that reads them and after one that writes them.
// Where cuDNN has a convolution channels-first alone, as it has all of f64, the
// activations are turned instead.
//
//   workspace: [copies that were turned or narrowed | cuDNN's own]
//
// Where the plan gives none or too little, it is the stream's.
//
// A wide weight gradient is cuDNN's 16-bit one (summed in f32, rounded once),
// widened. Only algorithms are taken that cuDNN calls deterministic, for f32
// without TF32, and first those that sum products as they are (no FFT, no
// Winograd).
#ifndef DLC_RUNTIME_CUDA_CUDADNN_H
#define DLC_RUNTIME_CUDA_CUDADNN_H

#include "runtime/cuda/CudaStream.h"

namespace dlc::rt::cuda {

/// DLC6211 for a convolution that cuDNN does not compute (LibraryPlan.h).
Result<std::unique_ptr<CudaInstruction>>
prepareConv(CudaStream &stream, CudaProgram &program,
            const fb::Instruction &record, Operands operands);

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_CUDADNN_H
