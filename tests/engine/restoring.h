// A store that is lost, restored, and gone on with.
#pragma once

#include <string>
#include <vector>

#include "engine/ingest/directory_sync.h"
#include "tests/engine/erasing.h"

namespace cordon {

class Restoring : public Erasing {
 protected:
  static Authenticated Exporter() {
    Grant grant = Anyone().grant();
    grant.destinations = {"tuned"};
    return Authenticator::Prove(std::move(grant));
  }
  void Register() {
    Do<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(
        ApplyPolicy,
        "destinations { destination { name: 'tuned' scope: 4 ceiling { symbol: SYMBOL_ALL } } }");
  }
  void Export(const std::string& document) {
    const auto request = FromText<v1::ExportRequest>(
        "collection: 'docs' scope { as: 'user:a' destination: 'tuned' } documents: '" + document +
        "'");
    const auto message = Asked<ExportedMessage>([&](auto done) {
      ExportNext(engine_->ReadAs(Exporter(), {}), engine_->WriteAs(Exporter()), request, {}, done);
    });
    ASSERT_TRUE(message.ok()) << message.status().ToString();
  }
  void Sync(const std::string& message) {
    OpenSyncs open;
    DirectorySync sync(&open);
    const WriteContext context = engine_->WriteAs(Anyone());
    const Status added = sync.Add(context, FromText<v1::SyncDirectoryRequest>(message));
    ASSERT_TRUE(added.ok()) << added.ToString();
    const auto made =
        Asked<v1::SyncDirectoryResponse>([&](auto done) { sync.Commit(context, done); });
    ASSERT_TRUE(made.ok()) << made.status().ToString();
  }
  std::vector<std::string> Receivers() {
    const auto records = Records("ErasureVerified");
    if (records.empty()) return {"no receipt"};
    const auto& names = records.back().erasure().destinations();
    return {names.begin(), names.end()};
  }
  // The store as it was when it was kept, with the journal and the keys of now.
  void KeepStore() {
    engine_.reset();
    fs::copy(scratch_ / "data/store", scratch_ / "kept", fs::copy_options::recursive);
    Open();
  }
  void LoseStore() {
    engine_.reset();
    fs::remove_all(scratch_ / "data/store");
    fs::rename(scratch_ / "kept", scratch_ / "data/store");
  }
  void DeleteDocument(const std::string& id) {
    Do<v1::DeleteResponse, v1::DeleteRequest>(Delete, "collection: 'docs' document: '" + id + "'");
  }
  void Describe(const std::string& id, const std::string& field, const std::string& value) {
    Do<v1::UpdateMetadataResponse, v1::UpdateMetadataRequest>(
        UpdateMetadata, "collection: 'docs' document: '" + id + "' metadata { " + value +
                            " } update_mask { paths: '" + field + "' }");
  }
  // "CODE: field" of a restore, which leaves nothing behind if it fails.
  std::string TryRestore(const DataPaths& where, uint32_t backup = 0) {
    const Status status = RestoreStore(scratch_ / "backups", backup, where).status();
    message_ = status.message();
    if (status.ok()) return "OK";
    EXPECT_FALSE(fs::exists(where.data_dir));
    return std::string(CodeName(status.code())) + ": " + std::string(status.field());
  }
  // Another store with the same keys of the journal and over the documents' keys.
  DataPaths MakeOther() {
    DataPaths other = paths("other");
    other.journal_dir = scratch_ / "other journal";
    other.keys_dir = scratch_ / "other keys";
    EXPECT_TRUE(CreateStore(other, {"default.k", "default.k.s", "digest"}, false).ok());
    return other;
  }
  std::string message_;

  bool ModelIsLabelled() {
    const auto& destinations = Pin()->policy().rules->destinations;
    return destinations.contains("tuned") && destinations.at("tuned").model_label.has_value();
  }
};

}  // namespace cordon
