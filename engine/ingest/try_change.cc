#include "engine/ingest/check_change.h"

namespace cordon {
namespace {

using store::v1::Mutation;

StatusOr<Mutation> MutationOf(const WriteContext& context, const v1::SimulateRequest& request) {
  Mutation mutation;
  switch (request.change_case()) {
    case v1::SimulateRequest::kDirectory:
      RETURN_IF_ERROR(CheckApplyDirectory(context, request.directory()));
      *mutation.mutable_directory() = request.directory();
      return mutation;
    case v1::SimulateRequest::kPolicy:
      RETURN_IF_ERROR(CheckAdmin(context, request.policy().reason()));
      *mutation.mutable_policy() = request.policy();
      return mutation;
    case v1::SimulateRequest::kSetAccess:
      RETURN_IF_ERROR(CheckSetAccess(context, request.set_access()));
      *mutation.mutable_set_access() = request.set_access();
      return mutation;
    case v1::SimulateRequest::kDeleteDocument:
      RETURN_IF_ERROR(CheckDelete(context, request.delete_document()));
      *mutation.mutable_delete_document() = request.delete_document();
      return mutation;
    case v1::SimulateRequest::CHANGE_NOT_SET:
      break;
  }
  return Invalid("change",
                 "missing; give a directory, a policy, a set_access or a delete_document");
}

}  // namespace

StatusOr<Trial> TryChange(const WriteContext& context, const v1::SimulateRequest& request) {
  ASSIGN_OR_RETURN(Mutation mutation, MutationOf(context, request));
  mutation.set_key_id(context.caller.key_id());
  mutation.set_actor(context.caller.grant().principal);
  return context.writer->Try(context.tenant, context.caller, std::move(mutation));
}

}  // namespace cordon
