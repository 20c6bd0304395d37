// Limits of an auditor's questions: at them the answer is whole, and one beyond is refused.
#include <gtest/gtest.h>

#include "engine/base/limits.h"
#include "tests/engine/audit_fixture.h"

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
