// Older copies of documents whose chunks have names that the policy took away once nothing had them
// any more: that they keep a backup from being restored, stay where no policy can be changed for
// their sake, or are seen by the order of levels of then.
#include "tests/engine/restoring.h"

namespace cordon {
namespace {

class RestoringNames : public Restoring {
 protected:
  void Apply(const std::string& policy) {
    Do<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(ApplyPolicy, policy);
  }
  // A document with one chunk, which has a list or a label of its own.
  void IngestNarrowed(const std::string& id, const std::string& of_document,
                      const std::string& of_chunk) {
    Do<IngestedBatch, v1::IngestRequest>(
        IngestDocuments, "collection: 'docs' documents { id: '" + id + "' " + of_document +
                             " chunks { text: 't' embedding: [1, 2, 3, 4] " + of_chunk + " } }");
  }
  // Backs up `a` and `b` as they are, and takes away what only the older `a` has names of.
  void RestoreAfter(const std::string& policy) {
    ASSERT_TRUE(engine_->Backup(0).ok());
    Ingest("a");
    Apply(policy);
    Restore("restored");
    EXPECT_FALSE(Sees("a"));
    EXPECT_TRUE(Sees("b"));
  }
  void Clear(const std::string& user, const std::string& level) {
    Do<v1::ApplyDirectoryResponse, v1::ApplyDirectoryRequest>(
        ApplyDirectory, "principals { name: '" + user + "' clearance { level: '" + level + "' } }");
  }
};

TEST_F(RestoringNames, ANameOfAnOlderLabelRefusesEveryRestore) {
  Apply("tags { names: 'draft' names: 'kept' }");
  IngestNarrowed("a", "", "label { level: 'public' tags: 'draft' }");
  IngestNarrowed("b", "", "label { level: 'public' tags: 'kept' }");
  RestoreAfter("tags { names: 'kept' }");
  Apply("levels { names: 'public' names: 'secret' }");
  Restore("again", 1);
  EXPECT_FALSE(Sees("a"));
  EXPECT_TRUE(Sees("b"));
}

TEST_F(RestoringNames, AContainerOfAnOlderListRefusesEveryPolicy) {
  Apply("containers { container { name: 'folder:/x' acl { allow { principal: 'everyone' } } } }");
  IngestNarrowed("a", "", "acl { inherit: 'folder:/x' }");
  IngestNarrowed("b", "", "acl { allow { principal: 'user:a' } }");
  RestoreAfter("containers { container { name: 'folder:/x' } remove: true }");
  Apply("tags { names: 'new' }");
}

// The level goes, and comes again in another place.
TEST_F(RestoringNames, AnOlderChunkHasTheLevelThatWasTheHigherOne) {
  Apply("levels { names: 'public' names: 'low' names: 'high' }");
  IngestNarrowed("a", "label { level: 'low' }", "label { level: 'high' }");
  ASSERT_TRUE(engine_->Backup(0).ok());
  Ingest("a", "label { level: 'low' }");
  Apply("levels { names: 'public' names: 'low' }");
  Apply("levels { names: 'public' names: 'high' names: 'low' }");
  Clear("user:a", "low");
  Clear("user:b", "high");
  Restore("restored");
  EXPECT_TRUE(Sees("a"));
  EXPECT_FALSE(Sees("a", "user:b")) << "the chunk is as open as its own label";
}

}  // namespace
}  // namespace cordon
