#include "engine/view/index_files.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <unordered_map>

#include "engine/base/in_slices.h"
#include "engine/base/planted.h"
#include "engine/view/file_rows.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kVectorsSuffix = ".vectors";
constexpr std::string_view kWordsSuffix = ".words";
constexpr std::string_view kIndexDraft = ".tmp";

void Unlink(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) spdlog::warn("index: {} cannot be removed: {}", path.string(), error.message());
}

StoredNumber NumbersOf(const DocumentNumbers& documents) {
  return [&documents](uint32_t number) { return documents.stored(number); };
}

const Geometry* GeometryOf(const VectorIndex& index) {
  return index.lists() == nullptr ? nullptr : &index.lists()->geometry();
}

// The print of the geometry that a segment's lists are of; 0 if they are not of this one, or none.
uint64_t PrintOfLists(const Segment& segment, const Geometry* geometry) {
  const bool listed = geometry != nullptr && segment.lists() != nullptr &&
                      segment.lists()->geometry == geometry->revision();
  return listed ? geometry->print() : 0;
}

}  // namespace

std::string IndexFileName::text() const {
  return fmt::format("{:08x}-{:08x}-{:016x}{}", tenant, collection, number,
                     kind == Kind::kVectors ? kVectorsSuffix : kWordsSuffix);
}

std::optional<IndexFileName> IndexFileName::Parse(std::string_view text) {
  IndexFileName name{};
  unsigned long number = 0;
  if (std::sscanf(std::string(text).c_str(), "%8x-%8x-%16lx", &name.tenant, &name.collection,
                  &number) != 3) {
    return std::nullopt;
  }
  name.number = number;
  name.kind = text.ends_with(kVectorsSuffix) ? Kind::kVectors : Kind::kWords;
  return name.text() == text ? std::optional(name) : std::nullopt;
}

bool IndexFiles::File::MayHave(std::span<const uint64_t> numbers) const {
  if (!used) return !numbers.empty();
  return std::any_of(numbers.begin(), numbers.end(), [this](uint64_t number) {
    return std::binary_search(documents.begin(), documents.end(), number);
  });
}

std::vector<IndexFileName> ListIndexFiles(const fs::path& dir) {
  std::vector<IndexFileName> names;
  std::error_code none;
  for (auto it = fs::directory_iterator(dir, none); !none && it != fs::directory_iterator();
       it.increment(none)) {
    if (const auto name = IndexFileName::Parse(it->path().filename().string())) {
      names.push_back(*name);
    }
  }
  std::sort(names.begin(), names.end(),
            [](const auto& a, const auto& b) { return a.text() < b.text(); });
  return names;
}

StatusOr<std::string> ReadIndexFile(const fs::path& dir, const IndexFileName& name,
                                    const FileKeys& keys) {
  const auto key = keys.Find(name.number);
  if (!key) return NotFound("index", name.text() + " has no key any more; it is made anew");
  ASSIGN_OR_RETURN(const auto file, SealedFileReader::Open(dir / name.text(), *key, name.text()));
  std::string text(file->left(), '\0');
  RETURN_IF_ERROR(file->Read(text.data(), text.size()));
  return text;
}

// What a crash left of a file that never got its name goes, and so do keys without a file: of a
// data directory that another one has replaced, too.
IndexFiles::IndexFiles(fs::path dir, KeyStore* keys, size_t rows_min)
    : dir_(std::move(dir)), keys_(keys), rows_min_(rows_min) {
  std::error_code none;
  for (auto it = fs::directory_iterator(dir_, none); !none && it != fs::directory_iterator();
       it.increment(none)) {
    std::string name = it->path().filename().string();
    if (!name.ends_with(kIndexDraft)) continue;
    name.resize(name.size() - kIndexDraft.size());
    if (IndexFileName::Parse(name)) Unlink(it->path());
  }
  std::set<uint64_t> numbers;
  for (const IndexFileName& name : ListIndexFiles(dir_)) {
    if (files_.try_emplace(name.number, File{name, {}, 0, 0, {}, false}).second) {
      numbers.insert(name.number);
    } else {
      Unlink(dir_ / name.text());  // a copy under another name, which does not open
    }
  }
  const Status destroyed = keys_->file_keys().DestroyOthers(numbers);
  if (!destroyed.ok()) spdlog::warn("index: keys without files: {}", destroyed.ToString());
}

LoadedRows IndexFiles::Load(uint32_t tenant, uint32_t collection, const CollectionIndex& index,
                            const StoredRows& stored, const Geometry* geometry) {
  std::vector<IndexFileName> names;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [number, file] : files_) {
      if (file.name.tenant == tenant && file.name.collection == collection) {
        names.push_back(file.name);
      }
    }
  }
  LoadedRows loaded(stored.rows.size());
  FileRows rows(
      index, stored, geometry,
      [this, tenant](std::span<const uint64_t> documents) { return AnyErased(tenant, documents); },
      &loaded);
  std::mutex mutex;  // of those
  std::vector<uint64_t> useless;
  InSlices(names.size(), 1, Processors(), {}, [&](size_t i, size_t, const auto&) {
    if (LoadOne(names[i], &rows)) return;
    std::lock_guard lock(mutex);
    useless.push_back(names[i].number);
  });
  Drop(useless);
  for (const Segment& segment : loaded.vectors) rows_loaded_ += segment.live();
  for (const LexicalSegment& segment : loaded.words) rows_loaded_ += segment.live();
  return loaded;
}

// False if it is of no use any more.
bool IndexFiles::LoadOne(const IndexFileName& name, FileRows* rows) {
  const auto key = keys_->file_keys().Find(name.number);
  if (!key) {
    spdlog::info("index: {} has no key; what it held is read from the store", name.text());
    return false;
  }
  const auto taken = [&]() -> StatusOr<std::optional<FileRows::Facts>> {
    ASSIGN_OR_RETURN(const auto source,
                     SealedFileReader::Open(dir_ / name.text(), *key, name.text()));
    return name.kind == Kind::kVectors ? rows->TakeVectors(source.get())
                                       : rows->TakeWords(source.get());
  }();
  if (!taken.ok()) {
    spdlog::warn("index: {}: {}; what it held is read from the store", name.text(),
                 taken.status().ToString());
    return false;
  }
  if (!*taken) return false;
  const FileRows::Facts& facts = **taken;
  std::lock_guard lock(mutex_);
  files_[name.number] = {name,        facts.rows,      facts.geometry,
                         facts.count, facts.documents, /*used=*/true};
  return true;
}

bool IndexFiles::AnyErased(uint32_t tenant, std::span<const uint64_t> documents) const {
  if (Planted(Bug::kErasedInFiles)) return false;
  return std::any_of(documents.begin(), documents.end(), [&](uint64_t number) {
    return keys_->Find(tenant, number).state != KeyStore::State::kThere;
  });
}

void IndexFiles::DropOthers() {
  std::vector<uint64_t> others;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [number, file] : files_) {
      if (!file.used) others.push_back(number);
    }
  }
  Drop(others);
}

IndexFiles::Plan IndexFiles::PlanOf(uint32_t tenant, uint32_t collection,
                                    const CollectionIndex& index) const {
  Plan plan;
  std::unordered_map<const void*, const File*> by_rows;
  std::set<uint64_t> good;
  std::lock_guard lock(mutex_);
  for (const auto& [number, file] : files_) {
    if (file.name.tenant != tenant || file.name.collection != collection) continue;
    if (const auto rows = file.rows.lock()) by_rows[rows.get()] = &file;
  }
  const auto look = [&](Kind kind, size_t segment, const void* rows, size_t live,
                        uint64_t geometry) {
    const auto found = by_rows.find(rows);
    const bool fits = found != by_rows.end() && 2 * live >= found->second->count &&
                      (geometry == 0 || found->second->geometry == geometry);
    if (fits) {
      good.insert(found->second->name.number);
    } else if (live >= rows_min_) {
      plan.write.push_back({kind, segment});
    }
  };
  const Geometry* const geometry = GeometryOf(index.vectors);
  for (size_t s = 0; s < index.vectors.segments().size(); ++s) {
    const Segment& segment = index.vectors.segments()[s];
    if (segment.erasures() > 0) continue;  // it is written anew soon
    look(Kind::kVectors, s, segment.shared_rows().get(), segment.live(),
         PrintOfLists(segment, geometry));
  }
  for (size_t s = 0; s < index.lexical.segments().size(); ++s) {
    const LexicalSegment& segment = index.lexical.segments()[s];
    look(Kind::kWords, s, segment.shared_rows().get(), segment.live(), 0);
  }
  for (const auto& [number, file] : files_) {
    const bool its = file.name.tenant == tenant && file.name.collection == collection;
    if (its && !good.contains(number)) plan.drop.push_back(number);
  }
  return plan;
}

bool IndexFiles::Stale(uint32_t tenant, uint32_t collection, const CollectionIndex& index) const {
  const Plan plan = PlanOf(tenant, collection, index);
  return !plan.write.empty() || !plan.drop.empty();
}

Status IndexFiles::Keep(uint32_t tenant, uint32_t collection, const CollectionIndex& index,
                        const std::function<bool()>& stop) {
  const Plan plan = PlanOf(tenant, collection, index);
  std::error_code ignored;  // the writing says what is wrong
  fs::create_directories(dir_, ignored);
  for (const Task& task : plan.write) {
    if (stop()) return OkStatus();
    const IndexFileName name{tenant, collection, 0, task.kind};
    RETURN_IF_ERROR(task.kind == Kind::kVectors
                        ? WriteVectorsOf(name, task.segment, index)
                        : WriteWordsOf(name, index.lexical.segments()[task.segment], index));
  }
  Drop(plan.drop);
  return OkStatus();
}

Status IndexFiles::WriteVectorsOf(IndexFileName name, size_t s, const CollectionIndex& index) {
  const Segment& segment = index.vectors.segments()[s];
  const auto named = NameVectors(segment, NumbersOf(index.documents));
  if (!named) return OkStatus();
  File file{name,
            segment.shared_rows(),
            PrintOfLists(segment, GeometryOf(index.vectors)),
            named->rows.size(),
            SortedOnce(named->documents),
            true};
  return WriteOne(std::move(file),
                  [&](ByteSink* sink) { return WriteVectors(index.vectors, s, *named, sink); });
}

Status IndexFiles::WriteWordsOf(IndexFileName name, const LexicalSegment& segment,
                                const CollectionIndex& index) {
  std::shared_ptr<const LexicalRows> rows = segment.shared_rows();
  if (segment.dead() != nullptr) {  // their words are not written
    const auto live = MergeSegments({&segment, 1}, kLexicalRowsMax);
    if (live.size() != 1) return OkStatus();
    rows = live.front().shared_rows();
  }
  const auto named = NameWords(*rows, NumbersOf(index.documents));
  if (!named) return OkStatus();
  File file{name, segment.shared_rows(), 0, named->rows.size(), SortedOnce(named->documents), true};
  return WriteOne(std::move(file), [&](ByteSink* sink) {
    return WriteWords(index.lexical.language(), *rows, *named, sink);
  });
}

// The file is known before any of it is on the disk: an erasure finds it from then on, and one that
// came before has destroyed the keys of its documents, which are looked at afterwards. It is its
// segment's once it is whole: what is left of a failure is dropped by the next Keep().
Status IndexFiles::WriteOne(File file, const std::function<Status(ByteSink*)>& write) {
  ASSIGN_OR_RETURN(const FileKeys::Made made, keys_->file_keys().Make());
  file.name.number = made.number;
  const IndexFileName name = file.name;
  const std::vector<uint64_t> documents = file.documents;
  const std::weak_ptr<const void> rows = std::exchange(file.rows, {});
  bool erased = false;
  {
    std::lock_guard lock(mutex_);
    files_[made.number] = std::move(file);
    erased = forgotten_.contains({name.tenant, name.collection});
  }
  Status written;
  erased = erased || AnyErased(name.tenant, documents);
  if (!erased) {
    auto sink = SealedFileWriter::Create(dir_ / name.text(), made.key, name.text());
    written = sink.status();
    if (written.ok()) written = write(sink->get());
    if (written.ok()) written = (*sink)->Finish();
  }
  if (erased || !written.ok()) {
    Drop({&made.number, 1});
    return written;
  }
  std::lock_guard lock(mutex_);
  if (const auto found = files_.find(made.number); found != files_.end()) {
    found->second.rows = rows;
  } else {
    Unlink(dir_ / name.text());  // its key is gone already
  }
  return OkStatus();
}

Status IndexFiles::DropLocked(std::span<const uint64_t> numbers) {
  if (numbers.empty()) return OkStatus();
  RETURN_IF_ERROR(keys_->file_keys().Destroy(numbers));
  for (const uint64_t number : numbers) {
    const auto found = files_.find(number);
    if (found == files_.end()) continue;
    Unlink(dir_ / found->second.name.text());
    files_.erase(found);
  }
  return OkStatus();
}

void IndexFiles::Drop(std::span<const uint64_t> numbers) {
  std::lock_guard lock(mutex_);
  const Status dropped = DropLocked(numbers);
  if (!dropped.ok()) spdlog::error("index: {}", dropped.ToString());
}

Status IndexFiles::Erase(uint32_t tenant, std::span<const uint64_t> numbers) {
  if (Planted(Bug::kErasedInFiles)) return OkStatus();
  std::lock_guard lock(mutex_);
  std::vector<uint64_t> gone;
  for (const auto& [number, file] : files_) {
    if (file.name.tenant == tenant && file.MayHave(numbers)) gone.push_back(number);
  }
  return DropLocked(gone);
}

bool IndexFiles::Hold(uint32_t tenant, std::span<const uint64_t> numbers) const {
  if (Planted(Bug::kErasedInFiles)) return false;
  std::lock_guard lock(mutex_);
  return std::any_of(files_.begin(), files_.end(), [&](const auto& entry) {
    return entry.second.name.tenant == tenant && entry.second.MayHave(numbers);
  });
}

void IndexFiles::Forget(uint32_t tenant, uint32_t collection) {
  std::vector<uint64_t> gone;
  {
    std::lock_guard lock(mutex_);
    forgotten_.emplace(tenant, collection);
    for (const auto& [number, file] : files_) {
      const bool its = file.name.tenant == tenant && file.name.collection == collection;
      if (its) gone.push_back(number);
    }
  }
  Drop(gone);
}

}  // namespace cordon
