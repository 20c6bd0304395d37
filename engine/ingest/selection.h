// SetAccessSelected at work: finds what is selected in one View and sends it, page by page, through
// the writer. Internal to ingest/.
//
// A page is one mutation, so it is changed as a whole or not at all. A document that is written
// anew while the selection is at work is judged again when its page is applied: if its source is
// another one by then, it is left alone.
#pragma once

#include <functional>
#include <future>
#include <optional>
#include <string>
#include <string_view>

#include "cordon/store/v1/records.pb.h"
#include "engine/base/limits.h"
#include "engine/ingest/ingest.h"

namespace cordon {

// Calls `visit` for each version that a source ever had in a collection; null for one that was
// replaced or deleted. An error of `visit` ends it and is returned.
Status VisitSource(const View& view, uint32_t collection, const std::string& source,
                   const std::function<Status(const store::v1::DocumentRecord*)>& visit);

// For one call and one thread, which it blocks while the writer is at work; not the writer's.
class Selection {
 public:
  // `request` has been checked. Only tests choose another `documents_max`.
  Selection(const WriteContext& context, v1::SetAccessSelectedRequest request,
            std::function<bool()> stop, size_t documents_max = limits::kSelectedPerCall);

  // Changes all that is selected, up to `documents_max`, by one mutation at least.
  StatusOr<v1::SetAccessSelectedResponse> Change();

  // The change as one mutation, which is not made. INVALID_ARGUMENT if it takes more than one.
  StatusOr<store::v1::Mutation> AsOne();

 private:
  // DEADLINE_EXCEEDED once `stop` says true.
  Status CheckTime() const;
  Status Scan();
  bool PageIsFull() const;
  // Visits those whose ids begin with the prefix.
  Status VisitPrefix(const View& view, const Collection& collection);
  Status Visit(const store::v1::DocumentRecord& record);
  bool Wants(const v1::Document& document) const;
  // Takes the page.
  store::v1::Mutation TakePage();
  // Sends the page, once the one before is committed.
  Status Send();
  // Waits for the page that was sent, if any.
  Status Wait();

  const WriteContext context_;
  const v1::SetAccessSelectedRequest request_;
  const std::function<bool()> stop_;
  const size_t documents_max_;
  const std::string acl_;    // serialized: what is the same already is left alone
  const std::string label_;  // likewise
  store::v1::AccessBatch page_;
  size_t page_bytes_ = 0;
  bool as_one_ = false;  // the page is not sent
  size_t sent_ = 0;      // documents
  uint64_t changed_ = 0;
  std::optional<std::future<StatusOr<Committed>>> waiting_;
  v1::SetAccessSelectedResponse response_;
};

}  // namespace cordon
