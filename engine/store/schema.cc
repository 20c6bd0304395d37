#include "engine/store/schema.h"

#include <array>

#include "engine/base/check.h"

namespace cordon {
namespace {

template <typename Number>
void AppendBigEndian(std::string* key, Number number) {
  std::array<char, sizeof(Number)> bytes;
  for (size_t i = bytes.size(); i-- > 0; number >>= 8) bytes[i] = static_cast<char>(number & 0xff);
  key->append(bytes.data(), bytes.size());
}

template <typename Number>
Number ReadBigEndian(std::string_view bytes) {
  Number number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

std::string KeyBelow(uint32_t tenant, std::string_view rest) {
  std::string key = TenantPrefix(tenant);
  key += rest;
  return key;
}

}  // namespace

std::string_view FamilyName(Family family) {
  static constexpr std::array<std::string_view, kFamilies> kNames = {
      "default", "heads",   "policy",    "directory", "keys",      "collections",
      "clauses", "classes", "documents", "chunks",    "revisions", "staged",
      "numbers", "marks",   "due",       "holds",     "erasures"};
  return kNames[static_cast<size_t>(family)];
}

std::string TenantPrefix(uint32_t tenant) {
  std::string key;
  AppendBigEndian(&key, tenant);
  return key;
}

std::string HeadKey(uint32_t tenant) { return KeyBelow(tenant, "h"); }
std::string AnchorKey(uint32_t tenant) { return KeyBelow(tenant, "a"); }
std::string SchemeKey(uint32_t tenant) { return KeyBelow(tenant, "s"); }

std::string ContainerKey(uint32_t tenant, std::string_view name) {
  return KeyBelow(tenant, "c") + std::string(name);
}

std::string DestinationKey(uint32_t tenant, std::string_view name) {
  return KeyBelow(tenant, "d") + std::string(name);
}

std::string BreakGlassKey(uint32_t tenant, std::string_view id) {
  return KeyBelow(tenant, "b") + std::string(id);
}

std::string ExportPrefix(uint32_t tenant, uint32_t collection, std::string_view pseudonym) {
  std::string key = KeyBelow(tenant, "x");
  AppendBigEndian(&key, collection);
  key += pseudonym;
  key.push_back('\0');
  return key;
}

std::string ExportKey(uint32_t tenant, uint32_t collection, std::string_view pseudonym,
                      std::string_view destination) {
  return ExportPrefix(tenant, collection, pseudonym) + std::string(destination);
}

std::string KeyUsageKey(uint32_t tenant, std::string_view key_id) {
  return KeyBelow(tenant, "k") + std::string(key_id);
}

std::string DestinationUsageKey(uint32_t tenant, std::string_view destination) {
  return KeyBelow(tenant, "d") + std::string(destination);
}

std::string RunPrefix(uint32_t tenant, uint32_t collection, std::string_view key_pseudonym) {
  std::string key = KeyBelow(tenant, "r");
  AppendBigEndian(&key, collection);
  key += key_pseudonym;
  return key;
}

std::string RunKey(uint32_t tenant, uint32_t collection, std::string_view key_pseudonym,
                   std::string_view run_pseudonym) {
  return RunPrefix(tenant, collection, key_pseudonym) + std::string(run_pseudonym);
}

std::string NamedKey(uint32_t tenant, std::string_view name) { return KeyBelow(tenant, name); }

std::string NumberedKey(uint32_t tenant, uint32_t number) {
  std::string key = TenantPrefix(tenant);
  AppendBigEndian(&key, number);
  return key;
}

std::string RevisionKey(uint32_t tenant, uint64_t revision) {
  std::string key = TenantPrefix(tenant);
  AppendBigEndian(&key, revision);
  return key;
}

std::string SourceKey(uint32_t tenant, std::string_view name) {
  return KeyBelow(tenant, "o") + std::string(name);
}

std::string PolicyRevisionPrefix(uint32_t tenant) { return KeyBelow(tenant, "r"); }

std::string PolicyRevisionKey(uint32_t tenant, uint64_t revision) {
  std::string key = PolicyRevisionPrefix(tenant);
  AppendBigEndian(&key, revision);
  return key;
}

std::string StagedPrefix(uint32_t tenant, uint64_t generation) {
  return RevisionKey(tenant, generation);
}

std::string CollectionPrefix(uint32_t tenant, uint32_t collection) {
  return NumberedKey(tenant, collection);
}

std::string DocumentKey(uint32_t tenant, uint32_t collection, uint64_t number) {
  std::string key = CollectionPrefix(tenant, collection);
  AppendBigEndian(&key, number);
  return key;
}

std::string ChunkKey(uint32_t tenant, uint32_t collection, uint64_t number, uint32_t ordinal) {
  std::string key = DocumentKey(tenant, collection, number);
  AppendBigEndian(&key, ordinal);
  return key;
}

std::string PseudonymKey(uint32_t tenant, uint32_t collection, std::string_view pseudonym) {
  std::string key = CollectionPrefix(tenant, collection);
  key += pseudonym;
  return key;
}

std::string KindKey(uint32_t tenant, uint32_t collection, char kind, std::string_view pseudonym) {
  return CollectionPrefix(tenant, collection) + kind + std::string(pseudonym);
}

std::string MarkKey(uint32_t tenant, uint32_t collection, char kind, std::string_view pseudonym,
                    uint64_t number) {
  std::string key = KindKey(tenant, collection, kind, pseudonym);
  AppendBigEndian(&key, number);
  return key;
}

std::string DueKey(uint32_t tenant, int64_t time_us, uint32_t collection, uint64_t number) {
  std::string key = TenantPrefix(tenant);
  // Times before 1970 sort before those after.
  AppendBigEndian(&key, static_cast<uint64_t>(time_us) ^ uint64_t{1} << 63);
  AppendBigEndian(&key, collection);
  AppendBigEndian(&key, number);
  return key;
}

DuePlace DuePlaceOf(std::string_view key) {
  CORDON_CHECK(key.size() == 2 * sizeof(uint32_t) + 2 * sizeof(uint64_t));
  const auto time = ReadBigEndian<uint64_t>(key.substr(4, 8)) ^ uint64_t { 1 } << 63;
  return {static_cast<int64_t>(time), ReadBigEndian<uint32_t>(key.substr(12, 4)),
          ReadBigEndian<uint64_t>(key.substr(16, 8))};
}

uint64_t DocumentNumber(std::string_view key) {
  CORDON_CHECK(key.size() >= 16);
  return ReadBigEndian<uint64_t>(key.substr(8, 8));
}

std::string MetaTenantKey(std::string_view name) { return "tenant/" + std::string(name); }
std::string MetaKeysKey() { return "keys"; }

std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  CORDON_CHECK(!prefix.empty());
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

uint32_t LastNumber(std::string_view key) {
  CORDON_CHECK(key.size() >= sizeof(uint32_t));
  return ReadBigEndian<uint32_t>(key.substr(key.size() - sizeof(uint32_t)));
}

uint64_t LastLongNumber(std::string_view key) {
  CORDON_CHECK(key.size() >= sizeof(uint64_t));
  return ReadBigEndian<uint64_t>(key.substr(key.size() - sizeof(uint64_t)));
}

}  // namespace cordon
