#include "engine/index/shared_means.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace cordon {
namespace {

using RowsOfList = std::vector<uint32_t>;

// Scaled copies of a vector differ under cosine by rounding alone: nearer than this, in parts of
// both squares, two rows are one.
constexpr double kSameSquare = 1e-8;

bool Differ(const float* a, const float* b, size_t size) {
  double distance = 0, squares = 0;
  for (size_t d = 0; d < size; ++d) {
    const double x = a[d], y = b[d];
    distance += (x - y) * (x - y);
    squares += x * x + y * y;
  }
  return distance > kSameSquare * squares;
}

bool HasManyDifferent(const FloatRows& rows, const RowsOfList& of_list, size_t size) {
  std::vector<const float*> different;
  for (const uint32_t i : of_list) {
    const float* const row = rows.row(i);
    const auto is = [&](const float* other) { return !Differ(row, other, size); };
    if (std::any_of(different.begin(), different.end(), is)) continue;
    different.push_back(row);
    if (different.size() == kRowsOfMeanMin) return true;
  }
  return false;
}

void MeanOfList(const FloatRows& rows, const RowsOfList& of_list, size_t size, float* mean) {
  std::vector<double> sum(size);
  for (const uint32_t i : of_list) {
    for (size_t d = 0; d < size; ++d) sum[d] += rows.row(i)[d];
  }
  for (size_t d = 0; d < size; ++d) {
    mean[d] = static_cast<float>(sum[d] / static_cast<double>(of_list.size()));
  }
}

}  // namespace

SharedMeans MeansOf(const FloatRows& rows, std::span<const int64_t> nearest, size_t size,
                    size_t lists) {
  std::vector<RowsOfList> members(lists);
  for (uint32_t i = 0; i < nearest.size(); ++i) {
    if (nearest[i] >= 0) members[static_cast<size_t>(nearest[i])].push_back(i);
  }
  std::erase_if(members,
                [&](const RowsOfList& of_list) { return !HasManyDifferent(rows, of_list, size); });
  if (members.empty()) {
    SharedMeans one{FloatRows(1, size), 1, std::vector<uint32_t>(nearest.size())};
    std::iota(one.rows.begin(), one.rows.end(), 0);
    return one;
  }
  SharedMeans means{FloatRows(members.size(), size), members.size(), {}};
  for (size_t l = 0; l < members.size(); ++l) {
    MeanOfList(rows, members[l], size, means.centroids.row(l));
    means.rows.insert(means.rows.end(), members[l].begin(), members[l].end());
  }
  std::sort(means.rows.begin(), means.rows.end());
  return means;
}

}  // namespace cordon
