// The naive model of an index: a map of documents, and a full scan by Score(). Shares no code with
// the index but the score's definition.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/random.h"
#include "engine/index/vector_index.h"

namespace cordon {

struct ModelRow {
  uint32_t class_id;
  std::vector<float> vector;
};

struct ModelDocument {
  Micros from;
  Micros until;
  std::map<uint32_t, ModelRow> rows;
};

struct ModelHit {
  double score;
  std::string document;
  uint32_t ordinal;
  uint32_t class_id;
};

// A copy is a snapshot.
class Model {
 public:
  Model(size_t dimension, Metric metric) : dimension_(dimension), metric_(metric) {}

  std::map<std::string, ModelDocument> documents;

  bool Counts(const ModelDocument& document, const ModelRow& row, const std::set<uint32_t>& classes,
              Micros now) const {
    return document.from <= now && now < document.until && classes.contains(row.class_id);
  }

  std::vector<ModelHit> Search(const std::set<uint32_t>& classes, Micros now,
                               const std::vector<float>& query, size_t k) const {
    std::vector<ModelHit> hits;
    for (const auto& [id, document] : documents) {
      for (const auto& [ordinal, row] : document.rows) {
        if (!Counts(document, row, classes, now)) continue;
        hits.push_back({Score(metric_, query.data(), row.vector.data(), dimension_), id, ordinal,
                        row.class_id});
      }
    }
    std::sort(hits.begin(), hits.end(), [](const ModelHit& a, const ModelHit& b) {
      return std::tie(b.score, a.document, a.ordinal) < std::tie(a.score, b.document, b.ordinal);
    });
    if (hits.size() > k) hits.resize(k);
    return hits;
  }

  uint64_t Count(const std::set<uint32_t>& classes, Micros now) const {
    uint64_t count = 0;
    for (const auto& [id, document] : documents) {
      for (const auto& [ordinal, row] : document.rows) {
        if (Counts(document, row, classes, now)) ++count;
      }
    }
    return count;
  }

  uint64_t Rows() const {
    uint64_t rows = 0;
    for (const auto& [id, document] : documents) rows += document.rows.size();
    return rows;
  }

  Micros NextEvent(Micros after) const {
    Micros next = kNever;
    for (const auto& [id, document] : documents) {
      if (document.rows.empty()) continue;
      for (const Micros time : {document.from, document.until}) {
        if (time > after) next = std::min(next, time);
      }
    }
    return next;
  }

  // The change that makes `id` what it is in this model; borrows from it.
  DocumentChange Whole(const std::string& id, bool may_exist) const {
    const ModelDocument& document = documents.at(id);
    DocumentChange change;
    change.document = id;
    change.may_exist = may_exist;
    change.valid_from = document.from;
    change.valid_until = document.until;
    for (const auto& [ordinal, row] : document.rows) {
      change.rows.push_back({ordinal, row.class_id, row.vector.data()});
    }
    return change;
  }

 private:
  size_t dimension_;
  Metric metric_;
};

// Vectors that are hard for estimates: many equal ones, zeros, and lengths out of range.
class VectorSource {
 public:
  VectorSource(Random& random, size_t dimension) : random_(random), dimension_(dimension) {
    for (int i = 0; i < 6; ++i) pool_.push_back(Plain(1));
  }

  std::vector<float> Next() {
    switch (random_.Below(12)) {
      case 0:
        return std::vector<float>(dimension_, 0.0f);
      case 1:
        return Plain(1e-30);
      case 2:
        return Plain(1e30);
      case 3:
        return Plain(1e-44);  // denormal
      case 4:
      case 5:
        return pool_[random_.Below(pool_.size())];
      case 6: {  // the same direction, or nearly
        std::vector<float> vector = pool_[random_.Below(pool_.size())];
        for (float& x : vector) x *= 3;
        vector[random_.Below(dimension_)] *= 1.0000002f;
        return vector;
      }
      default:
        return Plain(1);
    }
  }

 private:
  std::vector<float> Plain(double scale) {
    std::vector<float> vector(dimension_);
    for (float& x : vector) x = static_cast<float>((random_.Unit() * 2 - 1) * scale);
    return vector;
  }

  Random& random_;
  size_t dimension_;
  std::vector<std::vector<float>> pool_;
};

}  // namespace cordon
