#include "tools/cordon/run_cordond.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace cordon {
namespace {

constexpr char kCordond[] = "cordond";

// The words of the command, and its options with what was given for them.
std::vector<std::string> ArgumentsOf(const CLI::App& command, bool json) {
  std::vector<std::string> arguments = {kCordond, command.get_parent()->get_name(),
                                        command.get_name()};
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& value : option->results()) {
      arguments.push_back("--" + option->get_single_name());
      arguments.push_back(value);
    }
  }
  if (json) arguments.push_back("--json");
  return arguments;
}

// The folder of this program, links followed; empty if it cannot be known.
std::filesystem::path OwnFolder() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::filesystem::path() : program.parent_path();
}

}  // namespace

Status RunCordond(const CLI::App& command, bool json) {
  std::vector<std::string> arguments = ArgumentsOf(command, json);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::filesystem::path folder = OwnFolder();
  if (!folder.empty()) execv((folder / kCordond).c_str(), argv.data());
  if (folder.empty() || errno == ENOENT) execvp(kCordond, argv.data());
  return Status(StatusCode::kFailedPrecondition, "",
                fmt::format("cordond, which reads a store's files, cannot be run: {}; install it "
                            "beside this program, or name its folder in PATH",
                            std::strerror(errno)));
}

}  // namespace cordon
