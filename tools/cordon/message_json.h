// The server's messages → the answers of --json (docs/DESIGN.md §6). Lists are always there, `[]`
// if empty; what is not set is null.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <string>
#include <string_view>
#include <vector>

#include "cordon/v1/admin.pb.h"
#include "cordon/v1/policy.pb.h"
#include "cordon/v1/retrieval.pb.h"
#include "cordon/v1/types.pb.h"
#include "engine/base/status.h"
#include "tools/cordon/json_writer.h"

namespace cordon {

// RFC 3339 in UTC.
std::string TimeText(const google::protobuf::Timestamp& time);

// The name of a right on the command line, such as `act-as`; and back (RIGHT_UNSPECIFIED if
// unknown).
std::string_view RightName(v1::Right right);
v1::Right RightByName(std::string_view name);
// Adds the rights of these names to `grant`; INVALID_ARGUMENT for "rights" if one is unknown.
Status AddRights(const std::vector<std::string>& names, v1::KeyGrant* grant);

// Values.
void WriteLabel(JsonWriter& json, const v1::Label& label);
void WriteClearance(JsonWriter& json, const v1::Clearance& clearance);
void WriteAcl(JsonWriter& json, const v1::Acl& acl);
void WriteEntries(JsonWriter& json, const google::protobuf::RepeatedPtrField<v1::Entry>& entries);
void WriteValue(JsonWriter& json, const v1::AttributeValue& value);

// The members of an answer, between BeginObject() and EndObject() of the caller.
void WriteRetrieve(JsonWriter& json, const v1::RetrieveResponse& response);
// One message of a stream, as an object.
void WritePart(JsonWriter& json, const v1::RetrieveStreamResponse& part);
void WriteDocument(JsonWriter& json, const v1::GetDocumentResponse& response);
void WriteExplain(JsonWriter& json, const v1::ExplainResponse& response);
void WriteStats(JsonWriter& json, const v1::StatsResponse& response);
void WriteKey(JsonWriter& json, const v1::KeyInfo& key);
void QuotaOrNull(JsonWriter& json, bool has, const v1::Quota& quota);
// How its lexical scores are made, with the usual (types.proto) where it says nothing.
v1::Bm25 Bm25Of(const v1::CollectionConfig& config);
// The language of its texts, likewise.
std::string LanguageName(const v1::CollectionConfig& config);
void WriteCollection(JsonWriter& json, const v1::CollectionConfig& config);
void WriteJournalLine(JsonWriter& json, const v1::JournalLine& line);

// The names of enumerators on the command line.
std::string_view MetricName(v1::Metric metric);
std::string_view EmbedderName(v1::Embedder embedder);
std::string_view AttributeTypeName(v1::AttributeType type);
std::string_view RankName(v1::Rank rank);

}  // namespace cordon
