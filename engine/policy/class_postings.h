// Which classes name a principal: the entitlements of a caller are read from the lists of the
// caller's own principals instead of judging every class.
//
// Everything here follows from the ClassTable, whose lists and classes never change: postings are
// only ever added to. They cover classes from 0 up to classes(); the few newest ones, which they do
// not cover yet, are judged one by one, so that an answer never depends on how far they reach.
//
// A class has one list with an `allow` that its postings stand for (its anchor; a class that only
// names containers has none). The denies of all its lists are postings too. What else it demands,
// such as containers, sources, further lists and the label, is asked of a Judge, once the anchor
// permits. Which classes a container has a say in is a posting as well, for when it has changed.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/policy/clause.h"
#include "engine/policy/directory.h"

namespace cordon {

// Answers for one caller at one time what postings do not say.
class Judge {
 public:
  virtual ~Judge() = default;
  virtual bool Permits(ClauseId id) = 0;
  virtual bool PermitsLabel(LabelId id) = 0;
};

// For whom: denies count for the application too (DESIGN §2, rule 3).
struct PostingsQuestion {
  const PrincipalSet& principals;
  const PrincipalSet& application_principals;
  Micros now;
};

// A value; copies share the parts. Immutable, so safe to read from any thread.
class ClassPostings {
 public:
  // How many classes are covered, from 0; a multiple of 64.
  size_t classes() const;

  // These and postings of the classes of `table` that are not covered yet, save a few. `table` must
  // begin with the classes that these were made of.
  ClassPostings Extended(const ClassTable& table) const;

  // Sets the bit of each class from `from` to below classes() whose clauses and label permit.
  // `words` holds a bit for each class, all zero from `from` on. Returns the earliest later time at
  // which a timed entry of those classes that names one of the principals begins or ends; kNever if
  // there is none.
  Micros AddPermitted(const PostingsQuestion& question, Judge* judge, ClassId from,
                      std::vector<uint64_t>* words) const;

  // The covered classes below `end` of which one list is this container's own; not those whose
  // containers inherit from it.
  std::vector<ClassId> ClassesOf(std::string_view container, size_t end) const;

 private:
  class Part;
  std::vector<std::shared_ptr<const Part>> parts_;  // by first class, without gaps
};

}  // namespace cordon
