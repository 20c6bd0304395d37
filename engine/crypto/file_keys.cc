#include "engine/crypto/file_keys.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/crypto/aead.h"

namespace cordon {
namespace {

constexpr std::string_view kFilesMagic = "cordon file keys 1\n";
constexpr size_t kNumberBytes = sizeof(uint64_t);
constexpr size_t kEntryBytes = kNumberBytes + SecretKey::kBytes;

// Text with keys in it, which does not stay in memory.
struct KeysText {
  std::string bytes;
  ~KeysText() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

void AppendNumber(uint64_t number, std::string* bytes) {
  for (size_t i = 0; i < kNumberBytes; ++i) *bytes += static_cast<char>(number >> 8 * i);
}

uint64_t NumberAt(const char* bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) {
    number |= uint64_t{static_cast<unsigned char>(bytes[i])} << 8 * i;
  }
  return number;
}

}  // namespace

FileKeys::FileKeys(std::filesystem::path path, std::shared_ptr<KeyFiles> files, SecretKey seal)
    : path_(std::move(path)), files_(std::move(files)), seal_(std::move(seal)) {}

bool FileKeys::Load() {
  std::lock_guard writing(writing_);
  const auto sealed = files_->Read(path_);
  if (sealed.status().code() == StatusCode::kNotFound) return true;
  KeysText text;
  if (!sealed.ok() || !sealed->starts_with(kFilesMagic) ||
      !OpenSealed(seal_, kFilesMagic, std::string_view(*sealed).substr(kFilesMagic.size()),
                  &text.bytes) ||
      text.bytes.size() % kEntryBytes != kNumberBytes) {
    damaged_ = true;
    return false;
  }
  std::lock_guard lock(mutex_);
  next_ = NumberAt(text.bytes.data());
  for (size_t at = kNumberBytes; at < text.bytes.size(); at += kEntryBytes) {
    const char* const entry = text.bytes.data() + at;
    auto key = SecretKey::FromBytes({entry + kNumberBytes, SecretKey::kBytes});
    if (key.ok()) keys_.emplace(NumberAt(entry), *std::move(key));
  }
  return true;
}

bool FileKeys::damaged() const {
  std::lock_guard writing(writing_);
  return damaged_;
}

Status FileKeys::Store(const Keys& keys, uint64_t next) const {
  ASSIGN_OR_RETURN(const SealNonce nonce, RandomSealNonce());
  KeysText text;
  text.bytes.reserve(kNumberBytes + keys.size() * kEntryBytes);  // no copy is left behind
  AppendNumber(next, &text.bytes);
  for (const auto& [number, key] : keys) {
    AppendNumber(number, &text.bytes);
    text.bytes += key.bytes();
  }
  std::string sealed(kFilesMagic);
  SealText(seal_, nonce, kFilesMagic, text.bytes, &sealed);
  return files_->Replace(path_, sealed);
}

Status FileKeys::Exchange(Keys keys, uint64_t next) {
  RETURN_IF_ERROR(Store(keys, next));
  next_ = next;
  damaged_ = false;
  std::lock_guard lock(mutex_);
  keys_.swap(keys);
  return OkStatus();
}

StatusOr<FileKeys::Made> FileKeys::Make() {
  std::lock_guard writing(writing_);
  ASSIGN_OR_RETURN(const SecretKey key, SecretKey::Generate());
  Keys keys;
  {
    std::lock_guard lock(mutex_);
    keys = keys_;
  }
  const uint64_t number = next_;
  keys.emplace(number, key);
  RETURN_IF_ERROR(Exchange(std::move(keys), number + 1));
  return Made{number, key};
}

std::optional<SecretKey> FileKeys::Find(uint64_t number) const {
  std::lock_guard lock(mutex_);
  const auto found = keys_.find(number);
  if (found == keys_.end()) return std::nullopt;
  return found->second;
}

Status FileKeys::Destroy(std::span<const uint64_t> numbers) {
  std::lock_guard writing(writing_);
  Keys keys;
  {
    std::lock_guard lock(mutex_);
    keys = keys_;
  }
  size_t gone = 0;
  for (const uint64_t number : numbers) gone += keys.erase(number);
  return gone == 0 && !damaged_ ? OkStatus() : Exchange(std::move(keys), next_);
}

Status FileKeys::DestroyOthers(const std::set<uint64_t>& numbers) {
  if (!numbers.empty()) {
    std::lock_guard writing(writing_);
    next_ = std::max(next_, *numbers.rbegin() + 1);
  }
  std::vector<uint64_t> others;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [number, key] : keys_) {
      if (!numbers.contains(number)) others.push_back(number);
    }
  }
  return Destroy(others);
}

}  // namespace cordon
