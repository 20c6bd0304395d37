// One answer in several messages, each decided anew and each after its own journal record.
#pragma once

#include <functional>
#include <memory>
#include <set>

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
  // again. `context` carries the caller as it is authenticated now. The message is of the View that
  // is the newest now: what the caller may no longer see by then, and what has changed since it
  // was found, is left out of it.
  void Next(const ReadContext& context, Respond<v1::RetrieveStreamResponse> done);

  // Whether the last message has been given.
  bool ended() const { return ended_; }

 private:
  AnswerStream(RetrievedContext answer, const v1::RetrieveStreamRequest& request,
               journal::v1::Record record);

  std::vector<Passage> TakeFound();
  StatusOr<std::vector<Passage>> ClearAgain(const ReadContext& context,
                                            const std::vector<Passage>& found,
                                            journal::v1::Record* record);
  v1::RetrieveStreamResponse Part(std::vector<Passage> passages, const JournalReceipt& receipt);
  v1::RetrieveStreamResponse Last(const JournalReceipt& receipt);

  const std::string collection_;
  const v1::Scope scope_;
  const journal::v1::Record record_;  // what was asked
  RetrievedContext answer_;           // its access is that of the message in hand
  std::vector<Passage> found_;        // that have not left, last first
  std::set<Label> labels_;            // of what has left
  bool ended_ = false;
};

}  // namespace cordon
