#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "engine/base/limits.h"
#include "engine/inspect/inspect.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

// The bounds that there are.
template <typename Message>
void TellTimes(const TimeSpan& times, Message* out) {
  if (times.from != kAlways) *out->mutable_from() = ToProtoTime(times.from);
  if (times.until != kNever) *out->mutable_until() = ToProtoTime(times.until);
}

// The members on one page: sorted by name, those after `after`. A name that stands there more than
// once is not torn apart: the next page would leave the rest out.
void TellMembers(const PrincipalTable& names, const std::vector<TimedPrincipal>& members,
                 const v1::GetPrincipalRequest& request, v1::GetPrincipalResponse* response) {
  std::vector<std::pair<std::string, TimeSpan>> sorted;
  sorted.reserve(members.size());
  for (const auto& [principal, until, from] : members) {
    sorted.emplace_back(names.Name(principal), TimeSpan{from, until});
  }
  std::sort(sorted.begin(), sorted.end());
  response->set_members(sorted.size());
  const size_t limit =
      request.members_limit() == 0 ? limits::kMembersPageDefault : request.members_limit();
  auto* const page = response->mutable_record()->mutable_members();
  for (const auto& [name, times] : sorted) {
    if (name <= request.members_after()) continue;
    if (static_cast<size_t>(page->size()) >= limit && page->rbegin()->principal() != name) {
      response->set_more(true);
      return;
    }
    auto* entry = page->Add();
    entry->set_principal(name);
    TellTimes(times, entry);
  }
}

void TellRecord(const PrincipalTable& names, const DirectoryRecord& record,
                const v1::GetPrincipalRequest& request, v1::GetPrincipalResponse* response) {
  v1::Principal* out = response->mutable_record();
  out->set_name(response->principal());
  out->set_source(record.source);
  out->set_sequence(record.sequence);
  if (record.clearance) *out->mutable_clearance() = ToProto(*record.clearance);
  if (!record.members) return;
  out->set_sets_members(true);
  TellMembers(names, *record.members, request, response);
}

// The ways of an expansion, without looking for each step.
class Ways {
 public:
  explicit Ways(const PrincipalSet& set) {
    for (size_t i = 0; i < set.all().size(); ++i) via_.emplace(set.all()[i], set.via(i));
  }

  std::vector<PrincipalId> To(PrincipalId id) const {
    std::vector<PrincipalId> way = {id};
    for (PrincipalId next = via_.at(id); next != way.back(); next = via_.at(next)) {
      way.push_back(next);
    }
    std::reverse(way.begin(), way.end());
    return way;
  }

 private:
  std::unordered_map<PrincipalId, PrincipalId> via_;
};

// Since and until when `id`, or an alias of it, is itself a member of `group`.
std::optional<TimeSpan> MemberAt(const Directory& directory, PrincipalId id, PrincipalId group,
                                 Micros now) {
  std::vector<TimeSpan> times;
  const auto look = [&](PrincipalId name) {
    for (const auto& [of, until, from] : directory.GroupsOf(name)) {
      if (of == group) times.push_back({from, until});
    }
  };
  look(id);
  for (const PrincipalId alias : directory.AliasesOf(id)) look(alias);
  return TimeSpans(std::move(times)).At(now);
}

Status TellGroups(const World& world, PrincipalId id, v1::GetPrincipalResponse* response) {
  const auto& names = *world.state.principals;
  const Directory& directory = *world.state.directory;
  std::vector<PrincipalId> start = {id};
  const bool user = response->principal().starts_with("user:");
  if (user) start.push_back(PrincipalTable::kEveryoneId);
  ASSIGN_OR_RETURN(const PrincipalSet set, directory.Expand(start, world.now));
  const Ways ways(set);
  for (const PrincipalId group : set.all()) {
    const auto way = ways.To(group);
    const bool itself = group == id || group == PrincipalTable::kEveryoneId;
    if (itself || directory.Canonical(group) != group) continue;  // and no aliases
    auto* membership = response->add_groups();
    membership->set_group(names.Name(group));
    for (const PrincipalId step : way) membership->add_path(names.Name(step));
    if (const auto times = MemberAt(directory, id, group, world.now)) TellTimes(*times, membership);
  }
  std::sort(response->mutable_groups()->begin(), response->mutable_groups()->end(),
            [](const auto& a, const auto& b) { return a.group() < b.group(); });
  return OkStatus();
}

StatusOr<v1::GetPrincipalResponse> Tell(const ReadContext& context,
                                        const v1::GetPrincipalRequest& request,
                                        journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAdmin));
  ASSIGN_OR_RETURN(const PrincipalKind kind, ParsePrincipal("principal", request.principal()));
  if (kind == PrincipalKind::kEveryone) {
    return Invalid("principal", "'everyone' is every user; name one of them, or a group");
  }
  if (request.members_limit() > limits::kMembersPage) {
    return Invalid("members_limit", fmt::format("more than {}; ask page by page with "
                                                "'members_after'",
                                                limits::kMembersPage));
  }
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  const PolicyState& policy = view->policy();
  v1::GetPrincipalResponse response;
  response.set_principal(CanonicalName(policy, request.principal()));
  response.set_revision(view->revision());
  record->set_revision(view->revision());
  record->set_subject(context.tenant->pseudonyms.Of("principal", response.principal()));
  if (kind == PrincipalKind::kUser || kind == PrincipalKind::kService) {
    *response.mutable_clearance() = ToProto(ClearanceOf(policy, response.principal()));
  }
  const auto id = policy.principals->Find(response.principal());
  if (!id) return response;  // no list and no group names it
  const auto* found = policy.directory->Find(*id);
  if (found != nullptr) TellRecord(*policy.principals, *found, request, &response);
  for (const PrincipalId alias : policy.directory->AliasesOf(*id)) {
    response.add_aliases(policy.principals->Name(alias));
  }
  std::sort(response.mutable_aliases()->begin(), response.mutable_aliases()->end());
  const Status told = TellGroups(view->world(), *id, &response);
  if (!told.ok()) return Status(told.code(), "principal", told.message());
  return response;
}

}  // namespace

void GetPrincipal(const ReadContext& context, const v1::GetPrincipalRequest& request,
                  Answer<v1::GetPrincipalResponse> done) {
  Journaled(
      context, "GetPrincipal",
      [&](journal::v1::Record* record) { return Tell(context, request, record); },
      Named<v1::GetPrincipalResponse>, std::move(done));
}

}  // namespace cordon
