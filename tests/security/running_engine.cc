#include "tests/security/running_engine.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "engine/base/check.h"
#include "engine/restore.h"
#include "tests/security/wire.h"

namespace cordon {

RunningEngine::RunningEngine(Durability reads) : reads_(reads) {
  CORDON_CHECK(CreateStore(paths(), {"default.k", "default.k.s", "digest"}, false).ok());
  CORDON_CHECK(Open().ok());
}

Status RunningEngine::Open() {
  Engine::Options options;
  options.paths = paths();
  options.backup_dir = scratch_ / "backups";
  options.read_durability = reads_;
  options.embedding_pace.every = std::chrono::hours(24);
  options.wall = [this] { return wall_.load(); };
  ASSIGN_OR_RETURN(engine_, Engine::Open(std::move(options)));
  return OkStatus();
}

// What a restore needs of the store before lies beside it.
DataPaths RunningEngine::paths() const {
  return {scratch_ / fmt::format("data{}", restores_), scratch_ / "journal",
          scratch_ / "journal.key", scratch_ / "keys", scratch_ / "master.key"};
}

bool RunningEngine::OpenAt(reference::Time before) {
  const Status opened = Open();
  EXPECT_TRUE(opened.ok()) << opened.ToString();
  if (!opened.ok()) return false;
  EXPECT_EQ(now(), before);
  return true;
}

bool RunningEngine::Reopen() {
  const reference::Time before = now();
  engine_.reset();
  return OpenAt(before);
}

uint32_t RunningEngine::Backup() {
  const auto made = engine_->Backup(/*keep=*/1);
  EXPECT_TRUE(made.ok()) << made.status().ToString();
  return made.ok() ? made->id : 0;
}

bool RunningEngine::Restore(uint32_t backup) {
  const reference::Time before = now();
  engine_.reset();
  const std::string left = paths().data_dir;
  ++restores_;
  const auto restored = RestoreStore(scratch_ / "backups", backup, paths());
  EXPECT_TRUE(restored.ok()) << restored.status().ToString();
  if (!restored.ok()) return false;
  std::filesystem::remove_all(left);
  return OpenAt(before);
}

void RunningEngine::MakeTenant(const std::string& name) {
  v1::CreateTenantRequest request;
  request.set_name(name);
  const auto made = Later<v1::CreateTenantResponse>([&](auto done) {
                      CreateTenant(Write(Root("default")), request, {name, name, "digest"}, done);
                    }).get();
  CORDON_CHECK(made.ok());
}

}  // namespace cordon
