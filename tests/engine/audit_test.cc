// Answers to an auditor that disagree with the decision. What is expected is found by asking Decide
// chunk by chunk.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
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
  // A service without a clearance in the directory has that of its keys. Nothing if it is
  // undetermined.
  std::optional<std::vector<Subject>> SubjectsOf(const View& view, const std::string& name,
                                                 const std::string& destination) {
    auto alone = ResolveUserAlone(view.world(), name, destination, false);
    if (alone.status().code() == StatusCode::kFailedPrecondition) return std::nullopt;
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
  // All groups of somebody, however many: whoever would see something by them must not be left out
  // where that is undetermined.
  static Subject Unbounded(const View& view, const std::string& name) {
    const Directory& directory = *view.policy().directory;
    Subject subject;
    subject.name = name;
    subject.clearance = Clearance::All();
    if (const auto id = view.policy().principals->Find(name)) {
      directory.AddTo(&subject.principals, *id, *id);
    }
    if (name.starts_with("user:")) {
      directory.AddTo(&subject.principals, PrincipalTable::kEveryoneId,
                      PrincipalTable::kEveryoneId);
    }
    for (size_t i = 0; i < subject.principals.all().size(); ++i) {
      const PrincipalId member = subject.principals.all()[i];
      for (const auto& parent : directory.GroupsOf(member)) {
        if (parent.Counts(view.now())) {
          directory.AddTo(&subject.principals, parent.principal, member);
        }
      }
    }
    return subject;
  }
  // As the key would really ask for whomever it may: in its own words, and by the user's token.
  // Those of whom it cannot be told are in `undetermined`.
  std::vector<Subject> SubjectsThrough(const View& view, const Grant& grant, Names* undetermined) {
    std::vector<Subject> subjects;
    const auto is_beyond = [](const auto& resolved) {
      return resolved.status().code() == StatusCode::kFailedPrecondition;
    };
    const Authenticated caller = ScratchTenant::Caller(grant);
    for (const auto& name : AuditDraw::Askers()) {
      auto subject = ResolveSubject(view.world(), caller, name, "chat");
      if (subject.ok()) subjects.push_back(*std::move(subject));
      if (is_beyond(subject)) undetermined->insert(name);
      if (!name.starts_with("user:")) continue;
      const auto forwarding = Forward(caller, name);
      auto forwarded = ResolveSubject(view.world(), forwarding, "", "chat");
      if (is_beyond(forwarded)) {
        undetermined->insert(name == "user:u9" ? "everyone" : name);
        continue;
      }
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
  // Who sees what, now or at another time: "user:u1 docs d3"; and of whom it cannot be told.
  struct Sight {
    Names seen, undetermined;
  };
  Sight Seen(const std::string& destination, std::optional<Micros> at = {}) {
    Sight sight;
    PinnedView view = Pin();
    if (at) view.view = view->At(*at);
    for (const auto& name : AuditDraw::Askers()) {
      const auto subjects = SubjectsOf(*view.view, name, destination);
      if (!subjects) {
        sight.undetermined.insert(name);
        continue;
      }
      for (const char* collection : kAuditCollections) {
        for (const auto& document : Documents(collection)) {
          if (!Any(Chunks(*view.view, *subjects, document))) continue;
          sight.seen.insert(fmt::format("{} {} {}", name, collection, document.document().id()));
        }
      }
    }
    return sight;
  }
  template <typename Response>
  static Names UndeterminedIn(const Response& response) {
    Names names;
    for (const auto& one : response.undetermined()) {
      EXPECT_TRUE(names.insert(one.principal()).second) << one.principal();
      EXPECT_NE(one.because().find("in the directory"), std::string::npos) << one.because();
    }
    return names;
  }
  // What stands in one and not in the other, of names that are determined.
  static Names Without(const Names& whole, const Names& without, const Names& undetermined) {
    Names rest;
    std::set_difference(whole.begin(), whole.end(), without.begin(), without.end(),
                        std::inserter(rest, rest.end()));
    std::erase_if(rest, [&](const std::string& one) {
      return undetermined.contains(one.substr(0, one.find(' ')));
    });
    return rest;
  }

  static constexpr Micros kLong = Micros{1'000'000} * 1'000'000;
  static std::string AtText(Micros at) {
    return "at { " + ToProtoTime(at).ShortDebugString() + " } ";
  }
  static std::string Principals(v1::SimulateResponse simulated) {
    v1::SimulateResponse only;
    only.mutable_principals()->Swap(simulated.mutable_principals());
    only.mutable_undetermined()->Swap(simulated.mutable_undetermined());
    return only.ShortDebugString();
  }

  void CheckWho(AuditDraw* draw);
  void CheckReport(const std::string& whose, const std::vector<Subject>& subjects,
                   const Names& undetermined, const Grant* grant, Micros at);
  void CheckReports(AuditDraw* draw);
  // What a simulation tells of gains and losses; both as Seen() has it.
  struct Difference {
    Names gained, lost;
  };
  static Difference ToldBy(const v1::SimulateResponse& simulated);
  using Draft = std::pair<std::string, std::string>;  // AuditDraw::Change
  StatusOr<v1::SimulateResponse> Try(const Draft& change, const std::string& more) {
    return Sim(fmt::format("{} {{ {} }} limit: 1000 {}", change.first,
                           WithoutEmbeddings(change.second), more));
  }
  void CheckSimulation(AuditDraw* draw);

  int64_t seconds() const { return scratch_.wall / 1'000'000; }
  int visible_ = 0, hidden_ = 0, undetermined_ = 0, changed_ = 0, refused_ = 0;
};

void Matrix::CheckWho(AuditDraw* draw) {
  const std::string destination = draw->Percent(50) ? "chat" : "";
  const Micros at = scratch_.wall + static_cast<Micros>(draw->Below(7)) * 1'000'000;
  PinnedView view = Pin();
  view.view = view->At(at);
  for (const char* collection : kAuditCollections) {
    for (const auto& document : Documents(collection)) {
      const std::string always = fmt::format("collection: '{}' document: '{}' destination: '{}' ",
                                             collection, document.document().id(), destination);
      const std::string request = always + AtText(at);
      Names expected, beyond, missing;
      for (const auto& name : AuditDraw::Askers()) {
        if (name == "user:u9") continue;  // nothing names it
        const auto subjects = SubjectsOf(*view.view, name, destination);
        if (!subjects) {
          beyond.insert(name);
          const bool might = Any(Chunks(*view.view, {Unbounded(*view.view, name)}, document));
          if (might) missing.insert(name);
          continue;
        }
        const bool sees = Any(Chunks(*view.view, *subjects, document));
        if (sees) expected.insert(name);
        ++(sees ? visible_ : hidden_);
      }
      // In pages, as a long list is read.
      Names told, undetermined;
      v1::WhoCanSeeResponse page;
      do {
        const std::string after = std::max(told.empty() ? "" : *told.rbegin(),
                                           undetermined.empty() ? "" : *undetermined.rbegin());
        const auto answer = Who(request + "limit: 3 after: '" + after + "'");
        ASSERT_TRUE(answer.ok()) << answer.status().ToString();
        page = *answer;
        ASSERT_LE(page.principals_size() + page.undetermined_size(), 3);
        told.insert(page.principals().begin(), page.principals().end());
        undetermined.merge(UndeterminedIn(page));
      } while (page.more());
      EXPECT_EQ(told, expected) << request;
      EXPECT_EQ(page.total(), expected.size()) << request;
      EXPECT_EQ(page.undetermined_total(), undetermined.size()) << request;
      const auto stranger = SubjectsOf(*view.view, "user:u9", destination);
      const bool unnamed = undetermined.erase("everyone") > 0;
      EXPECT_FALSE(unnamed && stranger) << request;
      if (!stranger && Any(Chunks(*view.view, {Unbounded(*view.view, "user:u9")}, document))) {
        EXPECT_TRUE(unnamed) << request;
      }
      undetermined_ += static_cast<int>(undetermined.size());
      for (const auto& name : undetermined) EXPECT_TRUE(beyond.contains(name)) << name << request;
      for (const auto& name : missing) EXPECT_TRUE(undetermined.contains(name)) << name << request;
      const Micros until = page.has_next_event() ? *FromProto(page.next_event()) : at + kLong;
      EXPECT_GT(until, at) << request;
      const auto last = Who(always + AtText(until - 1));
      EXPECT_TRUE(last.ok() && last->total() == page.total() &&
                  last->everyone() == page.everyone() &&
                  last->undetermined_total() == page.undetermined_total())
          << request << "until " << until;
      EXPECT_EQ(page.everyone(), stranger && Any(Chunks(*view.view, *stranger, document)))
          << request;
    }
  }
}

void Matrix::CheckReport(const std::string& whose, const std::vector<Subject>& subjects,
                         const Names& undetermined, const Grant* grant, Micros at) {
  const auto report = Report(whose + " destination: 'chat' " + AtText(at));
  ASSERT_TRUE(report.ok()) << whose << report.status().ToString();
  EXPECT_EQ(UndeterminedIn(*report), undetermined) << whose;
  ASSERT_EQ(report->collections_size(), 3);  // and the empty one of the fixture
  PinnedView view = Pin();
  view.view = view->At(at);
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

void Matrix::CheckReports(AuditDraw* draw) {
  const Micros at = scratch_.wall + static_cast<Micros>(draw->Below(7)) * 1'000'000;
  PinnedView view = Pin();
  view.view = view->At(at);
  for (const auto& name : AuditDraw::Askers()) {
    const auto subjects = SubjectsOf(*view.view, name, "chat");
    if (subjects) {
      CheckReport("as: '" + name + "'", *subjects, {}, nullptr, at);
    } else {
      EXPECT_EQ(Outcome(Report("as: '" + name + "' " + AtText(at))), "FAILED_PRECONDITION: as");
    }
  }
  for (const char* id : {"default.k", "default.t"}) {
    const Grant key = *view->state().keys->find(id)->second.grant;
    const std::string whose = fmt::format("key_id: '{}'", id);
    Names undetermined;
    const auto subjects = SubjectsThrough(*view.view, key, &undetermined);
    if (undetermined.contains(key.principal)) {  // it can ask for nobody
      EXPECT_EQ(Outcome(Report(whose + AtText(at))), "FAILED_PRECONDITION: key_id");
    } else {
      CheckReport(whose, subjects, undetermined, &key, at);
    }
  }
}

Matrix::Difference Matrix::ToldBy(const v1::SimulateResponse& simulated) {
  Difference told;
  for (const auto& principal : simulated.principals()) {
    uint64_t gains = 0, loses = 0;
    const std::string name =
        principal.principal() == "everyone" ? "user:u9" : principal.principal();
    for (const auto& in : principal.collections()) {
      EXPECT_EQ(in.gained(), static_cast<uint64_t>(in.gained_documents_size()));
      EXPECT_TRUE(std::is_sorted(in.gained_documents().begin(), in.gained_documents().end()));
      for (const auto& id : in.gained_documents()) {
        told.gained.insert(fmt::format("{} {} {}", name, in.collection(), id));
      }
      for (const auto& id : in.lost_documents()) {
        told.lost.insert(fmt::format("{} {} {}", name, in.collection(), id));
      }
      gains += in.gained();
      loses += in.lost();
    }
    EXPECT_EQ(principal.gained(), gains);
    EXPECT_EQ(principal.lost(), loses);
  }
  return told;
}

// What is said of a change before it is made is what it then does.
void Matrix::CheckSimulation(AuditDraw* draw) {
  const std::string destination = draw->Percent(30) ? "chat" : "";
  const std::string receiver = "destination: '" + destination + "' ";
  // At some time to come: the clock is moved there once the change is made.
  const Micros at = scratch_.wall + static_cast<Micros>(draw->Below(7)) * 1'000'000;
  const std::string then = draw->Percent(50) ? AtText(at) : "";
  // Another one is tried and dropped first: no trace of it may be left.
  (void)Try(draw->Change(seconds()), receiver + then);
  const Draft change = draw->Change(seconds());
  std::string whom = receiver;
  if (!draw->Percent(30)) {
    for (const auto& name : AuditDraw::Askers()) whom += "as: '" + name + "' ";
  }
  const auto before_all = scratch_.store.Records();
  const uint64_t revision = Pin()->revision();
  const auto simulated = Try(change, whom + then);
  EXPECT_EQ(Pin()->revision(), revision) << "a simulation took a revision";
  const auto same_but_anchor = [](std::map<std::string, std::string> records) {
    std::erase_if(records, [](const auto& r) { return r.first.starts_with("heads/"); });
    return records;
  };
  EXPECT_EQ(same_but_anchor(scratch_.store.Records()), same_but_anchor(before_all));

  // As long as it says, it stays what it is.
  if (simulated.ok()) {
    const Micros until =
        simulated->has_next_event() ? *FromProto(simulated->next_event()) : scratch_.wall + kLong;
    const auto last = Try(change, whom + AtText(until - 1));
    EXPECT_TRUE(last.ok() && Principals(*last) == Principals(*simulated)) << change.second;
  }

  const Sight before = then.empty() ? Seen(destination) : Seen(destination, at);
  const std::string made = Change(change.first, change.second);
  EXPECT_EQ(simulated.status().ToString(), made) << change.first << " " << change.second;
  if (!simulated.ok()) {
    ++refused_;
    return;
  }
  EXPECT_EQ(RefusedBy(*simulated), Refused()) << change.second;
  if (!then.empty()) scratch_.wall = at;
  const Sight after = Seen(destination);
  Names undetermined = before.undetermined;
  undetermined.insert(after.undetermined.begin(), after.undetermined.end());
  undetermined_ += static_cast<int>(undetermined.size());
  const Names gained = Without(after.seen, before.seen, undetermined);
  const Names lost = Without(before.seen, after.seen, undetermined);
  Names told_of = UndeterminedIn(*simulated);
  if (told_of.erase("everyone") > 0) told_of.insert("user:u9");
  EXPECT_EQ(told_of, undetermined) << change.first << " " << change.second;
  const Difference told = ToldBy(*simulated);
  EXPECT_EQ(told.gained, gained) << change.first << " " << change.second;
  EXPECT_EQ(told.lost, lost) << change.first << " " << change.second;
  changed_ += !gained.empty() || !lost.empty();
}

TEST_F(Matrix, AnAnswerDisagreesWithTheDecision) {
  Effort effort("A1", 80);
  AuditDraw draw(effort.seed());
  Prepare();
  ASSERT_EQ(Change("directory", AuditDraw::Ladders()), "OK");
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
    if (draw.Percent(10)) CheckReports(&draw);
  }
  // A build with sanitizers does a handful of rounds.
  if (effort.rounds() >= 80) {
    EXPECT_GT(changed_, 5);
  }
  effort.Report("visible={} hidden={} undetermined={} changes_seen={} refused={}", visible_,
                hidden_, undetermined_, changed_, refused_);
}

}  // namespace
}  // namespace cordon
