// Fears about what streams read ahead: that it grows with the number of streams or the size of
// their messages, that a stream is starved by others, or that room is lost with a stream that ends.
#include "engine/server/read_ahead.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <vector>

#include "engine/base/limits.h"

namespace cordon {
namespace {

constexpr size_t kLarge = 16 << 20;

// Reads as long as it may; how many batches.
size_t ReadAll(ReadAhead* stream, size_t bytes) {
  size_t read = 0;
  for (; stream->MayRead(); ++read) stream->Read(bytes);
  return read;
}

TEST(ReadAhead, SmallBatchesHaveNoEnd) {
  std::atomic<size_t> all{0};
  ReadAhead stream(&all);
  EXPECT_EQ(ReadAll(&stream, 1), ReadAhead::kInFlightMax);
  stream.Answered();
  EXPECT_EQ(ReadAll(&stream, 1), 1u);
}

TEST(ReadAhead, LargeBatchesFillMemory) {
  std::atomic<size_t> all{0};
  ReadAhead stream(&all);
  EXPECT_EQ(ReadAll(&stream, kLarge), ReadAhead::kInFlight + 1);
  EXPECT_EQ(all, kLarge);
}

TEST(ReadAhead, ManyStreamsFillMemory) {
  std::atomic<size_t> all{0};
  std::vector<std::unique_ptr<ReadAhead>> streams;
  for (int i = 0; i < 20; ++i) {
    streams.push_back(std::make_unique<ReadAhead>(&all));
    EXPECT_GE(ReadAll(streams.back().get(), ReadAhead::kAheadBytes / 3), ReadAhead::kInFlight);
    EXPECT_LT(all, ReadAhead::kAheadBytes * 4 / 3);
  }
}

// Or a writer refuses what no client sent too fast.
TEST(ReadAhead, ManyStreamsOfTinyBatchesFillTheWritersQueue) {
  std::atomic<size_t> all{0};
  std::vector<std::unique_ptr<ReadAhead>> streams;
  size_t read = 0;
  for (int i = 0; i < 500; ++i) {
    streams.push_back(std::make_unique<ReadAhead>(&all));
    read += ReadAll(streams.back().get(), 1);
  }
  EXPECT_LT(read, limits::kWriteQueue);
}

TEST(ReadAhead, AStreamIsStarvedByAnother) {
  std::atomic<size_t> all{0};
  ReadAhead greedy(&all), other(&all);
  ReadAll(&greedy, kLarge);
  EXPECT_EQ(ReadAll(&other, 1), ReadAhead::kInFlight);
  other.Answered();
  EXPECT_EQ(ReadAll(&other, 1), 1u);
}

TEST(ReadAhead, WhatIsAnsweredKeepsItsRoom) {
  std::atomic<size_t> all{0};
  ReadAhead greedy(&all), other(&all);
  ReadAll(&greedy, kLarge);
  greedy.Answered();
  EXPECT_EQ(all, 0u);
  EXPECT_GT(ReadAll(&other, 1), ReadAhead::kInFlight);
}

TEST(ReadAhead, AStreamThatEndsKeepsItsRoom) {
  std::atomic<size_t> all{0};
  {
    ReadAhead gone(&all);
    ReadAll(&gone, ReadAhead::kAheadBytes / 2);
    EXPECT_GT(all, 0u);
  }
  EXPECT_EQ(all, 0u);
}

}  // namespace
}  // namespace cordon
