// UpdateMetadata: what is said of a document, by the fields that the request names.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/base/limits.h"
#include "engine/ingest/check_change.h"
#include "engine/ingest/commit.h"
#include "engine/ingest/validate.h"

namespace cordon {
namespace {

constexpr std::string_view kAttribute = "attributes.";
constexpr std::string_view kFields[] = {
    "title",       "uri",      "valid_from",        "valid_until",
    "erase_after", "subjects", "provenance.source", "provenance.trust"};

using Paths = std::set<std::string, std::less<>>;

StatusOr<Paths> PathsOf(const google::protobuf::FieldMask& mask) {
  if (mask.paths().empty()) return Invalid("update_mask", "none; name at least one field");
  Paths paths;
  for (const std::string& path : mask.paths()) {
    const bool field = std::find(std::begin(kFields), std::end(kFields), path) != std::end(kFields);
    if (!field && !(path.starts_with(kAttribute) && path.size() > kAttribute.size())) {
      return Invalid("update_mask",
                     fmt::format("'{}' is no field of the metadata; known are title, uri, "
                                 "valid_from, valid_until, erase_after, subjects, "
                                 "provenance.source, provenance.trust and attributes.NAME",
                                 path.substr(0, limits::kNameBytes)));
    }
    if (!paths.insert(path).second) {
      return Invalid("update_mask", fmt::format("'{}' is given twice; name it once", path));
    }
  }
  if (paths.contains("valid_from") == paths.contains("valid_until")) return paths;
  return Invalid("update_mask",
                 "names one of valid_from and valid_until; name both, for they must fit");
}

// Fields that are set, as the mask would name them; those that no mask may name included.
Paths GivenIn(const v1::Document& metadata) {
  Paths given;
  const auto note = [&](bool set, std::string_view path) {
    if (set) given.emplace(path);
  };
  note(!metadata.id().empty(), "id");
  note(!metadata.title().empty(), "title");
  note(!metadata.uri().empty(), "uri");
  note(metadata.has_acl(), "acl");
  note(metadata.has_label(), "label");
  note(metadata.has_valid_from(), "valid_from");
  note(metadata.has_valid_until(), "valid_until");
  note(metadata.has_erase_after(), "erase_after");
  note(!metadata.subjects().empty(), "subjects");
  note(!metadata.provenance().source().empty(), "provenance.source");
  note(!metadata.provenance().trust().empty(), "provenance.trust");
  note(!metadata.chunks().empty(), "chunks");
  note(!metadata.text().empty(), "text");
  note(metadata.canary(), "canary");
  note(metadata.has_version(), "version");
  for (const auto& [name, value] : metadata.attributes()) {
    given.insert(std::string(kAttribute) + name);
  }
  return given;
}

// Nothing that is sent is passed over.
Status CheckNamed(const Paths& paths, const v1::Document& metadata) {
  for (const std::string& path : GivenIn(metadata)) {
    if (paths.contains(path)) continue;
    return Invalid(path, "given, and not named in update_mask; name it there, or leave it out");
  }
  return OkStatus();
}

}  // namespace

Status CheckUpdateMetadata(const WriteContext& context, v1::UpdateMetadataRequest* request) {
  RETURN_IF_ERROR(context.caller.Require(Right::kIngest));
  RETURN_IF_ERROR(CheckReason(request->reason()));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  ASSIGN_OR_RETURN(const auto collection, Writable(context, *view.view, request->collection()));
  RETURN_IF_ERROR(CheckWritableId("document", context.caller.grant(), request->document()));
  ASSIGN_OR_RETURN(const Paths paths, PathsOf(request->update_mask()));
  v1::Document* const metadata = request->mutable_metadata();
  RETURN_IF_ERROR(CheckNamed(paths, *metadata).Within("metadata"));
  std::vector<std::string> cleared;
  for (const std::string& path : paths) {
    if (!path.starts_with(kAttribute)) continue;
    std::string name = path.substr(kAttribute.size());
    if (!metadata->attributes().contains(name)) cleared.push_back(std::move(name));
  }
  return CheckMetadata(*view.view, *collection, context.caller, cleared, metadata)
      .Within("metadata");
}

void UpdateMetadata(const WriteContext& context, v1::UpdateMetadataRequest request,
                    Acknowledge<v1::UpdateMetadataResponse> done) {
  if (const Status checked = CheckUpdateMetadata(context, &request); !checked.ok()) {
    return RefuseJournaled(context, "UpdateMetadata", checked, std::move(done));
  }
  store::v1::Mutation mutation;
  mutation.set_reason(request.reason());
  *mutation.mutable_update_metadata() = std::move(request);
  Commit(context, std::move(mutation), std::move(done),
         RevisionAndExisted<v1::UpdateMetadataResponse>(context));
}

}  // namespace cordon
