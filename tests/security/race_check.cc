// Whether a history is linearizable: whether all of its calls can be put into one order, in which a
// call that had ended before another began comes before it, and in which each is answered by what
// the calls before it made (Herlihy and Wing, "Linearizability", 1990).
//
// The search that this takes in general (Wing and Gong, 1993) is short here, because answers name
// their place themselves: each write has a revision of its own, and each read says at which it was
// answered. So there is one order only, by (revision, the write before the reads), and it is
// checked:
//   1. No two writes have one revision, and what ended before has no later place than what began
//      after it: strictly no later than a write's.
//   2. A read shows exactly what the naive model permits after all writes up to its revision.
// What names no place is put where it fits, if it fits anywhere:
//   3. A write whose answer was lost was carried out at a revision that nobody else has, or never:
//      these few are searched, with 2 and 4 as the test.
//   4. A refusal (the key is not known, the document is not there, the destination is denied, the
//   revision is not reached) must hold at some revision between those of what ended before and of
//   what began after. So must what a message of a stream shows, which says no revision; what an
//   export shows, at one before its own, as it is decided before it is recorded; and the key of an
//   answer, which was judged at the answer's revision or before, not before the call began. Taken
//   in the order in which they began, each at the earliest place that fits, they fit if any choice
//   does: an earlier place never leaves less room to the later ones.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "tests/security/race.h"

namespace cordon {
namespace {

using Calls = std::vector<const RaceCall*>;

constexpr uint64_t kLast = std::numeric_limits<uint64_t>::max();
// When a race is read: after every end that has come in it, before those that never come.
constexpr reference::Time kNow = 4'000'000'000'000'000;

// Who asks; refused where the call must be.
reference::Asker AskerOf(const RaceState& state, const RaceCall& read) {
  static const reference::Key kKey{"service:app", true, {"*"}, {"*"}, {"all"}};
  const auto& world = state.tenant.world;
  const v1::Scope& scope = read.scope();
  auto asker = reference::Resolve(world, kKey, scope.as(), scope.destination(), kNow);
  if (!asker.refused.empty()) return asker;
  if (!scope.break_glass().empty()) {
    const auto access = state.accesses.find(scope.break_glass());
    asker.break_glass = access != state.accesses.end() && access->second == scope.as();
    if (!asker.break_glass) asker.refused = "break-glass";
  }
  // Said aloud, not only by what is left out.
  const reference::Label lowest = {world.levels.front(), {}, {}};
  if (read.exports() && !reference::MayReceive(world, *asker.to, asker.clearance, lowest, kNow)) {
    asker.refused = "may receive nothing";
  }
  return asker;
}

// What a read must show, of what it asks about; nothing if it must be refused.
std::optional<reference::Names> Expected(const RaceState& state, const RaceCall& read) {
  const auto asker = AskerOf(state, read);
  if (!asker.refused.empty()) return std::nullopt;
  const auto* get = std::get_if<v1::GetDocumentRequest>(&read.request);
  reference::Names ids;
  for (const auto& found : reference::Visible(
           state.tenant.world, state.tenant.collections.at(kRaceCollection), asker, kNow)) {
    if (get == nullptr || found.document == get->document()) ids.insert(found.document);
  }
  return ids;
}

// A message of a stream shows a part: nothing that it must not.
bool Fits(const std::optional<reference::Names>& expected, const RaceCall& read) {
  if (!expected) return false;
  return read.streams() ? std::ranges::includes(*expected, read.seen) : *expected == read.seen;
}

// Whether what the call is about is not there.
bool IsMissing(const RaceState& state, const RaceCall& call) {
  if (const auto* revoke = std::get_if<v1::RevokeKeyRequest>(&call.request)) {
    return !state.keys.contains(revoke->id());
  }
  if (const auto* close = std::get_if<v1::CloseBreakGlassRequest>(&call.request)) {
    return !state.accesses.contains(close->id());
  }
  if (const auto* policy = std::get_if<v1::ApplyPolicyRequest>(&call.request)) {
    return !state.tenant.world.destinations.contains(policy->destinations(0).destination().name());
  }
  const auto expected = Expected(state, call);
  return expected && expected->empty();
}

class Checker {
 public:
  explicit Checker(const std::vector<RaceCall>& history) {
    for (const RaceCall& call : history) Sort(call);
    const auto began = [](const RaceCall* a, const RaceCall* b) { return a->began < b->began; };
    std::ranges::sort(all_, began);
    std::ranges::sort(without_, began);
    without_by_end_ = without_;
    std::ranges::sort(without_by_end_,
                      [](const auto* a, const auto* b) { return a->ended < b->ended; });
  }

  std::vector<std::string> Check() {
    CheckOrder();
    if (problems_.empty()) CheckStates();
    return problems_;
  }

 private:
  void Sort(const RaceCall& call) {
    all_.push_back(&call);
    if (call.end == RaceCall::kLost) {
      lost_.push_back(&call);
    } else if (call.end != RaceCall::kAnswered) {
      without_.push_back(&call);
    } else if (!call.write()) {
      reads_[call.revision].push_back(&call);
      if (!call.key.empty()) without_.push_back(&call);
    } else if (!writes_.emplace(call.revision, &call).second) {
      Problem("one revision for two", call);
    } else if (!call.key.empty() || call.exports()) {
      without_.push_back(&call);
    }
    if (call.end == RaceCall::kAnswered) newest_ = std::max(newest_, call.revision);
  }

  void Problem(std::string_view what, const RaceCall& call) {
    problems_.push_back(fmt::format("{}: {}", what, call.Text()));
  }

  // Rule 1. Walks over beginnings and ends in their order.
  void CheckOrder() {
    Calls by_end;
    for (const RaceCall* call : all_) {
      if (call->end == RaceCall::kAnswered) by_end.push_back(call);
    }
    std::ranges::sort(by_end, [](const auto* a, const auto* b) { return a->ended < b->ended; });
    uint64_t reached = 0;
    auto ended = by_end.begin();
    for (const RaceCall* call : all_) {
      for (; ended != by_end.end() && (*ended)->ended < call->began; ++ended) {
        reached = std::max(reached, (*ended)->revision);
      }
      reached_before_[call] = reached;
      if (call->end != RaceCall::kAnswered) continue;
      if (call->revision < reached || (call->write() && call->revision == reached)) {
        Problem(fmt::format("answered at an old revision although {} was told before", reached),
                *call);
      }
      if (call->revision < call->at_least()) Problem("answered before what was asked for", *call);
    }
    uint64_t bound = kLast;  // the lowest revision of what began later
    auto next = all_.rbegin();
    std::vector<const RaceCall*> late(all_.begin(), all_.end());
    std::ranges::sort(late, [](const auto* a, const auto* b) { return a->ended > b->ended; });
    for (const RaceCall* call : late) {
      for (; next != all_.rend() && (*next)->began > call->ended; ++next) {
        if ((*next)->end != RaceCall::kAnswered) continue;
        bound = std::min(bound, (*next)->revision - ((*next)->write() ? 1 : 0));
      }
      bound_after_[call] = bound;
    }
  }

  // Rules 2 to 4.
  void CheckStates() {
    Calls left = lost_;
    RaceState state;
    state.tenant.world.dev = true;
    state.tenant.world.levels = {"public", "internal", "confidential", "restricted"};
    state.tenant.collections[kRaceCollection].dimension = 2;
    if (writes_.empty()) return;
    first_ = writes_.begin()->first;
    if (!Advance(first_, std::move(state), &left)) {
      problems_.push_back(deepest_problem_);
    }
  }

  // Whether all from revision `at` on is explained, given the state before it. Fills states_.
  bool Advance(uint64_t at, RaceState state, Calls* left) {
    for (; at <= newest_; ++at) {
      const auto write = writes_.find(at);
      if (write == writes_.end()) return Fill(at, state, left);
      write->second->change(&state);
      if (!Shows(at, state)) return false;
    }
    return CheckWithout();
  }

  // A revision that no answer names: one of the lost writes has it.
  bool Fill(uint64_t at, const RaceState& before, Calls* left) {
    bool any = false;
    for (size_t i = 0; i < left->size(); ++i) {
      const RaceCall* lost = (*left)[i];
      if (reached_before_.at(lost) >= at) continue;
      any = true;
      RaceState state = before;
      lost->change(&state);
      Calls others = *left;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      if (Shows(at, state) && Advance(at + 1, std::move(state), &others)) return true;
    }
    if (!any) Deepest(at, fmt::format("revision {} is nobody's", at));
    return false;
  }

  bool Shows(uint64_t at, const RaceState& state) {
    if (states_.size() <= at - first_) states_.resize(at - first_ + 1);
    states_[at - first_] = state;
    const auto reads = reads_.find(at);
    if (reads == reads_.end()) return true;
    for (const RaceCall* read : reads->second) {
      const auto expected = Expected(state, *read);
      if (Fits(expected, *read)) continue;
      const auto what = expected ? fmt::format("{}", fmt::join(*expected, " ")) : "a refusal";
      Deepest(at, fmt::format("shows something else than {}: {}", what, read->Text()));
      return false;
    }
    return true;
  }

  // Of all ways that were tried, the one that went furthest tells what is wrong.
  void Deepest(uint64_t at, std::string problem) {
    if (at < deepest_) return;
    deepest_ = at;
    deepest_problem_ = std::move(problem);
  }

  // Rule 4, once every revision is somebody's.
  bool CheckWithout() {
    place_.clear();
    uint64_t reached = first_;
    auto ended = without_by_end_.begin();
    for (const RaceCall* call : without_) {
      // Began before this one, too, and so have places.
      for (; ended != without_by_end_.end() && (*ended)->ended < call->began; ++ended) {
        reached = std::max(reached, place_.at(*ended));
      }
      const uint64_t from = std::max(reached_before_.at(call), reached);
      const uint64_t to = LastPlace(*call);
      uint64_t at = from;
      while (at <= to && !Holds(*call, at)) ++at;
      if (at > to) {
        Deepest(newest_ + 1, fmt::format("at no revision of {} to {}: {}", from, to, call->Text()));
        return false;
      }
      place_[call] = at;
    }
    return true;
  }

  uint64_t LastPlace(const RaceCall& call) const {
    if (call.end != RaceCall::kAnswered) return std::min(bound_after_.at(&call), newest_);
    return call.exports() ? call.revision - 1 : call.revision;
  }

  bool Holds(const RaceCall& call, uint64_t at) const {
    const RaceState& state = states_[at - first_];
    const bool known = call.key.empty() || state.keys.contains(call.key);
    switch (call.end) {
      case RaceCall::kNotKnown:
        return !known;
      case RaceCall::kNotFound:
        return IsMissing(state, call);
      case RaceCall::kDenied:
        return !AskerOf(state, call).refused.empty();
      case RaceCall::kNotReached:
        return at < call.at_least();
      case RaceCall::kShown:
        return Fits(Expected(state, call), call);
      default:
        return call.exports() ? Fits(Expected(state, call), call) : known;
    }
  }

  Calls all_;  // by their beginnings
  std::map<uint64_t, const RaceCall*> writes_;
  std::map<uint64_t, Calls> reads_;
  Calls lost_;
  Calls without_;         // rule 4, by their beginnings
  Calls without_by_end_;  // and by their ends
  uint64_t newest_ = 0;
  uint64_t first_ = 1;                                  // revision of the first write
  std::map<const RaceCall*, uint64_t> reached_before_;  // the newest revision told before it began
  std::map<const RaceCall*, uint64_t> bound_after_;     // at what it was answered at the latest
  std::map<const RaceCall*, uint64_t> place_;
  std::vector<RaceState> states_;  // from first_ on
  uint64_t deepest_ = 0;
  std::string deepest_problem_ = "nothing";
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> CheckHistory(const std::vector<RaceCall>& history) {
  return Checker(history).Check();
}

}  // namespace cordon
