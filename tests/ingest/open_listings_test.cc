// Two listings of a source at once undo each other; a client that hangs keeps everybody waiting.
#include "engine/ingest/open_listings.h"

#include <gtest/gtest.h>

#include <vector>

#include "engine/base/limits.h"

namespace cordon {
namespace {

constexpr Micros kSecond = 1'000'000;

class ListingPlaces : public testing::Test {
 protected:
  using Place = std::unique_ptr<OpenListings::Place>;

  static ListingScope Of(const std::string& source, const std::string& prefix = "",
                         const std::string& caller = "a") {
    return {"tenant", "docs", source, prefix, caller};
  }
  // "CODE: field" of the refusal, or the place.
  std::string Enter(ListingScope scope, Place* place, Micros now = 0) {
    auto entered = open_.Enter(std::move(scope), now, [this] { ++lost_; });
    if (!entered.ok()) {
      EXPECT_GT(entered.status().retry_after_ms(), 0);
      return std::string(CodeName(entered.status().code())) + ": " +
             std::string(entered.status().field());
    }
    *place = *std::move(entered);
    return "OK";
  }

  OpenListings open_;
  int lost_ = 0;  // told so
};

TEST_F(ListingPlaces, TwoOfOneSourceAreOnTheirWayIn) {
  const std::string refused = "RESOURCE_EXHAUSTED: begin.source";
  Place first, second;
  EXPECT_EQ(Enter(Of("wiki", "x/"), &first), "OK");
  EXPECT_EQ(Enter(Of("wiki", "x/"), &second), refused);
  EXPECT_EQ(Enter(Of("wiki", "x/1", "b"), &second), refused) << "a part of it, by another key";
  EXPECT_EQ(Enter(Of("wiki", "", "b"), &second), refused) << "all of it";
  EXPECT_EQ(Enter(Of("wiki", "y/", "b"), &second), "OK") << "another part";
  second.reset();
  EXPECT_EQ(Enter(Of("crm", "", "b"), &second), "OK") << "another source";
  second.reset();
  EXPECT_EQ(Enter({"tenant", "others", "wiki", "", "b"}, &second), "OK");
  second.reset();
  EXPECT_EQ(Enter({"another", "docs", "wiki", "", "b"}, &second), "OK");
  first.reset();
  second.reset();
  EXPECT_EQ(Enter(Of("wiki"), &first), "OK") << "the first one has ended";
}

// At kListingsOfOne and beyond.
TEST_F(ListingPlaces, OneCallerTakesAllPlaces) {
  std::vector<Place> places(limits::kListingsPerTenant + 2);
  size_t next = 0;
  const auto enter = [&](const std::string& caller) {
    const std::string outcome = Enter(Of(std::to_string(next), "", caller), &places[next]);
    next += outcome == "OK";
    return outcome;
  };
  for (size_t i = 0; i < limits::kListingsOfOne; ++i) EXPECT_EQ(enter("a"), "OK");
  EXPECT_EQ(enter("a"), "RESOURCE_EXHAUSTED: begin");
  while (next < limits::kListingsPerTenant) ASSERT_EQ(enter("b" + std::to_string(next)), "OK");
  EXPECT_EQ(enter("c"), "RESOURCE_EXHAUSTED: begin");
  Place elsewhere;
  EXPECT_EQ(Enter({"another", "docs", "wiki", "", "a"}, &elsewhere), "OK");
}

// At kListingSilence_s and beyond.
TEST_F(ListingPlaces, WhoHangsIsWaitedForForEver) {
  const Micros silence = limits::kListingSilence_s * kSecond;
  Place hangs, next;
  ASSERT_EQ(Enter(Of("wiki"), &hangs, 0), "OK");
  EXPECT_EQ(Enter(Of("wiki"), &next, 100 * silence), "RESOURCE_EXHAUSTED: begin.source")
      << "its message is worked on, however long";
  hangs->Rest(100 * silence);
  EXPECT_EQ(Enter(Of("wiki"), &next, 101 * silence - 1), "RESOURCE_EXHAUSTED: begin.source");
  EXPECT_TRUE(hangs->Resume().ok());
  hangs->Rest(200 * silence);
  EXPECT_EQ(lost_, 0);
  EXPECT_EQ(Enter(Of("wiki"), &next, 201 * silence), "OK");
  EXPECT_EQ(lost_, 1) << "its memory stays with it";
  EXPECT_EQ(hangs->Resume().code(), StatusCode::kAborted);
  hangs.reset();
  EXPECT_EQ(Enter(Of("wiki"), &hangs, 201 * silence), "RESOURCE_EXHAUSTED: begin.source")
      << "who has lost its place gives back another's";
}

TEST_F(ListingPlaces, WhoIsSlowAndInNobodysWayLosesItsPlace) {
  const Micros silence = limits::kListingSilence_s * kSecond;
  Place slow, other;
  ASSERT_EQ(Enter(Of("wiki"), &slow, 0), "OK");
  slow->Rest(0);
  ASSERT_EQ(Enter(Of("crm", "", "b"), &other, 10 * silence), "OK");
  EXPECT_TRUE(slow->Resume().ok());
  slow->Rest(0);
  Place same;
  EXPECT_EQ(Enter(Of("crm"), &same, 20 * silence), "RESOURCE_EXHAUSTED: begin.source")
      << "the other one is worked on";
  EXPECT_TRUE(slow->Resume().ok()) << "its place would not have helped";
  slow->Rest(0);
  other->Rest(20 * silence);
  EXPECT_EQ(Enter(Of("crm"), &same, 30 * silence), "OK");
  EXPECT_EQ(lost_, 1) << "the one in the way, and it was enough";
  EXPECT_TRUE(slow->Resume().ok());
}

TEST_F(ListingPlaces, ManyThatHangLoseMoreThanOnePlace) {
  const Micros silence = limits::kListingSilence_s * kSecond;
  std::vector<Place> hang(limits::kListingsPerTenant);
  for (size_t i = 0; i < hang.size(); ++i) {
    const std::string name = std::to_string(i);
    ASSERT_EQ(Enter(Of(name, "", name), &hang[i], 0), "OK");
    hang[i]->Rest(0);
  }
  Place next;
  EXPECT_EQ(Enter(Of("wiki", "", "next"), &next, silence - 1), "RESOURCE_EXHAUSTED: begin");
  EXPECT_EQ(lost_, 0);
  EXPECT_EQ(Enter(Of("wiki", "", "next"), &next, silence), "OK");
  EXPECT_EQ(lost_, 1);
}

}  // namespace
}  // namespace cordon
