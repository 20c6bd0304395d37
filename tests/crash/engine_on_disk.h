// An engine under test on a modelled disk: opened, asked, and compared.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "tests/crash/faulty_file_system.h"
#include "tests/crash/model.h"
#include "tests/store/proof.h"

namespace cordon {

// Creates a store with the collection, the folder and the group of the tests. The process must not
// fork afterwards: RocksDB has started threads.
void CreateTemplate(const DataPaths& paths, DiskModel* disk);
// The revision of such a store, which a new Model describes.
inline constexpr uint64_t kTemplateRevision = 3;

class EngineOnDisk {
 public:
  // `disk` outlives it.
  EngineOnDisk(DataPaths paths, DiskModel* disk);
  ~EngineOnDisk();

  Status Open(std::optional<uint64_t> accept_loss_to = std::nullopt);
  // Leaves the engine as it is: with a disk that fails or is off, that is a crash.
  void Close() { engine_.reset(); }
  bool is_open() const { return engine_ != nullptr; }

  // The revision that acknowledges the change.
  std::future<StatusOr<uint64_t>> Submit(const Change& change);
  StatusOr<uint64_t> Do(const Change& change) { return Submit(change).get(); }

  // What a user sees. The journal's number of the answer goes to `sequence`.
  StatusOr<Model::Answer> Ask(const std::string& user, uint64_t* sequence = nullptr);
  StatusOr<std::vector<Model::Answer>> AskAll();

  uint64_t revision() const;
  Tenant& tenant() const { return *engine_->FindTenant("default"); }
  Engine& engine() const { return *engine_; }
  std::vector<journal::v1::Record> Records() const;

 private:
  const DataPaths paths_;
  DiskModel* const disk_;
  std::unique_ptr<rocksdb::Env> store_disk_;
  std::unique_ptr<Engine> engine_;
};

// Sends the last put of a run again, if there was one: it must hold now, and once. Empty, or what
// is wrong.
std::string SendAgain(EngineOnDisk* engine, History* history);

// The last lines of the engine's log, which is not shown.
std::string LastLog();

}  // namespace cordon
