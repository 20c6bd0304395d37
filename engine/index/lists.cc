#include "engine/index/lists.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/planted.h"

namespace cordon {

RowNumbers::RowNumbers(size_t rows_max)
    : shift_(static_cast<unsigned>(std::max(1, static_cast<int>(std::bit_width(rows_max - 1))))) {
  CORDON_CHECK(rows_max >= 1 && shift_ <= 32);
}

uint32_t RowNumbers::Of(size_t segment, uint32_t row) const {
  CORDON_CHECK(shift_ == 32 ? segment == 0 : segment >> (32 - shift_) == 0);
  return shift_ == 32 ? row : static_cast<uint32_t>(segment << shift_) | row;
}

Lists::Lists(std::shared_ptr<const Geometry> geometry, std::span<const Segment> segments,
             RowNumbers numbers, const std::function<bool()>& stop)
    : geometry_(std::move(geometry)), numbers_(numbers), cache_(limits::kMaskCacheBytes) {
  std::vector<const ListPart*> parts;  // of segments whose codes are known, as of a file
  std::vector<size_t> place_of;        // by part: of its segment
  std::vector<NumberedRow> rows;       // of the others
  for (size_t s = 0; s < segments.size(); ++s) {
    Cover(segments[s]);
    if (const auto& part = segments[s].lists()->part; part != nullptr) {
      parts.push_back(part.get());
      place_of.push_back(s);
      continue;
    }
    const SegmentRows& from = segments[s].rows();
    for (uint32_t row = 0; row < from.size(); ++row) {
      rows.push_back({numbers_.Of(s, row),
                      from.embedding(row),
                      from.norm(row),
                      {of_segments_[s]->pairs[row]}});
    }
  }
  ListPart coded(*geometry_, rows, stop);
  if (parts.empty()) {
    part_ = std::move(coded);
    return;
  }
  parts.push_back(&coded);
  const auto number = [&](size_t part, uint32_t id) -> std::optional<uint32_t> {
    return part < place_of.size() ? numbers_.Of(place_of[part], id) : id;
  };
  part_ = ListPart::Merge(*geometry_, parts, number, stop);
}

Lists::Lists(const Lists& before, std::span<const Segment> segments, RowNumbers numbers,
             const std::function<bool()>& stop)
    : geometry_(before.geometry_), numbers_(numbers), cache_(limits::kMaskCacheBytes) {
  std::vector<const ListPart*> parts = {&before.part_};
  std::vector<size_t> place_of = {0};                              // by part: of its segment
  std::vector<std::optional<size_t>> moved_to(before.segments());  // nothing: it is gone
  for (size_t s = 0; s < segments.size(); ++s) {
    Cover(segments[s]);
    const auto covered =
        std::find(before.segments_.begin(), before.segments_.end(), segments[s].shared_rows());
    if (covered != before.segments_.end()) {
      moved_to[static_cast<size_t>(covered - before.segments_.begin())] = s;
      continue;
    }
    parts.push_back(segments[s].lists()->part.get());
    CORDON_CHECK(parts.back() != nullptr);
    place_of.push_back(s);
  }
  const auto number = [&](size_t part, uint32_t id) -> std::optional<uint32_t> {
    if (part > 0) return numbers_.Of(place_of[part], id);
    const std::optional<size_t> place = moved_to[numbers_.segment(id)];
    if (!place) return std::nullopt;
    return numbers_.Of(*place, numbers_.row(id));
  };
  part_ = ListPart::Merge(*geometry_, parts, number, stop);
}

void Lists::Cover(const Segment& segment) {
  const SegmentRows& rows = segment.rows();
  const SegmentLists& lists = *segment.lists();
  CORDON_CHECK(lists.geometry == geometry_->revision() && lists.pairs.size() == rows.size());
  segments_.push_back(segment.shared_rows());
  of_segments_.push_back(lists.part == nullptr ? segment.lists()
                                               : std::make_shared<const SegmentLists>(SegmentLists{
                                                     lists.geometry, lists.pairs, nullptr}));
  rows_ += rows.size();
  bounded_ |= rows.bounded();
  classes_ = std::max(classes_, size_t{rows.runs().back().class_id} + 1);
}

std::shared_ptr<CallerMasks> Lists::MasksOf(const AllowedSet& allowed,
                                            const std::function<bool()>& stop) const {
  const auto words = allowed.classes.words();
  auto known = words.first(std::min(words.size(), (classes_ + 63) / 64));
  while (!known.empty() && known.back() == 0) known = known.first(known.size() - 1);
  uint64_t events = 0;
  if (bounded_) {
    for (const auto& segment : segments_) {
      const auto all = segment->events();
      events += static_cast<uint64_t>(
          std::upper_bound(all.begin(), all.end(), allowed.now,
                           [](Micros now, const SegmentRows::Event& e) { return now < e.time; }) -
          all.begin());
    }
  }
  return cache_.Find(known, events, [&]() -> std::shared_ptr<CallerMasks> {
    std::optional<Bitmap> rows = RowsOf(allowed, stop);
    if (!rows) return nullptr;
    return std::make_shared<CallerMasks>(part_, geometry_->lists(), *std::move(rows),
                                         cache_.total());
  });
}

// The covered rows whose class is permitted and whose document is valid. Without the filter, which
// is of one question alone: a search applies it beside the masks. Nothing if stopped.
std::optional<Bitmap> Lists::RowsOf(const AllowedSet& allowed,
                                    const std::function<bool()>& stop) const {
  if (segments_.empty()) return Bitmap();
  Bitmap permitted(numbers_.Of(segments_.size() - 1, 0) + size_t{segments_.back()->size()});
  const PermittedRuns runs(allowed.classes);
  uint32_t looked_at = 0;
  for (size_t s = 0; s < segments_.size(); ++s) {
    if (stop && stop()) return std::nullopt;
    const SegmentRows& rows = *segments_[s];
    const size_t first = numbers_.Of(s, 0);
    const bool whole = runs.ForEachOf(rows.runs(), [&](const ClassRun& run) {
      if (!rows.bounded()) {
        permitted.SetRange(first + run.begin, first + run.end);
        return true;
      }
      for (uint32_t row = run.begin; row < run.end; ++row) {
        if (++looked_at % kLooksBetweenStops == 0 && stop && stop()) return false;
        if (rows.ValidAt(rows.document(row), allowed.now)) permitted.Set(first + row);
      }
      return true;
    });
    if (!whole) return std::nullopt;
  }
  return permitted;
}

// The entries of a row are looked for in its two lists, which are short.
void Lists::Kill(const ListPair& pair, uint32_t id, std::vector<uint32_t>* live) const {
  if (Planted(Bug::kTombstoneNotInLists)) return;
  for (const uint32_t list : {pair.first, pair.second}) {
    const std::optional<size_t> entry = part_.EntryOf(list, id);
    if (entry) (*live)[*entry / kBlockEntries] &= ~(uint32_t{1} << *entry % kBlockEntries);
  }
}

LiveEntries Lists::Live(std::span<const Segment> segments) const {
  std::vector<uint32_t> dead;
  for (size_t s = 0; s < segments_.size(); ++s) {
    CORDON_CHECK(segments[s].shared_rows() == segments_[s]);
    segments[s].ForEachDead(
        [&](size_t row) { dead.push_back(numbers_.Of(s, static_cast<uint32_t>(row))); });
  }
  return WithDead(nullptr, segments, dead);
}

LiveEntries Lists::WithDead(const LiveEntries& before, std::span<const Segment> segments,
                            std::span<const uint32_t> killed) const {
  if (killed.empty()) return before;
  auto live = before ? std::make_shared<std::vector<uint32_t>>(*before)
                     : std::make_shared<std::vector<uint32_t>>(part_.blocks().blocks(), ~0u);
  for (const uint32_t id : killed) {
    Kill(segments[numbers_.segment(id)].lists()->pairs[numbers_.row(id)], id, live.get());
  }
  return live;
}

}  // namespace cordon
