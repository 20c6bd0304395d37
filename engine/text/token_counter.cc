#include "engine/text/token_counter.h"

#include "engine/text/tokens.h"

namespace cordon {
namespace {

class Approximate final : public TokenCounter {
 public:
  size_t Count(std::string_view text) const override { return ApproximateTokens(text); }
  const std::string& name() const override { return name_; }

 private:
  const std::string name_ = "approximate";
};

}  // namespace

const TokenCounter& ApproximateCounter() {
  static const Approximate counter;
  return counter;
}

}  // namespace cordon
