//===- Model.h - a model or an artifact, ready to compile -------*- C++ -*-===//
//
// The tools take an `.onnx` file or a `.dlc` artifact alike. A Model is either:
// it says what the inputs are and compiles for given sizes. An artifact holds
// the file that it came from, so it too can be compiled again for another
// batch. This header needs no MLIR, so that few files of the tools do.
//
//   model.onnx ─┐                       ┌─> stored(): the artifact as it is
//               ├─> Model ─> compile() ─┤
//   model.dlc  ─┘                       └─> Built: a program and what was said
//
//===----------------------------------------------------------------------===//
#ifndef DLC_TOOLS_MODEL_MODEL_H
#define DLC_TOOLS_MODEL_MODEL_H

#include "runtime/artifact/Reader.h"
#include "runtime/data/TensorMap.h"
#include "runtime/executor/Executor.h"
#include "tools/model/ModelOptions.h"

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace dlc::tools {

/// An input or output as the model file declares it.
struct Port {
  std::string name;
  rt::DType dtype = rt::DType::F32;
  /// -1 where the file names no size.
  std::vector<int64_t> dims;
  /// Per dim its symbolic name, empty where it has a size.
  std::vector<std::string> dimNames;
  /// Whether the file says how many dims there are.
  bool hasShape = true;
};

/// A float initializer and what became of it.
struct Parameter {
  std::string name;
  rt::DType dtype = rt::DType::F32;
  std::vector<int64_t> dims;
  bool isTrained = false;
  /// Why it is not trained.
  std::string reason;
};

/// What a pass did with an op or left undone, and why.
struct Decision {
  /// What it is about: "fusion".
  std::string topic;
  /// "passed" or "missed".
  std::string outcome;
  /// The entry point.
  std::string entry;
  /// A reason code: "too-many-readers".
  std::string reason;
  std::string message;
  /// ONNX nodes of the op.
  std::vector<std::string> nodes;
};

/// What compiling says beside the artifact; stored in its report section.
struct Report {
  std::vector<Parameter> parameters;
  std::vector<std::string> remarks;
  std::vector<Decision> decisions;
};

using PhaseTimes = std::vector<std::pair<std::string, double>>;

/// An artifact with what is known about it.
struct Built {
  std::shared_ptr<const rt::Artifact> artifact;
  ModelOptions options;
  Report report;
  /// Empty unless it was compiled just now.
  PhaseTimes phases;
  double compileSeconds = 0;
  /// It was compiled before, and found in the cache.
  bool isCached = false;

  /// Loads its code, for this machine.
  std::shared_ptr<const rt::LoadedProgram> load() const;
  /// The same with the plan that `device` runs, where the artifact has several.
  Built on(const rt::Device &device) const;
  /// By input or target: the elements must lie in [-size, size), those of a
  /// target in [0, size) or be -100.
  std::map<std::string, int64_t> ranges() const;
};

/// Bytes that each thread of a session takes for library calls, beside the
/// arena: the most over the programs.
uint64_t scratchBytesPerThread(const fb::Artifact &header);

/// Order and memory of every program, without code.
struct Plan {
  std::vector<std::byte> header;
  uint64_t constantBytes = 0;
  Report report;
  PhaseTimes phases;

  const fb::Artifact &artifact() const {
    return *flatbuffers::GetRoot<fb::Artifact>(header.data());
  }
  /// What a session of the default number of threads allocates, and the
  /// constants that it reads.
  uint64_t totalBytes() const;
};

/// Thrown by Model::compile for a plan above `ModelOptions::memoryLimit`,
/// before any code is generated.
struct OverLimit : std::exception {
  OverLimit(Plan plan, uint64_t limit) : plan(std::move(plan)), limit(limit) {}
  const char *what() const noexcept override {
    return "the plan needs more memory than its limit";
  }
  Plan plan;
  uint64_t limit;
};

class Model {
public:
  /// Opens `path`, an `.onnx` file or else an artifact.
  static std::unique_ptr<Model> open(const std::string &path);
  ~Model();

  const std::string &path() const { return file; }
  /// The path without folders and ending.
  std::string stem() const;
  bool isArtifact() const { return artifact != nullptr; }
  /// The inputs and outputs of the model file. Reads an artifact's source.
  const std::vector<Port> &inputs();
  const std::vector<Port> &outputs();
  /// The first float output, which a loss reads unless told otherwise.
  std::string firstFloatOutput();
  /// What an artifact was compiled with; the defaults for a model file.
  ModelOptions storedOptions() const;
  /// The artifact as it is; only where isArtifact().
  Built stored() const;

  /// Compiles as far as memory is planned: what compile() would allocate.
  Plan plan(const ModelOptions &options);
  /// Compiles. The artifact goes to `path`, or to a file that vanishes with
  /// the Built if that is empty. Throws OverLimit. Takes what the cache has
  /// (CompileCache.h), and gives it what it makes.
  Built compile(const ModelOptions &options, const std::string &path = "",
                std::function<void(const std::string &)> onPhase = nullptr);

private:
  Model();
  void readSource();
  std::string cacheKey(const ModelOptions &options) const;
  struct Source;
  std::string file;
  std::shared_ptr<const rt::Artifact> artifact;
  std::unique_ptr<Source> source;
};

/// The initial values of parameters and running statistics.
rt::TensorMap initialState(const rt::Artifact &artifact);
/// The model file of `artifact` with the values of `state`, as ONNX bytes.
std::string exportOnnx(const rt::Artifact &artifact,
                       const rt::TensorMap &state);
/// Writes `state` to `path`: `.onnx` in the model's file, `.safetensors` as
/// they are. `checkSavePath` finds early what would fail: another ending
/// (DLC5135), a folder that cannot be written to (DLC5110).
void saveState(const rt::Artifact &artifact, const rt::TensorMap &state,
               const std::string &path);
void checkSavePath(const std::string &path);
/// DLC5110 when a file cannot be made at `path`.
void checkWritable(const std::string &path);

} // namespace dlc::tools

#endif
