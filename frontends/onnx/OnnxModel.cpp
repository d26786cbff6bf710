//===- OnnxModel.cpp - reading model files --------------------------------===//
//
// Parses the protobuf with bounded nesting, then checks what later code relies
// on: that there is a graph, that names are defined once, that initializers
// hold as many bytes as their shapes say.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/ExternalData.h"
#include "frontends/onnx/LoadedModel.h"
#include "frontends/onnx/OnnxImporter.h"
#include "frontends/onnx/RawData.h"

#include "google/protobuf/io/coded_stream.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include <sys/mman.h>

using namespace mlir;
using namespace dlc::frontend;

namespace dlc {

static constexpr uint64_t maxFileBytes = INT32_MAX;

OnnxModel::OnnxModel(std::unique_ptr<LoadedModel> loaded)
    : loaded(std::move(loaded)) {}
OnnxModel::~OnnxModel() = default;

namespace {
/// Bytes of the file that the parser did not see, and what keeps them alive.
struct DataInPlace {
  std::vector<llvm::ArrayRef<char>> data;
  std::shared_ptr<const void> owner;
};
} // namespace

/// Reads `tensor` and takes its data out of it, so that the parsed file is small
/// enough to copy. `data` are where raw data were not parsed, else null.
static std::optional<Weight> takeData(LoadedModel &model,
                                      onnx::TensorProto &tensor,
                                      llvm::ArrayRef<char> data,
                                      std::shared_ptr<const void> owner,
                                      ExternalFiles &files,
                                      TensorError &error) {
  std::optional<Weight> weight;
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL) {
    weight = files.decode(model.context, tensor, error);
  } else if (data.data()) {
    weight = decodeRaw(model.context, tensor, data, std::move(owner), error);
  } else if (tensor.has_raw_data()) {
    std::shared_ptr<std::string> data(tensor.release_raw_data());
    weight = decodeRaw(model.context, tensor, {data->data(), data->size()},
                       data, error);
  } else {
    weight = decodeTensor(model.context, tensor, nullptr, error);
  }
  clearData(tensor);
  return weight;
}

/// Decodes every initializer, from the file or from files beside it.
static void decodeInitializers(LoadedModel &model, StringRef folder,
                               const DataInPlace &inPlace,
                               Diagnostics &diagnostics) {
  ExternalFiles files(folder.str());
  llvm::StringSet<> names;
  for (auto [i, tensor] : llvm::enumerate(
           *model.proto->mutable_graph()->mutable_initializer())) {
    std::string &name = *tensor.mutable_name();
    auto subject = [&] {
      return model.name + ": initializer '" + name + "' ";
    };
    if (name.empty() || !names.insert(name).second) {
      diagnostics.error("DLC1009",
                        subject() + "must have a name of its own, but got a "
                                    "name that is empty or taken");
      continue;
    }
    TensorError error;
    llvm::ArrayRef<char> data =
        i < inPlace.data.size() ? inPlace.data[i] : llvm::ArrayRef<char>();
    std::optional<Weight> weight =
        takeData(model, tensor, data, inPlace.owner, files, error);
    if (!weight) {
      diagnostics.error(error.id, subject() + error.message);
      continue;
    }
    model.initializers.push_back(std::move(*weight));
  }
  llvm::append_range(model.files, files.opened());
  if (model.proto->graph().sparse_initializer_size())
    diagnostics.error("DLC1002", model.name + ": initializers must be dense, "
                                              "but got sparse ones");
}

static void checkHeader(const LoadedModel &model, Diagnostics &diagnostics) {
  const onnx::ModelProto &proto = *model.proto;
  int64_t nodes = proto.graph().node_size();
  if (nodes > maxNodes)
    diagnostics.error("DLC1018",
                      llvm::formatv("{0}: the graph must have at most {1} "
                                    "nodes, but got {2}",
                                    model.name, maxNodes, nodes));
  if (proto.graph().output_size() == 0)
    diagnostics.error("DLC1006", model.name + ": the file must hold an ONNX "
                                              "model with outputs, but got a "
                                              "graph without any");
}

std::shared_ptr<OnnxModel> OnnxModel::parse(StringRef bytes, StringRef name,
                                            StringRef folder,
                                            MLIRContext *context,
                                            Diagnostics &diagnostics,
                                            std::shared_ptr<const void> owner) {
  auto model = std::make_unique<LoadedModel>();
  model->name = name.str();
  model->context = context;
  model->proto = std::make_shared<onnx::ModelProto>();
  if (bytes.size() > maxFileBytes) {
    diagnostics.error("DLC1018",
                      llvm::formatv("{0}: the file must have at most 2^31 - 1 "
                                    "bytes (larger models keep their tensors "
                                    "in external data), but got {1}",
                                    name, bytes.size()));
    return nullptr;
  }
  std::optional<SmallModelFile> small;
  DataInPlace inPlace;
  if (owner)
    small = takeRawData(bytes);
  if (small)
    inPlace = {std::move(small->data), std::move(owner)};
  StringRef parsed = small ? StringRef(small->bytes) : bytes;
  google::protobuf::io::CodedInputStream input(
      reinterpret_cast<const uint8_t *>(parsed.data()), int(parsed.size()));
  input.SetRecursionLimit(maxNesting);
  if (!model->proto->MergePartialFromCodedStream(&input) ||
      !input.ConsumedEntireMessage() || !model->proto->has_graph()) {
    diagnostics.error(
        "DLC1006",
        llvm::formatv("{0}: the file must hold an ONNX model, but got {1} "
                      "bytes that are none or end early",
                      name, bytes.size()));
    return nullptr;
  }
  checkHeader(*model, diagnostics);
  decodeInitializers(*model, folder, inPlace, diagnostics);
  if (diagnostics.hasErrors())
    return nullptr;
  return std::shared_ptr<OnnxModel>(new OnnxModel(std::move(model)));
}

std::vector<llvm::StringRef> OnnxModel::contents() const {
  std::vector<llvm::StringRef> found;
  for (const auto &file : loaded->files)
    found.push_back(file->getBuffer());
  return found;
}

void OnnxModel::releasePages() const {
  uint64_t page = llvm::sys::Process::getPageSizeEstimate();
  for (const auto &file : loaded->files) {
    // Only a mapping can be read again.
    if (file->getBufferKind() != llvm::MemoryBuffer::MemoryBuffer_MMap)
      continue;
    auto start = reinterpret_cast<uintptr_t>(file->getBufferStart());
    uintptr_t first = start / page * page;
    madvise(reinterpret_cast<void *>(first),
            start + file->getBufferSize() - first, MADV_DONTNEED);
  }
}

std::shared_ptr<OnnxModel> OnnxModel::load(StringRef path,
                                           MLIRContext *context,
                                           Diagnostics &diagnostics) {
  StringRef name = llvm::sys::path::filename(path);
  llvm::sys::fs::file_status status;
  std::error_code failure = llvm::sys::fs::status(path, status);
  if (!failure && status.type() != llvm::sys::fs::file_type::regular_file)
    failure = std::make_error_code(std::errc::not_supported);
  if (!failure) {
    auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
    if (file) {
      std::shared_ptr<llvm::MemoryBuffer> mapped = std::move(*file);
      std::shared_ptr<OnnxModel> model =
          parse(mapped->getBuffer(), name, llvm::sys::path::parent_path(path),
                context, diagnostics, mapped);
      if (model)
        model->loaded->files.push_back(std::move(mapped));
      return model;
    }
    failure = file.getError();
  }
  diagnostics.error("DLC1005",
                    llvm::formatv("{0}: the file cannot be read: {1}", path,
                                  failure.message()));
  return nullptr;
}

namespace frontend {

llvm::StringRef nodeName(const onnx::NodeProto &node) {
  if (!node.name().empty())
    return node.name();
  return node.output_size() ? llvm::StringRef(node.output(0)) : "";
}

std::string describe(const GraphNode &node) {
  std::string text = "node '" + nodeName(*node.proto).str() + "' (";
  if (!node.proto->domain().empty() && node.proto->domain() != "ai.onnx")
    text += node.proto->domain() + ".";
  return text + node.proto->op_type() + ", opset " +
         std::to_string(node.opset) + ")";
}

} // namespace frontend
} // namespace dlc
