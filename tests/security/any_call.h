// Any RPC by its name, with any metadata and any bytes: what a stranger can send to the socket, and
// everything that comes back.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/check.h"

namespace cordon {

using Metadata = std::multimap<std::string, std::string>;

// Everything that one call gave.
struct AnyAnswer {
  grpc::Status status;
  std::vector<std::string> messages;  // as they were on the wire
  Metadata initial;
  Metadata trailing;
};

inline Metadata BearerOf(const std::string& key) { return {{"authorization", "Bearer " + key}}; }

// "/cordon.v1.Admin/Stats" of "Admin/Stats"; names with a package stay.
inline std::string PathOf(const std::string& method) {
  const bool own = method.find('.') == method.npos;
  return "/" + std::string(own ? "cordon.v1." : "") + method;
}

// The descriptor of "Admin/Stats"; null if there is no such method.
inline const google::protobuf::MethodDescriptor* MethodOf(const std::string& method) {
  std::string name = PathOf(method).substr(1);
  name[name.find('/')] = '.';
  return google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
}

// "Admin/Stats" and the like: all that the linked .proto files of cordon.v1 declare.
inline std::vector<std::string> DeclaredMethods() {
  using google::protobuf::DescriptorPool;
  std::vector<std::string> files, methods;
  DescriptorPool::internal_generated_database()->FindAllFileNames(&files);
  for (const auto& name : files) {
    if (!name.starts_with("cordon/v1/")) continue;
    const auto* file = DescriptorPool::generated_pool()->FindFileByName(name);
    for (int s = 0; s < file->service_count(); ++s) {
      const auto* service = file->service(s);
      for (int m = 0; m < service->method_count(); ++m) {
        methods.push_back(service->name() + "/" + service->method(m)->name());
      }
    }
  }
  return methods;
}

inline std::unique_ptr<google::protobuf::Message> NewMessage(
    const google::protobuf::Descriptor* type) {
  auto* factory = google::protobuf::MessageFactory::generated_factory();
  return std::unique_ptr<google::protobuf::Message>(factory->GetPrototype(type)->New());
}

// The bytes of a method's request, from protobuf's text format.
inline std::string RequestBytes(const std::string& method, const std::string& text) {
  const auto* descriptor = MethodOf(method);
  CORDON_CHECK(descriptor != nullptr);
  const auto message = NewMessage(descriptor->input_type());
  CORDON_CHECK(google::protobuf::TextFormat::ParseFromString(text, message.get()));
  return message->SerializeAsString();
}

// One connection. Not thread-safe.
class AnyCaller {
 public:
  // Over TLS by `credentials`; the server's certificate is for `localhost`.
  explicit AnyCaller(const std::string& address,
                     const std::shared_ptr<grpc::ChannelCredentials>& credentials =
                         grpc::InsecureChannelCredentials())
      : stub_(grpc::CreateCustomChannel(address, credentials, Alone())) {}

  // Sends `request`, or nothing, as the only message, and waits for the end. A stream that has no
  // end of its own is cancelled after its first answer.
  AnyAnswer Call(const std::string& method, const Metadata& metadata,
                 const std::optional<std::string>& request, bool endless = false) {
    AnyAnswer answer;
    grpc::ClientContext context;
    for (const auto& [key, value] : metadata) context.AddMetadata(key, value);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    const auto call = stub_.PrepareCall(&context, PathOf(method), &queue_);
    call->StartCall(this);
    if (Next()) Send(call.get(), request);
    grpc::ByteBuffer message;
    for (call->Read(&message, this); Next(); call->Read(&message, this)) {
      answer.messages.push_back(BytesOf(message));
      if (endless) context.TryCancel();
    }
    call->Finish(&answer.status, this);
    Next();
    Copy(context.GetServerInitialMetadata(), &answer.initial);
    Copy(context.GetServerTrailingMetadata(), &answer.trailing);
    return answer;
  }

 private:
  using Stream = grpc::GenericClientAsyncReaderWriter;

  // A connection that no other caller shares.
  static grpc::ChannelArguments Alone() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetSslTargetNameOverride("localhost");
    return arguments;
  }
  bool Next() {
    void* tag = nullptr;
    bool ok = false;
    CORDON_CHECK(queue_.Next(&tag, &ok));
    return ok;
  }
  void Send(Stream* call, const std::optional<std::string>& request) {
    if (request) {
      const grpc::Slice slice(*request);
      call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), this);
    } else {
      call->WritesDone(this);
    }
    Next();  // a call that is refused meanwhile takes no message; its end says why
  }
  static std::string BytesOf(const grpc::ByteBuffer& buffer) {
    grpc::Slice slice;
    CORDON_CHECK(buffer.DumpToSingleSlice(&slice).ok());
    return std::string(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  static void Copy(const std::multimap<grpc::string_ref, grpc::string_ref>& from, Metadata* to) {
    for (const auto& [key, value] : from) {
      to->emplace(std::string(key.data(), key.size()), std::string(value.data(), value.size()));
    }
  }

  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
};

}  // namespace cordon
