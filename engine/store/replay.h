// Tells a store that was restored from a backup what the journal knows and the backup does not.
//
// Content that was written since is lost; what was revoked since stays revoked, and what was erased
// stays erased: changes of policy, directory, keys, collections and holds are applied again,
// documents that were deleted go, those with a new access get it, and where that cannot be given to
// the older copy, the copy goes (docs/decisions/erasure.md). So does in the end one that has a name
// which the scheme or the containers lack.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "cordon/journal/v1/record.pb.h"
#include "engine/store/apply.h"

namespace cordon {

// For one tenant; remembers which older copy stands for which newer document.
class Replayer {
 public:
  // Whether an earlier restore gave a number up: what was sealed with its key, the record of that
  // restore tells again.
  using Lost = std::function<bool(uint64_t number)>;

  Replayer(const ApplyContext& context, Lost lost) : context_(context), lost_(std::move(lost)) {}

  // The state after the revision of `record`, which is later than the state's; of a restore's
  // record, the same.
  StatusOr<Applied> Apply(const TenantState& head, const journal::v1::Record& record);
  // To be called after the last record: the state without copies that have a name which was taken
  // away, and with the classes that the others have by the order of levels of now. To be told again
  // are only those that went: every later restore makes classes anew by itself.
  StatusOr<Applied> Reclassify(const TenantState& head) const;

 private:
  uint64_t CopyOf(uint64_t number) const;
  // The collection that holds this number's record, and the record; none if there is none.
  StatusOr<bool> Find(const TenantState& state, uint64_t number, std::string* collection,
                      store::v1::DocumentRecord* record) const;
  Status Remove(uint64_t number, Applied* applied);
  Status Regrant(const journal::v1::ReplayedAccess& access, Applied* applied);

  const ApplyContext& context_;
  const Lost lost_;
  std::map<uint64_t, uint64_t> copies_;
  bool names_kept_ = true;  // and the levels in their order
};

}  // namespace cordon
