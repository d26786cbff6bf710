#include "tools/model/CompileCache.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

using dlc::tools::CompileCache;
namespace fs = std::filesystem;

namespace {

class CompileCacheTest : public testing::Test {
protected:
  void SetUp() override {
    // Tests run side by side.
    folder = fs::path(testing::TempDir()) /
             (std::string("compile_cache_") + testing::UnitTest::GetInstance()
                                                  ->current_test_info()
                                                  ->name());
    fs::remove_all(folder);
    setenv("DLC_CACHE_DIR", (folder / "deeper").c_str(), 1);
  }
  void TearDown() override {
    unsetenv("DLC_CACHE_DIR");
    fs::remove_all(folder);
  }
  /// A file of `bytes` bytes in the cache, last used `age` hours ago.
  void put(const CompileCache &cache, const std::string &key, size_t bytes,
           int age) {
    std::string path = (folder / "artifact").string();
    std::ofstream(path) << std::string(bytes, 'x');
    cache.add(key, path);
    fs::last_write_time(cache.pathOf(key), fs::file_time_type::clock::now() -
                                               std::chrono::hours(age));
  }
  fs::path folder;
  std::string why;
};

TEST_F(CompileCacheTest, Open_WithoutAFolder_IsNone) {
  unsetenv("DLC_CACHE_DIR");
  EXPECT_FALSE(CompileCache::open(why));
  EXPECT_EQ(why, "");
}

TEST_F(CompileCacheTest, Open_MakesItsFolder) {
  EXPECT_TRUE(CompileCache::open(why));
  EXPECT_TRUE(fs::is_directory(folder / "deeper"));
}

TEST_F(CompileCacheTest, Open_OfAFile_SaysWhy) {
  fs::create_directories(folder);
  std::ofstream(folder / "deeper") << "a file";
  EXPECT_FALSE(CompileCache::open(why));
  EXPECT_NE(why.find("must be writable"), std::string::npos) << why;
}

TEST_F(CompileCacheTest, Key_TellsListsApart) {
  std::string key = CompileCache::keyOf({"ab", "c"}, {"x=1"});
  EXPECT_EQ(key.size(), 32u);
  EXPECT_EQ(key, CompileCache::keyOf({"ab", "c"}, {"x=1"}));
  EXPECT_NE(key, CompileCache::keyOf({"a", "bc"}, {"x=1"}));
  EXPECT_NE(key, CompileCache::keyOf({"ab", "c"}, {"x=2"}));
  EXPECT_NE(key, CompileCache::keyOf({"ab", "c", ""}, {"x=1"}));
}

TEST_F(CompileCacheTest, Add_ThenHas) {
  CompileCache cache = *CompileCache::open(why);
  EXPECT_FALSE(cache.has("k"));
  put(cache, "k", 10, 0);
  EXPECT_TRUE(cache.has("k"));
  EXPECT_EQ(fs::file_size(cache.pathOf("k")), 10u);
}

TEST_F(CompileCacheTest, Shrink_RemovesTheLongestUnused) {
  CompileCache cache = *CompileCache::open(why);
  put(cache, "new", 10, 1);
  put(cache, "old", 10, 3);
  put(cache, "used", 10, 9);
  EXPECT_TRUE(cache.has("used")); // used now
  cache.shrink("new", 25);
  EXPECT_TRUE(cache.has("new") && cache.has("used"));
  EXPECT_FALSE(cache.has("old"));
  // What was asked for stays, however large it is.
  cache.shrink("new", 1);
  EXPECT_TRUE(cache.has("new"));
  EXPECT_FALSE(cache.has("used"));
}

} // namespace
