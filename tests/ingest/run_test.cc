// Batches that come again: written twice, over what is newer, back from an erasure, with another
// content; and runs that are another's, too many, or told by their names.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/limits.h"
#include "tests/ingest/scratch_writer.h"

namespace cordon {
namespace {

class Runs : public ScratchWriter {
 protected:
  StatusOr<IngestedBatch> Send(uint64_t batch, const std::string& documents,
                               const std::string& run = "load", Grant grant = AllOf()) {
    return Ingest(fmt::format("run: '{}' batch: {} {}", run, batch, documents), std::move(grant));
  }
  uint64_t RevisionOf(const StatusOr<IngestedBatch>& answer) {
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return answer.ok() ? answer->response.revision() : 0;
  }
  v1::Checkpoint Ask(const std::string& run = "load") {
    const auto answer = Send(0, "", run);
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return answer.ok() ? answer->response.checkpoint() : v1::Checkpoint();
  }
  static std::string Titled(const std::string& id, const std::string& title) {
    std::string good = Good(id);
    return good.insert(good.size() - 2, "title: '" + title + "' ");
  }
  // "absent" if there is none.
  std::string TitleOf(const std::string& id) {
    const PinnedView view = Pin();
    store::v1::DocumentRecord record;
    const auto found =
        view->documents().Read(view->state().FindCollection("docs")->id, id, &record);
    CORDON_CHECK(found.ok());
    return *found ? record.document().title() : "absent";
  }
  // The keys and values of all stored runs.
  std::vector<std::string> Rows() {
    std::vector<std::string> rows;
    const std::string prefix = TenantPrefix(1) + "r";
    EXPECT_TRUE(scratch_.store.database()
                    .Scan(Family::kHeads, prefix,
                          [&](auto key, auto payload) {
                            rows.push_back(std::string(key) + std::string(payload));
                            return OkStatus();
                          })
                    .ok());
    return rows;
  }
};

constexpr char kEnd[] = "end_run: true ";

TEST_F(Runs, ABatchThatComesAgainIsWrittenAgain) {
  const uint64_t first = RevisionOf(Send(1, Titled("a", "old") + Titled("b", "old")));
  const uint64_t second = RevisionOf(Send(2, Titled("c", "old")));
  EXPECT_EQ(second, first + 1);
  // What is newer by somebody else, deleted or erased.
  ASSERT_TRUE(Ingest(Titled("a", "newer")).ok());
  ASSERT_TRUE((ScratchWriter::Send<v1::DeleteResponse, v1::DeleteRequest>(
                   Delete, "collection: 'docs' document: 'b'"))
                  .ok());
  ASSERT_TRUE((ScratchWriter::Send<v1::EraseResponse, v1::EraseRequest>(
                   Erase, "collection: 'docs' document: 'c'"))
                  .ok());
  const uint64_t before = Pin()->revision();
  const auto again = Send(1, Titled("a", "old") + Titled("b", "old"));
  EXPECT_EQ(RevisionOf(again), first);
  EXPECT_EQ(again->response.accepted(), 2u);
  EXPECT_EQ(again->response.batch(), 1u);
  EXPECT_EQ(RevisionOf(Send(2, Titled("c", "old"))), second);
  EXPECT_EQ(Pin()->revision(), before) << "a batch that was applied took a revision";
  EXPECT_EQ(TitleOf("a"), "newer");
  EXPECT_EQ(TitleOf("b"), "absent");
  EXPECT_EQ(TitleOf("c"), "absent");
  // Each answer has its record, and those of what was not written are no mutations.
  const auto records = scratch_.Records("Ingest");
  ASSERT_EQ(records.size(), 5u);
  EXPECT_TRUE(records[0].mutation() && records[1].mutation());
  EXPECT_FALSE(records[3].mutation() || records[4].mutation());
  EXPECT_EQ(records[3].outcome(), "OK");
  EXPECT_EQ(records[3].revision(), first);
  EXPECT_EQ(records[3].collection(), "docs");
  // The run goes on.
  EXPECT_EQ(RevisionOf(Send(3, Good("d"))), before + 1);
}

// Of a run, a batch of which nothing is accepted changes where it stands; of none, nothing changes.
TEST_F(Runs, ABatchOfRefusalsAloneHasTheRecordOfAnother) {
  const std::string bad = "documents { id: 'bad' } ";
  const uint64_t before = Pin()->revision();
  const auto of_run = Send(1, bad);
  EXPECT_EQ(RevisionOf(of_run), before + 1);
  EXPECT_EQ(of_run->response.refused_size(), 1);
  const auto alone = Ingest(bad);
  ASSERT_TRUE(alone.ok());
  EXPECT_EQ(alone->response.refused_size(), 1);
  EXPECT_EQ(Pin()->revision(), before + 1);
  const auto records = scratch_.Records("Ingest");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].outcome(), "OK");
  EXPECT_TRUE(records[0].mutation());
  EXPECT_EQ(records[0].revision(), before + 1);
  EXPECT_EQ(records[0].documents_size(), 0);
  EXPECT_EQ(records[1].outcome(), "INVALID_ARGUMENT");
  EXPECT_EQ(records[1].refused_field(), "documents");
  EXPECT_FALSE(records[1].mutation());
}

// On its way to the writer while its key is revoked: the first batch of a run is written, as any
// change is that was let in before, and begins the run anew, which nobody can go on with. A later
// one follows nothing any more.
TEST_F(Runs, ABatchOvertakenByTheRevocationOfItsKey) {
  const std::string grant =
      "principal: 'service:w' rights: RIGHT_INGEST collections: '*' clearance { symbol: SYMBOL_ALL "
      "}";
  const auto made = Asked<v1::CreateKeyResponse>([&](auto done) {
    CreateKey(Context(), FromText<v1::CreateKeyRequest>("grant { " + grant + " }"),
              {"default.key", "default.key.s", std::string(32, 'd')}, done);
  });
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  ASSERT_TRUE(Send(1, Good("a")).ok());
  ASSERT_TRUE(Send(2, Good("b")).ok());
  ASSERT_EQ(Rows().size(), 1u);
  ASSERT_TRUE((ScratchWriter::Send<v1::RevokeKeyResponse, v1::RevokeKeyRequest>(
                   RevokeKey, "id: 'default.key'"))
                  .ok());
  EXPECT_EQ(Rows().size(), 0u) << "the runs of a revoked key stay";
  EXPECT_EQ(Outcome(Send(3, Good("c"))), "FAILED_PRECONDITION: batch");
  EXPECT_EQ(TitleOf("c"), "absent");
  EXPECT_EQ(Rows().size(), 0u);
  EXPECT_EQ(RevisionOf(Send(1, Good("d"), "other")), Pin()->revision());
  EXPECT_EQ(Rows().size(), 1u);
  // The journal says it as it was: revoked first, then written by that key.
  const auto written = scratch_.Records("Ingest"), revoked = scratch_.Records("RevokeKey");
  ASSERT_EQ(written.size(), 4u);
  ASSERT_EQ(revoked.size(), 1u);
  EXPECT_EQ(written[2].outcome(), "FAILED_PRECONDITION");
  EXPECT_EQ(written[3].outcome(), "OK");
  EXPECT_EQ(written[3].key_id(), "default.key");
  EXPECT_GT(written[3].revision(), revoked[0].revision());
}

TEST_F(Runs, AnotherContentOrAGapIsTaken) {
  ASSERT_TRUE(Send(1, Titled("a", "one")).ok());
  ASSERT_TRUE(Send(2, Titled("b", "one")).ok());
  const uint64_t before = Pin()->revision();
  EXPECT_EQ(Outcome(Send(1, Titled("a", "two"))), "FAILED_PRECONDITION: run");
  EXPECT_EQ(Outcome(Send(2, "")), "FAILED_PRECONDITION: run");
  EXPECT_EQ(Outcome(Send(2, Titled("b", "one") + kEnd)), "FAILED_PRECONDITION: run");
  EXPECT_EQ(Outcome(Send(4, Good("d"))), "FAILED_PRECONDITION: batch");
  EXPECT_EQ(Outcome(Send(2, Good("d"), "unknown")), "FAILED_PRECONDITION: batch");
  EXPECT_EQ(Pin()->revision(), before);
  EXPECT_EQ(TitleOf("a"), "one");
  EXPECT_EQ(TitleOf("d"), "absent");
  EXPECT_EQ(Ask("unknown").batch(), 0u);
  // Where it goes on is no content, nor is why.
  EXPECT_EQ(RevisionOf(Send(2, Titled("b", "one") + "position: 'elsewhere' ")), before);
  EXPECT_EQ(RevisionOf(Send(2, Titled("b", "one") + "reason: 'once more' ")), before);
}

TEST_F(Runs, ACheckpointTellsLessThanWasApplied) {
  EXPECT_EQ(Ask().ShortDebugString(), "");
  ASSERT_TRUE(Send(1, Good("a") + Good("b") + "position: 'line 2' ").ok());
  ASSERT_TRUE(Send(2, Good("c") + "documents { id: 'bad' } position: 'line\\000 4' ").ok());
  const v1::Checkpoint at = Ask();
  EXPECT_EQ(at.batch(), 2u);
  EXPECT_EQ(at.accepted(), 3u);
  EXPECT_EQ(at.refused(), 1u);
  EXPECT_EQ(at.position(), std::string("line\0 4", 7));
  EXPECT_FALSE(at.ended());
  // Also one that accepts nothing is a batch, or the next would be no next one.
  ASSERT_TRUE(Send(3, "documents { id: 'bad' }").ok());
  ASSERT_TRUE(Send(4, kEnd).ok());
  EXPECT_EQ(Ask().batch(), 4u);
  EXPECT_EQ(Ask().refused(), 2u);
  EXPECT_TRUE(Ask().ended());
  EXPECT_TRUE(Send(4, kEnd).ok());
  EXPECT_EQ(Outcome(Send(5, Good("d"))), "FAILED_PRECONDITION: run");
}

// A client that died has not told of them; its successor has the same input, and counts.
TEST_F(Runs, WhatWasRefusedBeforeACrashIsInNoList) {
  const std::string bad = "documents { id: 'bad' } ";
  ASSERT_TRUE(Send(1, Good("a") + bad + Good("b")).ok());
  ASSERT_TRUE(Send(2, bad + bad).ok());
  ASSERT_TRUE(Send(3, Good("c")).ok());
  v1::Checkpoint at = Ask();
  using Places = std::vector<uint64_t>;
  const auto places = [&] {
    return Places(at.refused_places().begin(), at.refused_places().end());
  };
  EXPECT_EQ(places(), (Places{1, 3, 4}));
  EXPECT_EQ(at.places_from(), 0u);
  // Those of the batches that are compared, and no more.
  const auto last = static_cast<uint64_t>(limits::kRunBatches) + 2;
  for (uint64_t batch = 4; batch <= last; ++batch) ASSERT_TRUE(Send(batch, bad).ok());
  at = Ask();
  EXPECT_EQ(at.places_from(), 5u);
  ASSERT_EQ(at.refused_places_size(), static_cast<int>(limits::kRunBatches) - 1);
  EXPECT_EQ(at.refused_places(0), 6u);
  EXPECT_EQ(at.refused(), at.refused_places_size() + 3u);
}

// Two processes that were started for one input, past what keeps streams apart.
TEST_F(Runs, OneBatchIsSentTwiceAtOnce) {
  constexpr size_t kClients = 4;
  constexpr uint64_t kBatches = 50;
  const uint64_t before = Pin()->revision();
  uint64_t told_again = 0, turned_away = 0;
  for (uint64_t batch = 1; batch <= kBatches; ++batch) {
    std::vector<std::thread> clients;
    std::vector<std::optional<StatusOr<IngestedBatch>>> answers(kClients);
    for (size_t client = 0; client < kClients; ++client) {
      clients.emplace_back([&, client] {
        answers[client] = Send(batch, Titled("a", std::to_string(batch)) + Good("b"));
      });
    }
    for (auto& client : clients) client.join();
    uint64_t good = 0;
    for (const auto& answer : answers) {
      if (answer->ok()) {
        ++good;
        EXPECT_EQ((*answer)->response.revision(), before + batch);
        EXPECT_EQ((*answer)->response.accepted(), 2u);
      } else {
        ++turned_away;
        EXPECT_EQ(Outcome(*answer), "ABORTED: run");
      }
    }
    EXPECT_GE(good, 1u);
    told_again += good - 1;
    ASSERT_EQ(Pin()->revision(), before + batch) << "it had its effect twice, or never";
    ASSERT_EQ(TitleOf("a"), std::to_string(batch));
  }
  EXPECT_EQ(Ask().accepted(), 2 * kBatches);
  EXPECT_EQ(told_again + turned_away, kBatches * (kClients - 1));
}

TEST_F(Runs, RefusalsAreNotToldAgain) {
  const std::string batch =
      "documents { id: 'bad' } " + Good("a") + "documents { id: 'worse' chunks { text: 't' } } ";
  const auto first = Send(1, batch);
  const auto again = Send(1, batch);
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(again->response.ShortDebugString(), first->response.ShortDebugString());
  EXPECT_EQ(again->response.refused_size(), 2);
  // What is right by now was refused all the same.
  Grant less = AllOf();
  less.rights = Rights();
  less.rights.Add(Right::kIngest);
  const auto refused = Send(1, Good("a"), "other", less);
  ASSERT_EQ(refused->response.refused_size(), 1);
  const auto later = Send(1, Good("a"), "other");
  ASSERT_TRUE(later.ok()) << later.status().ToString();
  ASSERT_EQ(later->response.refused_size(), 1);
  EXPECT_EQ(later->response.refused(0).id(), "a");
  EXPECT_EQ(later->response.accepted(), 0u);
}

TEST_F(Runs, AKeyLearnsOfAnothersOrOfOneThatItMayNotAskFor) {
  ASSERT_TRUE(Send(1, Good("a")).ok());
  WriteContext other = Context();
  other.caller = Authenticator::Prove(AllOf(), false, "default", "default.other");
  const auto send = [&](const std::string& text) {
    auto request = FromText<v1::IngestRequest>("collection: 'docs' run: 'load' " + text);
    return Asked<IngestedBatch>([&](auto done) { IngestDocuments(other, request, done); });
  };
  EXPECT_EQ(send("batch: 0")->response.checkpoint().batch(), 0u);
  EXPECT_EQ(Outcome(send("batch: 2 " + Good("b"))), "FAILED_PRECONDITION: batch");
  EXPECT_TRUE(send("batch: 1 " + Good("b")).ok());
  EXPECT_EQ(TitleOf("b"), "");
  Grant none = AllOf();
  none.rights = Rights();
  EXPECT_EQ(Outcome(Send(0, "", "load", none)), "PERMISSION_DENIED: rights");
  EXPECT_EQ(Outcome(Send(1, Good("a"), "load", none)), "PERMISSION_DENIED: rights");
  Grant elsewhere = AllOf();
  elsewhere.collections = {"typed"};
  EXPECT_EQ(Outcome(Send(1, Good("a"), "load", elsewhere)), "NOT_FOUND: collection");
}

TEST_F(Runs, FieldsThatMeanNothing) {
  for (const auto& [text, outcome] : std::vector<std::pair<std::string, std::string>>{
           {"end_run: true " + Good("a"), "INVALID_ARGUMENT: end_run"},
           {"position: 'x' " + Good("a"), "INVALID_ARGUMENT: position"},
           {"run: 'r' batch: 0 " + Good("a"), "INVALID_ARGUMENT: batch"},
           {"run: 'r' batch: 0 end_run: true", "INVALID_ARGUMENT: batch"},
           {"run: 'a\\nb' batch: 1", "INVALID_ARGUMENT: run"},
           {"run: '" + std::string(limits::kRunBytes + 1, 'r') + "' batch: 1",
            "INVALID_ARGUMENT: run"},
           {"run: 'r' batch: 1 position: '" + std::string(limits::kRunPositionBytes + 1, 'p') + "'",
            "INVALID_ARGUMENT: position"}}) {
    EXPECT_EQ(Outcome(Ingest(text)), outcome) << text;
  }
  EXPECT_TRUE(Rows().empty());
  EXPECT_TRUE(Ingest("run: '" + std::string(limits::kRunBytes, 'r') + "' batch: 1 position: '" +
                     std::string(limits::kRunPositionBytes, 'p') + "'")
                  .ok());
}

// At kRunBatches and beyond.
TEST_F(Runs, OneGrowsWithoutEnd) {
  const auto last = static_cast<uint64_t>(limits::kRunBatches) + 5;
  for (uint64_t batch = 1; batch <= last; ++batch) ASSERT_TRUE(Send(batch, Good("a")).ok());
  EXPECT_EQ(Outcome(Send(5, Good("a"))), "FAILED_PRECONDITION: batch");
  EXPECT_TRUE(Send(6, Good("a")).ok());
  EXPECT_EQ(Ask().accepted(), last);
}

// At kRunsPerKey, kRunAge_s and beyond.
TEST_F(Runs, ThereAreMoreAndMoreOfThem) {
  const auto begin = [&](size_t i) { return Send(1, Good("a"), "run" + std::to_string(i)); };
  for (size_t i = 0; i < limits::kRunsPerKey; ++i) ASSERT_TRUE(begin(i).ok());
  EXPECT_EQ(Outcome(begin(9999)), "FAILED_PRECONDITION: run");
  EXPECT_TRUE(Send(2, Good("b"), "run7").ok()) << "one of them goes on";
  ASSERT_TRUE(Send(2, kEnd, "run3").ok());
  EXPECT_TRUE(begin(9999).ok());
  EXPECT_EQ(Rows().size(), limits::kRunsPerKey);
  // One that made room is not taken for a new one.
  EXPECT_EQ(Outcome(Send(2, kEnd, "run3")), "FAILED_PRECONDITION: batch");
  scratch_.wall += limits::kRunAge_s * 1'000'000 - 1;
  EXPECT_EQ(Outcome(begin(10'000)), "FAILED_PRECONDITION: run");
  scratch_.wall += 2;
  EXPECT_TRUE(begin(10'000).ok());
  EXPECT_EQ(Rows().size(), 1u) << "what nobody goes on with stays";
}

TEST_F(Runs, TheirNamesOrDigestsAreStored) {
  const std::string batch = Titled("a", "the-title");
  ASSERT_TRUE(Send(1, batch + "position: 'the-position' ", "the-run").ok());
  ASSERT_EQ(Rows().size(), 1u);
  auto request = FromText<v1::IngestRequest>("collection: 'docs' run: 'the-run' batch: 1 " + batch);
  const std::string digest(AsBytes(Sha256(request.SerializeAsString())));
  for (const std::string& name :
       {std::string("the-run"), std::string("the-position"), std::string("default.key"), digest}) {
    EXPECT_EQ(Rows()[0].find(name), std::string::npos) << name;
  }
}

TEST_F(Runs, OneOutlivesItsCollection) {
  ASSERT_TRUE(Send(1, Good("a")).ok());
  ASSERT_TRUE((ScratchWriter::Send<v1::DeleteCollectionResponse, v1::DeleteCollectionRequest>(
                   DeleteCollection, "name: 'docs'"))
                  .ok());
  EXPECT_TRUE(Rows().empty());
}

}  // namespace
}  // namespace cordon
