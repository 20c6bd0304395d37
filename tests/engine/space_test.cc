// Space on the disk that does not come back: of what was erased, and of what was only deleted.
#include "tests/engine/erasing.h"

namespace cordon {
namespace {

class Space : public Erasing {
 protected:
  // Bytes of the store's files.
  uintmax_t Used() const {
    uintmax_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(paths().Store())) {
      std::error_code gone;
      const auto size = entry.file_size(gone);
      if (!gone) bytes += size;
    }
    return bytes;
  }
  // A document of so many chunks of a kilobyte.
  void IngestChunks(const std::string& id, int chunks) {
    std::string document = "id: '" + id + "' ";
    for (int i = 0; i < chunks; ++i) {
      document += "chunks { ordinal: " + std::to_string(i) + " text: '" + std::string(1'000, 'x') +
                  "' embedding: [1, 2, 3, 4] } ";
    }
    Do<IngestedBatch, v1::IngestRequest>(IngestDocuments,
                                         "collection: 'docs' documents { " + document + "}");
  }
  // How many passages are answered, at most 10.
  int Passages() {
    const auto request = FromText<v1::RetrieveRequest>(
        "collection: 'docs' scope { as: 'user:a' } k: 10 vector: [1, 2, 3, 4]");
    const auto answer = Asked<v1::RetrieveResponse>(
        [&](auto done) { Retrieve(engine_->ReadAs(Anyone(), {}), request, done); });
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return answer.ok() ? answer->passages_size() : -1;
  }
};

TEST_F(Space, OfErasedDocumentsDoesNotComeBack) {
  const std::string text(50'000, 'x');
  for (int i = 0; i < 100; ++i) Ingest("d/" + std::to_string(i), "subjects: 'person:1'", text);
  const auto full = Used();
  EXPECT_GT(full, 5'000'000u);
  EXPECT_EQ(EraseAll("subject: 'person:1'"), 100u);
  EXPECT_LT(Used(), full / 4);
}

// Without a write after the deletions, which would bring them to the disk sooner or later.
TEST_F(Space, OfDeletedDocumentsComesBackWithLaterWritesOrStopsReads) {
  constexpr int kDocuments = 17, kChunks = 256;  // together just above kDeletionWindow
  for (int i = 0; i < kDocuments; ++i) IngestChunks("d/" + std::to_string(i), kChunks);
  IngestChunks("kept", 1);
  Open();  // what the log alone had is in table files now
  const auto full = Used();
  ASSERT_GT(full, 4'000'000u);
  for (int i = 0; i < kDocuments; ++i) {
    Do<v1::DeleteResponse, v1::DeleteRequest>(
        Delete, "collection: 'docs' document: 'd/" + std::to_string(i) + "'");
  }
  EXPECT_TRUE(WaitUntil([&] {
    EXPECT_EQ(Passages(), 1);
    return Used() < full / 4;
  }));
  EXPECT_TRUE(Sees("kept"));
  engine_.reset();
  const auto verified = VerifyStore(paths());
  ASSERT_TRUE(verified.ok()) << verified.status().ToString();
  EXPECT_TRUE(verified->ok());
  EXPECT_EQ(verified->chunks, 1u);
}

}  // namespace
}  // namespace cordon
