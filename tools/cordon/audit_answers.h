// The answers to an auditor's questions: as members of a JSON object, and for people.
#pragma once

#include <string>

#include "cordon/v1/policy.pb.h"
#include "tools/cordon/json_writer.h"
#include "tools/cordon/output.h"

namespace cordon {

// The members of an answer, between BeginObject() and EndObject() of the caller.
void WriteWhoCanSee(JsonWriter& json, const v1::WhoCanSeeResponse& response);
void WriteAccessReport(JsonWriter& json, const v1::AccessReportResponse& response);
void WriteSimulate(JsonWriter& json, const v1::SimulateResponse& response);

// Stored text is made printable.
std::string WhoCanSeeText(const v1::WhoCanSeeResponse& response);
std::string AccessReportText(const v1::AccessReportResponse& response);
std::string SimulateText(const v1::SimulateResponse& response);

// The answer in the form asked for; the exit code.
template <typename Response>
int TellAnswer(Output& output, const Response& response,
               void (*write)(JsonWriter&, const Response&), std::string (*text)(const Response&)) {
  if (!output.json()) {
    output.Line(text(response));
    return 0;
  }
  JsonWriter json;
  json.BeginObject();
  write(json, response);
  output.Line(json.EndObject());
  return 0;
}

}  // namespace cordon
