#include "engine/verify_erased.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "engine/crypto/key_file.h"
#include "engine/ingest/upkeep_worker.h"
#include "engine/journal/chain_reader.h"
#include "engine/store/raw_files.h"
#include "engine/upgrade.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSealBytes = 4;  // the CRC before a stored payload

class NeedleSearch {
 public:
  NeedleSearch(const DataPaths& paths, const Vault& vault, const SecretKey& journal_key,
               const std::vector<std::string>& needles)
      : paths_(paths), vault_(vault), journal_key_(journal_key), needles_(needles) {}

  Status Run() {
    std::set<std::string> roots = {paths_.data_dir, paths_.Keys()};
    if (!paths_.journal_dir.empty()) roots.insert(paths_.journal_dir);
    for (const auto& root : roots) RETURN_IF_ERROR(Tree(root));
    return Journals(fs::path(paths_.JournalOf("x")).parent_path());
  }

  const ErasedVerdict& verdict() const { return verdict_; }

 private:
  Status Tree(const std::string& root) {
    std::error_code error;
    fs::recursive_directory_iterator entry(root, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
      const bool regular = entry->is_regular_file(error);
      if (error == std::errc::no_such_file_or_directory) error.clear();  // a link to nothing
      if (error) break;
      if (regular && seen_.insert(entry->path()).second) RETURN_IF_ERROR(File(entry->path()));
    }
    return error ? CannotRead("data_dir", root) : OkStatus();
  }

  Status Journals(const fs::path& root) {
    std::error_code error;
    fs::directory_iterator entry(root, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      const bool directory = entry->is_directory(error);
      if (error) break;
      if (directory) RETURN_IF_ERROR(JournalOf(entry->path().filename()));
    }
    return error ? CannotRead("journal_dir", root) : OkStatus();
  }

  static Status CannotRead(std::string_view field, const fs::path& path) {
    return Status(StatusCode::kFailedPrecondition, field,
                  "cannot read " + path.string() + "; run this as the server's user");
  }

  Status File(const fs::path& path) {
    ++verdict_.files;
    std::ifstream in(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    if (in.bad()) return Corrupt("cannot read " + path.string());
    Look(path, "bytes", bytes);
    if (path.parent_path() == fs::path(paths_.Index())) return IndexFile(path);
    if (path.parent_path() != fs::path(paths_.Store())) return OkStatus();
    const auto visit = [&](const RawEntry& entry) { return Entry(path, entry); };
    if (path.extension() == ".sst") return ReadTableFile(path, visit);
    if (path.extension() == ".log") {
      return ReadLogFile(path, [&](auto record) { return ReadLogRecord(record, visit); });
    }
    if (!path.filename().string().starts_with("MANIFEST-")) return OkStatus();
    return ReadLogFile(path, [&](std::string_view record) {
      Look(path, "a record", record);
      return OkStatus();
    });
  }

  // Vectors and words, or the centroids of lists. One whose key is gone says nothing any more. What
  // is damaged may still open in part.
  Status IndexFile(const fs::path& path) {
    const auto name = IndexFileName::Parse(path.filename().string());
    const auto text = name ? ReadIndexFile(paths_.Index(), *name, vault_.keys().file_keys())
                           : OpenGeometry(vault_, path);
    if (text.ok()) {
      ++verdict_.decrypted;
      Look(path, "a file of the index, decrypted", *text);
      return OkStatus();
    }
    if (text.status().code() == StatusCode::kNotFound) return OkStatus();
    return Status(text.status().code(), "data_dir",
                  path.string() +
                      " is damaged, and may hold what is looked for; the next start of "
                      "the server makes it anew");
  }

  Status Entry(const fs::path& path, const RawEntry& entry) {
    ++verdict_.entries;
    Look(path, fmt::format("a key of {}", FamilyName(entry.family)), entry.key);
    if (entry.deletion || entry.value.size() < kSealBytes) return OkStatus();
    const std::string_view payload = entry.value.substr(kSealBytes);
    const std::string where = fmt::format("a record of {}", FamilyName(entry.family));
    Look(path, where, payload);
    if (entry.key.starts_with(MetaTenantKey("")) && entry.family == Family::kMeta) {
      return NoteTenant(payload);
    }
    if (entry.family == Family::kRevisions) {
      store::v1::RevisionRecord record;
      RETURN_IF_ERROR(ParseRecord(payload, &record));
      return Told(path, where, LastNumber(entry.key.substr(0, 4)), record.replay());
    }
    if (entry.family == Family::kDocuments) {
      return Decrypted<store::v1::DocumentRecord>(path, where, entry, payload);
    }
    if (entry.family == Family::kChunks) {
      return Decrypted<store::v1::ChunkRecord>(path, where, entry, payload);
    }
    return OkStatus();
  }

  template <typename Record>
  Status Decrypted(const fs::path& path, const std::string& where, const RawEntry& entry,
                   std::string_view payload) {
    Record record;
    ASSIGN_OR_RETURN(const bool there, vault_.Open(entry.family, entry.key, payload, &record));
    if (!there) {
      ++verdict_.records_left;
      return OkStatus();
    }
    ++verdict_.decrypted;
    Look(path, where + ", decrypted", record.SerializeAsString());
    return OkStatus();
  }

  // The numbers of tenants, by which their documents' keys are found.
  Status NoteTenant(std::string_view payload) {
    store::v1::TenantRecord tenant;
    RETURN_IF_ERROR(ParseRecord(payload, &tenant));
    tenants_[tenant.name()] = tenant.id();
    return OkStatus();
  }

  // What a restored store is told, as far as keys still open it.
  Status Told(const fs::path& file, const std::string& where, uint32_t tenant,
              const journal::v1::Replay& replay) {
    if (!replay.sealed_mutation().empty()) {
      ASSIGN_OR_RETURN(const std::string text,
                       vault_.OpenFor("mutation", replay.sealed_mutation()));
      Look(file, where + ", a change, decrypted", text);
    }
    for (const auto& access : replay.access()) {
      if (access.sealed().empty()) continue;
      const auto key = vault_.KeyOf(tenant, access.now());
      if (key.status().code() == StatusCode::kNotFound) continue;  // destroyed
      RETURN_IF_ERROR(key.status());
      ASSIGN_OR_RETURN(const std::string text, Vault::OpenWith(*key, "access", access.sealed()));
      Look(file, where + ", a list, decrypted", text);
    }
    return OkStatus();
  }

  Status JournalOf(const std::string& tenant) {
    const std::string directory = paths_.JournalOf(tenant);
    journal::ChainReader reader(directory, tenant, journal::ChainKeys(journal_key_));
    const auto known = tenants_.find(tenant);
    while (reader.Next()) {
      if (known == tenants_.end()) return ForeignJournal(tenant);
      Look(directory, "a record", reader.record().SerializeAsString());
      RETURN_IF_ERROR(Told(directory, "a record", known->second, reader.record().replay()));
    }
    const bool torn = reader.damage() && reader.damage()->kind == journal::Damage::Kind::kTorn;
    return reader.damage() && !torn ? reader.damage()->ToStatus() : OkStatus();
  }

  static Status ForeignJournal(const std::string& tenant) {
    return Status(
        StatusCode::kFailedPrecondition, "journal_dir",
        fmt::format("holds the journal of {}, a tenant that the store does not have; name "
                    "this store's journals with --journal-dir",
                    tenant));
  }

  void Look(const fs::path& file, const std::string& where, std::string_view bytes) {
    for (const auto& needle : needles_) {
      if (bytes.find(needle) == bytes.npos) continue;
      if (verdict_.found.size() < ErasedVerdict::kFoundMax) {
        verdict_.found.push_back({file.string(), where});
      }
    }
  }

  const DataPaths& paths_;
  const Vault& vault_;
  const SecretKey& journal_key_;
  const std::vector<std::string>& needles_;
  std::set<fs::path> seen_;
  std::map<std::string, uint32_t, std::less<>> tenants_;
  ErasedVerdict verdict_;
};

}  // namespace

StatusOr<ErasedVerdict> VerifyErased(const DataPaths& paths,
                                     const std::vector<std::string>& needles) {
  RETURN_IF_ERROR(CheckFormat(paths));
  for (const auto& needle : needles) {
    if (needle.empty()) return Invalid("needle", "empty; it would be found everywhere");
  }
  auto journal_key = ReadKeyFile(paths.JournalKey());
  if (!journal_key.ok()) return journal_key.status().Within("journal_key");
  ASSIGN_OR_RETURN(const auto keys, OpenKeys(paths));
  RETURN_IF_ERROR(CheckFormat(paths));  // an upgrade may have begun; from now on none does
  const Vault vault(keys.get());
  NeedleSearch search(paths, vault, *journal_key, needles);
  RETURN_IF_ERROR(search.Run());
  return search.verdict();
}

}  // namespace cordon
