// Data files: what is written is read, NumPy's own variants are understood,
// and hostile files are refused before memory is taken for them.

#include "runtime/core/AtomicFile.h"
#include "runtime/data/Npy.h"
#include "runtime/data/TensorMap.h"
#include "tests/unit/runtime/TestUtil.h"

#include <fstream>
#include <zip.h>

using namespace dlc::rt;
using namespace dlc::rt::test;

namespace {

void writeText(const std::string &path, const std::string &text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string readText(const std::string &path) {
  return readWholeFile(path, 1 << 26).value();
}

Tensor counting(DType dtype, std::vector<int64_t> dims) {
  Tensor tensor = Tensor::zeros(dtype, std::move(dims));
  for (size_t i = 0; i < tensor.data.size(); ++i)
    tensor.data[i] = std::byte(dtype == DType::I1 ? i % 2 : i * 7);
  return tensor;
}

void expectSame(const TensorMap &got, const TensorMap &want) {
  ASSERT_EQ(got.size(), want.size());
  for (auto &[name, tensor] : want) {
    ASSERT_TRUE(got.contains(name)) << name;
    const Tensor &other = got.find(name)->second;
    EXPECT_EQ(other.dtype, tensor.dtype) << name;
    EXPECT_EQ(other.dims, tensor.dims) << name;
    EXPECT_EQ(other.data, tensor.data) << name;
  }
}

TensorMap sample(bool isNumpy) {
  TensorMap map;
  for (int i = 0; i < dtypeCount; ++i) {
    auto type = static_cast<DType>(i);
    bool isKnown =
        type != DType::BF16 && type != DType::F8E4M3FN && type != DType::F8E5M2;
    if (!isNumpy || isKnown)
      map[concat("blocks.0/", dtypeName(type))] = counting(type, {3, 5});
  }
  map["scalar"] = counting(DType::F32, {});
  map["vector"] = counting(DType::F64, {7});
  map["empty"] = counting(DType::F32, {0, 4});
  map["na\"me \\ \n"] = counting(DType::I64, {2, 1, 2});
  return map;
}

TEST(DataTest, SaveAndLoad_EveryFormat_RoundTrips) {
  TemporaryFolder folder;
  for (std::string ending : {".npz", ".safetensors"}) {
    TensorMap map = sample(ending == ".npz");
    ASSERT_OK(saveTensors(folder / ("t" + ending), map));
    auto loaded = loadTensors(folder / ("t" + ending));
    ASSERT_RESULT(loaded);
    expectSame(*loaded, map);
  }
  TensorMap one;
  one["data"] = counting(DType::F32, {4, 2});
  ASSERT_OK(saveTensors(folder / "t.npy", one));
  auto loaded = loadTensors(folder / "t.npy");
  ASSERT_RESULT(loaded);
  expectSame(*loaded, one);
  EXPECT_EQ(loadTensors(folder / "t.csv").status().id(), "DLC5100");
  EXPECT_EQ(loadTensors(folder / "none.npz").status().id(), "DLC5101");
  EXPECT_EQ(loadTensors(folder / "none.npy").status().id(), "DLC5101");
  EXPECT_EQ(loadTensors(folder / "t.npy", 10).status().id(), "DLC5101");
  EXPECT_EQ(saveTensors(folder / "no/t.npz", one).id(), "DLC5110");
}

std::string npyFile(const std::string &dict, const std::string &data,
                    char major = 1) {
  std::string file("\x93NUMPY", 6);
  file += major;
  file += '\0';
  file += char(dict.size() & 0xff);
  file += char(dict.size() >> 8);
  if (major > 1)
    file += std::string(2, '\0');
  return file + dict + data;
}

Result<TensorMap> loadNpyText(const std::string &text) {
  TemporaryFolder folder;
  writeText(folder / "a.npy", text);
  return loadTensors(folder / "a.npy");
}

TEST(NpyTest, Load_ColumnMajor_IsTurned) {
  std::string data;
  for (float v : {1.0f, 4.0f, 2.0f, 5.0f, 3.0f, 6.0f})
    data.append(reinterpret_cast<const char *>(&v), 4);
  auto loaded = loadNpyText(npyFile(
      "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", data, 3));
  ASSERT_RESULT(loaded);
  auto values = loaded->at("data").as<float>();
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(values[size_t(i)], float(i + 1));
}

TEST(NpyTest, Load_UnsignedTypes_WidenOrRefuse) {
  auto loaded = loadNpyText(
      npyFile("{'descr': '<u2', 'fortran_order': False, 'shape': (2,), }",
              std::string("\xff\xff\x01\x00", 4)));
  ASSERT_RESULT(loaded);
  EXPECT_EQ(loaded->at("data").dtype, DType::I32);
  EXPECT_EQ(loaded->at("data").as<int32_t>()[0], 65535);
  EXPECT_EQ(loadNpyText(npyFile("{'descr': '<u8', 'fortran_order': False, "
                                "'shape': (1,), }",
                                std::string(8, '\xff')))
                .status()
                .id(),
            "DLC5102");
}

TEST(NpyTest, Load_HostileFiles_AreRefused) {
  std::string ok = "'descr': '<f4', 'fortran_order': False, ";
  std::string four(4, '\0');
  for (std::string file :
       {std::string(),
        std::string("\x93NUMP"),
        std::string("PNG") + four,
        npyFile("{" + ok + "'shape': (1,)}", ""),
        npyFile("{" + ok + "'shape': (1,)}", four + "x"),
        npyFile("{" + ok + "'shape': (-1,)}", four),
        npyFile("{" + ok + "'shape': (4611686018427387904,4,)}", ""),
        npyFile("{" + ok + "'shape': (99999999999999999999,)}", ""),
        npyFile("{" + ok + "'shape': (1,)", four),
        npyFile("{" + ok + "'shape': (1,)} x", four),
        npyFile("{" + ok + ok + "'shape': (1,)}", four),
        npyFile("{" + ok + "}", four),
        npyFile("{" + ok + "'shape': (1,), 'x': 1}", four),
        npyFile("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}",
                four),
        npyFile("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", four),
        npyFile("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': "
                "(1,)}",
                four),
        npyFile("{" + ok + "'shape': (1,)}", four, 9),
        npyFile("{" + ok + "'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,)}",
                four),
        npyFile("", ""),
        npyFile("{'descr': '<f4", "")})
    EXPECT_EQ(loadNpyText(file).status().id(), "DLC5102");
}

TEST(NpzTest, Load_Deflated_IsRead) {
  TemporaryFolder folder;
  TensorMap map;
  map["x"] = counting(DType::F32, {50, 20});
  std::string header = npyHeader(DType::F32, map["x"].dims).value();
  std::string member = header;
  member.append(reinterpret_cast<const char *>(map["x"].data.data()),
                map["x"].data.size());
  std::string path = folder / "d.npz";
  zip_t *archive = zip_open(path.c_str(), ZIP_CREATE, nullptr);
  zip_source_t *source =
      zip_source_buffer(archive, member.data(), member.size(), 0);
  zip_int64_t index = zip_file_add(archive, "x.npy", source, 0);
  zip_set_file_compression(archive, zip_uint64_t(index), ZIP_CM_DEFLATE, 9);
  ASSERT_EQ(zip_close(archive), 0);
  auto loaded = loadTensors(path);
  ASSERT_RESULT(loaded);
  expectSame(*loaded, map);
}

TEST(NpzTest, Load_Bomb_IsRefusedByRatioAndBudget) {
  TemporaryFolder folder;
  TensorMap map;
  map["x"] = Tensor::zeros(DType::I8, {4 << 20});
  std::string path = folder / "bomb.npz";
  std::string member =
      npyHeader(DType::I8, map["x"].dims).value() + std::string(4 << 20, '\0');
  zip_t *archive = zip_open(path.c_str(), ZIP_CREATE, nullptr);
  zip_source_t *source =
      zip_source_buffer(archive, member.data(), member.size(), 0);
  zip_int64_t index = zip_file_add(archive, "x.npy", source, 0);
  zip_set_file_compression(archive, zip_uint64_t(index), ZIP_CM_DEFLATE, 9);
  ASSERT_EQ(zip_close(archive), 0);
  EXPECT_EQ(loadTensors(path).status().id(), "DLC5104");
  ASSERT_OK(saveTensors(path, map));
  ASSERT_RESULT(loadTensors(path));
  EXPECT_EQ(loadTensors(path, 1 << 20).status().id(), "DLC5104");
}

TEST(NpzTest, Load_CutOrFlipped_NeverCrashes) {
  TemporaryFolder folder;
  TensorMap map;
  map["x"] = counting(DType::F32, {3, 5});
  map["y"] = counting(DType::I64, {4});
  std::string path = folder / "t.npz", broken = folder / "b.npz";
  ASSERT_OK(saveTensors(path, map));
  std::string good = readText(path);
  for (size_t length = 0; length < good.size(); ++length) {
    writeText(broken, good.substr(0, length));
    EXPECT_FALSE(loadTensors(broken).isOk()) << length;
  }
  std::mt19937 random(3);
  for (int i = 0; i < 500; ++i) {
    std::string file = good;
    file[random() % file.size()] ^= char(1 + random() % 255);
    writeText(broken, file);
    (void)loadTensors(broken);
  }
}

std::string safetensorsFile(const std::string &header,
                            const std::string &data) {
  std::string file;
  for (int i = 0; i < 8; ++i)
    file += char(header.size() >> 8 * i);
  return file + header + data;
}

Result<TensorMap> loadSafetensorsText(const std::string &text) {
  TemporaryFolder folder;
  writeText(folder / "a.safetensors", text);
  return loadTensors(folder / "a.safetensors");
}

TEST(SafetensorsTest, Load_OrderAndMetadata_AreFree) {
  auto loaded = loadSafetensorsText(safetensorsFile(
      R"({"__metadata__":{"format":"pt"}, "b":{"data_offsets":[4,8],)"
      R"("shape":[2,2],"dtype":"U8"},"\u0061\ud83d\ude00":{"dtype":"F32",)"
      R"("shape":[],"data_offsets":[0,4]}}  )",
      std::string(8, '\1')));
  ASSERT_RESULT(loaded);
  EXPECT_EQ(loaded->size(), 2u);
  EXPECT_TRUE(loaded->contains("a\xf0\x9f\x98\x80"));
  EXPECT_EQ(loaded->at("b").dims, (std::vector<int64_t>{2, 2}));
}

TEST(SafetensorsTest, Load_HostileHeaders_AreRefused) {
  std::string four(4, '\0'), eight(8, '\0');
  auto entry = [](std::string name, std::string rest) {
    return "\"" + name + "\":{\"dtype\":\"F32\"," + rest + "}";
  };
  std::string x = entry("x", R"("shape":[1],"data_offsets":[0,4])");
  for (std::string file :
       {std::string("short"), std::string(8, '\xff'),
        safetensorsFile("{" + x + "}", four).substr(0, 20),
        safetensorsFile("{" + x + "," + x + "}", four),
        safetensorsFile("{" + x + "} {}", four), safetensorsFile("{" + x, four),
        safetensorsFile("[" + x + "]", four),
        safetensorsFile("{" + entry("x", R"("shape":[1])") + "}", four),
        safetensorsFile(
            "{" + entry("x", R"("shape":[-1],"data_offsets":[0,4])") + "}",
            four),
        safetensorsFile(
            "{" + entry("x", R"("shape":[1.0],"data_offsets":[0,4])") + "}",
            four),
        safetensorsFile(
            "{" + entry("x", R"("shape":[1],"data_offsets":[0,4,8])") + "}",
            four),
        safetensorsFile("{" +
                            entry("x", R"("shape":[1],"shape":[1],)"
                                       R"("data_offsets":[0,4])") +
                            "}",
                        four),
        safetensorsFile(R"({"x":{"dtype":"C64","shape":[1],)"
                        R"("data_offsets":[0,8]}})",
                        eight),
        safetensorsFile(R"({"x\ud800":{"dtype":"F32","shape":[1],)"
                        R"("data_offsets":[0,4]}})",
                        four),
        safetensorsFile(R"({"__metadata__":{"a":"1","a":"2"}})", ""),
        safetensorsFile(R"({"__metadata__":{"a":{"b":"c"}}})", "")})
    EXPECT_EQ(loadSafetensorsText(file).status().id(), "DLC5105");
  for (std::string file :
       {safetensorsFile("{" + x + "}", eight), // a rest
        safetensorsFile("{" + x + "}", "ab"),
        safetensorsFile(
            "{" + entry("x", R"("shape":[1],"data_offsets":[4,8])") + "}",
            eight), // a gap
        safetensorsFile("{" + x + "," +
                            entry("y", R"("shape":[2],"data_offsets":[0,8])") +
                            "}",
                        eight), // an overlap
        safetensorsFile(
            "{" + entry("x", R"("shape":[2],"data_offsets":[0,4])") + "}",
            four),
        safetensorsFile(
            "{" + entry("x", R"("shape":[1],"data_offsets":[4,0])") + "}",
            four),
        safetensorsFile("{" +
                            entry("x", R"("shape":[4611686018427387904,8],)"
                                       R"("data_offsets":[0,4])") +
                            "}",
                        four)})
    EXPECT_EQ(loadSafetensorsText(file).status().id(), "DLC5106");
}

TEST(SafetensorsTest, Load_CutOrFlipped_NeverCrashes) {
  TemporaryFolder folder;
  std::string path = folder / "t.safetensors",
              broken = folder / "b.safetensors";
  ASSERT_OK(saveTensors(path, sample(false)));
  std::string good = readText(path);
  for (size_t length = 0; length < good.size(); length += 3) {
    writeText(broken, good.substr(0, length));
    EXPECT_FALSE(loadTensors(broken).isOk()) << length;
  }
  std::mt19937 random(5);
  for (int i = 0; i < 500; ++i) {
    std::string file = good;
    file[random() % 600] ^= char(1 + random() % 255);
    writeText(broken, file);
    (void)loadTensors(broken);
  }
}

} // namespace
