// source sync.
#include <fmt/format.h>

#include <algorithm>

#include "tools/cordon/command.h"
#include "tools/cordon/human.h"
#include "tools/cordon/source_sync.h"
#include "tools/cordon/sync_flags.h"

namespace cordon {
namespace {

struct SourceSyncOptions {
  std::string collection;
  std::string source;
  std::string file;
  SyncFlags flags;
};

void TellRefusedLines(Output& output, const SyncedSource& synced) {
  for (const RefusedDocument& refused : synced.refusals) TellRefused(output, refused);
  const uint64_t more = synced.refused - std::min<uint64_t>(synced.refused, synced.refusals.size());
  if (more > 0) output.Note(fmt::format("refused: {} more", Grouped(more)));
}

void TellSyncedSource(Output& output, const SourceSyncOptions& options,
                      const SyncedSource& synced) {
  const auto& response = synced.response;
  const auto& difference = response.difference();
  TellNames(output, "?", difference.missing(), difference.missing_ids());
  if (options.flags.dry_run) {
    TellNames(output, "+", difference.added(), difference.added_ids());
    TellNames(output, "~", difference.changed(), difference.changed_ids());
    TellNames(output, "*", difference.redescribed(), difference.redescribed_ids());
    TellNames(output, "-", difference.removed(), difference.removed_ids());
  }
  std::string text = options.flags.dry_run ? "nothing was changed; it would be: " : "";
  text += Counted(synced.listed, "document") + " listed";
  if (synced.refused > 0) text += fmt::format(", {} refused", Grouped(synced.refused));
  if (response.has_difference()) {
    text +=
        fmt::format(", {} added, {} changed, {} redescribed, {} unchanged, {} removed, {} later",
                    Grouped(difference.added()), Grouped(difference.changed()),
                    Grouped(difference.redescribed()), Grouped(difference.unchanged()),
                    Grouped(difference.removed()), Grouped(difference.later()));
    if (difference.missing() > 0)
      text += fmt::format(", {} missing", Grouped(difference.missing()));
    if (difference.undefined_principals() > 0) {
      text += ", " + Counted(difference.undefined_principals(), "undefined principal");
    }
  }
  output.Line(text + fmt::format(", revision {}", response.revision()));
}

void WriteSourceDifference(JsonWriter& json, bool dry_run, const v1::SourceDifference& difference) {
  json.Key("added").Unsigned(difference.added());
  json.Key("changed").Unsigned(difference.changed());
  json.Key("redescribed").Unsigned(difference.redescribed());
  json.Key("unchanged").Unsigned(difference.unchanged());
  json.Key("removed").Unsigned(difference.removed());
  json.Key("later").Unsigned(difference.later());
  json.Key("missing").Unsigned(difference.missing());
  json.Key("undefined_principals").Unsigned(difference.undefined_principals());
  json.Key("missing_ids").Strings(difference.missing_ids());
  if (!dry_run) return;
  json.Key("added_ids").Strings(difference.added_ids());
  json.Key("changed_ids").Strings(difference.changed_ids());
  json.Key("redescribed_ids").Strings(difference.redescribed_ids());
  json.Key("removed_ids").Strings(difference.removed_ids());
}

StatusOr<int> SyncSource(const SourceSyncOptions& options, Session& session) {
  v1::SyncSourceBegin begin;
  begin.set_collection(options.collection);
  begin.set_source(options.source);
  SetSyncFlags(options.flags, &begin);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  Output& output = session.output();
  ASSIGN_OR_RETURN(const SyncedSource synced,
                   SourceSyncRun(*connection, output, std::move(begin)).Send(options.file));
  TellRefusedLines(output, synced);
  const int code = synced.refused == 0 ? 0 : 1;
  if (!output.json()) {
    TellSyncedSource(output, options, synced);
    return code;
  }
  JsonWriter json;
  json.BeginObject().Key("listed").Unsigned(synced.listed);
  json.Key("refused").Unsigned(synced.refused);
  if (synced.response.has_difference()) {
    WriteSourceDifference(json, options.flags.dry_run, synced.response.difference());
  }
  json.Key("dry_run").Bool(options.flags.dry_run);
  output.Line(json.Key("revision").Unsigned(synced.response.revision()).EndObject());
  return code;
}

}  // namespace

void AddSourceSync(CLI::App& source, Session& session) {
  CLI::App* const sync = AddCommand(
      source, "sync", "Makes a collection hold what a source has, by the full listing of it",
      R"(  cordon source sync docs wiki listing.jsonl --dry-run
  zcat listing.jsonl.gz | cordon source sync docs wiki - --reason "nightly"

  Lines as for 'cordon ingest', or for what the source has as it had it:
  {"id":"wiki/42","unchanged":true}

  Only what differs is written. What the file lacks is deleted last, and stays if a line cannot
  be read or sent. What the server refuses of a listed document stays as it was.
  Without the right 'audit' --allow-removals must be given, and no counts are told.)");
  const auto options = std::make_shared<SourceSyncOptions>();
  sync->add_option("NAME", options->collection, "The collection")->required();
  sync->add_option("SOURCE", options->source, "As in provenance.source of its documents")
      ->required();
  sync->add_option("FILE", options->file,
                   "The listing (JSON lines, plain, .gz or .zst); - is standard input")
      ->required();
  AddSyncFlags(sync, "documents", "the source's documents", &options->flags);
  OnRun(sync, session, options, SyncSource);
}

}  // namespace cordon
