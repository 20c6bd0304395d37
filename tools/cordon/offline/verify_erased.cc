// erase verify.
#include "engine/verify_erased.h"

#include <fmt/format.h>

#include "tools/cordon/counted.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/offline/add_check.h"

namespace cordon {
namespace {

constexpr size_t kNeedleBytesMax = 64 << 20;

struct ErasedOptions {
  OfflinePaths paths;
  std::vector<std::string> needles;  // files
};

StatusOr<std::vector<std::string>> ReadNeedles(const std::vector<std::string>& files) {
  std::vector<std::string> needles;
  for (const auto& file : files) {
    auto needle = ReadFileAsIs(file, kNeedleBytesMax);
    if (!needle.ok()) return Invalid("needle", needle.status().message());
    needles.push_back(*std::move(needle));
  }
  return needles;
}

void TellInWords(const ErasedVerdict& verdict, Output& output) {
  for (const auto& [file, where] : verdict.found) {
    output.Line(fmt::format("found in {}: {}", Printable(file), Printable(where)));
  }
  output.Line(
      fmt::format("{} entries of {} searched, {} decrypted: {}, {} of erased documents left",
                  Grouped(verdict.entries), Counted(verdict.files, "file"),
                  Counted(verdict.decrypted, "record"), Counted(verdict.found.size(), "hit"),
                  Counted(verdict.records_left, "record")));
}

StatusOr<int> CheckErased(const ErasedOptions& options, Output& output) {
  ASSIGN_OR_RETURN(const std::vector<std::string> needles, ReadNeedles(options.needles));
  ASSIGN_OR_RETURN(const ErasedVerdict verdict, VerifyErased(ToDataPaths(options.paths), needles));
  const int code = verdict.ok() ? 0 : 1;
  if (!output.json()) {
    TellInWords(verdict, output);
    return code;
  }
  JsonWriter json;
  json.BeginObject().Key("ok").Bool(verdict.ok()).Key("files").Unsigned(verdict.files);
  json.Key("entries").Unsigned(verdict.entries).Key("decrypted").Unsigned(verdict.decrypted);
  json.Key("records_left").Unsigned(verdict.records_left).Key("found").BeginArray();
  for (const auto& [file, where] : verdict.found) {
    json.BeginObject().Key("file").String(file).Key("where").String(where).EndObject();
  }
  output.Line(json.EndArray().EndObject());
  return code;
}

}  // namespace

void AddVerifyErased(CLI::App& app, std::function<int()>* run) {
  const auto options = std::make_shared<ErasedOptions>();
  CLI::App* const command =
      AddCheck(app, "erase", "search every file for what must be gone", options, CheckErased, run);
  AddOfflinePaths(command, &options->paths);
  command
      ->add_option("--needle", options->needles, "file whose bytes, as they are, must be nowhere")
      ->type_name("FILE");
}

}  // namespace cordon
