// Versions that the writers of documents number: an old one that replaces a later one, or whose
// coming is told by more than its place.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

using Places = std::vector<uint32_t>;

constexpr char kNone[] = "";
constexpr char kOpen[] = "acl { allow { principal: 'everyone' } } label { level: 'public' }";
constexpr char kForBob[] = "acl { allow { principal: 'user:bob' } } label { level: 'internal' }";

class DocumentVersions : public testing::Test {
 protected:
  DocumentVersions() { store_.Do(kDocs); }

  // One document of a batch; `version` is empty if it states none.
  static std::string One(const std::string& title, const std::string& version,
                         const std::string& access = kOpen) {
    return "documents { id: 'a' title: '" + title + "' " + access +
           (version.empty() ? "" : " version: " + version) +
           " chunks { text: 't' embedding: 1 embedding: 0 } } ";
  }
  static std::string Batch(const std::string& documents) {
    return "ingest { collection: 'docs' " + documents + "}";
  }
  Applied Write(const std::string& documents) { return store_.Do(Batch(documents)); }
  // Title and version; nothing if there is no such document.
  std::string Stored() {
    store::v1::DocumentRecord record;
    const auto found = store_.documents().Read(1, "a", &record);
    CORDON_CHECK(found.ok());
    const v1::Document& document = record.document();
    return document.title() + (document.has_version() ? std::to_string(document.version()) : "");
  }
  // All that is stored but for where the tenant stands and what its revisions were.
  std::map<std::string, std::string> Kept() {
    auto records = store_.Records();
    std::erase_if(records, [](const auto& record) {
      return record.first.starts_with("heads/") || record.first.starts_with("revisions/");
    });
    return records;
  }

  ScratchStore store_;
};

TEST_F(DocumentVersions, AnOldOneReplacesALaterOne) {
  Write(One("first", "5"));
  const auto before = Kept();
  const uint64_t next = store_.state().next_document;
  const uint64_t revision = store_.state().revision;
  const Applied late = Write(One("late", "4"));
  EXPECT_EQ(late.stale, Places{0});
  EXPECT_EQ(Stored(), "first5");
  EXPECT_EQ(Kept(), before);
  EXPECT_EQ(store_.state().next_document, next);
  EXPECT_EQ(late.next.revision, revision + 1) << "told by the number of revisions";
  EXPECT_TRUE(late.rows.empty());
  EXPECT_EQ(late.replay.ByteSizeLong(), 0u) << "a restored store is told of it";
  EXPECT_EQ(late.documents, std::vector<std::string>{"a"}) << "the journal does not name it";
}

TEST_F(DocumentVersions, OneThatIsNotOldIsLeftOut) {
  const std::pair<const char*, const char*> table[] = {
      {"5", "5"},
      {"5", "6"},
      {"5", kNone},
      {kNone, "0"},
      {kNone, kNone},
      {"0", "0"},
      {"18446744073709551614", "18446744073709551615"}};
  for (const auto& [stored, version] : table) {
    Write(One("plain", kNone));
    Write(One("before", stored));
    EXPECT_EQ(Write(One("after", version)).stale, Places()) << stored << ", " << version;
    EXPECT_EQ(Stored(), "after" + std::string(version));
  }
}

TEST_F(DocumentVersions, ThoseOfOneBatchDoNotComeOneAfterTheOther) {
  struct Case {
    const char* stored;
    std::vector<std::string> versions;
    std::string left;  // the version, behind its place
    Places stale;
  };
  const std::vector<Case> table = {
      {"4", {"5", "3"}, "0:5", {1}},        {"7", {"5", "3"}, "before7", {0, 1}},
      {"4", {"5", "6", "5"}, "1:6", {2}},   {"4", {"3", kNone}, "1:", {0}},
      {"4", {kNone, "3"}, "1:3", {}},       {"4", {"5", kNone, "3"}, "2:3", {}},
      {kNone, {"2", "1", "2"}, "2:2", {1}}, {"9", {"8", "9", "8"}, "1:9", {0, 2}}};
  for (size_t i = 0; i < table.size(); ++i) {
    Write(One("plain", kNone));
    Write(One("before", table[i].stored));
    std::string batch;
    for (size_t place = 0; place < table[i].versions.size(); ++place) {
      batch += One(std::to_string(place) + ":", table[i].versions[place]);
    }
    const Applied applied = Write(batch);
    EXPECT_EQ(Stored(), table[i].left) << i;
    EXPECT_EQ(applied.stale, table[i].stale) << i;
    EXPECT_EQ(applied.documents, std::vector<std::string>{"a"}) << i;
    EXPECT_EQ(store_.state().FindCollection("docs")->chunks, 1u);
  }
}

// What the answer tells everybody does not depend on what is stored.
TEST_F(DocumentVersions, AnOldOneIsJudgedByAnotherRule) {
  const std::string named = "acl { allow { principal: 'group:none' } } label { level: 'public' }";
  const std::string bad = "acl { allow { principal: 'everyone' } } label { level: 'nowhere' }";
  const auto refusal = [&] { return store_.Refusal(Batch(One("late", "4", bad))); };
  const std::string absent = refusal();
  EXPECT_EQ(absent, "INVALID_ARGUMENT: documents[0].label.level");
  Write(One("first", "5"));
  EXPECT_EQ(refusal(), absent);
  const Applied late = Write(One("late", "4", named));
  EXPECT_EQ(late.stale, Places{0});
  EXPECT_EQ(late.undefined, std::vector<std::string>{"group:none"});
  // Of two, whichever is written.
  const std::string other = "acl { allow { principal: 'group:other' } } label { level: 'public' }";
  for (const char* stored : {"1", "5", "9"}) {
    Write(One("plain", kNone));
    Write(One("before", stored));
    EXPECT_EQ(Write(One("x", "6", named) + One("y", "3", other)).undefined,
              (std::vector<std::string>{"group:none", "group:other"}));
  }
}

TEST_F(DocumentVersions, AnotherChangeForgetsIt) {
  Write(One("first", "5"));
  for (const char* change :
       {"set_access { collection: 'docs' document: 'a' label { level: 'internal' } }",
        "update_metadata { collection: 'docs' document: 'a' update_mask { paths: 'uri' } metadata "
        "{ uri: 'u' } }",
        "update_metadata { collection: 'docs' document: 'a' update_mask { paths: 'subjects' } "
        "metadata { subjects: 'person:1' } }"}) {
    store_.Do(change);
    EXPECT_EQ(Write(One("late", "4")).stale, Places{0}) << change;
    EXPECT_EQ(Stored(), "first5") << change;
  }
}

TEST_F(DocumentVersions, ADeletedOrErasedOneLeavesIt) {
  for (const char* change : {"delete_document { collection: 'docs' document: 'a' }",
                             "erase { collection: 'docs' document: 'a' limit: 10 }"}) {
    Write(One("first", "5"));
    store_.Do(change);
    EXPECT_EQ(Write(One("again", "4")).stale, Places()) << change;
    EXPECT_EQ(Stored(), "again4") << change;
  }
}

TEST_F(DocumentVersions, AListingSetsALaterOneBack) {
  Write(One("first", "5"));
  // As if it had been compared before.
  store_.Do("source { written { collection: 'docs' " + One("late", "4") + "} }");
  EXPECT_EQ(Stored(), "first5");
  store_.Do("source { written { collection: 'docs' " + One("later", "6") + "} }");
  EXPECT_EQ(Stored(), "later6");
}

TEST_F(DocumentVersions, ARestartMakesAnotherStore) {
  const std::vector<std::string> history = {
      One("a", "5"),   One("b", "4", kForBob), One("c", "5"), One("d", "7") + One("e", "6"),
      One("f", kNone), One("g", "1"),          One("h", "0")};
  ScratchStore steady;
  steady.Do(kDocs);
  for (const std::string& documents : history) {
    const Applied one = steady.Do(Batch(documents)), other = Write(documents);
    EXPECT_EQ(one.stale, other.stale) << documents;
    store_.Reopen();
    ASSERT_EQ(steady.Records(), store_.Records()) << documents;
  }
  EXPECT_EQ(Stored(), "g1");
}

}  // namespace
}  // namespace cordon
