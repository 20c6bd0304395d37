// Where things are in RocksDB. docs/storage-format.md is this file for people.
//
// Every key but those of kMeta begins with the tenant's number, 4 bytes big-endian, so that no scan
// crosses tenants. Keys of documents hold their numbers, and pseudonyms of what names them, but no
// names (vault.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cordon {

// Column families, in the order in which they are opened.
enum class Family : uint8_t {
  kMeta,    // "tenant/NAME" → TenantRecord, "keys" → KeysRecord
  kHeads,   // T 'h' → HeadRecord, T 'a' → AnchorRecord, T 'k' KEYID, T 'd' DESTINATION →
            // UsageRecord, T 'r' C pseudonym pseudonym → RunRecord
  kPolicy,  // T 's' → SchemeRecord, T 'c' NAME → v1.Container, T 'd' NAME → v1.Destination,
            // T 'b' ID → v1.BreakGlass, T 'x' C pseudonym 0 DESTINATION → ExportRecord,
            // T 'o' NAME → SourceRecord, T 'r' revision → RevisionRecord
  kDirectory,    // T PRINCIPAL → v1.Principal
  kKeys,         // T KEYID → KeyRecord
  kCollections,  // T NAME → CollectionRecord
  kClauses,      // T id → ClauseRecord
  kClasses,      // T id → ClassRecord
  kDocuments,    // T C number → DocumentRecord, encrypted
  kChunks,       // T C number ordinal → ChunkRecord, encrypted
  kRevisions,    // T revision → RevisionRecord
  kStaged,       // T generation PRINCIPAL → v1.Principal; no state (store/stage.h)
  kNumbers,      // T C pseudonym → NumberRecord
  kMarks,        // T C kind pseudonym number → MarkRecord
  kDue,          // T time C number → MarkRecord
  kHolds,        // T C kind pseudonym → HoldRecord
  kErasures,     // T revision → ErasureRecord
};
inline constexpr size_t kFamilies = 17;

// The family's name in RocksDB.
std::string_view FamilyName(Family family);

// Numbers in keys are big-endian, so that they sort.
std::string TenantPrefix(uint32_t tenant);
std::string HeadKey(uint32_t tenant);
std::string AnchorKey(uint32_t tenant);
std::string SchemeKey(uint32_t tenant);
std::string ContainerKey(uint32_t tenant, std::string_view name);
std::string DestinationKey(uint32_t tenant, std::string_view name);
std::string BreakGlassKey(uint32_t tenant, std::string_view id);
// That a destination received a document; the prefix is that of all which did.
std::string ExportPrefix(uint32_t tenant, uint32_t collection, std::string_view pseudonym);
std::string ExportKey(uint32_t tenant, uint32_t collection, std::string_view pseudonym,
                      std::string_view destination);
// What a key or a destination used; the prefixes are those of all keys and destinations.
std::string KeyUsageKey(uint32_t tenant, std::string_view key_id);
std::string DestinationUsageKey(uint32_t tenant, std::string_view destination);
// A run of Ingest, by the pseudonyms of its key and of itself; the prefixes are those of all runs
// of a collection, and of those of one key.
std::string RunPrefix(uint32_t tenant, uint32_t collection, std::string_view key_pseudonym = "");
std::string RunKey(uint32_t tenant, uint32_t collection, std::string_view key_pseudonym,
                   std::string_view run_pseudonym);
std::string NamedKey(uint32_t tenant, std::string_view name);  // directory, keys, collections
std::string NumberedKey(uint32_t tenant, uint32_t number);     // clauses, classes
std::string RevisionKey(uint32_t tenant, uint64_t revision);
std::string SourceKey(uint32_t tenant, std::string_view name);
std::string PolicyRevisionPrefix(uint32_t tenant);
std::string PolicyRevisionKey(uint32_t tenant, uint64_t revision);
std::string StagedPrefix(uint32_t tenant, uint64_t generation);
std::string CollectionPrefix(uint32_t tenant, uint32_t collection);
std::string DocumentKey(uint32_t tenant, uint32_t collection, uint64_t number);
std::string ChunkKey(uint32_t tenant, uint32_t collection, uint64_t number, uint32_t ordinal);
std::string PseudonymKey(uint32_t tenant, uint32_t collection,
                         std::string_view pseudonym);  // numbers
// What versions of documents are found by, beside the newest by its id. Marks stay when a version
// is replaced or deleted, as its key does: backups hold it, until it is erased.
inline constexpr char kSubjectMark = 's';
inline constexpr char kSourceMark = 'o';
inline constexpr char kDocumentMark = 'd';  // of versions that are not the newest

// Marks and holds; a mark's has the document's number behind it.
std::string KindKey(uint32_t tenant, uint32_t collection, char kind, std::string_view pseudonym);
std::string MarkKey(uint32_t tenant, uint32_t collection, char kind, std::string_view pseudonym,
                    uint64_t number);
std::string DueKey(uint32_t tenant, int64_t time_us, uint32_t collection, uint64_t number);
std::string MetaTenantKey(std::string_view name);
std::string MetaKeysKey();

// The first key after all that begin with `prefix`.
std::string PrefixEnd(std::string prefix);

// A due key's parts.
struct DuePlace {
  int64_t time_us;
  uint32_t collection;
  uint64_t number;
};
DuePlace DuePlaceOf(std::string_view key);

// The document's number in a key of kDocuments or kChunks.
uint64_t DocumentNumber(std::string_view key);

// The number at the end of a key: 4 or 8 bytes.
uint32_t LastNumber(std::string_view key);
uint64_t LastLongNumber(std::string_view key);

}  // namespace cordon
