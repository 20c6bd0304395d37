// Erasures share by share: what one mutation leaves out, takes twice, or keeps from the next.
#include <gtest/gtest.h>

#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

class Shares : public testing::Test {
 protected:
  void SetUp() override { store_.Do(kDocs); }

  void Ingest(const std::string& id, const std::string& more, const std::string& into = "docs") {
    store_.Do("ingest { collection: '" + into + "' documents { id: '" + id +
              "' acl { allow { principal: 'everyone' } } label { level: 'public' } "
              "chunks { text: 't' embedding: 1 embedding: 0 } " +
              more + " } }");
  }
  void Delete(const std::string& id) {
    store_.Do("delete_document { collection: 'docs' document: '" + id + "' }");
  }
  Applied Erase(const std::string& what) { return store_.Do("erase { " + what + " }"); }
  // The numbers that are erased by as many mutations as it takes.
  std::vector<std::vector<uint64_t>> EraseAll(const std::string& what) {
    std::vector<std::vector<uint64_t>> shares;
    for (bool more = true; more && shares.size() < 20;) {
      const Applied applied = Erase(what);
      shares.push_back(applied.erased);
      more = applied.more;
    }
    return shares;
  }
  bool IsErased(uint64_t number) {
    return store_.keys().Find(1, number).state == KeyStore::State::kDestroyed;
  }

  using Numbers = std::vector<std::vector<uint64_t>>;
  ScratchStore store_;
};

constexpr char kDue[] = "erase_after { nanos: 1000 }";

TEST_F(Shares, ADocumentOfManyVersionsIsOneMutation) {
  for (int i = 0; i < 6; ++i) Ingest("a", "");
  EXPECT_EQ(EraseAll("collection: 'docs' document: 'a' limit: 2"),
            (Numbers{{0, 1}, {2, 3}, {4, 5}}));
  Ingest("b", "");
  EXPECT_EQ(EraseAll("collection: 'docs' document: 'a' limit: 2"), (Numbers{{}}));
}

// The newest goes last: else nothing would find the rest.
TEST_F(Shares, VersionsOfADocumentThatIsFoundByItsSubjectStay) {
  for (int i = 0; i < 4; ++i) Ingest("a", "");
  Ingest("a", "subjects: 'person:1'");  // 4
  Ingest("b", "subjects: 'person:1'");  // 5
  EXPECT_EQ(EraseAll("collection: 'docs' subject: 'person:1' limit: 2"),
            (Numbers{{0, 1}, {2, 3, 4}, {5}}));
}

TEST_F(Shares, AVersionIsErasedTwice) {
  Ingest("a", "subjects: 'person:1' subjects: 'person:2'");
  Ingest("a", "");
  EXPECT_EQ(EraseAll("collection: 'docs' subject: 'person:1' limit: 2"), (Numbers{{0}}));
  store_.Do("hold { collection: 'docs' document: 'a' name: 'case-7' }");
  // Its other mark is left, and nothing of it is there to be held.
  EXPECT_EQ(EraseAll("collection: 'docs' subject: 'person:2' limit: 2"), (Numbers{{}}));
}

TEST_F(Shares, WhatIsHeldKeepsWhatIsDueBehindIt) {
  for (const char* id : {"a", "b", "c", "d"}) Ingest(id, kDue);
  store_.Do("hold { collection: 'docs' document: 'a' name: 'case-7' }");
  store_.Do("hold { collection: 'docs' document: 'b' name: 'case-7' }");
  EXPECT_EQ(EraseAll("collection: 'docs' due: true limit: 1"), (Numbers{{2}, {3}}));
  EXPECT_FALSE(IsErased(0) || IsErased(1));
  store_.Do("hold { collection: 'docs' document: 'a' name: 'case-7' release: true }");
  EXPECT_EQ(EraseAll("collection: 'docs' due: true limit: 1"), (Numbers{{0}, {}}));
}

// Those that are held come first in each mutation, and the last one tells of them.
TEST_F(Shares, WhatIsHeldKeepsWhatIsOfItsSourceBehindIt) {
  for (const char* id : {"a", "b", "c", "d"}) Ingest(id, "provenance { source: 'hris' }");
  store_.Do("hold { collection: 'docs' document: 'a' name: 'case-7' }");
  store_.Do("hold { collection: 'docs' document: 'c' name: 'case-8' }");
  const std::string erase = "collection: 'docs' source: 'hris' limit: 1";
  for (const uint64_t number : {1, 3}) {
    const Applied applied = Erase(erase);
    EXPECT_EQ(applied.erased, std::vector<uint64_t>{number});
    EXPECT_TRUE(applied.more);
  }
  const auto refused = store_.Try("erase { " + erase + " }");
  EXPECT_EQ(refused.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused.status().field(), "source");
  EXPECT_NE(refused.status().message().find("case-7"), std::string::npos);
  EXPECT_FALSE(IsErased(0) || IsErased(2));
  store_.Do("hold { collection: 'docs' document: 'a' name: 'case-7' release: true }");
  const Applied released = Erase(erase);
  EXPECT_EQ(released.erased, std::vector<uint64_t>{0});
  EXPECT_EQ(store_.Refusal("erase { " + erase + " }"), "FAILED_PRECONDITION: source");
}

TEST_F(Shares, AShareEndsElsewhere) {
  for (const char* id : {"a", "b", "c"}) Ingest(id, kDue);
  store::v1::Mutation mutation;
  auto* erase = mutation.mutable_erase();
  erase->set_collection("docs");
  erase->set_due(true);
  erase->set_limit(10);
  erase->set_due_from(DueKey(1, 1, 1, 1));
  erase->set_due_to(DueKey(1, 1, 1, 2));
  const auto applied = store_.Try(mutation);
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  EXPECT_EQ(applied->erased, std::vector<uint64_t>{1});
  // No row is due before its time, whatever is asked for.
  Ingest("later", "erase_after { seconds: 9000000000 }");  // 3
  erase->set_due_from("");
  erase->set_due_to(PrefixEnd(TenantPrefix(1)));
  EXPECT_EQ(store_.Try(mutation)->erased, (std::vector<uint64_t>{0, 2}));
}

TEST_F(Shares, ARowOfAnotherTimeErases) {
  Ingest("a", "erase_after { seconds: 9000000000 }");
  const std::string later = DueKey(1, Micros{9'000'000'000} * 1'000'000, 1, 0);
  store::v1::MarkRecord mark;
  ASSERT_TRUE(*store_.database().Get(Family::kDue, later, &mark));
  Batch batch;
  batch.Put(Family::kDue, DueKey(1, 1, 1, 0), mark);
  ASSERT_TRUE(store_.database().Write(batch).ok());
  EXPECT_EQ(EraseAll("collection: 'docs' due: true limit: 2"), (Numbers{{}}));
  EXPECT_FALSE(IsErased(0));
  EXPECT_TRUE(*store_.database().Get(Family::kDue, later, &mark));
  EXPECT_FALSE(*store_.database().Get(Family::kDue, DueKey(1, 1, 1, 0), &mark));
}

TEST_F(Shares, WhatWasDroppedIsNeverDue) {
  store_.Do(
      "create_collection { name: 'more' dimension: 2 metric: METRIC_L2 embedder: EMBEDDER_NONE }");
  for (const char* id : {"a", "b", "c"}) Ingest(id, kDue, "more");
  Ingest("kept", kDue);  // 3
  EXPECT_EQ(store_.Refusal("erase { due: true dropped_collection: 2 limit: 2 }"), "INTERNAL: ")
      << "of a collection that is there";
  store_.Do("delete_collection { name: 'more' }");
  EXPECT_EQ(EraseAll("due: true dropped_collection: 2 limit: 2"), (Numbers{{0, 1}, {2}}));
  EXPECT_TRUE(IsErased(0) && IsErased(1) && IsErased(2));
  EXPECT_FALSE(IsErased(3));
  EXPECT_EQ(EraseAll("due: true dropped_collection: 2 limit: 2"), (Numbers{{}}));
}

// An endpoint of which nothing says that it does not learn from what it embeds.
TEST_F(Shares, AnEndpointThatTrainsIsNotTold) {
  const auto space = [](const std::string& endpoint) {
    return " dimension: 2 embedder: EMBEDDER_HTTP model: '" + endpoint + "' embedding_endpoint: '" +
           endpoint + "' ";
  };
  const auto endpoint = [](const std::string& name, const std::string& more) {
    return "destinations { destination { name: '" + name + "' ceiling { symbol: SYMBOL_ALL } " +
           more + " } } ";
  };
  const auto told = [&](const std::string& id) {
    const Applied applied = Erase("collection: 'sent' document: '" + id + "' limit: 9");
    store::v1::ErasureRecord record;
    const auto found =
        store_.database().Get(Family::kErasures, RevisionKey(1, applied.next.revision), &record);
    EXPECT_TRUE(found.ok() && *found);
    return std::vector<std::string>(record.destinations().begin(), record.destinations().end());
  };
  const auto policy = [&](const std::string& first, const std::string& second) {
    store_.Do("policy { " + endpoint("first", first) + endpoint("second", second) + "}");
  };
  policy("scope: 3 trains_on_input: true", "scope: 4");
  store_.Do("create_collection { name: 'sent' metric: METRIC_L2 " + space("first") + "}");
  for (const char* id : {"a", "b", "c"}) Ingest(id, "", "sent");
  EXPECT_EQ(told("a"), std::vector<std::string>{"first"});
  store_.Do("begin_embedding { collection: 'sent' space { " + space("second") + "} }");
  EXPECT_EQ(told("b"), (std::vector<std::string>{"first", "second"}));
  policy("scope: 3", "scope: 4 trains_on_input: false");
  EXPECT_EQ(told("c"), std::vector<std::string>());
  policy("scope: 3 trains_on_input: true", "scope: 4");
  EXPECT_EQ(told("never there"), std::vector<std::string>());
}

TEST_F(Shares, AHoldTellsARestoredStoreTheName) {
  const Applied applied = store_.Do("hold { collection: 'docs' document: 'a' name: 'case-7' }");
  const auto told = store_.vault().OpenFor("mutation", applied.replay.sealed_mutation());
  ASSERT_TRUE(told.ok());
  store::v1::Mutation mutation;
  ASSERT_TRUE(mutation.ParseFromString(*told));
  EXPECT_TRUE(mutation.has_held());
  EXPECT_FALSE(mutation.has_hold());
  store_.Do("hold { collection: 'docs' document: 'a' name: 'case-7' release: true }");
  ASSERT_TRUE(store_.Try(mutation).ok());
  EXPECT_EQ(store_.Refusal("erase { collection: 'docs' document: 'a' limit: 1 }"),
            "FAILED_PRECONDITION: document");
}

}  // namespace
}  // namespace cordon
