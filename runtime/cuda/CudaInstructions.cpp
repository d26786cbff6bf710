#include "runtime/cuda/CudaInstructions.h"

#include <limits>

namespace dlc::rt::cuda {

std::string CudaInstruction::rangeName() const {
  std::string text =
      concat(fb::EnumNameOp(record.op_type()), " '",
             record.label() ? record.label()->string_view() : "", "'");
  if (!record.nodes() || record.nodes()->size() == 0)
    return text;
  constexpr flatbuffers::uoffset_t mostNodes = 4;
  text += " of ";
  for (flatbuffers::uoffset_t i = 0; i < record.nodes()->size(); ++i) {
    if (i == mostNodes)
      return text + " and others";
    text +=
        concat(i ? ", " : "", "'", record.nodes()->Get(i)->string_view(), "'");
  }
  return text;
}

Status CudaInstruction::issue() {
  Status status = issueWork();
  for (size_t i = 0; i < scans.size() && status.isOk(); ++i)
    status = scanner->launch(scans[i], stream.main());
  if (!status.isOk())
    return std::move(status).withContext(rangeName());
  return Status::ok();
}

Status CudaInstruction::run() {
  ContextScope scope(stream.driver());
  DLC_RETURN_IF_ERROR(issue());
  // Who runs instructions by themselves may stop before the wait.
  return stream.joinCopies(shared);
}

Status CudaLaunch::prepare(const CudaKernel &function, Operands operands) {
  kernel = function;
  const fb::Launch &launch = *instruction().op_as_Launch();
  if (launch.groups() > std::numeric_limits<int32_t>::max())
    return DLC_ERROR(Unsupported, "DLC6213", "kernel '", kernel.symbol,
                     "' must have at most 2147483647 blocks, but got ",
                     launch.groups());
  groups = static_cast<unsigned>(launch.groups());
  bool hasOffsets = launch.offsets() && launch.offsets()->size() != 0;
  if (launch.buffers())
    for (flatbuffers::uoffset_t i = 0; i < launch.buffers()->size(); ++i)
      values.push_back(
          operands.at(launch.buffers()->Get(i)) +
          static_cast<uint64_t>(hasOffsets ? launch.offsets()->Get(i) : 0));
  if (instruction().check()) {
    setFlag(shared.addFlag());
    values.push_back(0);
  }
  if (kernel.isTable) {
    const std::vector<uint64_t> addresses(values.begin(), values.end());
    table = shared.keep(addresses);
    if (flag)
      shared.refer(table, addresses.size() - 1, *flag);
    std::vector<uint64_t> extents;
    if (launch.dims())
      extents.assign(launch.dims()->begin(), launch.dims()->end());
    dims = shared.keep(extents);
    values.assign(2, 0);
  }
  for (DeviceAddress &value : values)
    parameters.push_back(&value);
  return Status::ok();
}

Status CudaLaunch::bind() {
  // In place: the parameters point at the values.
  if (kernel.isTable) {
    values[0] = shared.address(table);
    values[1] = shared.address(dims);
  } else if (flag) {
    values.back() = shared.flagAddress(*flag);
  }
  return Status::ok();
}

Status CudaLaunch::issueWork() {
  if (groups == 0)
    return Status::ok();
  DLC_CUDA(stream.driver(), cuLaunchKernel, kernel.function, groups, 1, 1,
           kernel.threads, 1, 1, 0, stream.main(), parameters.data(), nullptr);
  return Status::ok();
}

Status CudaCopy::issueWork() {
  if (bytes != 0)
    DLC_CUDA(stream.driver(), cuMemcpyAsync, to, from, bytes, stream.main());
  return Status::ok();
}

Status CudaFill::issueWork() {
  const fb::Fill &fill = *instruction().op_as_Fill();
  const Driver &driver = stream.driver();
  uint64_t value = fill.pattern(), bytes = fill.bytes();
  auto low = static_cast<uint32_t>(value);
  auto high = static_cast<uint32_t>(value >> 32);
  if (bytes == 0)
    return Status::ok();
  switch (fill.pattern_bytes()) {
  case 1:
    DLC_CUDA(driver, cuMemsetD8Async, to, static_cast<unsigned char>(value),
             bytes, stream.main());
    break;
  case 2:
    DLC_CUDA(driver, cuMemsetD16Async, to, static_cast<unsigned short>(value),
             bytes / 2, stream.main());
    break;
  default:
    if (fill.pattern_bytes() == 4 || low == high) {
      DLC_CUDA(driver, cuMemsetD32Async, to, low, bytes / 4, stream.main());
      break;
    }
    // Columns of a matrix of two: each half of the pattern is one.
    DLC_CUDA(driver, cuMemsetD2D32Async, to, 8, low, 1, bytes / 8,
             stream.main());
    DLC_CUDA(driver, cuMemsetD2D32Async, to + 4, 8, high, 1, bytes / 8,
             stream.main());
  }
  return Status::ok();
}

Status CudaTransfer::issueWork() {
  const Driver &driver = stream.driver();
  uint64_t bytes = instruction().op_as_Transfer()->bytes();
  DLC_CUDA(driver, cuEventRecord, isReady, stream.main());
  DLC_CUDA(driver, cuStreamWaitEvent, stream.copies(), isReady, 0);
  // Which way it goes the driver sees from the addresses.
  if (bytes != 0)
    DLC_CUDA(driver, cuMemcpyAsync, to, from, bytes, stream.copies());
  DLC_CUDA(driver, cuEventRecord, isDone, stream.copies());
  return Status::ok();
}

Status CudaWait::issueWork() {
  DLC_CUDA(stream.driver(), cuStreamWaitEvent, stream.main(), isDone, 0);
  return Status::ok();
}

} // namespace dlc::rt::cuda
