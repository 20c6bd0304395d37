// An HTTP endpoint of the server's configuration: a model that embeds or that ranks. It is a
// destination like any other, and receives Released texts only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/http/http.h"

namespace cordon {

struct EndpointConfig {
  enum class Kind { kEmbeddings, kRerank };
  std::string name;  // of the destination that each tenant's policy must register
  Kind kind = Kind::kEmbeddings;
  HttpTarget target;
  std::string model;           // asked for
  std::string response_model;  // that answers must name; empty: the same
  uint32_t dimension = 0;      // of embeddings
  std::string key_file;        // holds the key, mode 0600; read at each call, so that it may change
  std::string key_env;         // the environment variable that holds it instead
  int deadline_ms = limits::kEndpointDeadlineDefault_ms;  // of one call, its retries included
  int batch = 64;                                         // texts of one call
  int concurrency = 4;                                    // calls at once
  int pause_ms = limits::kEndpointPause_ms;               // of an open circuit

  const std::string& ModelInAnswers() const {
    return response_model.empty() ? model : response_model;
  }
};

// Refuses what is missing, out of range or does not fit together.
Status CheckEndpoint(const EndpointConfig& config);

// Thread-safe. A call holds its thread until it ends.
class Endpoint {
 public:
  explicit Endpoint(EndpointConfig config);

  const EndpointConfig& config() const { return config_; }

  // Runs once the call is certain, before the first byte leaves; if it fails nothing leaves, and
  // that is the call's error. May be empty.
  using BeforeSending = std::function<Status()>;
  // Reads the body of an answer with status 200; says why it is no good, or nothing if it is.
  using ReadBody = std::function<std::string(const std::string& body)>;

  // Sends `json` and has `read` read the answer. Tries again, with a pause that doubles or that the
  // server names (Retry-After), after 408, 429, 500, 502, 503, 504 and lost connections, while
  // there is time. UNAVAILABLE if it does not answer or the circuit is open; RESOURCE_EXHAUSTED if
  // it is busy (429) or too many calls are under way; FAILED_PRECONDITION if it refuses what is
  // asked, answers what cannot be read, or its key cannot be read. What it said is logged only by
  // its status.
  //
  // The circuit (Nygard, "Release It!") opens after kEndpointFailures failed calls in a row: calls
  // then fail at once, until after a pause one may try. What a call tells of it:
  //   works   an answer that can be read: closes the circuit
  //   fails   no answer, or the statuses above but 429, after all tries; an answer that cannot be
  //           read: the fifth in a row opens it
  //   nothing 429, another status (it may be about this one question), no free call, a caller that
  //           has left, `before` that fails: changes nothing
  Status Call(std::string json, const BeforeSending& before, const ReadBody& read,
              const std::function<bool()>& stop);

 private:
  using Clock = std::chrono::steady_clock;
  // What a call has told of the endpoint.
  enum class Health { kWorks, kFails, kUntold };

  // Of a call that got no answer with status 200.
  static Health HealthOf(const Status& failed);
  Status Admit();
  void Settle(Health health);
  // Of answers whose status is good and whose content is not.
  Status BadAnswer(std::string_view why) const;
  StatusOr<std::unique_ptr<HttpConnection>> TakeConnection(Clock::time_point until,
                                                           const std::function<bool()>& stop);
  void GiveBack(std::unique_ptr<HttpConnection> connection);
  StatusOr<std::string> Key() const;
  StatusOr<std::string> Try(HttpConnection* connection, HttpCall call, Clock::time_point until);
  Status Unavailable(std::string_view why) const;

  const EndpointConfig config_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<std::unique_ptr<HttpConnection>> idle_;  // guarded by mutex_
  int calls_ = 0;                                      // under way; guarded by mutex_
  int failures_ = 0;                                   // in a row; guarded by mutex_
  Clock::time_point closed_from_;                      // no call before; guarded by mutex_
};

// All of a server, by name; immutable, so thread-safe.
class Endpoints {
 public:
  explicit Endpoints(const std::vector<EndpointConfig>& configs) {
    for (const auto& config : configs) all_[config.name] = std::make_unique<Endpoint>(config);
  }

  // Null if there is none of that name and kind.
  Endpoint* Find(std::string_view name, EndpointConfig::Kind kind) const {
    const auto it = all_.find(name);
    return it == all_.end() || it->second->config().kind != kind ? nullptr : it->second.get();
  }

 private:
  std::map<std::string, std::unique_ptr<Endpoint>, std::less<>> all_;
};

// The endpoint that embeds for a collection whose vectors were made by `model` and have so many
// numbers. FAILED_PRECONDITION if the server has none of that name, or it has become another model:
// vectors of two models cannot be compared. `endpoints` may be null.
StatusOr<Endpoint*> EmbeddingEndpoint(const Endpoints* endpoints, std::string_view name,
                                      std::string_view model, uint32_t dimension);

}  // namespace cordon
