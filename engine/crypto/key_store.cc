#include "engine/crypto/key_store.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <numeric>

#include "engine/base/planted.h"
#include "engine/crypto/aead.h"
#include "engine/crypto/digest.h"
#include "engine/crypto/random_bytes.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRootMagic = "cordon key root 1\n";
constexpr std::string_view kSegmentMagic = "cordon key segment 1\n";
constexpr size_t kIdBytes = 16;
constexpr size_t kKeyBytes = SecretKey::kBytes;

SecretKey RootSeal(const SecretKey& master) { return DeriveKey(master, "cordon key root 1"); }

Status Damaged(const fs::path& path) {
  return Corrupt(
      fmt::format("the key file {} is damaged; put back the newest copy of the keys "
                  "directory, and never an older one",
                  path.string()));
}

Status None(const fs::path& path) {
  return Status(StatusCode::kFailedPrecondition, "keys_dir",
                fmt::format("{} is missing: the documents' keys are elsewhere, or lost. Name their "
                            "directory with --keys-dir, or put back the newest copy of it",
                            path.string()));
}

bool Destroyed(const char* key) {
  static constexpr char kZeros[kKeyBytes] = {};
  return std::memcmp(key, kZeros, kKeyBytes) == 0;
}

}  // namespace

// Keys side by side; a destroyed one is all zeros, which no random key is.
struct KeyStore::Segment {
  std::string keys;  // empty: all are destroyed

  Segment() = default;
  Segment(const Segment&) = default;
  Segment& operator=(const Segment&) = delete;
  ~Segment() { OPENSSL_cleanse(keys.data(), keys.size()); }

  char* At(uint64_t i) { return keys.data() + i * kKeyBytes; }
  const char* At(uint64_t i) const { return keys.data() + i * kKeyBytes; }
};

KeyStore::KeyStore(Options options, std::shared_ptr<CopiedKeyFiles> copy, DirectoryLock lock,
                   std::string id, SecretKey root)
    : options_(std::move(options)),
      copy_(std::move(copy)),
      lock_(std::move(lock)),
      id_(std::move(id)),
      root_(root),
      seal_(DeriveKey(root, "cordon key segment 1")),
      file_keys_(options_.dir / kFileKeys, options_.files, DeriveKey(root, "cordon file keys 1")) {}

KeyStore::~KeyStore() = default;

Status KeyStore::Create(const Options& options) {
  const auto files = options.files == nullptr ? DiskKeyFiles() : options.files;
  const fs::path path = options.dir / kKeysRoot;
  std::error_code error;
  if (fs::exists(path, error)) {
    return Status(StatusCode::kAlreadyExists, "keys_dir",
                  path.string() +
                      " exists: another store's keys are here; choose another "
                      "directory");
  }
  ASSIGN_OR_RETURN(const std::string id, RandomBytes(kIdBytes));
  ASSIGN_OR_RETURN(const SecretKey root, SecretKey::Generate());
  ASSIGN_OR_RETURN(const SealNonce nonce, RandomSealNonce());
  std::string content = std::string(kRootMagic) + id;
  const std::string place = content;
  SealText(RootSeal(options.master), nonce, place, root.bytes(), &content);
  return files->Replace(path, content);
}

StatusOr<std::unique_ptr<KeyStore>> KeyStore::Open(Options options) {
  if (options.files == nullptr) options.files = DiskKeyFiles();
  const fs::path path = options.dir / kKeysRoot;
  auto lock = DirectoryLock::Take("keys_dir", options.dir);
  if (lock.status().code() == StatusCode::kNotFound) return None(path);
  RETURN_IF_ERROR(lock.status());
  const auto content = options.files->Read(path);
  if (content.status().code() == StatusCode::kNotFound) return None(path);
  RETURN_IF_ERROR(content.status());
  const size_t head = kRootMagic.size() + kIdBytes;
  if (!content->starts_with(kRootMagic) || content->size() != head + kSealOverhead + kKeyBytes) {
    return Damaged(path);
  }
  const std::string_view view = *content;
  std::string root;
  if (!OpenSealed(RootSeal(options.master), view.substr(0, head), view.substr(head), &root)) {
    return Status(StatusCode::kFailedPrecondition, "master_key",
                  fmt::format("does not open {}: it is another store's key, or the file is damaged",
                              path.string()));
  }
  ASSIGN_OR_RETURN(const SecretKey key, SecretKey::FromBytes(root));
  OPENSSL_cleanse(root.data(), root.size());
  std::shared_ptr<CopiedKeyFiles> copy;
  if (!options.copy_dir.empty()) {
    copy = std::make_shared<CopiedKeyFiles>(options.files, options.dir, options.copy_dir);
    options.files = copy;
  }
  std::unique_ptr<KeyStore> opened(
      new KeyStore(std::move(options), std::move(copy), *std::move(lock),
                   std::string(view.substr(kRootMagic.size(), kIdBytes)), key));
  RETURN_IF_ERROR(opened->LoadAll());
  return opened;
}

Status KeyStore::LoadAll() {
  ASSIGN_OR_RETURN(const auto names, options_.files->List(options_.dir));
  for (const auto& name : names) {
    // What a crash left of a file that never got its name may hold keys to be destroyed.
    if (name.ends_with(".tmp")) RETURN_IF_ERROR(options_.files->Remove(options_.dir / name));
    uint32_t tenant = 0;
    unsigned long segment = 0;
    int end = 0;
    if (std::sscanf(name.c_str(), "%8x-%8lx%n", &tenant, &segment, &end) != 2 ||
        std::string_view(name).substr(static_cast<size_t>(end)) != kKeysSuffix) {
      continue;
    }
    const Place place{tenant, segment};
    ASSIGN_OR_RETURN(const std::string bytes, options_.files->Read(PathOf(place)));
    ASSIGN_OR_RETURN(segments_[place], Opened(place, bytes));
  }
  file_keys_.Load();  // damaged ones opened what is made anew
  return OkStatus();
}

fs::path KeyStore::PathOf(const Place& place) const {
  return options_.dir / fmt::format("{:08x}-{:08x}{}", place.first, place.second, kKeysSuffix);
}

StatusOr<std::string> KeyStore::Sealed(const Place& place, const Segment& segment) const {
  ASSIGN_OR_RETURN(const SealNonce nonce, RandomSealNonce());
  std::string bytes(kSegmentMagic);
  SealText(seal_, nonce, PathOf(place).filename().string(), segment.keys, &bytes);
  return bytes;
}

StatusOr<std::unique_ptr<KeyStore::Segment>> KeyStore::Opened(const Place& place,
                                                              const std::string& bytes) const {
  auto segment = std::make_unique<Segment>();
  if (!bytes.starts_with(kSegmentMagic) ||
      !OpenSealed(seal_, PathOf(place).filename().string(),
                  std::string_view(bytes).substr(kSegmentMagic.size()), &segment->keys) ||
      (!segment->keys.empty() && segment->keys.size() != kSegmentKeys * kKeyBytes)) {
    return Damaged(PathOf(place));
  }
  return segment;
}

SecretKey KeyStore::ForPurpose(std::string_view purpose) const { return DeriveKey(root_, purpose); }

Status KeyStore::Provide(uint32_t tenant, uint64_t number) {
  const Place place{tenant, number / kSegmentKeys};
  {
    std::shared_lock lock(mutex_);
    if (segments_.contains(place)) return OkStatus();
  }
  std::lock_guard writing(writing_);
  {
    std::shared_lock lock(mutex_);
    if (segments_.contains(place)) return OkStatus();
  }
  auto segment = std::make_unique<Segment>();
  segment->keys.resize(kSegmentKeys * kKeyBytes);
  if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(segment->keys.data()),
                      static_cast<int>(segment->keys.size())) != 1) {
    return Status(StatusCode::kUnavailable, "",
                  "the system's random number generator failed; try again");
  }
  ASSIGN_OR_RETURN(const std::string bytes, Sealed(place, *segment));
  if (!Planted(Bug::kKeysUnsynced)) {
    RETURN_IF_ERROR(options_.files->Replace(PathOf(place), bytes));
  }
  std::unique_lock lock(mutex_);
  segments_[place] = std::move(segment);
  return OkStatus();
}

KeyStore::Found KeyStore::FindIn(const Segment* segment, uint64_t number) {
  if (segment == nullptr) return {};
  if (segment->keys.empty()) return {State::kDestroyed, std::nullopt};
  const char* const key = segment->At(number % kSegmentKeys);
  if (Destroyed(key)) return {State::kDestroyed, std::nullopt};
  std::array<uint8_t, kKeyBytes> bytes;
  std::memcpy(bytes.data(), key, kKeyBytes);
  Found found{State::kThere, SecretKey(bytes)};
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return found;
}

KeyStore::Found KeyStore::Find(uint32_t tenant, uint64_t number) const {
  std::shared_lock lock(mutex_);
  const auto it = segments_.find({tenant, number / kSegmentKeys});
  return FindIn(it == segments_.end() ? nullptr : it->second.get(), number);
}

KeyStore::Found KeyStore::Walk::Find(uint64_t number) {
  const uint64_t segment = number / kSegmentKeys;
  if (at_ != segment) {
    std::shared_lock lock(keys_.mutex_);
    const auto it = keys_.segments_.find({tenant_, segment});
    segment_ = it == keys_.segments_.end() ? nullptr : it->second;
    at_ = segment;
  }
  return FindIn(segment_.get(), number);
}

Status KeyStore::Destroy(uint32_t tenant, std::span<const uint64_t> numbers) {
  if (Planted(Bug::kKeyKept)) return OkStatus();
  std::vector<uint64_t> sorted(numbers.begin(), numbers.end());
  std::sort(sorted.begin(), sorted.end());
  std::lock_guard writing(writing_);
  for (auto begin = sorted.begin(); begin != sorted.end();) {
    const uint64_t segment = *begin / kSegmentKeys;
    const auto end =
        std::find_if(begin, sorted.end(), [&](uint64_t n) { return n / kSegmentKeys != segment; });
    RETURN_IF_ERROR(DestroyIn({tenant, segment}, {begin, end}));
    begin = end;
  }
  return OkStatus();
}

Status KeyStore::DestroyRange(uint32_t tenant, uint64_t first, uint64_t end) {
  end = std::min(end, End(tenant));
  while (first < end) {
    const uint64_t next = std::min(end, (first / kSegmentKeys + 1) * kSegmentKeys);
    std::vector<uint64_t> numbers(next - first);
    std::iota(numbers.begin(), numbers.end(), first);
    RETURN_IF_ERROR(Destroy(tenant, numbers));
    first = next;
  }
  return OkStatus();
}

// Requires writing_. Memory follows the disk: what is on the disk can be read after a restart.
Status KeyStore::DestroyIn(const Place& place, std::span<const uint64_t> numbers) {
  Segment next;
  {
    std::shared_lock lock(mutex_);
    const auto it = segments_.find(place);
    if (it == segments_.end() || it->second->keys.empty()) return OkStatus();
    next.keys = it->second->keys;
  }
  bool changed = false;
  for (const uint64_t number : numbers) {
    char* const key = next.At(number % kSegmentKeys);
    changed = changed || !Destroyed(key);
    OPENSSL_cleanse(key, kKeyBytes);
  }
  if (!changed) return OkStatus();
  const auto all = next.keys.find_first_not_of('\0');
  if (all == std::string::npos) next.keys.clear();
  ASSIGN_OR_RETURN(const std::string bytes, Sealed(place, next));
  RETURN_IF_ERROR(options_.files->Replace(PathOf(place), bytes));
  auto replaced = std::make_shared<const Segment>(next);
  std::unique_lock lock(mutex_);
  segments_[place].swap(replaced);
  return OkStatus();
}

uint64_t KeyStore::End(uint32_t tenant) const {
  std::shared_lock lock(mutex_);
  const auto behind = segments_.lower_bound({tenant + 1, 0});
  if (behind == segments_.begin()) return 0;
  const auto last = std::prev(behind);
  return last->first.first == tenant ? (last->first.second + 1) * kSegmentKeys : 0;
}

KeyStore::Count KeyStore::CountKeys() const {
  Count count;
  std::shared_lock lock(mutex_);
  for (const auto& [place, segment] : segments_) {
    uint64_t destroyed = segment->keys.empty() ? kSegmentKeys : 0;
    for (uint64_t i = 0; i * kKeyBytes < segment->keys.size(); ++i) {
      if (Destroyed(segment->At(i))) ++destroyed;
    }
    count.destroyed += destroyed;
    count.there += kSegmentKeys - destroyed;
  }
  return count;
}

}  // namespace cordon
