// What a second embedding space could keep of what was erased, or bring back with a backup.
#include "engine/embed/builtin.h"
#include "engine/store/embedding_spaces.h"
#include "tests/engine/erasing.h"

namespace cordon {
namespace {

class ErasingInSpaces : public Erasing {
 protected:
  void Drop(const std::string& model) {
    Do<v1::DropEmbeddingResponse, v1::DropEmbeddingRequest>(
        DropEmbedding, "collection: 'docs' model: '" + model + "'");
  }
  void WaitUntilWhole() {
    ASSERT_TRUE(WaitUntil([&] {
      const auto docs = Docs();
      return docs->stale == 0 && (!docs->other || docs->other->documents == docs->documents);
    }));
  }
  // The bytes of a text's vector in the second space.
  static std::string SecondVector(const std::string& text) {
    const std::vector<float> vector = BuiltinEmbedder(64).Embed(text);
    std::string bytes(vector.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), vector.data(), bytes.size());
    return bytes;
  }
  bool Holds(const std::string& needle) {
    const auto verdict = VerifyErased(paths(), {needle});
    EXPECT_TRUE(verdict.ok()) << verdict.status().ToString();
    return !verdict.ok() || !verdict->found.empty();
  }
};

TEST_F(ErasingInSpaces, ASecondVectorIsLeftInAFile) {
  Ingest("doc/secret", kSecret, kText);
  Ingest("doc/other", "", "something else");
  BeginSpace();
  WaitUntilWhole();
  engine_.reset();
  ASSERT_TRUE(Holds(SecondVector(kText))) << "the search finds nothing at all";
  Open();
  EXPECT_EQ(EraseAll("subject: 'person:123'"), 1u);
  SwitchSpace();
  engine_.reset();
  EXPECT_FALSE(Holds(SecondVector(kText)));
  EXPECT_TRUE(Holds(SecondVector("something else")));
  EXPECT_TRUE(VerifyStore(paths())->ok());
}

TEST_F(ErasingInSpaces, AVectorOfADroppedSpaceIsLeftAfterAnErasure) {
  Ingest("doc/secret", kSecret, kText);
  BeginSpace();
  WaitUntilWhole();
  Drop("new");
  EXPECT_EQ(EraseAll("document: 'doc/secret'"), 1u);
  WaitUntilWhole();
  engine_.reset();
  EXPECT_FALSE(Holds(SecondVector(kText)));
  EXPECT_TRUE(VerifyStore(paths())->ok());
}

// The vectors that came later are not in it.
TEST_F(ErasingInSpaces, ARestoredStoreSearchesASpaceThatItLacks) {
  Ingest("doc/secret", kSecret, kText);
  Ingest("doc/other");
  ASSERT_TRUE(engine_->Backup(0).ok());
  BeginSpace();
  WaitUntilWhole();
  SwitchSpace();
  EXPECT_EQ(EraseAll("document: 'doc/secret'"), 1u);
  Drop("");
  WaitUntilWhole();
  Restore("restored");
  EXPECT_FALSE(Docs()->other.has_value());
  EXPECT_EQ(Docs()->space, Docs()->id);
  EXPECT_EQ(Docs()->config.dimension(), 4u);
  EXPECT_FALSE(Sees("doc/secret"));
  EXPECT_TRUE(Sees("doc/other"));
  // And may change it again.
  BeginSpace();
  WaitUntilWhole();
  SwitchSpace();
  EXPECT_TRUE(Sees("doc/other"));
}

TEST_F(ErasingInSpaces, ABackupInTheMiddleForgetsWhatWasEmbedded) {
  Ingest("doc/other");
  BeginSpace();
  WaitUntilWhole();
  ASSERT_TRUE(engine_->Backup(0).ok());
  SwitchSpace();
  Restore("restored");
  EXPECT_EQ(Docs()->config.dimension(), 4u);
  ASSERT_TRUE(Docs()->other.has_value());
  EXPECT_EQ(Docs()->other->documents, 1u);
  SwitchSpace();
  EXPECT_TRUE(Sees("doc/other"));
}

}  // namespace
}  // namespace cordon
