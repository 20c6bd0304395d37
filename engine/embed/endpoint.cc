#include "engine/embed/endpoint.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "engine/base/planted.h"
#include "engine/base/stop.h"
#include "engine/base/text_check.h"
#include "engine/crypto/key_file.h"

namespace cordon {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{20};  // how often a waiting call asks whether it should stop

bool IsTransient(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

Status CheckRange(std::string_view field, int value, int min, int max) {
  if (value >= min && value <= max) return OkStatus();
  return Invalid(field, fmt::format("not {} to {}", min, max));
}

}  // namespace

Status CheckEndpoint(const EndpointConfig& config) {
  RETURN_IF_ERROR(CheckName("name", config.name, limits::kNameBytes));
  if (config.target.url.empty()) return Invalid("url", "missing; write https://HOST/PATH");
  RETURN_IF_ERROR(
      CheckUrl("url", config.target.url,
               {.credentials = "holds a user or a password; put the key in a file (key_file)"}));
  if (config.model.empty()) return Invalid("model", "missing; name the model that is asked for");
  RETURN_IF_ERROR(CheckName("model", config.model, limits::kNameBytes));
  if (config.kind == EndpointConfig::Kind::kEmbeddings) {
    RETURN_IF_ERROR(CheckRange("dimension", static_cast<int>(config.dimension), 1,
                               static_cast<int>(limits::kDimensionMax)));
  } else if (config.dimension != 0) {
    return Invalid("dimension", "only of embeddings; leave it out");
  }
  if (!config.key_file.empty() && !config.key_env.empty()) {
    return Invalid("key_env", "given beside key_file; keep one");
  }
  RETURN_IF_ERROR(
      CheckRange("deadline_ms", config.deadline_ms, 1, limits::kEndpointDeadlineMax_ms));
  RETURN_IF_ERROR(CheckRange("pause_ms", config.pause_ms, 1, limits::kEndpointDeadlineMax_ms));
  RETURN_IF_ERROR(CheckRange("batch", config.batch, 1, limits::kEndpointBatch));
  return CheckRange("concurrency", config.concurrency, 1, limits::kEndpointCalls);
}

StatusOr<Endpoint*> EmbeddingEndpoint(const Endpoints* endpoints, std::string_view name,
                                      std::string_view model, uint32_t dimension) {
  Endpoint* const endpoint =
      endpoints == nullptr ? nullptr : endpoints->Find(name, EndpointConfig::Kind::kEmbeddings);
  if (endpoint == nullptr) {
    return Status(StatusCode::kFailedPrecondition, "embedding_endpoint",
                  fmt::format("the server has no embedding endpoint '{}'; add it to its "
                              "configuration",
                              name));
  }
  if (endpoint->config().model == model && endpoint->config().dimension == dimension) {
    return endpoint;
  }
  return Status(StatusCode::kFailedPrecondition, "model",
                fmt::format("the collection has vectors of the model '{}' with {} numbers, the "
                            "endpoint '{}' serves another; begin another embedding with it",
                            model, dimension, name));
}

Endpoint::Endpoint(EndpointConfig config) : config_(std::move(config)) {}

Status Endpoint::Unavailable(std::string_view why) const {
  spdlog::warn("endpoint {}: {}", config_.name, why);
  return Status(StatusCode::kUnavailable, "endpoint",
                fmt::format("the endpoint '{}' does not answer; try again", config_.name));
}

Status Endpoint::BadAnswer(std::string_view why) const {
  spdlog::error("endpoint {}: a wrong answer: {}", config_.name, why);
  return Status(StatusCode::kFailedPrecondition, "endpoint",
                fmt::format("the endpoint '{}' answers wrongly: {}", config_.name, why));
}

Status Endpoint::Admit() {
  bool open = false;
  {
    const std::lock_guard lock(mutex_);
    open = Clock::now() < closed_from_;
    // Of those that find it half open, one tries; the others wait for how that ends.
    if (!open && failures_ >= limits::kEndpointFailures) {
      closed_from_ = Clock::now() + milliseconds(config_.pause_ms);
    }
  }
  return open ? Unavailable("the circuit is open") : OkStatus();
}

Endpoint::Health Endpoint::HealthOf(const Status& failed) {
  if (failed.code() == StatusCode::kUnavailable) return Health::kFails;
  return Planted(Bug::kBusyIsWell) ? Health::kWorks : Health::kUntold;
}

void Endpoint::Settle(Health health) {
  if (health == Health::kUntold) return;
  const std::lock_guard lock(mutex_);
  if (health == Health::kWorks) {
    failures_ = 0;
    closed_from_ = {};
    return;
  }
  if (++failures_ < limits::kEndpointFailures) return;
  closed_from_ = Clock::now() + milliseconds(config_.pause_ms);
}

StatusOr<std::unique_ptr<HttpConnection>> Endpoint::TakeConnection(
    Clock::time_point until, const std::function<bool()>& stop) {
  std::unique_lock lock(mutex_);
  while (calls_ >= config_.concurrency) {
    RETURN_IF_ERROR(CheckGoesOn(stop));
    if (Clock::now() >= until) {
      return Status(StatusCode::kResourceExhausted, "endpoint",
                    fmt::format("too many calls to '{}'; try again", config_.name));
    }
    free_.wait_for(lock, kLook);
  }
  ++calls_;
  if (idle_.empty()) return std::make_unique<HttpConnection>(config_.target);
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void Endpoint::GiveBack(std::unique_ptr<HttpConnection> connection) {
  const std::lock_guard lock(mutex_);
  --calls_;
  idle_.push_back(std::move(connection));
  free_.notify_one();
}

StatusOr<std::string> Endpoint::Key() const {
  std::string key;
  if (!config_.key_env.empty()) {
    const char* value = std::getenv(config_.key_env.c_str());
    key = value == nullptr ? "" : value;
  } else if (!config_.key_file.empty()) {
    auto read = ReadSecretFile(config_.key_file, limits::kEndpointKeyBytes);
    key = read.ok() ? *std::move(read) : "";
  } else {
    return key;
  }
  key.erase(key.find_last_not_of(" \r\n\t") + 1);
  const bool printable =
      std::all_of(key.begin(), key.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  if (!key.empty() && printable) return key;
  spdlog::error("endpoint {}: its key is missing, malformed, or others may read it", config_.name);
  return Status(StatusCode::kFailedPrecondition, "endpoint",
                fmt::format("the endpoint '{}' has no key that can be read", config_.name));
}

StatusOr<std::string> Endpoint::Try(HttpConnection* connection, HttpCall call,
                                    Clock::time_point until) {
  std::chrono::duration<double, std::milli> pause{limits::kEndpointBackoff_ms};
  for (int tries = 1;; ++tries) {
    call.timeout = std::chrono::ceil<milliseconds>(until - Clock::now());
    if (call.timeout.count() <= 0) return Unavailable("no answer in time");
    auto answer = connection->Send(call);
    RETURN_IF_ERROR(CheckGoesOn(call.stop));
    if (answer.ok() && answer->status == 200) return std::move(answer->body);
    const int status = answer.ok() ? answer->status : 0;
    if (answer.ok() && !IsTransient(status)) {
      spdlog::error("endpoint {}: HTTP status {}", config_.name, status);
      return Status(StatusCode::kFailedPrecondition, "endpoint",
                    fmt::format("the endpoint '{}' refuses the call with HTTP status {}",
                                config_.name, status));
    }
    auto wait = std::chrono::duration_cast<Clock::duration>(pause);
    if (answer.ok() && answer->retry_after) wait = *answer->retry_after;  // at most a day
    if (tries == limits::kEndpointTries || Clock::now() + wait >= until) {
      if (status == 429) {
        return Status(StatusCode::kResourceExhausted, "endpoint",
                      fmt::format("the endpoint '{}' is busy; try again later", config_.name));
      }
      return Unavailable(answer.ok() ? fmt::format("HTTP status {}", status)
                                     : std::string(answer.status().message()));
    }
    for (const auto end = Clock::now() + wait; Clock::now() < end;) {
      RETURN_IF_ERROR(CheckGoesOn(call.stop));
      std::this_thread::sleep_for(std::min<Clock::duration>(kLook, end - Clock::now()));
    }
    pause *= 2;
  }
}

Status Endpoint::Call(std::string json, const BeforeSending& before, const ReadBody& read,
                      const std::function<bool()>& stop) {
  auto until = Clock::now() + milliseconds(config_.deadline_ms);
  HttpCall call;
  call.json = std::move(json);
  call.answer_bytes = limits::kEndpointAnswerBytes;
  call.stop = stop;
  ASSIGN_OR_RETURN(call.bearer, Key());
  RETURN_IF_ERROR(Admit());
  ASSIGN_OR_RETURN(auto connection, TakeConnection(until, stop));
  const auto free_at = Clock::now();
  const Status ready = before ? before() : OkStatus();
  until += Clock::now() - free_at;  // how long the journal takes is not the endpoint's fault
  const auto body =
      ready.ok() ? Try(connection.get(), std::move(call), until) : StatusOr<std::string>(ready);
  GiveBack(std::move(connection));
  RETURN_IF_ERROR(ready);
  if (!body.ok()) {
    Settle(HealthOf(body.status()));
    return body.status();
  }
  const std::string wrong = read(*body);
  Settle(wrong.empty() ? Health::kWorks : Health::kFails);
  return wrong.empty() ? OkStatus() : BadAnswer(wrong);
}

}  // namespace cordon
