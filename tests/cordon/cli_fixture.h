// Runs the command line inside the test, with files of the test's own.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tools/cordon/command_line.h"

namespace cordon {

struct Result {
  int code = 0;
  std::vector<std::string> out;
  std::string err;
  double seconds = 0;
};

inline std::string Slurp(std::FILE* file) {
  std::string text;
  std::rewind(file);
  for (int c; (c = std::fgetc(file)) != EOF;) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

inline Result Cordon(std::vector<std::string> arguments) {
  std::vector<const char*> argv = {"cordon"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  std::FILE* const out = std::tmpfile();
  std::FILE* const err = std::tmpfile();
  const auto begin = std::chrono::steady_clock::now();
  Result result;
  result.code = RunCommandLine(static_cast<int>(argv.size()), argv.data(), out, err);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::istringstream lines(Slurp(out));
  for (std::string line; std::getline(lines, line);) result.out.push_back(line);
  result.err = Slurp(err);
  return result;
}

class CommandLine : public testing::Test {
 protected:
  CommandLine() {
    std::string folder = testing::TempDir() + "cordon-cli-" + Name() + "-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) abort();  // two builds may run the same test at once
    folder_ = folder;
    unsetenv("CORDON_SERVER");
    unsetenv("CORDON_KEY_FILE");
  }
  ~CommandLine() override { std::filesystem::remove_all(folder_); }

  static std::string Name() {
    return testing::UnitTest::GetInstance()->current_test_info()->name();
  }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  std::string File(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name)) << text;
    return Path(name);
  }

  std::filesystem::path folder_;
};

}  // namespace cordon
