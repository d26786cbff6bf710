//===- Notes.cpp - what exporters write beside initializers ---------------===//
//
// Notes are `metadata_props` of a ValueInfoProto. That field is younger than
// the ONNX definitions that many systems package, so it is read from the
// message's bytes.
//
//===----------------------------------------------------------------------===//
#include "frontends/onnx/Notes.h"

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Regex.h"

namespace dlc::frontend {

using google::protobuf::internal::WireFormatLite;

/// Values that PyTorch's operators make from nothing, or from such values: each
/// is called by its operator and a number. Operators that move elements of a
/// parameter are absent where people call parameters so (`embedding`).
static bool isComputedName(llvm::StringRef name) {
  static const llvm::Regex pattern(
      "^((.*\\.)?c?_?lifted_tensor|val|(arange|linspace|full|ones|zeros|eye|"
      "full_like|ones_like|zeros_like|new_full|new_ones|new_zeros|empty|"
      "scalar_tensor|triu|tril|clamp|clamp_min|clamp_max|floor|ceil|round|add|"
      "sub|rsub|mul|div|floor_divide|remainder|pow|exp|log|sqrt|rsqrt|"
      "reciprocal|neg|abs|sin|cos|tanh|outer|cat|stack|clone|_to_copy|"
      "convert_element_type|unsqueeze|squeeze|expand|view|reshape|"
      "permute|transpose|t|slice|repeat|flip|cumsum|sum|where|masked_fill|"
      "minimum|maximum|min|max|ge|gt|le|lt|eq|ne|logical_and|logical_or|"
      "logical_not|bitwise_and|bitwise_or|bitwise_not)(_default)?)(_[0-9]+)?$");
  return pattern.match(name);
}

/// `list` is "['a', 'b']".
static bool isComputed(llvm::StringRef list) {
  llvm::SmallVector<llvm::StringRef> names;
  list.trim("[]").split(names, ',');
  return llvm::all_of(names, [](llvm::StringRef name) {
    return isComputedName(name.trim().trim("'\""));
  });
}

static Note noteOf(llvm::StringRef key, llvm::StringRef value) {
  if (key == "pkg.torch.export.graph_signature.InputSpec.kind")
    return value == "PARAMETER" ? Note::Parameter : Note::Buffer;
  if (key == "pkg.onnxscript.optimizer.folded_from" && isComputed(value))
    return Note::Computed;
  return Note::None;
}

static Note noteOf(const onnx::ValueInfoProto &info) {
  constexpr uint32_t properties = 4; // ValueInfoProto.metadata_props
  std::string bytes = info.SerializePartialAsString();
  google::protobuf::io::CodedInputStream input(
      reinterpret_cast<const uint8_t *>(bytes.data()), int(bytes.size()));
  Note note = Note::None;
  while (uint32_t tag = input.ReadTag()) {
    if (tag != WireFormatLite::MakeTag(
                   properties, WireFormatLite::WIRETYPE_LENGTH_DELIMITED)) {
      if (!WireFormatLite::SkipField(&input, tag))
        return note;
      continue;
    }
    std::string text;
    onnx::StringStringEntryProto entry;
    if (!WireFormatLite::ReadBytes(&input, &text) ||
        !entry.ParsePartialFromString(text))
      return note;
    Note found = noteOf(entry.key(), entry.value());
    note = found == Note::None ? note : found;
  }
  return note;
}

llvm::StringMap<Note> readNotes(const onnx::GraphProto &graph) {
  llvm::StringMap<Note> notes;
  for (const onnx::ValueInfoProto &info : graph.value_info())
    if (Note note = noteOf(info); note != Note::None)
      notes[info.name()] = note;
  return notes;
}

} // namespace dlc::frontend
