// run-plan ARTIFACT: runs every program of an artifact on the stand-in for a
// GPU, where generated kernels do nothing: shows whether the backend and
// NVIDIA's libraries take what the compiler planned, and prints how much there
// was.

#include "runtime/executor/Executor.h"
#include "tests/unit/runtime/cuda/FakeGpu.h"

#include <iostream>

using namespace dlc::rt;
using namespace dlc::rt::test;

namespace {

Status runEntry(Session &session, const EntryInfo &entry) {
  std::vector<std::vector<std::byte>> bytes;
  auto viewsOf = [&](const std::vector<TensorSlot> &slots) {
    std::vector<TensorView> views;
    for (const TensorSlot &slot : slots) {
      bytes.emplace_back(slot.bytes);
      views.push_back({slot.name, slot.dtype, slot.dims, bytes.back().data()});
    }
    return views;
  };
  std::vector<TensorView> inputs = viewsOf(entry.inputs);
  std::vector<TensorView> outputs = viewsOf(entry.outputs);
  // Issued, recorded, launched.
  for (int i = 0; i < 3; ++i)
    DLC_RETURN_IF_ERROR(session.run(entry.name, inputs, outputs));
  return Status::ok();
}

Status runAll(const char *path) {
  FakeCuda &fake = fakeCuda();
  addHelperKernels(fake);
  fake.knowsAllKernels = true;
  fake.totalMemory = uint64_t(8) << 30;
  DLC_ASSIGN_OR_RETURN(auto artifact, Artifact::open(path));
  DLC_ASSIGN_OR_RETURN(auto device, openCudaDevice(fakeNames(), 0));
  DLC_ASSIGN_OR_RETURN(auto program, LoadedProgram::load(artifact, *device));
  DLC_ASSIGN_OR_RETURN(auto session, Session::create(program, {}));
  for (const EntryInfo &entry : program->entries())
    DLC_RETURN_IF_ERROR(runEntry(*session, entry));
  std::cout << "arena " << session->arenaBytes() << ", beside it "
            << session->scratchBytes() << "\n";
  for (const char *symbol :
       {"cuLaunchKernel", "cublasLtMatmul", "cudnnConvolutionForward",
        "cudnnConvolutionBackwardData", "cudnnConvolutionBackwardFilter",
        "cudnnBackendExecute", "cuGraphLaunch"})
    std::cout << symbol << " " << fake.counts[symbol] << "\n";
  return Status::ok();
}

} // namespace

int main(int count, char **arguments) {
  if (count != 2) {
    std::cerr << "usage: run-plan ARTIFACT\n";
    return 2;
  }
  Status status = runAll(arguments[1]);
  if (!status.isOk())
    std::cerr << status.toString() << "\n";
  for (const std::string &text : fakeCuda().violations)
    std::cerr << text << "\n";
  return status.isOk() && fakeCuda().violations.empty() ? 0 : 1;
}
