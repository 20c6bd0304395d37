#include "engine/crypto/random_bytes.h"

#include <openssl/rand.h>

#include <climits>

namespace cordon {

StatusOr<std::string> RandomBytes(size_t count) {
  CORDON_CHECK(count <= INT_MAX);
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    return Status(StatusCode::kUnavailable, "",
                  "the system's random number generator failed; try again");
  }
  return bytes;
}

}  // namespace cordon
