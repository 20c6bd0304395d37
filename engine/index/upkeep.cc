#include "engine/index/upkeep.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/planted.h"
#include "engine/index/calibrate.h"
#include "engine/index/training.h"

namespace cordon {
namespace {

// Rows beside the lists slow searches down; taking them in copies all codes.
constexpr uint64_t kUnlistedMin = 2048;
constexpr uint64_t kUnlistedPart = 16;

constexpr uint64_t kChangedPart = 3;  // a third

// What is written anew is in memory twice meanwhile.
constexpr uint64_t kRewrittenPart = 8;
constexpr uint64_t kRewrittenSegments = 4;

bool HalfDead(const Segment& segment) { return 2 * segment.live() < segment.rows().size(); }

bool Erased(const Segment& segment) { return segment.erasures() > 0; }

// By segment, whether it is written anew now: what was erased goes first. The first one that is to
// be is, however large, so that all are in the end.
std::vector<bool> ToWriteAnew(const VectorIndex& index) {
  const auto segments = index.segments();
  const uint64_t most = RewrittenMax(index);
  std::vector<bool> anew(segments.size());
  uint64_t rows = 0;
  for (const auto wanted : {Erased, HalfDead}) {
    for (size_t s = 0; s < segments.size(); ++s) {
      if (anew[s] || !wanted(segments[s])) continue;
      if (rows > 0 && rows + segments[s].live() > most) continue;
      rows += segments[s].live();
      anew[s] = true;
    }
  }
  return anew;
}

// Says of rows of a covered segment that their codes are in the lists.
void FindCodes(const VectorIndex& index, size_t segment, std::span<RowSource> rows) {
  for (RowSource& row : rows) {
    if (!row.lists) continue;
    row.lists->part = &index.lists()->part();
    row.lists->id = index.numbers().Of(segment, row.lists->id);
  }
}

// The same rows without the erased and most of the dead, as far as RewrittenMax() goes: such
// segments are written anew, together, in lists of `geometry` unless that is null. Not all of them
// if stopped.
std::vector<Segment> Compacted(const VectorIndex& index, const Geometry* geometry,
                               const std::function<bool()>& stop) {
  const size_t covered = index.lists() == nullptr ? 0 : index.lists()->segments();
  const std::vector<bool> anew = ToWriteAnew(index);
  std::vector<Segment> kept;
  std::vector<RowSource> rows;
  for (size_t s = 0; s < index.segments().size(); ++s) {
    const Segment& segment = index.segments()[s];
    if (!anew[s]) {
      kept.push_back(segment);
      continue;
    }
    const size_t first = rows.size();
    segment.AppendLive(geometry == nullptr ? 0 : geometry->revision(), rows);
    if (s < covered) FindCodes(index, s, std::span(rows).subspan(first));
  }
  index.AppendSegments(std::move(rows), geometry, stop, kept);
  return kept;
}

// The rows of all segments in lists of the same geometry: their codes are known. Nothing if
// stopped.
MadeLists MergeLists(const VectorIndex& index, const std::function<bool()>& stop) {
  const Lists& before = *index.lists();
  MadeLists made{nullptr, {index.segments().begin(), index.segments().end()}, {}, 0, 0};
  if (stop && stop()) return made;
  made.to = Compacted(index, &before.geometry(), stop);
  if (stop && stop()) return made;
  auto lists = std::make_shared<const Lists>(before, made.to, index.numbers(), stop);
  if (stop && stop()) return made;
  made.live = lists->Live(made.to);
  made.lists = std::move(lists);
  return made;
}

// Puts the rows of all segments into the lists of `geometry`. Nothing if stopped.
MadeLists ListAll(const std::shared_ptr<const Geometry>& geometry, const VectorIndex& index,
                  const std::function<bool()>& stop) {
  MadeLists made{nullptr, {index.segments().begin(), index.segments().end()}, {}, 0, 0};
  if (geometry == nullptr) return made;
  made.to = Compacted(index, nullptr, stop);
  for (Segment& segment : made.to) {
    const auto& known = segment.lists();
    if (known != nullptr && known->geometry == geometry->revision()) continue;
    const auto its = AssignRows(*geometry, segment.rows(), {}, stop);
    if (its == nullptr) return made;
    segment = segment.With(its);
  }
  if (stop && stop()) return made;
  auto lists = std::make_shared<const Lists>(geometry, made.to, index.numbers(), stop);
  if (stop && stop()) return made;
  made.live = lists->Live(made.to);
  made.lists = std::move(lists);
  return made;
}

MadeLists TrainLists(const VectorIndex& index, const std::function<bool()>& stop) {
  uint64_t before = index.lists() == nullptr ? 0 : index.lists()->geometry().revision();
  // Rows may still have lists of a geometry that was lost since they were stored.
  for (const Segment& segment : index.segments()) {
    if (segment.lists() != nullptr) before = std::max(before, segment.lists()->geometry);
  }
  const auto geometry = Train(
      index.metric(), index.dimension(), before + 1, index.segments(),
      stop ? stop : [] { return false; });
  MadeLists made = ListAll(geometry, index, stop);
  if (made.lists == nullptr) return made;
  made.trained = index.changed();
  const SearchedLists searched{*made.lists, made.to, index.numbers(), made.live.get()};
  const auto calibration = Calibrate(searched, index.metric(), index.dimension(), stop);
  if (!calibration) return {nullptr, made.from, {}, 0, 0};
  geometry->set_calibration(*calibration);
  return made;
}

}  // namespace

uint64_t RewrittenMax(const VectorIndex& index) {
  return std::max<uint64_t>(kRewrittenSegments * index.RowsMax(), index.rows() / kRewrittenPart);
}

Upkeep NeededUpkeep(const VectorIndex& index, bool pinned) {
  const size_t listed = index.lists() == nullptr ? 0 : index.lists()->segments();
  const auto covered = index.segments().first(listed);
  if (std::any_of(covered.begin(), covered.end(), Erased) && !Planted(Bug::kErasedInLists)) {
    return Upkeep::kMerge;
  }
  const uint64_t rows = index.rows();
  if (rows < kListedRowsMin || index.dimension() < kListedDimensionMin) return Upkeep::kNone;
  if (index.lists() == nullptr) return Upkeep::kTrain;
  const uint64_t trained = index.lists()->geometry().rows();
  if (!pinned && index.changed() > trained / kChangedPart) return Upkeep::kTrain;
  const uint64_t bound = std::max(kUnlistedMin, rows / kUnlistedPart);
  if (index.unlisted() > bound) return Upkeep::kMerge;
  uint64_t dead = 0;  // where it pays to write anew
  for (const Segment& segment : covered) {
    if (HalfDead(segment)) dead += segment.rows().size() - segment.live();
  }
  return dead > bound ? Upkeep::kMerge : Upkeep::kNone;
}

MadeLists MakeListsUnder(std::shared_ptr<Geometry> geometry, uint64_t changed,
                         const VectorIndex& index, const std::function<bool()>& stop) {
  const bool fits =
      geometry->metric() == index.metric() && geometry->rotation().dimension() == index.dimension();
  MadeLists made = ListAll(fits ? geometry : nullptr, index, stop);
  // Rows that are more than there were have come since, whether or not somebody wrote down how
  // many; what came after the load the index counts itself.
  const uint64_t known = geometry->rows() + index.changed();
  const uint64_t more = index.rows() > known ? index.rows() - known : 0;
  made.changed = std::max(changed, more);
  return made;
}

MadeLists MakeLists(const VectorIndex& index, Upkeep upkeep, const std::function<bool()>& stop) {
  CORDON_CHECK(upkeep != Upkeep::kNone);
  return upkeep == Upkeep::kTrain ? TrainLists(index, stop) : MergeLists(index, stop);
}

bool ListNewer(const VectorIndex& index, const std::function<bool()>& stop, MadeLists* made) {
  const size_t known = made->from.size() + made->listed.size();
  for (const Segment& segment : index.segments().subspan(known)) {
    const auto lists = ListAlone(made->lists->geometry(), segment.rows(), {}, stop);
    if (lists == nullptr) return false;
    made->listed.push_back(segment.With(lists));
  }
  return true;
}

}  // namespace cordon
