// The listing of a source: what differs and no more, nothing deleted before it is whole, and no
// more deleted than was meant.
#include "engine/ingest/source_sync.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "engine/base/limits.h"
#include "engine/columns/filter.h"
#include "tests/ingest/scratch_writer.h"

namespace cordon {
namespace {

using testing::ElementsAre;
using SourceResponse = v1::SyncSourceResponse;

class Listings : public ScratchWriter {
 protected:
  // `more` are fields of the document.
  static std::string Doc(const std::string& id, const std::string& text = "t",
                         const std::string& more = "") {
    return "documents { id: '" + id +
           "' acl { allow { principal: 'everyone' } } label { level: 'public' } chunks { text: '" +
           text + "' embedding: 1 embedding: 0 } " + more + "} ";
  }
  static std::string Docs(size_t count, size_t from = 0) {
    std::string text;
    for (size_t i = from; i < from + count; ++i) text += Doc("d" + std::to_string(i));
    return text;
  }
  static std::string Begin(const std::string& more = "", const std::string& source = "wiki",
                           const std::string& collection = "docs") {
    return "begin { collection: '" + collection + "' source: '" + source + "' reason: 'CHG-1' " +
           more + "} ";
  }
  static std::string End(size_t count, const std::string& more = "") {
    return "commit { documents: " + std::to_string(count) + " " + more + "} ";
  }

  // Sends the messages of one listing.
  StatusOr<SourceResponse> Sync(const std::vector<std::string>& messages, Grant grant = AllOf()) {
    SourceSync sync(&open_);
    RETURN_IF_ERROR(Part(&sync, messages, grant));
    return Asked<SourceResponse>(
        [&](auto done) { sync.Commit(Context(grant), /*stop=*/{}, done); });
  }
  // The same without the end.
  Status Part(SourceSync* sync, const std::vector<std::string>& messages, Grant grant = AllOf()) {
    for (const auto& text : messages) {
      auto message = FromText<v1::SyncSourceRequest>(text);
      const bool last = message.has_commit();
      RETURN_IF_ERROR(sync->Take(Context(grant), std::move(message)));
      if (last) continue;
      const auto sent = Asked<int>([&](auto done) {
        sync->Send(Context(grant), [done](const Status& status) {
          done(status.ok() ? StatusOr<int>(0) : StatusOr<int>(status));
        });
      });
      RETURN_IF_ERROR(sent.status());
    }
    return OkStatus();
  }
  static std::string Refused(const Status& status) { return Outcome(StatusOr<int>(status)); }
  // "+added ~changed *redescribed =unchanged -removed", of a listing that holds.
  std::string Differs(const std::vector<std::string>& messages, Grant grant = AllOf()) {
    const auto response = Sync(messages, std::move(grant));
    if (!response.ok()) return Outcome(response);
    const auto& d = response->difference();
    return fmt::format("+{} ~{} *{} ={} -{}", d.added(), d.changed(), d.redescribed(),
                       d.unchanged(), d.removed());
  }
  static Grant Writer(const std::string& prefix = "") {
    Grant grant = AllOf();
    grant.rights = Rights();
    for (const Right right : {Right::kIngest, Right::kGrant, Right::kLabel}) {
      grant.rights.Add(right);
    }
    grant.id_prefix = prefix;
    return grant;
  }

  // What is stored; without an id if nothing is.
  store::v1::DocumentRecord Stored(const std::string& id, const std::string& collection = "docs") {
    const PinnedView view = Pin();
    store::v1::DocumentRecord record;
    const auto found =
        view->documents().Read(view->state().FindCollection(collection)->id, id, &record);
    CORDON_CHECK(found.ok());
    if (!*found) record.Clear();
    return record;
  }
  // From 1; 0 if it is not stored.
  uint64_t NumberOf(const std::string& id) {
    const auto record = Stored(id);
    return record.document().id().empty() ? 0 : record.number() + 1;
  }
  std::string TextOf(const std::string& id) {
    const auto record = Stored(id);
    std::string text;
    const PinnedView view = Pin();
    const std::vector<Documents::ChunkPlace> places = {
        {record.number(), record.chunks(0).ordinal()}};
    EXPECT_TRUE(view->documents()
                    .ReadChunks(view->state().FindCollection("docs")->id, places,
                                [&](size_t, const auto* chunk) {
                                  text = chunk->text();
                                  return OkStatus();
                                })
                    .ok());
    return text;
  }

  OpenListings open_;
};

TEST_F(Listings, ARepeatedListingMakesNewVersions) {
  const std::vector<std::string> listing = {Begin() + Docs(3), Docs(2, 3), End(5)};
  const uint64_t before = Pin()->revision();
  EXPECT_EQ(Differs(listing), "+5 ~0 *0 =0 -0");
  EXPECT_EQ(Pin()->revision(), before + 3);
  EXPECT_EQ(Stored("d4").document().provenance().source(), "wiki");
  const uint64_t number = NumberOf("d4");
  const uint64_t written = Stored("d4").revision();
  EXPECT_EQ(Differs(listing), "+0 ~0 *0 =5 -0");
  EXPECT_EQ(NumberOf("d4"), number);
  EXPECT_EQ(Stored("d4").revision(), written);
  EXPECT_EQ(writer_->figures().documents, 5u) << "what it wrote counts, and what it left alone";
  const auto records = scratch_.Records("SyncSource");
  ASSERT_EQ(records.size(), 6u) << "one for each mutation";
  EXPECT_EQ(records.back().reason(), "CHG-1");
  EXPECT_EQ(records[0].documents_size(), 3);
  EXPECT_EQ(records[3].documents_size(), 0);
}

TEST_F(Listings, OneMessageIsManyRevisions) {
  ASSERT_TRUE(Sync({Begin() + Docs(20) + End(20)}).ok());
  const uint64_t before = Pin()->revision();
  EXPECT_EQ(Differs({Begin() + Docs(18) + Doc("d18", "other") + End(19)}), "+0 ~1 *0 =18 -1");
  EXPECT_EQ(Pin()->revision(), before + 1);
  EXPECT_EQ(NumberOf("d19"), 0u);
  EXPECT_EQ(TextOf("d18"), "other");
}

TEST_F(Listings, AnotherListMovesVectors) {
  ASSERT_TRUE(Sync({Begin() + Doc("a") + Doc("b") + End(2)}).ok());
  const uint64_t number = NumberOf("a");
  std::string other = Doc("a", "t", "title: 'T' uri: 'u' ");
  other.replace(other.find("'public'"), 8, "'internal'");
  EXPECT_EQ(Differs({Begin() + other + Doc("b") + End(2)}), "+0 ~0 *1 =1 -0");
  const auto record = Stored("a");
  EXPECT_EQ(NumberOf("a"), number);
  EXPECT_EQ(record.document().title(), "T");
  EXPECT_EQ(record.document().label().level(), "internal");
  EXPECT_EQ(TextOf("a"), "t");
  const auto& table = Pin()->policy().classes;
  EXPECT_EQ(table.labels[table.classes[record.chunks(0).class_id()].label].level, "internal");
  EXPECT_EQ(Differs({Begin() + other + Doc("b") + End(2)}), "+0 ~0 *0 =2 -0");
}

// By its subjects and its source an erasure finds all that was ever written of it.
TEST_F(Listings, OtherSubjectsAreOnlyWrittenOver) {
  ASSERT_TRUE(Sync({Begin() + Doc("a", "t", "subjects: 'person:1' ") + End(1)}).ok());
  const uint64_t number = NumberOf("a");
  EXPECT_EQ(Differs({Begin() + Doc("a") + End(1)}), "+0 ~1 *0 =0 -0");
  EXPECT_NE(NumberOf("a"), number);
  ASSERT_TRUE(Sync({Begin("", "other") + Doc("b") + End(1)}).ok());
  EXPECT_EQ(Differs({Begin() + Doc("a") + Doc("b") + End(2)}), "+0 ~1 *0 =1 -0");
  EXPECT_EQ(Stored("b").document().provenance().source(), "wiki");
}

TEST_F(Listings, AnotherChunkIsOverlooked) {
  ASSERT_TRUE(Sync({Begin() + Doc("a") + End(1)}).ok());
  const auto changed = [&](const std::string& chunks) {
    return Differs({Begin() +
                    "documents { id: 'a' acl { allow { principal: 'everyone' } } label { level: "
                    "'public' } " +
                    chunks + "} " + End(1)});
  };
  const std::string one = "chunks { text: 't' embedding: 1 embedding: 0 ";
  EXPECT_EQ(changed(one + "}"), "+0 ~0 *0 =1 -0");
  EXPECT_EQ(changed(one + "ordinal: 0 }"), "+0 ~0 *0 =1 -0");
  EXPECT_EQ(changed("chunks { text: 't' embedding: 0 embedding: 1 }"), "+0 ~1 *0 =0 -0");
  EXPECT_EQ(changed(one + "ordinal: 7 }"), "+0 ~1 *0 =0 -0");
  EXPECT_EQ(changed(one + "} " + one + "}"), "+0 ~1 *0 =0 -0");
  EXPECT_EQ(changed(one + "label { level: 'internal' } }"), "+0 ~1 *0 =0 -0");
  EXPECT_EQ(changed(one + "acl { allow { principal: 'user:a' } } }"), "+0 ~1 *0 =0 -0");
  EXPECT_EQ(changed(one + "acl { allow { principal: 'user:b' } } }"), "+0 ~1 *0 =0 -0");
}

TEST_F(Listings, AttributesStayInTheIndexAsTheyWere) {
  const auto typed = [&](int n) {
    return Differs({Begin("", "wiki", "typed") +
                    "documents { id: 'a' text: 'some words' attributes { key: 'n' value { "
                    "int_value: " +
                    std::to_string(n) + " } } } " + End(1)});
  };
  EXPECT_EQ(typed(1), "+1 ~0 *0 =0 -0");
  EXPECT_EQ(typed(1), "+0 ~0 *0 =1 -0") << "a text is cut and embedded in the same way again";
  EXPECT_EQ(typed(2), "+0 ~0 *1 =0 -0");
  EXPECT_EQ(Stored("a", "typed").document().attributes().at("n").int_value(), 2);
  const PinnedView view = Pin();
  const auto collection = view->state().FindCollection("typed");
  const auto& index = view->indexes_of(*collection);
  const auto admits = [&](int n) {
    const auto filter = FromText<v1::Filter>(
        "condition { attribute: 'n' eq { int_value: " + std::to_string(n) + " } }");
    const auto checked = CheckFilter(filter, collection->config.attributes(), index.columns,
                                     [](const auto&) { return true; });
    CORDON_CHECK(checked.ok());
    return ColumnFilter(**checked, 1).Admits(*index.documents.Find("a"));
  };
  EXPECT_TRUE(admits(2));
  EXPECT_FALSE(admits(1));
}

// An end that another listing moves is the one that counts, for retention as well.
TEST_F(Listings, AnEndThatIsMovedErasesAtItsOldTime) {
  const auto until = [&](int seconds) {
    return Differs({Begin() +
                    Doc("a", "t",
                        "erase_after { seconds: " + std::to_string(seconds) +
                            " } valid_until { seconds: 90000 } ") +
                    End(1)});
  };
  const auto due = [&] {
    size_t rows = 0;
    EXPECT_TRUE(Pin()
                    ->Scan(Family::kDue, TenantPrefix(1),
                           [&](auto, auto) {
                             ++rows;
                             return OkStatus();
                           })
                    .ok());
    return rows;
  };
  EXPECT_EQ(until(100000), "+1 ~0 *0 =0 -0");
  EXPECT_EQ(until(200000), "+0 ~0 *1 =0 -0");
  EXPECT_EQ(due(), 1u);
  EXPECT_EQ(Differs({Begin() + Doc("a") + End(1)}), "+0 ~0 *1 =0 -0");
  EXPECT_EQ(due(), 0u);
}

TEST_F(Listings, WhatIsNotWholeDeletesSomething) {
  ASSERT_TRUE(Sync({Begin() + Docs(10) + End(10)}).ok());
  {
    SourceSync sync(&open_);
    ASSERT_TRUE(Part(&sync, {Begin() + Docs(9) + Doc("new")}).ok());
  }
  EXPECT_NE(NumberOf("d9"), 0u) << "broken off before its end";
  EXPECT_NE(NumberOf("new"), 0u);
  EXPECT_EQ(Outcome(Sync({Begin() + Docs(9), End(8)})), "INVALID_ARGUMENT: commit.documents");
  EXPECT_EQ(Outcome(Sync({Begin() + Docs(9), End(10)})), "INVALID_ARGUMENT: commit.documents");
  EXPECT_EQ(Differs({Begin() + Docs(9), End(9, "incomplete: true ")}), "+0 ~0 *0 =9 -0");
  EXPECT_NE(NumberOf("d9"), 0u) << "it has gaps";
  EXPECT_EQ(Differs({Begin("removals_max_percent: 20 ") + Docs(9), End(9)}), "+0 ~0 *0 =9 -2");
  EXPECT_EQ(NumberOf("d9"), 0u);
}

TEST_F(Listings, OthersDocumentsGo) {
  ASSERT_TRUE(Ingest(Good("nobodys")).ok());
  ASSERT_TRUE(Sync({Begin("", "other") + Doc("others") + End(1)}).ok());
  ASSERT_TRUE(Sync({Begin() + Docs(2) + Doc("x/1") + End(3)}).ok());
  EXPECT_EQ(Differs({Begin("allow_removals: true ") + End(0)}, Writer("x/")), "+0 ~0 *0 =0 -0");
  EXPECT_EQ(NumberOf("x/1"), 0u);
  EXPECT_NE(NumberOf("d0"), 0u) << "where the key may not write";
  EXPECT_EQ(Differs({Begin("allow_removals: true ") + End(0)}), "+0 ~0 *0 =0 -2");
  EXPECT_NE(NumberOf("nobodys"), 0u);
  EXPECT_NE(NumberOf("others"), 0u);
}

TEST_F(Listings, WhatWasWrittenMeanwhileGoes) {
  ASSERT_TRUE(Sync({Begin() + Docs(2) + End(2)}).ok());
  const std::string from_wiki = "provenance { source: 'wiki' } ";
  SourceSync sync(&open_);
  ASSERT_TRUE(Part(&sync, {Begin("allow_removals: true ")}).ok());
  ASSERT_TRUE(Ingest(Doc("d1", "newer", from_wiki) + Doc("new", "t", from_wiki)).ok());
  ASSERT_TRUE(Part(&sync, {End(0)}).ok());
  const auto response =
      Asked<SourceResponse>([&](auto done) { sync.Commit(Context(), /*stop=*/{}, done); });
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->difference().later(), 2u);
  EXPECT_EQ(response->difference().removed(), 1u);
  EXPECT_EQ(NumberOf("d0"), 0u);
  EXPECT_EQ(TextOf("d1"), "newer");
  EXPECT_NE(NumberOf("new"), 0u);
}

TEST_F(Listings, MoreIsDeletedThanWasMeant) {
  ASSERT_TRUE(Sync({Begin() + Docs(20) + End(20)}).ok());
  const std::string refused = "FAILED_PRECONDITION: begin.removals_max_percent";
  EXPECT_EQ(Differs({Begin() + Docs(17) + End(17)}), refused);
  EXPECT_EQ(Differs({Begin() + Docs(17) + Docs(100, 100), End(117)}), refused)
      << "what is new makes room for deletions";
  EXPECT_EQ(Differs({Begin("removals_max_percent: 14 ") + Docs(17) + Docs(100, 100) + End(117)}),
            "+0 ~0 *0 =117 -3");
  EXPECT_EQ(Differs({Begin() + End(0)}), refused);
  EXPECT_EQ(scratch_.Records("SyncSource").back().outcome(), "FAILED_PRECONDITION");
  EXPECT_NE(NumberOf("d0"), 0u);
}

TEST_F(Listings, ADryRunChangesSomething) {
  ASSERT_TRUE(Sync({Begin() + Docs(3) + End(3)}).ok());
  const uint64_t before = Pin()->revision();
  const auto response = Sync({Begin("dry_run: true allow_removals: true ") + Doc("d0", "other") +
                                  Doc("d1", "t", "title: 'T' "),
                              Doc("z") + Doc("new") + "unchanged: 'gone' " + End(5)});
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  const auto& d = response->difference();
  EXPECT_THAT(d.changed_ids(), ElementsAre("d0"));
  EXPECT_THAT(d.redescribed_ids(), ElementsAre("d1"));
  EXPECT_THAT(d.removed_ids(), ElementsAre("d2"));
  EXPECT_THAT(d.added_ids(), ElementsAre("new", "z"));
  EXPECT_THAT(d.missing_ids(), ElementsAre("gone"));
  EXPECT_EQ(d.removed(), 1u);
  EXPECT_EQ(Pin()->revision(), before);
  EXPECT_EQ(response->revision(), before);
  EXPECT_FALSE(scratch_.Records("SyncSource").back().mutation());
  EXPECT_EQ(Outcome(Sync({Begin("dry_run: true ") + End(0)})),
            "FAILED_PRECONDITION: begin.removals_max_percent");
}

TEST_F(Listings, UnchangedOnesAreTouched) {
  ASSERT_TRUE(Sync({Begin() + Docs(3) + End(3)}).ok());
  const auto response =
      Sync({Begin("allow_removals: true ") +
            "unchanged: 'd0' unchanged: 'gone' unchanged: 'd0' unchanged: '' " + End(4)});
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->difference().unchanged(), 1u);
  EXPECT_EQ(response->difference().removed(), 2u);
  EXPECT_EQ(response->difference().missing(), 1u);
  EXPECT_THAT(response->difference().missing_ids(), ElementsAre("gone"));
  ASSERT_EQ(response->refused_documents(), 2u);
  EXPECT_EQ(response->refused(0).index(), 2u);
  EXPECT_EQ(response->refused(0).field(), "unchanged");
}

TEST_F(Listings, ARefusedOneIsDeletedOrStopsTheOthers) {
  ASSERT_TRUE(Sync({Begin() + Docs(3) + End(3)}).ok());
  const std::string bad =
      "documents { id: 'd1' acl { allow { principal: 'everyone' } } label { level: 'absent' } "
      "chunks { text: 't' embedding: 1 embedding: 0 } } ";
  const auto response =
      Sync({Begin() + Doc("d0"), bad + Doc("d2") + Doc("d2") +
                                     Doc("x", "t", "provenance { source: 'other' } ") + End(5)});
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->difference().unchanged(), 2u);
  EXPECT_EQ(response->difference().removed(), 0u);
  EXPECT_EQ(response->refused_documents(), 3u);
  std::vector<std::string> told;
  for (const auto& refused : response->refused()) {
    told.push_back(fmt::format("{} {} {}", refused.index(), refused.id(), refused.field()));
  }
  EXPECT_THAT(
      told, testing::UnorderedElementsAre("1 d1 label.level", "3 d2 id", "4 x provenance.source"));
  EXPECT_NE(NumberOf("d1"), 0u);
}

TEST_F(Listings, WhoMayNotAuditLearnsWhatIsStored) {
  const std::string open = Begin("allow_removals: true ");
  const auto told = [&](const std::string& documents, size_t count) {
    const uint64_t before = Pin()->revision();
    auto response = Sync({open + documents, End(count)}, Writer());
    EXPECT_TRUE(response.ok()) << response.status().ToString();
    EXPECT_EQ(response->revision(), before + 2);
    response->clear_revision();
    return response->ShortDebugString();
  };
  const std::string group =
      "documents { id: 'g' acl { allow { principal: 'group:undefined' } } label { level: 'public' "
      "} chunks { text: 't' embedding: 1 embedding: 0 } } ";
  EXPECT_EQ(told(group + Docs(2), 3), "");
  EXPECT_EQ(told(group + Docs(2), 3), "") << "nothing differs";
  EXPECT_EQ(told(group + Docs(1), 2), "") << "something is deleted";
  EXPECT_EQ(Outcome(Sync({Begin() + End(0)}, Writer())), "PERMISSION_DENIED: begin.allow_removals");
  EXPECT_EQ(Outcome(Sync({Begin("dry_run: true allow_removals: true ") + End(0)}, Writer())),
            "PERMISSION_DENIED: begin.dry_run");
}

TEST_F(Listings, MessagesThatMakeNoListing) {
  EXPECT_EQ(Outcome(Sync({Docs(1) + End(1)})), "INVALID_ARGUMENT: begin");
  EXPECT_EQ(Outcome(Sync({Begin(), Begin() + End(0)})), "INVALID_ARGUMENT: begin");
  EXPECT_EQ(Outcome(Sync({Begin("", "") + End(0)})), "INVALID_ARGUMENT: begin.source");
  EXPECT_EQ(Outcome(Sync({Begin("", "wiki", "none") + End(0)})), "NOT_FOUND: begin.collection");
  EXPECT_EQ(Outcome(Sync({Begin("removals_max_percent: 101 ") + End(0)})),
            "INVALID_ARGUMENT: begin.removals_max_percent");
  EXPECT_EQ(Outcome(Sync({Begin("embedding_model: 'another' ") + End(0)})),
            "INVALID_ARGUMENT: begin.embedding_model");
  Grant reader = AllOf();
  reader.rights = Rights();
  EXPECT_EQ(Outcome(Sync({Begin() + End(0)}, reader)), "PERMISSION_DENIED: rights");
}

TEST_F(Listings, GoesOnInACollectionOfAnotherModel) {
  const auto create = [&](const std::string& model) {
    return Send<v1::CreateCollectionResponse, v1::CreateCollectionRequest>(
               CreateCollection,
               "config { name: 'again' dimension: 2 metric: METRIC_COSINE embedder: EMBEDDER_NONE "
               "model: '" +
                   model + "' }")
        .status();
  };
  ASSERT_TRUE(create("one").ok());
  SourceSync sync(&open_);
  ASSERT_TRUE(Part(&sync, {Begin("embedding_model: 'one' ", "wiki", "again") + Docs(1)}).ok());
  ASSERT_TRUE((Send<v1::DeleteCollectionResponse, v1::DeleteCollectionRequest>(DeleteCollection,
                                                                               "name: 'again'")
                   .ok()));
  ASSERT_TRUE(create("two").ok());
  EXPECT_EQ(Refused(Part(&sync, {Docs(1, 1)})), "INVALID_ARGUMENT: begin.embedding_model");
}

TEST_F(Listings, MoreThanAPageIsDeletedByOneMutation) {
  constexpr size_t kPage = limits::kDocumentsPerBatch;
  ASSERT_TRUE(Sync({Begin() + Docs(kPage), Docs(1, kPage) + End(kPage + 1)}).ok());
  const uint64_t before = Pin()->revision();
  EXPECT_EQ(Differs({Begin("allow_removals: true ") + End(0)}), "+0 ~0 *0 =0 -4097");
  EXPECT_EQ(Pin()->revision(), before + 2);
  EXPECT_EQ(Pin()->state().FindCollection("docs")->documents, 0u);
}

// Each compares with what the other has not yet changed.
TEST_F(Listings, TwoOfOneSourceUndoEachOther) {
  ASSERT_TRUE(Sync({Begin() + Docs(2) + End(2)}).ok());
  SourceSync first(&open_);
  ASSERT_TRUE(Part(&first, {Begin("allow_removals: true ") + Doc("d0")}).ok());
  const std::string all = Begin("allow_removals: true ") + Docs(2) + End(2);
  EXPECT_EQ(Outcome(Sync({all})), "RESOURCE_EXHAUSTED: begin.source");
  EXPECT_EQ(Outcome(Sync({all}, Writer("d1"))), "RESOURCE_EXHAUSTED: begin.source");
  EXPECT_EQ(Differs({Begin("", "other") + Doc("o") + End(1)}), "+1 ~0 *0 =0 -0");
  scratch_.wall += Micros{limits::kListingSilence_s} * 1'000'000;
  EXPECT_EQ(Differs({all}), "+0 ~0 *0 =2 -0") << "nothing has come of the first";
  EXPECT_EQ(Refused(Part(&first, {End(1)})), "ABORTED: ");
  EXPECT_NE(NumberOf("d1"), 0u);
}

TEST_F(Listings, AnotherCollectionsDocumentsGo) {
  ASSERT_TRUE(
      Ingest("documents { id: 'd0' text: 'words' provenance { source: 'wiki' } }", AllOf(), "typed")
          .ok());
  ASSERT_TRUE(Sync({Begin() + Docs(2) + End(2)}).ok());
  EXPECT_EQ(Differs({Begin("allow_removals: true ") + End(0)}), "+0 ~0 *0 =0 -2");
  EXPECT_EQ(Stored("d0", "typed").document().id(), "d0");
}

// At kListedUnchanged and beyond.
TEST_F(Listings, RefusalsFillTheMemory) {
  const std::string huge(limits::kListedRefusalBytes, 'x');
  const std::string bad = "documents { id: '" + huge + "' } documents { id: '' } ";
  const auto response =
      Sync({Begin("allow_removals: true ") + bad + "unchanged: '" + huge + "y' " + End(3)});
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->refused_documents(), 3u);
  ASSERT_EQ(response->refused_size(), 1);
  EXPECT_EQ(response->refused(0).index(), 1u);
  v1::SyncSourceRequest request =
      FromText<v1::SyncSourceRequest>(Begin("allow_removals: true ") + End(0));
  for (size_t i = 0; i < limits::kListedUnchanged; ++i) request.add_unchanged("");
  {
    SourceSync most(&open_);
    EXPECT_NE(Refused(most.Take(Context(), request)), "INVALID_ARGUMENT: unchanged");
  }
  request.add_unchanged("");
  SourceSync sync(&open_);
  EXPECT_EQ(Refused(sync.Take(Context(), request)), "INVALID_ARGUMENT: unchanged");
}

TEST_F(Listings, AnAnsweredOneIsInTheWay) {
  const std::string begin = Begin("allow_removals: true ");
  SourceSync whole(&open_), refused(&open_);
  ASSERT_TRUE(Part(&whole, {begin + End(0)}).ok());
  ASSERT_TRUE(
      Asked<SourceResponse>([&](auto done) { whole.Commit(Context(), /*stop=*/{}, done); }).ok());
  const Status wrong = Part(&refused, {begin + End(1)});
  EXPECT_EQ(Refused(wrong), "INVALID_ARGUMENT: commit.documents");
  EXPECT_FALSE(
      Asked<SourceResponse>([&](auto done) { refused.Refuse(Context(), wrong, done); }).ok());
  EXPECT_EQ(Differs({begin + End(0)}), "+0 ~0 *0 =0 -0") << "both are still there";
  EXPECT_EQ(Refused(Part(&refused, {End(0)})), "INVALID_ARGUMENT: begin");
}

// What is broken off is answered, too, and so it has its record.
TEST_F(Listings, ABrokenOffEndLeavesNoRecord) {
  ASSERT_TRUE(Sync({Begin() + Docs(2) + End(2)}).ok());
  const size_t before = scratch_.Records("SyncSource").size();
  SourceSync sync(&open_);
  ASSERT_TRUE(Part(&sync, {Begin("allow_removals: true ") + Docs(2) + End(2)}).ok());
  int asked = 0;  // once for each of the two documents, and then before the page is sent
  const auto response = Asked<SourceResponse>([&](auto done) {
    sync.Commit(
        Context(), [&] { return ++asked > 2; }, done);
  });
  EXPECT_EQ(Outcome(response), "UNAVAILABLE: ");
  const auto records = scratch_.Records("SyncSource");
  ASSERT_EQ(records.size(), before + 1);
  EXPECT_EQ(records.back().outcome(), "UNAVAILABLE");
}

}  // namespace
}  // namespace cordon
