// ingest: labelled documents in.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "tools/cordon/command.h"
#include "tools/cordon/ingest_run.h"
#include "tools/cordon/ingest_source.h"

namespace cordon {
namespace {

struct IngestOptions {
  std::string collection;
  std::string path;
  std::string rules;
  std::string vectors;
  std::string refused;
  std::string run;
  CLI::Option* run_option = nullptr;
  std::string reason;
  uint64_t errors_max = 0;
};

bool IsDirectory(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

void TellSkipped(const std::vector<SkippedFile>& skipped, Output& output) {
  constexpr size_t kShown = 10;
  for (size_t i = 0; i < std::min(kShown, skipped.size()); ++i) {
    output.Note(fmt::format("skipped: {}: {}", Printable(skipped[i].path), skipped[i].reason));
  }
  if (skipped.size() > kShown) {
    output.Note(fmt::format("skipped: {} more", skipped.size() - kShown));
  }
}

StatusOr<std::unique_ptr<DocumentSource>> OpenSource(const IngestOptions& options,
                                                     std::vector<SkippedFile>* skipped) {
  if (!options.rules.empty()) return OpenDirectory(options.path, options.rules, skipped);
  return options.vectors.empty() ? OpenLines(options.path)
                                 : OpenLinesWithVectors(options.path, options.vectors);
}

StatusOr<int> Ingest(const IngestOptions& options, Session& session) {
  if (IsDirectory(options.path) && options.rules.empty()) {
    return Invalid("rules", "a directory needs --rules FILE, which says who may see which file");
  }
  if (!options.refused.empty() && !options.rules.empty()) {
    return Invalid("refused", "keeps lines, and a directory has none; leave it out");
  }
  if (!options.vectors.empty() && !options.rules.empty()) {
    return Invalid("vectors", "belong to lines, and a directory has none; leave them out");
  }
  RETURN_IF_ERROR(CheckStated(options.run_option, "run", options.run));
  std::vector<SkippedFile> skipped;
  ASSIGN_OR_RETURN(const std::unique_ptr<DocumentSource> source, OpenSource(options, &skipped));
  TellSkipped(skipped, session.output());
  std::unique_ptr<RefusedFile> refused;
  if (!options.refused.empty()) {
    ASSIGN_OR_RETURN(refused, RefusedFile::Create(options.refused, !options.vectors.empty()));
  }
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  IngestSettings settings{options.collection, options.reason, std::nullopt, refused.get(),
                          options.run};
  if (options.errors_max > 0) settings.errors_max = options.errors_max;
  return IngestRun(*connection, session.output(), std::move(settings)).Run(*source);
}

}  // namespace

void AddIngestCommand(CLI::App& app, Session& session) {
  CLI::App* const ingest = AddCommand(
      app, "ingest", "Writes labelled documents: lines of JSON, or the files of a directory",
      R"(  cordon ingest docs corpus.jsonl
  zcat corpus.jsonl.gz | cordon ingest docs - --json --max-errors 10
  cordon ingest docs corpus.jsonl.zst --refused mend.jsonl
  cordon ingest docs corpus.jsonl --vectors corpus.npy
  cordon ingest docs ./handbook --rules rules.yaml
  cordon ingest docs corpus.jsonl --run corpus-2026-11      again, after a break: goes on

  {"id":"hr/42","title":"Leave","acl":{"allow":["group:hr"]},"label":{"level":"internal"},
   "chunks":[{"text":"…","embedding":[0.1,0.2]}]}       (on one line)
  rules: [{glob: "hr/**", allow: ["group:hr"], level: internal}])");
  const auto options = std::make_shared<IngestOptions>();
  ingest->add_option("NAME", options->collection, "The collection")->required();
  ingest
      ->add_option("FILE|DIR", options->path,
                   "Lines of JSON (plain, .gz or .zst; - is standard input), or a directory")
      ->required();
  ingest
      ->add_option("--rules", options->rules,
                   "For a directory: who may see which file, and its label (YAML)")
      ->type_name("FILE");
  ingest
      ->add_option("--vectors", options->vectors,
                   "The embeddings of the lines: one row (.npy, .fvecs) for each line that is not "
                   "empty")
      ->type_name("FILE");
  ingest
      ->add_option("--refused", options->refused,
                   "Keeps refused lines in this new file, their vectors in FILE.fvecs, and why in "
                   "FILE.why, to mend and ingest them again")
      ->type_name("FILE");
  options->run_option =
      ingest
          ->add_option("--run", options->run,
                       "A name for this load of this input: the same command, given again after a "
                       "break, goes on behind what the server has, and writes nothing twice")
          ->type_name("NAME");
  ingest->add_option("--max-errors", options->errors_max, "Stops at this many refused documents")
      ->check(CLI::PositiveNumber);
  AddReason(ingest, &options->reason);
  OnRun(ingest, session, options, Ingest);
}

}  // namespace cordon
