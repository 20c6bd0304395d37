#include "tests/crash/crash_run.h"

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string_view>

#include "tests/crash/crash_scripts.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr int kHappened = 4;  // exit code: the mishap was a failure, and the script is done

}  // namespace

int RunUntil(const ScriptRun& run) {
  const std::string numbers[] = {std::to_string(run.seed), std::to_string(run.nth),
                                 std::to_string(static_cast<int>(run.mishap))};
  const char* arguments[] = {"/proc/self/exe",   "--script",         run.script.c_str(),
                             run.root.c_str(),   numbers[0].c_str(), run.place.c_str(),
                             numbers[1].c_str(), numbers[2].c_str(), nullptr};
  pid_t child = 0;
  if (posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, const_cast<char**>(arguments),
                  environ) != 0) {
    return -1;
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Counts Census(const std::string& root) {
  Counts counts;
  std::ifstream file(root + "/places");
  std::string name;
  uint64_t count = 0;
  while (file >> count && std::getline(file >> std::ws, name)) counts[name] = count;
  return counts;
}

void Crash(ScriptRun run, const std::string& prepared) {
  const bool dies = run.mishap == Mishap::kKilled || run.mishap == Mishap::kPowerLost;
  for (const uint64_t time : {run.nth, uint64_t{1}}) {
    fs::remove_all(run.root);
    fs::create_directories(run.root);
    if (!prepared.empty()) fs::copy(prepared, run.root, fs::copy_options::recursive);
    run.nth = time;
    const int code = RunUntil(run);
    if (code == (dies ? 128 + SIGKILL : kHappened)) return;
    ASSERT_EQ(code, 0) << run.place;
  }
  FAIL() << run.place << " was not come to";
}

std::optional<int> AsScript(int argc, char** argv,
                            const std::function<std::string(const ScriptRun&)>& work) {
  if (argc != 8 || std::string_view(argv[1]) != "--script") return std::nullopt;
  const ScriptRun run{argv[2],
                      argv[3],
                      std::stoull(argv[4]),
                      argv[5],
                      std::stoull(argv[6]),
                      static_cast<Mishap>(std::stoi(argv[7]))};
  const std::string problem = work(run);
  std::ofstream places(run.root + "/places");
  for (const auto& [name, count] : PlacesSeen()) places << count << " " << name << "\n";
  if (!problem.empty()) std::cerr << problem << "\n";
  return !problem.empty() ? 3 : HasHappened() ? kHappened : 0;
}

void BeginScript(const ScriptRun& run, const std::vector<std::string>& sync_points) {
  HappensThere(run.mishap);
  DieAt(CrashPaths(run.root).data.data_dir, run.place, run.nth, sync_points);
}

}  // namespace cordon
