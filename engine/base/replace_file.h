// Files that hold one version of something: written anew as a whole, never in part.
#pragma once

#include <filesystem>
#include <string_view>

#include "engine/base/status.h"

namespace cordon {

// Makes `content` what `path` holds (mode 0600), durable and whole or not at all, power loss
// included: PATH.tmp is written and synced, exchanges names with the file, then the directory is
// synced. The bytes that the file held before are overwritten where they lay, as far as the file
// system writes in place; what a crash or an error leaves as PATH.tmp is by the next call. (Where
// names cannot be exchanged, a crash in between leaves bytes without a name.) RESOURCE_EXHAUSTED if
// the disk is full, else UNAVAILABLE, both of `field`. Thread-safe for different paths.
Status ReplaceFile(const std::filesystem::path& path, std::string_view content,
                   std::string_view field);

// Takes the file away, its bytes overwritten first; nothing happens if there is none. What cannot
// be looked for or overwritten is an error, and stays. Errors as ReplaceFile.
Status RemoveFile(const std::filesystem::path& path, std::string_view field);

// Makes `directory` and those above it that are missing (mode 0700), each durable in the one above.
// Errors as ReplaceFile.
Status CreateDirectories(const std::filesystem::path& directory, std::string_view field);

// Makes the names in `directory` durable. Errors as ReplaceFile, with the directory as the field.
Status SyncDirectory(const std::filesystem::path& directory);

}  // namespace cordon
