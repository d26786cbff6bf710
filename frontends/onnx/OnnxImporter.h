//===- OnnxImporter.h - ONNX files in and out -------------------*- C++ -*-===//
//
// Reads an ONNX model, turns it into functions of the `dlc` dialect, and writes
// trained values back into the file they came from:
//
//   model.onnx -> OnnxModel -> importOnnx -> func.func @forward @infer @train
//                     |                      + WeightStore (initial values)
//                     +-> strippedModel + exports + new values -> trained.onnx
//
// Which initializers train, and what is done about tied and merged ones, is the
// rule of docs/training-from-onnx.md. Nothing in this header needs protobuf.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_FRONTENDS_ONNX_ONNXIMPORTER_H
#define DLC_FRONTENDS_ONNX_ONNXIMPORTER_H

#include "frontends/Diagnostics.h"
#include "frontends/WeightStore.h"
#include "mlir/IR/BuiltinOps.h"
#include <map>
#include <optional>

namespace onnx {
class ModelProto;
} // namespace onnx

namespace dlc {

namespace frontend {
struct LoadedModel;
} // namespace frontend

/// The functions that a model can be imported as.
enum class ImportMode {
  Forward, ///< @forward: the file exactly as written
  Infer,   ///< @infer: normalization and dropout in inference form
  Train,   ///< @train: batch statistics and dropout; updates their state
  Grad,    ///< @grad: as Train with dropout off and no state updated
};
/// "forward", "infer", "train", "grad".
llvm::StringRef functionName(ImportMode mode);

struct ImportOptions {
  std::vector<ImportMode> modes = {ImportMode::Forward, ImportMode::Infer,
                                   ImportMode::Train};
  /// Sizes of symbolic dims, by name. A dim without a name is called
  /// `<input>[<axis>]`.
  std::map<std::string, int64_t> dims;
  /// Binds the leading dim of every input whose leading dim is symbolic and not
  /// in `dims`.
  std::optional<int64_t> batch;
  /// Glob patterns (`*`, `?`, `[a-z]`) over parameter names. A parameter trains
  /// if it matches none of `freeze` and, where `trainOnly` has patterns, one of
  /// those.
  std::vector<std::string> freeze, trainOnly;
  /// Initializers that are equal bit for bit, directly or transposed, become
  /// one parameter.
  bool retie = true;
  /// BatchNormalization normalizes with batch statistics in Train and Grad.
  bool batchNormTrains = true;
  /// Every float tensor becomes f64; the initial values are converted.
  bool f64 = false;
};

/// An input or output of the imported functions.
struct PortInfo {
  std::string name;
  mlir::RankedTensorType type;
  /// Per dim its symbolic name in the file, or empty where it is a number.
  std::vector<std::string> dimNames;
};

/// A float initializer and what became of it.
struct ParameterInfo {
  std::string name;
  mlir::RankedTensorType type;
  bool trained;
  /// Why it is not trained; empty if it is.
  std::string reason;
  /// Whether it is an argument of the functions (`dlc.param` or `dlc.state`)
  /// and has an entry in the weight store; else it is a constant of theirs or
  /// another parameter stands for it.
  bool isArgument;
};

/// How initializer `initializer` is written from the argument named `state`:
/// `steps` in turn, each "transpose 1 0", "reshape 4 8" or
/// "slice <axis> <start> <end> <step>".
struct ExportInfo {
  std::string initializer;
  std::string state;
  std::vector<std::string> steps;
};

/// A bound on the elements of an integer input: they index a dim of `size`
/// elements, so each must lie in [-size, size).
struct IndexRange {
  std::string input;
  int64_t size;
};

struct ImportedModel {
  std::vector<PortInfo> inputs, outputs;
  /// In the order of the file's initializers.
  std::vector<ParameterInfo> parameters;
  /// Initial values of every `dlc.param` and `dlc.state` argument but `rng`.
  WeightStore weights;
  std::vector<ExportInfo> exports;
  std::vector<IndexRange> ranges;
  /// What was done that a user should know, one sentence each.
  std::vector<std::string> remarks;
  /// The file without the values that `exports` restores, for an artifact.
  std::string strippedModel;
};

/// A model file in memory. Not changed by importing it, so that one may be
/// imported with several options; not synchronized.
class OnnxModel {
public:
  /// Reads `path` and the tensors it keeps in other files. Returns null and
  /// fills `diagnostics` if the file is missing, no ONNX model or malformed.
  static std::shared_ptr<OnnxModel> load(llvm::StringRef path,
                                         mlir::MLIRContext *context,
                                         Diagnostics &diagnostics);
  /// The same for bytes in memory: `name` is for messages, `folder` is where
  /// external data lie. With an `owner`, which keeps `bytes` alive and
  /// unchanged, large tensors stay where they are; without, they are copied.
  static std::shared_ptr<OnnxModel>
  parse(llvm::StringRef bytes, llvm::StringRef name, llvm::StringRef folder,
        mlir::MLIRContext *context, Diagnostics &diagnostics,
        std::shared_ptr<const void> owner = nullptr);
  ~OnnxModel();

  /// The bytes of the files that its tensors are views of.
  std::vector<llvm::StringRef> contents() const;
  /// Tells the system that the values of tensors may leave memory; they are
  /// read from their files again when touched.
  void releasePages() const;

  const frontend::LoadedModel &data() const { return *loaded; }

private:
  explicit OnnxModel(std::unique_ptr<frontend::LoadedModel> loaded);
  std::unique_ptr<frontend::LoadedModel> loaded;
};

/// Adds one `func.func` per mode to `module`. Their arguments are the inputs
/// (`dlc.input`), the parameters in the order of the file's initializers
/// (`dlc.param`; `dlc.frozen` says why one does not train), the running
/// statistics (`dlc.state`) and, where random numbers are drawn, `rng`
/// (tensor<2xi64>: seed, calls). Their results are the outputs (`dlc.output`)
/// and then the new values of state (`dlc.alias = <argument>`). Everything that
/// is wrong with the model is added to `diagnostics`; on failure the functions
/// that were added are removed.
mlir::FailureOr<ImportedModel> importOnnx(const OnnxModel &model,
                                          const ImportOptions &options,
                                          mlir::ModuleOp module,
                                          Diagnostics &diagnostics);

/// Finds the current value of an argument by its name, or null. The type may be
/// any float type; it is converted to the initializer's.
using StateLookup = llvm::function_ref<const Weight *(llvm::StringRef)>;

/// The file that `strippedModel` came from, with the values of `exports` taken
/// from `state`. `context` is for types alone.
mlir::FailureOr<std::string> exportOnnx(llvm::StringRef strippedModel,
                                        llvm::ArrayRef<ExportInfo> exports,
                                        StateLookup state,
                                        mlir::MLIRContext *context,
                                        Diagnostics &diagnostics);
/// Writes `bytes` to `path`: to a new file beside it first, which then replaces
/// it, so that a crash leaves the old file or the new one, whole.
mlir::LogicalResult writeFileAtomically(llvm::StringRef path,
                                        llvm::StringRef bytes,
                                        Diagnostics &diagnostics);

} // namespace dlc

#endif
