// One answer in several messages, each decided anew and each after its own journal record.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/retrieve/answer.h"
#include "engine/retrieve/retrieve.h"

namespace cordon {

// Calls come one after the other: each after the callback of the one before. Between them it holds
// neither a View nor a text, however slowly a client reads.
class AnswerStream : public std::enable_shared_from_this<AnswerStream> {
 public:
  explicit AnswerStream(v1::RetrieveRequest question) : question_(std::move(question)) {}

  // The next message, after its record; perhaps on the journal's thread. After the last one, or a
  // refusal, not again. `context` carries the caller as it is authenticated now. The first message
  // is of the View in which the answer is found. Each later one is of the View that is the newest
  // then: what the caller may no longer see, and what has changed since it was found, is left out.
  void Next(const ReadContext& context, Respond<v1::RetrieveStreamResponse> done);

  // Whether the last message has been given.
  bool ended() const { return ended_; }

 private:
  // What is kept of a passage that has not left.
  struct Found {
    std::string document;
    uint32_t ordinal;
    uint64_t number;  // the document's; one that is replaced has another
    double score;
    std::optional<Parts> parts;
    std::optional<double> rerank_score;
    bool neighbour;
    bool counted;
  };
  static Found Keep(const Passage& passage);

  StatusOr<RetrievedContext> Begin(const ReadContext& context, journal::v1::Record* record);
  StatusOr<RetrievedContext> GoOn(const ReadContext& context, journal::v1::Record* record);
  std::vector<Found> TakeFound();
  StatusOr<std::vector<Passage>> ClearAgain(const Access& access,
                                            const std::vector<Found>& found) const;
  // The message of these passages; without any, the last one.
  RetrievedContext ToMessage(const ReadContext& context, Access access,
                             std::vector<Passage> passages, journal::v1::Record* record);

  const v1::RetrieveRequest question_;
  std::string query_digest_;
  bool begun_ = false;
  bool ended_ = false;
  RetrievedContext answer_;   // without its access and its passages
  std::vector<Found> found_;  // that have not left, last first
  std::set<Label> labels_;    // of what has left
};

}  // namespace cordon
