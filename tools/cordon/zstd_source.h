// The text inside a file that Zstandard has packed (RFC 8878). Internal to gzip.cc.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tools/cordon/gzip.h"

namespace cordon {

// Bytes that tell a packed file, by its frame or by one that is passed over.
inline constexpr size_t kZstdMagicBytes = 4;
bool IsZstdMagic(std::string_view head);

// Unpacks `packed`, all frames as one text. What is cut off, damaged or followed by anything else
// is refused; what is damaged, as far as its frames have checksums, which `zstd` writes. So is what
// needs more than 128 MiB of memory (packed with --long=28 or more). `path` is for errors.
std::unique_ptr<FileSource> UnpackZstd(std::string path, std::unique_ptr<FileSource> packed);

}  // namespace cordon
