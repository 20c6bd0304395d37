// Any text as what people write about policy: a policy file, or the JSON of a list, a label, a
// clearance, a directory's line. Refused with a reason, or taken. The first byte chooses.
#include <cstdint>
#include <string_view>

#include "tests/fuzz/world.h"
#include "tools/cordon/access_json.h"
#include "tools/cordon/policy_file.h"

namespace cordon {
namespace {

template <typename T>
bool Taken(const StatusOr<T>& read) {
  if (!read.ok()) CORDON_CHECK(!read.status().message().empty());
  return read.ok();
}

void TrySetAccess(FuzzWorld* world, const v1::SetAccessRequest& request) {
  store::v1::Mutation mutation;
  *mutation.mutable_set_access() = request;
  mutation.mutable_set_access()->set_collection("docs");
  mutation.mutable_set_access()->set_document("open");
  world->WouldApply(std::move(mutation));
}

void TryPolicy(FuzzWorld* world, std::string_view text) {
  const auto policy = ParsePolicy(text);
  if (!Taken(policy)) return;
  store::v1::Mutation mutation;
  *mutation.mutable_policy() = *policy;
  world->WouldApply(std::move(mutation));
}

void TryAcl(FuzzWorld* world, std::string_view text) {
  const auto acl = ParseAclOption("--acl", text);
  if (!Taken(acl)) return;
  v1::SetAccessRequest request;
  *request.mutable_acl() = *acl;
  const Grant grant = AllOf();
  if (CheckGivenAcl(*world->Pin()->policy().rules, grant, *acl).ok()) TrySetAccess(world, request);
}

void TryLabel(FuzzWorld* world, std::string_view text) {
  const auto label = ParseLabelOption("--label", text);
  if (!Taken(label)) return;
  v1::SetAccessRequest request;
  *request.mutable_label() = *label;
  const Grant grant = AllOf();
  if (CheckGivenLabel(*world->Pin()->policy().rules, grant, *label).ok()) {
    TrySetAccess(world, request);
  }
}

void TryDirectory(FuzzWorld* world, std::string_view text) {
  JsonParser parser;
  const auto value = parser.Parse(text);
  store::v1::Mutation mutation;
  if (!Taken(value)) return;
  if (!ReadPrincipal(*value, mutation.mutable_directory()->add_principals()).ok()) return;
  world->WouldApply(std::move(mutation));
}

void TryOne(FuzzWorld* world, uint8_t kind, std::string_view text) {
  switch (kind) {
    case 0:
      return TryPolicy(world, text);
    case 1:
      return TryAcl(world, text);
    case 2:
      return TryLabel(world, text);
    case 3:
      return TryDirectory(world, text);
    default:
      Taken(ParseClearanceOption("--clearance", text));
  }
}

}  // namespace
}  // namespace cordon

// The first byte is a digit, so that seeds can be written by hand.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static cordon::FuzzWorld world;  // ends before what its journal needs
  if (size == 0) return 0;
  cordon::TryOne(&world, (data[0] - '0') % 5, {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
