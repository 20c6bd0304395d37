// Walks a journal's records in order and believes none that its chain does not vouch for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cordon/journal/v1/record.pb.h"
#include "engine/journal/frame.h"
#include "engine/journal/log_file.h"

namespace cordon::journal {

using v1::Record;

// A place to start in the middle: the record after `last` begins at `offset` of file `number`.
struct Mark {
  uint32_t number = 1;
  uint64_t offset = 0;
  uint64_t last = 0;  // the sequence before
  Digest chain{};     // the chain's state before
};

// Why a walk stopped short of the journal's end.
struct Damage {
  enum class Kind {
    kTorn,    // the end of the newest file, never known to be on disk: may be cut
    kBroken,  // bytes that were on disk are damaged
    kForged,  // whole bytes that this key did not make in this place
    kKey,     // the journal was written with another key
    kTenant,  // the journal of another tenant
    kGap,     // a file is missing
    kUnread,  // the file could not be read, or has a version that this build does not know
  };
  Kind kind = Kind::kBroken;
  uint64_t sequence = 0;  // the record that could not be had
  uint32_t number = 0;    // the file
  uint64_t offset = 0;    // in the file
  std::string what;

  // The refusal to start, with its remedy.
  Status ToStatus() const;
};

// Reads one journal directory. Not thread-safe; the directory may be written meanwhile, what is
// seen then of the newest record may be half of it.
class ChainReader {
 public:
  ChainReader(std::filesystem::path directory, std::string tenant, const ChainKeys& keys);

  // Continues at `mark`, which this process knows to be good. Before the first Next.
  void Seek(const Mark& mark);

  // Reads the next record. True: record() and the places below are valid. False: the end, or
  // damage(), after which the reader stays where the last good record ended.
  bool Next();

  const Record& record() const { return record_; }
  // Where the record that Next read begins.
  const Mark& place() const { return place_; }
  // The last good record.
  const JournalAnchor& last() const { return last_; }
  // Where the next record would begin.
  const Mark& end() const { return end_; }
  const std::optional<Damage>& damage() const { return damage_; }

 private:
  bool OpenNextFile();
  bool CheckHeader(const ParsedHeader& parsed);
  bool ReadFrame();
  bool TakeRecord(const Frame& frame, size_t bytes);
  // Finds out whether bytes that are no frame, at the current place, are a torn end.
  bool FailTorn(std::string what);
  // An intact record after the current place that says that the current place was on disk.
  StatusOr<bool> ProvenLater();
  bool Fail(Damage::Kind kind, std::string what);
  bool FailUnread(const Status& status);

  const std::filesystem::path directory_;
  const std::string tenant_;
  const ChainKeys keys_;
  bool listed_ = false;
  std::vector<uint32_t> numbers_;
  std::optional<FileView> view_;
  Mark end_{.number = 0};  // file 0: none is open yet
  Mark place_;
  JournalAnchor last_;
  Record record_;
  std::optional<Damage> damage_;
};

}  // namespace cordon::journal
