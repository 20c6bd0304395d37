// A tenant twice: in the engine, and as the reference model that follows what was acknowledged.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/ingest/directory_sync.h"
#include "tests/security/reference_directory.h"
#include "tests/security/reference_restore.h"
#include "tests/security/running_engine.h"
#include "tests/security/wire.h"

namespace cordon {

// Writes are sent and not waited for; Settle() waits for them and brings the model up to date, in
// their order. What the engine refused did not happen in the model either. For one thread.
class MirroredTenant {
 public:
  using Documents = std::vector<std::pair<std::string, reference::Document>>;
  using Change = std::function<void(reference::Tenant*)>;

  // Makes a fresh tenant. `engine` outlives this.
  MirroredTenant(RunningEngine* engine, std::string name);

  void CreateCollection(const std::string& name, const reference::Collection& collection);
  void DropCollection(const std::string& name);
  void Ingest(const std::string& collection, const Documents& documents);
  // The same as the next batch of the collection's run: nothing else is on its way then.
  void IngestInRun(const std::string& collection, const Documents& documents);
  // Sends the run's last batch once more, which must change nothing, whatever has become of its
  // documents. Nothing if there is none.
  void SendAgain(const std::string& collection);
  void SetAccess(const std::string& collection, const std::string& document,
                 const std::optional<reference::List>& acl,
                 const std::optional<reference::Label>& label);
  // The same of several documents at once, each with the list and label of its own.
  using Access = std::pair<std::optional<reference::List>, std::optional<reference::Label>>;
  void SetAccessMany(const std::string& collection, const std::map<std::string, Access>& changes);
  // Of all documents whose ids begin so. Nothing else may be on its way: it has a thread of its
  // own.
  void SetAccessSelected(const std::string& collection, const std::string& id_prefix,
                         const Access& access);
  // Gives a document those values that `fields` names, as an update mask does.
  void UpdateMetadata(const std::string& collection, const std::string& document,
                      const reference::Document& values, const std::set<std::string>& fields);
  // The full listing of a source, in two messages; nothing else may be on its way, as above. What
  // it lacks goes.
  void SyncSource(const std::string& collection, const std::string& source,
                  const Documents& listed);
  void Delete(const std::string& collection, const std::string& document);
  // With all its versions; nothing is held.
  void Erase(const std::string& collection, const std::string& document);
  // Of one who may act for that user. It changes nothing of the model: who reads under it does.
  void OpenBreakGlass(const Authenticated& by, const v1::OpenBreakGlassRequest& request,
                      const std::string& id);
  void CloseBreakGlass(const Authenticated& by, const std::string& id);
  // `by` may be nobody.
  void Say(const std::string& name, const reference::Record& record,
           const reference::Said& by = {});
  // A snapshot in two parts. If it `breaks_off`, it ends before it is whole.
  void Sync(const std::map<std::string, reference::Record>& records, const reference::Said& by,
            bool breaks_off);
  void SetMembers(const std::string& group, const std::vector<reference::Entry>& members) {
    Say(group, {members, {}, {}});
  }
  // A second embedding space of a collection, which is switched to, and back, and dropped.
  void BeginEmbedding(const std::string& collection, const reference::Space& space);
  // At most so many pages of so many documents each are embedded, or cleaned of a dropped space.
  // Nothing else may be on its way.
  void WalkEmbedding(const std::string& collection, size_t pages, size_t documents);
  // Brings vectors for the other space, of documents as they are stored, with their chunks alone.
  void FillEmbedding(const std::string& collection, const Documents& documents);
  // Batches that are on their way may meet it: then they are refused as ABORTED.
  void SwitchEmbedding(const std::string& collection, const std::string& model);
  void DropEmbedding(const std::string& collection, const std::string& model);
  // `change` does to the model what `request` says.
  void ApplyPolicy(const v1::ApplyPolicyRequest& request, Change change);

  // Takes a backup in the place of the one before.
  void Backup();
  // Goes on from the backup, which is there: with the engine's other tenants. False if it does not
  // start, as RunningEngine::Restore().
  bool Restore();

  void Settle();

  const reference::Tenant& model() const { return model_; }
  void set_dev(bool dev) { model_.world.dev = dev; }
  const std::string& name() const { return name_; }
  RunningEngine* engine() { return engine_; }
  // Of the newest acknowledged write.
  uint64_t revision() const { return revision_; }
  uint64_t acknowledged() const { return acknowledged_; }
  uint64_t refused() const { return refused_; }
  uint64_t switches() const { return switches_; }
  // Batches that met one.
  uint64_t aborted() const { return aborted_; }

 private:
  // Remembers to wait for `answer`, and then to make `change`, given the response. What comes late
  // must be refused as ABORTED, or because it is another's; `in_order` tells.
  template <typename Response>
  void Sent(std::future<StatusOr<Response>> answer,
            std::function<void(const Response&, reference::Tenant*)> change,
            std::function<bool(const reference::Tenant&)> in_order = {});

  // Whether an answer says that a batch met a switch that is on its way.
  bool MetASwitch(const Status& refused) const {
    return refused.code() == StatusCode::kAborted && refused.field() == "collection" && switching_;
  }
  // As it is sent: without vectors to a collection that embeds by itself.
  v1::Document ToSend(const std::string& collection, const std::string& id,
                      const reference::Document& document) const;
  // A listing had, or a selection met, a document that was stored as `before`: what is the same is
  // left alone.
  void NoteListed(const std::string& collection, const std::string& id,
                  const reference::Document& before);
  // Sends a batch and remembers what the model has to do.
  void SendBatch(const v1::IngestRequest& request, const Documents& documents);

  RunningEngine* const engine_;
  const std::string name_;
  const Authenticated root_;
  std::shared_ptr<OpenSyncs> open_syncs_ = std::make_shared<OpenSyncs>();
  reference::Tenant model_;
  std::vector<std::function<void()>> waiting_;
  struct LastBatch {
    v1::IngestRequest request;
    v1::IngestResponse response;
  };
  std::map<std::string, LastBatch> runs_;  // by collection
  uint32_t backed_up_ = 0;                 // the backup's number; 0: there is none
  reference::Backup backup_;               // what it would bring back
  std::map<std::string, LastBatch> runs_of_backup_;
  uint64_t revision_ = 0;
  uint64_t acknowledged_ = 0;
  uint64_t refused_ = 0;
  bool switching_ = false;  // a switch has been sent and not yet waited for
  uint64_t switches_ = 0;
  uint64_t aborted_ = 0;
};

template <typename Response>
void MirroredTenant::Sent(std::future<StatusOr<Response>> answer,
                          std::function<void(const Response&, reference::Tenant*)> change,
                          std::function<bool(const reference::Tenant&)> in_order) {
  auto shared = std::make_shared<std::future<StatusOr<Response>>>(std::move(answer));
  waiting_.push_back([this, shared, change, in_order] {
    const StatusOr<Response> response = shared->get();
    const bool late = in_order && !in_order(model_);
    if (!response.ok()) {
      ++refused_;
      const auto code = response.status().code();
      const bool met = MetASwitch(response.status());
      aborted_ += met;
      EXPECT_TRUE(code == StatusCode::kInvalidArgument || code == StatusCode::kFailedPrecondition ||
                  met || (late && code == StatusCode::kAborted))
          << response.status().ToString();
      return;
    }
    EXPECT_FALSE(late) << "what came late was taken";
    ++acknowledged_;
    change(*response, &model_);
    EXPECT_TRUE(reference::AliasesStand(model_.world));
  });
}

}  // namespace cordon
