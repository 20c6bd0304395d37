#include "tests/crash/engine_on_disk.h"

#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>

#include "tests/store/from_text.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

// Wraps `promise` so that it gets the revision of any response.
auto Revision(std::shared_ptr<std::promise<StatusOr<uint64_t>>> promise) {
  return [promise](const auto& answer) {
    if (!answer.ok()) return promise->set_value(answer.status());
    if constexpr (requires { answer->response.revision(); }) {
      promise->set_value(answer->response.revision());
    } else {
      promise->set_value(answer->revision());
    }
  };
}

v1::Acl AclOf(const std::string& who) {
  v1::Acl acl;
  if (who.starts_with("folder:")) {
    acl.add_inherit(who);
  } else {
    acl.add_allow()->set_principal(who);
  }
  return acl;
}

v1::IngestRequest PutOf(const Change& change) {
  v1::IngestRequest request;
  request.set_collection("docs");
  v1::Document* document = request.add_documents();
  document->set_id(change.document);
  *document->mutable_acl() = AclOf(change.acl);
  document->mutable_label()->set_level(change.level);
  if (change.ordered) document->set_version(change.version);
  v1::Chunk* chunk = document->add_chunks();
  chunk->set_text("version " + std::to_string(change.version) + " of " + change.document);
  chunk->add_embedding(static_cast<float>(change.version % 97 + 1));
  chunk->add_embedding(1);
  if (change.run == 0) return request;
  request.set_run("run " + std::to_string(change.run));
  request.set_batch(1);
  request.set_end_run(true);
  return request;
}

v1::UpdateMetadataRequest TitleOf(const Change& change) {
  v1::UpdateMetadataRequest request;
  request.set_collection("docs");
  request.set_document(change.document);
  request.mutable_update_mask()->add_paths("title");
  request.mutable_metadata()->set_title("title " + std::to_string(change.version));
  return request;
}

v1::SetAccessRequest AccessOf(const Change& change) {
  v1::SetAccessRequest request;
  request.set_collection("docs");
  request.set_document(change.document);
  if (change.kind == Change::kSetAcl) *request.mutable_acl() = AclOf(change.acl);
  if (change.kind == Change::kSetLevel) request.mutable_label()->set_level(change.level);
  return request;
}

v1::ApplyDirectoryRequest MembersOf(const Change& change) {
  auto request = FromText<v1::ApplyDirectoryRequest>(
      "principals { name: 'group:g' sets_members: true } "
      "principals { name: 'user:a' clearance { level: 'restricted' } }");
  for (const auto& user : change.users) {
    request.mutable_principals(0)->add_members()->set_principal(user);
  }
  return request;
}

// Whoever else is allowed, nobody is: an empty list would be refused.
v1::ApplyPolicyRequest FolderOf(const Change& change) {
  auto request = FromText<v1::ApplyPolicyRequest>(
      "containers { container { name: 'folder:x' acl { allow { principal: 'user:nobody' } } } }");
  auto* acl = request.mutable_containers(0)->mutable_container()->mutable_acl();
  for (const auto& user : change.users) acl->add_allow()->set_principal(user);
  return request;
}

}  // namespace

namespace {

using Lines = spdlog::sinks::ringbuffer_sink_mt;

// What fails here fails on purpose: its log is kept, not shown.
std::shared_ptr<Lines> LogLines() {
  static const auto lines = [] {
    constexpr size_t kLines = 10;
    auto sink = std::make_shared<Lines>(kLines);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("kept", sink));
    return sink;
  }();
  return lines;
}

}  // namespace

std::string LastLog() {
  std::string log;
  for (const auto& line : LogLines()->last_formatted()) log += line;
  return log;
}

void CreateTemplate(const DataPaths& paths, DiskModel* disk) {
  CORDON_CHECK(CreateStore(paths, {"default.k", "default.k.s", "digest"}, false).ok());
  EngineOnDisk engine(paths, disk);
  CORDON_CHECK(engine.Open().ok());
  const auto request = FromText<v1::CreateCollectionRequest>(
      "config { name: 'docs' dimension: 2 metric: METRIC_INNER_PRODUCT embedder: EMBEDDER_NONE }");
  const auto made = Asked<v1::CreateCollectionResponse>(
      [&](auto done) { CreateCollection(engine.engine().WriteAs(Anyone()), request, done); });
  CORDON_CHECK(made.ok());
  CORDON_CHECK(engine.Do({.kind = Change::kFolder}).ok());
  CORDON_CHECK(engine.Do({.kind = Change::kMembers}).ok());
}

EngineOnDisk::EngineOnDisk(DataPaths paths, DiskModel* disk)
    : paths_(std::move(paths)), disk_(disk), store_disk_(StoreOn(disk)) {
  LogLines();
}

EngineOnDisk::~EngineOnDisk() = default;

Status EngineOnDisk::Open(std::optional<uint64_t> accept_loss_to) {
  engine_.reset();
  Engine::Options options;
  options.paths = paths_;
  options.accept_loss_to = accept_loss_to;
  options.store_disk = store_disk_.get();
  options.journal_disk = JournalOn(disk_);
  ASSIGN_OR_RETURN(engine_, Engine::Open(std::move(options)));
  return OkStatus();
}

std::future<StatusOr<uint64_t>> EngineOnDisk::Submit(const Change& change) {
  auto promise = std::make_shared<std::promise<StatusOr<uint64_t>>>();
  auto answer = promise->get_future();
  const WriteContext context = engine_->WriteAs(Anyone());
  switch (change.kind) {
    case Change::kPut:
      IngestDocuments(context, PutOf(change), Revision(promise));
      break;
    case Change::kDelete: {
      v1::DeleteRequest request;
      request.set_collection("docs");
      request.set_document(change.document);
      Delete(context, request, Revision(promise));
      break;
    }
    case Change::kSetAcl:
    case Change::kSetLevel:
      SetAccess(context, AccessOf(change), Revision(promise));
      break;
    case Change::kSetTitle:
      UpdateMetadata(context, TitleOf(change), Revision(promise));
      break;
    case Change::kMembers:
      ApplyDirectory(context, MembersOf(change), Revision(promise));
      break;
    case Change::kFolder:
      ApplyPolicy(context, FolderOf(change), Revision(promise));
      break;
  }
  return answer;
}

StatusOr<Model::Answer> EngineOnDisk::Ask(const std::string& user, uint64_t* sequence) {
  v1::RetrieveRequest request;
  request.set_collection("docs");
  request.mutable_scope()->set_as(user);
  request.add_vector(1);
  request.add_vector(0);
  request.set_k(100);
  ASSIGN_OR_RETURN(const auto response, Asked<v1::RetrieveResponse>([&](auto done) {
                     Retrieve(engine_->ReadAs(Anyone(), {}), request, done);
                   }));
  if (sequence != nullptr) {
    *sequence = std::stoull(response.journal_id().substr(response.journal_id().rfind('-') + 1));
  }
  Model::Answer answer;
  for (const auto& passage : response.passages()) {
    answer[passage.document()] =
        passage.text() + ", " + passage.label().level() + ", " + passage.title();
  }
  return answer;
}

StatusOr<std::vector<Model::Answer>> EngineOnDisk::AskAll() {
  std::vector<Model::Answer> answers;
  for (const char* user : kUsers) {
    ASSIGN_OR_RETURN(answers.emplace_back(), Ask(user));
  }
  return answers;
}

uint64_t EngineOnDisk::revision() const {
  return tenant().publisher.Pin(engine_->clock())->revision();
}

std::vector<journal::v1::Record> EngineOnDisk::Records() const {
  auto records = tenant().journal->Tail(limits::kJournalTail);
  CORDON_CHECK(records.ok());
  return *std::move(records);
}

std::string SendAgain(EngineOnDisk* engine, History* history) {
  if (history->last_of_run() == nullptr) return "";
  const auto revision = engine->Do(*history->last_of_run());
  if (!revision.ok()) return revision.status().ToString();
  if (!history->CameAgain(*revision)) return history->problem();
  if (engine->revision() == history->revision()) return "";
  return "a put of a run was answered by an old revision, and took another";
}

}  // namespace cordon
