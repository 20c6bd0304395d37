// Clauses and security classes: every access question is about these (DESIGN §1).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/persistent_vector.h"
#include "engine/policy/entry_list.h"
#include "engine/policy/event_times.h"
#include "engine/policy/label.h"
#include "engine/policy/principal.h"

namespace cordon {

// One access-control list. It permits whom `allow` names and `deny` does not.
struct Clause {
  EntryList allow;
  EntryList deny;
  // The list named nobody to allow and inherits instead: it only adds its denies. Fixed when the
  // list is written: an allow list none of whose entries counts now allows nobody.
  bool only_denies = false;

  friend bool operator==(const Clause&, const Clause&) = default;
};

using ClauseId = uint32_t;
using ClassId = uint32_t;
using LabelId = uint32_t;

// What a clause id stands for: a list of its own, a container by name (whose list may change), or
// the source of the documents, which permits everybody unless it is in quarantine.
struct ClauseSlot {
  std::string container;    // empty for the others
  Clause clause;            // empty for the others; of a source it only denies, and nobody
  std::string name;         // for people: "acl", the container's name, or "source hris"
  std::string source = "";  // empty for the others
};

// All clauses must permit, and the label must be dominated. Every chunk has exactly one class.
struct SecurityClass {
  std::vector<ClauseId> clauses;  // sorted, without repeats
  LabelId label;
};

// The clauses, labels and classes of a tenant. Ids are places in these sequences and are never
// reused, so that a class means the same for ever; only containers and the scheme move under it.
struct ClassTable {
  PersistentVector<ClauseSlot> clauses;
  PersistentVector<Label> labels;
  PersistentVector<SecurityClass> classes;
  EventTimes events;  // of the entries of the clauses

  // Adds the clause with the next id.
  void AddClause(ClauseSlot slot) {
    std::vector<Micros> times;
    for (const auto* list : {&slot.clause.allow, &slot.clause.deny}) {
      for (const auto& entry : *list) {
        if (entry.Timed()) times.insert(times.end(), {entry.from, entry.until});
      }
    }
    events.Add(std::move(times));
    clauses.PushBack(std::move(slot));
  }
};

}  // namespace cordon
