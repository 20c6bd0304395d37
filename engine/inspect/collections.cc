#include "engine/inspect/collections.h"

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

std::vector<bool> UsableClasses(const ReadContext& context, const View& view) {
  std::vector<bool> in_use(view.policy().classes.classes.size());
  for (const auto& collection : UsableCollections(context, view)) {
    MarkClassesInUse(view.indexes_of(*collection), &in_use);
  }
  return in_use;
}

}  // namespace cordon
