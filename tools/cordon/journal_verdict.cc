#include "tools/cordon/journal_verdict.h"

#include <fmt/format.h>

#include "tools/cordon/counted.h"

namespace cordon {

int Tell(const JournalVerdict& verdict, Output& output) {
  // A chain that names a bad record does not hold, whatever else is said.
  const bool ok = verdict.ok && !verdict.first_bad;
  const int code = ok ? 0 : 1;
  if (!output.json()) {
    const std::string records = Counted(verdict.records, "record");
    output.Line(ok ? fmt::format("{}, the chain holds", records)
                   : fmt::format("{}, bad from record {}: {}", records,
                                 verdict.first_bad.value_or(0), Printable(verdict.problem)));
    return code;
  }
  JsonWriter json;
  json.BeginObject().Key("records").Unsigned(verdict.records);
  json.Key("ok").Bool(ok).Key("first_bad");
  if (verdict.first_bad) {
    json.Unsigned(*verdict.first_bad);
  } else {
    json.Null();
  }
  json.Key("problem").String(verdict.problem);
  output.Line(json.EndObject());
  return code;
}

}  // namespace cordon
