// Texts of random words of Zipf frequencies, in classes of Zipf sizes, and questions to them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/random.h"
#include "engine/index/bitmap.h"

namespace cordon {

struct TextOptions {
  size_t rows = 100'000;
  size_t words = 120;  // of a text, on the average
  size_t vocabulary = 200'000;
  size_t classes = 1'000;
  size_t queries = 50;  // of 3 to 8 words of one text
  size_t k = 10;
  size_t rounds = 9;
  uint64_t seed = 1;
  std::vector<double> permitted = {0.0001, 0.001, 0.01, 0.1, 0.5, 1.0};  // shares of the rows
  bool quick = false;
  std::string out;
};

struct TextData {
  std::vector<std::string> texts;
  std::vector<uint32_t> class_of;  // by row
  std::vector<size_t> sizes;       // rows by class
  std::vector<std::string> queries;
};

// Draws 0, 1, … with probabilities that fall like 1 / (rank + 3): about as words do.
class Zipf {
 public:
  explicit Zipf(size_t size) {
    double sum = 0;
    for (size_t i = 0; i < size; ++i) ends_.push_back(sum += 1 / (static_cast<double>(i) + 3));
  }
  size_t Draw(Random* random) const {
    const double at = random->Unit() * ends_.back();
    return static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), at) - ends_.begin());
  }

 private:
  std::vector<double> ends_;
};

inline TextData MakeTexts(const TextOptions& options) {
  Random random(options.seed);
  const Zipf words(options.vocabulary), classes(options.classes);
  TextData data;
  data.sizes.resize(options.classes);
  for (size_t row = 0; row < options.rows; ++row) {
    std::string text;
    for (size_t n = options.words / 2 + random.Below(options.words); n > 0; --n) {
      text += fmt::format("w{:x} ", words.Draw(&random));
    }
    data.texts.push_back(std::move(text));
    data.class_of.push_back(static_cast<uint32_t>(classes.Draw(&random)));
    ++data.sizes[data.class_of.back()];
  }
  // Words as a person picks them: none of the twenty most frequent.
  while (data.queries.size() < options.queries) {
    const std::string& text = data.texts[random.Below(options.rows)];
    std::string query;
    for (size_t n = 3 + random.Below(6); n > 0;) {
      const size_t at = text.find(' ', random.Below(text.size() - 1));
      const std::string word = text.substr(at + 1, text.find(' ', at + 1) - at - 1);
      if (word.size() < 3 || word < "w14") continue;
      query += word + " ";
      --n;
    }
    data.queries.push_back(query);
  }
  return data;
}

// Random classes that together have about this share of the rows; at least one row.
inline Bitmap DrawClasses(const TextData& data, double share, Random* random) {
  Bitmap classes(data.sizes.size());
  const auto wanted = static_cast<size_t>(share * static_cast<double>(data.texts.size()));
  std::vector<uint32_t> order(data.sizes.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random->Below(i)]);
  size_t rows = 0;
  for (const uint32_t c : order) {
    if (share < 1 && rows > 0 && rows + data.sizes[c] > wanted + wanted / 4) continue;
    if (data.sizes[c] == 0 || (share < 1 && rows >= wanted && rows > 0)) continue;
    classes.Set(c);
    rows += data.sizes[c];
  }
  return classes;
}

}  // namespace cordon
