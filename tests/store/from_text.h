// Messages from protobuf's text format, so that a test shows what it sends.
#pragma once

#include <google/protobuf/text_format.h>

#include <string>

#include "engine/base/check.h"

namespace cordon {

template <typename Message>
Message FromText(const std::string& text) {
  Message message;
  CORDON_CHECK(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

}  // namespace cordon
