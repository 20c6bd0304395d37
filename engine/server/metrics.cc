#include "engine/server/metrics.h"

#include <microhttpd.h>
#include <netdb.h>
#include <sys/socket.h>

#include <chrono>
#include <string_view>
#include <utility>

#include "engine/base/limits.h"
#include "engine/server/metrics_text.h"

namespace cordon {
namespace {

// Libraries' thread-local arrays (OpenBLAS: 60 KiB) are in it.
constexpr size_t kStackBytes = 1 << 20;

struct FreeAddress {
  void operator()(addrinfo* address) const { freeaddrinfo(address); }
};
using Address = std::unique_ptr<addrinfo, FreeAddress>;

// Null if the name is not known. `[::1]:0` has its host in brackets.
Address Resolve(std::string_view listen) {
  const size_t colon = listen.rfind(':');
  std::string_view host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port(listen.substr(colon + 1));
  if (getaddrinfo(std::string(host).c_str(), port.c_str(), &hints, &found) != 0) return nullptr;
  return Address(found);
}

MHD_Result QueueText(MHD_Connection* connection, unsigned code, std::string text) {
  MHD_Response* response =
      MHD_create_response_from_buffer(text.size(), text.data(), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  MHD_add_response_header(response, "Connection", "close");
  const MHD_Result queued = MHD_queue_response(connection, code, response);
  MHD_destroy_response(response);
  return queued;
}

}  // namespace

struct Metrics::Parts {
  Engine* engine = nullptr;
  const Front* front = nullptr;
  std::chrono::system_clock::time_point started = std::chrono::system_clock::now();
  std::string address;
  MHD_Daemon* daemon = nullptr;

  static MHD_Result OnRequest(void* parts, MHD_Connection* connection, const char* path,
                              const char* method, const char* version, const char* body,
                              size_t* body_bytes, void** state);
};

// Called at a request's head, and again if it has a body, which nobody reads.
MHD_Result Metrics::Parts::OnRequest(void* parts, MHD_Connection* connection, const char* path,
                                     const char* method, const char*, const char*, size_t*,
                                     void**) {
  const auto& self = *static_cast<const Parts*>(parts);
  if (std::string_view(method) != MHD_HTTP_METHOD_GET) {
    return QueueText(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET /metrics\n");
  }
  if (std::string_view(path) != "/metrics") {
    return QueueText(connection, MHD_HTTP_NOT_FOUND, "GET /metrics\n");
  }
  return QueueText(connection, MHD_HTTP_OK, MetricsText(self.engine, *self.front, self.started));
}

StatusOr<std::unique_ptr<Metrics>> Metrics::Start(const std::string& listen, Engine* engine,
                                                  const Front* front) {
  auto parts = std::make_unique<Parts>();
  parts->engine = engine;
  parts->front = front;
  if (const Address address = Resolve(listen); address != nullptr) {
    // Without ITC a stop waits until a connection is silent for too long, if all are taken: nobody
    // listens then for what wakes the thread.
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_USE_ITC;
    if (address->ai_family == AF_INET6) flags |= MHD_USE_IPv6;
    // Connections that do not fit wait in the kernel's queue, so that strangers take so many
    // descriptors at most, and one thread.
    parts->daemon = MHD_start_daemon(flags, 0, nullptr, nullptr, &Parts::OnRequest, parts.get(),
                                     MHD_OPTION_SOCK_ADDR, address->ai_addr,
                                     MHD_OPTION_CONNECTION_LIMIT, limits::kMetricsConnections,
                                     MHD_OPTION_CONNECTION_TIMEOUT, limits::kMetricsSilence_s,
                                     MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits::kMetricsBytes,
                                     MHD_OPTION_THREAD_STACK_SIZE, kStackBytes, MHD_OPTION_END);
  }
  if (parts->daemon == nullptr) {
    return Status(
        StatusCode::kFailedPrecondition, "metrics_listen",
        "cannot listen on " + listen + "; is the port in use? Choose another, or port 0 for any");
  }
  const auto* bound = MHD_get_daemon_info(parts->daemon, MHD_DAEMON_INFO_BIND_PORT);
  parts->address =
      listen.substr(0, listen.rfind(':') + 1) + std::to_string(bound == nullptr ? 0 : bound->port);
  return std::unique_ptr<Metrics>(new Metrics(std::move(parts)));
}

Metrics::Metrics(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Metrics::~Metrics() { MHD_stop_daemon(parts_->daemon); }

const std::string& Metrics::address() const { return parts_->address; }

}  // namespace cordon
