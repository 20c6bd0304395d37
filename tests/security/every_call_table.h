// The table of S3: who may make which call (DESIGN §2, "The right each call needs").
//
// A new RPC needs rows here, one for each kind of request that is judged by other rights. A new
// right needs its name in kRightNames, a new kind of credential a column in credentials.h.
#pragma once

#include <grpcpp/grpcpp.h>

#include <optional>
#include <string>
#include <vector>

#include "cordon/v1/admin.pb.h"

namespace cordon {

using Code = grpc::StatusCode;

// What a call may reach, of which DESIGN says that it is not there for whoever may not.
enum class Touches {
  kTenant,       // nothing but the caller's own tenant
  kFirstTenant,  // a thing that only the first tenant has, by a name of which all may know
  kDocuments,    // a collection of the first tenant
  kContext,      // the same, and a destination
  kDestination,  // a destination alone
  kTenants,      // other tenants: the first one's admins only
};

struct Row {
  std::string method;
  std::string what;  // which kind of request
  // In text format. Fresh for each call: $NEW a name, $COLLECTION a collection, $KEY a key's id.
  // Nothing: a stream without a message.
  std::optional<std::string> request;
  std::vector<v1::Right> needs;
  Touches touches = Touches::kTenant;
  bool writes = false;
  // Without these the call succeeds, but its document is refused.
  std::vector<v1::Right> document_needs{};
};

inline const std::vector<Row>& Table() {
  using enum Touches;
  using namespace v1;  // NOLINT: the rights
  static const std::string in_docs = "collection: 'docs' ";
  static const std::string open = in_docs + "document: 'open' ";
  static const std::string for_ana = "scope { as: 'user:ana' } ";
  static const std::string fresh = in_docs + "batch: 1 documents { id: '$NEW' text: 'a word' ";
  static const std::string acl = "acl { allow { principal: 'everyone' } } ";
  static const std::string label = "label { level: 'public' } ";
  static const std::vector<Row> rows = {
      {"Retrieval/Retrieve", "itself", in_docs + "text: 'a'", {RIGHT_QUERY}, kContext},
      {"Retrieval/Retrieve",
       "for a user",
       in_docs + "text: 'a' " + for_ana,
       {RIGHT_QUERY, RIGHT_ACT_AS},
       kContext},
      {"Retrieval/GetDocument", "itself", open, {RIGHT_QUERY}, kContext},
      {"Retrieval/GetDocument",
       "for a user",
       open + for_ana,
       {RIGHT_QUERY, RIGHT_ACT_AS},
       kContext},
      {"Retrieval/CheckAccess", "itself", in_docs + "documents: 'open'", {RIGHT_QUERY}, kContext},
      {"Retrieval/CheckAccess",
       "for a user",
       in_docs + "documents: 'open' " + for_ana,
       {RIGHT_QUERY, RIGHT_ACT_AS},
       kContext},
      {"Retrieval/AllowedDestinations", "itself", label, {RIGHT_QUERY}, kDestination},
      {"Retrieval/AllowedDestinations",
       "for a user",
       label + for_ana,
       {RIGHT_QUERY, RIGHT_ACT_AS},
       kDestination},

      {"Ingest/Ingest", "no batch", std::nullopt, {RIGHT_INGEST}},
      {"Ingest/Ingest", "defaults", fresh + "}", {RIGHT_INGEST}, kDocuments, true},
      {"Ingest/Ingest", "acl", fresh + acl + "}", {RIGHT_INGEST}, kDocuments, true, {RIGHT_GRANT}},
      {"Ingest/Ingest",
       "label",
       fresh + label + "}",
       {RIGHT_INGEST},
       kDocuments,
       true,
       {RIGHT_LABEL}},
      {"Ingest/Ingest",
       "chunk",
       in_docs + "documents { id: '$NEW' chunks { text: 'a' " + acl + label + "} }",
       {RIGHT_INGEST},
       kDocuments,
       true,
       {RIGHT_GRANT, RIGHT_LABEL}},
      {"Ingest/SetAccess", "acl", open + acl, {RIGHT_GRANT}, kDocuments, true},
      {"Ingest/SetAccess", "label", open + label, {RIGHT_LABEL}, kDocuments, true},
      {"Ingest/SetAccess",
       "both",
       open + acl + label,
       {RIGHT_GRANT, RIGHT_LABEL},
       kDocuments,
       true},
      {"Ingest/SetAccess",
       "absent",
       in_docs + "document: 'n' " + acl,
       {RIGHT_GRANT},
       kDocuments,
       true},
      {"Ingest/Delete", "one", in_docs + "document: '$NEW'", {RIGHT_INGEST}, kDocuments, true},

      {"Directory/ApplyDirectory",
       "a group",
       "principals { name: 'group:$NEW' sets_members: true }",
       {RIGHT_ADMIN},
       kTenant,
       true},
      {"Policy/ApplyPolicy",
       "a container",
       "containers { container { name: 'folder:$NEW' " + acl + "} }",
       {RIGHT_ADMIN},
       kTenant,
       true},
      {"Policy/Explain", "one", open + "as: 'user:ana'", {RIGHT_AUDIT}, kDocuments},

      {"Admin/CreateTenant", "one", "name: '$NEW'", {RIGHT_ADMIN}, kTenants, true},
      {"Admin/CreateCollection",
       "one",
       "config { name: '$NEW' dimension: 2 metric: METRIC_L2 embedder: EMBEDDER_NONE }",
       {RIGHT_ADMIN},
       kTenant,
       true},
      {"Admin/ListCollections", "all", "", {RIGHT_ADMIN}},
      {"Admin/DeleteCollection", "one", "name: '$COLLECTION'", {RIGHT_ADMIN}, kDocuments, true},
      {"Admin/CreateKey",
       "another's",
       "grant { principal: 'service:$NEW' rights: RIGHT_QUERY }",
       {RIGHT_ADMIN},
       kTenant,
       true},
      {"Admin/ListKeys", "all", "", {RIGHT_ADMIN}},
      {"Admin/RotateKey", "another's", "id: '$KEY'", {RIGHT_ADMIN}, kFirstTenant, true},
      {"Admin/RotateKey",
       "another's, with an overlap",
       "id: '$KEY' overlap_s: 60",
       {RIGHT_ADMIN},
       kFirstTenant,
       true},
      {"Admin/RevokeKey", "another's", "id: '$KEY'", {RIGHT_ADMIN}, kFirstTenant, true},
      {"Admin/Stats", "plain", in_docs, {RIGHT_ADMIN}, kDocuments},
      {"Admin/Stats", "of a user", in_docs + "as: 'user:ana'", {RIGHT_AUDIT}, kDocuments},
      {"Admin/QueryJournal", "newest", "", {RIGHT_AUDIT}},
      {"Admin/VerifyJournal", "all", "", {RIGHT_AUDIT}},
      {"Admin/Capabilities", "all", "", {}},
  };
  return rows;
}

// Services that the server registers besides its own, and who gets an answer.
struct StandardRow {
  std::string method;
  std::string request;  // bytes
  bool endless;         // a stream without an end
  bool in_production;   // else with --dev only
};

inline const std::vector<StandardRow>& StandardTable() {
  static const std::vector<StandardRow> rows = {
      {"grpc.health.v1.Health/Check", "", false, true},
      {"grpc.health.v1.Health/Watch", "", true, true},
      // list_services: "*"
      {"grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\x01*", false, false},
  };
  return rows;
}

}  // namespace cordon
