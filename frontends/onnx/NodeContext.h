//===- NodeContext.h - one node while it is imported ------------*- C++ -*-===//
//
// What a handler of the op table sees of a node: its operands as values,
// attributes with their defaults, operands that must be constants, and where
// its results go. Everything a file can get wrong is an error here, so that
// handlers state requirements and nothing else.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_FRONTENDS_ONNX_NODECONTEXT_H
#define DLC_FRONTENDS_ONNX_NODECONTEXT_H

#include "dialects/dlc/IR/Builders.h"
#include "frontends/onnx/LoadedModel.h"
#include "frontends/onnx/OnnxImporter.h"
#include "frontends/onnx/OpTable.h"
#include "llvm/Support/FormatVariadic.h"

namespace dlc::frontend {

/// A tensor known while importing: numbers converted to double or int64.
struct ConstantNumbers {
  llvm::SmallVector<double> floats;
  llvm::SmallVector<int64_t> integers;
};

/// The function being built, shared by all of its nodes.
struct FunctionState {
  ImportMode mode;
  const ImportOptions &options;
  Diagnostics &diagnostics;
  std::string modelName = {};
  llvm::StringMap<mlir::Value> values = {};
  llvm::StringMap<llvm::SmallVector<mlir::Value>> sequences = {};
  /// The `rng` argument, and how many streams were drawn from it.
  mlir::Value rng = {};
  int64_t randomStreams = 0;
  /// State arguments and their newest values, in order of first update.
  llvm::MapVector<mlir::Value, mlir::Value> newStates = {};
  /// By input name: least size of a dim that it indexes.
  llvm::MapVector<llvm::StringRef, int64_t> ranges = {};

  /// Adds a state argument to the function under construction.
  llvm::function_ref<mlir::Value(llvm::StringRef, mlir::RankedTensorType)>
      addState = {};
};

class NodeContext {
public:
  NodeContext(const GraphNode &node, FunctionState &state,
              mlir::OpBuilder &builder, mlir::Location location)
      : opset(node.opset), b(builder), loc(location), node(node),
        state(state) {}

  const int64_t opset;
  mlir::OpBuilder &b;
  const mlir::Location loc;

  //===- Operands ---------------------------------------------------------===//
  size_t numInputs() const { return node.proto->input_size(); }
  bool has(size_t index) const;
  /// Operand `index`, which must be present (the op table's counts say so).
  mlir::Value in(size_t index) const;
  /// The same, or null if absent.
  mlir::Value optional(size_t index) const;
  llvm::SmallVector<mlir::Value> all() const;
  llvm::ArrayRef<int64_t> shape(size_t index) const {
    return shapeOf(in(index));
  }
  /// The elements of a sequence operand.
  mlir::FailureOr<llvm::ArrayRef<mlir::Value>> sequence(size_t index) const;
  /// Operand `index` as whole numbers known at import time.
  mlir::FailureOr<llvm::SmallVector<int64_t>> integers(size_t index) const;
  /// The same for a scalar.
  mlir::FailureOr<int64_t> integer(size_t index) const;
  /// A scalar of any type known at import time.
  mlir::FailureOr<double> number(size_t index) const;

  //===- Attributes -------------------------------------------------------===//
  bool hasAttr(llvm::StringRef name) const { return find(name) != nullptr; }
  int64_t attr(llvm::StringRef name, int64_t otherwise) const;
  /// f32 in the file; see intendedNumber.
  double attrNumber(llvm::StringRef name, double otherwise) const;
  llvm::StringRef attrText(llvm::StringRef name,
                           llvm::StringRef otherwise) const;
  llvm::SmallVector<int64_t> attrInts(llvm::StringRef name) const;
  const onnx::AttributeProto *find(llvm::StringRef name) const;

  //===- Checked numbers --------------------------------------------------===//
  /// `axis`, counted from the end if negative, in [0, rank).
  mlir::FailureOr<int64_t> axis(int64_t axis, int64_t rank) const;
  /// Distinct axes, sorted.
  mlir::FailureOr<llvm::SmallVector<int64_t>>
  axes(llvm::ArrayRef<int64_t> axes, int64_t rank) const;
  /// The shape that numpy broadcasting of all `values` gives.
  mlir::FailureOr<llvm::SmallVector<int64_t>>
  broadcastShape(llvm::ArrayRef<mlir::Value> values) const;
  /// `values` broadcast to one shape; they must have one element type.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  broadcast(llvm::ArrayRef<mlir::Value> values) const;

  //===- Results ----------------------------------------------------------===//
  size_t numOutputs() const { return node.proto->output_size(); }
  /// Whether result `index` has a name, so may be used.
  bool wants(size_t index) const;
  mlir::LogicalResult out(size_t index, mlir::Value value);
  mlir::LogicalResult out(mlir::Value value) { return out(0, value); }
  mlir::LogicalResult outSequence(size_t index,
                                  llvm::ArrayRef<mlir::Value> values);

  //===- Mode -------------------------------------------------------------===//
  ImportMode mode() const { return state.mode; }
  const ImportOptions &options() const { return state.options; }
  /// The importer's type for ONNX's element type number (f64 for every float
  /// where the options say so).
  mlir::FailureOr<mlir::Type> elementTypeFor(int64_t dataType) const;
  /// A tensor of the file as a constant.
  mlir::FailureOr<mlir::Value> constant(const onnx::TensorProto &tensor) const;
  /// Fresh uniform numbers in [0, 1); the function advances its random state.
  mlir::Value uniform(mlir::RankedTensorType type);
  /// Whether `value` is a state argument; then its newest value.
  mlir::Value newestState(mlir::Value value) const;
  /// Gives state argument `argument` a new value.
  void updateState(mlir::Value argument, mlir::Value value);
  /// Notes that `indices` index a dim of `size` elements.
  void noteRange(mlir::Value indices, int64_t size);

  //===- Errors -----------------------------------------------------------===//
  /// `<model>: <node>: <message> [<id>]`
  mlir::LogicalResult fail(llvm::StringRef id,
                           const llvm::Twine &message) const;
  /// A form of the op that is not supported; `message` says which are.
  mlir::LogicalResult unsupported(const llvm::Twine &message) const {
    return fail("DLC1017", message);
  }
  /// Operands or attributes that do not fit each other.
  mlir::LogicalResult invalid(const llvm::Twine &message) const {
    return fail("DLC1011", message);
  }
  const GraphNode &graphNode() const { return node; }
  FunctionState &function() const { return state; }

private:
  const GraphNode &node;
  FunctionState &state;
};

} // namespace dlc::frontend

#endif
