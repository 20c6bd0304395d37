// Why a change was made: whoever makes one can say so, and it is told with the revision and in the
// journal.
#include <google/protobuf/descriptor.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "cordon/v1/retrieval.pb.h"
#include "engine/base/limits.h"
#include "tests/ingest/scratch_writer.h"

namespace cordon {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FileDescriptor;

// What makes no revision, and so has nothing to say why of.
const std::set<std::string> kReads = {
    "Retrieve",      "BatchRetrieve",   "RetrieveStream", "GetDocument",
    "CheckAccess",   "GetPrincipal",    "GetPolicy",      "AllowedDestinations",
    "PolicyHistory", "Explain",         "WhoCanSee",      "AccessReport",
    "Simulate",      "Stats",           "ListBreakGlass", "ListCollections",
    "ListKeys",      "ListHolds",       "EraseStatus",    "ListBackups",
    "QueryJournal",  "VerifyJournal",   "Usage",          "Capabilities",
    "CreateBackup",  "EmbeddingStatus",
};

// The field that says why: of the request, of its beginning, or the purpose of what is read.
bool SaysWhy(const Descriptor& request) {
  if (request.FindFieldByName("reason") != nullptr) return true;
  const auto within = [&](const char* part, const char* field) {
    const auto* found = request.FindFieldByName(part);
    return found != nullptr && found->message_type()->FindFieldByName(field) != nullptr;
  };
  return within("begin", "reason") || within("scope", "purpose");
}

TEST(ReasonOfEachCall, IsForgottenByANewOne) {
  size_t changes = 0;
  for (const FileDescriptor* file :
       {v1::IngestRequest::descriptor()->file(), v1::ApplyPolicyRequest::descriptor()->file(),
        v1::ApplyDirectoryRequest::descriptor()->file(), v1::CreateKeyRequest::descriptor()->file(),
        v1::RetrieveRequest::descriptor()->file()}) {
    ASSERT_EQ(file->service_count(), 1) << file->name();
    for (int i = 0; i < file->service(0)->method_count(); ++i) {
      const auto* method = file->service(0)->method(i);
      if (kReads.contains(method->name())) continue;
      EXPECT_TRUE(SaysWhy(*method->input_type())) << method->full_name();
      ++changes;
    }
  }
  EXPECT_EQ(changes, 24u);
}

class Reasons : public ScratchWriter {
 protected:
  // Makes a change for the reason given in text format; its outcome.
  using Make = std::function<std::string(const std::string& why)>;
  struct Change {
    std::string call;
    Make make;
  };

  template <typename Response, typename Request, typename Call>
  Make Sent(Call call, const std::string& request) {
    return [=, this](const std::string& why) {
      return Outcome(Send<Response, Request>(call, request + why));
    };
  }
  template <typename Response, typename Request, typename Call>
  Make SentWithKey(Call call, const std::string& request) {
    return [=, this](const std::string& why) {
      return Outcome(Asked<Response>([&](auto done) {
        call(Context(), FromText<Request>(request + why),
             MadeKey{"default.k", "default.k.s", std::string(32, 'd')}, done);
      }));
    };
  }

  // Each can be made after those before it.
  std::vector<Change> Changes();
  std::vector<Change> OfDocuments();
  std::vector<Change> OfWhoMay();

  // What the newest revision's row and the call's newest record say.
  void ExpectTold(const std::string& call, const std::string& reason) {
    const PinnedView view = Pin();
    store::v1::RevisionRecord row;
    const auto found = scratch_.store.database().Get(
        Family::kRevisions, RevisionKey(view->state().id, view->revision()), &row);
    ASSERT_TRUE(found.ok() && *found) << call;
    EXPECT_EQ(row.call(), call);
    EXPECT_EQ(row.reason(), reason) << call << " in the row of its revision";
    const auto records = scratch_.Records(call);
    ASSERT_FALSE(records.empty()) << call;
    EXPECT_EQ(records.back().revision(), view->revision()) << call;
    EXPECT_EQ(records.back().reason(), reason) << call << " in the journal";
  }
};

std::vector<Reasons::Change> Reasons::OfDocuments() {
  const std::string in = "collection: 'docs' ";
  const std::string label = "label { level: 'public' } ";
  return {
      {"Ingest", [this](const auto& why) { return Outcome(Ingest(Good("d") + Good("e") + why)); }},
      {"Ingest",
       [this](const auto& why) { return Outcome(Ingest("run: 'r' batch: 1 " + Good("d") + why)); }},
      {"UpdateMetadata",
       Sent<v1::UpdateMetadataResponse, v1::UpdateMetadataRequest>(
           UpdateMetadata,
           in + "document: 'd' update_mask { paths: 'title' } metadata { title: 'other' } ")},
      {"SetAccess",
       Sent<v1::SetAccessResponse, v1::SetAccessRequest>(SetAccess, in + "document: 'd' " + label)},
      {"SetAccessMany", Sent<v1::SetAccessManyResponse, v1::SetAccessManyRequest>(
                            SetAccessMany, in + "changes { document: 'd' " + label + "} ")},
      {"SetAccessSelected", Sent<v1::SetAccessSelectedResponse, v1::SetAccessSelectedRequest>(
                                [](auto context, auto request, auto done) {
                                  SetAccessSelected(context, request, /*stop=*/{}, done);
                                },
                                in + "id_prefix: 'd' label { level: 'internal' } ")},
      {"SetHold",
       Sent<v1::SetHoldResponse, v1::SetHoldRequest>(SetHold, in + "document: 'd' name: 'case' ")},
      {"SetHold", Sent<v1::SetHoldResponse, v1::SetHoldRequest>(
                      SetHold, in + "document: 'd' name: 'case' release: true ")},
      {"Erase", Sent<v1::EraseResponse, v1::EraseRequest>(Erase, in + "document: 'd' ")},
      {"Delete", Sent<v1::DeleteResponse, v1::DeleteRequest>(Delete, in + "document: 'e' ")},
  };
}

std::vector<Reasons::Change> Reasons::OfWhoMay() {
  const auto open = [](auto context, auto request, auto done) {
    OpenBreakGlass(context, request, "g", done);
  };
  const auto switch_to = [](auto context, auto request, auto done) {
    SwitchEmbedding(context, request, /*stop=*/{}, done);
  };
  const std::string of_new = "collection: 'new' ";
  return {
      {"ApplyDirectory", Sent<v1::ApplyDirectoryResponse, v1::ApplyDirectoryRequest>(
                             ApplyDirectory, "principals { name: 'group:a' sets_members: true } ")},
      {"ApplyPolicy",
       Sent<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(ApplyPolicy, "tags { names: 't' } ")},
      {"CreateCollection", Sent<v1::CreateCollectionResponse, v1::CreateCollectionRequest>(
                               CreateCollection,
                               "config { name: 'new' dimension: 2 metric: METRIC_L2 embedder: "
                               "EMBEDDER_NONE } ")},
      {"BeginEmbedding", Sent<v1::BeginEmbeddingResponse, v1::BeginEmbeddingRequest>(
                             BeginEmbedding, of_new + "space { model: 'b' dimension: 3 embedder: "
                                                      "EMBEDDER_BUILTIN } ")},
      {"SwitchEmbedding", Sent<v1::SwitchEmbeddingResponse, v1::SwitchEmbeddingRequest>(
                              switch_to, of_new + "model: 'b' ")},
      {"SwitchEmbedding", Sent<v1::SwitchEmbeddingResponse, v1::SwitchEmbeddingRequest>(
                              switch_to, of_new + "model: '' allow_missing: true ")},
      {"DropEmbedding", Sent<v1::DropEmbeddingResponse, v1::DropEmbeddingRequest>(
                            DropEmbedding, of_new + "model: 'b' ")},
      {"DeleteCollection", Sent<v1::DeleteCollectionResponse, v1::DeleteCollectionRequest>(
                               DeleteCollection, "name: 'new' ")},
      {"CreateKey", SentWithKey<v1::CreateKeyResponse, v1::CreateKeyRequest>(
                        CreateKey, "grant { principal: 'service:s' rights: RIGHT_QUERY } ")},
      {"RotateKey",
       SentWithKey<v1::RotateKeyResponse, v1::RotateKeyRequest>(RotateKey, "id: 'default.k' ")},
      {"RevokeKey",
       Sent<v1::RevokeKeyResponse, v1::RevokeKeyRequest>(RevokeKey, "id: 'default.k' ")},
      {"OpenBreakGlass", Sent<v1::OpenBreakGlassResponse, v1::OpenBreakGlassRequest>(
                             open, "as: 'user:ana' until { seconds: 9 } ")},
      {"CloseBreakGlass",
       Sent<v1::CloseBreakGlassResponse, v1::CloseBreakGlassRequest>(CloseBreakGlass, "id: 'g' ")},
  };
}

std::vector<Reasons::Change> Reasons::Changes() {
  std::vector<Change> all = OfDocuments();
  for (auto& change : OfWhoMay()) all.push_back(std::move(change));
  return all;
}

TEST_F(Reasons, AreLostOrCutShort) {
  static_assert(limits::kReasonBytes == limits::kPurposeBytes);  // which break-glass goes by
  for (const auto& [call, make] : Changes()) {
    SCOPED_TRACE(call);
    const std::string longest = call + std::string(limits::kReasonBytes - call.size(), '.');
    const uint64_t revision = Pin()->revision();
    EXPECT_EQ(make("reason: '" + longest + ".' "), "INVALID_ARGUMENT: reason");
    EXPECT_EQ(make("reason: 'CHG\\0007' "), "INVALID_ARGUMENT: reason");
    EXPECT_EQ(Pin()->revision(), revision) << "changed for no reason that may be told";
    ASSERT_EQ(make("reason: '" + longest + "' "), "OK");
    ExpectTold(call, longest);
  }
}

// Only who reads past lists must say why.
TEST_F(Reasons, AreAskedOfEveryChange) {
  for (const auto& [call, make] : Changes()) {
    if (call == "OpenBreakGlass") {
      EXPECT_EQ(make(""), "INVALID_ARGUMENT: reason");
      ASSERT_EQ(make("reason: 'a fire' "), "OK");
      continue;
    }
    ASSERT_EQ(make(""), "OK") << call;
    ExpectTold(call, "");
  }
}

// An erasure by several mutations says why in each of them.
// At kEraseAtOnce and beyond.
TEST_F(Reasons, BelongToTheFirstPartOnly) {
  const auto batch = [](size_t from, size_t count) {
    std::string documents;
    for (size_t i = from; i < from + count; ++i) {
      std::string one = Good(std::to_string(i));
      one.replace(one.find("chunks"), 0, "provenance { source: 'hris' } ");
      documents += one;
    }
    return documents;
  };
  ASSERT_TRUE(Ingest(batch(0, limits::kEraseAtOnce)).ok());
  ASSERT_TRUE(Ingest(batch(limits::kEraseAtOnce, 1)).ok());
  const auto erased = Send<v1::EraseResponse, v1::EraseRequest>(
      Erase, "collection: 'docs' source: 'hris' reason: 'CHG-7'");
  ASSERT_TRUE(erased.ok()) << erased.status().ToString();
  const auto records = scratch_.Records("Erase");
  ASSERT_EQ(records.size(), 2u);
  for (const auto& record : records) EXPECT_EQ(record.reason(), "CHG-7");
}

}  // namespace
}  // namespace cordon
