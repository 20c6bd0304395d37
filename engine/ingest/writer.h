// The one writer: commits mutations in groups (DESIGN §3), on two threads.
//
//   one applies      apply → RocksDB write → … → a group is handed on
//   one finishes it  one RocksDB sync → erased keys destroyed → one journal sync → publish Views →
//                    acknowledge
//
// So while the disk is waited for the next mutations are applied; they are seen by nobody before
// their own group is on the disk. Nothing else writes state. After a failure of the store or the
// journal it is not known what is on disk: everything later, what is applied already included, is
// refused until a restart finds out.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "cordon/journal/v1/record.pb.h"
#include "cordon/store/v1/mutation.pb.h"
#include "engine/base/clock.h"
#include "engine/crypto/digest.h"
#include "engine/ingest/index_keeper.h"
#include "engine/ingest/rush.h"
#include "engine/ingest/upkeep_worker.h"
#include "engine/store/apply.h"
#include "engine/view/tenant.h"
#include "engine/view/trial.h"

namespace cordon {

// An acknowledged mutation. The receipt proves that the journal has it.
struct Committed {
  uint64_t revision;
  bool existed;
  std::vector<bool> existed_each;
  std::vector<uint32_t> stale;
  uint32_t parts;
  bool more;
  std::vector<std::string> undefined;
  std::vector<std::string> look_alikes;  // of ApplyPolicy
  std::optional<Label> model_label;      // of Export
  v1::SyncDirectoryResponse sync;        // of SyncDirectory: all but the revision
  JournalReceipt receipt;
};

// Adds to the batch where the tenant's journal stands, and the latest time that the clock has
// shown.
void PutAnchor(uint32_t tenant, const JournalAnchor& anchor, Micros time, Batch* batch);

// Thread-safe.
class Writer {
 public:
  using Done = std::function<void(StatusOr<Committed>)>;
  // Opens a tenant that a mutation has created; called on the thread that finishes.
  using OpenTenant = std::function<StatusOr<std::shared_ptr<Tenant>>(const TenantState&)>;
  // `database`, `vault` and `clock` outlive the writer. `index_dir` is where geometries are kept;
  // empty: nowhere. `files`, which outlive it, are what else is kept of indexes; null: nothing.
  Writer(Database* database, const Vault* vault, Clock* clock, OpenTenant open_tenant,
         std::string index_dir = "", IndexFiles* files = nullptr);

  // Commits what is queued, records where the journals stand, and stops.
  ~Writer();

  // Takes over a tenant with the interner that its loading filled. Its View must be published.
  void Adopt(std::shared_ptr<Tenant> tenant, Interner interner);

  // Queues a mutation on behalf of `caller`. `record` is the call's journal record as far as it is
  // known. `done` is called exactly once, on a thread of the writer's, after the record is durable,
  // refused mutations included; or at once with RESOURCE_EXHAUSTED if the queue is full.
  void Submit(std::shared_ptr<Tenant> tenant, Authenticated caller, store::v1::Mutation mutation,
              journal::v1::Record record, Done done);

  // The same for a mutation of the engine's own, on nobody's behalf.
  void SubmitOwn(std::shared_ptr<Tenant> tenant, store::v1::Mutation mutation,
                 journal::v1::Record record, Done done);

  // What `mutation` would make of the newest published state, or how it would be refused as a real
  // one on behalf of `caller`. Nothing is written and no revision is taken. Waits for its turn
  // between two groups; not for the writer's own threads. RESOURCE_EXHAUSTED if too many wait.
  StatusOr<Trial> Try(std::shared_ptr<Tenant> tenant, const Authenticated& caller,
                      store::v1::Mutation mutation);

  // The rows of a snapshot that waits to become a mutation, or their end. They are no state:
  // nothing reads them until a mutation takes them up, and a start drops them. On disk before
  // whatever is submitted later.
  Status WriteStaged(const Batch& rows);

  // A number under which nothing is staged.
  uint64_t NewGeneration() { return ++generations_; }

  // Frees committed mutations that nobody has freed yet: what was erased may be in them.
  void FreeSpent();

  // Publishes every tenant's View anew, once all that was applied before is committed: a View that
  // nothing changes holds the files of its time. Not for the writer's own threads.
  void RenewViews();

  // Figures for who operates it, since the start. Does not wait for the disk.
  struct Figures {
    uint64_t documents = 0;  // written by Ingest or SyncSource, and acknowledged
    uint64_t chunks = 0;     // theirs
    uint64_t upkeep_failures = 0;
    bool failed = false;  // every write is refused until a restart
  };
  Figures figures() const { return {documents_, chunks_, upkeep_->failures(), failed_}; }

  // Whether a file of an index still opens that has rows of one of these versions of documents.
  bool FilesHold(uint32_t tenant, std::span<const uint64_t> numbers) const;

  // Takes the note of an erasure out of the store, once the journal has its receipt.
  Status ForgetErasure(uint32_t tenant, uint64_t revision);

 private:
  struct Pending {
    std::shared_ptr<Tenant> tenant;
    std::optional<Authenticated> caller;  // whom it may not raise
    store::v1::Mutation mutation;
    // What the journal and the revision's row say of it.
    Digest digest;
    std::unordered_map<std::string_view, std::string>
        names;            // pseudonyms by id, of what is written
    PreparedTexts texts;  // likewise
    journal::v1::Record record;
    Done done;
    size_t bytes;
    // Filled in while it is committed.
    Status refused;
    Applied applied;
  };
  struct WaitingTrial {
    std::shared_ptr<Tenant> tenant;
    Authenticated caller;
    store::v1::Mutation mutation;
    std::promise<StatusOr<Trial>> tried;
  };
  // A tenant's state that nobody sees yet.
  struct Unpublished {
    std::shared_ptr<Tenant> tenant;
    TenantState state;
    Indexes indexes;
    std::shared_ptr<const Snapshot> snapshot;  // of the state's revision
    std::vector<uint32_t> gone;                // embedding spaces that it has no more
  };
  // What was applied and is not committed: one sync covers it.
  struct Group {
    std::vector<Pending> mutations;
    size_t bytes = 0;
    std::vector<Unpublished> views;            // as after the last of the mutations
    std::vector<std::promise<void>> awaiting;  // who waits until it is published

    // Takes up what was applied after it, which keeps what nobody will see: to free parts of
    // indexes takes a while.
    void Append(Group* later);
  };
  // What the writer alone knows of a tenant.
  struct Head {
    std::shared_ptr<Tenant> tenant;
    Interner interner;
    TenantState state;
    Indexes indexes;
    bool changed = false;        // since it was handed on
    std::vector<uint32_t> gone;  // embedding spaces that it has dropped
    uint64_t anchored = 0;       // journal sequence that the store remembers
  };

  Pending Prepare(std::shared_ptr<Tenant> tenant, std::optional<Authenticated> caller,
                  store::v1::Mutation mutation, journal::v1::Record record, Done done);
  void Enqueue(Pending pending);
  // The thread that applies.
  void Run();
  // The next mutations, as many as are applied before they are handed on. Requires mutex_.
  std::vector<Pending> TakeSome();
  // Whether there is one, and room for it behind `taken` others in what is handed on. Requires
  // mutex_.
  bool MayTake(size_t taken = 0) const;
  // Hands what is in `group`, and the tenants that have changed, on to the thread that finishes.
  void HandOn(Group group);
  std::vector<Unpublished> TakeChanged();
  // Returns once all that was handed on is finished.
  void AwaitFinished();
  // The thread that finishes, in writer_finish.cc.
  void RunFinishing();
  void Finish(Group* group);
  void Publish(Unpublished changed);
  // `failed`: why the group is not committed.
  void Answer(Pending* pending, const std::optional<JournalReceipt>& receipt, const Status& failed);
  // Leaves the mutations of a group for Submit's callers to free.
  void Discard(std::vector<Pending> group);
  // Answers the trial that has waited longest; all that was handed on is finished.
  void TryNext();
  StatusOr<Trial> TryOne(WaitingTrial* waiting);
  // Refuses everything from now on.
  void Break(const Status& cause);
  // What everything is refused with; OK before a failure.
  Status broken() const;
  void CountIngested(const Pending& pending);
  // The documents that it writes anew, of an Ingest or of a listing; perhaps none.
  static const store::v1::IngestBatch& WrittenBy(const store::v1::Mutation& mutation) {
    return mutation.has_source() ? mutation.source().written() : mutation.ingest();
  }
  static std::string NameOf(const Pending& pending, std::string_view kind, std::string_view value);
  // Destroys the keys of what the group erased, and those of the files that have rows of it.
  Status DestroyKeys(const std::vector<Pending>& group);
  void ApplyOne(Pending* pending);
  // What Apply reads beside the head's state.
  using PseudonymOf = std::function<std::string(std::string_view kind, std::string_view value)>;
  ApplyContext ContextOf(Head* head, PseudonymOf pseudonym, const Digest& digest) const;
  Status ApplyToHead(Head* head, Pending* pending);
  Status OpenCreated(const Pending& pending);
  void CompleteRecord(Pending* pending);
  std::vector<std::optional<JournalReceipt>> AppendRecords(std::vector<Pending>* group);
  // Starts what indexes need, and takes in what is ready. Requires heads_mutex_.
  void LookAfter(Head* head);
  void LookAfter(Head* head, uint32_t space, bool pinned);
  // Whether a training is of use before a rush ends. Requires heads_mutex_.
  bool TrainsNow(const VectorIndex& index) const;
  // What failed is tried again also where nobody writes. And files follow their indexes.
  void LookAfterAll();
  // Requires heads_mutex_.
  void KeepFiles();
  void HoldSnapshot();
  // Takes in what upkeep has made.
  void TakeIn();
  // Marks all tenants to be handed on.
  void MarkAllChanged();
  void AdoptLocked(std::shared_ptr<Tenant> tenant, Interner interner);
  // Remembers in the store where the journals stand.
  void Anchor();
  void AnchorHead(const Head& head, Batch* batch) const;

  Database* const database_;
  const Vault* const vault_;
  Clock* const clock_;
  const OpenTenant open_tenant_;
  IndexFiles* const files_;  // may be null
  std::atomic<uint64_t> generations_{0};
  std::atomic<uint64_t> documents_{0};  // as of Figures
  std::atomic<uint64_t> chunks_{0};

  std::mutex mutex_;
  std::condition_variable wake_;       // the thread that applies
  std::condition_variable handed_on_;  // the one that finishes
  // Guarded by mutex_:
  std::deque<Pending> queue_;
  size_t queued_bytes_ = 0;
  std::deque<WaitingTrial> trials_;
  std::vector<std::promise<void>> renewals_;  // who waits for new Views
  std::optional<Group> handed_;               // grows until it is taken up
  bool finishing_ = false;                    // one was taken up
  bool applied_all_ = false;                  // nothing more is handed on
  // Committed mutations; to free thousands of strings takes a while, and Submit's callers have more
  // of it than the one writer.
  std::vector<store::v1::Mutation> spent_;
  bool stopping_ = false;
  bool upkept_ = false;  // upkeep_ has finished something

  std::mutex heads_mutex_;  // Adopt against the threads
  std::map<std::string, Head> heads_;
  Rush rush_;                             // guarded by heads_mutex_
  Rush::Clock::time_point files_kept_;    // guarded by heads_mutex_: when they were looked at
  std::shared_ptr<const Snapshot> held_;  // guarded by heads_mutex_
  Rush::Clock::time_point held_since_;    // guarded by heads_mutex_
  std::atomic<bool> failed_{false};
  mutable std::mutex broken_mutex_;
  Status broken_;  // guarded by broken_mutex_
  Batch batch_;    // empty, with the memory of the last one; of the thread that applies
  std::unique_ptr<UpkeepWorker> upkeep_;  // ends before the rest
  std::unique_ptr<IndexKeeper> keeper_;   // likewise; null without files
  // Begin when all else is there, and have ended before anything goes.
  std::thread finishing_thread_;
  std::thread thread_;
};

}  // namespace cordon
