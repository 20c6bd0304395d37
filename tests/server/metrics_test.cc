// The listener of the metrics: an address it cannot take, and strangers that hold up its end.
#include "engine/server/metrics.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace cordon {
namespace {

using std::chrono::milliseconds;
using Stopwatch = std::chrono::steady_clock;

// Nobody scrapes here, so that it needs no engine.
std::unique_ptr<Metrics> Listening(const std::string& listen) {
  auto metrics = Metrics::Start(listen, nullptr, nullptr);
  return metrics.ok() ? *std::move(metrics) : nullptr;
}

int Connect(const Metrics& metrics) {
  const std::string& address = metrics.address();
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
  return fd;
}

// They would be closed for their silence after 3 s. The shortest of some tries, for a machine that
// is busy.
TEST(MetricsListener, ItsEndWaitsForSilentStrangers) {
  auto shortest = Stopwatch::duration::max();
  for (int i = 0; i < 5 && shortest > milliseconds(1000); ++i) {
    auto metrics = Listening("127.0.0.1:0");
    ASSERT_NE(metrics, nullptr);
    std::vector<int> strangers;
    for (int s = 0; s < 40; ++s) strangers.push_back(Connect(*metrics));
    std::this_thread::sleep_for(milliseconds(300));  // until it has taken all that it takes
    const auto begun = Stopwatch::now();
    metrics.reset();
    shortest = std::min(shortest, Stopwatch::now() - begun);
    for (const int fd : strangers) close(fd);
  }
  EXPECT_LT(shortest, milliseconds(1000));
}

TEST(MetricsListener, APortIsSharedOrUnnamed) {
  const auto first = Listening("127.0.0.1:0");
  ASSERT_NE(first, nullptr);
  EXPECT_TRUE(first->address().starts_with("127.0.0.1:"));
  EXPECT_FALSE(first->address().ends_with(":0"));
  const auto second = Metrics::Start(first->address(), nullptr, nullptr);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(second.status().field(), "metrics_listen");
}

TEST(MetricsListener, AnIPv6AddressIsNotUnderstood) {
  const int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 loopback{};
  loopback.sin6_family = AF_INET6;
  loopback.sin6_addr = in6addr_loopback;
  const bool there =
      probe >= 0 && bind(probe, reinterpret_cast<sockaddr*>(&loopback), sizeof(loopback)) == 0;
  if (probe >= 0) close(probe);
  if (!there) GTEST_SKIP() << "no IPv6 on this machine";
  const auto metrics = Listening("[::1]:0");
  ASSERT_NE(metrics, nullptr);
  EXPECT_TRUE(metrics->address().starts_with("[::1]:"));
  EXPECT_FALSE(metrics->address().ends_with(":0"));
}

}  // namespace
}  // namespace cordon
