// Answers to an auditor that disagree with the decision, that change something, or that come to
// whoever may not ask. What is expected is found by asking Decide chunk by chunk.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "engine/store/codec.h"
#include "tests/effort.h"
#include "tests/engine/audit_fixture.h"
#include "tests/engine/audit_world.h"
#include "tests/store/proof.h"

namespace cordon {

namespace {

// An application that forwards a user's token, which says nothing but who the user is.
Authenticated Forward(Authenticated application, const std::string& user) {
  UserClaims claims;
  claims.principal = user;
  claims.ceiling = Clearance::All();
  return Authenticator::Prove(std::move(application), std::move(claims), /*forwards=*/true);
}

using Names = std::set<std::string>;

// Who sees what, one question to Decide for each chunk: slow, and without postings and memos.
class Matrix : public Audit {
 protected:
  // A service without a clearance in the directory has that of its keys.
  std::vector<Subject> SubjectsOf(const View& view, const std::string& name,
                                  const std::string& destination) {
    auto alone = ResolveUserAlone(view.world(), name, destination, false);
    EXPECT_TRUE(alone.ok()) << alone.status().ToString();
    std::vector<Subject> subjects;
    const auto id = view.policy().principals->Find(name);
    const auto* record = id ? view.policy().directory->Find(*id) : nullptr;
    const bool cleared = record != nullptr && record->clearance;
    for (const auto& [key_id, key] : *view.state().keys) {
      if (key.grant->principal != name || name[0] == 'u' || cleared) continue;
      subjects.push_back(*alone);
      subjects.back().clearance = key.grant->clearance;
    }
    if (subjects.empty()) subjects.push_back(*alone);
    return subjects;
  }
  // As the key would really ask for whomever it may: in its own words, and by the user's token.
  std::vector<Subject> SubjectsThrough(const View& view, const Grant& grant) {
    std::vector<Subject> subjects;
    const Authenticated caller = ScratchTenant::Caller(grant);
    for (const auto& name : AuditDraw::Askers()) {
      auto subject = ResolveSubject(view.world(), caller, name, "chat");
      if (subject.ok()) subjects.push_back(*std::move(subject));
      if (!name.starts_with("user:")) continue;
      const auto forwarding = Forward(caller, name);
      auto forwarded = ResolveSubject(view.world(), forwarding, "", "chat");
      EXPECT_TRUE(forwarded.ok()) << forwarded.status().ToString();
      if (forwarded.ok()) subjects.push_back(*std::move(forwarded));
    }
    return subjects;
  }
  std::vector<bool> Chunks(const View& view, const std::vector<Subject>& subjects,
                           const store::v1::DocumentRecord& document) {
    const auto validity = ValidityOf(document.document());
    std::vector<bool> seen;
    for (const auto& chunk : document.chunks()) {
      const Facts facts{chunk.class_id(), validity->from, validity->until};
      seen.push_back(std::any_of(subjects.begin(), subjects.end(), [&](const auto& subject) {
        return Decide(view.world(), subject, facts);
      }));
    }
    return seen;
  }
  static bool Any(const std::vector<bool>& seen) {
    return std::find(seen.begin(), seen.end(), true) != seen.end();
  }
  // "user:u1 docs d3", of all who see something.
  Names Seen(const std::string& destination) {
    Names seen;
    const PinnedView view = Pin();
    for (const char* collection : kAuditCollections) {
      for (const auto& document : Documents(collection)) {
        for (const auto& name : AuditDraw::Askers()) {
          if (Any(Chunks(*view.view, SubjectsOf(*view.view, name, destination), document))) {
            seen.insert(fmt::format("{} {} {}", name, collection, document.document().id()));
          }
        }
      }
    }
    return seen;
  }

  void CheckWho(AuditDraw* draw);
  void CheckReport(const std::string& whose, const std::vector<Subject>& subjects,
                   const Grant* grant);
  void CheckReports();
  void CheckSimulation(AuditDraw* draw);

  int64_t seconds() const { return scratch_.wall / 1'000'000; }
  int visible_ = 0, hidden_ = 0, changed_ = 0, refused_ = 0;
};

void Matrix::CheckWho(AuditDraw* draw) {
  const std::string destination = draw->Percent(50) ? "chat" : "";
  const PinnedView view = Pin();
  for (const char* collection : kAuditCollections) {
    for (const auto& document : Documents(collection)) {
      const std::string request = fmt::format("collection: '{}' document: '{}' destination: '{}' ",
                                              collection, document.document().id(), destination);
      Names expected;
      for (const auto& name : AuditDraw::Askers()) {
        if (name == "user:u9") continue;  // nothing names it
        const bool sees =
            Any(Chunks(*view.view, SubjectsOf(*view.view, name, destination), document));
        if (sees) expected.insert(name);
        ++(sees ? visible_ : hidden_);
      }
      // In pages, as a long list is read.
      Names told;
      v1::WhoCanSeeResponse page;
      do {
        const std::string after = told.empty() ? "" : *told.rbegin();
        const auto answer = Who(request + "limit: 3 after: '" + after + "'");
        ASSERT_TRUE(answer.ok()) << answer.status().ToString();
        page = *answer;
        told.insert(page.principals().begin(), page.principals().end());
      } while (page.more());
      EXPECT_EQ(told, expected) << request;
      EXPECT_EQ(page.total(), expected.size()) << request;
      EXPECT_EQ(page.everyone(),
                Any(Chunks(*view.view, SubjectsOf(*view.view, "user:u9", destination), document)))
          << request;
    }
  }
}

void Matrix::CheckReport(const std::string& whose, const std::vector<Subject>& subjects,
                         const Grant* grant) {
  const auto report = Report(whose + " destination: 'chat'");
  ASSERT_TRUE(report.ok()) << whose << report.status().ToString();
  ASSERT_EQ(report->collections_size(), 3);  // and the empty one of the fixture
  const PinnedView view = Pin();
  for (const auto& access : report->collections()) {
    std::map<std::string, std::pair<uint64_t, uint64_t>> expected, told;
    for (const auto& document : Documents(access.collection())) {
      if (grant != nullptr && !grant->MayUseCollection(access.collection())) continue;
      const auto seen = Chunks(*view.view, subjects, document);
      Names labels;
      for (size_t i = 0; i < seen.size(); ++i) {
        if (!seen[i]) continue;
        const auto& classes = view->policy().classes;
        const auto& security = classes.classes[document.chunks(static_cast<int>(i)).class_id()];
        const std::string label = "label " + ToText(classes.labels[security.label]);
        ++expected[label].second;
        labels.insert(label);
        ++expected["source " + document.document().provenance().source()].second;
        ++expected["all"].second;
      }
      for (const auto& label : labels) ++expected[label].first;
      if (!Any(seen)) continue;
      ++expected["source " + document.document().provenance().source()].first;
      ++expected["all"].first;
    }
    const auto tell = [&](const std::string& what, const v1::AccessCount& count) {
      if (count.chunks() > 0) told[what] = {count.documents(), count.chunks()};
    };
    tell("all", access.count());
    for (const auto& row : access.labels()) {
      tell("label " + ToText(FromProto(row.label())), row.count());
    }
    for (const auto& row : access.sources()) tell("source " + row.source(), row.count());
    EXPECT_EQ(told, expected) << whose << " in " << access.collection();
  }
}

void Matrix::CheckReports() {
  for (const auto& name : AuditDraw::Askers()) {
    const PinnedView view = Pin();
    CheckReport("as: '" + name + "'", SubjectsOf(*view.view, name, "chat"), nullptr);
  }
  const PinnedView view = Pin();
  for (const char* id : {"default.k", "default.t"}) {
    const Grant key = *view->state().keys->find(id)->second.grant;
    CheckReport(fmt::format("key_id: '{}'", id), SubjectsThrough(*view.view, key), &key);
  }
}

// What is said of a change before it is made is what it then does.
void Matrix::CheckSimulation(AuditDraw* draw) {
  const std::string destination = draw->Percent(30) ? "chat" : "";
  const auto ask = [&](const auto& change, const std::string& more) {
    return Sim(fmt::format("{} {{ {} }} destination: '{}' limit: 1000 {}", change.first,
                           WithoutEmbeddings(change.second), destination, more));
  };
  // Another one is tried and dropped first: no trace of it may be left.
  (void)ask(draw->Change(seconds()), "");
  const auto change = draw->Change(seconds());
  std::string named;
  for (const auto& name : AuditDraw::Askers()) named += "as: '" + name + "' ";
  const bool all = draw->Percent(30);
  const auto before_all = scratch_.store.Records();
  const uint64_t revision = Pin()->revision();
  const auto simulated = ask(change, all ? "" : named);
  EXPECT_EQ(Pin()->revision(), revision) << "a simulation took a revision";
  const auto same_but_anchor = [](std::map<std::string, std::string> records) {
    std::erase_if(records, [](const auto& r) { return r.first.starts_with("heads/"); });
    return records;
  };
  EXPECT_EQ(same_but_anchor(scratch_.store.Records()), same_but_anchor(before_all));

  const Names before = Seen(destination);
  const std::string made = Change(change.first, change.second);
  EXPECT_EQ(simulated.status().ToString(), made) << change.first << " " << change.second;
  if (!simulated.ok()) {
    ++refused_;
    return;
  }
  EXPECT_EQ(RefusedBy(*simulated), Refused()) << change.second;
  const Names after = Seen(destination);
  Names told_gained, told_lost, gained, lost;
  for (const auto& principal : simulated->principals()) {
    uint64_t gains = 0, loses = 0;
    const std::string name =
        principal.principal() == "everyone" ? "user:u9" : principal.principal();
    for (const auto& in : principal.collections()) {
      EXPECT_EQ(in.gained(), static_cast<uint64_t>(in.gained_documents_size()));
      EXPECT_TRUE(std::is_sorted(in.gained_documents().begin(), in.gained_documents().end()));
      for (const auto& id : in.gained_documents()) {
        told_gained.insert(fmt::format("{} {} {}", name, in.collection(), id));
      }
      for (const auto& id : in.lost_documents()) {
        told_lost.insert(fmt::format("{} {} {}", name, in.collection(), id));
      }
      gains += in.gained();
      loses += in.lost();
    }
    EXPECT_EQ(principal.gained(), gains);
    EXPECT_EQ(principal.lost(), loses);
  }
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                      std::inserter(gained, gained.end()));
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                      std::inserter(lost, lost.end()));
  EXPECT_EQ(told_gained, gained) << change.first << " " << change.second;
  EXPECT_EQ(told_lost, lost) << change.first << " " << change.second;
  changed_ += !gained.empty() || !lost.empty();
}

TEST_F(Matrix, AnAnswerDisagreesWithTheDecision) {
  Effort effort("A1", 80);
  AuditDraw draw(effort.seed());
  Prepare();
  MakeKey("default.s1",
          "principal: 'service:s1' rights: RIGHT_QUERY clearance { level: "
          "'confidential' }");
  MakeKey("default.s1b",
          "principal: 'service:s1' rights: RIGHT_QUERY clearance { level: "
          "'internal' compartments: 'people' }");
  MakeKey("default.k",
          "principal: 'service:s2' rights: [RIGHT_QUERY, RIGHT_ACT_AS] as_patterns: "
          "['user:u1', 'user:u9', 'service:*'] collections: 'docs' destinations: "
          "'chat' clearance { level: 'internal' }");
  MakeKey("default.t",
          "principal: 'service:s2' rights: [RIGHT_QUERY, RIGHT_ACT_AS] collections: '*' "
          "destinations: 'chat' clearance { level: 'confidential' }");
  while (effort.More() && !HasFailure()) {
    scratch_.wall += static_cast<Micros>(draw.Below(2)) * 1'000'000;
    std::string documents;
    for (uint64_t i = 0; i < 3; ++i) documents += draw.Document(draw.DocumentId(), seconds());
    (void)Ingest(documents, AllOf(), kAuditCollections[draw.Below(2)]);
    CheckSimulation(&draw);
    if (draw.Percent(10)) CheckWho(&draw);
    if (draw.Percent(10)) CheckReports();
  }
  // A build with sanitizers does a handful of rounds.
  if (effort.rounds() >= 80) {
    EXPECT_GT(changed_, 5);
  }
  effort.Report("visible={} hidden={} changes_seen={} refused={}", visible_, hidden_, changed_,
                refused_);
}

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
