#include "tests/crash/expected_file.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "engine/base/check.h"
#include "tests/crash/crash_points.h"

namespace cordon {

ExpectedFile::ExpectedFile(std::string file, uint64_t seed) : file_(std::move(file)) {
  const auto add = [&](const std::string& name, RandomChanges::Kind kind) {
    Driven driven{{}, RandomChanges(name, kind, seed + lanes_.size())};
    driven.lane.name = name;
    driven.lane.key_id = "default." + name;
    lanes_.push_back(std::move(driven));
  };
  add("L0", RandomChanges::kDocuments);
  add("L1", RandomChanges::kDocuments);
  add("S0", RandomChanges::kIngest);
  add("a", RandomChanges::kAdmin);
  std::ifstream stream(file_);
  for (std::string line; std::getline(stream, line);) Replay(line);
}

ExpectedFile::Driven* ExpectedFile::Find(const std::string& name) {
  for (auto& driven : lanes_) {
    if (driven.lane.name == name) return &driven;
  }
  CORDON_CHECK(false);
  return nullptr;
}

void ExpectedFile::Say(const std::string& line) { AppendUnwatched(file_, line + "\n"); }

const Change& ExpectedFile::Begin(Driven* driven) {
  Say("B " + driven->lane.name);
  driven->lane.Begin(driven->changes.Next(driven->lane.state));
  return driven->lane.pending.back();
}

void ExpectedFile::Acknowledge(Driven* driven, const Told& told) {
  Say(fmt::format("A {} {} {}", driven->lane.name, told.revision,
                  told.key_id.empty() ? "-" : told.key_id));
  driven->lane.Acknowledge(told);
}

void ExpectedFile::Settled() {
  for (const auto& driven : lanes_) {
    Say(fmt::format("S {} {}", driven.lane.name, driven.lane.settled));
  }
}

void ExpectedFile::BeginTenant(const std::string& name) { Say("T " + name); }

void ExpectedFile::AcknowledgeTenant(const std::string& name) {
  Say("U " + name);
  tenants_.insert(name);
}

void ExpectedFile::Replay(const std::string& line) {
  std::istringstream words(line);
  std::string what, name, id;
  uint64_t number = 0;
  words >> what >> name >> number >> id;
  if (what == "T") return;
  if (what == "U") {
    tenants_.insert(name);
    return;
  }
  Driven* const driven = Find(name);
  Lane& lane = driven->lane;
  if (what == "B") {
    lane.Begin(driven->changes.Next(lane.state));
  } else if (what == "A") {
    lane.Acknowledge({number, id == "-" ? "" : id, ""});
  } else {
    CORDON_CHECK(what == "S");
    lane.Settle(number);
    for (auto& [principal, key] : lane.state.keys) key.id = KeyIdOf(principal);
  }
}

}  // namespace cordon
