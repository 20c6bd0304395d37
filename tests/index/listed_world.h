// Worlds for searches of lists: clustered vectors, classes, documents that come, change and go.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/random.h"
#include "engine/index/document_numbers.h"
#include "engine/index/upkeep.h"
#include "engine/index/vector_index.h"
#include "tests/index/world.h"

namespace cordon {

// Vectors around some centres.
class Clusters {
 public:
  Clusters(Random& random, size_t dimension, size_t centres) : random_(random) {
    for (size_t c = 0; c < centres; ++c) centres_.push_back(Draw(dimension, 1));
  }

  std::vector<float> Next() { return Near(random_.Below(centres_.size())); }
  std::vector<float> Near(size_t c) {
    const std::vector<float>& centre = centres_[c];
    std::vector<float> vector = Draw(centre.size(), 0.6);
    for (size_t i = 0; i < vector.size(); ++i) vector[i] += centre[i];
    return vector;
  }

 private:
  std::vector<float> Draw(size_t dimension, double scale) {
    std::vector<float> vector(dimension);
    for (float& x : vector) x = static_cast<float>((random_.Unit() * 2 - 1) * scale);
    return vector;
  }

  Random& random_;
  std::vector<std::vector<float>> centres_;
};

// A document of one row.
struct Drawn {
  std::vector<float> vector;
  uint32_t class_id = 0;
  Micros until = kNever;
};

// `empty` with documents 0, 1, … by id and number, each as draw() says.
template <typename Draw>
VectorIndex Filled(const VectorIndex& empty, size_t documents, const Draw& draw) {
  VectorIndexBuilder builder(empty);
  for (size_t d = 0; d < documents; ++d) {
    const std::string id = std::to_string(d);
    const Drawn drawn = draw();
    DocumentChange change;
    change.document = id;
    change.number = static_cast<uint32_t>(d);
    change.valid_until = drawn.until;
    change.rows = {{0, drawn.class_id, drawn.vector.data()}};
    builder.Add(change);
  }
  return builder.Finish();
}

// The index after upkeep, at once.
inline VectorIndex Upkept(const VectorIndex& index, Upkeep upkeep) {
  const VectorIndex frozen = index.Frozen();
  return frozen.With(MakeLists(frozen, upkeep, {}));
}

inline AllowedSet AllowedOf(const std::set<uint32_t>& classes, size_t known, Micros now = 0) {
  AllowedSet allowed{Bitmap(known), now};
  for (const uint32_t c : classes) {
    if (c < known) allowed.classes.Set(c);
  }
  return allowed;
}

// Of a suite that is run for each metric: INSTANTIATE_TEST_SUITE_P(Metrics, …, kMetrics, NameOf).
inline const auto kMetrics = testing::Values(Metric::kCosine, Metric::kInnerProduct, Metric::kL2);
inline std::string NameOf(const testing::TestParamInfo<Metric>& info) {
  if (info.param == Metric::kCosine) return "cosine";
  return info.param == Metric::kInnerProduct ? "ip" : "l2";
}

inline std::string Describe(const std::vector<Hit>& hits) {
  std::string text;
  for (const Hit& hit : hits) {
    text += hit.document + "/" + std::to_string(hit.ordinal) + "/" + std::to_string(hit.class_id) +
            " " + std::to_string(hit.score.low) + " " + std::to_string(hit.score.high) + "\n";
  }
  return text;
}

// What a search tells of its way, times aside.
inline std::string Way(const SearchTrace& trace) {
  std::string way = trace.plan == SearchPlan::kLists ? "lists" : "flat";
  for (const uint64_t count : {trace.rows_permitted, trace.lists_seen, trace.lists_scanned,
                               trace.rows_scanned, trace.rows_reranked, trace.geometry}) {
    way += " " + std::to_string(count);
  }
  return way;
}

inline SearchOptions Fast(size_t k, double recall = 0.95) {
  return {.k = k, .mode = SearchMode::kFast, .recall = recall, .plan = SearchPlan::kLists};
}

// Admits documents by their numbers.
class Numbered : public DocumentFilter {
 public:
  Numbered(size_t bound, std::set<uint32_t> numbers)
      : DocumentFilter(bound), numbers_(std::move(numbers)) {}

 private:
  uint64_t Word(uint32_t w) const override {
    uint64_t word = 0;
    for (uint32_t bit = 0; bit < 64; ++bit) {
      if (numbers_.contains(w * 64 + bit)) word |= uint64_t{1} << bit;
    }
    return word;
  }

  const std::set<uint32_t> numbers_;
};

// A model and its index, in step.
class Listed {
 public:
  static constexpr size_t kClasses = 40;

  Listed(uint64_t seed, size_t dimension, Metric metric, size_t rows)
      : random(seed),
        clusters_(random, dimension, 30),
        model(dimension, metric),
        index(dimension, metric, 300 * RowStride(dimension)) {
    for (size_t i = 0; i < rows; ++i) Put("d" + std::to_string(i));
  }

  void Put(const std::string& id) {
    model.documents[id] = {kAlways, kNever, {{0, {Class(), clusters_.Next()}}}};
    Apply(id);
  }
  void Apply(const std::string& id) {
    DocumentChange change = model.Whole(id, true);
    change.number = documents.Add(id);
    index = index.Apply({&change, 1});
  }
  void Remove(const std::string& id) {
    model.documents.erase(id);
    DocumentChange change;
    change.document = id;
    change.kind = DocumentChange::Kind::kRemove;
    index = index.Apply({&change, 1});
    if (const auto number = documents.Find(id)) documents.Remove(*number);
  }
  // A row that comes with a class which `visible` does not have, or that goes again.
  void Hide(const std::string& id, const std::set<uint32_t>& visible) {
    if (model.documents.contains(id) && random.OneIn(3)) return Remove(id);
    uint32_t hidden = Class();
    while (visible.contains(hidden)) hidden = Class();
    model.documents[id] = {kAlways, kNever, {{0, {hidden, clusters_.Next()}}}};
    Apply(id);
  }
  static bool Admits(const std::string& id, size_t one_in) {
    return std::stoul(id.substr(id.find_first_of("0123456789"))) % one_in == 0;
  }
  // Admits one id in some, whatever its number.
  Numbered Filter(size_t one_in) const {
    std::set<uint32_t> numbers;
    for (const auto& [id, document] : model.documents) {
      if (Admits(id, one_in)) numbers.insert(*documents.Find(id));
    }
    return Numbered(documents.bound(), std::move(numbers));
  }
  // The rows that a filter admits.
  Model Filtered(size_t one_in) const {
    Model filtered = model;
    std::erase_if(filtered.documents,
                  [&](const auto& entry) { return !Admits(entry.first, one_in); });
    return filtered;
  }
  uint32_t Class() { return static_cast<uint32_t>(random.Below(kClasses)); }
  std::vector<float> Query() { return clusters_.Next(); }
  std::set<uint32_t> SomeClasses(uint64_t one_in) {
    std::set<uint32_t> classes;
    for (uint32_t c = 0; c < kClasses; ++c) {
      if (random.OneIn(one_in)) classes.insert(c);
    }
    return classes;
  }

  Random random;

 private:
  Clusters clusters_;

 public:
  Model model;
  DocumentNumbers documents;
  VectorIndex index;
};

}  // namespace cordon
