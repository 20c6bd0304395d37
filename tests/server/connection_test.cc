// How connections end: by their age, without harm to a call, and once their client is gone.
#include <arpa/inet.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cordon/v1/admin.grpc.pb.h"
#include "cordon/v1/ingest.grpc.pb.h"
#include "engine/server/server.h"
#include "tests/store/from_text.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

// Knows no more of HTTP/2 than how to begin and how to answer a ping (RFC 9113, 6.5 and 6.7).
class BareClient {
 public:
  explicit BareClient(const std::string& address)
      : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    EXPECT_EQ(connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(kSettings, 0, ""));
  }
  ~BareClient() { close(socket_); }
  BareClient(const BareClient&) = delete;
  BareClient& operator=(const BareClient&) = delete;

  // Answers `pings` pings and then says nothing more. True once the server has hung up.
  bool IsHungUpOn(int pings) {
    std::string header;
    std::string payload;
    while (Read(kHeaderBytes, &header) && Read(PayloadBytes(header), &payload)) {
      const bool asked = header[3] == kPing && (header[4] & kAck) == 0;
      if (asked && pings-- > 0) Send(Frame(kPing, kAck, payload));
    }
    return hung_up_;
  }

 private:
  static constexpr size_t kHeaderBytes = 9;  // three of length, type, flags, four of stream
  static constexpr char kSettings = 4;
  static constexpr char kPing = 6;
  static constexpr char kAck = 1;

  static std::string Frame(char type, char flags, const std::string& payload) {
    return std::string{0, 0, static_cast<char>(payload.size()), type, flags, 0, 0, 0, 0} + payload;
  }
  static size_t PayloadBytes(const std::string& header) {
    size_t bytes = 0;
    for (int i = 0; i < 3; ++i) bytes = bytes << 8 | static_cast<unsigned char>(header[i]);
    return bytes;
  }
  void Send(const std::string& bytes) { send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // False once the server has hung up, and if it says nothing for long.
  bool Read(size_t bytes, std::string* out) {
    out->resize(bytes);
    for (size_t have = 0; have < bytes;) {
      const ssize_t got = recv(socket_, out->data() + have, bytes - have, 0);
      hung_up_ = got == 0 || (got < 0 && errno == ECONNRESET);
      if (got <= 0) return false;
      have += static_cast<size_t>(got);
    }
    return true;
  }

  const int socket_;
  bool hung_up_ = false;
};

class Connections : public testing::Test {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::IngestRequest, v1::IngestResponse>;

  void Start(const ConnectionTimes& times) {
    Config config;
    config.paths.data_dir = scratch_ / "data";
    config.listen = "127.0.0.1:0";
    config.dev = true;
    config.threads = 2;
    config.connections = times;
    auto started = Server::Start(config);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    server_ = *std::move(started);
    std::ifstream(scratch_ / "data/dev/admin.key") >> key_;
  }
  // A channel that shares no connection.
  std::shared_ptr<grpc::Channel> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(server_->address(), grpc::InsecureChannelCredentials(),
                                     arguments);
  }
  static std::chrono::system_clock::time_point In(int seconds) {
    return std::chrono::system_clock::now() + std::chrono::seconds(seconds);
  }
  std::unique_ptr<grpc::ClientContext> As() const {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata("authorization", "Bearer " + key_);
    context->set_deadline(In(20));
    return context;
  }
  grpc::Status Ask(const std::shared_ptr<grpc::Channel>& channel) const {
    v1::CapabilitiesResponse response;
    return v1::Admin::NewStub(channel)->Capabilities(As().get(), {}, &response);
  }
  void MakeCollection() const {
    v1::CreateCollectionResponse response;
    const auto made = v1::Admin::NewStub(Connect())->CreateCollection(
        As().get(),
        FromText<v1::CreateCollectionRequest>(
            "config { name: 'docs' dimension: 8 metric: METRIC_COSINE "
            "embedder: EMBEDDER_BUILTIN default_label { level: 'public' } "
            "default_acl { allow { principal: 'everyone' } } }"),
        &response);
    ASSERT_TRUE(made.ok()) << made.error_message();
  }
  static bool Put(Stream* stream, const std::string& id) {
    auto batch = FromText<v1::IngestRequest>("collection: 'docs' documents { text: 'some words' }");
    batch.mutable_documents(0)->set_id(id);
    v1::IngestResponse answer;
    return stream->Write(batch) && stream->Read(&answer) && answer.accepted() == 1;
  }

  ScratchDirectory scratch_;
  std::unique_ptr<Server> server_;
  std::string key_;
};

TEST_F(Connections, LiveForEver) {
  Start({.age_ms = 300});
  BareClient deaf(server_->address());  // to the request to go
  EXPECT_TRUE(deaf.IsHungUpOn(/*pings=*/1000));
}

TEST_F(Connections, TakeAStreamWithThem) {
  Start({.age_ms = 300});
  MakeCollection();
  const auto channel = Connect();
  const auto context = As();
  const auto stream = v1::Ingest::NewStub(channel)->Ingest(context.get());
  EXPECT_TRUE(Put(stream.get(), "a"));
  EXPECT_TRUE(channel->WaitForStateChange(GRPC_CHANNEL_READY, In(10))) << "it is not asked to go";
  EXPECT_TRUE(Ask(channel).ok()) << "a new call finds no connection";
  EXPECT_TRUE(Put(stream.get(), "b"));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(Connections, FailACallAsTheyEnd) {
  Start({.age_ms = 100});
  const auto until = In(1);
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&, channel = Connect()] {
      while (std::chrono::system_clock::now() < until) {
        const auto end = Ask(channel);
        EXPECT_TRUE(end.ok()) << end.error_message();
      }
    });
  }
  for (auto& caller : callers) caller.join();
}

TEST_F(Connections, OutliveTheirClient) {
  Start({.ping_every_ms = 100, .ping_timeout_ms = 1500});
  const auto idle = Connect();
  ASSERT_TRUE(Ask(idle).ok());
  BareClient dying(server_->address());
  // gRPC's clients ask twice (GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA); the server asks on.
  EXPECT_TRUE(dying.IsHungUpOn(/*pings=*/3));
  EXPECT_EQ(idle->GetState(/*try_to_connect=*/false), GRPC_CHANNEL_READY) << "it has answered";
}

}  // namespace
}  // namespace cordon
