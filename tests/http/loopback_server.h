// A real HTTP server on loopback that answers every request with what the test says.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace cordon {

// One request a connection, each on a thread of its own. Thread-safe.
class LoopbackServer {
 public:
  LoopbackServer() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CORDON_CHECK(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    CORDON_CHECK(listen(socket_, 128) == 0);
    socklen_t size = sizeof(address);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    listener_ = std::thread([this] { Listen(); });
  }
  ~LoopbackServer() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    shutdown(socket_, SHUT_RDWR);
    listener_.join();
    for (auto& peer : peers_) peer.join();
    close(socket_);
  }

  std::string url(const std::string& path = "/keys") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  int asked() const { return asked_; }
  int most_at_once() {
    std::lock_guard lock(mutex_);
    return most_at_once_;
  }
  // The newest request, head and body.
  std::string last_request() {
    std::lock_guard lock(mutex_);
    return last_request_;
  }
  // `status` may be followed by headers: "302 Found\r\nLocation: /elsewhere".
  void Say(const std::string& status, const std::string& body) {
    std::lock_guard lock(mutex_);
    answer_ = AnswerOf(status, body);
    body_of_ = nullptr;
  }
  // Answers each request, head and body, with 200 and what `body_of` makes of it, perhaps of
  // several at once.
  void SayBy(std::function<std::string(const std::string& request)> body_of) {
    std::lock_guard lock(mutex_);
    body_of_ = std::move(body_of);
  }
  // How long each answer takes from now on.
  void Wait(std::chrono::milliseconds delay) {
    std::lock_guard lock(mutex_);
    delay_ = delay;
  }

 private:
  static std::string AnswerOf(const std::string& status, const std::string& body) {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nConnection: close\r\n\r\n" + body;
  }

  void Listen() {
    while (true) {
      const int peer = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer < 0) return;
      ++asked_;
      peers_.emplace_back([this, peer] { Serve(peer); });
    }
  }

  void Serve(int peer) {
    const std::string request = ReadRequest(peer);
    std::string answer;
    std::function<std::string(const std::string&)> body_of;
    {
      std::unique_lock lock(mutex_);
      last_request_ = request;
      most_at_once_ = std::max(most_at_once_, ++at_once_);
      wake_.wait_for(lock, delay_, [this] { return stopping_; });
      --at_once_;
      answer = answer_;
      body_of = body_of_;
    }
    if (body_of) answer = AnswerOf("200 OK", body_of(request));
    (void)!send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
    close(peer);
  }

  static std::string ReadRequest(int peer) {
    std::string request;
    char bytes[4096];
    while (true) {
      const size_t head = request.find("\r\n\r\n");
      if (head != request.npos && request.size() >= head + 4 + BodyBytes(request)) return request;
      const ssize_t count = read(peer, bytes, sizeof(bytes));
      if (count <= 0) return request;
      request.append(bytes, static_cast<size_t>(count));
    }
  }

  static size_t BodyBytes(const std::string& request) {
    const std::string name = "Content-Length: ";
    const size_t at = request.find(name);
    return at == request.npos ? 0 : std::stoul(request.substr(at + name.size()));
  }

  const int socket_;
  int port_ = 0;
  std::atomic<int> asked_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;               // guarded by mutex_
  std::chrono::milliseconds delay_{0};  // guarded by mutex_
  int at_once_ = 0;                     // guarded by mutex_
  int most_at_once_ = 0;                // guarded by mutex_
  std::string last_request_;            // guarded by mutex_
  std::string answer_;                  // guarded by mutex_
  // Instead of answer_; guarded by mutex_.
  std::function<std::string(const std::string& request)> body_of_;
  std::vector<std::thread> peers_;  // the listener's, until it has ended
  std::thread listener_;
};

}  // namespace cordon
