// The bytes below the seals, to damage them as a bad disk or a hand would.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/store/schema.h"

namespace cordon {

// Opens a store that nobody else has open.
class RawStore {
 public:
  explicit RawStore(const std::string& path) {
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (size_t i = 0; i < kFamilies; ++i) {
      descriptors.emplace_back(std::string(FamilyName(static_cast<Family>(i))),
                               rocksdb::ColumnFamilyOptions());
    }
    rocksdb::DB* db = nullptr;
    CORDON_CHECK(rocksdb::DB::Open(rocksdb::DBOptions(), path, descriptors, &families_, &db).ok());
    db_.reset(db);
  }
  ~RawStore() {
    for (auto* family : families_) db_->DestroyColumnFamilyHandle(family);
    db_->Close();
  }

  std::string Get(Family family, const std::string& key) {
    std::string value;
    CORDON_CHECK(db_->Get(rocksdb::ReadOptions(), Of(family), key, &value).ok());
    return value;
  }
  std::vector<std::string> Keys(Family family) {
    std::vector<std::string> keys;
    const std::unique_ptr<rocksdb::Iterator> it(
        db_->NewIterator(rocksdb::ReadOptions(), Of(family)));
    for (it->SeekToFirst(); it->Valid(); it->Next()) keys.push_back(it->key().ToString());
    return keys;
  }
  void Put(Family family, const std::string& key, const std::string& value) {
    CORDON_CHECK(db_->Put(rocksdb::WriteOptions(), Of(family), key, value).ok());
  }
  void Delete(Family family, const std::string& key) {
    CORDON_CHECK(db_->Delete(rocksdb::WriteOptions(), Of(family), key).ok());
  }

 private:
  rocksdb::ColumnFamilyHandle* Of(Family family) { return families_[static_cast<size_t>(family)]; }

  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

}  // namespace cordon
