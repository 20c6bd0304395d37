// The synthetic company of the server's benchmarks: documents, their lists, and callers who may see
// a chosen part of them. A function of its seed alone, so that every program makes the same one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cordon/v1/retrieval.pb.h"
#include "cordon/v1/types.pb.h"

namespace cordon::bench {

inline constexpr char kCollection[] = "bench";
inline constexpr size_t kDimension = 768;
inline constexpr size_t kClasses = 1000;
inline constexpr size_t kTextBytes = 1000;

// The parts that callers may see.
inline constexpr double kFractions[] = {0.0001, 0.001, 0.01, 0.1};

// What documents say. `kNoise`: a few words by turns, and vectors without any structure, the worst
// for lists. `kLifelike`: words of Zipf frequencies, and vectors of 1,000 Gaussians of 24
// dimensions, rotated into all, with a little noise.
enum class Content { kNoise, kLifelike };

class Lifelike;

// One document is one chunk. Every class is one group's: sizes by Zipf's law with exponent 1, 10 at
// least, dealt to the documents at random. Immutable.
class Corpus {
 public:
  explicit Corpus(size_t documents, Content content = Content::kNoise);
  ~Corpus();
  Corpus(const Corpus&) = delete;
  Corpus& operator=(const Corpus&) = delete;

  size_t size() const { return class_of_.size(); }

  v1::Document MakeDocument(size_t i) const;

  // The i-th of endless queries, as they are sent: exact, 10 passages with their text.
  v1::RetrieveRequest MakeQuery(size_t i, const std::string& caller) const;

  // All groups with their members, and the callers' clearances.
  std::vector<v1::Principal> MakeDirectory() const;

  // The caller who may see about kFractions[which] of the documents.
  static std::string Caller(size_t which);

  // How many documents that caller may see.
  size_t Permitted(size_t which) const;

 private:
  using Embedding = google::protobuf::RepeatedField<float>;
  void FillVector(uint64_t seed, Embedding* vector) const;

  const std::unique_ptr<const Lifelike> lifelike_;  // null: noise
  std::vector<uint32_t> class_of_;                  // by document
  std::vector<uint32_t> sizes_;                     // by class
  std::vector<std::vector<uint32_t>> groups_of_;    // by caller
};

}  // namespace cordon::bench
