// Several questions in one call.
#include <fmt/format.h>

#include <memory>
#include <mutex>
#include <optional>

#include "engine/base/limits.h"
#include "engine/retrieve/answer.h"
#include "engine/retrieve/retrieve.h"
#include "engine/retrieve/shared_scans.h"

namespace cordon {
namespace {

// The answers of one batch, as the journal takes their records.
struct Gathered {
  std::mutex mutex;
  v1::BatchRetrieveResponse response;  // guarded by mutex
  int missing;                         // guarded by mutex
  Respond<v1::BatchRetrieveResponse> done;

  void Take(int place, StatusOr<v1::RetrieveResponse> answer) {
    std::unique_lock lock(mutex);
    v1::BatchAnswer* const out = response.mutable_answers(place);
    if (answer.ok()) {
      *out->mutable_response() = *std::move(answer);
    } else {
      out->mutable_refused()->set_code(std::string(CodeName(answer.status().code())));
      out->mutable_refused()->set_field(std::string(answer.status().field()));
      out->mutable_refused()->set_message(std::string(answer.status().message()));
    }
    if (--missing > 0) return;
    lock.unlock();
    done(std::move(response));
  }
};

// Finds an answer and takes its bytes from what is left of the batch's. What does not fit is
// refused before it is noted or charged: it does not leave.
StatusOr<RetrievedContext> FindWithin(const ReadContext& context,
                                      const v1::RetrieveRequest& request,
                                      std::optional<PreparedQuestion> prepared, size_t* left,
                                      journal::v1::Record* record) {
  ASSIGN_OR_RETURN(auto answer, prepared ? AnswerTo(context, request, *std::move(prepared), record)
                                         : FindAnswer(context, request, record));
  const size_t bytes = BytesMax(answer);
  if (bytes > *left) {
    return Status(
        StatusCode::kResourceExhausted, "queries",
        fmt::format("the answers of one batch would have more than {} bytes; ask for less",
                    limits::kAnswerBytes));
  }
  *left -= bytes;
  NoteContext(answer.context, context.tenant->pseudonyms, record);
  return answer;
}

Status CheckBatch(const ReadContext& context, const v1::BatchRetrieveRequest& request) {
  RETURN_IF_ERROR(context.caller.Require(Right::kQuery));
  if (request.queries().empty() || request.queries_size() > limits::kBatchQueries) {
    return Invalid("queries",
                   fmt::format("not 1 to {}; send several batches", limits::kBatchQueries));
  }
  uint64_t passages = 0;
  for (const auto& query : request.queries()) {
    passages += query.k() == 0 ? limits::kTopKDefault : query.k();
  }
  if (passages <= limits::kTopK) return OkStatus();
  return Invalid("queries", fmt::format("ask for more than {} passages in all; send several "
                                        "batches",
                                        limits::kTopK));
}

}  // namespace

void BatchRetrieve(const ReadContext& context, const v1::BatchRetrieveRequest& request,
                   Respond<v1::BatchRetrieveResponse> done) {
  if (const Status checked = CheckBatch(context, request); !checked.ok()) {
    return RefuseJournaled(context.tenant, context.caller, "BatchRetrieve", checked,
                           std::move(done));
  }
  const auto batch = std::make_shared<Gathered>();
  const int queries = request.queries_size();
  batch->missing = queries;
  batch->done = std::move(done);
  for (int i = 0; i < queries; ++i) batch->response.add_answers();
  size_t left = limits::kAnswerBytes;
  SharedScans scans(context, request);
  // With the last answer, which another thread may give, the request is gone.
  for (int i = 0; i < queries; ++i) {
    SharedScans::Share share = scans.Take(i);
    Journaled(
        context, std::move(share.record),
        [&](journal::v1::Record* record) {
          return FindWithin(context, request.queries(i), std::move(share.prepared), &left, record);
        },
        ToResponse,
        [batch, i](StatusOr<v1::RetrieveResponse> answer) { batch->Take(i, std::move(answer)); });
  }
}

}  // namespace cordon
