// Verifications without a server that call whole what a start refuses, or pass over a file.
#include <algorithm>
#include <fstream>

#include "tests/engine/erasing.h"

namespace cordon {
namespace {

// What a verification of the store names; "" if it calls it whole.
std::string Named(const DataPaths& paths) {
  const auto verdict = VerifyStore(paths);
  if (!verdict.ok()) return verdict.status().ToString();
  if (verdict->ok()) return "";
  return verdict->damage.back().where + ": " + verdict->damage.back().what;
}

TEST_F(Erasing, AStoreThatLostChangesIsCalledWhole) {
  Ingest("a");
  engine_.reset();
  const std::string store = paths().Store(), older = scratch_ / "older";
  fs::copy(store, older, fs::copy_options::recursive);
  Open();
  Ingest("b");
  engine_.reset();
  ASSERT_EQ(Named(paths()), "");
  fs::remove_all(store);
  fs::rename(older, store);
  EXPECT_NE(Named(paths()).find("acknowledged changes are lost"), std::string::npos);
  EXPECT_EQ(Engine::Open(Options(paths())).status().code(), StatusCode::kDataLoss);
  Open("data", 2);
  engine_.reset();
  EXPECT_EQ(Named(paths()), "") << "the loss is accepted";
}

// RocksDB drops what is behind the damage, and opens.
TEST_F(Erasing, ALogThatIsDamagedIsCalledWhole) {
  Ingest("a");
  Open();
  for (int i = 0; i < 20; ++i) Ingest("b" + std::to_string(i));
  engine_.reset();
  ASSERT_EQ(Named(paths()), "");
  size_t damaged = 0;
  for (const auto& entry : fs::directory_iterator(paths().Store())) {
    if (entry.path().extension() != ".log" || entry.file_size() < 4096) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(entry.file_size() / 2));
    file << "damage";
    ++damaged;
  }
  ASSERT_GT(damaged, 0u) << "the test shows nothing";
  EXPECT_NE(Named(paths()), "");
  EXPECT_FALSE(Engine::Open(Options(paths())).ok());
}

// Whatever is in it: that no centroid is a row is its training's to see to.
TEST_F(Erasing, AGeometryIsNotSearched) {
  engine_.reset();
  fs::create_directories(paths().Index());
  {
    const auto keys = OpenKeys(paths());
    ASSERT_TRUE(keys.ok());
    const auto sealed =
        Vault(keys->get()).SealFor("geometry default.1", "centroids " + Needles()[1]);
    ASSERT_TRUE(sealed.ok());
    std::ofstream(paths().Index() + "/default.1.geometry", std::ios::binary) << *sealed;
  }
  const auto found = Search().found;
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].file.ends_with("default.1.geometry"));
  EXPECT_NE(found[0].where.find("decrypted"), std::string::npos);
  std::ofstream(paths().Index() + "/default.1.geometry", std::ios::app) << "damage";
  EXPECT_EQ(VerifyErased(paths(), Needles()).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace cordon
