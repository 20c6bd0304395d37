// The development key, which exists while the server runs with --dev and is stored nowhere.
#pragma once

#include "engine/policy/grant.h"

namespace cordon {

// The grant of the development key: everything, except being written down.
Grant DevGrant();

}  // namespace cordon
