// The built-in embedder: text → vector without a model. It is for trying Cordon out and for tests,
// not for quality: it knows no meaning, only which words and parts of words two texts share.
// Callers who care bring the vectors of a trained model.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace cordon {

// Feature hashing (Weinberger et al., ICML 2009) of words, of pairs of neighbouring words and of
// character n-grams within words (as fastText has them: Bojanowski et al., TACL 2017), with
// sub-linear counts and without statistics of a corpus, so that one text's vector never depends on
// another text. English stop words count little.
//
// Deterministic: the same text gives the same bits on every machine (basic IEEE 754 operations in a
// fixed order only; beyond ASCII, where words end follows the version of ICU). Immutable;
// thread-safe.
class BuiltinEmbedder {
 public:
  // `dimension` is 1 to limits::kDimensionMax; 256 and more work, fewer collide too much.
  explicit BuiltinEmbedder(size_t dimension);

  size_t dimension() const { return dimension_; }

  // `dimension` numbers of L2 norm 1; all 0 if `text` holds no word.
  std::vector<float> Embed(std::string_view text) const;

 private:
  const size_t dimension_;
};

}  // namespace cordon
