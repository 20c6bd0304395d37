#include "bench/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

#include "bench/text_data.h"
#include "engine/base/random.h"

namespace cordon::bench {
namespace {

constexpr uint64_t kSeed = 20240607;
constexpr uint64_t kQuerySeed = kSeed + (uint64_t{1} << 40);
constexpr uint32_t kClassSizeMin = 10;  // what the narrowest caller sees
constexpr size_t kNarrow = 20;          // classes of that size, however large the corpus
constexpr size_t kColleagues = 5;       // other members of each group

// The sum of four uniform numbers: near enough to a normal distribution, and quick to make. Its
// deviation is 0.58.
float Normal(Random* random) {
  const uint64_t bits = random->Next();
  const uint64_t sum =
      (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
  return static_cast<float>(sum) / 65536.0f - 2.0f;
}

std::string MakeText(Random* random) {
  constexpr const char* kWords[] = {"the",    "plan",  "of",      "this", "quarter", "says",
                                    "who",    "may",   "approve", "a",    "payment", "before",
                                    "report", "leave", "answer",  "and",  "customer"};
  std::string text;
  while (text.size() < kTextBytes) {
    text += kWords[random->Below(std::size(kWords))];
    text += ' ';
  }
  text.resize(kTextBytes, ' ');
  return text;
}

std::string GroupOf(uint32_t class_id) { return fmt::format("group:team-{:04}", class_id); }

std::vector<uint32_t> ZipfSizes(size_t documents) {
  double harmonic = 0;
  for (size_t rank = 1; rank <= kClasses; ++rank) harmonic += 1.0 / static_cast<double>(rank);
  std::vector<uint32_t> sizes(kClasses);
  size_t left = documents;
  for (size_t i = kClasses; i-- > 1;) {  // the largest takes what the others leave
    const double share = static_cast<double>(documents) / harmonic / static_cast<double>(i + 1);
    const bool narrow = i >= kClasses - kNarrow;
    sizes[i] = std::max(kClassSizeMin, narrow ? 0 : static_cast<uint32_t>(share));
    sizes[i] = std::min(sizes[i], static_cast<uint32_t>(left));
    left -= sizes[i];
  }
  sizes[0] = static_cast<uint32_t>(left);
  return sizes;
}

constexpr size_t kVocabulary = 200'000;
constexpr size_t kLatent = 24;
constexpr size_t kCentres = 1000;

std::vector<float> Normals(size_t count, Random* random) {
  std::vector<float> numbers(count);
  for (float& number : numbers) number = Normal(random);
  return numbers;
}

template <typename T>
void Shuffle(std::vector<T>* items, Random* random) {
  for (size_t i = items->size(); i > 1; --i) std::swap((*items)[i - 1], (*items)[random->Below(i)]);
}

// Groups at random that together see about `target` documents and no more.
std::vector<uint32_t> PickGroups(const std::vector<uint32_t>& sizes, size_t target,
                                 Random* random) {
  std::vector<uint32_t> order(sizes.size());
  std::iota(order.begin(), order.end(), 0u);
  Shuffle(&order, random);
  std::vector<uint32_t> picked;
  for (const uint32_t group : order) {
    if (sizes[group] == 0 || sizes[group] > target) continue;
    picked.push_back(group);
    target -= sizes[group];
  }
  return picked;
}

}  // namespace

class Lifelike {
 public:
  Lifelike() : words_(kVocabulary) {
    Random random(kSeed);
    basis_ = Normals(kLatent * kDimension, &random);
    centres_ = Normals(kCentres * kLatent, &random);
  }

  void FillVector(Random* random, float* vector) const {
    const float* centre = &centres_[random->Below(kCentres) * kLatent];
    for (size_t i = 0; i < kDimension; ++i) vector[i] = 0.3f * Normal(random);
    for (size_t l = 0; l < kLatent; ++l) {
      const float latent = centre[l] + 0.35f * Normal(random);
      for (size_t i = 0; i < kDimension; ++i) vector[i] += latent * basis_[l * kDimension + i];
    }
  }

  std::string MakeText(Random* random) const {
    std::string text;
    while (text.size() < kTextBytes) {
      fmt::format_to(std::back_inserter(text), "w{:x} ", words_.Draw(random));
    }
    text.resize(kTextBytes, ' ');
    return text;
  }

 private:
  const Zipf words_;
  std::vector<float> basis_;    // of all dimensions, by latent one
  std::vector<float> centres_;  // of the latent dimensions, by Gaussian
};

Corpus::Corpus(size_t documents, Content content)
    : lifelike_(content == Content::kLifelike ? std::make_unique<Lifelike>() : nullptr),
      sizes_(ZipfSizes(documents)) {
  Random random(kSeed);
  class_of_.reserve(documents);
  for (uint32_t c = 0; c < kClasses; ++c) class_of_.insert(class_of_.end(), sizes_[c], c);
  Shuffle(&class_of_, &random);
  for (const double fraction : kFractions) {
    const auto target = static_cast<size_t>(fraction * static_cast<double>(documents) + 0.5);
    groups_of_.push_back(PickGroups(sizes_, std::max<size_t>(target, kClassSizeMin), &random));
  }
}

Corpus::~Corpus() = default;

void Corpus::FillVector(uint64_t seed, Embedding* vector) const {
  Random random(seed);
  vector->Resize(static_cast<int>(kDimension), 0);
  if (lifelike_ != nullptr) return lifelike_->FillVector(&random, vector->mutable_data());
  for (float& number : *vector) number = Normal(&random);
}

v1::Document Corpus::MakeDocument(size_t i) const {
  constexpr const char* kLevels[] = {"public", "internal", "internal", "confidential"};
  const uint32_t class_id = class_of_[i];
  Random random(kSeed + i);
  v1::Document document;
  document.set_id(fmt::format("team-{:04}/document-{:07}", class_id, i));
  document.set_title(fmt::format("Document {} of team {}", i, class_id));
  document.set_uri(fmt::format("https://wiki.example/team-{:04}/{:07}", class_id, i));
  document.mutable_acl()->add_allow()->set_principal(GroupOf(class_id));
  document.mutable_acl()->add_allow()->set_principal(fmt::format("user:lead-{}", class_id));
  document.mutable_acl()->add_deny()->set_principal("group:contractors");
  document.mutable_label()->set_level(kLevels[class_id % std::size(kLevels)]);
  v1::Chunk* chunk = document.add_chunks();
  chunk->set_text(lifelike_ != nullptr ? lifelike_->MakeText(&random) : MakeText(&random));
  FillVector(random.Next(), chunk->mutable_embedding());
  return document;
}

std::vector<v1::Principal> Corpus::MakeDirectory() const {
  std::vector<v1::Principal> directory;
  for (uint32_t c = 0; c < kClasses; ++c) {
    v1::Principal& group = directory.emplace_back();
    group.set_name(GroupOf(c));
    group.set_sets_members(true);
    for (size_t i = 0; i < kColleagues; ++i) {
      group.add_members()->set_principal(fmt::format("user:colleague-{}", c * 3 + i));
    }
  }
  for (size_t which = 0; which < groups_of_.size(); ++which) {
    for (const uint32_t group : groups_of_[which]) {
      directory[group].add_members()->set_principal(Caller(which));
    }
    v1::Principal& user = directory.emplace_back();
    user.set_name(Caller(which));
    user.mutable_clearance()->set_level("confidential");
  }
  v1::Principal& contractors = directory.emplace_back();
  contractors.set_name("group:contractors");
  contractors.set_sets_members(true);
  contractors.add_members()->set_principal("user:contractor");
  return directory;
}

std::string Corpus::Caller(size_t which) { return fmt::format("user:sees-{}", kFractions[which]); }

size_t Corpus::Permitted(size_t which) const {
  size_t permitted = 0;
  for (const uint32_t group : groups_of_[which]) permitted += sizes_[group];
  return permitted;
}

v1::RetrieveRequest Corpus::MakeQuery(size_t i, const std::string& caller) const {
  v1::RetrieveRequest request;
  request.set_collection(kCollection);
  request.mutable_scope()->set_as(caller);
  request.mutable_scope()->set_purpose("benchmark");
  FillVector(kQuerySeed + i, request.mutable_vector());
  request.set_k(10);
  request.set_mode(v1::MODE_EXACT);
  return request;
}

}  // namespace cordon::bench
