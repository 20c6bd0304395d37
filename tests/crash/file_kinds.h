// What a file is for, by its path: the names of crash points begin with it.
#pragma once

#include <string>

namespace cordon {

// Its role in the data directory `root`, such as "wal"; empty for what is not watched. Where
// several directories lie below one root, the store's is `data`, what a restore makes is `restored`
// (its roles begin with "new_"), and the backups are in `backups` ("backup_").
std::string KindOf(const std::string& root, const std::string& path);

}  // namespace cordon
