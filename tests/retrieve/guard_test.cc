// An index that is wrong, and believed.
#include "engine/retrieve/guard.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "engine/retrieve/pack.h"
#include "engine/retrieve/search.h"
#include "tests/retrieve/library.h"

namespace cordon {
namespace {

// What has not been cleared cannot be packed: the type has no other maker than Guard.
static_assert(!std::is_default_constructible_v<Cleared<ClearedChunk>>);
static_assert(!std::is_constructible_v<Cleared<ClearedChunk>, ClearedChunk>);
static_assert(!std::is_convertible_v<ClearedChunk, Cleared<ClearedChunk>>);
static_assert(!std::is_assignable_v<Cleared<ClearedChunk>&, ClearedChunk>);

class WrongIndex : public Library {
 protected:
  // Publishes the store's newest state with an index that says this of one document.
  void Plant(const std::string& document, DocumentChange::Kind kind, uint32_t class_id,
             std::vector<float> embedding = {}, uint32_t ordinal = 0) {
    DocumentChange change;
    change.document = document;
    change.kind = kind;
    if (kind != DocumentChange::Kind::kRemove) {
      change.rows.push_back({ordinal, class_id, embedding.empty() ? nullptr : embedding.data()});
    }
    VectorIndex& index = scratch_.indexes.at(1).vectors;
    index = index.Apply({&change, 1});
    scratch_.Publish();
  }
  ClassId ClassOf(const std::string& id) {
    return scratch_.store.Document(id).chunks(0).class_id();
  }
};

using Kind = DocumentChange::Kind;

TEST_F(WrongIndex, ASecretRowInAnOpenClassLeaves) {
  Plant("secret", Kind::kReclass, ClassOf("open1"));
  const uint64_t before = GuardRejections();
  EXPECT_EQ(Passages(Ask(Question(3))), "open5=5 open4=4 open3=3");
  EXPECT_GT(GuardRejections(), before) << "and nobody hears of it";
  EXPECT_EQ(Passages(Ask(Question(100))), "open5=5 open4=4 open3=3 open2=2 open1=1");
}

TEST_F(WrongIndex, AStaleScoreOrdersTheAnswer) {
  Plant("open1", Kind::kReplace, ClassOf("open1"), {50, 0});
  EXPECT_EQ(Passages(Ask(Question(3))), "open5=5 open4=4 open3=3");
}

TEST_F(WrongIndex, ADocumentThatIsNotThereLeaves) {
  for (int i = 0; i < 40; ++i) {
    Plant("ghost" + std::to_string(i), Kind::kReplace, ClassOf("open1"), {60, 0});
  }
  EXPECT_EQ(Passages(Ask(Question(3))), "open5=5 open4=4 open3=3");
  EXPECT_EQ(Passages(Ask(Question(10))), "open5=5 open4=4 open3=3 open2=2 open1=1");
}

TEST_F(WrongIndex, AChunkThatIsNotThereLeaves) {
  Plant("open1", Kind::kReplace, ClassOf("open1"), {70, 0}, /*ordinal=*/7);
  EXPECT_EQ(Passages(Ask(Question(2))), "open5=5 open4=4");
}

TEST_F(WrongIndex, AnEndedDocumentLeaves) {
  scratch_.Do(Scored("ended", "everyone", 80, "level: 'public'", "valid_until { seconds: 1 }"));
  Plant("ended", Kind::kReplace, ClassOf("ended"), {80, 0});  // the index thinks: valid for ever
  EXPECT_EQ(Passages(Ask(Question(2))), "open5=5 open4=4");
}

TEST_F(WrongIndex, ADeletedDocumentLeaves) {
  const ClassId class_id = ClassOf("open5");
  scratch_.Do("delete_document { collection: 'docs' document: 'open5' }");
  Plant("open5", Kind::kReplace, class_id, {5, 0});
  EXPECT_EQ(Passages(Ask(Question(2))), "open4=4 open3=3");
}

TEST_F(WrongIndex, ARevokedDocumentLeavesByItsOldClass) {
  const ClassId open = ClassOf("open5");
  scratch_.Do(
      "set_access { collection: 'docs' document: 'open5' acl { allow { principal: "
      "'user:ana' } } }");
  Plant("open5", Kind::kReclass, open);
  EXPECT_EQ(Passages(Ask(Question(2))), "open4=4 open3=3");
  EXPECT_EQ(Passages(Ask(Question(2, "user:ana"))), "secret=100 open5=5");
}

TEST_F(WrongIndex, TheAnswerIsAnyButTheBestPermitted) {
  const uint64_t before = GuardRejections();
  EXPECT_EQ(Passages(Ask(Question(2))), "open5=5 open4=4");
  EXPECT_EQ(Passages(Ask(Question(2, "user:ana"))), "secret=100 open5=5");
  EXPECT_EQ(Passages(Ask(Question(0))), "open5=5 open4=4 open3=3 open2=2 open1=1");
  EXPECT_EQ(GuardRejections(), before) << "an alarm without a defect";
}

TEST_F(WrongIndex, TheGuardReadsANewerRecordThanItsView) {
  const PinnedView pinned = scratch_.tenant->publisher.Pin(&scratch_.clock);
  scratch_.Do(
      "set_access { collection: 'docs' document: 'secret' acl { allow { principal: "
      "'everyone' } } }");
  const auto collection = pinned->state().FindCollection("docs");
  const auto eve = ResolveUserAlone(pinned->world(), "user:eve", "", false);
  Guard guard(*pinned.view, *collection, *eve, {});
  EXPECT_FALSE(*guard.Sees("secret"));
  const Guard::Wanted wanted[] = {{"secret", 0}, {"open1", 0}};
  const auto passed = guard.Clear(wanted);
  EXPECT_FALSE(passed->at(0).has_value());
  EXPECT_TRUE(passed->at(1).has_value());
  EXPECT_TRUE(guard.ClearDocument("secret")->empty());
}

// A document of many chunks of which one may not see any.
TEST_F(WrongIndex, AHiddenDocumentCostsADecisionForEachChunk) {
  std::string chunks;
  for (int i = 0; i < 200; ++i) {
    chunks += "chunks { ordinal: " + std::to_string(i) + " text: 't' embedding: 1 embedding: 0 " +
              (i % 2 == 0 ? "" : "acl { allow { principal: 'user:bo' } } ") + "} ";
  }
  for (const char* id : {"long", "longer"}) {
    scratch_.Do("ingest { collection: 'docs' documents { id: '" + std::string(id) +
                "' acl { allow { principal: 'user:ana' } } label { level: 'public' } " + chunks +
                "} }");
  }
  const PinnedView pinned = scratch_.tenant->publisher.Pin(&scratch_.clock);
  const auto collection = pinned->state().FindCollection("docs");
  const auto eve = ResolveUserAlone(pinned->world(), "user:eve", "", false);
  Guard guard(*pinned.view, *collection, *eve, {});
  EXPECT_FALSE(*guard.Sees("long"));
  EXPECT_FALSE(*guard.Sees("longer"));
  EXPECT_TRUE(guard.ClearDocument("long")->empty());
  EXPECT_EQ(guard.decided(), 2u);
  // Of one that may be seen the first chunk is enough.
  const auto ana = ResolveUserAlone(pinned->world(), "user:ana", "", false);
  Guard hers(*pinned.view, *collection, *ana, {});
  EXPECT_TRUE(*hers.Sees("long"));
  EXPECT_EQ(hers.decided(), 1u);
}

// What was decided of one document is not what holds for another of the same class.
TEST_F(WrongIndex, AnEndedDocumentIsSeenAfterOneOfItsClass) {
  scratch_.Do(Scored("ended", "everyone", 80, "level: 'public'", "valid_until { seconds: 1 }"));
  ASSERT_EQ(ClassOf("ended"), ClassOf("open1"));
  const PinnedView pinned = scratch_.tenant->publisher.Pin(&scratch_.clock);
  const auto collection = pinned->state().FindCollection("docs");
  const auto eve = ResolveUserAlone(pinned->world(), "user:eve", "", false);
  Guard guard(*pinned.view, *collection, *eve, {});
  EXPECT_TRUE(*guard.Sees("open1"));
  EXPECT_FALSE(*guard.Sees("ended"));
}

}  // namespace
}  // namespace cordon
