// A journal directory of one test, and ways to write, read and damage it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/crypto/digest.h"
#include "engine/journal/journal.h"
#include "engine/journal/log_file.h"
#include "engine/journal/verify.h"

namespace cordon {

namespace fs = std::filesystem;

class ScratchJournal : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "cordon-journal-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    dir_ = root_ / "acme";
  }
  void TearDown() override { fs::remove_all(root_); }

  Journal::Options OptionsFor(const std::string& tenant) const {
    return {.dir = root_ / tenant, .tenant = tenant, .key = key_};
  }

  StatusOr<std::unique_ptr<Journal>> Open(std::optional<JournalAnchor> anchor = std::nullopt) {
    return Journal::Open(OptionsFor("acme"), anchor);
  }

  Verification Check(std::optional<JournalAnchor> anchor = std::nullopt) const {
    return Verify(dir_, "acme", key_, anchor);
  }

  static Journal::Record Retrieve(uint64_t i) {
    Journal::Record record;
    record.set_call("Retrieve");
    record.set_outcome("OK");
    record.set_key_id("k" + std::to_string(i));
    record.add_documents("doc-" + std::to_string(i));
    record.add_chunks(static_cast<uint32_t>(i));
    record.set_revision(i);
    return record;
  }

  static Journal::Record Mutation(uint64_t revision) {
    Journal::Record record;
    record.set_call("Ingest");
    record.set_outcome("OK");
    record.set_revision(revision);
    record.set_mutation(true);
    return record;
  }

  // Appends `count` records, each in a write of its own, and closes the journal. Returns where the
  // chain stood after each, [0] before the first.
  std::vector<JournalAnchor> Fill(size_t count, uint64_t file_bytes_max = 1 << 20,
                                  const std::string& tenant = "acme") {
    Journal::Options options = OptionsFor(tenant);
    options.file_bytes_max = file_bytes_max;
    auto journal = Journal::Open(options, std::nullopt);
    EXPECT_TRUE(journal.ok()) << journal.status().ToString();
    std::vector<JournalAnchor> anchors = {(*journal)->synced()};
    for (size_t i = 1; i <= count; ++i) {
      EXPECT_TRUE((*journal)->AppendBatch({Retrieve(i)}).ok());
      anchors.push_back((*journal)->synced());
    }
    return anchors;
  }

  static std::string Read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void Write(const fs::path& path, std::string_view content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  }
  fs::path File(uint32_t number) const { return dir_ / journal::LogFileName(number); }

  // The sizes of the first file after 0, 1, 2, … records, from the lengths in its frames.
  static std::vector<size_t> Ends(const std::string& bytes) {
    // Magic, version, number, sequence, MAC, length, "acme", MAC, CRC.
    size_t at = 8 + 4 + 4 + 8 + 32 + 4 + 4 + 32 + 4;
    std::vector<size_t> ends = {at};
    while (at < bytes.size()) {
      at += static_cast<uint8_t>(bytes[at]) + static_cast<uint8_t>(bytes[at + 1]) * 256 + 8 + 32;
      ends.push_back(at);
    }
    EXPECT_EQ(at, bytes.size());
    return ends;
  }

  fs::path root_;
  fs::path dir_;
  SecretKey key_{Sha256("the journal's key")};
};

}  // namespace cordon
