// Answers to an auditor that change something, that are partial, or that come to whoever may not
// ask.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/engine/audit_fixture.h"

namespace cordon {
namespace {

using Names = std::set<std::string>;

class Questions : public Audit {
 protected:
  void SetUp() override {
    Audit::SetUp();
    ASSERT_EQ(Change("directory",
                     "principals { name: 'group:a' sets_members: true members { principal: "
                     "'group:in' } } "
                     "principals { name: 'group:in' sets_members: true members { principal: "
                     "'user:ana' } members { principal: 'group:deep' } members { principal: "
                     "'user:gone' until { seconds: 2 } } } principals { name: 'group:deep' "
                     "sets_members: true members { principal: 'user:bo' } members { principal: "
                     "'user:ana' } }"),
              "OK");
    ASSERT_EQ(Change("policy",
                     "containers { container { name: 'folder:/' acl { allow { principal: "
                     "'everyone' } } } } containers { container { name: 'folder:/hr' acl { allow { "
                     "principal: 'group:in' } inherit: 'folder:/' } } }"),
              "OK");
    ASSERT_EQ(Change("policy",
                     "destinations { destination { name: 'inner' scope: 4 ceiling { symbol: "
                     "SYMBOL_ALL } } } "),
              "OK");
    const auto put = Ingest(
        "documents { id: 'd' acl { allow { principal: 'group:deep' } allow { principal: 'group:in' "
        "} inherit: 'folder:/hr' } label { level: 'public' } chunks { text: 't' embedding: 1 "
        "embedding: 0 } } " +
        Good("open"));
    ASSERT_EQ(put->response.accepted(), 2u);
  }
  static Grant Only(const std::vector<Right>& rights) {
    Grant grant = AllOf();
    grant.rights = Rights();
    for (const Right right : rights) grant.rights.Add(right);
    return grant;
  }
  size_t Mutations() {
    const auto records = scratch_.tenant->journal->Tail(1000);
    return static_cast<size_t>(std::count_if(records->begin(), records->end(),
                                             [](const auto& record) { return record.mutation(); }));
  }
  static constexpr char kD[] = "collection: 'docs' document: 'd' ";
  const std::string deletion_ = std::string("delete_document { ") + kD + "} ";
};

TEST_F(Questions, AMembershipThatEndedStillCounts) {
  EXPECT_EQ(Who(kD)->total(), 3u);
  scratch_.wall = 2'000'000;
  const auto who = Who(kD);
  EXPECT_EQ(Names(who->principals().begin(), who->principals().end()),
            (Names{"user:ana", "user:bo"}));
  EXPECT_FALSE(who->everyone());
  EXPECT_TRUE(Who("collection: 'docs' document: 'open'")->everyone());
}

TEST_F(Questions, AWitnessIsNotTheShortest) {
  const auto because = [&](const std::string& as, const std::string& clause) -> std::string {
    const auto answer = Why(std::string(kD) + "as: '" + as + "'");
    for (const auto& one : answer->clauses()) {
      if (one.name() == clause) return one.because();
    }
    return "no such clause";
  };
  EXPECT_EQ(because("user:bo", "acl"), "allows group:deep (user:bo → group:deep)");
  // ana is in both: at once in the outer one, not only by way of the inner one.
  EXPECT_EQ(because("user:ana", "folder:/hr"), "allows group:in (user:ana → group:in)");
  EXPECT_EQ(because("user:bo", "folder:/hr"), "allows group:in (user:bo → group:deep → group:in)");
  EXPECT_EQ(because("user:bo", "folder:/"), "allows everyone; above folder:/hr");
  // The nearest of those that a list names, not the first.
  ASSERT_EQ(Change("set_access", std::string(kD) + "acl { allow { principal: 'group:a' } allow { "
                                                   "principal: 'group:in' } }"),
            "OK");
  EXPECT_EQ(because("user:ana", "acl"), "allows group:in (user:ana → group:in)");
}

TEST_F(Questions, AReportLeavesOutWhoseTokensAKeyMayForward) {
  const std::string more =
      "rights: RIGHT_QUERY collections: '*' destinations: '*' clearance { symbol: SYMBOL_ALL } ";
  MakeKey("default.own", "principal: 'service:own' " + more);
  MakeKey("default.t", "principal: 'service:t' rights: RIGHT_ACT_AS " + more);
  MakeKey("default.ana",
          "principal: 'service:t' rights: RIGHT_ACT_AS as_patterns: 'user:a*' as_patterns: "
          "'service:own' " +
              more);
  const auto told = [&](const std::string& id) {
    const auto report = Report("collection: 'docs' key_id: '" + id + "'");
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return fmt::format("{} documents, {} judged, {} by token",
                       report->collections(0).count().documents(), report->judged(),
                       report->judged_by_token());
  };
  EXPECT_EQ(told("default.own"), "0 documents, 1 judged, 0 by token");
  // Itself, ana, bo and gone; the other service has no token to bring.
  EXPECT_EQ(told("default.t"), "2 documents, 4 judged, 3 by token");
  EXPECT_EQ(told("default.ana"), "2 documents, 5 judged, 2 by token");
}

TEST_F(Questions, AStrangersTokenReachesNothing) {
  ASSERT_EQ(Change("directory",
                   "principals { name: 'group:in' remove: true } principals { name: "
                   "'group:deep' remove: true }"),
            "OK");
  MakeKey("default.t",
          "principal: 'service:t' rights: RIGHT_QUERY rights: RIGHT_ACT_AS collections: '*' "
          "destinations: '*' clearance { symbol: SYMBOL_ALL }");
  const auto report = Report("collection: 'docs' key_id: 'default.t'");
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->judged(), 1u);
  EXPECT_EQ(report->collections(0).count().documents(), 1u) << "the open one";
}

TEST_F(Questions, AnyoneMayAsk) {
  struct Ask {
    std::string request;
    Right needs;
  };
  const std::vector<Ask> changes = {
      {"directory { principals { name: 'group:n' sets_members: true } }", Right::kAdmin},
      {"policy { default_clearance { level: 'public' } }", Right::kAdmin},
      {"set_access { " + std::string(kD) + "label { level: 'public' } }", Right::kLabel},
      {"set_access { " + std::string(kD) + "acl { allow { principal: 'everyone' } } }",
       Right::kGrant},
      {deletion_, Right::kIngest},
      {"update_metadata { " + std::string(kD) + "update_mask { paths: 'title' } }", Right::kIngest},
      {"ingest { collection: 'docs' }", Right::kIngest},
      {"set_access_many { collection: 'docs' changes { document: 'd' label { level: 'public' } } }",
       Right::kLabel},
      {"set_access_selected { collection: 'docs' id_prefix: 'd' label { level: 'public' } }",
       Right::kLabel},
      {"erase { " + std::string(kD) + "}", Right::kErase},
      {"delete_collection { name: 'docs' }", Right::kAdmin},
      {"create_key { grant { principal: 'service:n' rights: RIGHT_QUERY } }", Right::kAdmin},
      {"revoke_key { id: 'default.r' }", Right::kAdmin},
      {"open_break_glass { reason: 'r' until { seconds: 9 } }", Right::kBreakGlass},
      {"close_break_glass { id: 'open' }", Right::kBreakGlass}};
  MakeKey("default.r", "principal: 'service:r' rights: RIGHT_QUERY");
  ASSERT_TRUE(Asked<v1::OpenBreakGlassResponse>([&](auto done) {
                OpenBreakGlass(
                    Context(),
                    FromText<v1::OpenBreakGlassRequest>("reason: 'r' until { seconds: 9 }"), "open",
                    done);
              }).ok());
  for (const Right right : kAllRights) {
    const bool audit = right == Right::kAudit;
    EXPECT_EQ(Who(kD, Only({right})).ok(), audit) << RightName(right);
    EXPECT_EQ(Report("as: 'user:ana'", Only({right})).ok(), audit) << RightName(right);
    for (const auto& [request, needs] : changes) {
      EXPECT_EQ(Outcome(Sim(request, Only({right}))), "PERMISSION_DENIED: rights") << request;
      EXPECT_EQ(Sim(request, Only({Right::kAudit, right})).ok(), right == needs) << request;
    }
  }
}

TEST_F(Questions, AHiddenCollectionDiffersFromAnAbsentOne) {
  Grant other = AllOf();
  other.collections = {"typed", "absent"};
  for (const char* document : {"d", "none"}) {
    const auto ask = [&](const std::string& collection) {
      const std::string at = fmt::format("collection: '{}' document: '{}' ", collection, document);
      return Who(at, other).status().ToString() +
             Report("as: 'user:ana' collection: '" + collection + "'", other).status().ToString() +
             Sim("delete_document { " + at + "}", other).status().ToString() +
             Sim("erase { " + at + "}", other).status().ToString() +
             Sim("ingest { collection: '" + collection + "' }", other).status().ToString() +
             Sim("set_access { " + at + "label { level: 'public' } }", other).status().ToString();
    };
    EXPECT_EQ(ask("docs"), ask("absent"));
    EXPECT_NE(ask("docs").find("NOT_FOUND"), std::string::npos);
  }
  // Nor is it counted, or named by what a change would do.
  EXPECT_EQ(Report("as: 'user:ana'", other)->collections_size(), 1);
  const auto gone = Sim("directory { principals { name: 'group:in' remove: true } }", other);
  ASSERT_TRUE(gone.ok()) << gone.status().ToString();
  EXPECT_EQ(gone->principals_size(), 0);
}

TEST_F(Questions, ASimulationChangesSomething) {
  const size_t mutations = Mutations();
  const uint64_t revision = Pin()->revision();
  const auto gone = Sim(deletion_);
  ASSERT_TRUE(gone.ok()) << gone.status().ToString();
  EXPECT_EQ(gone->principals_size(), 3);
  EXPECT_EQ(gone->principals(0).collections(0).lost_documents(0), "d");
  EXPECT_EQ(gone->revision(), revision);
  EXPECT_EQ(Pin()->revision(), revision);
  EXPECT_EQ(Mutations(), mutations);
  EXPECT_EQ(Documents("docs").size(), 2u);
  EXPECT_EQ(scratch_.Records("Simulate").size(), 1u);
  EXPECT_EQ(scratch_.Records("Simulate")[0].outcome(), "OK");
}

TEST_F(Questions, ASimulationRaisesItsCaller) {
  const std::string raise =
      "directory { principals { name: 'group:in' sets_members: true members { principal: "
      "'service:app' } } }";
  EXPECT_EQ(Outcome(Sim(raise)), "PERMISSION_DENIED: members");
  EXPECT_EQ(scratch_.Records("Simulate")[0].refused_field(), "members");
}

TEST_F(Questions, AnAnswerIsPartial) {
  const auto stopped = Sim(deletion_, AllOf(), [] { return true; });
  EXPECT_EQ(stopped.status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(Outcome(Who(std::string(kD) + "limit: 1001")), "INVALID_ARGUMENT: limit");
  EXPECT_EQ(Outcome(Sim(deletion_ + "limit: 1001")), "INVALID_ARGUMENT: limit");
  std::string many;
  for (int i = 0; i <= 100; ++i) many += fmt::format("as: 'user:{}' ", i);
  EXPECT_EQ(Outcome(Sim(deletion_ + many)), "INVALID_ARGUMENT: as");
  EXPECT_EQ(Outcome(Sim("as: 'user:ana'")), "INVALID_ARGUMENT: change");
  EXPECT_EQ(Outcome(Sim(deletion_ + "as: 'group:in'")), "INVALID_ARGUMENT: as");
  EXPECT_EQ(Outcome(Report("")), "INVALID_ARGUMENT: as");
  EXPECT_EQ(Outcome(Report("key_id: 'default.none'")), "NOT_FOUND: key_id");
  EXPECT_EQ(Outcome(Who(std::string(kD) + "destination: 'none'")),
            "PERMISSION_DENIED: destination");
  EXPECT_EQ(Outcome(Who("collection: 'docs' document: 'none'")), "NOT_FOUND: document");
}

}  // namespace
}  // namespace cordon
