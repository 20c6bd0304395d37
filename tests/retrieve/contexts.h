// Questions whose passages become a context.
#pragma once

#include <string>
#include <vector>

#include "tests/retrieve/library.h"

namespace cordon {

inline constexpr char kContextPolicy[] =
    "policy { trust { names: 'untrusted' names: 'partner' names: 'internal' } "
    "compartments { names: 'people' } }";

// A document of one chunk at an angle: (score, across), from a source.
inline std::string From(const std::string& id, const std::string& source, const std::string& trust,
                        const std::string& text, int score, int across = 0,
                        const std::string& who = "everyone") {
  return "ingest { collection: 'docs' documents { id: '" + id + "' acl { allow { principal: '" +
         who + "' } } label { level: 'public' } provenance { source: '" + source + "' trust: '" +
         trust + "' } chunks { text: '" + text + "' embedding: " + std::to_string(score) +
         " embedding: " + std::to_string(across) + " } } }";
}

// A document of several chunks whose scores fall from `score` on, each with its own list or label.
inline std::string Pages(const std::string& id, int score, const std::vector<std::string>& more) {
  std::string text = "ingest { collection: 'docs' documents { id: '" + id +
                     "' acl { allow { principal: 'everyone' } } label { level: 'public' } ";
  for (size_t i = 0; i < more.size(); ++i) {
    text += "chunks { ordinal: " + std::to_string(10 * i) + " text: 'page " + std::to_string(i) +
            " of " + id + "' embedding: " + std::to_string(i == 2 ? score : 0) + " embedding: 0 " +
            more[i] + " } ";
  }
  return text + "} }";
}

class Contexts : public Library {
 protected:
  Contexts() { scratch_.Do(kContextPolicy); }

  static v1::RetrieveRequest With(uint32_t k, const std::string& options,
                                  const std::string& as = "user:eve") {
    v1::RetrieveRequest request = Question(k, as);
    *request.mutable_context() = FromText<v1::ContextOptions>(options);
    return request;
  }
  // "document:chunk …" of an answer, neighbours in brackets.
  static std::string Chunks(const StatusOr<v1::RetrieveResponse>& answer) {
    if (!answer.ok()) return answer.status().ToString();
    std::string text;
    for (const auto& passage : answer->passages()) {
      const std::string one = passage.document() + ":" + std::to_string(passage.chunk());
      text += (text.empty() ? "" : " ") + (passage.neighbour() ? "(" + one + ")" : one);
    }
    return text;
  }
};

}  // namespace cordon
