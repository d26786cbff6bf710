// The instructions that need no library: launches, copies, fills, transfers.
#ifndef DLC_RUNTIME_CUDA_CUDAINSTRUCTIONS_H
#define DLC_RUNTIME_CUDA_CUDAINSTRUCTIONS_H

#include "runtime/cuda/CudaStream.h"

namespace dlc::rt::cuda {

/// A kernel over `groups` blocks. Its parameters are the addresses of its
/// buffers and, if it is checked, of its flag; or those of two tables with the
/// same addresses and with `dims`.
class CudaLaunch final : public CudaInstruction {
public:
  using CudaInstruction::CudaInstruction;
  Status prepare(const CudaKernel &kernel, Operands operands);

protected:
  Status issueWork() override;
  Status bind() override;

private:
  CudaKernel kernel;
  unsigned groups = 0;
  size_t table = 0, dims = 0;
  std::vector<DeviceAddress> values;
  std::vector<void *> parameters;
};

class CudaCopy final : public CudaInstruction {
public:
  CudaCopy(CudaStream &stream, CudaProgram &program,
           const fb::Instruction &record, DeviceAddress to, DeviceAddress from,
           uint64_t bytes)
      : CudaInstruction(stream, program, record), to(to), from(from),
        bytes(bytes) {}

protected:
  Status issueWork() override;

private:
  DeviceAddress to, from;
  uint64_t bytes;
};

class CudaFill final : public CudaInstruction {
public:
  CudaFill(CudaStream &stream, CudaProgram &program,
           const fb::Instruction &record, DeviceAddress to)
      : CudaInstruction(stream, program, record), to(to) {}

protected:
  Status issueWork() override;

private:
  DeviceAddress to;
};

/// Starts a copy on the copy stream once the main stream is there.
class CudaTransfer final : public CudaInstruction {
public:
  CudaTransfer(CudaStream &stream, CudaProgram &program,
               const fb::Instruction &record, DeviceAddress to,
               DeviceAddress from, EventHandle isReady, EventHandle isDone)
      : CudaInstruction(stream, program, record), to(to), from(from),
        isReady(isReady), isDone(isDone) {}

protected:
  Status issueWork() override;

private:
  DeviceAddress to, from;
  EventHandle isReady, isDone;
};

class CudaWait final : public CudaInstruction {
public:
  CudaWait(CudaStream &stream, CudaProgram &program,
           const fb::Instruction &record, EventHandle isDone)
      : CudaInstruction(stream, program, record), isDone(isDone) {}

protected:
  Status issueWork() override;

private:
  EventHandle isDone;
};

} // namespace dlc::rt::cuda

#endif // DLC_RUNTIME_CUDA_CUDAINSTRUCTIONS_H
