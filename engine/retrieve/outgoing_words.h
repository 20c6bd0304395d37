// What a document brings, on every way out: its words are those of whoever wrote it, and may hold
// characters that a person does not see and a model reads (engine/text/hidden_characters.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cordon/v1/types.pb.h"

namespace cordon {

// Looks through the words of one passage or document.
class OutgoingWords {
 public:
  // `strip`: hidden characters are taken out.
  explicit OutgoingWords(bool strip) : strip_(strip) {}

  // Counts the hidden characters, and takes them out if they are not wanted.
  void See(std::string* words);
  void See(v1::Provenance* provenance);
  void See(v1::AttributeValue* value);
  // Counts them only: without them an id would be another's.
  void SeeId(std::string_view id);

  // How many there were in all that was seen.
  uint32_t hidden() const { return hidden_; }

 private:
  const bool strip_;
  uint32_t hidden_ = 0;
};

}  // namespace cordon
