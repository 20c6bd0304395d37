#include "engine/inspect/collections.h"

#include "engine/base/planted.h"

namespace cordon {

StatusOr<std::shared_ptr<const Collection>> FindCollection(const ReadContext& context,
                                                           const View& view,
                                                           const std::string& name,
                                                           journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.RequireCollection(name));
  auto collection = view.state().FindCollection(name);
  if (!collection) return CollectionNotFound();
  record->set_collection(name);
  record->set_revision(view.revision());
  return collection;
}

std::vector<std::shared_ptr<const Collection>> UsableCollections(const ReadContext& context,
                                                                 const View& view) {
  std::vector<std::shared_ptr<const Collection>> usable;
  for (const auto& [name, collection] : *view.state().collections) {
    if (context.caller.RequireCollection(name).ok()) usable.push_back(collection);
  }
  return usable;
}

bool CoversChange(const Authenticated& caller, const std::string& collection, uint32_t dropped) {
  if (!collection.empty()) return caller.RequireCollection(collection).ok();
  return dropped == 0 || caller.grant().MayUseCollection(kAnyName);
}

bool CoversRecord(const ReadContext& context, const journal::v1::Record& record) {
  const Authenticated& caller = context.caller;
  if (Planted(Bug::kJournalUnscoped)) return true;
  if (!record.collection().empty() || record.mutation()) {
    return CoversChange(caller, record.collection(), record.dropped_collection());
  }
  if (caller.grant().MayUseCollection(kAnyName)) return true;
  // Users with tokens of one issuer share a key's id.
  return record.key_id() == caller.key_id() &&
         record.actor() == context.tenant->pseudonyms.Of("principal", caller.grant().principal);
}

std::vector<bool> UsableClasses(const ReadContext& context, const View& view) {
  std::vector<bool> in_use(view.policy().classes.classes.size());
  for (const auto& collection : UsableCollections(context, view)) {
    MarkClassesInUse(view.indexes_of(*collection), &in_use);
  }
  return in_use;
}

}  // namespace cordon
