#include "engine/policy/release.h"

#include <fmt/format.h>

#include "engine/base/planted.h"

namespace cordon {

StatusOr<Released> Release(const World& world, std::string_view destination, bool dev,
                           const Clearance& clearance, const Label& label, std::string_view text) {
  const Destination* found = FindDestination(*world.state.rules, destination, dev);
  if (found == nullptr) {
    return Status(
        StatusCode::kFailedPrecondition, "destination",
        fmt::format("the endpoint '{}' is no destination yet; register it by policy apply",
                    destination));
  }
  if (!MayReceive(world, *found, clearance, label) && !Planted(Bug::kEndpointUnasked)) {
    return Denied("label", fmt::format("the destination '{}' may not receive a text so labelled; "
                                       "nothing was sent",
                                       destination));
  }
  return Released(std::string(destination), text);
}

}  // namespace cordon
