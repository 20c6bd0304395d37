// Documents that come late: who is told of it, and what a run and a listing make of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/ingest/source_sync.h"
#include "tests/ingest/scratch_writer.h"

namespace cordon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LateDocuments : public ScratchWriter {
 protected:
  // One with a title and a version, for a group that nobody has defined.
  static std::string One(const std::string& id, int version, const std::string& more = "") {
    return "documents { id: '" + id + "' title: 'v" + std::to_string(version) +
           "' version: " + std::to_string(version) +
           " acl { allow { principal: 'group:none' } } label { level: 'public' } "
           "chunks { text: 't' embedding: 1 embedding: 0 } " +
           more + "} ";
  }
  static Grant Quiet() {
    Grant grant = AllOf();
    grant.rights = Rights();
    for (const Right right : {Right::kIngest, Right::kGrant, Right::kLabel}) {
      grant.rights.Add(right);
    }
    return grant;
  }
  v1::IngestResponse Written(const std::string& request, Grant grant = AllOf()) {
    auto ingested = Ingest(request, std::move(grant));
    EXPECT_TRUE(ingested.ok()) << ingested.status().ToString();
    if (!ingested.ok()) return {};
    undefined_ = std::move(ingested->undefined);
    return std::move(ingested->response);
  }
  std::string TitleOf(const std::string& id) {
    const PinnedView view = Pin();
    store::v1::DocumentRecord record;
    const auto found =
        view->documents().Read(view->state().FindCollection("docs")->id, id, &record);
    CORDON_CHECK(found.ok() && *found);
    return record.document().title();
  }
  v1::SyncSourceResponse Listed(const std::string& documents, int count) {
    OpenListings open;
    SourceSync sync(&open);
    const Status taken = sync.Take(
        Context(),
        FromText<v1::SyncSourceRequest>("begin { collection: 'docs' source: 'wiki' } " + documents +
                                        "commit { documents: " + std::to_string(count) + " }"));
    EXPECT_TRUE(taken.ok()) << taken.ToString();
    const auto response = Asked<v1::SyncSourceResponse>(
        [&](auto done) { sync.Commit(Context(), /*stop=*/{}, done); });
    EXPECT_TRUE(response.ok()) << response.status().ToString();
    return response.ok() ? *response : v1::SyncSourceResponse();
  }

  std::vector<std::string> undefined_;  // of the last batch
};

TEST_F(LateDocuments, SomebodyLearnsWhatIsThere) {
  Written(One("there", 5));
  v1::IngestResponse there = Written(One("there", 4), Quiet());
  const auto undefined = undefined_;
  v1::IngestResponse absent = Written(One("absent", 4), Quiet());
  EXPECT_EQ(undefined, undefined_);
  EXPECT_THAT(undefined_, ElementsAre("group:none"));
  EXPECT_EQ(absent.revision(), there.revision() + 1);
  absent.set_revision(there.revision());
  EXPECT_EQ(there.DebugString(), absent.DebugString());
  EXPECT_EQ(there.accepted(), 1u);
  EXPECT_EQ(TitleOf("there"), "v5");
  const auto records = scratch_.Records("Ingest");
  ASSERT_EQ(records.size(), 3u);
  EXPECT_TRUE(records[1].mutation());
  EXPECT_THAT(records[1].documents(),
              ElementsAre(scratch_.tenant->pseudonyms.Of("document", "there")));
}

TEST_F(LateDocuments, AnAuditorIsNotToldWhich) {
  Written(One("a", 5) + One("b", 5));
  const auto told = Written("documents { id: 'bad' } " + One("a", 4) + One("new", 1) + One("b", 4));
  EXPECT_THAT(told.stale(), ElementsAre(1, 3)) << "places are those of the request";
  EXPECT_EQ(told.accepted(), 3u);
  EXPECT_EQ(told.refused_size(), 1);
  EXPECT_THAT(Written(One("a", 5)).stale(), IsEmpty());
}

// Which of them is written is not known before the writer's turn comes.
TEST_F(LateDocuments, TheOneThatIsLateIsFoundByItsWords) {
  const auto batch = FromText<store::v1::IngestBatch>(One("twice", 5) + One("twice", 4) +
                                                      One("twice", 3) + One("once", 1));
  const PreparedTexts texts(Language::kNone, batch);
  EXPECT_EQ(texts.Find(Language::kNone, "twice", 0), nullptr);
  EXPECT_NE(texts.Find(Language::kNone, "once", 0), nullptr);
}

TEST_F(LateDocuments, ABatchOfARunThatComesAgainWritesThem) {
  Written("run: 'load' batch: 1 " + One("a", 5));
  const auto late = Written("run: 'load' batch: 2 " + One("a", 4) + One("b", 1));
  EXPECT_THAT(late.stale(), ElementsAre(0));
  const auto again = Written("run: 'load' batch: 2 " + One("a", 4) + One("b", 1));
  EXPECT_EQ(again.revision(), late.revision());
  EXPECT_EQ(again.accepted(), 2u);
  EXPECT_THAT(again.stale(), IsEmpty());
  EXPECT_EQ(Outcome(Ingest("run: 'load' batch: 2 " + One("a", 6) + One("b", 1))),
            "FAILED_PRECONDITION: run");
  EXPECT_EQ(TitleOf("a"), "v5");
}

TEST_F(LateDocuments, AListingSetsThemBack) {
  const std::string of = "provenance { source: 'wiki' } ";
  Written(One("a", 5, of) + One("b", 5, of) + One("of another", 5));
  const auto differs = Listed(One("a", 4) + One("b", 6) + One("of another", 4), 3).difference();
  EXPECT_EQ(differs.unchanged(), 2u);
  EXPECT_EQ(differs.redescribed(), 1u);
  EXPECT_EQ(differs.removed() + differs.changed() + differs.added(), 0u);
  EXPECT_EQ(TitleOf("a") + TitleOf("b") + TitleOf("of another"), "v5v6v5");
}

}  // namespace
}  // namespace cordon
