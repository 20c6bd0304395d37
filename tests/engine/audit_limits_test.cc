// Limits of an auditor's questions: at them the answer is whole, and one beyond is refused.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/base/limits.h"
#include "tests/engine/audit_fixture.h"
#include "tests/engine/audit_world.h"

namespace cordon {
namespace {

class AuditLimits : public Audit {
 protected:
  // A group of so many users, all that the directory knows.
  void Know(size_t users) {
    v1::ApplyDirectoryRequest request;
    auto* group = request.add_principals();
    group->set_name("group:all");
    group->set_sets_members(true);
    for (size_t i = 0; i < users; ++i) {
      group->add_members()->set_principal(fmt::format("user:{}", i));
    }
    ASSERT_EQ(Change("directory", request.ShortDebugString()), "OK");
  }
  static std::string As(size_t users) {
    std::string text;
    for (size_t i = 0; i < users; ++i) text += fmt::format("as: 'user:{}' ", i);
    return text;
  }
  // A label that differs for every number.
  static std::string Numbered(size_t number) {
    std::string text = "label { level: 'public' ";
    for (size_t bit = 0; bit < kBits; ++bit) {
      if ((number >> bit & 1) != 0) text += fmt::format("compartments: 'c{}' ", bit);
    }
    return text + "} ";
  }
  static std::string Chunk(size_t number) {
    return fmt::format("chunks {{ text: 't' embedding: 1 embedding: 0 {}}} ", Numbered(number));
  }

  static constexpr size_t kBits = 14;
  static_assert((size_t{1} << kBits) > limits::kReportGroups);
};

// At kReportPrincipals and beyond.
TEST_F(AuditLimits, OfAKeysReport) {
  ASSERT_EQ(Change("policy",
                   "destinations { destination { name: 'inner' scope: 4 ceiling { symbol: "
                   "SYMBOL_ALL } } } "),
            "OK");
  MakeKey("default.k",
          "principal: 'service:k' rights: [RIGHT_QUERY, RIGHT_ACT_AS] collections: '*' "
          "destinations: '*'");
  const std::string key = "key_id: 'default.k'";
  constexpr size_t kFew = 10;
  Know(kFew);
  const auto few = Report(key);
  ASSERT_TRUE(few.ok()) << few.status().ToString();
  const size_t others = few->judged() - kFew;  // the key's own principal
  Know(limits::kReportPrincipals - others);
  const auto most = Report(key);
  ASSERT_TRUE(most.ok()) << most.status().ToString();
  EXPECT_EQ(most->judged(), limits::kReportPrincipals);
  Know(limits::kReportPrincipals - others + 1);
  EXPECT_EQ(Outcome(Report(key)), "FAILED_PRECONDITION: key_id");
}

// One whose groups are beyond the limit ends no question about others, and is not told as without
// access.
class BeyondALimit : public AuditLimits {
 protected:
  void SetUp() override {
    AuditLimits::SetUp();
    ASSERT_EQ(Change("directory", AuditDraw::Ladders() + Members(AuditDraw::Ladder(0),
                                                                 {"user:deep", "group:one-more"})),
              "OK");
    ASSERT_EQ(Change("directory", Members("group:one-more", {"user:deeper", "service:deeper"})),
              "OK");
    ASSERT_EQ(Change("policy",
                     "destinations { destination { name: 'inner' scope: 4 ceiling { symbol: "
                     "SYMBOL_ALL } } } "),
              "OK");
    ASSERT_TRUE(Ingest(Good("d")).ok());
    ASSERT_TRUE(Ingest("documents { id: 'top' acl { allow { principal: '" +
                       AuditDraw::Ladder(limits::kGroupDepth - 1) +
                       "' } } label { level: 'public' } chunks { text: 't' embedding: 1 embedding: "
                       "0 } } documents { id: 'bo' acl { allow { principal: 'user:bo' } } label { "
                       "level: 'public' } chunks { text: 't' embedding: 1 embedding: 0 } } ")
                    .ok());
  }
  static std::string Members(const std::string& group, const std::vector<std::string>& members) {
    std::string text = "principals { name: '" + group + "' sets_members: true ";
    for (const auto& member : members) text += "members { principal: '" + member + "' } ";
    return text + "} ";
  }
  using Names = std::vector<std::string>;
  template <typename Response>
  static Names UndeterminedIn(const Response& response) {
    Names names;
    for (const auto& one : response.undetermined()) {
      names.push_back(one.principal());
      EXPECT_NE(one.because().find("flatten them"), std::string::npos) << one.because();
    }
    return names;
  }
  static Names SeenIn(const v1::WhoCanSeeResponse& response) {
    return {response.principals().begin(), response.principals().end()};
  }
};

TEST_F(BeyondALimit, AUserEndsWhoCanSee) {
  for (const char* document : {"d", "top"}) {
    const auto who = Who(fmt::format("collection: 'docs' document: '{}' ", document));
    ASSERT_TRUE(who.ok()) << who.status().ToString();
    const Names seen = SeenIn(*who);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), "user:deep"), 1) << document;
    EXPECT_EQ(UndeterminedIn(*who), (Names{"service:deeper", "user:deeper"})) << document;
    EXPECT_EQ(who->undetermined_total(), 2u);
    EXPECT_EQ(who->total(), seen.size());
  }
  // Of a document that no list of theirs leads to, it is certain.
  const auto bo = Who("collection: 'docs' document: 'bo' ");
  EXPECT_EQ(SeenIn(*bo), (Names{"user:bo"}));
  EXPECT_EQ(bo->undetermined_size(), 0);
  // Page by page.
  Names names;
  v1::WhoCanSeeResponse page;
  do {
    const std::string after = names.empty() ? "" : names.back();
    page = *Who("collection: 'docs' document: 'top' limit: 1 after: '" + after + "'");
    ASSERT_EQ(page.principals_size() + page.undetermined_size(), 1);
    names.push_back(page.principals().empty() ? page.undetermined(0).principal()
                                              : page.principals(0));
    EXPECT_EQ(page.undetermined_total(), 2u);
  } while (page.more());
  EXPECT_EQ(names, (Names{"service:deeper", "user:deep", "user:deeper"}));
}

TEST_F(BeyondALimit, EveryUserMayBe) {
  ASSERT_EQ(Change("directory", Members("group:one-more", {"everyone"})), "OK");
  const auto who = Who("collection: 'docs' document: 'd' ");
  ASSERT_TRUE(who.ok()) << who.status().ToString();
  EXPECT_FALSE(who->everyone());
  ASSERT_GT(who->undetermined_size(), 0);
  EXPECT_EQ(who->undetermined(0).principal(), "everyone");
  // But for whom a way to the same groups is short enough.
  EXPECT_EQ(SeenIn(*who), Names{"user:deep"}) << who->ShortDebugString();
}

TEST_F(BeyondALimit, AUserEndsASimulation) {
  const std::string drop = "delete_document { collection: 'docs' document: 'd' } ";
  const auto all = Sim(drop);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(UndeterminedIn(*all), (Names{"service:deeper", "user:deeper"}));
  EXPECT_EQ(all->undetermined(0).because().substr(0, 18), "before the change:");
  const auto named = Sim(drop + "as: 'user:deeper' as: 'user:deep' ");
  ASSERT_TRUE(named.ok()) << named.status().ToString();
  EXPECT_EQ(UndeterminedIn(*named), (Names{"user:deeper"}));
  ASSERT_EQ(named->principals_size(), 1);
  EXPECT_EQ(named->principals(0).principal(), "user:deep");
  EXPECT_EQ(named->principals(0).lost(), 1u);
  EXPECT_EQ(named->judged(), 1u);
  // The change itself brings somebody beyond the limit: neither a loss nor nothing.
  const auto pushed =
      Sim("directory { " + Members(AuditDraw::Ladder(0), {"group:one-more", "group:two-more"}) +
          Members("group:two-more", {"user:deep"}) + "} as: 'user:deep' ");
  ASSERT_TRUE(pushed.ok()) << pushed.status().ToString();
  EXPECT_EQ(UndeterminedIn(*pushed), (Names{"user:deep"}));
  EXPECT_EQ(pushed->undetermined(0).because().substr(0, 17), "after the change:");
  EXPECT_EQ(pushed->principals_size(), 0);
}

TEST_F(BeyondALimit, AUserEndsAReport) {
  MakeKey("default.k",
          "principal: 'service:k' rights: [RIGHT_QUERY, RIGHT_ACT_AS] collections: '*' "
          "as_patterns: 'service:*' destinations: '*' clearance { symbol: SYMBOL_ALL } ");
  MakeKey("default.d",
          "principal: 'service:deeper' rights: [RIGHT_QUERY, RIGHT_ACT_AS] "
          "collections: '*' destinations: '*'");
  const auto report = Report("key_id: 'default.k' collection: 'docs'");
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(UndeterminedIn(*report), (Names{"service:deeper", "user:deeper"}));
  EXPECT_EQ(report->collections(0).count().documents(), 3u);
  EXPECT_EQ(report->judged(), 3u) << "service:k, user:deep and user:bo";
  EXPECT_EQ(report->judged_by_token(), 2u);
  // A question about one alone is refused, and so is one about an application that can ask nothing.
  EXPECT_EQ(Outcome(Report("as: 'user:deeper'")), "FAILED_PRECONDITION: as");
  EXPECT_EQ(Outcome(Report("as: 'user:deep'")), "OK");
  EXPECT_EQ(Outcome(Report("key_id: 'default.d'")), "FAILED_PRECONDITION: key_id");
  EXPECT_EQ(Outcome(Why("collection: 'docs' document: 'd' as: 'user:deeper'")),
            "FAILED_PRECONDITION: as");
}

// At kReportGroups and beyond.
TEST_F(AuditLimits, OfAReportsGroups) {
  std::string names = "compartments { ";
  for (size_t bit = 0; bit < kBits; ++bit) names += fmt::format("names: 'c{}' ", bit);
  ASSERT_EQ(Change("policy", names + "}"), "OK");
  ASSERT_EQ(Change("directory", "principals { name: 'user:ana' clearance { symbol: SYMBOL_ALL } }"),
            "OK");
  const auto document = [](const std::string& id, const std::string& chunks) {
    return "documents { id: '" + id +
           "' acl { allow { principal: 'everyone' } } label { level: " + "'public' } " + chunks +
           "} ";
  };
  std::string chunks;
  for (size_t i = 0; i < limits::kReportGroups; ++i) chunks += Chunk(i);
  ASSERT_EQ(Ingest(document("many", chunks))->response.accepted(), 1u);
  const std::string whose = "as: 'user:ana' collection: 'docs'";
  const auto most = Report(whose);
  ASSERT_TRUE(most.ok()) << most.status().ToString();
  ASSERT_EQ(most->collections_size(), 1);
  EXPECT_EQ(static_cast<size_t>(most->collections(0).labels_size()), limits::kReportGroups);
  ASSERT_EQ(Ingest(document("more", Chunk(limits::kReportGroups)))->response.accepted(), 1u);
  EXPECT_EQ(Outcome(Report(whose)), "FAILED_PRECONDITION: collection");
}

// At kSimulateAnswerBytes and beyond.
TEST_F(AuditLimits, OfASimulationsAnswer) {
  constexpr size_t kDocuments = 512, kUsers = limits::kSimulateAnswerBytes / limits::kIdBytes / 512;
  static_assert(kDocuments * kUsers * limits::kIdBytes == limits::kSimulateAnswerBytes);
  static_assert(kUsers < limits::kSimulateNamed && kDocuments <= limits::kSimulateDocuments);
  std::string documents;
  for (size_t i = 0; i < kDocuments; ++i) {
    const std::string number = fmt::format("{:04}", i);
    documents += Good(std::string(limits::kIdBytes - number.size(), 'x') + number);
  }
  ASSERT_EQ(Ingest(documents)->response.accepted(), kDocuments);
  const std::string change = "delete_collection { name: 'docs' } limit: 512 ";
  const auto most = Sim(change + As(kUsers));
  ASSERT_TRUE(most.ok()) << most.status().ToString();
  EXPECT_EQ(most->principals(0).collections(0).lost_documents_size(), 512);
  EXPECT_EQ(Outcome(Sim(change + As(kUsers + 1))), "INVALID_ARGUMENT: limit");
}

TEST_F(AuditLimits, OfAQuestion) {
  ASSERT_TRUE(Ingest(Good("d")).ok());
  const std::string change = "delete_document { collection: 'docs' document: 'd' } ";
  EXPECT_EQ(Outcome(Sim(change + As(limits::kSimulateNamed))), "OK");
  EXPECT_EQ(Outcome(Sim(change + As(limits::kSimulateNamed + 1))), "INVALID_ARGUMENT: as");
  const auto limit = [](const std::string& field, uint32_t count) {
    return fmt::format("{}: {} ", field, count);
  };
  EXPECT_EQ(Outcome(Sim(change + limit("limit", limits::kSimulateDocuments))), "OK");
  EXPECT_EQ(Outcome(Sim(change + limit("limit", limits::kSimulateDocuments + 1))),
            "INVALID_ARGUMENT: limit");
  const std::string document = "collection: 'docs' document: 'd' ";
  EXPECT_EQ(Outcome(Who(document + limit("limit", limits::kWhoCanSeePage))), "OK");
  EXPECT_EQ(Outcome(Who(document + limit("limit", limits::kWhoCanSeePage + 1))),
            "INVALID_ARGUMENT: limit");
  const auto history = [&](uint32_t count) {
    return Outcome(Asked<v1::PolicyHistoryResponse>([&](auto done) {
      PolicyHistory(Read(), FromText<v1::PolicyHistoryRequest>(limit("limit", count)), done);
    }));
  };
  EXPECT_EQ(history(limits::kHistoryPage), "OK");
  EXPECT_EQ(history(limits::kHistoryPage + 1), "INVALID_ARGUMENT: limit");
  const auto members = [&](uint32_t count) {
    return Outcome(Asked<v1::GetPrincipalResponse>([&](auto done) {
      GetPrincipal(Read(),
                   FromText<v1::GetPrincipalRequest>("principal: 'user:ana' " +
                                                     limit("members_limit", count)),
                   done);
    }));
  };
  EXPECT_EQ(members(limits::kMembersPage), "OK");
  EXPECT_EQ(members(limits::kMembersPage + 1), "INVALID_ARGUMENT: members_limit");
}

}  // namespace
}  // namespace cordon
