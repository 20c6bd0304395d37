// Who waits for a revision: how many, and what the journal says of those turned away.
#include "engine/server/revision_wait.h"

#include <gtest/gtest.h>

#include <future>

#include "engine/inspect/inspect.h"
#include "engine/server/server.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

TEST(WaitingCalls, AreWithoutNumber) {
  WaitingCalls waiting(/*all_max=*/256, /*of_one_max=*/64);
  for (int i = 0; i < 64; ++i) EXPECT_TRUE(waiting.Add("a"));
  EXPECT_FALSE(waiting.Add("a")) << "one key takes all places";
  for (const char* key : {"b", "c", "d"}) {
    for (int i = 0; i < 64; ++i) EXPECT_TRUE(waiting.Add(key));
  }
  EXPECT_FALSE(waiting.Add("e")) << "more than 256 in all";
  waiting.Remove("a");
  EXPECT_TRUE(waiting.Add("e"));
  for (int i = 0; i < 63; ++i) waiting.Remove("a");
  waiting.Remove("e");
  for (const char* key : {"b", "c", "d"}) {
    for (int i = 0; i < 64; ++i) waiting.Remove(key);
  }
  EXPECT_TRUE(waiting.empty());
}

// The queue is full when a call has waited for its revision.
TEST(WhenVisible, TurnsAwayWithoutARecord) {
  const ScratchDirectory scratch;
  DataPaths paths;
  paths.data_dir = scratch / "data";
  ASSERT_TRUE(InitStore(paths, /*dev=*/true).ok());
  const auto engine = Engine::Open({paths, Config().journal, std::nullopt});
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  const auto key = MakeDevKey(kFirstTenant);
  ASSERT_TRUE(key.ok());
  const Authenticator authenticator([](auto, auto) { return std::nullopt; }, key->bearer);
  const auto caller = authenticator.Authenticate("Bearer " + key->bearer);
  ASSERT_TRUE(caller.ok()) << caller.status().ToString();
  Executor full(/*threads=*/1, /*queue_max=*/0);
  Front front;
  front.engine = engine->get();
  front.executor = &full;
  const grpc::CallbackServerContext context;
  std::promise<Status> end;
  WhenVisible(
      {&front, &context, *caller, "Retrieve"}, Right::kQuery, /*revision=*/999999,
      [] { return true; }, [&](const Authenticated&) { end.set_value(OkStatus()); },
      [&](const Status& refused) { end.set_value(refused); });
  EXPECT_EQ(end.get_future().get().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(front.waiting.empty());
  std::promise<StatusOr<v1::QueryJournalResponse>> read;
  QueryJournal((*engine)->ReadAs(*caller, nullptr), v1::QueryJournalRequest(),
               [&](StatusOr<v1::QueryJournalResponse> response) { read.set_value(response); });
  const auto journal = read.get_future().get();
  ASSERT_TRUE(journal.ok()) << journal.status().ToString();
  int records = 0;
  for (const auto& line : journal->lines()) {
    records += line.call() == "Retrieve" && line.outcome() == "RESOURCE_EXHAUSTED";
  }
  EXPECT_EQ(records, 1);
}

}  // namespace
}  // namespace cordon
