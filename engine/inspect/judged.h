// Who is judged when an auditor asks: users and services by their names alone, without a call of
// theirs. Explain, WhoCanSee, AccessReport, Simulate and Stats resolve them here, or through a key
// (through_key.h), and nowhere else, so that they agree; what the subjects may see is Decide's to
// say (engine/policy/decide.h).
//
// Groups that only tokens name are unknown here: a user is judged by the directory.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/store/codec.h"
#include "engine/store/state.h"

namespace cordon {

// The time that a question is about: the one that it names, or `now`. INVALID_ARGUMENT for "at" if
// that is past. What is judged at another time than now must come near no cache.
template <typename Request>
StatusOr<Micros> TimeOf(const Request& request, Micros now) {
  if (!request.has_at()) return now;
  const auto at = FromProto(request.at());
  if (!at.ok()) return at.status().Within("at");
  if (*at >= now) return *at;
  return Invalid("at", "is past; name a time to come, or none for now: past access is not kept");
}

// Whether a name could not be judged: its groups are beyond a limit, and what it belongs to besides
// could deny it. Nothing is served to such a one until the directory is mended; an answer about
// many tells of it as undetermined, never as without access, and judges the others.
inline bool IsUndetermined(const Status& resolved) {
  return resolved.code() == StatusCode::kFailedPrecondition;
}

// Tells of `principal` in an answer.
template <typename Response>
void TellUndetermined(std::string_view principal, std::string_view because, Response* response) {
  auto* undetermined = response->add_undetermined();
  undetermined->set_principal(std::string(principal));
  undetermined->set_because(std::string(because));
}

// All that one name can be: subjects that differ by the clearance or the destination alone. What
// they have in common, which may be large, is there once. Borrows what differs.
class JudgedSubjects {
 public:
  explicit JudgedSubjects(Subject subject) : subject_(std::move(subject)) {}
  JudgedSubjects(Subject subject, const std::vector<Clearance>& clearances)
      : subject_(std::move(subject)), clearances_(&clearances) {}
  JudgedSubjects(Subject subject, const std::vector<Destination>& destinations)
      : subject_(std::move(subject)), destinations_(&destinations) {}

  const std::string& name() const { return subject_.name; }
  // What all have in common; for BreakGlassOf().
  Subject* subject() { return &subject_; }

  // Calls visit(subject) for one after the other until it returns true; whether it did.
  template <typename Visit>
  bool Any(Visit visit) {
    if (clearances_ != nullptr) {
      return std::any_of(clearances_->begin(), clearances_->end(), [&](const auto& clearance) {
        subject_.clearance = clearance;
        return visit(std::as_const(subject_));
      });
    }
    if (destinations_ != nullptr) {
      return std::any_of(destinations_->begin(), destinations_->end(), [&](const auto& one) {
        subject_.destination = one;
        return visit(std::as_const(subject_));
      });
    }
    return visit(std::as_const(subject_));
  }

 private:
  Subject subject_;
  const std::vector<Clearance>* clearances_ = nullptr;
  const std::vector<Destination>* destinations_ = nullptr;
};

// Resolves names in one state at one time for one destination. Borrows the state.
class Judged {
 public:
  // The destination may be empty: then none is judged. PERMISSION_DENIED if it is unknown.
  static StatusOr<Judged> In(const TenantState& state, Micros now, const std::string& destination,
                             bool dev);

  // All that `name` can be: one subject; but a service without a clearance in the directory has
  // that of whichever of its keys it uses, one subject for each. It may see what one of them may.
  // INVALID_ARGUMENT for "as" if it is no user or service; else an error is as
  // IsUndetermined() says. What differs is borrowed from this.
  StatusOr<JudgedSubjects> Subjects(const std::string& name) const;

  World world() const { return {state_->policy, now_}; }
  const TenantState& state() const { return *state_; }
  const std::string& destination() const { return destination_; }
  bool dev() const { return dev_; }

 private:
  Judged(const TenantState* state, Micros now, const std::string& destination, bool dev);
  void AddKey(const Grant& grant);

  const TenantState* state_;
  Micros now_;
  std::string destination_;
  bool dev_;
  std::map<std::string, std::vector<Clearance>> by_keys_;  // of services, by principal
};

// The classes that one of `subjects` may see, as words of bits (Entitlements::words).
// DEADLINE_EXCEEDED once `stop` says true: there may be many destinations.
StatusOr<std::vector<uint64_t>> ClassesOf(const World& world, JudgedSubjects subjects,
                                          const std::function<bool()>& stop);

inline bool HasClass(const std::vector<uint64_t>& classes, ClassId id) {
  return id / 64 < classes.size() && (classes[id / 64] >> (id % 64) & 1) != 0;
}

// Users and services that a record or group of the directory, a key, or a list or container of the
// classes `in_use` names. Lists of other classes are not the asker's to know: of documents that are
// hidden from it, or gone.
std::set<std::string> KnownPrincipals(const TenantState& state, const std::vector<bool>& in_use);

// A user of whom nothing says anything: what such a one may see, every stranger may.
std::string UnnamedUser(const TenantState& state);

}  // namespace cordon
