// A View that changes, skips an event, runs backwards, or lets everyone wait.
#include "engine/view/view.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/view/scratch_tenant.h"

namespace cordon {
namespace {

constexpr Micros kOneSecond = 1'000'000;

constexpr char kPolicy[] =
    "policy { destinations { destination { name: 'chat' scope: 3 ceiling { symbol: SYMBOL_ALL } "
    "} } containers { container { name: 'hr' acl { allow { principal: 'user:c' until { seconds: "
    "40 } } } } } }";

// Whether `as` sees the document of this id at the pinned View.
bool Sees(const View& view, const std::string& as, const store::v1::DocumentRecord& record) {
  const auto subject = ResolveUserAlone(view.world(), as, "", false);
  EXPECT_TRUE(subject.ok());
  Facts facts{record.chunks(0).class_id()};
  if (record.document().has_valid_from()) {
    facts.valid_from = record.document().valid_from().seconds() * kOneSecond;
  }
  if (record.document().has_valid_until()) {
    facts.valid_until = record.document().valid_until().seconds() * kOneSecond;
  }
  return Decide(view.world(), *subject, facts);
}

class Views : public testing::Test {
 protected:
  PinnedView PinAt(Micros time) {
    scratch_.wall = time;
    return scratch_.tenant->publisher.Pin(&scratch_.clock);
  }
  uint64_t Visible(const View& view, const std::string& as) {
    const auto subject = ResolveUserAlone(view.world(), as, "", false);
    const AllowedSet allowed = {Bitmap::FromWords(Entitle(view.world(), *subject).words(),
                                                  view.policy().classes.classes.size()),
                                view.now()};
    return view.index(*view.state().FindCollection("docs")).CountAllowed(allowed);
  }

  ScratchTenant scratch_{{kDocs, kPolicy}};
};

TEST_F(Views, AnEntryOutlivesItsEndByAMoment) {
  scratch_.Do(
      IngestOf("a", "allow { principal: 'user:a' until { seconds: 10 } }", "level: 'public'"));
  EXPECT_EQ(PinAt(2 * kOneSecond)->next_event(), 10 * kOneSecond);
  EXPECT_EQ(Visible(*PinAt(10 * kOneSecond - 1).view, "user:a"), 1u);
  EXPECT_EQ(Visible(*PinAt(10 * kOneSecond).view, "user:a"), 0u);
  EXPECT_EQ(PinAt(10 * kOneSecond)->next_event(), 40 * kOneSecond);
}

TEST_F(Views, AnEndedDenyLastsOrEndsEarly) {
  scratch_.Do(IngestOf("a",
                       "allow { principal: 'everyone' } deny { principal: 'user:a' until { "
                       "seconds: 10 } }",
                       "level: 'public'"));
  EXPECT_EQ(Visible(*PinAt(10 * kOneSecond - 1).view, "user:a"), 0u);
  EXPECT_EQ(Visible(*PinAt(10 * kOneSecond).view, "user:a"), 1u);
}

TEST_F(Views, WhatHasNotBegunCountsOrComesLate) {
  scratch_.Do(
      IngestOf("a", "allow { principal: 'user:a' from { seconds: 10 } }", "level: 'public'"));
  scratch_.Do(IngestOf("b",
                       "allow { principal: 'user:a' } deny { principal: 'user:a' from { seconds: "
                       "20 } until { seconds: 25 } }",
                       "level: 'public'"));
  EXPECT_EQ(PinAt(2 * kOneSecond)->next_event(), 10 * kOneSecond);
  EXPECT_EQ(Visible(*PinAt(10 * kOneSecond - 1).view, "user:a"), 1u);
  EXPECT_EQ(Visible(*PinAt(10 * kOneSecond).view, "user:a"), 2u);
  EXPECT_EQ(PinAt(10 * kOneSecond)->next_event(), 20 * kOneSecond);
  EXPECT_EQ(Visible(*PinAt(20 * kOneSecond).view, "user:a"), 1u);
  EXPECT_EQ(PinAt(20 * kOneSecond)->next_event(), 25 * kOneSecond);
  EXPECT_EQ(Visible(*PinAt(25 * kOneSecond).view, "user:a"), 2u);
}

TEST_F(Views, ADocumentIsSeenBeforeItsTimeOrAfter) {
  scratch_.Do(
      "ingest { collection: 'docs' documents { id: 'a' acl { allow { principal: 'everyone' } } "
      "label { level: 'public' } valid_from { seconds: 10 } valid_until { seconds: 20 } chunks { "
      "text: 't' embedding: 1 embedding: 0 } } }");
  const auto record = scratch_.store.Document("a");
  const std::vector<std::pair<Micros, bool>> expected = {{10 * kOneSecond - 1, false},
                                                         {10 * kOneSecond, true},
                                                         {20 * kOneSecond - 1, true},
                                                         {20 * kOneSecond, false}};
  EXPECT_EQ(PinAt(2 * kOneSecond)->next_event(), 10 * kOneSecond);
  for (const auto& [time, seen] : expected) {
    const PinnedView view = PinAt(time);
    EXPECT_EQ(Visible(*view.view, "user:a"), seen ? 1u : 0u) << time;
    EXPECT_EQ(Sees(*view.view, "user:a", record), seen) << time;
    EXPECT_GT(view->next_event(), time);
  }
}

TEST_F(Views, AMembershipOrContainerEntryEndsUnnoticed) {
  scratch_.Do(
      "directory { principals { name: 'group:g' sets_members: true members { principal: "
      "'user:b' until { seconds: 30 } } } }");
  scratch_.Do(IngestOf("g", "allow { principal: 'group:g' }", "level: 'public'"));
  scratch_.Do(IngestOf("h", "inherit: 'hr'", "level: 'public'"));
  EXPECT_EQ(PinAt(2 * kOneSecond)->next_event(), 30 * kOneSecond);
  EXPECT_EQ(Visible(*PinAt(30 * kOneSecond - 1).view, "user:b"), 1u);
  EXPECT_EQ(Visible(*PinAt(30 * kOneSecond).view, "user:b"), 0u);
  EXPECT_EQ(Visible(*PinAt(40 * kOneSecond - 1).view, "user:c"), 1u);
  EXPECT_EQ(Visible(*PinAt(40 * kOneSecond).view, "user:c"), 0u);
  EXPECT_EQ(PinAt(40 * kOneSecond)->next_event(), kNever);
}

TEST_F(Views, AMembershipOrContainerEntryBeginsUnnoticed) {
  scratch_.Do(
      "directory { principals { name: 'group:g' sets_members: true members { principal: "
      "'user:b' from { seconds: 30 } until { seconds: 36 } } } }");
  scratch_.Do(
      "policy { containers { container { name: 'later' acl { allow { principal: 'user:b' from { "
      "seconds: 33 } } } } } }");
  scratch_.Do(IngestOf("g", "allow { principal: 'group:g' }", "level: 'public'"));
  scratch_.Do(IngestOf("h", "inherit: 'later'", "level: 'public'"));
  EXPECT_EQ(PinAt(2 * kOneSecond)->next_event(), 30 * kOneSecond);
  EXPECT_EQ(Visible(*PinAt(30 * kOneSecond - 1).view, "user:b"), 0u);
  EXPECT_EQ(Visible(*PinAt(30 * kOneSecond).view, "user:b"), 1u);
  EXPECT_EQ(PinAt(30 * kOneSecond)->next_event(), 33 * kOneSecond);
  EXPECT_EQ(Visible(*PinAt(33 * kOneSecond - 1).view, "user:b"), 1u);
  EXPECT_EQ(Visible(*PinAt(33 * kOneSecond).view, "user:b"), 2u);
  EXPECT_EQ(PinAt(33 * kOneSecond)->next_event(), 36 * kOneSecond);
  EXPECT_EQ(Visible(*PinAt(36 * kOneSecond).view, "user:b"), 1u);
}

TEST_F(Views, ManyEventsPassAtOnce) {
  for (const int end : {10, 20, 30}) {
    scratch_.Do(
        IngestOf("d" + std::to_string(end),
                 "allow { principal: 'user:a' until { seconds: " + std::to_string(end) + " } }",
                 "level: 'public'"));
  }
  EXPECT_EQ(Visible(*PinAt(25 * kOneSecond).view, "user:a"), 1u);
  EXPECT_EQ(PinAt(25 * kOneSecond)->next_event(), 30 * kOneSecond);
  // A list that is written later and ends earlier than the known next event.
  scratch_.Do(
      IngestOf("late", "allow { principal: 'user:a' until { seconds: 27 } }", "level: 'public'"));
  EXPECT_EQ(PinAt(25 * kOneSecond)->next_event(), 27 * kOneSecond);
  EXPECT_EQ(Visible(*PinAt(27 * kOneSecond).view, "user:a"), 1u);
}

TEST_F(Views, ALaterListEndsBeforeTheKnownNextEvent) {
  scratch_.Do(
      IngestOf("a", "allow { principal: 'user:a' until { seconds: 30 } }", "level: 'public'"));
  const PinnedView before = PinAt(2 * kOneSecond);
  ASSERT_TRUE(scratch_.store
                  .Try(IngestOf("b", "allow { principal: 'user:a' until { seconds: 9 } }",
                                "level: 'public'"))
                  .ok());
  // As the writer builds it: from the View before.
  const auto next = View::Build(
      scratch_.store.state(), scratch_.Rebuild(), scratch_.store.database().TakeSnapshot(),
      &scratch_.store.database(), &scratch_.store.vault(), 2 * kOneSecond, before.view.get());
  EXPECT_EQ(next->next_event(), 9 * kOneSecond);
}

TEST_F(Views, TheWallClockIsSetBack) {
  scratch_.Do(
      IngestOf("a", "allow { principal: 'user:a' until { seconds: 10 } }", "level: 'public'"));
  EXPECT_EQ(Visible(*PinAt(11 * kOneSecond).view, "user:a"), 0u);
  const PinnedView back = PinAt(5 * kOneSecond);
  EXPECT_EQ(Visible(*back.view, "user:a"), 0u);
  EXPECT_GE(back.as_of, 11 * kOneSecond);
  const auto built = View::Build(
      scratch_.store.state(), scratch_.indexes, scratch_.store.database().TakeSnapshot(),
      &scratch_.store.database(), &scratch_.store.vault(), 3 * kOneSecond, back.view.get());
  EXPECT_GE(built->now(), back->now());
}

// The clock follows the wall ahead and not back: what ended meanwhile has ended, what began has
// begun, and what is written afterwards is judged at that later time.
TEST_F(Views, TheWallClockJumpsAheadAndBack) {
  scratch_.Do(
      IngestOf("a", "allow { principal: 'user:a' until { seconds: 10 } }", "level: 'public'"));
  scratch_.Do(
      "ingest { collection: 'docs' documents { id: 'b' acl { allow { principal: 'everyone' } } "
      "label { level: 'public' } valid_from { seconds: 20 } chunks { text: 't' embedding: 1 "
      "embedding: 0 } } }");
  EXPECT_EQ(Visible(*PinAt(2 * kOneSecond).view, "user:a"), 1u);
  EXPECT_EQ(Visible(*PinAt(25 * kOneSecond).view, "user:a"), 1u);  // b in place of a
  EXPECT_EQ(Visible(*PinAt(3 * kOneSecond).view, "user:a"), 1u);
  scratch_.Do(
      IngestOf("c", "allow { principal: 'user:a' until { seconds: 15 } }", "level: 'public'"));
  EXPECT_EQ(Visible(*PinAt(4 * kOneSecond).view, "user:a"), 1u) << "an entry that has ended counts";
  EXPECT_EQ(Visible(*PinAt(4 * kOneSecond).view, "user:x"), 1u);
  scratch_.Do(
      IngestOf("d", "allow { principal: 'user:y' from { seconds: 22 } }", "level: 'public'"));
  EXPECT_EQ(Visible(*PinAt(4 * kOneSecond).view, "user:y"), 2u)
      << "an entry that has begun does not";
}

TEST_F(Views, APinnedViewChangesWhileOthersWrite) {
  scratch_.Do(IngestOf("a", "allow { principal: 'everyone' }", "level: 'public'"));
  const PinnedView pinned = PinAt(2 * kOneSecond);
  scratch_.Do(
      "set_access { collection: 'docs' document: 'a' acl { allow { principal: 'user:x' } "
      "} label { level: 'restricted' } }");
  scratch_.Do(IngestOf("b", "allow { principal: 'everyone' }", "level: 'public'"));
  scratch_.Do("delete_document { collection: 'docs' document: 'a' }");
  scratch_.Do("delete_collection { name: 'docs' }");
  EXPECT_EQ(pinned->revision(), 3u);
  EXPECT_EQ(Visible(*pinned.view, "user:a"), 1u);
  store::v1::DocumentRecord record;
  ASSERT_TRUE(*pinned->documents().Read(1, "a", &record));
  EXPECT_EQ(record.document().label().level(), "public");
  EXPECT_FALSE(*pinned->documents().Read(1, "b", &record));
  // The same revision at a later time is not the newest revision.
  EXPECT_EQ(Visible(*pinned->At(9 * kOneSecond), "user:a"), 1u);
  EXPECT_EQ(PinAt(2 * kOneSecond)->revision(), 7u);
}

TEST_F(Views, DeadClassesKeepNamesInUse) {
  scratch_.Do(IngestOf("a", "allow { principal: 'everyone' }", "level: 'internal'"));
  scratch_.Do(IngestOf("b", "allow { principal: 'everyone' }", "level: 'restricted'"));
  const auto collection = scratch_.store.state().FindCollection("docs");
  EXPECT_EQ(PinAt(kOneSecond)->ClassesInUse(collection.get()), (std::vector<bool>{true, true}));
  VectorIndex& index = scratch_.indexes.at(collection->id).vectors;
  DocumentChange remove;
  remove.document = "a";
  remove.kind = DocumentChange::Kind::kRemove;
  index = index.Apply({&remove, 1});
  scratch_.Publish();
  EXPECT_EQ(PinAt(kOneSecond)->ClassesInUse(nullptr), (std::vector<bool>{false, true}));
}

}  // namespace
}  // namespace cordon
