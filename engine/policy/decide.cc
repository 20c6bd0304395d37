#include "engine/policy/decide.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "engine/base/planted.h"
#include "engine/policy/verdict.h"

namespace cordon {
namespace {

// An entry that names one of the set. With `nearest`, which only explanations ask for, the one to
// which the way is shortest: to each principal Expand() has found a shortest one.
std::optional<PrincipalId> FindMatch(const EntryList& list, const PrincipalSet& set, Micros now,
                                     bool nearest) {
  std::optional<PrincipalId> found;
  size_t steps = 0;
  for (size_t i = 0; i < list.size(); ++i) {
    const PrincipalId id = list.principals()[i];
    if (!set.Contains(id) || !list[i].Counts(now)) continue;
    if (!nearest) return id;
    const size_t way = set.PathTo(id).size();
    if (!found || way < steps) {
      found = id;
      steps = way;
    }
  }
  return found;
}

// One list against one subject. Deny wins.
bool ListPermits(const World& world, const Subject& subject, const Clause& clause,
                 std::string_view name, std::vector<Verdict>* trace) {
  const bool explain = trace != nullptr;
  // What is to come is told in addition to what holds.
  const auto note = [&](bool permitted, const auto& because) {
    return Note(trace, name, permitted,
                [&] { return because() + NotBegun(world, subject, clause); });
  };
  for (const auto* set : {&subject.principals, &subject.application_principals}) {
    if (set != &subject.principals && Planted(Bug::kDenyOfAppIgnored)) continue;
    if (const auto denied = FindMatch(clause.deny, *set, world.now, explain)) {
      return note(false, [&] { return "denies " + Witness(world, *set, *denied); });
    }
  }
  if (clause.only_denies) return note(true, [] { return std::string("denies others only"); });
  // Passed over, whatever it allows: the record says under which access.
  if (const auto* access = subject.break_glass.get()) {
    return note(true, [&] {
      return fmt::format("passed over by break-glass {}, until {}: {}", access->id,
                         FormatTime(access->until), access->reason);
    });
  }
  if (const auto allowed = FindMatch(clause.allow, subject.principals, world.now, explain)) {
    return note(true, [&] { return "allows " + Witness(world, subject.principals, *allowed); });
  }
  return note(false, [&] { return fmt::format("allows none of {}'s principals", subject.name); });
}

// A container and all containers above it, each once. Unknown ones never permit. `until`, unless it
// is null, is made no later than when an entry of the lists that were asked begins or ends.
bool ContainerPermits(const World& world, const Subject& subject, const std::string& name,
                      std::vector<Verdict>* trace, Micros* until = nullptr) {
  bool permitted = true;
  std::map<std::string, std::string> ways;  // "folder:/hr ← folder:/", below each, if explained
  const auto judge = [&](const std::string& at, const Container* container,
                         const std::string* below) {
    if (container == nullptr) {
      permitted = Note(trace, at, false, "the container does not exist");
      return false;
    }
    if (until != nullptr) *until = std::min(*until, NextEvent(container->clause, world.now));
    permitted &= ListPermits(world, subject, container->clause, at, trace);
    if (trace == nullptr) return permitted && !Planted(Bug::kContainersAbove);
    if (below != nullptr) {
      const auto further = ways.find(*below);
      ways[at] = further == ways.end() ? *below : fmt::format("{} ← {}", *below, further->second);
      trace->back().because += fmt::format("; above {}", ways[at]);
    }
    return !Planted(Bug::kContainersAbove);
  };
  ForEachUpwards(*world.state.rules, name, judge);
  return permitted;
}

// A source in quarantine is served to nobody.
bool SourcePermits(const World& world, const ClauseSlot& slot, std::vector<Verdict>* trace) {
  const bool in_use = !world.state.rules->quarantined_sources.contains(slot.source) ||
                      Planted(Bug::kQuarantineIgnored);
  return Note(trace, slot.name, in_use, in_use ? "not in quarantine" : "in quarantine");
}

bool ClausePermits(const World& world, const Subject& subject, ClauseId id,
                   std::vector<Verdict>* trace) {
  const ClauseSlot& slot = world.state.classes.clauses[id];
  if (!slot.container.empty()) return ContainerPermits(world, subject, slot.container, trace);
  if (!slot.source.empty()) return SourcePermits(world, slot, trace);
  return ListPermits(world, subject, slot.clause, slot.name, trace);
}

bool LabelPermits(const World& world, const Subject& subject, const Label& label,
                  std::vector<Verdict>* trace) {
  const Scheme& scheme = world.state.rules->scheme;
  bool permitted = ClearancePermits(scheme, "user clearance", subject.clearance, label, trace);
  if (!permitted && trace == nullptr) return false;
  if (subject.application_clearance && !Planted(Bug::kAppClearanceIgnored)) {
    permitted &= ClearancePermits(scheme, "application clearance", *subject.application_clearance,
                                  label, trace);
    if (!permitted && trace == nullptr) return false;
  }
  if (subject.destination && !Planted(Bug::kDestinationIgnored)) {
    permitted &= MayReceive(world, *subject.destination, subject.clearance, label, trace);
  }
  return permitted;
}

StatusOr<PrincipalSet> ExpandName(const World& world, const std::string& name, PrincipalKind kind) {
  std::vector<PrincipalId> start;
  if (const auto id = world.state.principals->Find(name)) start.push_back(*id);
  if (kind == PrincipalKind::kUser) start.push_back(PrincipalTable::kEveryoneId);
  return world.state.directory->Expand(start, world.now);
}

StatusOr<PrincipalKind> ParseSubject(std::string_view name) {
  ASSIGN_OR_RETURN(const PrincipalKind kind, ParsePrincipal("as", name));
  if (kind != PrincipalKind::kUser && kind != PrincipalKind::kService) {
    return Invalid("as", "not a user or service; name user:… or service:…");
  }
  return kind;
}

StatusOr<Subject> ResolveName(const World& world, const std::string& name) {
  ASSIGN_OR_RETURN(const PrincipalKind kind, ParseSubject(name));
  Subject subject;
  subject.name = CanonicalName(world.state, name);
  ASSIGN_OR_RETURN(subject.principals, ExpandName(world, name, kind));
  subject.clearance = ClearanceOf(world.state, name);
  return subject;
}

// The groups of a token in place of the directory's memberships. Those that no list and no group
// names match nothing.
StatusOr<PrincipalSet> ExpandClaims(const World& world, const VerifiedUser& user) {
  std::vector<PrincipalId> start = {PrincipalTable::kEveryoneId};
  for (const auto& group : *user.groups()) {
    if (const auto id = world.state.principals->Find(group)) start.push_back(*id);
  }
  const auto itself = world.state.principals->Find(user.principal());
  if (itself && Planted(Bug::kGroupsOfBoth)) start.push_back(*itself);
  ASSIGN_OR_RETURN(PrincipalSet principals, world.state.directory->Expand(start, world.now));
  // Added last, so that what the directory says of the user is not followed.
  if (itself) world.state.directory->AddTo(&principals, *itself, *itself);
  return principals;
}

StatusOr<Subject> ResolveVerified(const World& world, const VerifiedUser& user) {
  Subject subject;
  subject.name = CanonicalName(world.state, user.principal());
  ASSIGN_OR_RETURN(subject.principals,
                   user.groups() ? ExpandClaims(world, user)
                                 : ExpandName(world, user.principal(), PrincipalKind::kUser));
  subject.clearance = user.clearance().value_or(ClearanceOf(world.state, user.principal()));
  if (!Planted(Bug::kIssuerCeilingIgnored)) {
    subject.clearance = Meet(world.state.rules->scheme, subject.clearance, user.ceiling());
  }
  return subject;
}

// Whether `caller` may ask for `name`, which is no alias: it is the one acted for whom patterns are
// about. A token of the user's own needs no pattern: it is the user who says so.
Status CheckActing(const World& world, const Authenticated& caller, const std::string& name) {
  const Grant& grant = caller.grant();
  const VerifiedUser* user = caller.user();
  if (user != nullptr && name != CanonicalName(world.state, user->principal())) {
    return Denied("as", "not the user of the token that came with the call; leave one of them out");
  }
  const bool itself = name == CanonicalName(world.state, grant.principal) && !caller.forwards();
  if (!itself && !grant.rights.Has(Right::kActAs)) {
    return Denied("rights", "the key lacks the right 'act-as'; use a key that has it");
  }
  if (!itself && user == nullptr && !grant.MayActAs(name)) {
    return Denied("as", "the key may not act for this principal; widen its --as-pattern");
  }
  return OkStatus();
}

// The principals of the application itself.
StatusOr<PrincipalSet> PrincipalsOf(const World& world, const Grant& grant) {
  ASSIGN_OR_RETURN(const PrincipalKind kind, ParsePrincipal("principal", grant.principal));
  return ExpandName(world, grant.principal, kind);
}

// What the clearance of a key does to whoever asks by it.
void Limit(const World& world, const Grant& grant, Subject* subject) {
  subject->application_clearance = grant.clearance;
  // A service asking for itself has the clearance of its key, unless the directory gives it one.
  const auto id = world.state.principals->Find(subject->name);
  const auto* record = id ? world.state.directory->Find(*id) : nullptr;
  const bool known = record != nullptr && record->clearance.has_value();
  if (subject->name == CanonicalName(world.state, grant.principal) &&
      subject->name.starts_with("service:") && !known) {
    subject->clearance = grant.clearance;
  }
}

// The name that an empty destination stands for.
std::string DefaultDestination(const Authenticated& caller) {
  const auto& names = caller.grant().destinations;
  if (names.empty()) return "";
  if (names.front() != kAnyName) return names.front();
  // "All" has no first; while developing, the development destination stands in.
  return caller.dev() ? std::string(kDevDestination) : "";
}

StatusOr<Destination> ResolveDestination(const World& world, const Authenticated& caller,
                                         std::string_view asked) {
  const std::string name = asked.empty() ? DefaultDestination(caller) : std::string(asked);
  if (name.empty()) {
    return Denied("destination", "the key has no default destination; name one that it may use");
  }
  const Destination* found = caller.grant().MayNameDestination(name)
                                 ? FindDestination(*world.state.rules, name, caller.dev())
                                 : nullptr;
  if (found == nullptr) {
    return Denied("destination", "unknown, or not one that the key may name; ask an admin");
  }
  return *found;
}

}  // namespace

std::string CanonicalName(const PolicyState& state, std::string_view name) {
  const auto id = state.principals->Find(name);
  const PrincipalId canonical = id ? state.directory->Canonical(*id) : 0;
  return !id || canonical == *id ? std::string(name) : state.principals->Name(canonical);
}

Clearance ClearanceOf(const PolicyState& state, std::string_view principal) {
  if (const auto id = state.principals->Find(principal)) {
    const auto* record = state.directory->Find(state.directory->Canonical(*id));
    if (record != nullptr && record->clearance) return *record->clearance;
  }
  // The default is for users; a service has what it was given, or the lowest.
  return principal.starts_with("user:") ? state.rules->default_clearance : Clearance::Lowest();
}

StatusOr<std::string> ResolveActing(const World& world, const Authenticated& caller,
                                    std::string_view as) {
  const VerifiedUser* user = caller.user();
  const std::string& own = user != nullptr ? user->principal() : caller.grant().principal;
  RETURN_IF_ERROR(ParseSubject(as.empty() ? own : as).status());
  const std::string name = CanonicalName(world.state, as.empty() ? own : as);
  RETURN_IF_ERROR(CheckActing(world, caller, name));
  return name;
}

StatusOr<Subject> ResolveSubject(const World& world, const Authenticated& caller,
                                 std::string_view as, std::string_view destination) {
  const Grant& grant = caller.grant();
  const VerifiedUser* user = caller.user();
  ASSIGN_OR_RETURN(const std::string name, ResolveActing(world, caller, as));
  ASSIGN_OR_RETURN(Subject subject,
                   user != nullptr ? ResolveVerified(world, *user) : ResolveName(world, name));
  if (user != nullptr && !caller.forwards()) {  // nobody is in between
    subject.application_principals = subject.principals;
  } else {
    ASSIGN_OR_RETURN(subject.application_principals, PrincipalsOf(world, grant));
  }
  Limit(world, grant, &subject);
  ASSIGN_OR_RETURN(subject.destination, ResolveDestination(world, caller, destination));
  return subject;
}

StatusOr<Subject> ResolveUserAlone(const World& world, std::string_view as,
                                   std::string_view destination, bool dev) {
  ASSIGN_OR_RETURN(Subject subject, ResolveName(world, std::string(as)));
  if (!destination.empty()) {
    const auto* found = FindDestination(*world.state.rules, destination, dev);
    if (found == nullptr) return Denied("destination", "unknown; define it by policy apply");
    subject.destination = *found;
  }
  return subject;
}

StatusOr<Subject> ResolveThrough(const World& world, const Grant& grant, std::string_view as,
                                 std::string_view destination, bool dev) {
  ASSIGN_OR_RETURN(Subject subject, ResolveUserAlone(world, as, destination, dev));
  ASSIGN_OR_RETURN(subject.application_principals, PrincipalsOf(world, grant));
  Limit(world, grant, &subject);
  return subject;
}

bool CallerDominates(const World& world, const Authenticated& caller, const Label& label) {
  const Scheme& scheme = world.state.rules->scheme;
  Subject itself;
  itself.name = caller.grant().principal;
  itself.clearance = ClearanceOf(world.state, itself.name);
  if (const VerifiedUser* user = caller.forwards() ? nullptr : caller.user()) {
    itself.clearance = Meet(scheme, user->clearance().value_or(itself.clearance), user->ceiling());
  }
  Limit(world, caller.grant(), &itself);
  return Dominates(scheme, itself.clearance, label) &&
         Dominates(scheme, *itself.application_clearance, label);
}

bool SubjectMayHave(const World& world, const Subject& subject, const Label& label) {
  return LabelPermits(world, subject, label, nullptr);
}

bool Decide(const World& world, const Subject& subject, const Facts& facts,
            std::vector<Verdict>* trace) {
  const bool valid = facts.valid_from <= world.now && world.now < facts.valid_until;
  bool permitted =
      Note(trace, "validity", valid, valid ? "valid now" : "not valid at the time of the question");
  if (!permitted && trace == nullptr) return false;
  if (facts.class_id >= world.state.classes.classes.size()) {
    return Note(trace, "class", false, "unknown security class");
  }
  const SecurityClass& security = world.state.classes.classes[facts.class_id];
  // Nobody was ever allowed: "all clauses permit" must not hold for want of clauses.
  if (security.clauses.empty()) return Note(trace, "class", false, "a class without clauses");
  for (const ClauseId id : security.clauses) {
    permitted &= ClausePermits(world, subject, id, trace);
    if (!permitted && trace == nullptr) return false;
  }
  return LabelPermits(world, subject, world.state.classes.labels[security.label], trace) &&
         permitted;
}

namespace {

// What is known of numbers from 0 on: a byte each, in pages that are made when they are written to,
// as a question concerns few of all clauses.
class Remembered {
 public:
  enum Known : char { kUnknown, kNo, kYes };

  explicit Remembered(size_t size) : pages_((size + kPage - 1) / kPage) {}

  Known Of(uint32_t id) const {
    const auto& page = pages_[id / kPage];
    return page == nullptr ? kUnknown : (*page)[id % kPage];
  }
  // Returns `permits`.
  bool Keep(uint32_t id, bool permits) {
    auto& page = pages_[id / kPage];
    if (page == nullptr) page = std::make_unique<Page>();
    (*page)[id % kPage] = permits ? kYes : kNo;
    return permits;
  }

 private:
  static constexpr size_t kPage = 4096;
  using Page = std::array<Known, kPage>;
  std::vector<std::unique_ptr<Page>> pages_;
};

// Classes share clauses and labels: each of those is judged once.
class RememberingJudge : public Judge {
 public:
  RememberingJudge(const World& world, const Subject& subject)
      : world_(world),
        subject_(subject),
        clauses_(world.state.classes.clauses.size()),
        labels_(world.state.classes.labels.size()) {
    if (subject.destination) {
      until_ = world.state.rules->NextTermsEnd(*subject.destination, world.now);
    }
  }

  bool Permits(ClauseId id) override {
    if (const auto known = clauses_.Of(id)) return known == Remembered::kYes;
    const ClauseSlot& slot = world_.state.classes.clauses[id];
    if (!slot.container.empty()) {
      return clauses_.Keep(id,
                           ContainerPermits(world_, subject_, slot.container, nullptr, &until_));
    }
    until_ = std::min(until_, NextEvent(slot.clause, world_.now));
    return clauses_.Keep(id, ClausePermits(world_, subject_, id, nullptr));
  }

  bool PermitsLabel(LabelId id) override {
    if (const auto known = labels_.Of(id)) return known == Remembered::kYes;
    const Label& label = world_.state.classes.labels[id];
    return labels_.Keep(id, LabelPermits(world_, subject_, label, nullptr));
  }

  bool PermitsClass(ClassId id) {
    const SecurityClass& security = world_.state.classes.classes[id];
    return !security.clauses.empty() &&
           std::all_of(security.clauses.begin(), security.clauses.end(),
                       [&](ClauseId clause) { return Permits(clause); }) &&
           PermitsLabel(security.label);
  }

  // When the first entry begins or ends of those that were asked for.
  Micros until() const { return until_; }

 private:
  const World& world_;
  const Subject& subject_;
  Remembered clauses_;
  Remembered labels_;
  Micros until_ = kNever;
};

// To judge a class takes about as long as to look up the lists of so many principals.
constexpr size_t kLookUpsOfAClass = 4;

// Beyond so many postings are asked about all classes: by the caller's principals, not by class.
constexpr size_t kJudgedAgain = 4096;

// The classes below `end` that postings tell to inherit from one of `containers`.
std::vector<ClassId> ClassesOf(const ClassPostings& postings,
                               const std::set<std::string>& containers, size_t end) {
  std::vector<ClassId> classes;
  for (const auto& container : containers) {
    const auto own = postings.ClassesOf(container, end);
    classes.insert(classes.end(), own.begin(), own.end());
  }
  return classes;
}

}  // namespace

Entitlements Entitle(const World& world, const Subject& subject, const Entitlements* known,
                     const std::set<std::string>& moved) {
  const PolicyState& state = world.state;
  const size_t known_classes = known == nullptr ? 0 : known->classes();
  const auto judged_again = ClassesOf(state.postings, moved, known_classes);
  if (judged_again.size() > kJudgedAgain) return Entitle(world, subject);
  RememberingJudge judge(world, subject);
  Entitlements entitlements;
  if (known != nullptr) entitlements = *known;
  entitlements.words_.resize((state.classes.classes.size() + 63) / 64);
  const size_t covered = state.postings.classes();
  const auto judge_class = [&](ClassId id) {
    const uint64_t bit = uint64_t{1} << (id % 64);
    uint64_t& word = entitlements.words_[id / 64];
    word = judge.PermitsClass(id) ? word | bit : word & ~bit;
  };
  for (const ClassId id : judged_again) judge_class(id);
  // Of those that postings do not tell of, too few to look for them, all.
  for (size_t id = covered; !moved.empty() && id < entitlements.classes_; ++id) {
    judge_class(static_cast<ClassId>(id));
  }
  // To look a few classes up for many principals takes longer than to judge them. Break-glass asks
  // for all classes: postings know only those that allow the subject.
  const bool look_up =
      covered > entitlements.classes_ &&
      (covered - entitlements.classes_) * kLookUpsOfAClass > subject.principals.all().size();
  if (look_up && subject.break_glass == nullptr) {
    const Micros next = state.postings.AddPermitted(
        {subject.principals, subject.application_principals, world.now}, &judge,
        static_cast<ClassId>(entitlements.classes_), &entitlements.words_);
    entitlements.until_ = std::min(entitlements.until_, next);
    entitlements.classes_ = covered;
  }
  for (size_t& id = entitlements.classes_; id < state.classes.classes.size(); ++id) {
    judge_class(static_cast<ClassId>(id));
  }
  entitlements.until_ = std::min(entitlements.until_, judge.until());
  return entitlements;
}

// A container permits if its own list and all above permit: whoever is answered alike by the own
// lists, and finds the same containers above, is answered alike by all.
bool KeepsVerdicts(const World& world, const Subject& subject, const RulesChange::Changed& changed,
                   Micros* until) {
  const auto permits = [&](const std::optional<Container>& container) {
    return container && ListPermits(world, subject, container->clause, "", nullptr);
  };
  const bool before = permits(changed.before), after = permits(changed.after);
  if (changed.after) *until = std::min(*until, NextEvent(changed.after->clause, world.now));
  // Without a permit nothing above is asked, neither now nor when one of the lists changes next.
  return before == after && (!after || changed.before->inherit == changed.after->inherit);
}

}  // namespace cordon
