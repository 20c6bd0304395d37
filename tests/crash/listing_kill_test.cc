// A listing whose server dies on the way: each document is as one listing has it, none is missing
// that the source has, nothing goes before the end was sent, and the same listing does the rest.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include "engine/base/random.h"
#include "tests/crash/load.h"
#include "tests/crash/served_store.h"
#include "tests/crash/server_process.h"
#include "tests/effort.h"
#include "tests/store/from_text.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

constexpr uint64_t kIds = 220;
constexpr uint64_t kMessages = 10;

// Generation g lists all but each eleventh. All are described anew, each third is written anew.
bool IsListed(uint64_t generation, uint64_t id) { return id % 11 != generation % 11; }
bool Rewrites(uint64_t id) { return id % 3 == 0; }
std::string WordsOf(uint64_t generation, uint64_t id) {
  return "some words " + (Rewrites(id) ? std::to_string(generation) : std::string("that stay"));
}

class ListedServer : public testing::Test {
 protected:
  struct Stored {
    std::string title;
    std::string text;
  };

  void Start() {
    ASSERT_TRUE(server_.Start()) << server_.Log();
    std::ifstream(scratch_ / "data/dev/admin.key") >> bearer_;
    stubs_ = std::make_unique<Stubs>(server_.address());
  }
  void Create() {
    v1::CreateCollectionResponse created;
    const auto made = stubs_->admin->CreateCollection(
        Stubs::As(bearer_).get(),
        FromText<v1::CreateCollectionRequest>(
            "config { name: 'docs' dimension: 8 metric: METRIC_COSINE embedder: EMBEDDER_BUILTIN "
            "default_label { level: 'public' } default_acl { allow { principal: 'everyone' } } }"),
        &created);
    ASSERT_TRUE(made.ok()) << made.error_message();
  }

  // The first `stop_at` messages of a generation's listing; the last of all ends it. `last` is
  // called when they have been written.
  grpc::Status Send(uint64_t generation, size_t stop_at, const std::function<void()>& last = {}) {
    const auto context = Stubs::As(bearer_);
    v1::SyncSourceResponse response;
    const auto stream = stubs_->ingest->SyncSource(context.get(), &response);
    uint64_t listed = 0;
    for (uint64_t i = 0; i < std::min(stop_at, kMessages); ++i) {
      v1::SyncSourceRequest message;
      if (i == 0) {
        message.mutable_begin()->set_collection("docs");
        message.mutable_begin()->set_source("wiki");
        message.mutable_begin()->set_allow_removals(true);
      }
      for (uint64_t id = i * kIds / kMessages; id < (i + 1) * kIds / kMessages; ++id) {
        if (!IsListed(generation, id)) continue;
        auto* document = message.add_documents();
        document->set_id(std::to_string(id));
        document->set_title(std::to_string(generation));
        document->set_text(WordsOf(generation, id));
        ++listed;
      }
      if (i + 1 == kMessages) message.mutable_commit()->set_documents(listed);
      if (!stream->Write(message)) break;
    }
    if (last) last();
    return stream->Finish();
  }

  std::optional<Stored> Get(uint64_t id) {
    v1::GetDocumentRequest request;
    request.set_collection("docs");
    request.set_document(std::to_string(id));
    request.mutable_scope()->set_as("user:ana");
    v1::GetDocumentResponse response;
    const auto got = stubs_->retrieval->GetDocument(Stubs::As(bearer_).get(), request, &response);
    if (got.error_code() == grpc::StatusCode::NOT_FOUND) return std::nullopt;
    EXPECT_TRUE(got.ok()) << got.error_message();
    if (response.chunks_size() != 1) return Stored{"no chunk", ""};
    return Stored{response.title(), response.chunks(0).text()};
  }

  // `now` broke off after `before` was whole; `ended`: its end may have come.
  void CheckBetween(uint64_t before, uint64_t now, bool ended) {
    for (uint64_t id = 0; id < kIds; ++id) {
      const auto stored = Get(id);
      if (!stored) {
        EXPECT_FALSE(IsListed(before, id) && IsListed(now, id)) << id << " is gone";
        EXPECT_FALSE(IsListed(before, id) && !ended) << id << " is gone before the end";
        continue;
      }
      const bool old = stored->title == std::to_string(before) && IsListed(before, id);
      const bool is_new = stored->title == std::to_string(now) && IsListed(now, id);
      EXPECT_TRUE(old || is_new) << id << " of " << stored->title;
      EXPECT_EQ(stored->text, WordsOf(old ? before : now, id)) << id;
    }
  }
  void CheckWhole(uint64_t generation) {
    for (uint64_t id = 0; id < kIds; ++id) {
      const auto stored = Get(id);
      EXPECT_EQ(stored.has_value(), IsListed(generation, id)) << id;
      if (!stored) continue;
      EXPECT_EQ(stored->title, std::to_string(generation)) << id;
      EXPECT_EQ(stored->text, WordsOf(generation, id)) << id;
    }
  }

  ScratchDirectory scratch_;
  ServerProcess server_{scratch_ / "data", scratch_ / "log"};
  std::string bearer_;
  std::unique_ptr<Stubs> stubs_;
};

TEST_F(ListedServer, ADeadServerLosesWhatIsListed) {
  Effort effort("R1-listing", 12);
  Random random(effort.seed());
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(Create());
  ASSERT_TRUE(Send(1, kMessages).ok());
  uint64_t now = 1, acknowledged = 0;
  while (effort.More() && !HasFailure()) {
    const uint64_t next = now + 1;
    // Half of them whole, and killed about when the rest is deleted.
    const size_t stop_at = random.OneIn(2) ? kMessages : 1 + random.Below(kMessages - 1);
    const auto pause = std::chrono::microseconds(random.Below(100'000));
    const grpc::Status sent = Send(next, stop_at, [&] {
      std::this_thread::sleep_for(pause);
      server_.Kill();
    });
    ASSERT_NO_FATAL_FAILURE(Start());
    if (sent.ok()) {
      ++acknowledged;
      CheckWhole(next);
    } else {
      CheckBetween(now, next, stop_at == kMessages);
    }
    CheckJournal(*stubs_, bearer_);
    const grpc::Status again = Send(next, kMessages);
    ASSERT_TRUE(again.ok()) << again.error_message();
    CheckWhole(next);
    now = next;
  }
  effort.Report("acknowledged={}", acknowledged);
}

}  // namespace
}  // namespace cordon
