#include "engine/index/list_part.h"

#include <algorithm>

#include "engine/base/check.h"

namespace cordon {

ListPart::ListPart(const Geometry& geometry, std::span<const NumberedRow> rows,
                   const std::function<bool()>& stop) {
  constexpr size_t kRowsToStop = 1024;
  // Counting sort of both entries of each row.
  std::vector<uint32_t> next(geometry.lists() + 1);
  size_t entries = 0;
  const auto for_each_list = [](const ListPair& pair, auto visit) {
    visit(pair.first);
    if (pair.second != pair.first) visit(pair.second);
  };
  for (const NumberedRow& row : rows) {
    for_each_list(row.lists, [&](uint32_t list) {
      ++next[list + 1];
      ++entries;
    });
  }
  for (size_t l = 0; l < geometry.lists(); ++l) next[l + 1] += next[l];
  SetBegins(next);
  blocks_ = CodeBlocks(entries, geometry.size());
  classes_.resize(entries);
  FloatRows rotated(1, geometry.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i % kRowsToStop == 0 && stop && stop()) return;
    const NumberedRow& row = rows[i];
    geometry.Rotate(row.embedding, row.norm, rotated.row(0));
    for_each_list(row.lists, [&](uint32_t list) {
      const uint32_t entry = next[list]++;
      classes_[entry] = row.class_id;
      blocks_.Put(entry, row.id, geometry.form(), rotated.row(0), geometry.centroid(list),
                  geometry.mean());
    });
  }
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
                         const Number& number) {
  std::vector<uint32_t> begins(geometry.lists() + 1);
  for (uint32_t l = 0; l < geometry.lists(); ++l) {
    begins[l + 1] = begins[l];
    for (const ListPart* part : parts) begins[l + 1] += part->Find(l).size();
  }
  ListPart merged;
  merged.SetBegins(begins);
  merged.blocks_ = CodeBlocks(begins.back(), geometry.size());
  merged.classes_.reserve(begins.back());
  uint32_t entry = 0;
  for (uint32_t l = 0; l < geometry.lists(); ++l) {
    for (size_t p = 0; p < parts.size(); ++p) {
      const ListRange range = parts[p]->Find(l);
      for (size_t from = range.begin; from < range.end; ++from) {
        const CodeBlocks& blocks = parts[p]->blocks();
        merged.blocks_.Copy(entry++, number(p, blocks.id(from)), blocks, from);
        merged.classes_.push_back(parts[p]->classes()[from]);
      }
    }
  }
  return merged;
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
