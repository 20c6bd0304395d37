// RocksDB's OPTIONS file, which a store does without.
//
// At each opening, and for each family that is made, RocksDB writes the options of all families
// down, reads them back and compares them: nine tenths of the time to make a store, and two thirds
// of the time to open one. The file tells a stranger how to open the store; Cordon says all of that
// itself, and reads it nowhere.
#pragma once

#include <memory>

namespace rocksdb {
class Env;
}

namespace cordon {

// `env`, which outlives it, but that no OPTIONS file can be created: a warning in RocksDB's own
// log, as fail_if_options_file_error is off.
std::unique_ptr<rocksdb::Env> WithoutOptionsFile(rocksdb::Env* env);

}  // namespace cordon
