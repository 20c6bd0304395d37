// An input, and what a server that keeps nothing says to it.
#pragma once

#include <cstdint>
#include <string>

#include "cordon/v1/ingest.pb.h"

namespace cordon {

// Lines of documents d1, d2 …
inline std::string Documents(int count) {
  std::string lines;
  for (int i = 1; i <= count; ++i) {
    lines += R"({"id":"d)" + std::to_string(i) +
             R"(","text":"x"})"
             "\n";
  }
  return lines;
}

// Accepts a batch, but for documents whose id ends in 00.
inline v1::IngestResponse Accept(const v1::IngestRequest& request, uint64_t revision) {
  v1::IngestResponse response;
  response.set_batch(request.batch());
  response.set_revision(revision);
  for (int i = 0; i < request.documents_size(); ++i) {
    if (!request.documents(i).id().ends_with("00")) continue;
    v1::Refusal* const refusal = response.add_refused();
    refusal->set_index(static_cast<uint32_t>(i));
    refusal->set_id(request.documents(i).id());
    refusal->set_field("label.level");
    refusal->set_message("m");
  }
  response.set_accepted(static_cast<uint32_t>(request.documents_size() - response.refused_size()));
  return response;
}

}  // namespace cordon
