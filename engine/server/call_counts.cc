#include "engine/server/call_counts.h"

#include <algorithm>

#include "cordon/v1/admin.pb.h"
#include "cordon/v1/directory.pb.h"
#include "cordon/v1/ingest.pb.h"
#include "cordon/v1/policy.pb.h"
#include "cordon/v1/retrieval.pb.h"
#include "engine/base/check.h"

namespace cordon {

using google::protobuf::MethodDescriptor;

const std::vector<const MethodDescriptor*>& AllMethods() {
  static const auto* const methods = [] {
    auto* all = new std::vector<const MethodDescriptor*>;
    for (const auto* message :
         {v1::RetrieveRequest::descriptor(), v1::IngestRequest::descriptor(),
          v1::ApplyDirectoryRequest::descriptor(), v1::ApplyPolicyRequest::descriptor(),
          v1::CreateTenantRequest::descriptor()}) {
      for (int s = 0; s < message->file()->service_count(); ++s) {
        const auto* service = message->file()->service(s);
        for (int m = 0; m < service->method_count(); ++m) all->push_back(service->method(m));
      }
    }
    return all;
  }();
  return *methods;
}

// Each call has a request of its own (tests/structure/proto_test.py).
size_t MethodOf(const google::protobuf::Descriptor* request) {
  const auto& all = AllMethods();
  const auto found = std::find_if(all.begin(), all.end(), [&](const MethodDescriptor* method) {
    return method->input_type() == request;
  });
  CORDON_CHECK(found != all.end());
  return static_cast<size_t>(found - all.begin());
}

CallCounts::CallCounts() : cells_(std::make_unique<Cells[]>(AllMethods().size())) {}

void CallCounts::Add(size_t method, StatusCode code, std::chrono::microseconds took) {
  Cells& cells = cells_[method];
  const auto place = std::lower_bound(kUpTo.begin(), kUpTo.end(), took) - kUpTo.begin();
  cells.by_code[static_cast<size_t>(code)].fetch_add(1, std::memory_order_relaxed);
  cells.by_duration[static_cast<size_t>(place)].fetch_add(1, std::memory_order_relaxed);
  cells.duration_us.fetch_add(static_cast<uint64_t>(std::max<int64_t>(took.count(), 0)),
                              std::memory_order_relaxed);
}

CallCounts::Counted CallCounts::Of(size_t method) const {
  CORDON_CHECK(method < AllMethods().size());
  const Cells& cells = cells_[method];
  Counted counted;
  for (size_t i = 0; i < kCodes; ++i) counted.by_code[i] = cells.by_code[i];
  for (size_t i = 0; i < counted.by_duration.size(); ++i) {
    counted.by_duration[i] = cells.by_duration[i];
  }
  counted.duration = std::chrono::microseconds(cells.duration_us);
  return counted;
}

}  // namespace cordon
