// Worlds for searches of lists: clustered vectors, classes, documents that come, change and go.
#pragma once

#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/base/random.h"
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

  std::vector<float> Next() {
    const std::vector<float>& centre = centres_[random_.Below(centres_.size())];
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

}  // namespace cordon
