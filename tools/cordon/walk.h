// The files of a directory that can be ingested.
#pragma once

#include <string>
#include <vector>

#include "engine/base/status.h"

namespace cordon {

// A file or folder that is left out, and why.
struct SkippedFile {
  std::string path;
  std::string reason;
};

struct FileList {
  // Relative to the directory with '/' between segments, in bytewise order.
  std::vector<std::string> files;
  // Likewise; of a folder that is left out only the folder itself.
  std::vector<SkippedFile> skipped;
};

// Lists the regular files below `directory` that extract.h can read. Left out are other formats,
// names that begin with '.', what is no regular file, linked folders, and links to files outside
// the directory. Refuses with field `file` a directory or folder that cannot be read: a part of it
// must not pass for the whole.
StatusOr<FileList> ListFiles(const std::string& directory);

}  // namespace cordon
