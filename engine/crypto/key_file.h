// Files that hold secrets: written once, whole and durable; read only when nobody else can.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/crypto/secret_key.h"

namespace cordon {

// Creates `path` (mode 0600) with `content`: a temporary file beside it is synced, then takes the
// name, then the directory is synced, so that the file is there whole or not at all, power loss
// included. ALREADY_EXISTS if the name is taken; it is never overwritten. Field: `path`.
Status WriteSecretFile(const std::filesystem::path& path, std::string_view content);

// The whole content of `path`. NOT_FOUND if absent; FAILED_PRECONDITION if it is no regular file or
// others may read or write it; INVALID_ARGUMENT if it has more than `bytes_max` bytes.
StatusOr<std::string> ReadSecretFile(const std::filesystem::path& path, size_t bytes_max);

// A key kept as one line of 64 hexadecimal digits. Errors as ReadSecretFile, and INVALID_ARGUMENT
// if the content is anything else.
StatusOr<SecretKey> ReadKeyFile(const std::filesystem::path& path);

// The key that is written so. INVALID_ARGUMENT if the text is anything else.
StatusOr<SecretKey> KeyOfLine(std::string_view line);

// Makes a random key and its file. Errors as WriteSecretFile; UNAVAILABLE without randomness.
StatusOr<SecretKey> CreateKeyFile(const std::filesystem::path& path);

}  // namespace cordon
