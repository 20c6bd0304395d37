#include "tests/crash/random_changes.h"

#include <fmt/format.h>

#include <iterator>

namespace cordon {
namespace {

constexpr int kDrawnDimension = 8;
constexpr size_t kKeysMax = 6;
constexpr const char* kDrawnLevels[] = {"public", "internal", "confidential"};

}  // namespace

Change RandomChanges::Next(const LaneState& state) {
  switch (kind_) {
    case kDocuments:
      return NextOfDocuments(state);
    case kAdmin:
      return NextOfAdmin(state);
    case kIngest:
      break;
  }
  return Batch(state, kShared, lane_ + "/");
}

Change RandomChanges::NextOfDocuments(const LaneState& state) {
  const bool folder = !state.containers.empty();
  switch (random_.Below(10)) {
    case 0: {
      v1::DeleteRequest request;
      request.set_collection(kShared);
      request.set_document(DocumentId());
      return request;
    }
    case 1:
    case 2: {
      v1::SetAccessRequest request;
      request.set_collection(kShared);
      request.set_document(DocumentId());
      const uint64_t what = random_.Below(3);
      if (what != 0) *request.mutable_acl() = RandomAcl(folder);
      if (what != 1) request.mutable_label()->set_level(kDrawnLevels[random_.Below(3)]);
      return request;
    }
    case 3:
    case 4:
      return Members();
    case 5:
      return Folder();
    default:
      return Batch(state, kShared, lane_ + "/");
  }
}

Change RandomChanges::NextOfAdmin(const LaneState& state) {
  const std::string name = lane_ + "-x" + std::to_string(random_.Below(3));
  const bool exists = state.collections.contains(name);
  const uint64_t what = random_.Below(6);
  if (what < 2 && !state.keys.empty() && (what == 0 || state.keys.size() >= kKeysMax)) {
    const auto chosen =
        std::next(state.keys.begin(), static_cast<ptrdiff_t>(random_.Below(state.keys.size())));
    v1::RevokeKeyRequest request;
    request.set_id(chosen->second.id);
    return request;
  }
  if (what < 2) {
    v1::CreateKeyRequest request;
    request.mutable_grant()->set_principal(fmt::format("service:{}-{}", lane_, keys_++));
    request.mutable_grant()->add_rights(v1::RIGHT_QUERY);
    return request;
  }
  if (exists && what < 5) return Batch(state, name, "");
  if (exists) {
    v1::DeleteCollectionRequest request;
    request.set_name(name);
    return request;
  }
  v1::CreateCollectionRequest request;
  auto* config = request.mutable_config();
  config->set_name(name);
  config->set_dimension(kDrawnDimension);
  config->set_metric(v1::METRIC_INNER_PRODUCT);
  config->set_embedder(v1::EMBEDDER_NONE);
  return request;
}

// All documents of a batch name its version, and all chunks how many there are: half a batch and
// half a document show.
Change RandomChanges::Batch(const LaneState& state, const std::string& collection,
                            const std::string& prefix) {
  ++version_;
  v1::IngestRequest request;
  request.set_collection(collection);
  request.set_batch(static_cast<uint64_t>(version_));
  const uint64_t first = random_.Below(10);
  const uint64_t count = 1 + random_.Below(6);
  for (uint64_t i = 0; i < count; ++i) {
    auto* document = request.add_documents();
    document->set_id(fmt::format("{}d{}", prefix, (first + i) % 10));
    document->set_title(fmt::format("version {}", version_));
    *document->mutable_acl() = RandomAcl(!state.containers.empty());
    document->mutable_label()->set_level(kDrawnLevels[random_.Below(3)]);
    const uint64_t chunks = 1 + random_.Below(3);
    for (uint64_t c = 0; c < chunks; ++c) {
      auto* chunk = document->add_chunks();
      chunk->set_text(fmt::format("{} of {} in version {}", c, chunks, version_));
      chunk->add_embedding(static_cast<float>(version_) + static_cast<float>(c) / 4);
      for (int d = 1; d < kDrawnDimension; ++d)
        chunk->add_embedding(static_cast<float>(random_.Unit()));
    }
  }
  return request;
}

v1::Acl RandomChanges::RandomAcl(bool inherit) {
  v1::Acl acl;
  acl.add_allow()->set_principal(kSeesAll);
  for (const std::string& who : {"user:" + lane_ + "a", "user:" + lane_ + "b", "group:" + lane_}) {
    if (random_.OneIn(2)) acl.add_allow()->set_principal(who);
  }
  if (random_.OneIn(4)) acl.add_deny()->set_principal("user:" + lane_ + "a");
  if (inherit && random_.OneIn(2)) acl.add_inherit(folder());
  return acl;
}

Change RandomChanges::Members() {
  v1::ApplyDirectoryRequest request;
  auto* group = request.add_principals();
  group->set_name("group:" + lane_);
  group->set_sets_members(true);
  for (const std::string& who : {"user:" + lane_ + "a", "user:" + lane_ + "b"}) {
    if (random_.OneIn(2)) group->add_members()->set_principal(who);
    if (random_.OneIn(3)) continue;
    auto* user = request.add_principals();
    user->set_name(who);
    user->mutable_clearance()->set_level(kDrawnLevels[random_.Below(3)]);
  }
  return request;
}

Change RandomChanges::Folder() {
  v1::ApplyPolicyRequest request;
  auto* container = request.add_containers()->mutable_container();
  container->set_name(folder());
  *container->mutable_acl() = RandomAcl(false);
  return request;
}

}  // namespace cordon
