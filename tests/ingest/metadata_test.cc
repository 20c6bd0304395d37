// What is said of a document: a field that changes without being named, content that is written
// anew, an answer that tells what exists, and an erasure that misses what a document once was.
#include <gtest/gtest.h>

#include "engine/base/limits.h"
#include "tests/ingest/scratch_writer.h"

namespace cordon {
namespace {

class Metadata : public ScratchWriter {
 protected:
  using Response = v1::UpdateMetadataResponse;

  StatusOr<Response> Update(const std::string& change, Grant grant = AllOf(),
                            const std::string& document = "d") {
    auto request = FromText<v1::UpdateMetadataRequest>(change);
    if (request.collection().empty()) request.set_collection("typed");
    if (request.document().empty()) request.set_document(document);
    return Asked<Response>(
        [&](auto done) { UpdateMetadata(Context(std::move(grant)), request, done); });
  }
  static std::string Mask(std::initializer_list<const char*> paths) {
    std::string mask = "update_mask { ";
    for (const char* path : paths) mask += "paths: '" + std::string(path) + "' ";
    return mask + "} ";
  }
  void Put(const std::string& rest) {
    const auto put =
        Ingest("documents { id: 'd' text: 'some words' " + rest + " }", AllOf(), "typed");
    ASSERT_TRUE(put.ok()) << put.status().ToString();
    ASSERT_EQ(put->response.accepted(), 1u) << put->response.ShortDebugString();
  }
  // The stored document; without an id if there is none.
  store::v1::DocumentRecord Stored() {
    const PinnedView view = Pin();
    store::v1::DocumentRecord record;
    const auto found =
        view->documents().Read(view->state().FindCollection("typed")->id, "d", &record);
    CORDON_CHECK(found.ok());
    return record;
  }
  std::string Content() {
    const PinnedView view = Pin();
    std::string content;
    CORDON_CHECK(view->documents()
                     .ScanWhole(view->state().FindCollection("typed")->id,
                                [&](const auto&, const auto& chunks) {
                                  for (const auto& chunk : chunks) {
                                    content += chunk.SerializeAsString();
                                  }
                                  return OkStatus();
                                })
                     .ok());
    return content;
  }
  // The attribute `n` as filters see it; -1 if the document has none.
  int64_t Column() {
    const PinnedView view = Pin();
    const auto& columns = view->indexes_of(*view->state().FindCollection("typed")).columns;
    const ColumnBlock* block = columns.Find("n")->blocks.Find(0);
    return block != nullptr && (block->carried & 1) != 0 ? block->whole[0] : -1;
  }
  size_t DueRows() {
    size_t rows = 0;
    EXPECT_TRUE(scratch_.store.database()
                    .Scan(Family::kDue, TenantPrefix(1),
                          [&](auto, auto) {
                            ++rows;
                            return OkStatus();
                          })
                    .ok());
    return rows;
  }
  bool KeyIsThere(uint64_t number) {
    return scratch_.store.vault().keys().Find(1, number).state == KeyStore::State::kThere;
  }
  void EraseSubject(const std::string& subject) {
    ASSERT_TRUE((Send<v1::EraseResponse, v1::EraseRequest>(
                     Erase, "collection: 'typed' subject: '" + subject + "'"))
                    .ok());
  }
};

constexpr char kWhole[] =
    "title: 'T' uri: 'u' subjects: 'p1' provenance { source: 's' trust: 't' } "
    "attributes { key: 'n' value { int_value: 1 } } attributes { key: 's' value { string_value: "
    "'x' } } version: 7 valid_from { seconds: 1 } valid_until { seconds: 99 } erase_after { "
    "seconds: 200 }";

TEST_F(Metadata, AFieldChangesThatWasNotNamed) {
  Put(kWhole);
  const auto before = Stored();
  const std::string content = Content();
  const uint64_t revision = Pin()->revision();
  const auto updated =
      Update(Mask({"title", "attributes.n"}) +
             "metadata { title: 'U' attributes { key: 'n' value { int_value: 2 } } }"
             " reason: 'r'");
  ASSERT_TRUE(updated.ok()) << updated.status().ToString();
  EXPECT_EQ(updated->revision(), revision + 1);
  EXPECT_TRUE(updated->existed());
  auto expected = before;
  expected.mutable_document()->set_title("U");
  (*expected.mutable_document()->mutable_attributes())["n"].set_int_value(2);
  expected.set_revision(revision + 1);
  EXPECT_EQ(Stored().DebugString(), expected.DebugString());
  EXPECT_EQ(Content(), content);
  EXPECT_EQ(Column(), 2);
  const auto records = scratch_.Records("UpdateMetadata");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_TRUE(records[0].mutation());
  EXPECT_EQ(records[0].reason(), "r");
  EXPECT_EQ(records[0].documents(0), scratch_.tenant->pseudonyms.Of("document", "d"));
}

TEST_F(Metadata, AFieldThatIsNamedAndUnsetStays) {
  Put(kWhole);
  ASSERT_TRUE(
      Update(Mask({"title", "uri", "subjects", "provenance.source", "provenance.trust",
                   "attributes.n", "attributes.s", "valid_from", "valid_until", "erase_after"}))
          .ok());
  const v1::Document left = Stored().document();
  EXPECT_EQ(left.title() + left.uri() + left.provenance().source() + left.provenance().trust(), "");
  EXPECT_EQ(left.subjects_size(), 0);
  EXPECT_EQ(left.attributes_size(), 0);
  EXPECT_FALSE(left.has_valid_from() || left.has_valid_until() || left.has_erase_after());
  EXPECT_TRUE(left.has_acl() && left.has_label());
  EXPECT_EQ(Column(), -1);
}

TEST_F(Metadata, SomebodyLearnsWhatIsThere) {
  Put("title: 'T'");
  const std::string change = Mask({"title"}) + "metadata { title: 'U' }";
  Grant quiet = AllOf();
  quiet.rights = Rights();
  quiet.rights.Add(Right::kIngest);
  const uint64_t before = Pin()->revision();
  const auto there = Update(change, quiet), absent = Update(change, quiet, "none");
  ASSERT_TRUE(there.ok() && absent.ok());
  EXPECT_FALSE(there->has_existed() || absent->has_existed());
  EXPECT_EQ(there->revision(), before + 1);
  EXPECT_EQ(absent->revision(), before + 2);
  EXPECT_FALSE(Update(change, AllOf(), "none")->existed());
  // Whether a validity fits is not judged on what is stored.
  Put("valid_from { seconds: 50 }");
  for (const char* id : {"d", "none"}) {
    EXPECT_EQ(Outcome(Update(Mask({"valid_until"}) + "metadata { valid_until { seconds: 40 } }",
                             quiet, id)),
              "INVALID_ARGUMENT: update_mask");
    EXPECT_EQ(Outcome(Update(
                  Mask({"valid_from", "valid_until"}) + "metadata { valid_until { seconds: 40 } }",
                  quiet, id)),
              "OK");
  }
}

TEST_F(Metadata, AKeyWritesWhereOrWhatItMayNot) {
  Put("title: 'T'");
  const std::string change = Mask({"title"}) + "metadata { title: 'U' }";
  Grant grant = AllOf();
  grant.id_prefix = "in/";
  EXPECT_EQ(Outcome(Update(change, grant)), "PERMISSION_DENIED: document");
  grant = AllOf();
  grant.collections = {"docs"};
  EXPECT_EQ(Outcome(Update(change, grant)), "NOT_FOUND: collection");
  grant = AllOf();
  grant.rights = Rights();
  for (const Right right : {Right::kQuery, Right::kLabel, Right::kGrant, Right::kAdmin}) {
    grant.rights.Add(right);
  }
  EXPECT_EQ(Outcome(Update(change, grant)), "PERMISSION_DENIED: rights");
  EXPECT_EQ(Stored().document().title(), "T");
}

TEST_F(Metadata, WhatIsSentIsPassedOverOrMalformed) {
  Put("title: 'T'");
  const auto before = Stored().DebugString();
  const uint64_t revision = Pin()->revision();
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", "update_mask"},
      {"metadata { title: 'U' }", "update_mask"},
      {Mask({"title", "title"}), "update_mask"},
      {Mask({"acl"}), "update_mask"},
      {Mask({"label"}), "update_mask"},
      {Mask({"canary"}), "update_mask"},
      {Mask({"version"}), "update_mask"},
      {Mask({"chunks"}), "update_mask"},
      {Mask({"attributes"}), "update_mask"},
      {Mask({"attributes."}), "update_mask"},
      {Mask({"provenance"}), "update_mask"},
      {Mask({"title"}) + "metadata { uri: 'u' }", "metadata.uri"},
      {Mask({"title"}) + "metadata { id: 'd' }", "metadata.id"},
      {Mask({"title"}) + "metadata { acl { allow { principal: 'everyone' } } }", "metadata.acl"},
      {Mask({"title"}) + "metadata { text: 't' }", "metadata.text"},
      {Mask({"title"}) + "metadata { version: 8 }", "metadata.version"},
      {Mask({"title"}) + "metadata { attributes { key: 'n' value { int_value: 1 } } }",
       "metadata.attributes.n"},
      {Mask({"attributes.n"}) + "metadata { attributes { key: 'n' value { bool_value: true } } }",
       "metadata.attributes.n"},
      {Mask({"attributes.none"}), "metadata.attributes.none"},
      {Mask({"title"}) + "metadata { title: '" + std::string(limits::kTitleBytes + 1, 't') + "' }",
       "metadata.title"},
      {Mask({"subjects"}) + "metadata { subjects: '' }", "metadata.subjects[0]"},
      {Mask({"valid_from", "valid_until"}) +
           "metadata { valid_from { seconds: 9 } valid_until { seconds: 9 } }",
       "metadata.valid_until"},
      {Mask({"title"}) + "document: 'a\\nb'", "document"}};
  for (const auto& [change, field] : table) {
    EXPECT_EQ(Outcome(Update(change)), "INVALID_ARGUMENT: " + field) << change;
  }
  EXPECT_EQ(Stored().DebugString(), before);
  EXPECT_EQ(Pin()->revision(), revision);
}

TEST_F(Metadata, AHiddenAttributeIsToldFromAnAbsentOne) {
  ASSERT_TRUE((Send<v1::CreateCollectionResponse, v1::CreateCollectionRequest>(
                   CreateCollection,
                   "config { name: 'columns' dimension: 2 metric: METRIC_L2 embedder: "
                   "EMBEDDER_NONE attributes { name: 'pay' type: ATTRIBUTE_TYPE_INT label { level: "
                   "'restricted' } } }"))
                  .ok());
  Grant low = AllOf();
  low.clearance = Clearance{Clearance::Kind::kNamed, "confidential", {}};
  const auto refused = [&](const std::string& name, bool value) {
    std::string change = Mask({("attributes." + name).c_str()}) + "collection: 'columns' ";
    if (value) {
      change += "metadata { attributes { key: '" + name + "' value { int_value: 1 } } }";
    }
    const auto answer = Update(change, low);
    EXPECT_EQ(answer.status().field(), "metadata.attributes." + name);
    return std::string(answer.status().message());
  };
  for (const bool value : {true, false}) EXPECT_EQ(refused("pay", value), refused("gap", value));
}

TEST_F(Metadata, AnErasureMissesWhatADocumentWasAbout) {
  Put(kWhole);
  const uint64_t old = Stored().number();
  const std::string content = Content();
  ASSERT_TRUE(Update(Mask({"subjects"}) + "metadata { subjects: 'p2' }").ok());
  const uint64_t now = Stored().number();
  EXPECT_EQ(Content(), content) << "the content came along";
  EXPECT_EQ(Pin()->state().FindCollection("typed")->documents, 1u);
  // By whom it was about once, the version goes that said so.
  EraseSubject("p1");
  EXPECT_FALSE(KeyIsThere(old));
  EXPECT_TRUE(KeyIsThere(now));
  EXPECT_EQ(Stored().document().subjects(0), "p2");
  EraseSubject("p2");
  EXPECT_FALSE(KeyIsThere(now));
  EXPECT_EQ(Stored().document().id(), "");
}

TEST_F(Metadata, ADocumentIsErasedWhenItWasDueOnce) {
  Put(kWhole);
  EXPECT_EQ(DueRows(), 1u);
  ASSERT_TRUE(Update(Mask({"erase_after"}) + "metadata { erase_after { seconds: 300 } }").ok());
  EXPECT_EQ(DueRows(), 1u);
  ASSERT_TRUE(Update(Mask({"erase_after"})).ok());
  EXPECT_EQ(DueRows(), 0u);
}

}  // namespace
}  // namespace cordon
