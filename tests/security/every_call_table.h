// The table of S3: who may make which call (DESIGN §2, "The right each call needs").
//
// A new RPC needs rows here, one for each kind of request that is judged by other rights. A new
// right needs its name in kRightNames, a new kind of credential a column in credentials.h.
#pragma once

#include <string>
#include <vector>

#include "tests/security/call_row.h"

namespace cordon {

inline std::vector<Row> RetrievalRows() {
  using enum Touches;
  using namespace v1;            // NOLINT: the rights
  using namespace request_text;  // NOLINT: as well
  return {
      {"Retrieval/Retrieve", "itself", kInDocs + "text: 'a'", {RIGHT_QUERY}, kContext},
      {"Retrieval/Retrieve",
       "for a user",
       kInDocs + "text: 'a' " + kForAna,
       {RIGHT_QUERY, RIGHT_ACT_AS},
       kContext},
      {"Retrieval/BatchRetrieve",
       "itself",
       "queries { " + kInDocs + "text: 'a' }",
       {RIGHT_QUERY},
       kContext},
      {"Retrieval/BatchRetrieve",
       "for a user",
       "queries { " + kInDocs + "text: 'a' " + kForAna + "}",
       {RIGHT_QUERY, RIGHT_ACT_AS},
       kContext},
      {"Retrieval/RetrieveStream",
       "itself",
       "query { " + kInDocs + "text: 'a' }",
       {RIGHT_QUERY},
       kContext},
      {"Retrieval/RetrieveStream",
       "for a user",
       "query { " + kInDocs + "text: 'a' " + kForAna + "}",
       {RIGHT_QUERY, RIGHT_ACT_AS},
       kContext},
      {"Retrieval/GetDocument", "itself", kOpen, {RIGHT_QUERY}, kContext},
      {"Retrieval/GetDocument",
       "for a user",
       kOpen + kForAna,
       {RIGHT_QUERY, RIGHT_ACT_AS},
       kContext},
      {"Retrieval/CheckAccess", "itself", kInDocs + "documents: 'open'", {RIGHT_QUERY}, kContext},
      {"Retrieval/CheckAccess",
       "for a user",
       kInDocs + "documents: 'open' " + kForAna,
       {RIGHT_QUERY, RIGHT_ACT_AS},
       kContext},
      {"Retrieval/Retrieve",
       "in an emergency",
       kInDocs + "text: 'a' scope { break_glass: '$GLASS' }",
       {RIGHT_QUERY, RIGHT_BREAK_GLASS},
       kAnothers},
      {"Retrieval/Export", "itself", kInDocs + kToModel + "}", {RIGHT_EXPORT}, kContext, true},
      {"Retrieval/Export",
       "with vectors",
       kInDocs + "vectors: true documents: 'open' " + kToModel + "}",
       {RIGHT_EXPORT},
       kContext,
       true},
      {"Retrieval/Export",
       "for a user",
       kInDocs + kToModel + "as: 'user:ana' }",
       {RIGHT_EXPORT, RIGHT_ACT_AS},
       kContext,
       true},
      {"Retrieval/AllowedDestinations", "itself", kLabel, {RIGHT_QUERY}, kDestination},
      {"Retrieval/AllowedDestinations",
       "for a user",
       kLabel + kForAna,
       {RIGHT_QUERY, RIGHT_ACT_AS},
       kDestination},
  };
}

inline std::vector<Row> IngestRows() {
  using enum Touches;
  using namespace v1;            // NOLINT: the rights
  using namespace request_text;  // NOLINT: as well
  return {
      {"Ingest/Ingest", "no batch", std::nullopt, {RIGHT_INGEST}},
      {"Ingest/Ingest", "defaults", kFresh + "}", {RIGHT_INGEST}, kDocuments, true},
      {"Ingest/Ingest",
       "acl",
       kFresh + kAcl + "}",
       {RIGHT_INGEST},
       kDocuments,
       true,
       {RIGHT_GRANT}},
      {"Ingest/Ingest",
       "label",
       kFresh + kLabel + "}",
       {RIGHT_INGEST},
       kDocuments,
       true,
       {RIGHT_LABEL}},
      {"Ingest/Ingest",
       "a canary",
       kFresh + "canary: true }",
       {RIGHT_INGEST},
       kDocuments,
       true,
       {RIGHT_LABEL}},
      {"Ingest/Ingest",
       "chunk",
       kInDocs + "documents { id: '$NEW' chunks { text: 'a' " + kAcl + kLabel + "} }",
       {RIGHT_INGEST},
       kDocuments,
       true,
       {RIGHT_GRANT, RIGHT_LABEL}},
      {"Ingest/Ingest",
       kFilling,
       kFill + "documents { id: 'open' " + kVectors + "}",
       {RIGHT_INGEST},
       kDocuments,
       true},
      {"Ingest/Ingest",
       kFillingOfNone,
       kFill + "documents { id: '$NEW' " + kVectors + "}",
       {RIGHT_INGEST},
       kDocuments,
       true},
  };
}

// Who may see what.
inline std::vector<Row> AccessRows() {
  using enum Touches;
  using namespace v1;            // NOLINT: the rights
  using namespace request_text;  // NOLINT: as well
  return {
      {"Ingest/SetAccess", "acl", kOpen + kAcl, {RIGHT_GRANT}, kDocuments, true},
      {"Ingest/SetAccess", "label", kOpen + kLabel, {RIGHT_LABEL}, kDocuments, true},
      {"Ingest/SetAccess",
       "both",
       kOpen + kAcl + kLabel,
       {RIGHT_GRANT, RIGHT_LABEL},
       kDocuments,
       true},
      {"Ingest/SetAccess",
       "absent",
       kInDocs + "document: 'n' " + kAcl,
       {RIGHT_GRANT},
       kDocuments,
       true},
      {"Ingest/SetAccessMany", "acl", kMany + kAcl + "}", {RIGHT_GRANT}, kDocuments, true},
      {"Ingest/SetAccessMany", "label", kMany + kLabel + "}", {RIGHT_LABEL}, kDocuments, true},
      {"Ingest/SetAccessMany",
       "both, of two",
       kMany + kAcl + "} changes { document: '$NEW' " + kLabel + "}",
       {RIGHT_GRANT, RIGHT_LABEL},
       kDocuments,
       true},
      {"Ingest/SetAccessSelected", "acl", kSelected + kAcl, {RIGHT_GRANT}, kDocuments, true},
      {"Ingest/SetAccessSelected", "label", kSelected + kLabel, {RIGHT_LABEL}, kDocuments, true},
      {"Ingest/SetAccessSelected",
       "both, of none",
       kInDocs + "source: '$NEW' " + kAcl + kLabel,
       {RIGHT_GRANT, RIGHT_LABEL},
       kDocuments,
       true},
  };
}

// Loads of documents, what is said of them, what takes them away, and what keeps them.
inline std::vector<Row> DocumentRows() {
  using enum Touches;
  using namespace v1;            // NOLINT: the rights
  using namespace request_text;  // NOLINT: as well
  return {
      {"Ingest/Ingest", "where a run stands", kInDocs + "run: '$NEW'", {RIGHT_INGEST}, kDocuments},
      {"Ingest/Ingest",
       kBatchOfARun,
       kInDocs + "run: '$NEW' batch: 1 documents { id: 'of-a-run' text: 'a word' }",
       {RIGHT_INGEST},
       kDocuments,
       true},
      {"Ingest/SyncSource",
       "without the guard",
       kListing + "allow_removals: true } " + kListed,
       {RIGHT_INGEST},
       kDocuments,
       true},
      {"Ingest/SyncSource",
       "with the guard",
       kListing + "} " + kListed,
       {RIGHT_INGEST, RIGHT_AUDIT},
       kDocuments,
       true},
      {"Ingest/SyncSource",
       "what it would change",
       kListing + "allow_removals: true dry_run: true } " + kListed,
       {RIGHT_INGEST, RIGHT_AUDIT},
       kDocuments},
      {"Ingest/UpdateMetadata", "a title", kOpen + kTitle, {RIGHT_INGEST}, kDocuments, true},
      {"Ingest/UpdateMetadata",
       "absent",
       kInDocs + "document: '$NEW' " + kTitle,
       {RIGHT_INGEST},
       kDocuments,
       true},
      {"Ingest/Delete", "one", kInDocs + "document: '$NEW'", {RIGHT_INGEST}, kDocuments, true},
      {"Ingest/Erase", "one", kInDocs + "document: '$NEW'", {RIGHT_ERASE}, kDocuments, true},
      {"Ingest/Erase", "a subject", kInDocs + "subject: '$NEW'", {RIGHT_ERASE}, kDocuments, true},
      {"Ingest/Erase", "a source", kInDocs + "source: '$NEW'", {RIGHT_ERASE}, kDocuments, true},
      {"Ingest/EraseStatus", "one", kInDocs + "revision: 1", {RIGHT_ERASE}, kDocuments},
      {"Ingest/SetHold",
       "one",
       kInDocs + "document: '$NEW' name: 'case'",
       {RIGHT_ADMIN},
       kDocuments,
       true},
      {"Ingest/SetHold",
       "a subject",
       kInDocs + "subject: '$NEW' name: 'case'",
       {RIGHT_ADMIN},
       kDocuments,
       true},
      {"Ingest/ListHolds", "all", kInDocs, {RIGHT_ADMIN}, kDocuments},
  };
}

// Of the services Directory and Policy.
inline std::vector<Row> PolicyRows() {
  using enum Touches;
  using namespace v1;            // NOLINT: the rights
  using namespace request_text;  // NOLINT: as well
  return {
      {"Directory/ApplyDirectory",
       "a group",
       "principals { name: 'group:$NEW' sets_members: true }",
       {RIGHT_ADMIN},
       kTenant,
       true},
      {"Directory/SyncDirectory",
       "a snapshot",
       "begin { source: 'hris' allow_removals: true } principals { name: 'group:$NEW' "
       "sets_members: true } "
       "commit { principals: 1 }",
       {RIGHT_ADMIN},
       kTenant,
       true},
      {"Directory/SyncDirectory",
       "what it would change",
       "begin { source: 'hris' allow_removals: true dry_run: true } principals { name: "
       "'group:$NEW' sets_members: true "
       "} commit { principals: 1 }",
       {RIGHT_ADMIN}},
      {"Directory/GetPrincipal", "a user", "principal: 'user:ana'", {RIGHT_ADMIN}},
      {"Policy/GetPolicy", "all", "", {RIGHT_ADMIN}},
      {"Policy/PolicyHistory", "newest", "", {RIGHT_AUDIT}},
      {"Policy/ApplyPolicy",
       "a container",
       "containers { container { name: 'folder:$NEW' " + kAcl + "} }",
       {RIGHT_ADMIN},
       kTenant,
       true},
      {"Policy/ApplyPolicy",
       "a source",
       "sources { source: '$NEW' quarantined: true }",
       {RIGHT_ADMIN},
       kTenant,
       true},
      {"Policy/OpenBreakGlass", "itself", kReason, {RIGHT_BREAK_GLASS}, kTenant, true},
      {"Policy/OpenBreakGlass",
       "for a user",
       kReason + "as: 'user:ana'",
       {RIGHT_BREAK_GLASS, RIGHT_ACT_AS},
       kTenant,
       true},
      {"Policy/CloseBreakGlass", "one", "id: '$GLASS'", {RIGHT_BREAK_GLASS}, kFirstTenant, true},
      {"Policy/ListBreakGlass", "all", "", {RIGHT_AUDIT}},
  };
}

// An auditor's questions.
inline std::vector<Row> QuestionRows() {
  using enum Touches;
  using namespace v1;            // NOLINT: the rights
  using namespace request_text;  // NOLINT: as well
  return {
      {"Policy/Explain", "one", kOpen + "as: 'user:ana'", {RIGHT_AUDIT}, kDocuments},
      {"Policy/WhoCanSee", "one", kOpen, {RIGHT_AUDIT}, kDocuments},
      {"Policy/WhoCanSee", "one, later", kOpen + kLater, {RIGHT_AUDIT}, kDocuments},
      {"Policy/WhoCanSee", "by a key", kOpen + "key_id: '$KEY'", {RIGHT_AUDIT}, kDocuments},
      {"Policy/AccessReport", "of a user", "as: 'user:ana'", {RIGHT_AUDIT}},
      {"Policy/AccessReport",
       "of a user, in one",
       kInDocs + "as: 'user:ana'",
       {RIGHT_AUDIT},
       kDocuments},
      {"Policy/AccessReport", "of a key", "key_id: '$KEY'", {RIGHT_AUDIT}, kFirstTenant},
      {"Policy/Simulate",
       "a group",
       "directory { principals { name: 'group:$NEW' sets_members: true } }",
       {RIGHT_AUDIT, RIGHT_ADMIN}},
      {"Policy/Simulate",
       "a container",
       "policy { containers { container { name: 'folder:$NEW' " + kAcl + "} } }",
       {RIGHT_AUDIT, RIGHT_ADMIN}},
      {"Policy/Simulate",
       "a source",
       "policy { sources { source: '$NEW' quarantined: true } }",
       {RIGHT_AUDIT, RIGHT_ADMIN}},
      {"Policy/Simulate",
       "a list",
       "set_access { " + kOpen + kAcl + "}",
       {RIGHT_AUDIT, RIGHT_GRANT},
       kDocuments},
      {"Policy/Simulate",
       "a label",
       "set_access { " + kOpen + kLabel + "}",
       {RIGHT_AUDIT, RIGHT_LABEL},
       kDocuments},
      {"Policy/Simulate",
       "a title",
       "update_metadata { " + kOpen + kTitle + "}",
       {RIGHT_AUDIT, RIGHT_INGEST},
       kDocuments},
      {"Policy/Simulate",
       "a deletion",
       "delete_document { " + kOpen + "}",
       {RIGHT_AUDIT, RIGHT_INGEST},
       kDocuments},
  };
}

// The same question about changes of many documents, and of who may call.
inline std::vector<Row> SimulationRows() {
  using enum Touches;
  using namespace v1;            // NOLINT: the rights
  using namespace request_text;  // NOLINT: as well
  return {
      {"Policy/Simulate",
       "a snapshot",
       "snapshot { begin { source: 'hris' allow_removals: true } principals { name: 'group:$NEW' "
       "sets_members: true } commit { principals: 1 } }",
       {RIGHT_AUDIT, RIGHT_ADMIN}},
      {"Policy/Simulate",
       "lists",
       "set_access_many { " + kMany + kAcl + "} }",
       {RIGHT_AUDIT, RIGHT_GRANT},
       kDocuments},
      {"Policy/Simulate",
       "a selection",
       "set_access_selected { " + kSelected + kAcl + kLabel + "}",
       {RIGHT_AUDIT, RIGHT_GRANT, RIGHT_LABEL},
       kDocuments},
      {"Policy/Simulate",
       "an erasure",
       "erase { " + kOpen + "}",
       {RIGHT_AUDIT, RIGHT_ERASE},
       kDocuments},
      {"Policy/Simulate",
       kNewDocuments,
       "ingest { " + kFresh + "} }",
       {RIGHT_AUDIT, RIGHT_INGEST},
       kDocuments},
      {"Policy/Simulate",
       kWholeListing,
       "listing { " + kListing + "} " + kListed + " }",
       {RIGHT_AUDIT, RIGHT_INGEST},
       kDocuments},
      {"Policy/Simulate",
       kWholeCollection,
       "delete_collection { name: '$COLLECTION' }",
       {RIGHT_AUDIT, RIGHT_ADMIN},
       kDocuments},
      {"Policy/Simulate",
       "a key",
       "create_key { grant { principal: 'service:$NEW' rights: RIGHT_QUERY } }",
       {RIGHT_AUDIT, RIGHT_ADMIN}},
      {"Policy/Simulate",
       "a revocation",
       "revoke_key { id: '$KEY' }",
       {RIGHT_AUDIT, RIGHT_ADMIN},
       kFirstTenant},
      {"Policy/Simulate",
       kEmergency,
       "open_break_glass { " + kReason + "}",
       {RIGHT_AUDIT, RIGHT_BREAK_GLASS}},
      {"Policy/Simulate",
       "the end of an emergency",
       "close_break_glass { id: '$GLASS' }",
       {RIGHT_AUDIT, RIGHT_BREAK_GLASS},
       kFirstTenant},
  };
}

inline std::vector<Row> AdminRows() {
  using enum Touches;
  using namespace v1;            // NOLINT: the rights
  using namespace request_text;  // NOLINT: as well
  return {
      {"Admin/CreateTenant", "one", "name: '$NEW'", {RIGHT_ADMIN}, kTenants, true},
      {"Admin/CreateCollection",
       "one",
       "config { name: '$NEW' dimension: 2 metric: METRIC_L2 embedder: EMBEDDER_NONE }",
       {RIGHT_ADMIN},
       kTenant,
       true},
      {"Admin/ListCollections", "all", "", {RIGHT_ADMIN}},
      {"Admin/DeleteCollection", "one", "name: '$COLLECTION'", {RIGHT_ADMIN}, kDocuments, true},
      {"Admin/BeginEmbedding",
       "one",
       "collection: '$COLLECTION' space { model: 'n' dimension: 3 embedder: EMBEDDER_BUILTIN }",
       {RIGHT_ADMIN},
       kDocuments,
       true},
      {"Admin/SwitchEmbedding",
       "whole",
       "collection: '$SPACE' model: 'n'",
       {RIGHT_ADMIN},
       kDocuments,
       true},
      {"Admin/SwitchEmbedding",
       "with what is missing",
       "collection: '$SPACE' model: 'n' allow_missing: true",
       {RIGHT_ADMIN},
       kDocuments,
       true},
      {"Admin/DropEmbedding",
       "one",
       "collection: '$SPACE' model: 'n'",
       {RIGHT_ADMIN},
       kDocuments,
       true},
      {"Admin/EmbeddingStatus", "one", kInDocs, {RIGHT_ADMIN}, kDocuments},
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
      {"Admin/Usage", "all", "", {RIGHT_ADMIN}},
      {"Admin/Usage", "of a key", "key_id: '$KEY'", {RIGHT_ADMIN}, kFirstTenant},
      {"Admin/Stats", "plain", kInDocs, {RIGHT_ADMIN}, kDocuments},
      {"Admin/Stats", "of a user", kInDocs + "as: 'user:ana'", {RIGHT_AUDIT}, kDocuments},
      {"Admin/QueryJournal", "newest", "", {RIGHT_AUDIT}},
      {"Admin/VerifyJournal", "all", "", {RIGHT_AUDIT}},
      {"Admin/CreateBackup", "one", "keep: 1", {RIGHT_ADMIN}, kTenants},
      {"Admin/ListBackups", "all", "", {RIGHT_ADMIN}, kTenants},
      {"Admin/Capabilities", "all", "", {}},
  };
}

inline const std::vector<Row>& Table() {
  static const std::vector<Row> rows = [] {
    std::vector<Row> all;
    for (const auto& part : {RetrievalRows(), IngestRows(), AccessRows(), DocumentRows(),
                             PolicyRows(), QuestionRows(), SimulationRows(), AdminRows()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
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
