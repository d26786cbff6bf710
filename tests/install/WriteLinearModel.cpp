// Writes the handmade artifact of the unit tests and data for it:
//   dlc_write_linear_model FOLDER   ->   FOLDER/linear.dlc, FOLDER/data.npz

#include "runtime/data/TensorMap.h"
#include "tests/unit/runtime/LinearModel.h"

#include <cstdio>

using namespace dlc::rt;
using dlc::rt::test::LinearModel;

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  std::string folder = argv[1];
  LinearModel model;
  TensorMap data;
  constexpr int64_t samples = 3 * LinearModel::batch;
  Tensor x = Tensor::zeros(DType::F32, {samples, LinearModel::inputs});
  Tensor t = Tensor::zeros(DType::F32, {samples, LinearModel::outputs});
  for (size_t i = 0; i < x.as<float>().size(); ++i)
    x.as<float>()[i] = static_cast<float>(i * 37 % 101) / 50 - 1;
  for (size_t i = 0; i < t.as<float>().size(); ++i)
    t.as<float>()[i] = static_cast<float>(i * 29 % 53) / 26 - 1;
  data["x"] = std::move(x);
  data["target"] = std::move(t);
  for (Status status : {writeArtifactFile(folder + "/linear.dlc",
                                          model.artifact, model.payloads()),
                        saveTensors(folder + "/data.npz", data)})
    if (!status.isOk()) {
      std::fprintf(stderr, "%s\n", status.toString().c_str());
      return 1;
    }
  return 0;
}
