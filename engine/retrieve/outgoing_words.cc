#include "engine/retrieve/outgoing_words.h"

#include "engine/base/planted.h"
#include "engine/text/hidden_characters.h"

namespace cordon {

void OutgoingWords::See(std::string* words) {
  const size_t count = CountHiddenCharacters(*words);
  hidden_ += static_cast<uint32_t>(count);
  const bool strips = strip_ && !Planted(Bug::kHiddenKept);
  if (count > 0 && strips) *words = WithoutHiddenCharacters(*words);
}

void OutgoingWords::See(v1::Provenance* provenance) {
  See(provenance->mutable_source());
  See(provenance->mutable_trust());
}

void OutgoingWords::See(v1::AttributeValue* value) {
  if (value->has_string_value()) See(value->mutable_string_value());
}

void OutgoingWords::SeeId(std::string_view id) {
  hidden_ += static_cast<uint32_t>(CountHiddenCharacters(id));
}

}  // namespace cordon
