// store verify.
#include "engine/verify_store.h"

#include <fmt/format.h>

#include "tools/cordon/counted.h"
#include "tools/cordon/offline/add_check.h"

namespace cordon {
namespace {

using Places = std::vector<StoreVerdict::Damage>;

void Append(JsonWriter& json, const Places& places) {
  json.BeginArray();
  for (const auto& [where, what] : places) {
    json.BeginObject().Key("where").String(where).Key("what").String(what).EndObject();
  }
  json.EndArray();
}

void TellInWords(const StoreVerdict& found, Output& output) {
  for (const auto& [where, what] : found.damage) {
    output.Line(fmt::format("{}: {}", Printable(where), Printable(what)));
  }
  for (const auto& [where, what] : found.derived) {
    output.Line(fmt::format("{}: {} (derived: no loss)", Printable(where), Printable(what)));
  }
  output.Line(fmt::format("{}, {}, {}, {}, {}: {}", Counted(found.records, "record"),
                          Counted(found.documents, "document"), Counted(found.chunks, "chunk"),
                          Counted(found.keys, "key"),
                          Counted(found.journal_records, "journal record"),
                          found.ok() ? "all whole" : Counted(found.damage.size(), "damage")));
}

StatusOr<int> CheckStore(const OfflinePaths& paths, Output& output) {
  ASSIGN_OR_RETURN(const StoreVerdict found, VerifyStore(ToDataPaths(paths)));
  const int code = found.ok() ? 0 : 1;
  if (!output.json()) {
    TellInWords(found, output);
    return code;
  }
  JsonWriter json;
  json.BeginObject().Key("ok").Bool(found.ok());
  json.Key("records").Unsigned(found.records).Key("documents").Unsigned(found.documents);
  json.Key("chunks").Unsigned(found.chunks).Key("keys").Unsigned(found.keys);
  json.Key("journal_records").Unsigned(found.journal_records);
  Append(json.Key("damage"), found.damage);
  Append(json.Key("derived"), found.derived);
  output.Line(json.EndObject());
  return code;
}

}  // namespace

void AddVerifyStore(CLI::App& app, std::function<int()>* run) {
  const auto paths = std::make_shared<OfflinePaths>();
  CLI::App* const command =
      AddCheck(app, "store", "read everything and name what is damaged", paths, CheckStore, run);
  AddOfflinePaths(command, paths.get());
}

}  // namespace cordon
