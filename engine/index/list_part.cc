#include "engine/index/list_part.h"

#include <algorithm>

#include "engine/base/check.h"

namespace cordon {
namespace {

// Entries whose codes are on their way from memory while one is put: they lie anywhere.
constexpr size_t kCodesAhead = 8;

void Fetch(const uint8_t* codes, size_t bytes) {
  constexpr size_t kLineBytes = 64;
  for (size_t at = 0; at < bytes; at += kLineBytes) __builtin_prefetch(codes + at);
}

template <typename Visit>
void ForEachList(const ListPair& pair, Visit visit) {
  visit(pair.first);
  if (pair.second != pair.first) visit(pair.second);
}

}  // namespace

// The first half of a counting sort of both entries of each row.
template <typename Rows, typename PairOf>
std::vector<uint32_t> ListPart::MakeRoom(const Geometry& geometry, const Rows& rows,
                                         PairOf pair_of) {
  std::vector<uint32_t> next(geometry.lists() + 1);
  for (const auto& row : rows) {
    ForEachList(pair_of(row), [&](uint32_t list) { ++next[list + 1]; });
  }
  for (size_t l = 0; l < geometry.lists(); ++l) next[l + 1] += next[l];
  SetBegins(next);
  blocks_ = CodeBlocks(next.back(), geometry.size());
  return next;
}

// Entries are put in their order, and not that of the rows: a block is in the cache for all of its.
ListPart::ListPart(const Geometry& geometry, std::span<const CodedRow> rows) {
  struct Entry {
    uint32_t id;
    const uint8_t* codes;
  };
  const size_t bytes = CodeBlocks::EntryBytes(geometry.size());
  auto next = MakeRoom(geometry, rows, [](const CodedRow& row) { return row.pair; });
  std::vector<Entry> entries(blocks_.entries());
  for (const CodedRow& row : rows) {
    const uint8_t* codes = row.codes;
    ForEachList(row.pair, [&](uint32_t list) {
      entries[next[list]++] = {row.id, codes};
      codes += bytes;
    });
  }
  for (size_t entry = 0; entry < entries.size(); ++entry) {
    if (entry + kCodesAhead < entries.size()) Fetch(entries[entry + kCodesAhead].codes, bytes);
    blocks_.PutTaken(entry, entries[entry].id, entries[entry].codes);
  }
}

ListPart::ListPart(const Geometry& geometry, std::span<const NumberedRow> rows,
                   const std::function<bool()>& stop, size_t threads) {
  constexpr size_t kRowsOfSlice = 1024;
  auto next = MakeRoom(geometry, rows, [](const NumberedRow& row) { return row.lists.pair; });
  struct Entries {
    uint32_t first;
    uint32_t second;  // of no meaning if the row has one list
  };
  std::vector<Entries> entries(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto [first, second] = rows[i].lists.pair;
    entries[i].first = next[first]++;
    if (second != first) entries[i].second = next[second]++;
  }
  const auto code = [&](size_t begin, size_t end, const auto&) {
    FloatRows rotated(1, geometry.size());
    for (size_t i = begin; i < end; ++i) {
      const NumberedRow& row = rows[i];
      const auto [first, second] = row.lists.pair;
      if (row.lists.part == nullptr) geometry.Rotate(row.embedding, row.norm, rotated.row(0));
      Code(geometry, row, rotated.row(0), first, entries[i].first);
      if (second != first) Code(geometry, row, rotated.row(0), second, entries[i].second);
    }
  };
  InSlices(rows.size(), kRowsOfSlice, threads, stop, code);
}

// Codes are a function of vector and geometry alone: what is known already is copied, which costs a
// small part of finding it out anew.
void ListPart::Code(const Geometry& geometry, const NumberedRow& row, const float* rotated,
                    uint32_t list, size_t entry) {
  if (row.lists.part == nullptr) {
    blocks_.Put(entry, row.id, geometry.form(), rotated, geometry.centroid(list), geometry.mean());
    return;
  }
  const std::optional<size_t> known = row.lists.part->EntryOf(list, row.lists.id);
  CORDON_CHECK(known.has_value());
  blocks_.Copy(entry, row.id, row.lists.part->blocks_, *known);
}

// Few entries for many lists: only those that have any are named.
void ListPart::SetBegins(std::span<const uint32_t> begins) {
  const size_t lists = begins.size() - 1;
  if (begins.back() >= lists) {
    begins_.assign(begins.begin(), begins.end());
    return;
  }
  present_ = Bitmap(lists);
  for (uint32_t l = 0; l < lists; ++l) {
    if (begins[l] == begins[l + 1]) continue;
    present_.Set(l);
    lists_.push_back(l);
    begins_.push_back(begins[l]);
  }
  begins_.push_back(begins.back());
}

ListPart ListPart::Merge(const Geometry& geometry, std::span<const ListPart* const> parts,
                         const Number& number, const std::function<bool()>& stop) {
  constexpr uint32_t kListsToStop = 64;
  // Calls visit(part, entry, id) for each entry of a list that is not left out.
  const auto for_each_entry = [&](uint32_t list, auto visit) {
    for (size_t p = 0; p < parts.size(); ++p) {
      const ListRange range = parts[p]->Find(list);
      for (size_t from = range.begin; from < range.end; ++from) {
        if (const auto id = number(p, parts[p]->blocks_.id(from))) visit(*parts[p], from, *id);
      }
    }
  };
  std::vector<uint32_t> begins(geometry.lists() + 1);
  for (uint32_t l = 0; l < geometry.lists(); ++l) {
    begins[l + 1] = begins[l];
    for_each_entry(l, [&](const ListPart&, size_t, uint32_t) { ++begins[l + 1]; });
  }
  ListPart merged;
  merged.SetBegins(begins);
  merged.blocks_ = CodeBlocks(begins.back(), geometry.size());
  size_t entry = 0;
  for (uint32_t l = 0; l < geometry.lists(); ++l) {
    if (l % kListsToStop == 0 && stop && stop()) break;
    for_each_entry(l, [&](const ListPart& part, size_t from, uint32_t id) {
      merged.blocks_.Copy(entry++, id, part.blocks_, from);
    });
  }
  return merged;
}

std::optional<size_t> ListPart::EntryOf(uint32_t list, uint32_t id) const {
  const ListRange range = Find(list);
  return blocks_.Find(range.begin, range.end, id);
}

ListRange ListPart::Find(uint32_t list) const {
  if (begins_.empty()) return {};
  if (lists_.empty()) {
    if (list + 1 >= begins_.size()) return {};
    return {begins_[list], begins_[list + 1]};
  }
  if (!present_.Test(list)) return {};
  const auto found = std::lower_bound(lists_.begin(), lists_.end(), list);
  const auto i = static_cast<size_t>(found - lists_.begin());
  return {begins_[i], begins_[i + 1]};
}

}  // namespace cordon
