// The answers to an auditor's questions: as members of a JSON object, and for people.
#pragma once

#include <string>

#include "cordon/v1/policy.pb.h"
#include "tools/cordon/json_writer.h"

namespace cordon {

// The members of an answer, between BeginObject() and EndObject() of the caller.
void WriteWhoCanSee(JsonWriter& json, const v1::WhoCanSeeResponse& response);
void WriteAccessReport(JsonWriter& json, const v1::AccessReportResponse& response);
void WriteSimulate(JsonWriter& json, const v1::SimulateResponse& response);

// Stored text is made printable.
std::string WhoCanSeeText(const v1::WhoCanSeeResponse& response);
std::string AccessReportText(const v1::AccessReportResponse& response);
std::string SimulateText(const v1::SimulateResponse& response);

}  // namespace cordon
