//===- Notes.h - what exporters write beside initializers -------*- C++ -*-===//
//
// PyTorch's default exporter leaves a note with many initializers: that it is a
// parameter, that it is a buffer, or which values it was computed from. Where
// a note is, it decides; names and values only guess.
//
//===----------------------------------------------------------------------===//
#ifndef DLC_FRONTENDS_ONNX_NOTES_H
#define DLC_FRONTENDS_ONNX_NOTES_H

#include "onnx/onnx.pb.h"
#include "llvm/ADT/StringMap.h"

namespace dlc::frontend {

enum class Note {
  None,
  Parameter, ///< a parameter of the exported module
  Buffer,    ///< a tensor of the module that is no parameter
  Computed,  ///< folded from tables, ranges and literals alone
};

/// The notes of a graph, by the name of the value that each is about.
llvm::StringMap<Note> readNotes(const onnx::GraphProto &graph);

} // namespace dlc::frontend

#endif
