// A machine whose clock leaps, under an engine or while none runs: what has not begun opens, what
// has ended stays open, what is not due is erased.
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "tests/engine/erasing.h"

namespace cordon {
namespace {

class Doubted : public Erasing {
 protected:
  static constexpr Micros kSecond = 1'000'000;
  static constexpr Micros kDay = Micros{86'400} * kSecond;
  static constexpr Micros kYears = 3650 * kDay;

  void SetUp() override {
    const auto begin = ParseTime("2100-01-01T00:00:00Z");
    ASSERT_TRUE(begin.ok());
    begin_ = now_ = *begin;
    wall_ = [this] { return now_ + leap_; };
    steady_ = [this] { return now_.load(); };
    Erasing::SetUp();
  }

  static std::string In(Micros time) {
    return "{ seconds: " + std::to_string(time / kSecond) + " }";
  }

  Status TryIngest(const std::string& id) {
    const auto request = FromText<v1::IngestRequest>("collection: 'docs' " + Doc(id, "", "t"));
    const auto answer = Asked<IngestedBatch>(
        [&](auto done) { IngestDocuments(engine_->WriteAs(Anyone()), request, done); });
    return answer.status();
  }

  Micros begin_ = 0;
  std::atomic<Micros> now_{0}, leap_{0};
};

TEST_F(Doubted, AWallThatLeapsOpensEndsAndErasesNothing) {
  const std::string later = In(begin_ + kYears / 2);
  Ingest("now", "acl { allow { principal: 'everyone' until " + later + " } }");       // 0
  Ingest("embargoed", "acl { allow { principal: 'everyone' from " + later + " } }");  // 1
  Ingest("due", "erase_after " + later);                                              // 2
  ASSERT_TRUE(Sees("now") && !Sees("embargoed") && Sees("due"));
  leap_ = kYears;
  for (const char* id : {"now", "embargoed", "due"}) {
    const Status refused = Get(id).status();
    EXPECT_EQ(refused.code(), StatusCode::kUnavailable) << id << ": " << refused.ToString();
    EXPECT_EQ(refused.field(), "clock");
  }
  EXPECT_EQ(TryIngest("meanwhile").field(), "clock");
  EXPECT_EQ(TryErase("document: 'now'").status().field(), "clock");
  EXPECT_TRUE(engine_->figures().clock_in_doubt);
  std::this_thread::sleep_for(std::chrono::seconds(3));  // retention looks each second or oftener
  leap_ = 0;
  EXPECT_FALSE(engine_->figures().clock_in_doubt);
  EXPECT_TRUE(Sees("now")) << "it ended by a time that never was";
  EXPECT_FALSE(Sees("embargoed")) << "and stays open";
  EXPECT_TRUE(Sees("due"));
  EXPECT_FALSE(Sees("meanwhile"));
  EXPECT_EQ(KeyOf(2), KeyStore::State::kThere);
  for (const auto& record : Records("Erase")) EXPECT_EQ(record.outcome(), "UNAVAILABLE");
  EXPECT_EQ(engine_->clock()->Now(), begin_);
  Open();  // nor has anything stored that time
  EXPECT_EQ(engine_->clock()->Now(), begin_);
  now_ += kYears;  // and when it has come, it counts
  EXPECT_FALSE(Sees("now"));
  EXPECT_TRUE(Sees("embargoed"));
}

TEST_F(Doubted, AStartWithAWallFarBehindKeepsNothingInForce) {
  const std::string tomorrow = In(begin_ + kDay);
  Ingest("ends", "acl { allow { principal: 'everyone' until " + tomorrow + " } }");
  Ingest("begins", "acl { allow { principal: 'everyone' from " + tomorrow + " } }");
  engine_.reset();
  leap_ = -kYears;
  Open();
  EXPECT_EQ(engine_->clock()->Now(), begin_);
  EXPECT_TRUE(Sees("ends") && !Sees("begins"));
  now_ += kDay;
  EXPECT_EQ(engine_->clock()->Now(), begin_ + kDay);
  EXPECT_FALSE(Sees("ends")) << "time waits ten years for the wall";
  EXPECT_TRUE(Sees("begins"));
  Open();
  EXPECT_EQ(engine_->clock()->Now(), begin_ + kDay);
  EXPECT_FALSE(Sees("ends"));
  leap_ = 0;  // set right
  now_ += kSecond;
  EXPECT_EQ(engine_->clock()->Now(), begin_ + kDay + kSecond);
  EXPECT_FALSE(engine_->figures().clock_in_doubt);
}

TEST_F(Doubted, AStartWithAWallFarBehindSaysNothing) {
  // How often the log of a start speaks of the clock.
  const auto told = [&](Micros leap) {
    engine_.reset();
    leap_ = leap;
    const auto before = spdlog::default_logger();
    const auto kept = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(100);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("kept", kept));
    Open();
    engine_.reset();
    spdlog::set_default_logger(before);
    const auto lines = kept->last_formatted();
    return std::count_if(lines.begin(), lines.end(),
                         [](const std::string& line) { return line.find("clock: ") != line.npos; });
  };
  EXPECT_EQ(told(-kYears), 1);
  EXPECT_EQ(told(-60 * kSecond), 0);
  EXPECT_EQ(told(0), 0);
}

}  // namespace
}  // namespace cordon
