#include "tools/cordon/verify_offline.h"

namespace cordon {

StatusOr<Verification> VerifyOffline(const std::string&, const std::string&, const std::string&) {
  return Status(StatusCode::kUnimplemented, "data-dir",
                "offline verification is not served yet; leave --data-dir out to ask the server");
}

}  // namespace cordon
