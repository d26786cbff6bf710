#include "runtime/data/Npz.h"

#include "runtime/core/AtomicFile.h"
#include "runtime/data/Npy.h"

#include <memory>
#include <zip.h>
#include <zlib.h>

namespace dlc::rt {

namespace {

/// Most that a member may grow when unpacked.
constexpr uint64_t maxRatio = 200;
constexpr uint64_t ratioSlack = uint64_t(1) << 20;
constexpr int64_t maxMembers = 1000000;

struct CloseArchive {
  void operator()(zip_t *archive) const { zip_discard(archive); }
};
struct CloseMember {
  void operator()(zip_file_t *member) const { zip_fclose(member); }
};

Status damaged(const std::string &path, std::string_view got) {
  return DLC_ERROR(Corrupt, "DLC5103", "'", path,
                   "' must be a readable npz archive, but got ", got);
}

Result<Tensor> readMember(zip_t *archive, uint64_t index, uint64_t size) {
  std::unique_ptr<zip_file_t, CloseMember> member(
      zip_fopen_index(archive, index, 0));
  if (!member)
    return DLC_ERROR(Corrupt, "DLC5103",
                     "member must be stored or deflated, but got '",
                     zip_strerror(archive), "'");
  auto read = [&](std::span<std::byte> to) -> Status {
    size_t done = 0;
    while (done < to.size()) {
      zip_int64_t n =
          zip_fread(member.get(), to.data() + done, to.size() - done);
      if (n <= 0)
        return DLC_ERROR(Corrupt, "DLC5103", "member must have ", to.size(),
                         " more bytes that match its checksum, but got ", done);
      done += static_cast<size_t>(n);
    }
    return Status::ok();
  };
  DLC_ASSIGN_OR_RETURN(Tensor tensor, readNpy(read, size));
  // The checksum is compared when a read finds the end of the member.
  char extra;
  if (zip_fread(member.get(), &extra, 1) != 0)
    return DLC_ERROR(Corrupt, "DLC5103",
                     "member must end after its array and "
                     "match its checksum, but got other bytes");
  return tensor;
}

} // namespace

Result<TensorMap> loadNpz(const std::string &path, uint64_t budget) {
  int error = 0;
  std::unique_ptr<zip_t, CloseArchive> archive(
      zip_open(path.c_str(), ZIP_RDONLY, &error));
  if (!archive) {
    if (error == ZIP_ER_NOENT || error == ZIP_ER_OPEN)
      return DLC_ERROR(NotFound, "DLC5101", "file '", path,
                       "' must be readable, but got no such file");
    return damaged(path, concat("zip error ", error));
  }
  zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  if (count > maxMembers)
    return damaged(path, concat(count, " members"));
  TensorMap tensors;
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t info;
    constexpr zip_uint64_t needed =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
    if (zip_stat_index(archive.get(), static_cast<zip_uint64_t>(i), 0, &info) !=
            0 ||
        (info.valid & needed) != needed)
      return damaged(path, concat("an unreadable member ", i));
    std::string name = info.name;
    if (name.ends_with(".npy"))
      name.resize(name.size() - 4);
    std::string where = concat("'", path, "': member '", name, "'");
    std::optional<uint64_t> limit =
        checkedMul<uint64_t>(info.comp_size, maxRatio);
    if (limit)
      limit = checkedAdd<uint64_t>(*limit, ratioSlack);
    if (info.size > budget || (limit && info.size > *limit))
      return DLC_ERROR(Corrupt, "DLC5104", where,
                       " must unpack to at most 200 times its ", info.comp_size,
                       " bytes and to the budget of ", budget, ", but got ",
                       info.size);
    budget -= info.size;
    Result<Tensor> tensor =
        readMember(archive.get(), static_cast<zip_uint64_t>(i), info.size);
    if (!tensor.isOk())
      return std::move(tensor.status()).withContext(where);
    if (!tensors.emplace(name, std::move(tensor.value())).second)
      return damaged(path, concat("two members called '", name, "'"));
  }
  return tensors;
}

namespace {

/// Little-endian fields of a zip record.
class Record {
public:
  Record &u16(uint64_t v) { return put(v, 2); }
  Record &u32(uint64_t v) { return put(v, 4); }
  Record &u64(uint64_t v) { return put(v, 8); }
  Record &text(const std::string &s) {
    bytes += s;
    return *this;
  }
  const std::string &str() const { return bytes; }

private:
  Record &put(uint64_t v, int count) {
    for (int i = 0; i < count; ++i, v >>= 8)
      bytes += static_cast<char>(v & 0xff);
    return *this;
  }
  std::string bytes;
};

struct Member {
  std::string name, header;
  const Tensor *tensor;
  uint64_t size, offset;
  uint32_t crc;
};

constexpr uint32_t unknown32 = 0xffffffff;
constexpr uint64_t zip64Version = 45, unixEpoch = 0x0021; // 1980-01-01

uint32_t checksum(uint32_t crc, const void *data, uint64_t bytes) {
  auto *p = static_cast<const Bytef *>(data);
  while (bytes != 0) {
    auto part = static_cast<uInt>(std::min<uint64_t>(bytes, 1u << 30));
    crc = static_cast<uint32_t>(crc32(crc, p, part));
    p += part;
    bytes -= part;
  }
  return crc;
}

/// The fields that a member's two records share, from version to extra length.
Record &common(Record &record, const Member &member, uint64_t extraBytes) {
  return record.u16(zip64Version)
      .u16(0x0800) // the name is UTF-8
      .u16(0)      // stored
      .u16(0)
      .u16(unixEpoch)
      .u32(member.crc)
      .u32(unknown32)
      .u32(unknown32)
      .u16(member.name.size())
      .u16(extraBytes);
}

std::string localRecord(const Member &member) {
  Record record;
  common(record.u32(0x04034b50), member, 20).text(member.name);
  return record.u16(1).u16(16).u64(member.size).u64(member.size).str();
}

std::string directoryRecord(const Member &member) {
  Record record;
  common(record.u32(0x02014b50).u16(zip64Version), member, 28)
      .u16(0)
      .u16(0)
      .u16(0)
      .u32(0)
      .u32(unknown32)
      .text(member.name);
  return record.u16(1)
      .u16(24)
      .u64(member.size)
      .u64(member.size)
      .u64(member.offset)
      .str();
}

std::string endRecords(uint64_t count, uint64_t offset, uint64_t bytes) {
  return Record()
      .u32(0x06064b50)
      .u64(44)
      .u16(zip64Version)
      .u16(zip64Version)
      .u32(0)
      .u32(0)
      .u64(count)
      .u64(count)
      .u64(bytes)
      .u64(offset)
      .u32(0x07064b50)
      .u32(0)
      .u64(offset + bytes)
      .u32(1)
      .u32(0x06054b50)
      .u16(0)
      .u16(0)
      .u16(0xffff)
      .u16(0xffff)
      .u32(unknown32)
      .u32(unknown32)
      .u16(0)
      .str();
}

} // namespace

// Stored members need no library: the records are written straight, in their
// 64-bit form, so that the tensors are never copied.
Status saveNpz(const std::string &path, const TensorMap &tensors) {
  DLC_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  uint64_t position = 0;
  auto write = [&](const void *data, uint64_t bytes) {
    position += bytes;
    return file.write(data, bytes);
  };
  std::string directory;
  for (const auto &[name, tensor] : tensors) {
    Result<std::string> header = npyHeader(tensor.dtype, tensor.dims);
    if (!header.isOk())
      return std::move(header.status()).withContext(concat("'", name, "'"));
    Member member{name + ".npy", header.value(), &tensor, 0, position, 0};
    if (member.name.size() > 0xffff)
      return DLC_ERROR(InvalidArgument, "DLC5103",
                       "member name must have at "
                       "most 65535 bytes, but got ",
                       member.name.size());
    member.size = member.header.size() + tensor.data.size();
    member.crc = checksum(0, member.header.data(), member.header.size());
    member.crc = checksum(member.crc, tensor.data.data(), tensor.data.size());
    std::string record = localRecord(member);
    DLC_RETURN_IF_ERROR(write(record.data(), record.size()));
    DLC_RETURN_IF_ERROR(write(member.header.data(), member.header.size()));
    DLC_RETURN_IF_ERROR(write(tensor.data.data(), tensor.data.size()));
    directory += directoryRecord(member);
  }
  std::string end = endRecords(tensors.size(), position, directory.size());
  DLC_RETURN_IF_ERROR(write(directory.data(), directory.size()));
  DLC_RETURN_IF_ERROR(write(end.data(), end.size()));
  return file.commit();
}

} // namespace dlc::rt
