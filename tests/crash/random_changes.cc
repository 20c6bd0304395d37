#include "tests/crash/random_changes.h"

#include <fmt/format.h>

#include <iterator>

namespace cordon {
namespace {

constexpr int kDrawnDimension = 8;
constexpr size_t kKeysMax = 6;
constexpr uint64_t kIds = 10;  // of a lane
// Enough for files (view/index_files.h) while a few are erased.
constexpr uint64_t kFiledDocuments = 80;
constexpr uint64_t kFiledDocumentsMin = 70;
constexpr uint64_t kFiledChunks = 32;
constexpr const char* kDrawnLevels[] = {"public", "internal", "confidential"};

Change NewCollection(const std::string& name) {
  v1::CreateCollectionRequest request;
  auto* config = request.mutable_config();
  config->set_name(name);
  config->set_dimension(kDrawnDimension);
  config->set_metric(v1::METRIC_INNER_PRODUCT);
  config->set_embedder(v1::EMBEDDER_NONE);
  return request;
}

}  // namespace

Change RandomChanges::Next(const LaneState& state) {
  switch (kind_) {
    case kDocuments:
      return NextOfDocuments(state);
    case kAdmin:
      return NextOfAdmin(state);
    case kFiled:
      return NextOfFiled(state);
    case kIngest:
      break;
  }
  return Batch(state, kShared, lane_ + "/");
}

Change RandomChanges::NextOfDocuments(const LaneState& state) {
  const bool folder = !state.containers.empty();
  switch (random_.Below(11)) {
    case 0: {
      v1::DeleteRequest request;
      request.set_collection(kShared);
      request.set_document(DocumentId());
      return request;
    }
    case 1:
      return Access(folder);
    case 2:
      return AccessOfMany(folder);
    case 3:
    case 4:
      return Members();
    case 5:
      return Folder();
    case 6:
      return Title();
    default:
      return Batch(state, kShared, lane_ + "/");
  }
}

std::string RandomChanges::DocumentId() {
  return fmt::format("{}/d{}", lane_, random_.Below(kIds));
}

Change RandomChanges::Access(bool folder) {
  v1::SetAccessRequest request;
  request.set_collection(kShared);
  request.set_document(DocumentId());
  const uint64_t what = random_.Below(3);
  if (what != 0) *request.mutable_acl() = RandomAcl(folder);
  if (what != 1) request.mutable_label()->set_level(kDrawnLevels[random_.Below(3)]);
  return request;
}

Change RandomChanges::AccessOfMany(bool folder) {
  v1::SetAccessManyRequest request;
  request.set_collection(kShared);
  const uint64_t first = random_.Below(kIds);
  for (uint64_t i = 1 + random_.Below(4); i > 0; --i) {
    auto* change = request.add_changes();
    change->set_document(fmt::format("{}/d{}", lane_, (first + i) % kIds));
    *change->mutable_acl() = RandomAcl(folder);
    change->mutable_label()->set_level(kDrawnLevels[random_.Below(3)]);
  }
  return request;
}

Change RandomChanges::Title() {
  v1::UpdateMetadataRequest request;
  request.set_collection(kShared);
  request.set_document(DocumentId());
  request.mutable_update_mask()->add_paths("title");
  request.mutable_metadata()->set_title(fmt::format("renamed {}", ++version_));
  return request;
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
  return NewCollection(name);
}

// Versions of a document have one last word between two erasures, so that it tells whether anything
// of them is left.
Change RandomChanges::NextOfFiled(const LaneState& state) {
  const std::string name = lane_ + "-files";
  if (!state.collections.contains(name)) return NewCollection(name);
  const auto found = state.documents.find(name);
  static const std::map<std::string, v1::Document> kNone;
  const auto& documents = found == state.documents.end() ? kNone : found->second;
  const bool all = documents.size() < kFiledDocumentsMin || random_.OneIn(8);
  if (!all && random_.OneIn(4)) {
    v1::EraseRequest request;
    request.set_collection(name);
    request.set_document(
        std::next(documents.begin(), static_cast<ptrdiff_t>(random_.Below(documents.size())))
            ->first);
    return request;
  }
  ++version_;
  v1::IngestRequest request;
  request.set_collection(name);
  const uint64_t first = random_.Below(kFiledDocuments);
  for (uint64_t i = all ? kFiledDocuments : 1 + random_.Below(3); i > 0; --i) {
    const std::string id = fmt::format("d{}", (first + i) % kFiledDocuments);
    const auto known = documents.find(id);
    const std::string word = known != documents.end() ? LastWordOf(known->second)
                                                      : fmt::format("zq{}v{}q", id, version_);
    auto* document = request.add_documents();
    *document = MakeDocument(id, kFiledChunks, /*inherit=*/false);
    for (auto& chunk : *document->mutable_chunks()) chunk.set_text(chunk.text() + " " + word);
  }
  return request;
}

// All documents of a batch name its version, and all chunks how many there are: half a batch and
// half a document show. Some state it, and a few of them one that may be out of date.
Change RandomChanges::Batch(const LaneState& state, const std::string& collection,
                            const std::string& prefix) {
  ++version_;
  v1::IngestRequest request;
  request.set_collection(collection);
  request.set_batch(static_cast<uint64_t>(version_));
  const uint64_t first = random_.Below(kIds);
  const uint64_t count = 1 + random_.Below(6);
  for (uint64_t i = 0; i < count; ++i) {
    auto* const document = request.add_documents();
    *document = MakeDocument(fmt::format("{}d{}", prefix, (first + i) % kIds), 1 + random_.Below(3),
                             !state.containers.empty());
    if (random_.OneIn(2)) continue;
    const auto now = static_cast<uint64_t>(version_);
    document->set_version(random_.OneIn(4) ? random_.Below(now) : now);
  }
  return request;
}

v1::Document RandomChanges::MakeDocument(const std::string& id, uint64_t chunks, bool inherit) {
  v1::Document document;
  document.set_id(id);
  document.set_title(fmt::format("version {}", version_));
  *document.mutable_acl() = RandomAcl(inherit);
  document.mutable_label()->set_level(kDrawnLevels[random_.Below(3)]);
  for (uint64_t c = 0; c < chunks; ++c) {
    auto* chunk = document.add_chunks();
    chunk->set_text(fmt::format("{} of {} in version {}", c, chunks, version_));
    chunk->add_embedding(static_cast<float>(version_) + static_cast<float>(c) / 4);
    for (int d = 1; d < kDrawnDimension; ++d)
      chunk->add_embedding(static_cast<float>(random_.Unit()));
  }
  return document;
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
