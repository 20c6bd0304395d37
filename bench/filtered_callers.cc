#include "bench/filtered_callers.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/base/check.h"

namespace cordon {
namespace {

// Higher is nearer, in every metric good enough to say what is near.
float Nearness(Metric metric, const float* a, const float* b, size_t dimension) {
  float sum = 0;
  for (size_t i = 0; i < dimension; ++i) {
    const float difference = a[i] - b[i];
    sum += metric == Metric::kL2 ? -difference * difference : a[i] * b[i];
  }
  return sum;
}

template <typename T>
void Shuffle(std::vector<T>& values, Random& random) {
  for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.Below(i)]);
}

// Rows by their nearest of some pivots, so that neighbours stand together.
std::vector<uint32_t> InNeighbourhoods(const VectorSet& set, Random& random) {
  constexpr size_t kPivots = 256;
  std::vector<size_t> pivots;
  for (size_t i = 0; i < kPivots; ++i) pivots.push_back(random.Below(set.rows));
  std::vector<std::pair<std::pair<uint32_t, float>, uint32_t>> keyed;
  for (uint32_t row = 0; row < set.rows; ++row) {
    std::pair<uint32_t, float> best = {0, -1e30f};
    for (uint32_t p = 0; p < kPivots; ++p) {
      const float near =
          Nearness(set.metric, set.base.row(row), set.base.row(pivots[p]), set.dimension);
      if (near > best.second) best = {p, near};
    }
    keyed.push_back({best, row});
  }
  std::sort(keyed.begin(), keyed.end());
  std::vector<uint32_t> order;
  for (const auto& [key, row] : keyed) order.push_back(row);
  return order;
}

}  // namespace

Classes MakeClasses(const VectorSet& set, size_t count, bool neighbours, Random& random) {
  Classes classes{std::vector<uint32_t>(set.rows), count, {}, {}};
  classes.rows.resize(count);
  std::vector<uint32_t> order(set.rows);
  std::iota(order.begin(), order.end(), 0);
  if (neighbours) {
    order = InNeighbourhoods(set, random);
  } else {
    Shuffle(order, random);
  }
  double harmonic = 0;
  for (size_t c = 1; c <= count; ++c) harmonic += 1.0 / static_cast<double>(c);
  std::vector<size_t> sizes;
  size_t taken = 0;
  for (size_t c = 0; c < count; ++c) {
    const double share = 1 / (harmonic * static_cast<double>(c + 1));
    sizes.push_back(static_cast<size_t>(share * static_cast<double>(set.rows)));
    taken += sizes.back();
  }
  for (size_t i = 0; taken < set.rows; ++i, ++taken) ++sizes[i % count];
  std::vector<uint32_t> names(count);  // large classes anywhere
  std::iota(names.begin(), names.end(), 0);
  if (neighbours) Shuffle(names, random);
  size_t next = 0;
  for (size_t c = 0; c < count; ++c) {
    for (size_t i = 0; i < sizes[names[c]] && next < set.rows; ++i, ++next) {
      classes.of_row[order[next]] = static_cast<uint32_t>(c);
      classes.rows[c].push_back(order[next]);
    }
  }
  if (!neighbours) return classes;
  for (const auto& rows : classes.rows) {
    auto& centre = classes.centres.emplace_back(set.dimension);
    for (const uint32_t row : rows) {
      for (size_t i = 0; i < set.dimension; ++i) {
        centre[i] += set.base.row(row)[i] / static_cast<float>(rows.size());
      }
    }
  }
  return classes;
}

FilteredCaller MakeCaller(const VectorSet& set, const Classes& classes, double fraction,
                          Correlation correlation, size_t queries, Random& random) {
  FilteredCaller caller{{Bitmap(classes.count), 0}, {}, {}, {}, {}};
  const float* anchor = set.held_out.row(random.Below(set.queries));
  std::vector<uint32_t> order(classes.count);
  std::iota(order.begin(), order.end(), 0);
  Shuffle(order, random);
  if (correlation != Correlation::kNone) {
    std::vector<float> near(classes.count);
    for (size_t c = 0; c < classes.count; ++c) {
      near[c] = Nearness(set.metric, anchor, classes.centres[c].data(), set.dimension);
      if (correlation == Correlation::kNegative) near[c] = -near[c];
    }
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return near[a] > near[b]; });
  }
  const auto wanted = static_cast<size_t>(fraction * static_cast<double>(set.rows) + 0.5);
  size_t taken = 0;
  for (const uint32_t c : order) {
    if (classes.rows[c].empty() || taken + classes.rows[c].size() > wanted) continue;
    caller.allowed.classes.Set(c);
    taken += classes.rows[c].size();
    caller.rows.insert(caller.rows.end(), classes.rows[c].begin(), classes.rows[c].end());
  }
  if (taken == 0) {  // no class is that small: the smallest that has rows
    const auto least = std::min_element(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      const auto& one = classes.rows[a];
      const auto& other = classes.rows[b];
      return std::pair(one.empty(), one.size()) < std::pair(other.empty(), other.size());
    });
    caller.allowed.classes.Set(*least);
    caller.rows = classes.rows[*least];
  }
  CORDON_CHECK(!caller.rows.empty());
  std::sort(caller.rows.begin(), caller.rows.end());
  caller.bitmap.resize((set.rows + 7) / 8);
  for (const uint32_t row : caller.rows) {
    caller.bitmap[row / 8] |= static_cast<uint8_t>(1 << row % 8);
  }
  std::vector<uint32_t> asked(set.queries);
  std::iota(asked.begin(), asked.end(), 0);
  Shuffle(asked, random);
  if (correlation != Correlation::kNone) {  // the queries near the anchor
    std::stable_sort(asked.begin(), asked.end(), [&](uint32_t a, uint32_t b) {
      return Nearness(set.metric, anchor, set.held_out.row(a), set.dimension) >
             Nearness(set.metric, anchor, set.held_out.row(b), set.dimension);
    });
  }
  asked.resize(std::min(queries, asked.size()));
  caller.queries = asked;
  return caller;
}

}  // namespace cordon
