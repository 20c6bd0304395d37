// Names of principals: one spelling each, and nothing that only looks like one.

#include "engine/policy/principal.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "engine/base/limits.h"

namespace cordon {
namespace {

bool Refused(std::string_view name) {
  const auto kind = ParsePrincipal("acl.allow[0]", name);
  if (kind.ok()) return false;
  EXPECT_EQ(kind.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(kind.status().field(), "acl.allow[0]");
  EXPECT_FALSE(kind.status().message().empty());
  return true;
}

TEST(PrincipalTest, EachKindHasItsPrefix) {
  EXPECT_EQ(*ParsePrincipal("", "user:ana"), PrincipalKind::kUser);
  EXPECT_EQ(*ParsePrincipal("", "group:hr"), PrincipalKind::kGroup);
  EXPECT_EQ(*ParsePrincipal("", "role:auditor"), PrincipalKind::kRole);
  EXPECT_EQ(*ParsePrincipal("", "service:app"), PrincipalKind::kService);
  EXPECT_EQ(*ParsePrincipal("", "everyone"), PrincipalKind::kEveryone);
  EXPECT_EQ(*ParsePrincipal("", "user:user:ana"), PrincipalKind::kUser);
  EXPECT_EQ(*ParsePrincipal("", "user: "), PrincipalKind::kUser);
}

TEST(PrincipalTest, APrefixAloneOrAnotherSpellingIsNoPrincipal) {
  for (const char* name : {"", "user:", "group:", "role:", "service:", "user", "ana", "User:ana",
                           "USER:ana", "Everyone", "everyone ", " everyone", "everyone:", "*",
                           " user:ana", "users:ana", "person:123", ":ana"}) {
    EXPECT_TRUE(Refused(name)) << name;
  }
}

TEST(PrincipalTest, ControlCharactersAreRefused) {
  EXPECT_TRUE(Refused("user:a\n"));
  EXPECT_TRUE(Refused("user:\tana"));
  EXPECT_TRUE(Refused(std::string_view("user:a\0b", 8)));
  EXPECT_TRUE(Refused("user:a\x7f"));
  EXPECT_TRUE(Refused("user:a\xc2\x85"));  // U+0085, a C1 control
}

TEST(PrincipalTest, OnlyValidUtf8InNfcIsAccepted) {
  EXPECT_FALSE(Refused("user:zo\xc3\xab"));                // U+00EB
  EXPECT_TRUE(Refused("user:zoe\xcc\x88"));                // e, U+0308: the same to the eye
  EXPECT_TRUE(Refused("user:\xe2\x84\xab"));               // U+212B, Ångström; NFC is U+00C5
  EXPECT_TRUE(Refused("user:\xff"));                       // no UTF-8
  EXPECT_TRUE(Refused("user:\xc3"));                       // cut off
  EXPECT_TRUE(Refused("user:\xc0\xaf"));                   // overlong
  EXPECT_TRUE(Refused("user:\xed\xa0\x80"));               // a surrogate
  EXPECT_FALSE(Refused("user:\xe5\xb1\xb1\xe7\x94\xb0"));  // 山田
}

// At kPrincipalBytes and beyond.
TEST(PrincipalTest, AtMost256BytesAndNeverCut) {
  EXPECT_EQ(limits::kPrincipalBytes, 256u);  // DESIGN §1
  EXPECT_FALSE(Refused("user:" + std::string(251, 'a')));
  EXPECT_TRUE(Refused("user:" + std::string(252, 'a')));
  std::string wide = "user:";
  for (int i = 0; i < 126; ++i) wide += "\xc3\xab";  // 126 characters, 252 bytes
  EXPECT_TRUE(Refused(wide)) << "bytes count, not characters";
}

TEST(PrincipalTest, ANumberMeansOneNameForGood) {
  PrincipalTable table;
  EXPECT_EQ(table.Find("everyone"), PrincipalTable::kEveryoneId);
  EXPECT_EQ(table.Find("user:ana"), std::nullopt);
  const PrincipalId ana = table.Intern("user:ana");
  const PrincipalId other = table.Intern("user:Ana");
  EXPECT_NE(ana, other);
  EXPECT_EQ(table.Intern("user:ana"), ana);
  EXPECT_EQ(table.Find("user:ana"), ana);
  EXPECT_EQ(table.Name(other), "user:Ana");
  EXPECT_EQ(table.size(), 3u);
  EXPECT_EQ(table.Find("user:nobody"), std::nullopt) << "looking up does not add";
  EXPECT_EQ(table.size(), 3u);
}

TEST(PrincipalTest, ADraftLeavesItsBaseAlone) {
  const auto base = std::make_shared<PrincipalTable>();
  const PrincipalId ana = base->Intern("user:ana");
  PrincipalTable dropped(base), kept(base);
  for (PrincipalTable* draft : {&dropped, &kept}) {
    EXPECT_EQ(draft->Find("user:ana"), ana);
    EXPECT_EQ(draft->Intern("user:ana"), ana);
    EXPECT_EQ(draft->Find("everyone"), PrincipalTable::kEveryoneId);
    EXPECT_EQ(draft->size(), 2u);
  }
  EXPECT_EQ(dropped.Intern("user:mallory"), 2u);
  const PrincipalId bo = kept.Intern("user:bo");
  EXPECT_EQ(kept.Name(ana), "user:ana");
  EXPECT_EQ(kept.Name(bo), "user:bo");
  EXPECT_EQ(kept.Find("user:mallory"), std::nullopt);
  EXPECT_EQ(base->Find("user:bo"), std::nullopt) << "before it is adopted";
  EXPECT_EQ(base->size(), 2u);
  base->Adopt(kept);
  EXPECT_EQ(base->size(), 3u);
  EXPECT_EQ(base->Find("user:bo"), bo);
  EXPECT_EQ(base->Name(bo), "user:bo");
  EXPECT_EQ(base->Find("user:mallory"), std::nullopt);
  EXPECT_EQ(base->Intern("user:cy"), 3u) << "the number of a dropped name is free";
  // A draft that lives on, as one of a simulation does, keeps its own numbers.
  EXPECT_EQ(dropped.Find("user:bo"), std::nullopt);
  EXPECT_EQ(dropped.Find("user:mallory"), 2u);
  EXPECT_EQ(dropped.Name(2), "user:mallory");
  EXPECT_EQ(dropped.Intern("user:bo"), 3u);
  EXPECT_EQ(dropped.Name(3), "user:bo");
}

// As Simulate and retrieval do while the writer goes on.
TEST(PrincipalTest, WhoReadsADraftSeesWhatTheWriterGives) {
  constexpr int kNames = 2000;
  const auto base = std::make_shared<PrincipalTable>();
  const PrincipalId ana = base->Intern("user:ana");
  PrincipalTable tried(base);
  const PrincipalId mallory = tried.Intern("user:mallory");
  std::atomic<bool> done = false;
  std::thread reader([&] {
    while (!done) {
      EXPECT_EQ(tried.Find("user:ana"), ana);
      EXPECT_EQ(tried.Name(mallory), "user:mallory");
      EXPECT_EQ(tried.Find("user:7"), std::nullopt);
      EXPECT_EQ(base->Find("user:mallory"), std::nullopt);
    }
  });
  for (int i = 0; i < kNames; ++i) {
    PrincipalTable refused(base), draft(base);
    refused.Intern("user:refused-" + std::to_string(i));
    EXPECT_EQ(draft.Intern("user:" + std::to_string(i)), base->size());
    base->Adopt(draft);
  }
  done = true;
  reader.join();
  EXPECT_EQ(base->size(), kNames + 2u);
  for (int i = 0; i < kNames; ++i) {
    EXPECT_EQ(base->Find("user:" + std::to_string(i)), static_cast<PrincipalId>(i + 2));
  }
}

TEST(PrincipalTest, ThreadsThatInternTheSameNamesGetTheSameNumbers) {
  constexpr int kNames = 2000;
  PrincipalTable table;
  std::vector<std::vector<PrincipalId>> ids(4);
  std::vector<std::thread> threads;
  threads.reserve(ids.size());
  for (auto& mine : ids) {
    threads.emplace_back([&table, &mine] {
      for (int i = 0; i < kNames; ++i) mine.push_back(table.Intern("user:" + std::to_string(i)));
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& mine : ids) EXPECT_EQ(mine, ids.front());
  EXPECT_EQ(table.size(), kNames + 1u);
  for (int i = 0; i < kNames; ++i) {
    ASSERT_EQ(table.Name(ids[0][static_cast<size_t>(i)]), "user:" + std::to_string(i));
  }
}

}  // namespace
}  // namespace cordon
