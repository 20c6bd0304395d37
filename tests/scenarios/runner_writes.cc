// The verbs that change a world. Every acknowledged write takes exactly one revision and every
// refused one takes none; that is checked here, once for all stories.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/ingest/source_sync.h"
#include "tests/scenarios/runner.h"
#include "tools/cordon/access_json.h"
#include "tools/cordon/document_json.h"
#include "tools/cordon/metadata_json.h"
#include "tools/cordon/policy_file.h"

namespace cordon {
namespace {

uint64_t RevisionOf(const IngestedBatch& batch) { return batch.response.revision(); }
template <typename Response>
uint64_t RevisionOf(const Response& response) {
  return response.revision();
}

std::set<uint32_t> OrdinalsOf(const v1::Document& document) {
  if (document.chunks().empty()) return {0};  // stories' texts are short: one chunk
  std::set<uint32_t> ordinals;
  for (int i = 0; i < document.chunks_size(); ++i) {
    const auto& chunk = document.chunks(i);
    ordinals.insert(chunk.has_ordinal() ? chunk.ordinal() : static_cast<uint32_t>(i));
  }
  return ordinals;
}

}  // namespace

template <typename Response, typename Call>
StatusOr<Response> Runner::Write(const std::string& through, Call call) {
  const auto caller = world_.Authenticate(through);
  if (!caller.ok()) return caller.status();
  const uint64_t before = world_.revision(caller->tenant());
  StatusOr<Response> answer = world_.Write<Response>(through, call);
  const uint64_t after = world_.revision(caller->tenant());
  const uint64_t told = answer.ok() ? RevisionOf(*answer) : 0;
  EXPECT_EQ(after, told != 0 ? before + 1 : before) << "an acknowledged write takes one revision";
  EXPECT_LE(told, after) << "an acknowledged write is visible";
  return answer;
}

StatusOr<IngestedBatch> Runner::IngestInto(const std::string& key, const std::string& collection,
                                           const std::vector<JsonValue>& documents) {
  v1::IngestRequest request;
  request.set_collection(collection);
  for (const auto& document : documents) {
    RETURN_IF_ERROR(ParseDocument(parser_, ToText(document), request.add_documents()));
  }
  const auto ingested = Write<IngestedBatch>(
      key, [&](const auto& context, auto done) { IngestDocuments(context, request, done); });
  if (!ingested.ok()) return ingested;
  const auto caller = world_.Authenticate(key);
  auto& written = world_.documents(caller->tenant(), collection);
  std::set<uint32_t> refused;
  for (const auto& refusal : ingested->response.refused()) refused.insert(refusal.index());
  for (int i = 0; i < request.documents_size(); ++i) {
    if (refused.contains(static_cast<uint32_t>(i))) continue;
    written[request.documents(i).id()] = OrdinalsOf(request.documents(i));
  }
  return ingested;
}

Status Runner::MakeKeyNamed(const std::string& through, const std::string& name,
                            const v1::KeyGrant& grant) {
  ASSIGN_OR_RETURN(const Authenticated caller, world_.Authenticate(through));
  ASSIGN_OR_RETURN(const NewKey key, MakeKey(caller.tenant()));
  v1::CreateKeyRequest request;
  *request.mutable_grant() = grant;
  const auto made = Write<v1::CreateKeyResponse>(through, [&](const auto& context, auto done) {
    cordon::CreateKey(context, request, {key.id, key.bearer, key.digest}, done);
  });
  if (made.ok()) world_.KeepKey(name, made->id(), made->key());
  return made.status();
}

Status Runner::ApplyPolicyFile(const std::string& through, const v1::ApplyPolicyRequest& request) {
  return Write<v1::ApplyPolicyResponse>(
             through,
             [&](const auto& context, auto done) { cordon::ApplyPolicy(context, request, done); })
      .status();
}

Status Runner::ApplyDirectoryFile(const std::string& through,
                                  const v1::ApplyDirectoryRequest& request) {
  return Write<v1::ApplyDirectoryResponse>(
             through,
             [&](const auto& context, auto done) { ApplyDirectory(context, request, done); })
      .status();
}

Status Runner::MakeCollection(const std::string& through, const v1::CollectionConfig& config) {
  v1::CreateCollectionRequest request;
  *request.mutable_config() = config;
  return Write<v1::CreateCollectionResponse>(through,
                                             [&](const auto& context, auto done) {
                                               cordon::CreateCollection(context, request, done);
                                             })
      .status();
}

Status Runner::Ingest(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "loader"));
  ASSIGN_OR_RETURN(const std::string collection,
                   Word(step, "collection", story_.collections.front().name()));
  std::vector<JsonValue> documents;
  RETURN_IF_ERROR(ReadArray(step.subject, [&](JsonValue document) {
    documents.push_back(document);
    v1::Document read;
    JsonParser parser;
    return ParseDocument(parser, ToText(document), &read);
  }));
  const auto ingested = IngestInto(through, collection, documents);
  if (!Answered(step, ingested.status())) return OkStatus();
  std::map<std::string, std::string> refused;
  for (const auto& refusal : ingested->response.refused()) refused[refusal.id()] = refusal.field();
  std::map<std::string, std::string> expected;
  if (const auto told = step.beside.find("refused_documents"); told != step.beside.end()) {
    if (!told->second.is_object()) return WrongType(told->second, "a map from document to field");
    for (const auto [id, field] : simdjson::dom::object(told->second)) {
      RETURN_IF_ERROR(ReadString(field, &expected[std::string(id)]));
    }
  }
  const auto text = [](const auto& map) {
    std::vector<std::string> names;
    for (const auto& [id, field] : map) names.push_back(id + ": " + field);
    return ListText(names);
  };
  if (refused != expected) {
    Fail(step,
         fmt::format("expected refused_documents: {}\n  got: {}", text(expected), text(refused)));
  }
  return CompareNames(step, "undefined_principals",
                      {ingested->undefined.begin(), ingested->undefined.end()});
}

Status Runner::SetAccess(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "loader"));
  v1::SetAccessRequest request;
  request.set_collection(story_.collections.front().name());
  RETURN_IF_ERROR(
      ReadObject(step.subject,
                 {StringField("document", request.mutable_document()),
                  StringField("collection", request.mutable_collection()),
                  {"acl", [&](JsonValue v) { return ReadAcl(v, request.mutable_acl()); }},
                  {"label", [&](JsonValue v) { return ReadLabel(v, request.mutable_label()); }}}));
  const auto answer = Write<v1::SetAccessResponse>(
      through, [&](const auto& context, auto done) { cordon::SetAccess(context, request, done); });
  if (!Answered(step, answer.status())) return OkStatus();
  return CompareExisted(step, answer->has_existed(), answer->existed());
}

Status Runner::SetAccessMany(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "loader"));
  v1::SetAccessManyRequest request;
  request.set_collection(story_.collections.front().name());
  RETURN_IF_ERROR(ReadArray(step.subject, [&](JsonValue change) {
    auto* to = request.add_changes();
    return ReadObject(change,
                      {StringField("document", to->mutable_document()),
                       {"acl", [&](JsonValue v) { return ReadAcl(v, to->mutable_acl()); }},
                       {"label", [&](JsonValue v) { return ReadLabel(v, to->mutable_label()); }}});
  }));
  const auto answer = Write<v1::SetAccessManyResponse>(
      through,
      [&](const auto& context, auto done) { cordon::SetAccessMany(context, request, done); });
  if (!Answered(step, answer.status())) return OkStatus();
  std::vector<std::string> existed;
  for (int i = 0; i < answer->existed_size(); ++i) {
    if (answer->existed(i)) existed.push_back(request.changes(i).document());
  }
  if (answer->existed().empty()) existed = {"not told"};
  return CompareNames(step, "existed", existed);
}

Status Runner::SetAccessSelected(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "loader"));
  v1::SetAccessSelectedRequest request;
  request.set_collection(story_.collections.front().name());
  RETURN_IF_ERROR(
      ReadObject(step.subject,
                 {StringField("id_prefix", request.mutable_id_prefix()),
                  StringField("source", request.mutable_source()),
                  {"acl", [&](JsonValue v) { return ReadAcl(v, request.mutable_acl()); }},
                  {"label", [&](JsonValue v) { return ReadLabel(v, request.mutable_label()); }}}));
  const auto answer =
      Write<v1::SetAccessSelectedResponse>(through, [&](const auto& context, auto done) {
        cordon::SetAccessSelected(context, request, {}, done);
      });
  if (!Answered(step, answer.status())) return OkStatus();
  return CompareNames(
      step, "changed",
      {answer->has_changed() ? std::to_string(answer->changed()) : std::string("not told")});
}

Status Runner::UpdateMetadata(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "loader"));
  v1::UpdateMetadataRequest request;
  request.set_collection(story_.collections.front().name());
  RETURN_IF_ERROR(
      ReadObject(step.subject, {StringField("document", request.mutable_document()),
                                {"set", [&](JsonValue v) { return ReadMetadata(v, &request); }}}));
  const auto answer = Write<v1::UpdateMetadataResponse>(
      through,
      [&](const auto& context, auto done) { cordon::UpdateMetadata(context, request, done); });
  if (!Answered(step, answer.status())) return OkStatus();
  return CompareExisted(step, answer->has_existed(), answer->existed());
}

Status Runner::ReadListing(const Step& step, v1::SyncSourceRequest* request) {
  v1::SyncSourceBegin* const begin = request->mutable_begin();
  begin->set_collection(story_.collections.front().name());
  bool allow_removals = false, dry_run = false, incomplete = false;
  RETURN_IF_ERROR(ReadObject(
      step.subject, {StringField("source", begin->mutable_source()),
                     {"documents",
                      [&](JsonValue v) {
                        return ReadArray(v, [&](JsonValue document) {
                          return ParseDocument(parser_, ToText(document), request->add_documents());
                        });
                      }},
                     {"unchanged",
                      [&](JsonValue v) {
                        return ReadArray(v, [&](JsonValue id) {
                          return ReadString(id, request->add_unchanged());
                        });
                      }},
                     {"allow_removals", [&](JsonValue v) { return ReadBool(v, &allow_removals); }},
                     {"dry_run", [&](JsonValue v) { return ReadBool(v, &dry_run); }},
                     {"incomplete", [&](JsonValue v) { return ReadBool(v, &incomplete); }}}));
  begin->set_allow_removals(allow_removals);
  begin->set_dry_run(dry_run);
  request->mutable_commit()->set_incomplete(incomplete);
  request->mutable_commit()->set_documents(
      static_cast<uint64_t>(request->documents_size() + request->unchanged_size()));
  return OkStatus();
}

Status Runner::SyncSource(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "loader"));
  v1::SyncSourceRequest request;
  RETURN_IF_ERROR(ReadListing(step, &request));
  OpenListings open;
  cordon::SourceSync sync(&open);
  const auto send = [&](const WriteContext& context, auto done) {
    const Status taken = sync.Take(context, request);
    if (!taken.ok()) return sync.Refuse(context, taken, done);
    sync.Commit(context, /*stop=*/{}, done);
  };
  // A dry run takes no revision.
  const auto answer = request.begin().dry_run()
                          ? world_.Write<v1::SyncSourceResponse>(through, send)
                          : Write<v1::SyncSourceResponse>(through, send);
  if (!Answered(step, answer.status())) return OkStatus();
  RETURN_IF_ERROR(CompareNames(step, "refused_documents", [&] {
    std::vector<std::string> refused;
    for (const auto& each : answer->refused()) refused.push_back(each.id() + ": " + each.field());
    return refused;
  }()));
  ASSIGN_OR_RETURN(const Authenticated caller, world_.Authenticate(through));
  auto& written = world_.documents(caller.tenant(), request.begin().collection());
  for (const auto& document : request.documents()) {
    if (!request.begin().dry_run()) written[document.id()] = OrdinalsOf(document);
  }
  const auto& d = answer->difference();
  RETURN_IF_ERROR(CompareNames(
      step, "difference",
      {answer->has_difference()
           ? fmt::format("{} added, {} changed, {} redescribed, {} unchanged, {} removed",
                         d.added(), d.changed(), d.redescribed(), d.unchanged(), d.removed())
           : std::string("not told")}));
  const auto gone = step.beside.find("gone");
  if (gone == step.beside.end()) return OkStatus();
  return ReadArray(gone->second, [&](JsonValue value) -> Status {
    std::string id;
    RETURN_IF_ERROR(ReadString(value, &id));
    return Forget(through, request.begin().collection(), id);
  });
}

Status Runner::Forget(const std::string& through, const std::string& collection,
                      const std::string& document) {
  ASSIGN_OR_RETURN(const Authenticated caller, world_.Authenticate(through));
  auto& written = world_.documents(caller.tenant(), collection);
  if (const auto it = written.find(document); it != written.end()) it->second.clear();
  return OkStatus();
}

Status Runner::Delete(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "loader"));
  v1::DeleteRequest request;
  request.set_collection(story_.collections.front().name());
  RETURN_IF_ERROR(
      ReadObject(step.subject, {StringField("document", request.mutable_document()),
                                StringField("collection", request.mutable_collection())}));
  const auto answer = Write<v1::DeleteResponse>(
      through, [&](const auto& context, auto done) { cordon::Delete(context, request, done); });
  if (!Answered(step, answer.status())) return OkStatus();
  RETURN_IF_ERROR(Forget(through, request.collection(), request.document()));
  return CompareExisted(step, answer->has_existed(), answer->existed());
}

Status Runner::Erase(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "loader"));
  v1::EraseRequest request;
  request.set_collection(story_.collections.front().name());
  RETURN_IF_ERROR(
      ReadObject(step.subject, {StringField("document", request.mutable_document()),
                                StringField("collection", request.mutable_collection())}));
  const auto answer = Write<v1::EraseResponse>(
      through, [&](const auto& context, auto done) { cordon::Erase(context, request, done); });
  if (!Answered(step, answer.status())) return OkStatus();
  return Forget(through, request.collection(), request.document());
}

Status Runner::Directory(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "admin"));
  v1::ApplyDirectoryRequest request;
  RETURN_IF_ERROR(ReadDirectory(step.subject, &request));
  Answered(step, ApplyDirectoryFile(through, request));
  return OkStatus();
}

Status Runner::Policy(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "admin"));
  ASSIGN_OR_RETURN(const v1::ApplyPolicyRequest request, ParsePolicy(ToText(step.subject)));
  Answered(step, ApplyPolicyFile(through, request));
  return OkStatus();
}

Status Runner::CreateKey(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "admin"));
  std::map<std::string, v1::KeyGrant> keys;
  RETURN_IF_ERROR(ReadKeys(step.subject, &keys));
  if (keys.size() != 1) return Invalid("", "name one key: `create_key: {chat: {principal: …}}`");
  Answered(step, MakeKeyNamed(through, keys.begin()->first, keys.begin()->second));
  return OkStatus();
}

Status Runner::RevokeKey(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "admin"));
  std::string name;
  RETURN_IF_ERROR(ReadString(step.subject, &name));
  v1::RevokeKeyRequest request;
  ASSIGN_OR_RETURN(*request.mutable_id(), world_.KeyId(name));
  Answered(step, Write<v1::RevokeKeyResponse>(through, [&](const auto& context, auto done) {
                   cordon::RevokeKey(context, request, done);
                 }).status());
  return OkStatus();
}

// The tenant's first key is named `TENANT/admin` from then on.
Status Runner::CreateTenant(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "admin"));
  v1::CreateTenantRequest request;
  RETURN_IF_ERROR(ReadString(step.subject, request.mutable_name()));
  ASSIGN_OR_RETURN(const NewKey key, MakeKey(request.name()));
  const auto made = Write<v1::CreateTenantResponse>(through, [&](const auto& context, auto done) {
    cordon::CreateTenant(context, request, {key.id, key.bearer, key.digest}, done);
  });
  if (made.ok()) world_.KeepKey(request.name() + "/admin", made->id(), made->key());
  Answered(step, made.status());
  return OkStatus();
}

Status Runner::CreateCollection(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "admin"));
  std::vector<v1::CollectionConfig> collections;
  RETURN_IF_ERROR(ReadCollections(step.subject, &collections));
  if (collections.size() != 1) return Invalid("", "name one: `create_collection: {docs: {}}`");
  Answered(step, MakeCollection(through, collections.front()));
  return OkStatus();
}

Status Runner::DeleteCollection(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "admin"));
  v1::DeleteCollectionRequest request;
  RETURN_IF_ERROR(ReadString(step.subject, request.mutable_name()));
  Answered(step, Write<v1::DeleteCollectionResponse>(through, [&](const auto& context, auto done) {
                   cordon::DeleteCollection(context, request, done);
                 }).status());
  return OkStatus();
}

// Time passes: no revision is taken, whatever starts or ends.
Status Runner::Later(const Step& step) {
  std::string text;
  RETURN_IF_ERROR(ReadString(step.subject, &text));
  ASSIGN_OR_RETURN(const Micros time, ParseTime(text));
  if (time <= world_.now()) return Invalid("", "not later than " + FormatTime(world_.now()));
  const uint64_t before = world_.revision("default");
  world_.MoveTo(time);
  if (world_.revision("default") != before) Fail(step, "time alone took a revision");
  return OkStatus();
}

Status Runner::Restart(const Step& step) {
  bool really = false;
  RETURN_IF_ERROR(ReadBool(step.subject, &really));
  if (!really) return Invalid("", "write `restart: true`");
  const uint64_t revision = world_.revision("default");
  const Micros before = world_.now();
  if (const Status status = world_.Restart(); !status.ok()) {
    Fail(step, "does not come up again: " + status.ToString());
    return status;
  }
  if (world_.revision("default") != revision) Fail(step, "the revision has changed");
  if (world_.now() < before) {
    Fail(step, fmt::format("time ran backwards, from {} to {}", FormatTime(before),
                           FormatTime(world_.now())));
  }
  return OkStatus();
}

}  // namespace cordon
