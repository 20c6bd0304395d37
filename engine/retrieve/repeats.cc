#include "engine/retrieve/repeats.h"

#include <algorithm>

#include "engine/text/hidden_characters.h"
#include "engine/text/tokenise.h"

namespace cordon {
namespace {

constexpr size_t kShingleWords = 3;
// Jaccard similarity kNear / kOf and more is a repeat.
constexpr size_t kNear = 9;
constexpr size_t kOf = 10;

// FNV-1a (Fowler, Noll, Vo), 64 bits, over the words with an end each.
uint64_t HashWords(const Words& words, size_t first, size_t count) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (size_t i = first; i < first + count; ++i) {
    for (const char c : words[i]) add(static_cast<unsigned char>(c));
    add(0);
  }
  return hash;
}

// Sorted and without repeats; a text of fewer words is one shingle.
std::vector<uint64_t> ShinglesOf(const Words& words) {
  std::vector<uint64_t> shingles;
  const size_t length = std::min(kShingleWords, words.size());
  for (size_t i = 0; i + length <= words.size() && length > 0; ++i) {
    shingles.push_back(HashWords(words, i, length));
  }
  std::sort(shingles.begin(), shingles.end());
  shingles.erase(std::unique(shingles.begin(), shingles.end()), shingles.end());
  return shingles;
}

std::string KeyOf(const Words& words, std::string_view text) {
  if (words.size() == 0) return std::string(text);
  std::string key;
  for (size_t i = 0; i < words.size(); ++i) key.append(words[i]).push_back('\0');
  return key;
}

}  // namespace

bool Repeats::Seen(std::string_view text) {
  if (kind_ != v1::DUPLICATES_EXACT && kind_ != v1::DUPLICATES_NEAR) return false;
  // Else a text would repeat itself with characters that nobody sees between its letters.
  const std::string seen = WithoutHiddenCharacters(text);
  const Words words = Tokenise(seen);
  if (!exact_.insert(KeyOf(words, seen)).second) return true;
  return kind_ == v1::DUPLICATES_NEAR && SeenNearly(ShinglesOf(words));
}

bool Repeats::SeenNearly(const std::vector<uint64_t>& shingles) {
  std::unordered_map<uint32_t, size_t> both;
  for (const uint64_t shingle : shingles) {
    const auto it = holders_.find(shingle);
    if (it == holders_.end()) continue;
    for (const uint32_t holder : it->second) {
      const size_t shared = ++both[holder];
      // shared / (a + b - shared) ≥ kNear / kOf, in whole numbers; it only grows.
      if (shared * (kOf + kNear) >= kNear * (shingles.size() + sizes_[holder])) return true;
    }
  }
  const auto number = static_cast<uint32_t>(sizes_.size());
  sizes_.push_back(shingles.size());
  for (const uint64_t shingle : shingles) holders_[shingle].push_back(number);
  return false;
}

}  // namespace cordon
