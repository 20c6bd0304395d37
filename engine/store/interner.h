// Gives equal clauses, labels and classes one number each, and writes new ones to the batch.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "cordon/store/v1/records.pb.h"
#include "engine/policy/decide.h"
#include "engine/store/database.h"

namespace cordon {

// INVALID_ARGUMENT for "inherit[i]" if the list inherits from a container that does not exist.
Status CheckContainers(const PolicyRules& rules, const v1::Acl& acl);

// Remembers what has been numbered; belongs to the one writer of a tenant. Numbers given for a
// mutation are kept by Commit() and forgotten by Rollback(): a number that outlived a refused
// mutation would later name another list.
class Interner {
 public:
  // The numbers of the list's own clause (if it says anything) and of its containers, appended to
  // `ids`. `acl` must have passed CheckAcl. INVALID_ARGUMENT for "inherit" if one is unknown.
  Status AddClauses(const v1::Acl& acl, PolicyState* state, uint32_t tenant, Batch* batch,
                    std::vector<ClauseId>* ids);

  // The number of the clause that a document of `source` has: nobody sees it in quarantine.
  ClauseId Source(const std::string& source, PolicyState* state, uint32_t tenant, Batch* batch);

  // Whether a document ever had this source.
  bool KnowsSource(const std::string& source) const;

  // The number of a class; `clauses` need not be sorted.
  ClassId ClassOf(std::vector<ClauseId> clauses, const Label& label, PolicyState* state,
                  uint32_t tenant, Batch* batch);

  // Takes over a stored record; they come in the order of their numbers.
  Status LoadClause(const store::v1::ClauseRecord& record, PolicyState* state);
  void LoadClass(const store::v1::ClassRecord& record, PolicyState* state);

  void Commit();
  void Rollback();

 private:
  using Numbers = std::unordered_map<std::string, uint32_t>;
  using Place = Numbers::const_iterator;  // until the next number is given

  // The number of `key` in `numbers`; if it had none, `next`, then remembered as pending, and true.
  std::pair<Place, bool> NumberOf(Numbers* numbers, std::string key, size_t next);
  StatusOr<ClauseId> Clause(const store::v1::ClauseRecord& record, PolicyState* state,
                            uint32_t tenant, Batch* batch);

  Numbers clauses_;
  Numbers labels_;
  Numbers classes_;
  std::vector<std::pair<Numbers*, const std::string*>> pending_;  // the keys are the maps' own
};

}  // namespace cordon
