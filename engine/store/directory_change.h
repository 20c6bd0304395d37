// One change of the directory: what several records make of it together. Internal to store/.
#pragma once

#include <string>
#include <vector>

#include "engine/store/state.h"

namespace cordon {

// Works on a copy of the tenant's directory, which Finish() publishes. A refused change is dropped.
class DirectoryChange {
 public:
  explicit DirectoryChange(Applied* applied);

  const Directory& directory() const { return directory_; }
  const DirectorySource& source(const std::string& name) const;

  // The number of a principal.
  PrincipalId IdOf(const std::string& name);

  // What `record` says; refuses names that the scheme lacks.
  StatusOr<std::shared_ptr<const DirectoryRecord>> Judge(const v1::Principal& record);

  // Sets the record and stores `stored`, which says the same. `path` is where it came from, for
  // refusals that only the whole change shows.
  void Set(PrincipalId id, std::shared_ptr<const DirectoryRecord> record,
           const v1::Principal& stored, std::string path);

  // Takes the record out, as if it had never been.
  void Drop(PrincipalId id);

  // The source has used this sequence; with `snapshot` for all that it says.
  void Reached(const std::string& source, uint64_t sequence, bool snapshot);

  // Judges what came out, and publishes it. Refuses aliases of aliases and too many records.
  Status Finish();

 private:
  struct Alias {
    PrincipalId id;
    std::string path;
  };

  Status CheckAlias(const Alias& alias) const;

  Applied* const applied_;
  Directory directory_;
  TenantState::Sources sources_;
  std::vector<Alias> aliases_;  // that were set
};

// The refusal of a record that belongs to another source.
Status BelongsTo(const std::string& source);

}  // namespace cordon
