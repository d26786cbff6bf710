#include "runtime/data/Npy.h"

#include "runtime/core/AtomicFile.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <limits>

namespace dlc::rt {

namespace {

/// Longest header that is read; NumPy's own limit for untrusted files.
constexpr uint64_t maxHeaderBytes = 10000;
constexpr size_t maxRank = 16;

/// How elements are stored, and what they become.
struct Storage {
  std::string_view code; // after the byte order mark
  DType dtype;
  uint64_t bytes; // per element in the file
  bool isUnsigned;
};

constexpr Storage storages[] = {
    {"f2", DType::F16, 2, false}, {"f4", DType::F32, 4, false},
    {"f8", DType::F64, 8, false}, {"b1", DType::I1, 1, false},
    {"i1", DType::I8, 1, false},  {"u1", DType::UI8, 1, false},
    {"i2", DType::I16, 2, false}, {"i4", DType::I32, 4, false},
    {"i8", DType::I64, 8, false}, {"u2", DType::I32, 2, true},
    {"u4", DType::I64, 4, true},  {"u8", DType::I64, 8, true},
};

struct Header {
  const Storage *storage = nullptr;
  bool isFortran = false;
  std::vector<int64_t> dims;
};

Status malformed(std::string_view requirement, std::string_view got) {
  return DLC_ERROR(Corrupt, "DLC5102", "npy array ", requirement, ", but got ",
                   got);
}

/// Reads the dict literal; only what NumPy writes is accepted.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : text(text) {}
  Result<Header> parse();

private:
  void skipSpace() {
    while (at < text.size() &&
           std::isspace(static_cast<unsigned char>(text[at])))
      ++at;
  }
  bool take(char c) {
    skipSpace();
    if (at >= text.size() || text[at] != c)
      return false;
    ++at;
    return true;
  }
  bool takeWord(std::string_view word) {
    skipSpace();
    if (text.substr(at, word.size()) != word)
      return false;
    at += word.size();
    return true;
  }
  Status expect(char c) {
    if (take(c))
      return Status::ok();
    return malformed(concat("header must have '", c, "' at byte ", at),
                     "another character");
  }
  Result<std::string_view> parseString();
  Status parseField(std::string_view key);
  Status parseType();
  Status parseShape();

  std::string_view text;
  size_t at = 0;
  Header header;
  bool hasType = false, hasOrder = false, hasShape = false;
};

Result<std::string_view> HeaderParser::parseString() {
  skipSpace();
  char quote = at < text.size() ? text[at] : '\0';
  if (quote != '\'' && quote != '"')
    return malformed(concat("header must have a string at byte ", at),
                     "another character");
  size_t end = text.find(quote, at + 1);
  if (end == std::string_view::npos)
    return malformed("header must close its strings", "an open one");
  std::string_view result = text.substr(at + 1, end - at - 1);
  at = end + 1;
  return result;
}

Status HeaderParser::parseType() {
  skipSpace();
  if (at < text.size() && text[at] == '[')
    return malformed("must have a plain element type", "a structured one");
  DLC_ASSIGN_OR_RETURN(std::string_view descr, parseString());
  bool isLittle =
      !descr.empty() && (descr[0] == '<' || descr[0] == '|' || descr[0] == '=');
  for (const Storage &storage : storages)
    if (isLittle && descr.substr(1) == storage.code)
      header.storage = &storage;
  if (!header.storage)
    return malformed("must have little-endian floats, integers or bools",
                     concat("type '", descr.substr(0, 32), "'"));
  return Status::ok();
}

Status HeaderParser::parseShape() {
  DLC_RETURN_IF_ERROR(expect('('));
  while (!take(')')) {
    int64_t dim = 0;
    size_t digits = 0;
    skipSpace();
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9';
         ++at, ++digits)
      if (__builtin_mul_overflow(dim, 10, &dim) ||
          __builtin_add_overflow(dim, text[at] - '0', &dim))
        return malformed("dims must fit 64 bits", "a larger one");
    if (digits == 0 || header.dims.size() == maxRank)
      return malformed("shape must be at most 16 whole numbers",
                       "something else");
    header.dims.push_back(dim);
    takeWord("L"); // Python 2's long integers
    if (!take(',')) {
      DLC_RETURN_IF_ERROR(expect(')'));
      break;
    }
  }
  return Status::ok();
}

Status HeaderParser::parseField(std::string_view key) {
  auto once = [&](bool &seen) {
    return std::exchange(seen, true)
               ? malformed("header must name each key once", key)
               : Status::ok();
  };
  if (key == "descr") {
    DLC_RETURN_IF_ERROR(once(hasType));
    return parseType();
  }
  if (key == "shape") {
    DLC_RETURN_IF_ERROR(once(hasShape));
    return parseShape();
  }
  if (key == "fortran_order") {
    DLC_RETURN_IF_ERROR(once(hasOrder));
    header.isFortran = takeWord("True");
    if (!header.isFortran && !takeWord("False"))
      return malformed("fortran_order must be True or False", "something else");
    return Status::ok();
  }
  return malformed("header must have the keys descr, fortran_order and shape",
                   concat("'", key.substr(0, 32), "'"));
}

Result<Header> HeaderParser::parse() {
  DLC_RETURN_IF_ERROR(expect('{'));
  while (!take('}')) {
    DLC_ASSIGN_OR_RETURN(std::string_view key, parseString());
    DLC_RETURN_IF_ERROR(expect(':'));
    DLC_RETURN_IF_ERROR(parseField(key));
    if (!take(',')) {
      DLC_RETURN_IF_ERROR(expect('}'));
      break;
    }
  }
  skipSpace();
  if (at != text.size() || !hasType || !hasOrder || !hasShape)
    return malformed("header must be one dict with descr, fortran_order and "
                     "shape",
                     "something else");
  return header;
}

Result<Header> readHeader(const ReadBytes &read, uint64_t &available) {
  auto get = [&](void *to, uint64_t bytes) -> Status {
    if (bytes > available)
      return malformed(concat("must have ", bytes, " more bytes"),
                       concat(available));
    available -= bytes;
    return read({static_cast<std::byte *>(to), bytes});
  };
  unsigned char start[8];
  DLC_RETURN_IF_ERROR(get(start, sizeof(start)));
  if (std::memcmp(start, "\x93NUMPY", 6) != 0)
    return malformed("must start with NumPy's mark", "other bytes");
  if (start[6] < 1 || start[6] > 3)
    return malformed("must have format version 1, 2 or 3",
                     concat(int(start[6])));
  unsigned char lengthBytes[4] = {};
  DLC_RETURN_IF_ERROR(get(lengthBytes, start[6] == 1 ? 2 : 4));
  uint64_t length = lengthBytes[0] | lengthBytes[1] << 8 |
                    lengthBytes[2] << 16 | uint64_t(lengthBytes[3]) << 24;
  if (length > maxHeaderBytes)
    return malformed(
        concat("header must have at most ", maxHeaderBytes, " bytes"),
        concat(length));
  std::string text(length, '\0');
  DLC_RETURN_IF_ERROR(get(text.data(), length));
  return HeaderParser(text).parse();
}

template <typename From, typename To>
Status widen(std::span<const std::byte> from, Tensor &tensor) {
  std::span<To> to = tensor.as<To>();
  for (size_t i = 0; i < to.size(); ++i) {
    From value;
    std::memcpy(&value, from.data() + i * sizeof(From), sizeof(From));
    if (value > static_cast<uint64_t>(std::numeric_limits<To>::max()))
      return malformed("must have values that fit i64", concat(value));
    to[i] = static_cast<To>(value);
  }
  return Status::ok();
}

/// Column-major to row-major, in place of the tensor's data.
void transposeFromFortran(Tensor &tensor) {
  size_t rank = tensor.dims.size();
  if (rank < 2 || tensor.data.empty())
    return;
  uint64_t width = dtypeBytes(tensor.dtype);
  std::vector<std::byte> result(tensor.data.size());
  std::vector<int64_t> index(rank, 0);
  std::vector<uint64_t> strides(rank);
  uint64_t stride = width;
  for (size_t i = 0; i < rank; ++i) {
    strides[i] = stride;
    stride *= static_cast<uint64_t>(tensor.dims[i]);
  }
  uint64_t from = 0;
  for (uint64_t to = 0; to < result.size(); to += width) {
    std::memcpy(result.data() + to, tensor.data.data() + from, width);
    for (size_t i = rank; i-- > 0;) {
      from += strides[i];
      if (++index[i] < tensor.dims[i])
        break;
      from -= strides[i] * static_cast<uint64_t>(tensor.dims[i]);
      index[i] = 0;
    }
  }
  tensor.data = std::move(result);
}

} // namespace

Result<Tensor> readNpy(const ReadBytes &read, uint64_t available) {
  DLC_ASSIGN_OR_RETURN(Header header, readHeader(read, available));
  std::optional<int64_t> count = elementCount(header.dims);
  std::optional<uint64_t> stored;
  if (count)
    stored = checkedMul<uint64_t>(static_cast<uint64_t>(*count),
                                  header.storage->bytes);
  std::optional<uint64_t> bytes =
      tensorBytes(header.storage->dtype, header.dims);
  if (!stored || !bytes || *stored != available)
    return malformed(concat("of shape ", listOf(header.dims), " must have ",
                            stored ? concat(*stored) : "a countable number of",
                            " bytes of elements"),
                     concat(available));
  Tensor tensor;
  tensor.dtype = header.storage->dtype;
  tensor.dims = header.dims;
  tensor.data.resize(*bytes);
  if (!header.storage->isUnsigned) {
    DLC_RETURN_IF_ERROR(read(tensor.data));
  } else {
    std::vector<std::byte> raw(*stored);
    DLC_RETURN_IF_ERROR(read(raw));
    Status status =
        header.storage->bytes == 2   ? widen<uint16_t, int32_t>(raw, tensor)
        : header.storage->bytes == 4 ? widen<uint32_t, int64_t>(raw, tensor)
                                     : widen<uint64_t, int64_t>(raw, tensor);
    DLC_RETURN_IF_ERROR(std::move(status));
  }
  if (tensor.dtype == DType::I1)
    for (std::byte &b : tensor.data)
      b = b == std::byte{0} ? std::byte{0} : std::byte{1};
  if (header.isFortran)
    transposeFromFortran(tensor);
  return tensor;
}

Result<Tensor> loadNpy(const std::string &path, uint64_t budget) {
  DLC_ASSIGN_OR_RETURN(std::string content, readWholeFile(path, budget));
  uint64_t position = 0;
  Result<Tensor> tensor = readNpy(
      [&](std::span<std::byte> to) {
        if (to.empty())
          return Status::ok();
        std::memcpy(to.data(), content.data() + position, to.size());
        position += to.size();
        return Status::ok();
      },
      content.size());
  if (!tensor.isOk())
    return std::move(tensor.status()).withContext(concat("'", path, "'"));
  return tensor;
}

Result<std::string> npyHeader(DType dtype, std::span<const int64_t> dims) {
  const Storage *storage = nullptr;
  for (const Storage &candidate : storages)
    if (candidate.dtype == dtype && !candidate.isUnsigned)
      storage = &candidate;
  if (!storage)
    return DLC_ERROR(Unsupported, "DLC5102",
                     "npy array must have a type that NumPy knows, but got ",
                     dtypeName(dtype));
  std::string shape;
  for (int64_t dim : dims)
    shape += concat(dim, ", ");
  if (dims.size() > 1)
    shape.resize(shape.size() - 2);
  else if (dims.size() == 1)
    shape.pop_back();
  std::string dict =
      concat("{'descr': '", storage->bytes == 1 ? '|' : '<', storage->code,
             "', 'fortran_order': False, "
             "'shape': (",
             shape, "), }");
  // Magic, version and length take 10 bytes; elements start at a multiple of
  // 64, after a newline.
  size_t total = alignUp(10 + dict.size() + 1, 64);
  dict.append(total - 10 - dict.size() - 1, ' ');
  dict += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dict.size() & 0xff);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

Status saveNpy(const std::string &path, const Tensor &tensor) {
  DLC_ASSIGN_OR_RETURN(std::string header,
                       npyHeader(tensor.dtype, tensor.dims));
  DLC_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  DLC_RETURN_IF_ERROR(file.write(header.data(), header.size()));
  DLC_RETURN_IF_ERROR(file.write(tensor.data.data(), tensor.data.size()));
  return file.commit();
}

} // namespace dlc::rt
