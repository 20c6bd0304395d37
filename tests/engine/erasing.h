// A store on which documents are erased, backed up and restored.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/export.h"
#include "engine/ingest/source_sync.h"
#include "engine/restore.h"
#include "engine/verify_erased.h"
#include "engine/verify_store.h"
#include "tests/engine/wait_until.h"
#include "tests/store/from_text.h"
#include "tests/store/proof.h"
#include "tests/store/scratch_directory.h"
#include "tests/view/asked.h"

namespace cordon {

namespace fs = std::filesystem;

inline constexpr char kText[] = "the patient was told on Tuesday";
inline const std::vector<float> kVector = {0.123456f, -3.5f, 7.25f, 0.0078125f};

// The keys' disk, which a test lets fail.
class FailingKeys final : public KeyFiles {
 public:
  Status Replace(const fs::path& path, std::string_view content) override {
    const bool copy = path.parent_path().filename() == "keys copy";
    if (copy ? copy_failing : failing) {
      return Status(StatusCode::kUnavailable, "keys_dir", "the disk failed");
    }
    return disk_->Replace(path, content);
  }
  Status Remove(const fs::path& path) override { return disk_->Remove(path); }
  StatusOr<std::string> Read(const fs::path& path) override { return disk_->Read(path); }
  StatusOr<std::vector<std::string>> List(const fs::path& path) override {
    return disk_->List(path);
  }
  std::atomic<bool> failing{false};
  std::atomic<bool> copy_failing{false};

 private:
  const std::shared_ptr<KeyFiles> disk_ = DiskKeyFiles();
};

class Erasing : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(CreateStore(paths(), {"default.k", "default.k.s", "digest"}, false).ok());
    Open();
    CreateDocs();
  }
  void CreateDocs(const std::string& tenant = "default") {
    Do<v1::CreateCollectionResponse, v1::CreateCollectionRequest>(
        CreateCollection,
        "config { name: 'docs' dimension: 4 metric: METRIC_L2 embedder: EMBEDDER_NONE "
        "default_label { level: 'public' } default_acl { allow { principal: 'everyone' } } }",
        tenant);
  }

  DataPaths paths(const std::string& name = "data") const {
    return {scratch_ / name,   scratch_ / "journal",    scratch_ / "journal.key",
            scratch_ / "keys", scratch_ / "master.key", keys_copy_};
  }
  Engine::Options Options(const DataPaths& where) const {
    Engine::Options options;
    options.paths = where;
    options.backup_dir = scratch_ / "backups";
    options.keys_disk = keys_disk_;
    options.wall = wall_;
    options.steady = steady_;
    options.index_file_rows = index_file_rows_;
    return options;
  }
  void Open(const std::string& name = "data",
            std::optional<uint64_t> accept_loss_to = std::nullopt) {
    engine_.reset();
    Engine::Options options = Options(paths(name));
    options.accept_loss_to = accept_loss_to;
    auto opened = Engine::Open(std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    engine_ = *std::move(opened);
  }
  // From now on time passes by Pass() only: what is due in a while is not due on a slow machine.
  void StopTime() {
    stopped_ = engine_->clock()->Now();
    wall_ = steady_ = [this] { return stopped_.load(); };
    Open();
  }
  void Pass(std::chrono::seconds seconds) {
    stopped_ += std::chrono::duration_cast<std::chrono::microseconds>(seconds).count();
  }
  void Restore(const std::string& name, uint32_t backup = 0) {
    engine_.reset();
    const auto restored = RestoreStore(scratch_ / "backups", backup, paths(name));
    ASSERT_TRUE(restored.ok()) << restored.status().ToString();
    Open(name);
  }

  // A document in text format.
  static std::string Doc(const std::string& id, const std::string& more, const std::string& text,
                         const std::vector<float>& vector = kVector) {
    std::string chunk = "chunks { text: '" + text + "' ";
    for (const float number : vector) {
      char digits[32];
      std::snprintf(digits, sizeof(digits), "embedding: %.9g ", static_cast<double>(number));
      chunk += digits;
    }
    return "documents { id: '" + id + "' " + more + " " + chunk + " } } ";
  }
  void Ingest(const std::string& id, const std::string& more = "", const std::string& text = "t",
              const std::vector<float>& vector = kVector) {
    const auto request =
        FromText<v1::IngestRequest>("collection: 'docs' " + Doc(id, more, text, vector));
    const auto answer = Asked<IngestedBatch>(
        [&](auto done) { IngestDocuments(engine_->WriteAs(Anyone()), request, done); });
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    ASSERT_EQ(answer->response.accepted(), 1u) << answer->response.ShortDebugString();
  }
  StatusOr<v1::EraseResponse> TryErase(const std::string& which) {
    return Asked<v1::EraseResponse>([&](auto done) {
      Erase(engine_->WriteAs(Anyone()), FromText<v1::EraseRequest>("collection: 'docs' " + which),
            done);
    });
  }
  // Erases and waits for the receipt; how many documents went.
  uint64_t EraseAll(const std::string& which) {
    const auto erased = TryErase(which);
    EXPECT_TRUE(erased.ok()) << erased.status().ToString();
    if (!erased.ok()) return 0;
    EXPECT_TRUE(WaitUntil([&] { return Verified(erased->revision()); }));
    return erased->erased();
  }
  bool Verified(uint64_t revision) {
    v1::EraseStatusRequest request;
    request.set_collection("docs");
    request.set_revision(revision);
    const auto status = Asked<v1::EraseStatusResponse>(
        [&](auto done) { EraseStatus(engine_->ReadAs(Anyone(), {}), request, done); });
    return status.ok() && status->verified();
  }
  StatusCode Hold(const std::string& which, bool release = false) {
    auto request = FromText<v1::SetHoldRequest>("collection: 'docs' name: 'case-7' " + which);
    request.set_release(release);
    return Asked<v1::SetHoldResponse>(
               [&](auto done) { SetHold(engine_->WriteAs(Anyone()), request, done); })
        .status()
        .code();
  }
  template <typename Response, typename Request, typename Call>
  void Do(Call call, const std::string& request, const std::string& tenant = "default") {
    const auto answer = Asked<Response>([&](auto done) {
      call(engine_->WriteAs(Anyone(tenant)), FromText<Request>(request), done);
    });
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  }
  // A second embedding space of docs begins; SwitchSpace() searches it from then on.
  void BeginSpace() {
    Do<v1::BeginEmbeddingResponse, v1::BeginEmbeddingRequest>(
        BeginEmbedding,
        "collection: 'docs' space { model: 'new' dimension: 64 embedder: EMBEDDER_BUILTIN }");
  }
  void SwitchSpace() {
    Do<v1::SwitchEmbeddingResponse, v1::SwitchEmbeddingRequest>(
        [](auto context, auto request, auto done) {
          SwitchEmbedding(context, request, /*stop=*/{}, done);
        },
        "collection: 'docs' model: 'new'");
  }
  // A listing in one message.
  void SyncSource(const std::string& message) {
    OpenListings open;
    cordon::SourceSync sync(&open);
    const WriteContext context = engine_->WriteAs(Anyone());
    const Status taken = sync.Take(context, FromText<v1::SyncSourceRequest>(message));
    ASSERT_TRUE(taken.ok()) << taken.ToString();
    const auto made =
        Asked<v1::SyncSourceResponse>([&](auto done) { sync.Commit(context, /*stop=*/{}, done); });
    ASSERT_TRUE(made.ok()) << made.status().ToString();
  }
  StatusOr<v1::GetDocumentResponse> Get(const std::string& id, const std::string& user = "user:a",
                                        const std::string& tenant = "default") {
    v1::GetDocumentRequest request;
    request.set_collection("docs");
    request.set_document(id);
    request.mutable_scope()->set_as(user);
    return Asked<v1::GetDocumentResponse>(
        [&](auto done) { GetDocument(engine_->ReadAs(Anyone(tenant), {}), request, done); });
  }
  bool Sees(const std::string& id, const std::string& user = "user:a",
            const std::string& tenant = "default") {
    const auto got = Get(id, user, tenant);
    EXPECT_TRUE(got.ok() || got.status().code() == StatusCode::kNotFound)
        << got.status().ToString();
    return got.ok();
  }
  PinnedView Pin() { return engine_->FindTenant("default")->publisher.Pin(engine_->clock()); }
  std::shared_ptr<const Collection> Docs() { return Pin()->state().FindCollection("docs"); }
  std::vector<journal::v1::Record> Records(const std::string& call) {
    std::vector<journal::v1::Record> found;
    const auto records = engine_->FindTenant("default")->journal->Tail(1000);
    for (const auto& record : *records) {
      if (record.call() == call) found.push_back(record);
    }
    return found;
  }
  // The keys as they are now, put back later: an older copy.
  void KeepKeys() {
    fs::copy(scratch_ / "keys", scratch_ / "old keys", fs::copy_options::recursive);
  }
  void PutKeysBack() {
    engine_.reset();
    fs::remove_all(scratch_ / "keys");
    fs::rename(scratch_ / "old keys", scratch_ / "keys");
  }
  // Of a copy: the engine holds its own.
  KeyStore::State KeyOf(uint64_t number, const std::string& keys = "keys", uint32_t tenant = 1) {
    DataPaths copied = paths();
    copied.keys_dir = scratch_ / "keys now";
    fs::remove_all(copied.keys_dir);
    fs::copy(scratch_ / keys, copied.keys_dir, fs::copy_options::recursive);
    const auto opened = OpenKeys(copied);
    CORDON_CHECK(opened.ok());
    return (*opened)->Find(tenant, number).state;
  }

  static std::vector<std::string> Needles() {
    std::string vector(kVector.size() * sizeof(float), '\0');
    std::memcpy(vector.data(), kVector.data(), vector.size());
    return {kText, vector, "secret-title", "person:123", "doc/secret"};
  }
  // What of Needles() the files hold, to whoever has these keys.
  ErasedVerdict Search(const std::string& name = "data", const std::string& keys = "keys") {
    DataPaths where = paths(name);
    where.keys_dir = scratch_ / keys;
    const auto verdict = VerifyErased(where, Needles());
    EXPECT_TRUE(verdict.ok()) << verdict.status().ToString();
    return verdict.ok() ? *verdict : ErasedVerdict();
  }

  ScratchDirectory scratch_;
  std::function<Micros()> wall_, steady_;  // null: the machine's
  std::atomic<Micros> stopped_{0};         // StopTime()'s
  size_t index_file_rows_ = kFiledRowsMin;
  std::string keys_copy_;  // where the server keeps its keys' copy; empty: nowhere
  const std::shared_ptr<FailingKeys> keys_disk_ = std::make_shared<FailingKeys>();
  std::unique_ptr<Engine> engine_;
};

inline constexpr char kSecret[] =
    "title: 'secret-title' subjects: 'person:123' provenance { source: 'hris' }";

}  // namespace cordon
