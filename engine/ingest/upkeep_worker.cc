#include "engine/ingest/upkeep_worker.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/replace_file.h"
#include "engine/base/stand_back.h"
#include "engine/index/geometry_file.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".geometry";
constexpr std::string_view kDraft = ".tmp";     // what ReplaceFile() adds to it
constexpr std::string_view kOldDraft = ".new";  // the same of geometries that were not sealed yet
constexpr std::chrono::hours kRetryMost{1};

// What a geometry is sealed for: another collection's does not open in its place.
std::string PurposeOf(const IndexName& name) {
  return fmt::format("geometry {}.{}", name.tenant, name.collection);
}

std::string PathIn(const std::string& dir, const IndexName& name) {
  return fmt::format("{}/{}.{}{}", dir, name.tenant, name.collection, kSuffix);
}

// Whose a file of the directory is, whole or not, TENANT.COLLECTION.geometry with what drafts have
// behind it; nothing if it is not one.
std::optional<IndexName> OwnerOf(std::string_view file) {
  for (const std::string_view draft : {kDraft, kOldDraft}) {
    if (file.ends_with(draft)) file.remove_suffix(draft.size());
  }
  if (!file.ends_with(kSuffix)) return std::nullopt;
  file.remove_suffix(kSuffix.size());
  const size_t dot = file.rfind('.');
  if (dot == file.npos) return std::nullopt;
  IndexName name{std::string(file.substr(0, dot)), 0};
  const char* const end = file.data() + file.size();
  const auto parsed = std::from_chars(file.data() + dot + 1, end, name.collection);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return name;
}

// The files of a directory, which may not be there yet, by tenant.
std::map<std::string, std::vector<FoundGeometry>> FilesIn(const std::string& dir) {
  std::map<std::string, std::vector<FoundGeometry>> found;
  std::error_code none;
  for (auto it = fs::directory_iterator(dir, none); !none && it != fs::directory_iterator();
       it.increment(none)) {
    const auto owner = OwnerOf(it->path().filename().string());
    if (owner) found[owner->tenant].push_back({owner->collection, it->path().string()});
  }
  return found;
}

// Whether it is a geometry as it was written before geometries were sealed, which anybody may read.
// A sealed one begins with a random nonce.
bool IsUnsealed(const fs::path& path) {
  constexpr std::string_view kMagic = "CDNGEO0";
  std::string first(kMagic.size(), '\0');
  std::ifstream file(path, std::ios::binary);
  return file.read(first.data(), static_cast<std::streamsize>(first.size())) && first == kMagic;
}

}  // namespace

std::vector<fs::path> ListGeometries(const std::string& dir) {
  std::vector<fs::path> paths;
  for (const auto& [tenant, files] : FilesIn(dir)) {
    for (const FoundGeometry& file : files) {
      if (file.path.ends_with(kSuffix)) paths.emplace_back(file.path);
    }
  }
  return paths;
}

StatusOr<std::string> OpenGeometry(const Vault& vault, const fs::path& path) {
  const auto name = OwnerOf(path.filename().string());
  std::ifstream file(path, std::ios::binary);
  if (!name || !file) return NotFound("index", path.string() + " is not there");
  const std::string sealed((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
  return vault.OpenFor(PurposeOf(*name), sealed);
}

StatusOr<StoredGeometry> ReadGeometry(const Vault& vault, const std::string& dir,
                                      const IndexName& name) {
  ASSIGN_OR_RETURN(const std::string bytes, OpenGeometry(vault, PathIn(dir, name)));
  return DecodeGeometry(bytes);
}

UpkeepWorker::UpkeepWorker(UpkeepOptions options, std::function<void()> ready)
    : options_(std::move(options)),
      ready_(std::move(ready)),
      left_(options_.dir.empty() ? decltype(left_)() : FilesIn(options_.dir)),
      thread_([this] { Run(); }) {
  CORDON_CHECK(options_.dir.empty() || options_.vault != nullptr);
}

UpkeepWorker::~UpkeepWorker() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void UpkeepWorker::Start(IndexName name, VectorIndex frozen, Upkeep upkeep) {
  std::lock_guard lock(mutex_);
  queue_.push_back({std::move(name), std::move(frozen), upkeep});
  wake_.notify_all();
}

void UpkeepWorker::CatchUp(FinishedUpkeep finished, VectorIndex frozen) {
  std::lock_guard lock(mutex_);
  queue_.push_front({std::move(finished.name), std::move(frozen), finished.upkeep,
                     std::move(finished.made), finished.catch_ups + 1});
  wake_.notify_all();
}

bool UpkeepWorker::Busy(const IndexName& name, Upkeep upkeep) const {
  std::lock_guard lock(mutex_);
  const auto is = [&](const auto& other) { return other.name == name; };
  if (std::find(working_.begin(), working_.end(), name) != working_.end() ||
      std::any_of(queue_.begin(), queue_.end(), is) ||
      std::any_of(finished_.begin(), finished_.end(), is)) {
    return true;
  }
  const auto failed = failures_.find({name.tenant, name.collection, upkeep});
  return failed != failures_.end() && Clock::now() < failed->second.until;
}

std::vector<FinishedUpkeep> UpkeepWorker::TakeFinished() {
  std::lock_guard lock(mutex_);
  return std::exchange(finished_, {});
}

void UpkeepWorker::Forget(const IndexName& name) {
  std::lock_guard lock(mutex_);
  std::erase_if(queue_, [&](const Job& job) { return job.name == name; });
  std::erase_if(failures_, [&](const auto& failure) {
    return std::get<0>(failure.first) == name.tenant &&
           std::get<1>(failure.first) == name.collection;
  });
  if (std::find(working_.begin(), working_.end(), name) != working_.end()) abandoned_ = true;
  if (!options_.dir.empty())
    gone_.push_back(PathIn(options_.dir, name));  // after what is worked on
  wake_.notify_all();
}

void UpkeepWorker::ForgetOthers(const std::string& tenant, const std::set<uint32_t>& collections) {
  std::unique_lock lock(mutex_);
  const auto its = left_.extract(tenant);
  if (its.empty()) return;
  lock.unlock();  // files are read below
  std::vector<std::string> gone;
  for (const auto& [collection, path] : its.mapped()) {
    // What was never finished is nobody's, and what is not sealed is not read again: its collection
    // may never be trained any more, and keep it.
    const bool stays =
        collections.contains(collection) && path.ends_with(kSuffix) && !IsUnsealed(path);
    if (!stays) gone.push_back(path);
  }
  lock.lock();
  gone_.insert(gone_.end(), gone.begin(), gone.end());
  wake_.notify_all();
}

void UpkeepWorker::Remove(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    stored_.erase(path);
    const Status removed = RemoveFile(path, "index");
    if (!removed.ok()) spdlog::error("index: {}", removed.ToString());
  }
}

// The lists under the geometry that was trained before the restart, if there was one.
MadeLists UpkeepWorker::MakeStored(const Job& job) const {
  const auto stored = ReadGeometry(*options_.vault, options_.dir, job.name);
  if (stored.ok()) {
    return MakeListsUnder(stored->geometry, stored->changed, job.index,
                          [this] { return Stopped(); });
  }
  if (stored.status().code() != StatusCode::kNotFound) {
    spdlog::warn("index: {}: {}", PathIn(options_.dir, job.name), stored.status().ToString());
  }
  return {};
}

MadeLists UpkeepWorker::Make(const Job& job) {
  if (job.made) {
    MadeLists made = *job.made;
    return ListNewer(
               job.index, [this] { return Stopped(); }, &made)
               ? made
               : MadeLists();
  }
  if (job.index.lists() == nullptr && !options_.dir.empty()) {
    MadeLists made = MakeStored(job);
    if (made.lists != nullptr || Stopped()) return made;
  }
  MadeLists made = options_.make(job.index, job.upkeep, [this] { return Stopped(); });
  if (made.lists != nullptr && !options_.dir.empty() && !abandoned_) Store(job, made);
  return made;
}

// Also after a merge, if the number of changes, which a restart is to know, is another: while lists
// change, merges are many, and megabytes each time would keep the disk from the writer.
void UpkeepWorker::Store(const Job& job, const MadeLists& made) {
  const uint64_t changed = job.index.changed() - made.trained;
  const std::string path = PathIn(options_.dir, job.name);
  const OnDisk now{made.lists->geometry().revision(), changed};
  const auto known = stored_.find(path);
  if (job.upkeep == Upkeep::kMerge && known != stored_.end() && known->second == now) return;
  std::error_code ignored;  // the writing says what is wrong
  fs::create_directories(options_.dir, ignored);
  const auto sealed =
      options_.vault->SealFor(PurposeOf(job.name), EncodeGeometry(made.lists->geometry(), changed));
  const Status written = sealed.ok() ? ReplaceFile(path, *sealed, "index") : sealed.status();
  stored_.erase(path);
  if (!written.ok()) return spdlog::warn("index: {}", written.ToString());
  stored_.emplace(path, now);
}

// Requires mutex_.
void UpkeepWorker::NoteFailure(const Job& job) {
  failure_count_.fetch_add(1, std::memory_order_relaxed);
  const Clock::duration first = options_.retry_after, most = kRetryMost;
  const auto [place, added] = failures_.try_emplace(
      Work{job.name.tenant, job.name.collection, job.upkeep}, Failure{first, {}});
  Failure& failure = place->second;
  if (!added) failure.wait = std::min(2 * failure.wait, most);
  failure.until = Clock::now() + failure.wait;
  spdlog::error("the index of collection {} of tenant {} could not be {}; tried again after {} s",
                job.name.collection, job.name.tenant,
                job.upkeep == Upkeep::kTrain ? "trained" : "merged",
                std::chrono::duration_cast<std::chrono::seconds>(failure.wait).count());
}

void UpkeepWorker::RunJob(const Job& job) {
  FinishedUpkeep finished{job.name, job.upkeep, {}, job.catch_ups};
  try {
    finished.made = Make(job);
  } catch (const std::exception& error) {  // of FAISS, or no memory: the index stays as it is
    spdlog::error("index: {}", error.what());
  }
  std::lock_guard lock(mutex_);
  working_.clear();
  if (finished.made.lists != nullptr) {
    failures_.erase({job.name.tenant, job.name.collection, job.upkeep});
  } else if (!Stopped()) {
    NoteFailure(job);
  }
  finished_.push_back(std::move(finished));
}

// Whoever asks or writes comes first: what is not in lists yet is searched all the same.
void UpkeepWorker::Run() {
  StandBack(Behind::kWriters);
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty() || !gone_.empty(); });
    if (!gone_.empty()) {
      const std::vector<std::string> gone = std::exchange(gone_, {});
      lock.unlock();
      Remove(gone);
      lock.lock();
      continue;
    }
    if (stopping_) return;
    {
      const Job job = std::move(queue_.front());  // freed without the lock: it may be a whole index
      queue_.pop_front();
      working_ = {job.name};
      abandoned_ = false;
      lock.unlock();
      RunJob(job);
    }
    ready_();
    lock.lock();
  }
}

}  // namespace cordon
