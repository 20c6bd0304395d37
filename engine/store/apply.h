// Applies one mutation: the only way in which a tenant's state changes (DESIGN §3).
//
// Apply is deterministic: the same state and mutation give the same next state and the same batch.
// But for nonces, which are random, and documents' keys, which the vault provides in the order of
// their numbers. It reads documents that it replaces from the database, which must hold everything
// up to the state's revision. It writes nothing itself but the keys of new documents, which must be
// on the disk before what they seal.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "cordon/store/v1/mutation.pb.h"
#include "engine/crypto/digest.h"
#include "engine/store/interner.h"
#include "engine/store/state.h"
#include "engine/store/vault.h"

namespace cordon {

// What Apply reads beside the state.
struct ApplyContext {
  const Database& database;
  const Vault& vault;
  Interner& interner;
  // Whether a chunk of this class is stored: such a class keeps names in the scheme alive.
  std::function<std::vector<bool>()> classes_in_use;
  // A keyed pseudonym, for the row of the revision.
  std::function<std::string(std::string_view kind, std::string_view value)> pseudonym;
  // Of the mutation, keyed, for the row of the revision.
  Digest digest{};
  // Whether the journal tells it to a restored store, of whose documents some are older copies:
  // those may have names that nothing had any more when they were taken away (store/replay.h).
  bool replays = false;
};

// The state after `mutation`, or a refusal that has changed nothing but the interner, which the
// caller must then roll back. New principals are numbered in a draft of the head's table: who keeps
// the state must AdoptNames(). `batch` is an empty one whose memory may serve again.
StatusOr<Applied> Apply(const ApplyContext& context, const TenantState& head,
                        const store::v1::Mutation& mutation, Batch batch = {});

// Gives the new principals of `next`, which Apply made of `head`, to the table of `head` for good.
void AdoptNames(const TenantState& head, TenantState* next);

// Adds where the tenant's state stands to the batch.
void PutHead(const TenantState& state, Batch* batch);

// The call of a mutation, such as "Ingest".
std::string_view CallOf(const store::v1::Mutation& mutation);

// The groups and roles that the lists and containers of these classes name and that the directory
// does not define; sorted. Users and services need no definition.
std::vector<std::string> UndefinedPrincipals(const PolicyState& state,
                                             const std::set<ClassId>& classes);

// Whom the lists and containers of the classes `in_use` name, containers above them included; no
// longer than the state's classes.
std::set<PrincipalId> NamedBy(const PolicyState& state, const std::vector<bool>& in_use);

// Refuses what `after` would let the caller do, at `now` or later, that `before` did not: no call
// may raise its own caller's clearance or memberships (a new scheme is no raise), nor what the
// caller's other keys see.
Status CheckNotRaised(const TenantState& before, const TenantState& after,
                      const Authenticated& caller, Micros now);

}  // namespace cordon
