#include "runtime/data/Safetensors.h"

#include "runtime/core/AtomicFile.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <set>

namespace dlc::rt {

namespace {

constexpr uint64_t maxHeaderBytes = 100000000;
constexpr size_t maxRank = 16;

struct TypeName {
  std::string_view name;
  DType dtype;
};
constexpr TypeName typeNames[] = {
    {"F64", DType::F64},          {"F32", DType::F32},
    {"F16", DType::F16},          {"BF16", DType::BF16},
    {"F8_E4M3", DType::F8E4M3FN}, {"F8_E5M2", DType::F8E5M2},
    {"BOOL", DType::I1},          {"I8", DType::I8},
    {"U8", DType::UI8},           {"I16", DType::I16},
    {"I32", DType::I32},          {"I64", DType::I64},
};

struct Entry {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> dims;
  uint64_t begin = 0, end = 0;
};

Status badHeader(std::string_view requirement, std::string_view got) {
  return DLC_ERROR(Corrupt, "DLC5105", "safetensors header ", requirement,
                   ", but got ", got);
}

/// The subset of JSON that a header may use: one object of objects of strings
/// and lists of whole numbers. No recursion, so depth needs no limit.
class Parser {
public:
  explicit Parser(std::string_view text) : text(text) {}
  Result<std::vector<Entry>> parse();

private:
  void skipSpace() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n' ||
                                text[at] == '\r' || text[at] == '\t'))
      ++at;
  }
  bool take(char c) {
    skipSpace();
    if (at >= text.size() || text[at] != c)
      return false;
    ++at;
    return true;
  }
  Status expect(char c) {
    if (take(c))
      return Status::ok();
    return badHeader(concat("must have '", c, "' at byte ", at),
                     "another character");
  }
  Result<std::string> parseString();
  Status parseEscape(std::string &out);
  Result<uint32_t> parseHex();
  Result<uint64_t> parseNumber();
  template <typename T> Result<std::vector<T>> parseNumbers(size_t limit);
  Status parseMetadata();
  Result<Entry> parseEntry(std::string name);

  std::string_view text;
  size_t at = 0;
};

Result<uint32_t> Parser::parseHex() {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i, ++at) {
    char c = at < text.size() ? text[at] : '\0';
    uint32_t digit = c >= '0' && c <= '9'   ? uint32_t(c - '0')
                     : c >= 'a' && c <= 'f' ? uint32_t(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? uint32_t(c - 'A' + 10)
                                            : 16;
    if (digit == 16)
      return badHeader("must escape with four hex digits", "others");
    value = value << 4 | digit;
  }
  return value;
}

void appendUtf8(std::string &out, uint32_t code) {
  auto tail = [&](int shift) {
    out += static_cast<char>(0x80 | ((code >> shift) & 0x3f));
  };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

Status Parser::parseEscape(std::string &out) {
  char c = at < text.size() ? text[at++] : '\0';
  constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
  if (size_t i = from.find(c); c != '\0' && i != std::string_view::npos) {
    out += to[i];
    return Status::ok();
  }
  if (c != 'u')
    return badHeader("must have known escapes in strings", "another one");
  DLC_ASSIGN_OR_RETURN(uint32_t code, parseHex());
  if (code >= 0xd800 && code < 0xdc00) {
    if (text.substr(at, 2) != "\\u")
      return badHeader("must pair its surrogates", "a lone one");
    at += 2;
    DLC_ASSIGN_OR_RETURN(uint32_t low, parseHex());
    if (low < 0xdc00 || low > 0xdfff)
      return badHeader("must pair its surrogates", "a lone one");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  } else if (code >= 0xdc00 && code < 0xe000) {
    return badHeader("must pair its surrogates", "a lone one");
  }
  appendUtf8(out, code);
  return Status::ok();
}

Result<std::string> Parser::parseString() {
  DLC_RETURN_IF_ERROR(expect('"'));
  std::string out;
  while (at < text.size() && text[at] != '"') {
    char c = text[at++];
    if (static_cast<unsigned char>(c) < 0x20)
      return badHeader("must escape control characters", "a plain one");
    if (c != '\\')
      out += c;
    else
      DLC_RETURN_IF_ERROR(parseEscape(out));
  }
  if (at == text.size())
    return badHeader("must close its strings", "an open one");
  ++at;
  return out;
}

Result<uint64_t> Parser::parseNumber() {
  skipSpace();
  uint64_t value = 0;
  size_t first = at;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    if (__builtin_mul_overflow(value, uint64_t(10), &value) ||
        __builtin_add_overflow(value, uint64_t(text[at] - '0'), &value))
      return badHeader("must have numbers of 64 bits", "a larger one");
  bool hasZeroFirst = at - first > 1 && text[first] == '0';
  if (at == first || hasZeroFirst)
    return badHeader(concat("must have a whole number at byte ", first),
                     "something else");
  return value;
}

template <typename T>
Result<std::vector<T>> Parser::parseNumbers(size_t limit) {
  std::vector<T> result;
  DLC_RETURN_IF_ERROR(expect('['));
  if (take(']'))
    return result;
  do {
    DLC_ASSIGN_OR_RETURN(uint64_t value, parseNumber());
    if (value > uint64_t(INT64_MAX) || result.size() == limit)
      return badHeader(
          concat("must have at most ", limit, " numbers of 63 bits in a list"),
          "more");
    result.push_back(static_cast<T>(value));
  } while (take(','));
  DLC_RETURN_IF_ERROR(expect(']'));
  return result;
}

Status Parser::parseMetadata() {
  DLC_RETURN_IF_ERROR(expect('{'));
  if (take('}'))
    return Status::ok();
  std::set<std::string> keys;
  do {
    DLC_ASSIGN_OR_RETURN(std::string key, parseString());
    if (!keys.insert(key).second)
      return badHeader("must name each key once", concat("'", key, "' twice"));
    DLC_RETURN_IF_ERROR(expect(':'));
    DLC_ASSIGN_OR_RETURN(std::string value, parseString());
  } while (take(','));
  return expect('}');
}

Result<Entry> Parser::parseEntry(std::string name) {
  Entry entry;
  entry.name = std::move(name);
  bool hasType = false, hasShape = false, hasOffsets = false;
  DLC_RETURN_IF_ERROR(expect('{'));
  do {
    DLC_ASSIGN_OR_RETURN(std::string key, parseString());
    DLC_RETURN_IF_ERROR(expect(':'));
    if (key == "dtype" && !std::exchange(hasType, true)) {
      DLC_ASSIGN_OR_RETURN(std::string type, parseString());
      auto found = std::find_if(
          std::begin(typeNames), std::end(typeNames),
          [&](const TypeName &candidate) { return candidate.name == type; });
      if (found == std::end(typeNames))
        return badHeader(
            "must have dtypes that dlc knows",
            concat("'", type.substr(0, 32), "' for '", entry.name, "'"));
      entry.dtype = found->dtype;
    } else if (key == "shape" && !std::exchange(hasShape, true)) {
      DLC_ASSIGN_OR_RETURN(entry.dims, parseNumbers<int64_t>(maxRank));
    } else if (key == "data_offsets" && !std::exchange(hasOffsets, true)) {
      DLC_ASSIGN_OR_RETURN(std::vector<uint64_t> ends,
                           parseNumbers<uint64_t>(2));
      if (ends.size() != 2)
        return badHeader("must give two offsets per tensor",
                         concat(ends.size()));
      entry.begin = ends[0];
      entry.end = ends[1];
    } else {
      return badHeader("must have dtype, shape and data_offsets once each",
                       concat("'", key.substr(0, 32), "'"));
    }
  } while (take(','));
  DLC_RETURN_IF_ERROR(expect('}'));
  if (!hasType || !hasShape || !hasOffsets)
    return badHeader("must have dtype, shape and data_offsets",
                     concat("less for '", entry.name, "'"));
  return entry;
}

Result<std::vector<Entry>> Parser::parse() {
  std::vector<Entry> entries;
  std::set<std::string> names;
  DLC_RETURN_IF_ERROR(expect('{'));
  if (!take('}')) {
    do {
      DLC_ASSIGN_OR_RETURN(std::string name, parseString());
      DLC_RETURN_IF_ERROR(expect(':'));
      if (!names.insert(name).second)
        return badHeader("must name each tensor once",
                         concat("'", name, "' twice"));
      if (name == "__metadata__") {
        DLC_RETURN_IF_ERROR(parseMetadata());
        continue;
      }
      DLC_ASSIGN_OR_RETURN(Entry entry, parseEntry(std::move(name)));
      entries.push_back(std::move(entry));
    } while (take(','));
    DLC_RETURN_IF_ERROR(expect('}'));
  }
  skipSpace();
  if (at != text.size())
    return badHeader("must end after its object", "more text");
  return entries;
}

/// Every byte of the data belongs to exactly one tensor of the right size.
Status checkTiling(std::vector<Entry> &entries, uint64_t dataBytes) {
  std::sort(entries.begin(), entries.end(), [](const Entry &x, const Entry &y) {
    return std::pair(x.begin, x.end) < std::pair(y.begin, y.end);
  });
  uint64_t position = 0;
  for (const Entry &entry : entries) {
    std::optional<uint64_t> bytes = tensorBytes(entry.dtype, entry.dims);
    if (!bytes || entry.end < entry.begin || entry.end - entry.begin != *bytes)
      return DLC_ERROR(Corrupt, "DLC5106", "tensor '", entry.name, "' of ",
                       dtypeName(entry.dtype), " ", listOf(entry.dims),
                       " must have offsets as far apart as its size, but got ",
                       entry.begin, " and ", entry.end);
    if (entry.begin != position)
      return DLC_ERROR(Corrupt, "DLC5106", "tensor '", entry.name,
                       "' must start where the one before ends, at ", position,
                       ", but got ", entry.begin);
    position = entry.end;
  }
  if (position != dataBytes)
    return DLC_ERROR(Corrupt, "DLC5106", "data must have the ", position,
                     " bytes that the header tells, but got ", dataBytes);
  return Status::ok();
}

Result<TensorMap> parseFile(const std::string &content) {
  if (content.size() < 8)
    return badHeader("must have 8 bytes of length", concat(content.size()));
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i)
    length = length << 8 | static_cast<unsigned char>(content[i]);
  if (length > maxHeaderBytes || length > content.size() - 8)
    return badHeader(
        concat("must have at most ",
               std::min<uint64_t>(maxHeaderBytes, content.size() - 8),
               " bytes"),
        concat(length));
  DLC_ASSIGN_OR_RETURN(
      std::vector<Entry> entries,
      Parser(std::string_view(content).substr(8, length)).parse());
  const char *data = content.data() + 8 + length;
  DLC_RETURN_IF_ERROR(checkTiling(entries, content.size() - 8 - length));
  TensorMap tensors;
  for (Entry &entry : entries) {
    Tensor tensor;
    tensor.dtype = entry.dtype;
    tensor.dims = std::move(entry.dims);
    auto *first = reinterpret_cast<const std::byte *>(data);
    tensor.data.assign(first + entry.begin, first + entry.end);
    tensors.emplace(std::move(entry.name), std::move(tensor));
  }
  return tensors;
}

std::string quoted(const std::string &name) {
  std::string out = "\"";
  for (char c : name) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

} // namespace

Result<TensorMap> loadSafetensors(const std::string &path, uint64_t budget) {
  DLC_ASSIGN_OR_RETURN(std::string content, readWholeFile(path, budget));
  Result<TensorMap> tensors = parseFile(content);
  if (!tensors.isOk())
    return std::move(tensors.status()).withContext(concat("'", path, "'"));
  return tensors;
}

Status saveSafetensors(const std::string &path, const TensorMap &tensors) {
  std::string header = "{";
  uint64_t position = 0;
  for (const auto &[name, tensor] : tensors) {
    auto type = std::find_if(std::begin(typeNames), std::end(typeNames),
                             [&](const TypeName &candidate) {
                               return candidate.dtype == tensor.dtype;
                             });
    std::string shape;
    for (int64_t dim : tensor.dims)
      shape += concat(shape.empty() ? "" : ",", dim);
    uint64_t end = position + tensor.data.size();
    header += concat(header.size() > 1 ? "," : "", quoted(name),
                     ":{\"dtype\":\"", type->name, "\",\"shape\":[", shape,
                     "],\"data_offsets\":[", position, ",", end, "]}");
    position = end;
  }
  header += "}";
  header.append(alignUp(header.size(), 8) - header.size(), ' ');
  unsigned char length[8];
  for (int i = 0; i < 8; ++i)
    length[i] = static_cast<unsigned char>(header.size() >> 8 * i);
  DLC_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  DLC_RETURN_IF_ERROR(file.write(length, sizeof(length)));
  DLC_RETURN_IF_ERROR(file.write(header.data(), header.size()));
  for (const auto &[name, tensor] : tensors)
    DLC_RETURN_IF_ERROR(file.write(tensor.data.data(), tensor.data.size()));
  return file.commit();
}

} // namespace dlc::rt
