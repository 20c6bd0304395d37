// A key that a program prints, which fetches it from where it is kept: a KMS, a TPM, a vault.
#pragma once

#include <chrono>
#include <filesystem>

#include "engine/base/limits.h"
#include "engine/crypto/secret_key.h"

namespace cordon {

// Runs `program`, an absolute path, without arguments and without a shell: its input is empty, what
// it says on stderr goes where this process's goes. It must print what a key file holds, one line,
// and end with 0 within `most`; else it and whoever it has begun are killed. FAILED_PRECONDITION,
// with what to do, if it does not, is not there, or could be replaced by others.
StatusOr<SecretKey> ReadKeyFromCommand(
    const std::filesystem::path& program,
    std::chrono::milliseconds most = std::chrono::milliseconds(limits::kKeyCommand_ms));

}  // namespace cordon
