// An endpoint that receives texts without a word of it in the journal, or is named without them.
#include "engine/embed/endpoint.h"

#include <gtest/gtest.h>

#include "engine/ingest/source_sync.h"
#include "tests/ingest/scratch_writer.h"

namespace cordon {
namespace {

// A collection that an endpoint which never answers embeds for.
class EmbeddedByAnEndpoint : public ScratchWriter {
 protected:
  EmbeddedByAnEndpoint() {
    scratch_.Do(
        "create_collection { name: 'sent' dimension: 2 metric: METRIC_COSINE embedder: "
        "EMBEDDER_HTTP embedding_endpoint: 'embed' model: 'm' }");
    scratch_.Do(
        "policy { destinations { destination { name: 'embed' scope: 3 ceiling { level: "
        "'internal' } } } }");
    scratch_.Do(
        "ingest { collection: 'sent' documents { id: 'stored' acl { allow { principal: 'everyone' "
        "} } label { level: 'internal' } provenance { source: 'wiki' } chunks { text: 'a text' "
        "embedding: 1 embedding: 0 } } }");
  }

  // The journal's record of a batch, after the call has ended as `outcome` says.
  journal::v1::Record RecordOfBatch(const std::string& documents, const std::string& outcome) {
    auto request = FromText<v1::IngestRequest>("collection: 'sent' " + documents);
    WriteContext context = Context();
    context.endpoints = &endpoints_;
    const auto ingested = Asked<IngestedBatch>(
        [&](auto done) { IngestDocuments(context, std::move(request), done); });
    EXPECT_EQ(Outcome(ingested), outcome);
    const auto records = scratch_.Records("Ingest");
    EXPECT_FALSE(records.empty());
    return records.empty() ? journal::v1::Record() : records.back();
  }

  static std::string Document(const std::string& id, const std::string& level) {
    return "documents { id: '" + id + "' acl { allow { principal: 'everyone' } } label { level: '" +
           level + "' } text: 'a text' } ";
  }

  // The refusal of one message of a listing, and how many endpoints its record names.
  std::string Listed(const std::string& documents, int* endpoints, Grant grant = AllOf()) {
    OpenListings open;
    SourceSync sync(&open);
    WriteContext context = Context(std::move(grant));
    context.endpoints = &endpoints_;
    const Status taken = sync.Take(
        context,
        FromText<v1::SyncSourceRequest>(
            "begin { collection: 'sent' source: 'wiki' allow_removals: true } " + documents));
    const auto ended = Asked<int>([&](auto done) {
      const auto told = [done](const Status& status) {
        done(status.ok() ? StatusOr<int>(0) : StatusOr<int>(status));
      };
      if (taken.ok()) return sync.Send(context, told);
      sync.Refuse(context, taken, told);
    });
    *endpoints = scratch_.Records("SyncSource").back().endpoints_size();
    return Outcome(ended);
  }

  static EndpointConfig Silent() {
    EndpointConfig config;
    config.name = "embed";
    config.target.url = "http://127.0.0.1:1/v1/embeddings";  // nobody listens there
    config.model = "m";
    config.dimension = 2;
    config.deadline_ms = 50;
    return config;
  }

  Endpoints endpoints_{{Silent()}};
};

TEST_F(EmbeddedByAnEndpoint, ARefusalHidesWhomItsTextsWereSentTo) {
  const auto record = RecordOfBatch(Document("a", "internal"), "UNAVAILABLE: endpoint");
  ASSERT_EQ(record.endpoints_size(), 1);
  EXPECT_EQ(record.endpoints(0), "embed");
}

TEST_F(EmbeddedByAnEndpoint, IsNamedThoughNothingWasSent) {
  const auto record = RecordOfBatch(Document("a", "restricted"), "OK");
  EXPECT_EQ(record.outcome(), "INVALID_ARGUMENT");
  EXPECT_EQ(record.endpoints_size(), 0);
  EXPECT_EQ(RecordOfBatch(Document("a", "internal") + "embedding_model: 'other'",
                          "INVALID_ARGUMENT: embedding_model")
                .endpoints_size(),
            0);
}

// What is only tried is refused as it would be, and nothing is sent for it.
TEST_F(EmbeddedByAnEndpoint, GetsTextsThatAreOnlyTried) {
  WriteContext context = Context();
  context.endpoints = &endpoints_;
  const auto trial =
      TryChange(context, FromText<v1::SimulateRequest>("ingest { collection: 'sent' " +
                                                       Document("a", "internal") +
                                                       Document("b", "restricted") + "}"));
  ASSERT_TRUE(trial.ok()) << trial.status().ToString();
  ASSERT_EQ(trial->rows.size(), 1u);
  EXPECT_EQ(trial->rows[0].document, "a");
  ASSERT_EQ(trial->refused.size(), 1u);
  EXPECT_EQ(trial->refused[0].index(), 1u);
  const auto listed = TryChange(
      context,
      FromText<v1::SimulateRequest>("listing { begin { collection: 'sent' source: 'web' } " +
                                    Document("a", "internal") + Document("b", "restricted") +
                                    "commit { documents: 2 } }"));
  ASSERT_TRUE(listed.ok()) << listed.status().ToString();
  EXPECT_EQ(listed->rows.size(), 1u);
  EXPECT_EQ(listed->refused.size(), 1u);
  EXPECT_TRUE(scratch_.Records("SendToEndpoint").empty());
  // The real one is refused alike, and is the only one to send the other's text.
  EXPECT_EQ(RecordOfBatch(Document("a", "internal") + Document("b", "restricted"),
                          "UNAVAILABLE: endpoint")
                .endpoints_size(),
            1);
  context.endpoints = nullptr;
  EXPECT_FALSE(
      TryChange(context, FromText<v1::SimulateRequest>("ingest { collection: 'sent' }")).ok());
}

TEST_F(EmbeddedByAnEndpoint, ReceivesTextsBeforeTheJournalHasThem) {
  RecordOfBatch(Document("a", "internal") + Document("b", "restricted"), "UNAVAILABLE: endpoint");
  const auto sent = scratch_.Records("SendToEndpoint");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].destination(), "embed");
  EXPECT_EQ(sent[0].collection(), "sent");
  ASSERT_EQ(sent[0].documents_size(), 1) << "the other one may not go";
  EXPECT_EQ(sent[0].documents(0), scratch_.tenant->pseudonyms.Of("document", "a"));
  EXPECT_EQ(sent[0].passages(), 0u) << "it was the caller's, not the store's";
  EXPECT_LT(sent[0].sequence(), scratch_.Records("Ingest").back().sequence());
  scratch_.disk.fail = true;
  WriteContext context = Context();
  context.endpoints = &endpoints_;
  const auto ingested = Asked<IngestedBatch>([&](auto done) {
    IngestDocuments(context,
                    FromText<v1::IngestRequest>("collection: 'sent' " + Document("c", "internal")),
                    done);
  });
  EXPECT_EQ(ingested.status().code(), StatusCode::kUnavailable);
  EXPECT_NE(ingested.status().field(), "endpoint") << "it was not asked";
}

TEST_F(EmbeddedByAnEndpoint, ReceivesWhatAListingDoesNotChange) {
  int endpoints = -1;
  EXPECT_EQ(Listed(Document("stored", "internal"), &endpoints), "OK");
  EXPECT_EQ(endpoints, 0);
  EXPECT_EQ(Listed(Document("stored", "public"), &endpoints), "OK") << "its label alone";
  EXPECT_EQ(endpoints, 0);
  EXPECT_EQ(Listed(Document("new", "internal"), &endpoints), "UNAVAILABLE: endpoint");
  EXPECT_EQ(endpoints, 1);
}

// A dry run shows what the listing would do: also what the endpoint may not have.
TEST_F(EmbeddedByAnEndpoint, WouldNotReceiveWhatADryRunCounts) {
  OpenListings open;
  SourceSync sync(&open);
  WriteContext context = Context();
  context.endpoints = &endpoints_;
  const auto message = FromText<v1::SyncSourceRequest>(
      "begin { collection: 'sent' source: 'wiki' dry_run: true allow_removals: true } " +
      Document("new", "internal") + Document("secret", "restricted") + "commit { documents: 2 }");
  ASSERT_TRUE(sync.Take(context, message).ok());
  const auto response =
      Asked<v1::SyncSourceResponse>([&](auto done) { sync.Commit(context, /*stop=*/{}, done); });
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->difference().added(), 1u);
  ASSERT_EQ(response->refused_size(), 1);
  EXPECT_EQ(response->refused(0).id(), "secret");
  EXPECT_EQ(response->refused(0).index(), 1u);
  EXPECT_EQ(scratch_.Records("SyncSource").back().endpoints_size(), 0) << "nothing is sent";
}

// By what is sent, refused or fails they would learn what a document that they may not see says.
TEST_F(EmbeddedByAnEndpoint, TellsWhatIsStoredToWhoMayNotAudit) {
  Grant writer = AllOf();
  writer.rights = Rights();
  for (const Right right : {Right::kIngest, Right::kGrant, Right::kLabel}) writer.rights.Add(right);
  int endpoints = -1;
  for (const std::string id : {"stored", "new"}) {
    EXPECT_EQ(Listed(Document(id, "internal"), &endpoints, writer), "UNAVAILABLE: endpoint") << id;
    EXPECT_EQ(endpoints, 1) << id;
    EXPECT_EQ(Listed(Document(id, "restricted"), &endpoints, writer), "OK") << id;
  }
  const PinnedView view = Pin();
  store::v1::DocumentRecord record;
  const auto found =
      view->documents().Read(view->state().FindCollection("sent")->id, "stored", &record);
  ASSERT_TRUE(found.ok() && *found);
  EXPECT_EQ(record.document().label().level(), "internal") << "the other one was refused";
}

}  // namespace
}  // namespace cordon
