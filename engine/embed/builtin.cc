#include "engine/embed/builtin.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/text/language.h"
#include "engine/text/tokenise.h"

namespace cordon {
namespace {

// Tuned with headings of a technical manual as queries for the text below them.
constexpr double kStopWordWeight = 0.1;
constexpr double kPartWeight = 0.3;    // a part of an identifier: "dump" of "pg_dump"
constexpr double kPairWeight = 0.4;    // two neighbouring words that are no stop words
constexpr double kNgramsWeight = 1.4;  // all n-grams of a word together, as a norm
constexpr size_t kNgramMin = 3;        // code points, the marks of a word's ends included
constexpr size_t kNgramMax = 5;
constexpr size_t kNgramWordBytes = 64;  // a longer word (a key, a hash) has no parts worth matching

// Different kinds of features with the same bytes are different features.
constexpr uint64_t kWordSeed = 0xcbf29ce484222325;
constexpr uint64_t kNgramSeed = 0x9ae16a3b2f90404f;
constexpr uint64_t kPairSeed = 0xc2b2ae3d27d4eb4f;

// One step of FNV-1a (Fowler, Noll, Vo).
uint64_t Step(uint64_t hash, char c) {
  return (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
}

uint64_t Hash(uint64_t seed, std::string_view bytes) {
  for (char c : bytes) seed = Step(seed, c);
  return seed;
}

// The finaliser of SplitMix64: FNV's high bits alone are no good for short input.
uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// 1 + log2(count), linear between powers of two: exact on every machine, which std::log is not.
double Damped(uint64_t count) {
  int exponent = 0;
  while (count >> (exponent + 1) != 0) ++exponent;
  return exponent + static_cast<double>(count) / static_cast<double>(uint64_t{1} << exponent);
}

// The sum of signed, hashed features.
class Sketch {
 public:
  explicit Sketch(size_t dimension) : sums_(dimension) {}

  void Add(uint64_t hash, double weight) {
    const uint64_t mixed = Mix(hash);
    const uint64_t index = ((mixed & 0xffffffff) * sums_.size()) >> 32;
    sums_[index] += mixed >> 63 != 0 ? -weight : weight;
  }

  std::vector<float> Normalised() const {
    double squares = 0;
    for (double sum : sums_) squares += sum * sum;
    const double norm = std::sqrt(squares);  // correctly rounded by IEEE 754
    std::vector<float> vector(sums_.size());
    if (norm == 0) return vector;
    for (size_t i = 0; i < sums_.size(); ++i) vector[i] = static_cast<float>(sums_[i] / norm);
    return vector;
  }

 private:
  std::vector<double> sums_;
};

// The n-grams of "<word>", `weight` being the norm of them all.
void AddNgrams(std::string_view word, double weight, Sketch& sketch) {
  if (word.size() > kNgramWordBytes) return;
  std::string marked = "<";
  marked += word;
  marked += '>';
  std::array<uint8_t, kNgramWordBytes + 3> starts;  // of code points, and the end
  size_t points = 0;
  for (size_t i = 0; i < marked.size(); ++i) {
    if ((static_cast<unsigned char>(marked[i]) & 0xc0) != 0x80) {
      starts[points++] = static_cast<uint8_t>(i);
    }
  }
  starts[points] = static_cast<uint8_t>(marked.size());
  size_t count = 0;
  for (size_t n = kNgramMin; n <= kNgramMax && n <= points; ++n) count += points - n + 1;
  if (count == 0) return;
  const double each = weight / std::sqrt(static_cast<double>(count));
  for (size_t begin = 0; begin + kNgramMin <= points; ++begin) {
    uint64_t hash = kNgramSeed;
    for (size_t end = begin; end < points && end - begin < kNgramMax; ++end) {
      for (size_t i = starts[end]; i < starts[end + 1]; ++i) hash = Step(hash, marked[i]);
      if (end - begin + 1 >= kNgramMin) sketch.Add(hash, each);
    }
  }
}

void AddParts(std::string_view word, double weight, Sketch& sketch) {
  constexpr std::string_view kJoints = "_.-'";
  if (word.find_first_of(kJoints) == word.npos) return;
  while (!word.empty()) {
    const size_t end = std::min(word.find_first_of(kJoints), word.size());
    if (end > 1) sketch.Add(Hash(kWordSeed, word.substr(0, end)), weight);
    word.remove_prefix(std::min(end + 1, word.size()));
  }
}

void AddWord(std::string_view word, uint64_t count, Sketch& sketch) {
  if (IsStopWord(Language::kEnglish, word)) {
    sketch.Add(Hash(kWordSeed, word), kStopWordWeight * Damped(count));
    return;
  }
  const double weight = Damped(count);
  sketch.Add(Hash(kWordSeed, word), weight);
  AddParts(word, kPartWeight * weight, sketch);
  AddNgrams(word, kNgramsWeight * weight, sketch);
}

// Calls add(item, count) for each distinct item, in order.
template <typename T, typename AddItem>
void ForEachCounted(std::vector<T>& items, AddItem add) {
  std::sort(items.begin(), items.end());
  for (size_t begin = 0; begin < items.size();) {
    size_t end = begin + 1;
    while (end < items.size() && items[end] == items[begin]) ++end;
    add(items[begin], end - begin);
    begin = end;
  }
}

}  // namespace

BuiltinEmbedder::BuiltinEmbedder(size_t dimension) : dimension_(dimension) {
  CORDON_CHECK(dimension > 0 && dimension <= limits::kDimensionMax);
}

std::vector<float> BuiltinEmbedder::Embed(std::string_view text) const {
  const Words tokens = Tokenise(text);
  std::vector<std::string_view> words;
  std::vector<uint64_t> pairs;
  words.reserve(tokens.size());
  pairs.reserve(tokens.size());
  uint64_t previous = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    words.push_back(tokens[i]);
    if (IsStopWord(Language::kEnglish, tokens[i])) continue;
    const uint64_t hash = Hash(kPairSeed, tokens[i]);
    if (previous != 0) pairs.push_back(Mix(previous) + hash);  // not symmetric: order counts
    previous = hash;
  }
  Sketch sketch(dimension_);
  ForEachCounted(words, [&](std::string_view word, size_t count) { AddWord(word, count, sketch); });
  ForEachCounted(
      pairs, [&](uint64_t pair, size_t count) { sketch.Add(pair, kPairWeight * Damped(count)); });
  return sketch.Normalised();
}

}  // namespace cordon
