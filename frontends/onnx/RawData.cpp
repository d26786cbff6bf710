//===- RawData.cpp - initializers' bytes left where they lie --------------===//
//
// Walks the wire format: fields are a varint tag (number << 3 | kind) and a
// payload that the kind gives the length of. Two levels are walked, the model
// and its graph, and the initializers within; all else is copied as it is.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/RawData.h"

#include "onnx/onnx.pb.h"

namespace dlc::frontend {

/// Smaller data are copied: a view would cost as much.
static constexpr size_t leastViewBytes = 4096;

namespace {

/// One field of a message.
struct Field {
  uint64_t number;
  bool isBytes;
  /// With its tag and length.
  llvm::StringRef whole;
  /// Where isBytes: without.
  llvm::StringRef payload;
};

/// Reads the fields of a message one by one.
class Fields {
public:
  explicit Fields(llvm::StringRef message) : rest(message) {}

  bool atEnd() const { return rest.empty(); }

  /// None where the bytes are not a field that is whole.
  std::optional<Field> next() {
    llvm::StringRef start = rest;
    std::optional<uint64_t> tag = varint();
    if (!tag || *tag > UINT32_MAX)
      return std::nullopt;
    Field field{*tag >> 3, (*tag & 7) == 2, {}, {}};
    std::optional<uint64_t> length = payloadBytes(*tag & 7);
    if (field.number == 0 || !length || *length > rest.size())
      return std::nullopt;
    field.payload = rest.take_front(*length);
    rest = rest.drop_front(*length);
    field.whole = start.drop_back(rest.size());
    return field;
  }

private:
  std::optional<uint64_t> payloadBytes(unsigned kind) {
    switch (kind) {
    case 0: {
      llvm::StringRef before = rest;
      if (!varint())
        return std::nullopt;
      uint64_t bytes = before.size() - rest.size();
      rest = before;
      return bytes;
    }
    case 1:
      return 8;
    case 2:
      return varint();
    case 5:
      return 4;
    default:
      return std::nullopt;
    }
  }

  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned i = 0; i < 10 && i < rest.size(); ++i) {
      auto byte = uint8_t(rest[i]);
      value |= uint64_t(byte & 127) << (7 * i);
      if (byte < 128) {
        rest = rest.drop_front(i + 1);
        return value;
      }
    }
    return std::nullopt;
  }

  llvm::StringRef rest;
};

} // namespace

static void appendVarint(std::string &to, uint64_t value) {
  for (; value >= 128; value >>= 7)
    to.push_back(char(value | 128));
  to.push_back(char(value));
}

static void appendField(std::string &to, int number, llvm::StringRef payload) {
  appendVarint(to, uint64_t(number) << 3 | 2);
  appendVarint(to, payload.size());
  to.append(payload.data(), payload.size());
}

/// Copies a TensorProto without large raw data; these go to `data`.
static std::optional<std::string> smallTensor(llvm::StringRef tensor,
                                              llvm::ArrayRef<char> &data) {
  std::string small;
  bool hasData = false;
  for (Fields fields(tensor); !fields.atEnd();) {
    std::optional<Field> field = fields.next();
    if (!field)
      return std::nullopt;
    bool isData = field->number == onnx::TensorProto::kRawDataFieldNumber;
    if (isData && (hasData || !field->isBytes))
      return std::nullopt;
    hasData |= isData;
    if (isData && field->payload.size() >= leastViewBytes) {
      data = {field->payload.data(), field->payload.size()};
      // Empty, so that the tensor still says how it is stored.
      appendField(small, onnx::TensorProto::kRawDataFieldNumber, "");
    } else {
      small.append(field->whole.data(), field->whole.size());
    }
  }
  return small;
}

static std::optional<std::string>
smallGraph(llvm::StringRef graph,
           std::vector<llvm::ArrayRef<char>> &data) {
  std::string small;
  for (Fields fields(graph); !fields.atEnd();) {
    std::optional<Field> field = fields.next();
    if (!field)
      return std::nullopt;
    if (field->number != onnx::GraphProto::kInitializerFieldNumber) {
      small.append(field->whole.data(), field->whole.size());
      continue;
    }
    if (!field->isBytes)
      return std::nullopt;
    std::optional<std::string> tensor =
        smallTensor(field->payload, data.emplace_back());
    if (!tensor)
      return std::nullopt;
    appendField(small, onnx::GraphProto::kInitializerFieldNumber, *tensor);
  }
  return small;
}

std::optional<SmallModelFile> takeRawData(llvm::StringRef file) {
  SmallModelFile small;
  bool hasGraph = false;
  for (Fields fields(file); !fields.atEnd();) {
    std::optional<Field> field = fields.next();
    if (!field)
      return std::nullopt;
    if (field->number != onnx::ModelProto::kGraphFieldNumber) {
      small.bytes.append(field->whole.data(), field->whole.size());
      continue;
    }
    if (hasGraph || !field->isBytes)
      return std::nullopt;
    hasGraph = true;
    std::optional<std::string> graph = smallGraph(field->payload, small.data);
    if (!graph)
      return std::nullopt;
    appendField(small.bytes, onnx::ModelProto::kGraphFieldNumber, *graph);
  }
  return small;
}

} // namespace dlc::frontend
