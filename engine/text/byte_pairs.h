// Counting tokens by byte-pair encoding (Sennrich et al., ACL 2016) with a vocabulary file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/status.h"
#include "engine/text/token_counter.h"

namespace cordon {

// A vocabulary in the text format in which tiktoken keeps its own: a line for each token, its bytes
// in base64, a blank, its rank. Immutable; thread-safe.
//
// The text is first cut into pieces by the rule of the vocabulary cl100k_base: contractions, words
// with the one character before them, up to three digits, punctuation, blanks. For vocabularies
// made with another rule the count is near, not exact. Special tokens are none: a text that spells
// one is text.
class BytePairs final : public TokenCounter {
 public:
  // Named by the file's name without its last extension. INVALID_ARGUMENT with the line for what is
  // no vocabulary, such as one without a token for each byte.
  static StatusOr<std::unique_ptr<BytePairs>> Read(const std::string& path);
  static StatusOr<std::unique_ptr<BytePairs>> Parse(std::string name, std::string_view lines);

  size_t Count(std::string_view text) const override;
  const std::string& name() const override { return name_; }

  // The pieces of `text`, all of it, in order.
  static std::vector<std::string_view> Cut(std::string_view text);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view bytes) const { return std::hash<std::string_view>()(bytes); }
  };

  explicit BytePairs(std::string name) : name_(std::move(name)) {}
  uint32_t RankOf(std::string_view bytes) const;
  size_t TokensOf(std::string_view piece) const;

  const std::string name_;
  std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>> ranks_;
};

}  // namespace cordon
