// Matrix products of a program, on cuBLASLt: one call, or one per item of an
// outer batch dim that the library cannot step through itself.
//
// f32 sums of f32 products are exact ones, unless the record allows that the
// factors are rounded to TF32. Only algorithms that need
// no more workspace than the plan gave and that add partial sums in f32 in a
// fixed order are asked for, so the same program gives the same bits.
#ifndef DLC_RUNTIME_CUDA_CUDABLAS_H
#define DLC_RUNTIME_CUDA_CUDABLAS_H

#include "runtime/cuda/CudaStream.h"

namespace dlc::rt::cuda {

/// DLC6210 for a product that cuBLASLt does not compute (LibraryPlan.h).
Result<std::unique_ptr<CudaInstruction>>
prepareGemm(CudaStream &stream, CudaProgram &program,
            const fb::Instruction &record, Operands operands);

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_CUDABLAS_H
