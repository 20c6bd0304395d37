// Fears about what upkeep leaves behind: that erased rows stay readable in what lists cover, that
// what is counted as changed has not, that masks outlive a new label or a new time, or that codes
// are copied for the wrong row.
#include "engine/index/upkeep.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/index/geometry_file.h"
#include "engine/index/training.h"
#include "tests/index/listed_world.h"

namespace cordon {
namespace {

constexpr size_t kUpkeepDimension = 16;
constexpr size_t kDocuments = 600;
constexpr size_t kUpkeepClasses = 4;

using Kind = DocumentChange::Kind;

void ExpectSamePart(const ListPart& part, const ListPart& other, size_t lists) {
  for (uint32_t l = 0; l < lists; ++l) {
    EXPECT_EQ(part.Find(l).begin, other.Find(l).begin);
    EXPECT_EQ(part.Find(l).size(), other.Find(l).size());
  }
  ASSERT_EQ(part.blocks().entries(), other.blocks().entries());
  for (size_t b = 0; b < part.blocks().blocks(); ++b) {
    EXPECT_EQ(
        std::memcmp(part.blocks().block(b), other.blocks().block(b), part.blocks().block_bytes()),
        0)
        << b;
  }
}

// That all that the index says of its rows in lists is what their vectors say.
void CheckListCodes(const VectorIndex& index) {
  const Lists& lists = *index.lists();
  const std::shared_ptr<const Geometry> geometry(index.lists(), &lists.geometry());
  const auto covered = index.segments().first(lists.segments());
  ExpectSamePart(lists.part(), Lists(geometry, covered, index.numbers()).part(), geometry->lists());
  for (const Segment& segment : index.segments().subspan(lists.segments())) {
    const auto alone = ListAlone(*geometry, segment.rows(), {});
    ExpectSamePart(*segment.lists()->part, *alone->part, geometry->lists());
  }
}

class IndexUpkeepTest : public testing::Test {
 protected:
  void SetUp() override {
    for (size_t i = 0; i < kDocuments; ++i) vectors_.push_back(clusters_.Next());
    for (size_t i = 0; i < kDocuments; ++i) Change(i, Kind::kReplace);
  }

  void Change(size_t document, Kind kind, Micros from = kAlways, Micros until = kNever) {
    Change(document, kind, static_cast<uint32_t>(document % kUpkeepClasses), from, until);
  }
  void Change(size_t document, Kind kind, uint32_t class_id, Micros from, Micros until) {
    const std::string id = std::to_string(document);
    DocumentChange change;
    change.document = id;
    change.kind = kind;
    change.valid_from = from;
    change.valid_until = until;
    if (kind == Kind::kReplace) change.rows = {{0, class_id, vectors_[document].data()}};
    if (kind == Kind::kReclass) change.rows = {{0, class_id, nullptr}};
    index_ = index_.Apply({&change, 1});
  }
  void Erase(size_t document) { Change(document, Kind::kErase); }

  // Whether a segment has rows of the document, dead or alive.
  bool Holds(size_t document) const {
    const auto segments = index_.segments();
    return std::any_of(segments.begin(), segments.end(), [&](const Segment& segment) {
      return segment.rows().Find(std::to_string(document)).has_value();
    });
  }

  // Whether a fast search for its vector finds the document, reading all lists.
  bool Finds(size_t document, const std::set<uint32_t>& classes, Micros now = 0) const {
    const SearchOptions options{
        .k = kDocuments, .mode = SearchMode::kFast, .plan = SearchPlan::kLists, .least = 1e-30f};
    SearchTrace trace;
    const auto hits =
        index_.Search(AllowedOf(classes, kUpkeepClasses, now), vectors_[document], options, &trace);
    EXPECT_EQ(trace.plan, SearchPlan::kLists);
    return std::any_of(hits->begin(), hits->end(),
                       [&](const Hit& hit) { return hit.document == std::to_string(document); });
  }

  Random random_{5};
  Clusters clusters_{random_, kUpkeepDimension, 10};
  std::vector<std::vector<float>> vectors_;
  VectorIndex index_{kUpkeepDimension, Metric::kCosine, 100 * RowStride(kUpkeepDimension)};
};

TEST_F(IndexUpkeepTest, ErasedRowsLeaveWhatListsCover) {
  index_ = Upkept(index_, Upkeep::kTrain);
  ASSERT_EQ(NeededUpkeep(index_, false), Upkeep::kNone);
  Change(6, Kind::kRemove);  // dead rows are as readable
  ASSERT_EQ(NeededUpkeep(index_, false), Upkeep::kNone);
  for (const size_t document : {6, 5}) {
    Erase(document);
    ASSERT_TRUE(Holds(document));
    for (const bool pinned : {false, true}) {
      ASSERT_EQ(NeededUpkeep(index_, pinned), Upkeep::kMerge) << document;
    }
    const uint64_t geometry = index_.lists()->geometry().revision();
    index_ = Upkept(index_, Upkeep::kMerge);
    EXPECT_FALSE(Holds(document));
    EXPECT_EQ(NeededUpkeep(index_, false), Upkeep::kNone);
    EXPECT_EQ(index_.lists()->geometry().revision(), geometry);
    EXPECT_EQ(index_.rows(), kDocuments - (document == 5 ? 2 : 1));
  }
  EXPECT_TRUE(Finds(7, {0, 1, 2, 3}));
}

TEST_F(IndexUpkeepTest, ErasingEverythingLeavesNothing) {
  index_ = Upkept(index_, Upkeep::kTrain);
  for (size_t i = 0; i < kDocuments; ++i) Erase(i);
  ASSERT_EQ(NeededUpkeep(index_, false), Upkeep::kMerge);
  index_ = Upkept(index_, Upkeep::kMerge);
  EXPECT_TRUE(index_.segments().empty());
  EXPECT_EQ(NeededUpkeep(index_, false), Upkeep::kNone);
  Change(1, Kind::kReplace);
  EXPECT_TRUE(Finds(1, {1}));
}

// Erased after the freeze: from segments that stay, and from those that are written anew meanwhile.
TEST_F(IndexUpkeepTest, RowsThatAreErasedWhileListsAreMadeLeaveAsWell) {
  for (const Upkeep upkeep : {Upkeep::kTrain, Upkeep::kMerge}) {
    const size_t first = upkeep == Upkeep::kTrain ? 0 : 50;
    Change(first + 2, Kind::kRemove);
    if (upkeep == Upkeep::kMerge) Erase(first + 1);  // so that a segment is written anew
    const VectorIndex frozen = index_.Frozen();
    const MadeLists made = MakeLists(frozen, upkeep, {});
    index_ = frozen;
    Erase(first + 2);
    Erase(first + 3);
    index_ = index_.With(made);
    EXPECT_TRUE(Holds(first + 3));
    ASSERT_EQ(NeededUpkeep(index_, false), Upkeep::kMerge);
    index_ = Upkept(index_, Upkeep::kMerge);
    EXPECT_FALSE(Holds(first + 1) && upkeep == Upkeep::kMerge);
    EXPECT_FALSE(Holds(first + 2));
    EXPECT_FALSE(Holds(first + 3));
    EXPECT_EQ(NeededUpkeep(index_, false), Upkeep::kNone);
  }
}

TEST_F(IndexUpkeepTest, ErasedRowsLeaveWhenListsCouldNotBeMade) {
  index_ = index_.Frozen();
  Erase(5);
  ASSERT_TRUE(Holds(5));
  index_ = index_.Thawed();
  EXPECT_FALSE(Holds(5));
  EXPECT_EQ(index_.rows(), kDocuments - 1);
}

// Wherever it says so, what goes on ends: it is not asked again for long.
TEST_F(IndexUpkeepTest, StopsWhereverItIsToldTo) {
  const VectorIndex frozen = index_.Frozen();
  uint64_t asked = 0;
  ASSERT_NE(MakeLists(frozen, Upkeep::kTrain,
                      [&] {
                        ++asked;
                        return false;
                      })
                .lists,
            nullptr);
  const uint64_t all = asked;
  ASSERT_GT(all, 500u);
  for (uint64_t last = 1; last < all; last += 1 + last / 2) {
    asked = 0;
    const auto stop = [&] { return ++asked >= last; };
    ASSERT_EQ(MakeLists(frozen, Upkeep::kTrain, stop).lists, nullptr) << last << " of " << all;
    EXPECT_LE(asked, last + 20) << last << " of " << all;
  }
  asked = 0;
  EXPECT_EQ(MakeLists(frozen, Upkeep::kTrain, [&] { return ++asked >= all; }).lists, nullptr);
  index_ = Upkept(index_, Upkeep::kTrain);
  Erase(5);
  EXPECT_EQ(MakeLists(index_.Frozen(), Upkeep::kMerge, [] { return true; }).lists, nullptr);
}

// So many that several threads find their lists.
TEST(IndexUpkeep, ManyRowsAreInTheListsOfTheirVectors) {
  constexpr size_t kMany = 20'000, kAtOnce = 10'000;
  Random random(7);
  Clusters clusters(random, kUpkeepDimension, 10);
  VectorIndex index(kUpkeepDimension, Metric::kCosine, 4096 * RowStride(kUpkeepDimension));
  std::shared_ptr<Geometry> geometry;  // of the first rows alone, which is quicker
  for (size_t first = 0; first < kMany; first += kAtOnce) {
    std::vector<std::string> ids;
    std::vector<std::vector<float>> vectors;
    for (size_t i = 0; i < kAtOnce; ++i) {
      ids.push_back(std::to_string(first + i));
      vectors.push_back(clusters.Next());
    }
    std::vector<DocumentChange> changes(kAtOnce);
    for (size_t i = 0; i < kAtOnce; ++i) {
      changes[i].document = ids[i];
      changes[i].may_exist = false;
      changes[i].rows = {{0, static_cast<uint32_t>(i % kUpkeepClasses), vectors[i].data()}};
    }
    index = index.Apply(changes);
    if (geometry != nullptr) continue;
    const MadeLists few = MakeLists(index.Frozen(), Upkeep::kTrain, {});
    geometry = DecodeGeometry(EncodeGeometry(few.lists->geometry()))->geometry;
  }
  const VectorIndex frozen = index.Frozen();
  const MadeLists made = MakeListsUnder(geometry, 0, frozen, {});
  ASSERT_NE(made.lists, nullptr);
  for (size_t s = 0; s < made.to.size(); ++s) {
    const auto alone = AssignRows(*geometry, made.to[s].rows(), {}, {});
    const auto& pairs = made.lists->of_segment(s)->pairs;
    ASSERT_EQ(pairs.size(), alone->pairs.size());
    for (size_t row = 0; row < pairs.size(); ++row) {
      ASSERT_EQ(pairs[row].first, alone->pairs[row].first);
      ASSERT_EQ(pairs[row].second, alone->pairs[row].second);
    }
  }
  uint64_t asked = 0;  // by one thread alone
  const auto stop = [&] { return ++asked > 5; };
  EXPECT_EQ(MakeListsUnder(geometry, 0, frozen, stop).lists, nullptr);
}

// A geometry is of vectors: labels say nothing about when it is stale.
TEST_F(IndexUpkeepTest, NewLabelsAreNoChangeOfVectors) {
  index_ = Upkept(index_, Upkeep::kTrain);
  EXPECT_EQ(index_.changed(), 0u);
  for (size_t i = 0; i < kDocuments; ++i) Change(i, Kind::kReclass, 1, kAlways, kNever);
  EXPECT_EQ(index_.changed(), 0u);
  for (size_t i = 0; i < 7; ++i) Change(i, Kind::kReplace);
  EXPECT_EQ(index_.changed(), 7u);
}

TEST_F(IndexUpkeepTest, WhatChangesDuringATrainingIsCountedForTheNext) {
  const VectorIndex frozen = index_.Frozen();
  const MadeLists made = MakeLists(frozen, Upkeep::kTrain, {});
  index_ = frozen;
  for (size_t i = 0; i < 50; ++i) Change(i, Kind::kReclass, 2, kAlways, kNever);
  for (size_t i = 0; i < 7; ++i) Change(i, Kind::kReplace);
  index_ = index_.With(made);
  EXPECT_EQ(index_.changed(), 7u);
  index_ = Upkept(index_, Upkeep::kMerge);
  EXPECT_EQ(index_.changed(), 7u);
}

// Of each caller, as often as he asks: what he may see chooses how far the lists are searched.
TEST_F(IndexUpkeepTest, PermittedRowsAreCountedAsTheyWere) {
  for (size_t i = 0; i < 100; ++i) Change(i, Kind::kReplace, 5, 15);
  index_ = Upkept(index_, Upkeep::kTrain);
  std::vector<VectorIndex> pinned = {index_};
  for (int round = 0; round < 500; ++round) {
    for (uint64_t n = random_.Below(3); n > 0; --n) {
      const size_t document = random_.Below(kDocuments);
      const auto class_id = static_cast<uint32_t>(random_.Below(kUpkeepClasses));
      const bool there = index_.rows() > 0 && Finds(document, {0, 1, 2, 3}, 10);
      if (there && random_.OneIn(3)) {
        Change(document, Kind::kReclass, class_id, kAlways, kNever);
      } else {
        Change(document, random_.OneIn(2) ? Kind::kRemove : Kind::kReplace);
      }
    }
    if (random_.OneIn(60)) index_ = Upkept(index_, Upkeep::kMerge);
    if (random_.OneIn(20)) index_ = index_.Frozen().Thawed();
    if (random_.OneIn(10)) pinned.push_back(index_);
    // Old versions as well: they share masks with later ones, and with what came of them otherwise.
    if (random_.OneIn(20)) index_ = pinned[random_.Below(pinned.size())];
    const VectorIndex& asked = random_.OneIn(4) ? pinned[random_.Below(pinned.size())] : index_;
    const std::set<uint32_t> classes = {static_cast<uint32_t>(random_.Below(kUpkeepClasses)), 3};
    const AllowedSet allowed = AllowedOf(classes, kUpkeepClasses, random_.OneIn(2) ? 10 : 20);
    SearchTrace trace;
    const SearchOptions options{.k = 1, .mode = SearchMode::kFast, .plan = SearchPlan::kLists};
    ASSERT_TRUE(asked.Search(allowed, vectors_[0], options, &trace).ok());
    ASSERT_EQ(trace.rows_permitted, asked.CountAllowed(allowed)) << round;
  }
}

// From the lists and from segments beside them, into either; in segments that are written anew,
// too.
TEST_F(IndexUpkeepTest, CopiedCodesAreThoseOfTheirVectors) {
  index_ = Upkept(index_, Upkeep::kTrain);
  CheckListCodes(index_);
  bool written_anew = false;
  for (uint32_t round = 0; round < 6; ++round) {
    for (int i = 0; i < 150; ++i) {
      Change(random_.Below(kDocuments), Kind::kReplace);
      Change(random_.Below(kDocuments), Kind::kRemove);
    }
    for (size_t document = round % 2; document < kDocuments; document += 2) {
      if (Finds(document, {0, 1, 2, 3})) Change(document, Kind::kReclass, round % 4, 0, kNever);
    }
    CheckListCodes(index_);
    for (const Segment& segment : index_.segments().first(index_.lists()->segments())) {
      written_anew = written_anew || 2 * segment.live() < segment.rows().size();
    }
    index_ = Upkept(index_, Upkeep::kMerge);
    CheckListCodes(index_);
  }
  EXPECT_TRUE(written_anew) << "the test shows less than it should";
}

// Before the freeze, and while lists are made.
TEST_F(IndexUpkeepTest, TheDeadAreAliveInNewLists) {
  index_ = Upkept(index_, Upkeep::kTrain);
  size_t document = 10;
  for (const Upkeep upkeep : {Upkeep::kMerge, Upkeep::kTrain}) {
    Change(document, Kind::kRemove);
    index_ = index_.Frozen();
    const MadeLists made = MakeLists(index_, upkeep, {});
    Change(document + 1, Kind::kRemove);
    index_ = index_.With(made);
    EXPECT_FALSE(Finds(document, {0, 1, 2, 3}));
    EXPECT_FALSE(Finds(document + 1, {0, 1, 2, 3}));
    EXPECT_TRUE(Finds(document + 2, {0, 1, 2, 3}));
    document += 10;
  }
}

// When more than a third of the vectors have changed, and never again if the geometry is pinned.
TEST(TrainingTest, IsDueAfterAThirdUnlessPinned) {
  constexpr size_t kRows = kListedRowsMin;
  Random random(9);
  Clusters clusters(random, kUpkeepDimension, 10);
  VectorIndex index(kUpkeepDimension, Metric::kCosine);
  const auto put = [&](size_t from, size_t end) {
    std::vector<std::string> ids;
    std::vector<std::vector<float>> vectors;
    for (size_t i = from; i < end; ++i) {
      ids.push_back(std::to_string(i));
      vectors.push_back(clusters.Next());
    }
    std::vector<DocumentChange> changes(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      changes[i].document = ids[i];
      changes[i].rows = {{0, 0, vectors[i].data()}};
    }
    index = index.Apply(changes);
  };
  put(0, kRows - 1);
  EXPECT_EQ(NeededUpkeep(index, false), Upkeep::kNone);
  put(kRows - 1, kRows);
  EXPECT_EQ(NeededUpkeep(index, false), Upkeep::kTrain);
  EXPECT_EQ(NeededUpkeep(index, true), Upkeep::kTrain) << "the first one is anybody's";
  index = Upkept(index, Upkeep::kTrain);
  put(0, kRows / 3);
  EXPECT_EQ(NeededUpkeep(index, false), Upkeep::kNone);
  put(kRows / 3, kRows / 3 + 1);
  EXPECT_EQ(NeededUpkeep(index, false), Upkeep::kTrain);
  EXPECT_EQ(NeededUpkeep(index, true), Upkeep::kNone);
}

// Rows that are dead without anybody knowing whose they were.
TEST_F(IndexUpkeepTest, SweptRowsLeaveWhatListsCover) {
  index_ = Upkept(index_, Upkeep::kTrain);
  Change(6, Kind::kRemove);
  DocumentChange sweep;
  sweep.kind = Kind::kSweep;
  index_ = index_.Apply({&sweep, 1});
  ASSERT_TRUE(Holds(6));
  ASSERT_EQ(NeededUpkeep(index_, false), Upkeep::kMerge);
  index_ = Upkept(index_, Upkeep::kMerge);
  EXPECT_FALSE(Holds(6));
  EXPECT_EQ(NeededUpkeep(index_, false), Upkeep::kNone);
}

// Lists for what is written during a training are found beside the writer, however often more
// comes.
TEST_F(IndexUpkeepTest, WhatIsWrittenDuringATrainingCatchesUp) {
  index_ = index_.Frozen();
  MadeLists made = MakeLists(index_, Upkeep::kTrain, {});
  for (size_t i = 100; i < 130; ++i) Change(i, Kind::kReplace);
  for (size_t i = 130; i < 135; ++i) Change(i, Kind::kReclass, 2, kAlways, kNever);
  EXPECT_EQ(index_.RowsToList(made), 35u);
  index_ = index_.Frozen();
  MadeLists stopped = made;
  EXPECT_FALSE(ListNewer(
      index_, [] { return true; }, &stopped));
  ASSERT_TRUE(ListNewer(index_, {}, &made));
  EXPECT_EQ(index_.RowsToList(made), 0u);
  Erase(101);
  Change(102, Kind::kRemove);
  Change(200, Kind::kReplace);
  EXPECT_EQ(index_.RowsToList(made), 1u);
  index_ = index_.With(made);
  EXPECT_EQ(index_.RowsToList(made), 0u);
  EXPECT_EQ(index_.rows(), kDocuments - 2);
  for (const Segment& segment : index_.segments().subspan(index_.lists()->segments())) {
    EXPECT_FALSE(segment.frozen());
    EXPECT_FALSE(segment.rows().Find("101"));
    ASSERT_NE(segment.lists(), nullptr);
    EXPECT_EQ(segment.lists()->geometry, index_.lists()->geometry().revision());
  }
  for (const size_t document : {100, 103, 129, 132, 200, 300}) {
    EXPECT_TRUE(Finds(document, {0, 1, 2, 3})) << document;
  }
  EXPECT_TRUE(Finds(133, {2})) << "its new label";
  EXPECT_FALSE(Finds(133, {0, 1, 3})) << "its new label";
  EXPECT_FALSE(Finds(101, {0, 1, 2, 3}));
  EXPECT_FALSE(Finds(102, {0, 1, 2, 3}));
  index_ = Upkept(index_, Upkeep::kMerge);
  EXPECT_FALSE(Holds(101));
  EXPECT_TRUE(Finds(103, {0, 1, 2, 3}));
}

TEST_F(IndexUpkeepTest, MasksDoNotOutliveALabel) {
  index_ = Upkept(index_, Upkeep::kTrain);
  for (const bool merged : {false, true}) {
    const size_t document = merged ? 13 : 9;  // of class 1
    ASSERT_TRUE(Finds(document, {1}));
    ASSERT_FALSE(Finds(document, {2}));
    VectorIndex pinned = index_;
    Change(document, Kind::kReclass, 2, kAlways, kNever);
    if (merged) index_ = Upkept(index_, Upkeep::kMerge);
    EXPECT_FALSE(Finds(document, {1}));
    EXPECT_TRUE(Finds(document, {2}));
    EXPECT_TRUE(Finds(document, {1, 2}));
    std::swap(index_, pinned);
    EXPECT_TRUE(Finds(document, {1})) << "a pinned version changed";
    EXPECT_FALSE(Finds(document, {2})) << "a pinned version changed";
    std::swap(index_, pinned);
  }
}

TEST_F(IndexUpkeepTest, MasksDoNotOutliveATime) {
  Change(9, Kind::kReplace, 10, 20);
  index_ = Upkept(index_, Upkeep::kTrain);
  for (int again = 0; again < 2; ++again) {
    EXPECT_FALSE(Finds(9, {1}, 9));
    EXPECT_TRUE(Finds(9, {1}, 10));
    EXPECT_TRUE(Finds(9, {1}, 19));
    EXPECT_FALSE(Finds(9, {1}, 20));
  }
  for (const bool merged : {false, true}) {  // a new label with other times
    if (merged) {
      index_ = Upkept(index_, Upkeep::kMerge);
    } else {
      Change(9, Kind::kReclass, 3, 15, 30);
    }
    for (const Micros now : {10, 14, 20, 29, 30}) {
      EXPECT_EQ(Finds(9, {3}, now), 15 <= now && now < 30) << now;
      EXPECT_FALSE(Finds(9, {1}, now)) << now;
    }
  }
}

}  // namespace
}  // namespace cordon
