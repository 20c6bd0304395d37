// Answers for people: words and layout of what is not --json. Stored text is made printable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cordon/v1/retrieval.pb.h"
#include "cordon/v1/types.pb.h"
#include "tools/cordon/counted.h"
#include "tools/cordon/output.h"

namespace cordon {

// "confidential {people} #pii".
std::string LabelText(const v1::Label& label);

// "all", "lowest", or "confidential {people}".
std::string ClearanceText(const v1::Clearance& clearance);

// The words joined by ", ", or "none".
std::string Listed(const google::protobuf::RepeatedPtrField<std::string>& words);

// A line "SIGN NAME" for each of the names, which are the first of `count`, and one for how many
// more there are; nothing without names.
void TellNames(Output& output, std::string_view sign, uint64_t count,
               const google::protobuf::RepeatedPtrField<std::string>& names);

// `text` in at most `lines` lines of about `columns` columns, each after `indent`; white space
// collapsed, "…" where it was cut.
std::string Snippet(std::string_view text, size_t columns, size_t lines, std::string_view indent);

// Rows below a head, in columns as wide as they need to be.
std::string Table(const std::vector<std::string>& head,
                  const std::vector<std::vector<std::string>>& rows);

// The passages, the label of their context and where it may go.
std::string RetrieveText(const v1::RetrieveResponse& response);
// One message of a stream whose first passage is number `first`; the last one ends it.
std::string PartText(const v1::RetrieveStreamResponse& part, int first);

// The permitted part of a document.
std::string DocumentText(const v1::GetDocumentResponse& response);

}  // namespace cordon
