#include "tools/cordon/audit_answers.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/cordon/human.h"
#include "tools/cordon/message_json.h"
#include "tools/cordon/output.h"

namespace cordon {
namespace {

// The last members of every answer, and the last line.
template <typename Response>
void WriteEnd(JsonWriter& json, const Response& response) {
  json.Key("revision").Unsigned(response.revision());
  json.Key("journal_id").String(response.journal_id());
}

// When the answer may change; nothing if it never does.
template <typename Response>
void WriteNextEvent(JsonWriter& json, const Response& response) {
  if (!response.has_next_event()) return;
  json.Key("next_event").String(TimeText(response.next_event()));
}

template <typename Response>
std::string NextEventText(const Response& response) {
  if (!response.has_next_event()) return "";
  const std::string time = TimeText(response.next_event());
  return fmt::format("so until {}; what begins or ends then may change it: --at {}\n", time, time);
}

template <typename Response>
std::string EndText(const Response& response) {
  return fmt::format("revision {}, journal {}", response.revision(), response.journal_id());
}

template <typename Response>
void WriteUndetermined(JsonWriter& json, const Response& response) {
  json.Key("undetermined").BeginArray();
  for (const v1::Undetermined& one : response.undetermined()) {
    json.BeginObject().Key("principal").String(one.principal());
    json.Key("because").String(one.because()).EndObject();
  }
  json.EndArray();
}

// A line for each; nothing if all could be judged.
template <typename Response>
std::string UndeterminedText(const Response& response) {
  std::string text;
  for (const v1::Undetermined& one : response.undetermined()) {
    text +=
        fmt::format("undetermined  {}: {}\n", Printable(one.principal()), Printable(one.because()));
  }
  return text;
}

// The name behind which the next page begins.
std::string LastName(const v1::WhoCanSeeResponse& response) {
  std::string last;
  if (!response.principals().empty()) last = *response.principals().rbegin();
  if (!response.undetermined().empty()) {
    last = std::max(last, response.undetermined().rbegin()->principal());
  }
  return last;
}

void WriteCount(JsonWriter& json, const v1::AccessCount& count) {
  json.Key("documents").Unsigned(count.documents());
  json.Key("chunks").Unsigned(count.chunks());
}

std::vector<std::string> CountRow(std::string collection, std::string what, std::string value,
                                  const v1::AccessCount& count) {
  return {std::move(collection), std::move(what), std::move(value), Grouped(count.documents()),
          Grouped(count.chunks())};
}

// "+3  hr/1, hr/2, …"
std::string NamedDocuments(char sign, uint64_t count,
                           const google::protobuf::RepeatedPtrField<std::string>& named) {
  if (count == 0) return "";
  const bool cut = count > static_cast<uint64_t>(named.size());
  return fmt::format("\n    {}{}  {}{}", sign, Grouped(count), Listed(named), cut ? ", …" : "");
}

}  // namespace

void WriteWhoCanSee(JsonWriter& json, const v1::WhoCanSeeResponse& response) {
  json.Key("principals").Strings(response.principals());
  json.Key("total").Unsigned(response.total());
  json.Key("more").Bool(response.more());
  json.Key("everyone").Bool(response.everyone());
  WriteUndetermined(json, response);
  json.Key("undetermined_total").Unsigned(response.undetermined_total());
  WriteNextEvent(json, response);
  WriteEnd(json, response);
}

void WriteAccessReport(JsonWriter& json, const v1::AccessReportResponse& response) {
  json.Key("collections").BeginArray();
  for (const v1::CollectionAccess& access : response.collections()) {
    json.BeginObject().Key("collection").String(access.collection());
    WriteCount(json, access.count());
    json.Key("labels").BeginArray();
    for (const v1::LabelCount& label : access.labels()) {
      json.BeginObject().Key("label");
      WriteLabel(json, label.label());
      WriteCount(json, label.count());
      json.EndObject();
    }
    json.EndArray().Key("sources").BeginArray();
    for (const v1::SourceCount& source : access.sources()) {
      json.BeginObject().Key("source").String(source.source());
      WriteCount(json, source.count());
      json.EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().Key("judged").Unsigned(response.judged());
  json.Key("judged_by_token").Unsigned(response.judged_by_token());
  WriteUndetermined(json, response);
  WriteEnd(json, response);
}

void WriteSimulate(JsonWriter& json, const v1::SimulateResponse& response) {
  json.Key("principals").BeginArray();
  for (const v1::PrincipalChange& principal : response.principals()) {
    json.BeginObject().Key("principal").String(principal.principal());
    json.Key("gained").Unsigned(principal.gained());
    json.Key("lost").Unsigned(principal.lost());
    json.Key("collections").BeginArray();
    for (const v1::CollectionChange& change : principal.collections()) {
      json.BeginObject().Key("collection").String(change.collection());
      json.Key("gained").Unsigned(change.gained());
      json.Key("lost").Unsigned(change.lost());
      json.Key("gained_documents").Strings(change.gained_documents());
      json.Key("lost_documents").Strings(change.lost_documents());
      json.EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().Key("judged").Unsigned(response.judged());
  WriteUndetermined(json, response);
  WriteNextEvent(json, response);
  WriteEnd(json, response);
}

std::string WhoCanSeeText(const v1::WhoCanSeeResponse& response) {
  std::string text;
  for (const std::string& name : response.principals()) text += Printable(name) + "\n";
  text += UndeterminedText(response);
  if (response.more()) {
    text += fmt::format("… and more: go on with --after {}\n", Printable(LastName(response)));
  }
  text += fmt::format("{} in all", Grouped(response.total()));
  if (response.everyone()) text += ", and every user whom nothing names";
  if (response.undetermined_total() > 0) {
    text += fmt::format("; {} undetermined", Grouped(response.undetermined_total()));
  }
  return text + "\n" + NextEventText(response) + EndText(response);
}

std::string AccessReportText(const v1::AccessReportResponse& response) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::CollectionAccess& access : response.collections()) {
    rows.push_back(CountRow(Printable(access.collection()), "all", "", access.count()));
    for (const v1::LabelCount& label : access.labels()) {
      rows.push_back(CountRow("", "label", LabelText(label.label()), label.count()));
    }
    for (const v1::SourceCount& source : access.sources()) {
      const std::string name = source.source().empty() ? "(none)" : Printable(source.source());
      rows.push_back(CountRow("", "source", name, source.count()));
    }
  }
  std::string judged = Grouped(response.judged());
  if (response.judged_by_token() > 0) {
    judged += fmt::format(", {} of them only by a token of their own",
                          Grouped(response.judged_by_token()));
  }
  return fmt::format("{}\n\n{}judged {}\n{}",
                     Table({"COLLECTION", "BY", "", "DOCUMENTS", "CHUNKS"}, rows),
                     UndeterminedText(response), judged, EndText(response));
}

std::string SimulateText(const v1::SimulateResponse& response) {
  std::string text;
  for (const v1::PrincipalChange& principal : response.principals()) {
    text += fmt::format("{}  gains {}, loses {}\n", Printable(principal.principal()),
                        Grouped(principal.gained()), Grouped(principal.lost()));
    for (const v1::CollectionChange& change : principal.collections()) {
      text += fmt::format("  {}{}{}\n", Printable(change.collection()),
                          NamedDocuments('+', change.gained(), change.gained_documents()),
                          NamedDocuments('-', change.lost(), change.lost_documents()));
    }
  }
  if (response.principals().empty()) text += "Nobody gains or loses anything.\n";
  text += UndeterminedText(response);
  return text + fmt::format("\njudged {}; nothing was changed\n{}{}", Grouped(response.judged()),
                            NextEventText(response), EndText(response));
}

}  // namespace cordon
