// How many tokens of a language model texts take: by that model's vocabulary, if there is one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cordon {

// Thread-safe.
class TokenCounter {
 public:
  virtual ~TokenCounter() = default;
  // The tokens of `text`, any bytes.
  virtual size_t Count(std::string_view text) const = 0;
  // What counts: `approximate`, or the vocabulary's name.
  virtual const std::string& name() const = 0;
};

// ApproximateTokens(), for want of a vocabulary.
const TokenCounter& ApproximateCounter();

}  // namespace cordon
