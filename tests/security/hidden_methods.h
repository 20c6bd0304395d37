// Which RPCs S4 compares for what is hidden and what is absent, and why it leaves the others out.
//
// A new RPC needs a row in the tables of the test, or a reason here.
#pragma once

#include <map>
#include <set>
#include <string>

#include "tests/security/any_call.h"
#include "tests/security/hidden_calls.h"

namespace cordon {

using Methods = std::set<std::string>;

// By HiddenDocuments.
inline const Methods& MethodsAboutDocuments() {
  static const Methods methods = {
      "Retrieval/GetDocument",
      "Retrieval/CheckAccess",
      "Retrieval/Export",
      "Ingest/Ingest",
      "Ingest/SetAccess",
      "Ingest/SetAccessMany",
      "Ingest/SetAccessSelected",
      "Ingest/UpdateMetadata",
      "Ingest/SyncSource",
      "Ingest/Delete",
      "Ingest/Erase",
      "Ingest/SetHold",
      "Policy/Explain",
      "Policy/WhoCanSee",
      "Policy/Simulate",
  };
  return methods;
}

// By HiddenNames, of collections.
inline Methods MethodsAboutCollections() {
  Methods methods;
  for (const auto& [method, request] : CallsAbout()) methods.insert(method);
  return methods;
}

// By HiddenNames, of destinations, users, keys, records and tenants.
inline const Methods& MethodsAboutNames() {
  static const Methods methods = {
      "Retrieval/Retrieve",    "Retrieval/GetDocument",  "Retrieval/CheckAccess",
      "Admin/RotateKey",       "Admin/RevokeKey",        "Admin/Usage",
      "Admin/QueryJournal",    "Admin/CreateTenant",     "Retrieval/AllowedDestinations",
      "Policy/OpenBreakGlass", "Policy/CloseBreakGlass", "Directory/GetPrincipal",
  };
  return methods;
}

inline const std::map<std::string, std::string>& MethodsLeftOut() {
  static const std::map<std::string, std::string> reasons = {
      {"Directory/ApplyDirectory",
       "names principals of the tenant, whose admins may read them all"},
      {"Directory/SyncDirectory", "names principals of the tenant, whose admins may read them all"},
      {"Policy/ApplyPolicy",
       "names what the tenant's admins may read; what else a source in "
       "quarantine tells is accepted in docs/guarantees.md"},
      {"Policy/GetPolicy", "names nothing"},
      {"Policy/PolicyHistory", "names nothing"},
      {"Policy/ListBreakGlass", "names nothing"},
      {"Admin/CreateCollection", "names are unique in a tenant: accepted in docs/guarantees.md"},
      {"Admin/ListCollections", "names nothing; HiddenNames compares its answers"},
      {"Admin/CreateKey", "names patterns, which are looked up nowhere"},
      {"Admin/ListKeys", "names nothing"},
      {"Admin/VerifyJournal", "names nothing"},
      {"Admin/CreateBackup", "names nothing"},
      {"Admin/ListBackups", "names nothing"},
      {"Admin/Capabilities", "names nothing"},
  };
  return reasons;
}

// Whether a message of this type, or one within it, has a field of one of these names.
inline bool CanName(const google::protobuf::Descriptor* type, const Methods& fields,
                    std::set<const google::protobuf::Descriptor*>* seen) {
  if (!seen->insert(type).second) return false;
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (fields.contains(field->name())) return true;
    const auto* within = field->message_type();
    if (within != nullptr && CanName(within, fields, seen)) return true;
  }
  return false;
}

// The same of a method's request.
inline bool CanName(const std::string& method, const Methods& fields) {
  std::set<const google::protobuf::Descriptor*> seen;
  return CanName(MethodOf(method)->input_type(), fields, &seen);
}

}  // namespace cordon
