// An auditor's answer about now that is taken for one about ever after, or that leaves a trace in
// what is answered now.
#include <gtest/gtest.h>

#include "tests/engine/audit_fixture.h"

namespace cordon {
namespace {

class AuditTime : public Audit {
 protected:
  void SetUp() override {
    Audit::SetUp();
    ASSERT_TRUE(Ingest("documents { id: 'd' acl { allow { principal: 'group:hr' } } label { level: "
                       "'public' } chunks { text: 't' embedding: 1 embedding: 0 } } ")
                    .ok());
    ASSERT_EQ(Members(""), "OK");
    ASSERT_EQ(Change("policy",
                     "destinations { destination { name: 'chat' scope: 3 ceiling { level: "
                     "'restricted' } } } "),
              "OK");
  }
  // Of group:hr: user:bo, and as said.
  std::string Members(const std::string& more) { return Change("directory", Hr(more)); }
  static std::string Hr(const std::string& more) {
    return "principals { name: 'group:hr' sets_members: true members { principal: 'user:bo' } " +
           more + "} ";
  }
  // "+gained -lost" documents of `principal`, and the seconds of the next event.
  std::string For(const std::string& principal, const std::string& change) {
    const auto answer = Sim(change);
    if (!answer.ok()) return answer.status().ToString();
    std::string told = "nothing";
    for (const auto& one : answer->principals()) {
      if (one.principal() == principal) told = fmt::format("+{} -{}", one.gained(), one.lost());
    }
    return answer->has_next_event() ? fmt::format("{}, next {}", told, Seconds(*answer)) : told;
  }
  template <typename Response>
  static int64_t Seconds(const Response& response) {
    return response.has_next_event() ? response.next_event().seconds() : 0;
  }
  static std::string At(int64_t seconds) { return fmt::format("at {{ seconds: {} }} ", seconds); }

  static constexpr char kD[] = "collection: 'docs' document: 'd' ";
  static constexpr char kAna[] = "members { principal: 'user:ana' from { seconds: 61 } } ";
};

TEST_F(AuditTime, AGrantThatBeginsInAMinuteIsNothing) {
  const std::string grant = "set_access { " + std::string(kD) +
                            "acl { allow { principal: 'everyone' from { seconds: 61 } } allow { "
                            "principal: 'group:hr' } } } ";
  EXPECT_EQ(For("everyone", grant), "nothing, next 61");
  EXPECT_EQ(For("everyone", grant + At(60)), "nothing, next 61");
  EXPECT_EQ(For("everyone", grant + At(61)), "+1 -0");
  EXPECT_EQ(For("everyone", grant), "nothing, next 61") << "a later question was remembered";
  const std::string group = "directory { " + Hr(kAna) + "} ";
  EXPECT_EQ(For("user:ana", group), "nothing, next 61");
  EXPECT_EQ(For("user:ana", group + At(61)), "+1 -0");
  EXPECT_EQ(For("user:ana", "directory { " + Hr("members { principal: 'user:ana' } ") + "} "),
            "+1 -0");
  // A document that begins, one that is gone before it begins, and one that it takes from later.
  const std::string later =
      "id: 'n' acl { allow { principal: 'everyone' } } label { level: 'public' } "
      "valid_from { seconds: 71 } valid_until { seconds: 81 } ";
  const std::string text = "chunks { text: 't' embedding: 1 embedding: 0 } ";
  const std::string write = "ingest { collection: 'docs' documents { " + later + text + "} } ";
  EXPECT_EQ(For("everyone", write), "nothing, next 71");
  EXPECT_EQ(For("everyone", write + At(71)), "+1 -0, next 81");
  EXPECT_EQ(For("everyone", write + At(81)), "nothing");
  ASSERT_TRUE(Ingest("documents { " + later + text + "} ").ok());
  const std::string removal = "delete_document { collection: 'docs' document: 'n' } ";
  EXPECT_EQ(For("everyone", removal), "nothing, next 71");
  EXPECT_EQ(For("everyone", removal + At(71)), "+0 -1, next 81");
  EXPECT_EQ(For("user:bo", "delete_document { " + std::string(kD) + "} "), "+0 -1")
      << "another document's validity";
}

TEST_F(AuditTime, WhoeverBeginsTomorrowIsNotNamed) {
  EXPECT_FALSE(Who(kD)->has_next_event());
  ASSERT_EQ(Members(kAna), "OK");
  const auto before = [&] {
    EXPECT_EQ(Who(kD)->total(), 1u);
    EXPECT_EQ(Seconds(*Who(kD)), 61);
    EXPECT_EQ(Report("as: 'user:ana'")->collections(0).count().documents(), 0u);
    EXPECT_FALSE(Why(kD + std::string("as: 'user:ana'"))->permitted());
    const auto caller = Pin()->CallerOf(ScratchTenant::Caller(AllOf()), "user:ana", "chat");
    ASSERT_TRUE(caller.ok()) << caller.status().ToString();
    for (const uint64_t word : (*caller)->EntitlementsIn(Pin()->world())->words()) {
      EXPECT_EQ(word, 0u) << "what begins was served before";
    }
  };
  before();
  EXPECT_EQ(Who(kD + At(61))->total(), 2u);
  EXPECT_FALSE(Who(kD + At(61))->has_next_event());
  EXPECT_EQ(Report("as: 'user:ana' " + At(61))->collections(0).count().documents(), 1u);
  EXPECT_EQ(Report("as: 'user:ana' " + At(60))->collections(0).count().documents(), 0u);
  EXPECT_TRUE(Why(kD + std::string("as: 'user:ana' ") + At(61))->permitted());
  EXPECT_FALSE(Why(kD + std::string("as: 'user:ana' ") + At(60))->permitted());
  before();
}

TEST_F(AuditTime, AKeyOutlivesItsEnd) {
  MakeKey("default.k",
          "principal: 'service:k' rights: [RIGHT_QUERY, RIGHT_ACT_AS] collections: '*' "
          "destinations: '*' as_patterns: '*' expires { seconds: 41 } clearance { symbol: "
          "SYMBOL_ALL }");
  const auto count = [&](const std::string& more) {
    return Report("key_id: 'default.k' destination: 'chat' " + more)
        ->collections(0)
        .count()
        .documents();
  };
  EXPECT_EQ(count(""), 1u);
  EXPECT_EQ(count(At(40)), 1u);
  EXPECT_EQ(count(At(41)), 0u);
  const std::string by_key = std::string(kD) + "key_id: 'default.k' ";
  EXPECT_EQ(Who(by_key + At(40))->total(), 1u);
  EXPECT_EQ(Seconds(*Who(by_key)), 41);
  EXPECT_EQ(Who(by_key + At(41))->total(), 0u);
  EXPECT_FALSE(Why(by_key + "as: 'user:bo' " + At(41))->permitted());
}

TEST_F(AuditTime, ThePastIsAsked) {
  scratch_.wall = 5'000'000;
  const std::string change = "delete_document { " + std::string(kD) + "} ";
  const std::string ana = kD + std::string("as: 'user:ana' ");
  for (const char* past :
       {"at { seconds: 4 nanos: 999999000 } ", "at { seconds: 1 } ", "at { } "}) {
    EXPECT_EQ(Outcome(Who(std::string(kD) + past)), "INVALID_ARGUMENT: at") << past;
    EXPECT_EQ(Outcome(Why(ana + past)), "INVALID_ARGUMENT: at") << past;
    EXPECT_EQ(Outcome(Report(std::string("as: 'user:ana' ") + past)), "INVALID_ARGUMENT: at");
    EXPECT_EQ(Outcome(Sim(change + past)), "INVALID_ARGUMENT: at") << past;
  }
  EXPECT_TRUE(Who(kD + At(5)).ok());
  EXPECT_TRUE(Why(ana + At(5)).ok());
  EXPECT_TRUE(Report("as: 'user:ana' " + At(5)).ok());
  EXPECT_TRUE(Sim(change + At(5)).ok());
  EXPECT_EQ(Outcome(Who(kD + At(INT64_MAX))).substr(0, 20), "INVALID_ARGUMENT: at");
}

}  // namespace
}  // namespace cordon
