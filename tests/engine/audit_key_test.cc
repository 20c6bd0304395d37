// What an application is denied, told as if the user asked alone.
#include <gtest/gtest.h>

#include "engine/store/codec.h"
#include "tests/engine/audit_fixture.h"

namespace cordon {
namespace {

class AuditKey : public Audit {
 protected:
  void SetUp() override {
    Audit::SetUp();
    ASSERT_TRUE(Ingest("documents { id: 'd' acl { allow { principal: 'everyone' } deny { "
                       "principal: 'service:app' } } label { level: 'public' } chunks { text: 't' "
                       "embedding: 1 embedding: 0 } } " +
                       Document("open", "public") + Document("secret", "restricted"))
                    .ok());
    ASSERT_EQ(
        Change("directory",
               "principals { name: 'user:ana' clearance { symbol: SYMBOL_ALL } } principals { "
               "name: 'user:bo' clearance { symbol: SYMBOL_ALL } }"),
        "OK");
    ASSERT_EQ(
        Change("policy",
               "destinations { destination { name: 'pub' scope: 3 ceiling { level: 'public' } "
               "} } destinations { destination { name: 'inner' scope: 4 ceiling { level: "
               "'restricted' } } } "),
        "OK");
    MakeKey("default.app", Key("service:app", "'pub'"));
    MakeKey("default.web", Key("service:web", "'pub'"));
    MakeKey("default.all", Key("service:web", "'*'"));
    MakeKey("default.low",
            "principal: 'service:web' rights: [RIGHT_QUERY, RIGHT_ACT_AS] as_patterns: 'user:a*' "
            "as_patterns: 'service:web' collections: 'typed' destinations: '*'");
    MakeKey("default.own",
            "principal: 'service:web' rights: RIGHT_QUERY collections: '*' destinations: '*'");
  }
  static std::string Document(const std::string& id, const std::string& level) {
    return "documents { id: '" + id + "' acl { allow { principal: 'everyone' } } label { level: '" +
           level + "' } chunks { text: 't' embedding: 1 embedding: 0 } } ";
  }
  static std::string Key(const std::string& principal, const std::string& destination) {
    return "principal: '" + principal +
           "' rights: [RIGHT_QUERY, RIGHT_ACT_AS] as_patterns: 'user:*' collections: '*' "
           "destinations: " +
           destination + " clearance { symbol: SYMBOL_ALL } ";
  }
  static std::string Of(const std::string& document, const std::string& key) {
    return "collection: 'docs' document: '" + document + "' key_id: '" + key + "' ";
  }
  bool Permitted(const std::string& document, const std::string& key,
                 const std::string& more = "") {
    const auto answer = Why(Of(document, key) + "as: 'user:ana' " + more);
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return answer.ok() && answer->permitted();
  }
  std::string Because(const std::string& request, const std::string& clause) {
    const auto answer = Why(request);
    if (!answer.ok()) return answer.status().ToString();
    for (const auto& one : answer->clauses()) {
      if (one.name() == clause) return (one.permitted() ? "yes: " : "no: ") + one.because();
    }
    return "no such clause";
  }
};

TEST_F(AuditKey, ADenialOfTheApplicationIsNotTold) {
  const std::string pub = "destination: 'pub' ";
  EXPECT_TRUE(Permitted("d", "", pub)) << "the user alone may";
  EXPECT_FALSE(Permitted("d", "default.app", pub));
  EXPECT_TRUE(Permitted("open", "default.app", pub));
  EXPECT_TRUE(Permitted("d", "default.web", pub));
  EXPECT_EQ(Because(Of("d", "default.app") + "as: 'user:ana'", "acl"), "no: denies service:app");
  EXPECT_EQ(Because(Of("d", "default.app") + "as: 'user:ana'", "key"),
            "yes: service:app may act for user:ana");
  EXPECT_EQ(Because(Of("d", "") + "as: 'user:ana'", "key"), "no such clause");
  EXPECT_EQ(Who(Of("d", "default.app"))->total(), 0u);
  EXPECT_FALSE(Who(Of("d", "default.app"))->everyone());
  EXPECT_EQ(Who(Of("d", "default.web"))->total(), 2u);
  EXPECT_TRUE(Who(Of("d", "default.web"))->everyone());
}

TEST_F(AuditKey, WhatTheKeyMayNotAskIsTold) {
  const auto key = [&](const std::string& id, const std::string& more) {
    return Because(Of("open", id) + more, "key");
  };
  EXPECT_EQ(key("default.low", "as: 'user:ana'"), "no: it may not use the collection");
  EXPECT_EQ(key("default.own", "as: 'user:ana'"), "no: it lacks the right 'act-as'");
  EXPECT_EQ(key("default.own", "as: 'service:web'"), "yes: service:web may ask for itself");
  EXPECT_EQ(key("default.app", "as: 'user:ana' destination: 'inner'"),
            "no: it may name no such destination");
  EXPECT_EQ(key("default.app", "as: 'service:web'"), "no: it may not act for service:web");
  EXPECT_FALSE(Permitted("open", "default.low"));
  EXPECT_FALSE(Permitted("open", "default.own"));
  EXPECT_FALSE(Permitted("open", "default.app", "destination: 'inner'"));
  EXPECT_EQ(Who(Of("open", "default.low"))->total(), 0u);
  EXPECT_EQ(Who(Of("open", "default.own"))->total(), 0u);
  EXPECT_EQ(Outcome(Who(Of("open", "default.none"))), "NOT_FOUND: key_id");
  EXPECT_EQ(Outcome(Why(Of("open", "default.none") + "as: 'user:ana'")), "NOT_FOUND: key_id");
}

// Without a destination: by whichever the key may name.
TEST_F(AuditKey, ACeilingOfTheKeysDestinationIsLeftOut) {
  EXPECT_TRUE(Permitted("secret", ""));
  EXPECT_FALSE(Permitted("secret", "default.app"));
  EXPECT_TRUE(Permitted("secret", "default.all"));
  EXPECT_FALSE(Permitted("secret", "default.all", "destination: 'pub'"));
  EXPECT_EQ(Who(Of("secret", "default.app"))->total(), 0u);
  EXPECT_EQ(Who(Of("secret", "default.all"))->total(), 2u);
}

TEST_F(AuditKey, AReportCountsWhatNoDestinationReceives) {
  const auto told = [&](const std::string& id, const std::string& more = "") {
    const auto report = Report("collection: 'docs' key_id: '" + id + "' " + more);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? report->collections(0).count().documents() : 99;
  };
  EXPECT_EQ(told("default.app"), 1u) << "open; d denies it, and secret is above its destination";
  EXPECT_EQ(told("default.web"), 2u);
  EXPECT_EQ(told("default.all"), 3u);
  EXPECT_EQ(told("default.all", "destination: 'pub'"), 2u);
  EXPECT_EQ(told("default.web", "destination: 'inner'"), 0u);
  // Of a destination that is no more nothing is received.
  ASSERT_EQ(Change("policy", "destinations { destination { name: 'pub' } remove: true } "), "OK");
  EXPECT_EQ(told("default.web"), 0u);
  EXPECT_EQ(told("default.all"), 3u);
}

// Retrieval lets the key that opened an access use it, and no other.
TEST_F(AuditKey, AnAccessOfAnotherKeyIsJudged) {
  ASSERT_TRUE(Ingest("documents { id: 'closed' acl { allow { principal: 'user:bo' } } label { "
                     "level: 'public' } chunks { text: 't' embedding: 1 embedding: 0 } } ")
                  .ok());
  const std::string may = Key("service:web", "'*'") + "rights: RIGHT_BREAK_GLASS ";
  MakeKey(Context().caller.key_id(), may);
  MakeKey("default.other", may);
  ASSERT_TRUE(Asked<v1::OpenBreakGlassResponse>([&](auto done) {
                OpenBreakGlass(Context(),
                               FromText<v1::OpenBreakGlassRequest>(
                                   "as: 'user:ana' reason: 'a fire' until { seconds: 9 }"),
                               "g", done);
              }).ok());
  const auto why = [&](const std::string& key, const std::string& more) {
    const auto answer = Why(Of("closed", key) + "as: 'user:ana' " + more);
    if (!answer.ok()) return Outcome(answer);
    return std::string(answer->permitted() ? "yes" : "no");
  };
  const std::string under = "break_glass: 'g' ";
  EXPECT_EQ(why("", under), "yes");
  EXPECT_EQ(why(Context().caller.key_id(), under), "yes");
  EXPECT_EQ(why(Context().caller.key_id(), ""), "no");
  EXPECT_EQ(why("default.other", under), "INVALID_ARGUMENT: break_glass");
  EXPECT_EQ(why(Context().caller.key_id(), under + "at { seconds: 9 } "),
            "INVALID_ARGUMENT: break_glass");
}

// What is told is what the key gets when it asks.
TEST_F(AuditKey, AnAnswerThroughAKeyDisagreesWithTheCall) {
  const PinnedView view = Pin();
  const uint32_t collection = view->state().FindCollection("docs")->id;
  int yes = 0, no = 0;
  for (const auto& [id, key] : *view->state().keys) {
    for (const char* name : {"user:ana", "user:bo", "service:web", "service:app"}) {
      for (const char* destination : {"pub", "inner"}) {
        const auto subject =
            ResolveSubject(view->world(), ScratchTenant::Caller(*key.grant), name, destination);
        for (const char* document : {"d", "open", "secret"}) {
          store::v1::DocumentRecord record;
          ASSERT_TRUE(*view->documents().Read(collection, document, &record));
          const bool sees = subject.ok() && key.grant->MayUseCollection("docs") &&
                            Decide(view->world(), *subject, Facts{record.chunks(0).class_id()});
          const auto told =
              Why(Of(document, id) + "as: '" + name + "' destination: '" + destination + "'");
          ASSERT_TRUE(told.ok()) << told.status().ToString();
          EXPECT_EQ(told->permitted(), sees) << id << name << destination << document;
          ++(sees ? yes : no);
        }
      }
    }
  }
  EXPECT_GT(yes, 5);
  EXPECT_GT(no, 5);
}

}  // namespace
}  // namespace cordon
