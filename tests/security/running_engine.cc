#include "tests/security/running_engine.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "engine/base/check.h"
#include "tests/security/wire.h"

namespace cordon {

RunningEngine::RunningEngine(Durability reads) : reads_(reads) {
  CORDON_CHECK(CreateStore(paths(), {"default.k", "default.k.s", "digest"}, false).ok());
  CORDON_CHECK(Open().ok());
}

Status RunningEngine::Open() {
  Engine::Options options;
  options.paths = paths();
  options.read_durability = reads_;
  options.embedding_pace.every = std::chrono::hours(24);
  options.wall = [this] { return wall_.load(); };
  ASSIGN_OR_RETURN(engine_, Engine::Open(std::move(options)));
  return OkStatus();
}

bool RunningEngine::Reopen() {
  const reference::Time before = now();
  engine_.reset();
  const Status opened = Open();
  EXPECT_TRUE(opened.ok()) << opened.ToString();
  if (!opened.ok()) return false;
  EXPECT_EQ(now(), before);
  return true;
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
