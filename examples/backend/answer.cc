// A question becomes a prompt with citations, for a model that may have what is in it.
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "cordon/v1/retrieval.grpc.pb.h"

namespace {

namespace api = cordon::v1;

struct Options {
  std::string server = "127.0.0.1:7420";
  std::string collection;
  std::string user;
  std::vector<std::string> models;  // ours by preference: destinations
  std::string level = "internal";   // the highest that we allow for
  std::string purpose = "answer a question";
  uint32_t budget = 4000;  // tokens of the whole prompt
  uint32_t reserve = 500;  // of those, for the rest of it
  std::string question;
};

[[noreturn]] void Fail(const std::string& why) {
  std::cerr << why << "\n";
  std::exit(1);
}

// One connection with the key of this application.
class Backend {
 public:
  Backend(const Options& options, std::string key)
      : options_(options),
        key_(std::move(key)),
        retrieval_(api::Retrieval::NewStub(
            grpc::CreateChannel(options.server, grpc::InsecureChannelCredentials()))) {}

  // The first of our models that may receive an answer of the label that we allow for.
  std::optional<std::string> ChooseModel() {
    api::AllowedDestinationsRequest request;
    request.mutable_label()->set_level(options_.level);
    SetScope(request.mutable_scope());
    api::AllowedDestinationsResponse response;
    grpc::ClientContext context;
    Prepare(&context);
    Check(retrieval_->AllowedDestinations(&context, request, &response));
    for (const auto& model : options_.models) {
      if (std::ranges::count(response.destinations(), model) > 0) return model;
    }
    return std::nullopt;
  }

  api::RetrieveResponse FetchContext(const std::string& model) {
    api::RetrieveRequest request;
    request.set_collection(options_.collection);
    SetScope(request.mutable_scope());
    request.mutable_scope()->set_destination(model);
    request.set_text(options_.question);
    request.set_k(8);
    request.set_token_budget(options_.budget);
    auto* shape = request.mutable_context();
    shape->set_duplicates(api::DUPLICATES_NEAR);
    shape->set_per_document_max(3);
    shape->set_token_reserve(options_.reserve);
    shape->set_want_block(true);
    api::RetrieveResponse response;
    grpc::ClientContext context;
    Prepare(&context);
    Check(retrieval_->Retrieve(&context, request, &response));
    return response;
  }

 private:
  void SetScope(api::Scope* scope) const {
    scope->set_as(options_.user);
    scope->set_purpose(options_.purpose);
  }
  void Prepare(grpc::ClientContext* context) const {
    context->AddMetadata("authorization", "Bearer " + key_);
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  }
  static void Check(const grpc::Status& status) {
    if (!status.ok()) Fail(status.error_message());
  }

  const Options& options_;
  const std::string key_;
  const std::unique_ptr<api::Retrieval::Stub> retrieval_;
};

std::string LabelText(const api::Label& label) {
  std::string text = label.level();
  for (const auto& name : label.compartments()) text += " " + name;
  for (const auto& tag : label.tags()) text += " #" + tag;
  return text;
}

std::string ReadKey() {
  const char* path = std::getenv("CORDON_KEY_FILE");
  std::string key;
  if (path == nullptr || !(std::ifstream(path) >> key)) Fail("CORDON_KEY_FILE names no key");
  return key;
}

void Answer(const Options& options) {
  Backend backend(options, ReadKey());
  const auto model = backend.ChooseModel();
  if (!model) Fail("none of our models may receive " + options.level + " for " + options.user);
  const api::RetrieveResponse found = backend.FetchContext(*model);
  if (found.passages().empty()) {
    std::cout << "Nothing that " << options.user << " may see answers this.\n";
    return;
  }
  // It was searched for this model, so that it may have it; a second look costs nothing.
  if (std::ranges::count(found.destinations(), *model) == 0) {
    Fail(*model + " may not receive this context");
  }
  std::cout << "Answer the question from the text below alone, and cite each fact as [n].\n\n"
            << found.block() << "\nQuestion: " << options.question << "\n---\nto " << *model
            << ", label " << LabelText(found.context_label()) << ", " << found.tokens()
            << " tokens\n";
  for (const auto& passage : found.passages()) {
    const std::string chunk = passage.document() + "#" + std::to_string(passage.chunk());
    std::cout << "[" << passage.citation() << "] "
              << (passage.title().empty() ? passage.document() : passage.title()) << ": "
              << (passage.uri().empty() ? chunk : passage.uri()) << "\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A question becomes a prompt with citations, for a model that may have it");
  Options options;
  app.add_option("--server", options.server);
  app.add_option("--collection", options.collection)->required();
  app.add_option("--user", options.user, "for whom, such as user:ana")->required();
  app.add_option("--models", options.models, "our models by preference")
      ->required()
      ->delimiter(',');
  app.add_option("--level", options.level, "the highest level we allow for");
  app.add_option("--purpose", options.purpose);
  app.add_option("--budget", options.budget, "tokens of the whole prompt");
  app.add_option("--reserve", options.reserve, "of those, for the rest of it");
  app.add_option("question", options.question)->required();
  CLI11_PARSE(app, argc, argv);
  Answer(options);
  return 0;
}
