// The decision (DESIGN §2): pure, in one place, without I/O. Search, guard, explain and counting
// all come here; nothing else decides who sees what.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/policy/break_glass.h"
#include "engine/policy/class_postings.h"
#include "engine/policy/clause.h"
#include "engine/policy/directory.h"
#include "engine/policy/grant.h"
#include "engine/policy/rules.h"

namespace cordon {

// Everything about a tenant that the decision reads, as of one revision. Immutable.
struct PolicyState {
  std::shared_ptr<const PolicyRules> rules = std::make_shared<PolicyRules>();
  std::shared_ptr<const Directory> directory = std::make_shared<Directory>();
  std::shared_ptr<PrincipalTable> principals = std::make_shared<PrincipalTable>();
  ClassTable classes;
  ClassPostings postings;  // of classes, save perhaps the newest
  std::shared_ptr<const BreakGlassAccesses> break_glass = std::make_shared<BreakGlassAccesses>();

  // Brings the postings up to the classes.
  void ExtendPostings() { postings = postings.Extended(classes); }
};

// The state at a time. `now` is the View's time: entries that begin or end between two events of a
// View cannot exist, so that one View always gives one answer.
struct World {
  const PolicyState& state;
  Micros now;
};

// Who is judged, through which application, for which consumer; the parts of a request that the
// decision reads. Resolved once for each request.
struct Subject {
  std::string name;
  PrincipalSet principals;
  Clearance clearance;
  // The application in between: its clearance is a ceiling and its principals can be denied, but
  // neither ever widens. Absent when an auditor asks about the user alone.
  std::optional<Clearance> application_clearance;
  PrincipalSet application_principals;
  // The consumer; absent when an auditor asks about the user alone.
  std::optional<Destination> destination;
  // The access under which lists that allow others only are passed over; null as a rule.
  std::shared_ptr<const BreakGlassAccess> break_glass;
};

// What the decision reads of a stored chunk and its document.
struct Facts {
  ClassId class_id = 0;
  Micros valid_from = INT64_MIN;
  Micros valid_until = kNever;
};

// One test of the decision and its witness, for explanations.
struct Verdict {
  std::string name;
  bool permitted;
  std::string because;
};

// Finds out who `as` (empty: the user whose token came with the call, else the caller itself) is.
// PERMISSION_DENIED if the caller may not act for it, if it is not the user of the token, or if
// the caller may not name the destination (empty: the key's default), or if there is none.
StatusOr<Subject> ResolveSubject(const World& world, const Authenticated& caller,
                                 std::string_view as, std::string_view destination);

// The name of whom `caller` acts for by `as`, as ResolveSubject() reads it, and its refusals.
StatusOr<std::string> ResolveActing(const World& world, const Authenticated& caller,
                                    std::string_view as);

// Lets `subject`, whom `caller` asks for, past lists that allow others only. PERMISSION_DENIED
// unless the caller has the right and the access is its own, for this subject, and has not ended.
Status BreakGlass(const World& world, const Authenticated& caller, std::string_view id,
                  Subject* subject);

// The same for an auditor's question about that access: INVALID_ARGUMENT if it is none of the
// subject's, or has ended.
Status BreakGlassOf(const World& world, std::string_view id, Subject* subject);

// The same for an auditor's question about a user alone; the destination may be empty.
StatusOr<Subject> ResolveUserAlone(const World& world, std::string_view as,
                                   std::string_view destination, bool dev);

// The same about a user or service through an application that carries `grant`: `as` must be one
// for whom it may ask, itself included, which nothing here checks.
StatusOr<Subject> ResolveThrough(const World& world, const Grant& grant, std::string_view as,
                                 std::string_view destination, bool dev);

// Whether `subject` may see the chunk. Tenant, collection and operation right are the caller's
// duty before there is a record: Authenticated::Require and RequireCollection.
// With `trace` every test is made and recorded; the answer is the same.
bool Decide(const World& world, const Subject& subject, const Facts& facts,
            std::vector<Verdict>* trace = nullptr);

// Whether `destination` may receive something so labelled on behalf of a subject with this
// clearance (DESIGN §2, rule 4). Witnesses of ceilings, of what the rule of its scope asks, of the
// model's label, and of each failing test are added to `trace`.
bool MayReceive(const World& world, const Destination& destination,
                const Clearance& subject_clearance, const Label& label,
                std::vector<Verdict>* trace = nullptr);

// Whether a caller that acts for nobody else dominates `label`, as itself and by its key: a hidden
// attribute is an unknown one.
bool CallerDominates(const World& world, const Authenticated& caller, const Label& label);

// Whether `subject`, for its destination, may have what is so labelled and has no list, such as an
// attribute of a document that it sees. A part of Decide().
bool SubjectMayHave(const World& world, const Subject& subject, const Label& label);

// The classes that a subject may see: what Decide says of each. Only Entitle makes one.
class Entitlements {
 public:
  // Bit i of word i/64 is class i. Classes past the end are not permitted.
  const std::vector<uint64_t>& words() const { return words_; }
  bool Permits(ClassId id) const {
    return id / 64 < words_.size() && (words_[id / 64] >> (id % 64) & 1) != 0;
  }
  // How many classes were judged, from 0.
  size_t classes() const { return classes_; }
  // Before this time they stay what they are, with the same rules and the same principals.
  Micros until() const { return until_; }

 private:
  friend Entitlements Entitle(const World& world, const Subject& subject, const Entitlements* known,
                              const std::set<std::string>& moved);
  std::vector<uint64_t> words_;
  size_t classes_ = 0;
  Micros until_ = kNever;
};

// Whether the change of a container leaves to `subject` what every container permits, at
// `world.now` and until `until`, which is made earlier if need be, though always later than now.
// False if that is not certain.
bool KeepsVerdicts(const World& world, const Subject& subject, const RulesChange::Changed& changed,
                   Micros* until);

// `known` are the subject's entitlements to the first classes, if they still hold but for what the
// containers `moved` permit: then only the classes that inherit from those and the later ones are
// judged.
Entitlements Entitle(const World& world, const Subject& subject,
                     const Entitlements* known = nullptr, const std::set<std::string>& moved = {});

// The destination of that name, the development destination included.
const Destination* FindDestination(const PolicyRules& rules, std::string_view name, bool dev);

// Destinations that the caller may name and that may receive `label` for `subject`, by name.
std::vector<std::string> Receivers(const World& world, const Authenticated& caller,
                                   const Subject& subject, const Label& label);

// The principal for whom `name` stands: itself, unless it is an alias.
std::string CanonicalName(const PolicyState& state, std::string_view name);

// The clearance of a principal by directory and default alone.
Clearance ClearanceOf(const PolicyState& state, std::string_view principal);

}  // namespace cordon
