// The one writer: commits mutations in groups (DESIGN §3).
//
//   apply → RocksDB write → … → one RocksDB sync → erased keys destroyed → one journal sync →
//   publish Views → acknowledge
//
// Nothing else writes state. After a failure of the store or the journal it is not known what is on
// disk: everything later is refused until a restart finds out.
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
#include "engine/base/executor.h"
#include "engine/crypto/digest.h"
#include "engine/ingest/index_keeper.h"
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
  // Opens a tenant that a mutation has created, while the writer waits.
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
  // known. `done` is called exactly once, on the writer's thread, after the record is durable,
  // refused mutations included; or at once with RESOURCE_EXHAUSTED if the queue is full.
  void Submit(std::shared_ptr<Tenant> tenant, Authenticated caller, store::v1::Mutation mutation,
              journal::v1::Record record, Done done);

  // The same for a mutation of the engine's own, on nobody's behalf.
  void SubmitOwn(std::shared_ptr<Tenant> tenant, store::v1::Mutation mutation,
                 journal::v1::Record record, Done done);

  // What `mutation` would make of the newest published state, or how it would be refused as a real
  // one on behalf of `caller`. Nothing is written and no revision is taken. Waits for its turn
  // between two groups; not for the writer's own thread. RESOURCE_EXHAUSTED if too many wait.
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

  // Publishes every tenant's View anew: a View that nothing changes holds the files of its time.
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
  // What the writer alone knows of a tenant.
  struct Head {
    std::shared_ptr<Tenant> tenant;
    Interner interner;
    TenantState state;
    Indexes indexes;
    bool changed = false;        // by the group that is being committed
    std::vector<uint32_t> gone;  // embedding spaces that it has dropped
    uint64_t anchored = 0;       // journal sequence that the store remembers
  };

  Pending Prepare(std::shared_ptr<Tenant> tenant, std::optional<Authenticated> caller,
                  store::v1::Mutation mutation, journal::v1::Record record, Done done);
  void Enqueue(Pending pending);
  void Run();
  // Leaves the mutations of a group for Submit's callers to free.
  void Discard(std::vector<Pending> group);
  // What the next commit covers. Requires mutex_.
  std::vector<Pending> TakeGroup();
  // The next trial, if one waits. Requires mutex_.
  std::optional<WaitingTrial> TakeTrial();
  StatusOr<Trial> TryOne(WaitingTrial* waiting);
  // Refuses everything from now on.
  void Break(const Status& cause);
  void CountIngested(const Pending& pending);
  static std::string NameOf(const Pending& pending, std::string_view kind, std::string_view value);
  void CommitGroup(std::vector<Pending>* group);
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
  void PublishChanged();
  // Starts what indexes need, and takes in what is ready. Requires heads_mutex_.
  void LookAfter(Head* head);
  void LookAfter(Head* head, uint32_t space, bool pinned);
  // What failed is tried again also where nobody writes. And files follow their indexes.
  void LookAfterAll();
  void TakeIn();
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
  std::atomic<bool> failed_{false};  // broken_, for others

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Pending> queue_;        // guarded by mutex_
  size_t queued_bytes_ = 0;          // guarded by mutex_
  std::deque<WaitingTrial> trials_;  // guarded by mutex_
  // Committed mutations; to free thousands of strings takes a while, and Submit's callers have more
  // of it than the one writer.
  std::vector<store::v1::Mutation> spent_;  // guarded by mutex_
  bool stopping_ = false;                   // guarded by mutex_
  bool upkept_ = false;                     // guarded by mutex_: upkeep_ has finished something
  std::mutex heads_mutex_;                  // Adopt against the thread
  std::map<std::string, Head> heads_;
  // The thread's own:
  Status broken_;
  Batch batch_;             // empty, with the memory of the last one
  Executor opening_{1, 1};  // of tenants
  std::thread thread_;
  std::unique_ptr<UpkeepWorker> upkeep_;  // ends before the rest
  std::unique_ptr<IndexKeeper> keeper_;   // likewise; null without files
};

}  // namespace cordon
