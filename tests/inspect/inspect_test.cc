// Questions about a tenant that answer too much, to the wrong people, or wrongly.
#include "engine/inspect/inspect.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/base/limits.h"
#include "tests/view/asked.h"
#include "tests/view/scratch_tenant.h"

namespace cordon {
namespace {

class Inspect : public testing::Test {
 protected:
  void SetUp() override {
    scratch_.Do(IngestOf("open", "allow { principal: 'everyone' } deny { principal: 'group:x' }",
                         "level: 'public'"));
    scratch_.Do(IngestOf("closed", "allow { principal: 'user:ana' }", "level: 'restricted'"));
  }
  static Grant Only(Right right) {
    Grant grant = AllOf();
    grant.rights = Rights();
    grant.rights.Add(right);
    return grant;
  }
  StatusOr<v1::ExplainResponse> Why(const std::string& document, const std::string& as,
                                    Grant grant = Only(Right::kAudit)) {
    v1::ExplainRequest request;
    request.set_collection("docs");
    request.set_document(document);
    request.set_as(as);
    return Asked<v1::ExplainResponse>(
        [&](auto done) { Explain(scratch_.Read(std::move(grant)), request, done); });
  }
  StatusOr<v1::StatsResponse> Figures(const std::string& as, Grant grant,
                                      const std::string& collection = "docs") {
    v1::StatsRequest request;
    request.set_collection(collection);
    request.set_as(as);
    return Asked<v1::StatsResponse>(
        [&](auto done) { Stats(scratch_.Read(std::move(grant)), request, done); });
  }
  StatusOr<v1::QueryJournalResponse> Journal(uint32_t limit, const std::string& id,
                                             Grant grant = Only(Right::kAudit)) {
    v1::QueryJournalRequest request;
    request.set_limit(limit);
    request.set_journal_id(id);
    return Asked<v1::QueryJournalResponse>(
        [&](auto done) { QueryJournal(scratch_.Read(std::move(grant)), request, done); });
  }

  ScratchTenant scratch_{{kDocs}};
};

TEST_F(Inspect, AnExplanationDisagreesWithTheDecision) {
  EXPECT_TRUE(Why("open", "user:ana")->permitted());
  const auto no = Why("closed", "user:eve");
  ASSERT_TRUE(no.ok());
  EXPECT_FALSE(no->permitted());
  ASSERT_GT(no->clauses_size(), 0);
  bool some_refuse = false;
  for (const auto& clause : no->clauses()) some_refuse |= !clause.permitted();
  EXPECT_TRUE(some_refuse);
  // ana is allowed by the list; it is the label that keeps her out.
  const auto label = Why("closed", "user:ana");
  EXPECT_FALSE(label->permitted());
  for (const auto& clause : label->clauses()) {
    EXPECT_EQ(clause.permitted(), clause.name() != "user clearance") << clause.name();
  }
}

TEST_F(Inspect, AnyoneMayAsk) {
  for (const Right right : kAllRights) {
    const bool audit = right == Right::kAudit, admin = right == Right::kAdmin;
    EXPECT_EQ(Why("open", "user:ana", Only(right)).ok(), audit) << RightName(right);
    EXPECT_EQ(Figures("user:ana", Only(right)).ok(), audit) << RightName(right);
    EXPECT_EQ(Figures("", Only(right)).ok(), admin) << RightName(right);
    EXPECT_EQ(Journal(1, "", Only(right)).ok(), audit) << RightName(right);
    EXPECT_EQ(Asked<v1::ListKeysResponse>([&](auto done) {
                ListKeys(scratch_.Read(Only(right)), done);
              }).ok(),
              admin);
    EXPECT_EQ(Asked<v1::ListCollectionsResponse>([&](auto done) {
                ListCollections(scratch_.Read(Only(right)), done);
              }).ok(),
              admin);
    EXPECT_TRUE(Asked<v1::CapabilitiesResponse>([&](auto done) {
                  Capabilities(scratch_.Read(Only(right)), done);
                }).ok());
  }
}

TEST_F(Inspect, TheFiguresCountWhatIsHidden) {
  const auto all = Figures("", Only(Right::kAdmin));
  EXPECT_EQ(all->documents(), 2u);
  EXPECT_EQ(all->chunks(), 2u);
  EXPECT_EQ(all->undefined_principals(), 1u);
  EXPECT_FALSE(all->has_visible_chunks());
  EXPECT_EQ(Figures("user:eve", Only(Right::kAudit))->visible_chunks(), 1u);
  EXPECT_EQ(Figures("service:x", Only(Right::kAudit))->visible_chunks(), 0u);
}

// The clearance of a service is that of its keys: who counts it as lower tells another truth than
// retrieval.
TEST_F(Inspect, TheFiguresOfAServiceLeaveOutItsKeys) {
  scratch_.Do(IngestOf("for-x", "allow { principal: 'service:x' }", "level: 'internal'"));
  EXPECT_EQ(Figures("service:x", Only(Right::kAudit))->visible_chunks(), 0u) << "it has no key";
  scratch_.Do(
      "key { id: 'default.k' record { digest: 'd' grant { principal: 'service:x' "
      "rights: RIGHT_QUERY clearance { level: 'internal' } } } }");
  EXPECT_EQ(Figures("service:x", Only(Right::kAudit))->visible_chunks(), 1u);
  EXPECT_TRUE(Why("for-x", "service:x")->permitted());
  scratch_.Do("directory { principals { name: 'service:x' clearance { level: 'public' } } }");
  EXPECT_EQ(Figures("service:x", Only(Right::kAudit))->visible_chunks(), 0u);
  EXPECT_EQ(Outcome(Figures("group:x", Only(Right::kAudit))), "INVALID_ARGUMENT: as");
}

// The development key is stored nowhere, and has every clearance all the same.
TEST_F(Inspect, TheDevelopmentKeyIsJudgedLow) {
  scratch_.Do(IngestOf("for-dev", "allow { principal: 'service:dev' }", "level: 'restricted'"));
  for (const bool dev : {false, true}) {
    ReadContext context = scratch_.Read(AllOf());
    context.caller = Authenticator::Prove(AllOf(), dev);
    const auto why = Asked<v1::ExplainResponse>([&](auto done) {
      Explain(
          context,
          FromText<v1::ExplainRequest>("collection: 'docs' document: 'for-dev' as: 'service:dev'"),
          done);
    });
    EXPECT_EQ(why->permitted(), dev);
    const auto who = Asked<v1::WhoCanSeeResponse>([&](auto done) {
      WhoCanSee(context, FromText<v1::WhoCanSeeRequest>("collection: 'docs' document: 'for-dev'"),
                done);
    });
    EXPECT_EQ(who->principals_size(), dev ? 1 : 0);
    const auto figures = Asked<v1::StatsResponse>([&](auto done) {
      Stats(context, FromText<v1::StatsRequest>("collection: 'docs' as: 'service:dev'"), done);
    });
    EXPECT_EQ(figures->visible_chunks(), dev ? 1u : 0u);
  }
}

TEST_F(Inspect, AHiddenCollectionDiffersFromAnAbsentOne) {
  Grant other = AllOf();
  other.collections = {"other", "absent"};
  for (const char* as : {"", "user:ana"}) {
    EXPECT_EQ(Figures(as, other).status().ToString(),
              Figures(as, other, "absent").status().ToString());
  }
  EXPECT_EQ(Figures("", other).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Asked<v1::ListCollectionsResponse>([&](auto done) {
              ListCollections(scratch_.Read(other), done);
            })->collections_size(),
            0);
}

class NamedUsers : public Inspect {
 protected:
  static std::string In(const std::string& collection, std::string mutation) {
    return mutation.replace(mutation.find("'docs'"), 6, "'" + collection + "'");
  }
  void SetUp() override {
    Inspect::SetUp();
    scratch_.Do(In("hidden", kDocs));
    scratch_.Do(
        "policy { containers { container { name: 'folder:/hidden' acl { inherit: 'folder:/above' "
        "allow { principal: 'user:below' } } } } containers { container { name: 'folder:/above' "
        "acl { allow { principal: 'user:above' } } } } containers { container { name: "
        "'folder:/idle' acl { allow { principal: 'user:idle' } } } } }");
    scratch_.Do(In("hidden", IngestOf("h",
                                      "allow { principal: 'user:hid' } deny { principal: "
                                      "'user:barred' } inherit: 'folder:/hidden'",
                                      "level: 'public'")));
  }
  // Those of whom an auditor of these collections learns that they see an open document.
  std::string Who(std::vector<std::string> collections) {
    Grant grant = Only(Right::kAudit);
    grant.collections = std::move(collections);
    const auto who = Asked<v1::WhoCanSeeResponse>([&](auto done) {
      WhoCanSee(scratch_.Read(grant),
                FromText<v1::WhoCanSeeRequest>("collection: 'docs' document: 'open'"), done);
    });
    EXPECT_TRUE(who.ok()) << who.status().ToString();
    EXPECT_TRUE(who->everyone());
    EXPECT_EQ(who->total(), static_cast<uint64_t>(who->principals_size()));
    std::string names;
    for (const auto& name : who->principals()) names += name.substr(5) + " ";
    return names;
  }
  // How many the report of a key that may forward everybody's token counts.
  uint64_t Counted(std::vector<std::string> collections) {
    Grant grant = Only(Right::kAudit);
    grant.collections = std::move(collections);
    const auto report = Asked<v1::AccessReportResponse>([&](auto done) {
      AccessReport(scratch_.Read(grant), FromText<v1::AccessReportRequest>("key_id: 'default.t'"),
                   done);
    });
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report->judged();
  }
};

TEST_F(NamedUsers, ListsOfAHiddenCollectionNameUsers) {
  EXPECT_EQ(Who({"docs"}), "ana ");
  EXPECT_EQ(Who({"docs", "hidden"}), "above ana barred below hid ");
  EXPECT_EQ(Who({"*"}), "above ana barred below hid ");
  scratch_.Do("directory { principals { name: 'user:hid' clearance { level: 'public' } } }");
  EXPECT_EQ(Who({"docs"}), "ana hid ") << "the directory is everybody's";
}

TEST_F(NamedUsers, AReportCountsUsersOfAHiddenCollection) {
  scratch_.Do(
      "policy { destinations { destination { name: 'chat' scope: 3 ceiling { level: "
      "'public' } } } }");
  scratch_.Do(
      "key { id: 'default.t' record { digest: 'd' grant { principal: 'service:t' rights: "
      "RIGHT_QUERY rights: RIGHT_ACT_AS collections: '*' destinations: '*' } } }");
  EXPECT_EQ(Counted({"docs"}), 2u) << "itself and ana";
  EXPECT_EQ(Counted({"*"}), 6u);
}

TEST_F(NamedUsers, ListsOfWhatIsGoneNameUsers) {
  scratch_.Do("delete_document { collection: 'docs' document: 'closed' }");
  EXPECT_EQ(Who({"docs"}), "");
  scratch_.Do("delete_document { collection: 'hidden' document: 'h' }");
  EXPECT_EQ(Who({"*"}), "");
}

TEST_F(Inspect, AListedKeyShowsItsSecret) {
  scratch_.Do(
      "key { id: 'default.k' record { digest: 'THEDIGEST' grant { principal: 'service:x' "
      "rights: RIGHT_QUERY } } }");
  const auto keys = Asked<v1::ListKeysResponse>(
      [&](auto done) { ListKeys(scratch_.Read(Only(Right::kAdmin)), done); });
  ASSERT_EQ(keys->keys_size(), 1);
  EXPECT_EQ(keys->keys(0).id(), "default.k");
  EXPECT_EQ(keys->keys(0).grant().principal(), "service:x");
  EXPECT_EQ(keys->SerializeAsString().find("THEDIGEST"), std::string::npos);
}

TEST_F(Inspect, ARecordOfAnotherTenantIsFound) {
  ASSERT_TRUE(Why("open", "user:ana").ok());
  const auto last = Journal(1, "");
  ASSERT_EQ(last->lines_size(), 1);
  EXPECT_EQ(last->lines(0).call(), "Explain");
  EXPECT_EQ(Journal(0, last->lines(0).journal_id())->lines(0).call(), "Explain");
  for (const char* other : {"acme-1", "default-999", "default-0", "default-", "default-1x",
                            "default--1", "1", "default-99999999999999999999"}) {
    EXPECT_EQ(Outcome(Journal(0, other)).substr(0, 9), "NOT_FOUND") << other;
  }
  EXPECT_EQ(Outcome(Journal(limits::kJournalLines, "")), "OK");
  EXPECT_EQ(Outcome(Journal(limits::kJournalLines + 1, "")), "INVALID_ARGUMENT: limit");
}

// Rights to audit are for the collections of the key: of others nothing is told, not even by a call
// that names none.
TEST_F(Inspect, TheJournalTellsOfWhatTheRightDoesNotCover) {
  const auto write = [&](const std::string& text) {
    const auto receipts =
        scratch_.tenant->journal->AppendBatch({FromText<journal::v1::Record>(text)});
    CORDON_CHECK(receipts.ok());
    return receipts->front().id();
  };
  Grant grant = Only(Right::kAudit);
  grant.collections = {"docs"};
  const std::string self = scratch_.tenant->pseudonyms.Of("principal", grant.principal);
  const std::string other = "key_id: 'default.other' actor: 'somebody' ";
  const std::string mine = "key_id: 'default.key' actor: '" + self + "' ";
  const std::string covered[] = {
      write(other + "call: 'Retrieve' collection: 'docs' "),
      write(other + "call: 'Export' collection: 'docs' mutation: true "),
      write(other + "call: 'ApplyDirectory' mutation: true "),
      write(mine + "call: 'AccessReport' "),
      write(other + "call: 'ErasureVerified' collection: 'docs' "),
  };
  const std::string hidden[] = {
      write(other + "call: 'Retrieve' collection: 'hr' purpose: 'merger' "),
      write(other + "call: 'Export' collection: 'hr' mutation: true reason: 'merger' "),
      write(other + "call: 'Retrieve' outcome: 'NOT_FOUND' refused_field: 'collection' "),
      write(other + "call: 'AccessReport' "),
      write("key_id: 'default.key' actor: 'another' call: 'AccessReport' "),
      write(other + "call: 'DeleteCollection' collection: 'hr' dropped_collection: 2 "
                    "mutation: true "),
      write(other + "call: 'Erase' dropped_collection: 2 mutation: true "),
      write(other + "call: 'ErasureVerified' dropped_collection: 2 "),
  };
  const auto shown = [&](const Grant& by, uint32_t limit) {
    std::vector<std::string> ids;
    const auto answer = Journal(limit, "", by);
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    if (!answer.ok()) return ids;
    for (const auto& line : answer->lines()) ids.push_back(line.journal_id());
    return ids;
  };
  EXPECT_EQ(shown(grant, 100), std::vector(std::begin(covered), std::end(covered)));
  const std::string absent = Journal(0, "default-9999", grant).status().ToString();
  for (const auto& id : covered) EXPECT_TRUE(Journal(0, id, grant).ok()) << id;
  for (const auto& id : hidden) {
    EXPECT_EQ(Journal(0, id, grant).status().ToString(), absent) << id;
    EXPECT_TRUE(Journal(0, id).ok()) << id << ": an auditor of all collections has it";
  }
  // The newest are found behind whatever others have done since; but for its own questions.
  for (int i = 0; i < 600; ++i) write(other + "call: 'Retrieve' collection: 'hr' ");
  const auto newest = shown(grant, 100);
  EXPECT_EQ(std::count(newest.begin(), newest.end(), covered[0]), 1);
  EXPECT_EQ(std::count(newest.begin(), newest.end(), covered[4]), 1);
  for (const auto& id : hidden) EXPECT_EQ(std::count(newest.begin(), newest.end(), id), 0) << id;
  EXPECT_EQ(shown(grant, 1).size(), 1u);
  grant.collections.clear();
  const auto without = Journal(1000, "", grant);
  ASSERT_TRUE(without.ok());
  for (const auto& line : without->lines()) EXPECT_EQ(line.collection(), "");
  // Who may use all collections has every record.
  const auto all = Journal(1000, "");
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(all->lines(0).journal_id(), "default-1");
}

TEST_F(Inspect, TheHistoryTellsOfWhatTheRightDoesNotCover) {
  scratch_.Do(
      "create_collection { name: 'hr' dimension: 2 metric: METRIC_COSINE "
      "embedder: EMBEDDER_NONE }");
  scratch_.Do("policy { compartments { names: 'people' } }");
  scratch_.Do("delete_collection { name: 'hr' }");
  Grant grant = Only(Right::kAudit);
  const auto calls = [&](const std::string& collection, uint32_t limit) {
    grant.collections = {collection};
    v1::PolicyHistoryRequest request;
    request.set_limit(limit);
    const auto answer = Asked<v1::PolicyHistoryResponse>(
        [&](auto done) { PolicyHistory(scratch_.Read(grant), request, done); });
    std::vector<std::string> told;
    for (const auto& change : answer->changes()) told.push_back(change.call());
    if (answer->more()) told.push_back("more");
    return told;
  };
  using Calls = std::vector<std::string>;
  EXPECT_EQ(calls("docs", 9), (Calls{"CreateCollection", "ApplyPolicy"}));
  EXPECT_EQ(calls("docs", 2), (Calls{"CreateCollection", "ApplyPolicy"}));
  EXPECT_EQ(calls("docs", 1), (Calls{"ApplyPolicy", "more"}));
  EXPECT_EQ(calls("other", 9), (Calls{"ApplyPolicy"}));
  EXPECT_EQ(calls("*", 9),
            (Calls{"CreateCollection", "CreateCollection", "ApplyPolicy", "DeleteCollection"}));
}

TEST_F(Inspect, AnAnswerLeavesWithoutARecord) {
  ASSERT_TRUE(Why("open", "user:ana").ok());
  ASSERT_EQ(scratch_.Records("Explain").size(), 1u);
  EXPECT_EQ(scratch_.Records("Explain")[0].subject(),
            scratch_.tenant->pseudonyms.Of("principal", "user:ana"));
  scratch_.disk.fail = true;
  EXPECT_EQ(Why("open", "user:ana").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Figures("", Only(Right::kAdmin)).status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace cordon
