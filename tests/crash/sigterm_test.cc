// R12: SIGTERM under load takes forever, drops what was acknowledged, or leaves callers without an
// answer.
#include <gtest/gtest.h>

#include <functional>

#include "tests/crash/served_store.h"
#include "tests/effort.h"
#include "tests/store/from_text.h"

namespace cordon {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Stopwatch = std::chrono::steady_clock;
using Stream = grpc::ClientReaderWriter<v1::IngestRequest, v1::IngestResponse>;

// One of so many stops comes while a file of an index is written, for which a server must live for
// a second.
constexpr uint64_t kFiledStopEvery = 10;
constexpr auto kStopsWithin = seconds(10);  // then supervisors lose patience

// Streams on which nothing happens: only the server can end them.
class IdleStreams {
 public:
  IdleStreams(const Stubs& stubs, const std::string& bearer, int count) {
    for (int i = 0; i < count; ++i) {
      contexts_.push_back(Stubs::As(bearer));
      streams_.push_back(stubs.ingest->Ingest(contexts_.back().get()));
    }
  }
  ~IdleStreams() {
    v1::IngestResponse answer;
    for (const auto& stream : streams_) {
      EXPECT_FALSE(stream->Read(&answer));
      const auto end = stream->Finish();
      // One that has not quite come in when the server stops is cancelled by gRPC itself.
      EXPECT_TRUE(end.error_code() == grpc::StatusCode::UNAVAILABLE ||
                  end.error_code() == grpc::StatusCode::CANCELLED)
          << end.error_code() << " " << end.error_message();
    }
  }

 private:
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts_;
  std::vector<std::unique_ptr<Stream>> streams_;
};

// Opens one stream after the other, some while the server stops; each sends a batch that is
// refused, so that no lane's documents change.
class Opening {
 public:
  Opening(const Stubs& stubs, const std::string& bearer)
      : thread_([&stubs, bearer, this] { Run(stubs, bearer); }) {}
  ~Opening() { thread_.join(); }

 private:
  void Run(const Stubs& stubs, const std::string& bearer) {
    const auto batch = FromText<v1::IngestRequest>("collection: 'docs' documents { id: '' }");
    while (true) {
      const auto context = Stubs::As(bearer);
      const auto stream = stubs.ingest->Ingest(context.get());
      stream->Write(batch);
      v1::IngestResponse answer;
      const bool answered = stream->Read(&answer);
      stream->WritesDone();
      const auto end = stream->Finish();
      if (end.ok() && answered) continue;
      // CANCELLED: gRPC had not handed the stream over yet.
      EXPECT_TRUE(end.error_code() == grpc::StatusCode::UNAVAILABLE ||
                  end.error_code() == grpc::StatusCode::CANCELLED)
          << end.error_code() << " " << end.error_message();
      return;
    }
  }

  std::thread thread_;
};

// A client that sends batches and reads no answer: they are large, and fill every window.
class SlowReader {
 public:
  SlowReader(const Stubs& stubs, const std::string& bearer) : context_(Stubs::As(bearer)) {
    v1::IngestRequest batch;
    batch.set_collection(kShared);
    for (int i = 0; i < 4096; ++i) batch.add_documents()->set_id(std::string(500, 'x'));
    stream_ = stubs.ingest->Ingest(context_.get());
    writer_ = std::thread([this, batch] {
      while (stream_->Write(batch)) {
      }
    });
  }
  ~SlowReader() {
    writer_.join();
    v1::IngestResponse answer;
    while (stream_->Read(&answer)) {
    }
    EXPECT_FALSE(stream_->Finish().ok());
  }

 private:
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<Stream> stream_;
  std::thread writer_;
};

// Stops the server under load, once `wait` has returned; how long it took.
milliseconds StopUnderLoad(ServedStore* store, const std::function<void()>& wait) {
  Load load(&store->stubs(), store->clients(), /*graceful=*/true);
  wait();
  load.StopIsNear();
  const auto begun = Stopwatch::now();
  store->server().Terminate();
  const auto code = store->server().Wait(kStopsWithin);
  const auto took = duration_cast<milliseconds>(Stopwatch::now() - begun);
  EXPECT_EQ(code, 0) << store->server().Log();
  if (!code) store->server().Kill();
  load.Join();
  for (const auto& problem : load.problems()) ADD_FAILURE() << problem;
  return took;
}

TEST(Sigterm, LosesWhatWasAcknowledged) {
  Effort effort("R12", 50);
  Random random(effort.seed());
  ServedStore store(random.Next());
  milliseconds slowest{0};
  uint64_t writing = 0;
  while (!testing::Test::HasFailure() && effort.More()) {
    SCOPED_TRACE(testing::Message() << "round " << effort.rounds());
    {
      const std::string bearer = store.clients()[0]->bearer;
      IdleStreams idle(store.stubs(), bearer, static_cast<int>(random.Below(3)));
      Opening opening(store.stubs(), bearer);
      const auto took = StopUnderLoad(&store, [&] {
        if (effort.rounds() % kFiledStopEvery == 0) {
          writing += store.AwaitIndexFile();
        } else {
          std::this_thread::sleep_for(microseconds(random.Below(200'000)));
        }
      });
      slowest = std::max(slowest, took);
    }
    if (effort.rounds() % kFiledStopEvery == 0) store.CheckErased();
    store.RestartAndCheck();
  }
  // Nothing is left for the next start to mend: the stop was a clean one.
  EXPECT_EQ(store.recovered(), 0u);
  store.CheckErasedEverywhere();
  if (effort.rounds() >= 2 * kFiledStopEvery) {
    EXPECT_GT(writing, 0u) << "no stop came while a file of an index was written";
    EXPECT_GT(store.StartsFromFiles(), 0u) << "no start has read one";
    EXPECT_GT(store.erased(), 0u) << "nothing was erased";
  }
  effort.Report(
      "changes={} slowest_stop_ms={} stops_at_index_file={} starts_from_files={} erased={}",
      store.revision(), slowest.count(), writing, store.StartsFromFiles(), store.erased());
}

TEST(Sigterm, WaitsForAClientThatDoesNotRead) {
  ServedStore store(/*seed=*/1);
  {
    SlowReader slow(store.stubs(), store.clients()[0]->bearer);
    IdleStreams idle(store.stubs(), store.clients()[0]->bearer, 3);
    std::this_thread::sleep_for(milliseconds(500));
    const auto took = StopUnderLoad(&store, [] { std::this_thread::sleep_for(milliseconds(100)); });
    EXPECT_LT(took, kStopsWithin);
  }
  store.RestartAndCheck();
}

}  // namespace
}  // namespace cordon
