// Texts that the engine itself sends to a destination, such as an embedding endpoint.
#pragma once

#include <string>
#include <string_view>

#include "engine/policy/decide.h"

namespace cordon {

// Proof that `destination` may receive a text. Only Release() makes one, and whatever sends texts
// accepts nothing else. Borrows the text.
class Released {
 public:
  std::string_view text() const { return text_; }
  const std::string& destination() const { return destination_; }

 private:
  friend StatusOr<Released> Release(const World& world, std::string_view destination, bool dev,
                                    const Clearance& clearance, const Label& label,
                                    std::string_view text);
  Released(std::string destination, std::string_view text)
      : destination_(std::move(destination)), text_(text) {}

  std::string destination_;
  std::string_view text_;
};

// PERMISSION_DENIED for "label" if the destination may not receive something so labelled on behalf
// of somebody with this clearance (MayReceive); FAILED_PRECONDITION for "destination" if the policy
// has none of this name: an endpoint that is not registered receives nothing.
StatusOr<Released> Release(const World& world, std::string_view destination, bool dev,
                           const Clearance& clearance, const Label& label, std::string_view text);

}  // namespace cordon
