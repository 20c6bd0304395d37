// One answer in several messages, each after its own journal record.
#pragma once

#include <functional>
#include <memory>

#include "engine/retrieve/answer.h"
#include "engine/retrieve/retrieve.h"

namespace cordon {

// Calls come one after the other: each after the callback of the one before.
class AnswerStream : public std::enable_shared_from_this<AnswerStream> {
 public:
  // Finds the answer. `opened` gets the stream, or the refusal after the journal has its record.
  static void Open(const ReadContext& context, const v1::RetrieveStreamRequest& request,
                   Respond<std::shared_ptr<AnswerStream>> opened);

  // The next message, after its record; perhaps on the journal's thread. After the last one, not
  // again.
  void Next(Respond<v1::RetrieveStreamResponse> done);

  // Whether the last message has been given.
  bool ended() const { return ended_; }

 private:
  AnswerStream(const ReadContext& context, RetrievedContext answer, journal::v1::Record record);

  v1::RetrieveStreamResponse Part(std::vector<Passage> passages, const JournalReceipt& receipt);
  v1::RetrieveStreamResponse Last(const JournalReceipt& receipt);

  const ReadContext context_;
  RetrievedContext answer_;
  const journal::v1::Record record_;  // who asked what
  std::vector<Passage> passages_;     // that have not left, last first
  bool ended_ = false;
};

}  // namespace cordon
