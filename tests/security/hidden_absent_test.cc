// S4: what a caller may not know of is answered like what is not there, to the byte, by every RPC
// that can name it, writes included.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/effort.h"
#include "tests/security/hidden_calls.h"
#include "tests/security/hidden_methods.h"
#include "tests/security/hidden_requests.h"
#include "tests/security/hidden_worlds.h"
#include "tests/security/twin_calls.h"

namespace cordon {
namespace {

using Key = ServedStore::Key;
using Code = grpc::StatusCode;

constexpr size_t kBatch = 54;          // pairs that are written at once
constexpr uint64_t kUnequalMax = 100;  // records of which a number grew by a byte
constexpr uint64_t kPairsMin = 10;     // of each call, in a whole run

constexpr char kNewAcl[] = "acl { allow { principal: 'user:bo' } } ";
constexpr char kBadAcl[] = "acl { allow { principal: 'user:bo' } inherit: 'folder:/gone' } ";
constexpr char kNewLabel[] = "label { level: 'confidential' compartments: 'merger' } ";

TEST(HiddenMethods, HasNoComparison) {
  const auto declared = DeclaredMethods();
  EXPECT_GE(declared.size(), 22u) << "the descriptors were not found";
  const auto collections = MethodsAboutCollections();
  for (const auto& method : declared) {
    EXPECT_TRUE(!CanName(method, {"document", "documents"}) ||
                MethodsAboutDocuments().contains(method))
        << method << " can name a document: compare one that is hidden with one that is absent in "
        << "CheckReads() or CallsThatChange() of this file, and add it to MethodsAboutDocuments()";
    EXPECT_TRUE(!CanName(method, {"collection"}) || collections.contains(method))
        << method << " can name a collection; add it to tests/security/hidden_calls.h";
    const bool compared = MethodsAboutDocuments().contains(method) ||
                          collections.contains(method) || MethodsAboutNames().contains(method);
    EXPECT_NE(compared, MethodsLeftOut().contains(method))
        << method << " must be compared by S4, or be left out for a reason, and not both: "
        << "tests/security/hidden_methods.h";
  }
  for (const auto& [method, reason] : MethodsLeftOut()) {
    EXPECT_NE(MethodOf(method), nullptr) << method << " is no RPC; take it out";
    EXPECT_NE(reason, "") << method;
  }
}

class Hidden : public testing::Test {
 protected:
  Hidden() {
    for (const Key& key : {root_, their_root_}) {
      store_.Do<v1::ApplyPolicyResponse>(key, "Policy/ApplyPolicy", kHiddenPolicy);
      store_.Do<v1::ApplyDirectoryResponse>(key, "Directory/ApplyDirectory", kHiddenDirectory);
      store_.Do<v1::CreateCollectionResponse>(key, "Admin/CreateCollection", Collection("docs"));
    }
    store_.Do<v1::CreateCollectionResponse>(root_, "Admin/CreateCollection", Collection("vault"));
    Ingest(root_, "docs", {"id: 'visible' text: 'everybody may see it'"});
  }

  // A key of `principal` for the collection docs.
  Key Make(const std::string& principal, const std::string& rights, const std::string& more = "") {
    std::string grant = "principal: 'service:" + principal + "' collections: 'docs' ";
    for (const char* name : {"chat", "low", "clean", "us", "consumer", "trained"}) {
      grant += std::string("destinations: '") + name + "' ";
    }
    return store_.MakeKey(store_.admin(), grant + rights + more);
  }

  void Ingest(const Key& key, const std::string& collection,
              const std::vector<std::string>& documents) {
    std::string text = "collection: '" + collection + "' ";
    for (const auto& document : documents) text += "documents { " + document + " } ";
    const auto answer = store_.Do<v1::IngestResponse>(key, "Ingest/Ingest", text);
    ASSERT_EQ(answer.accepted(), documents.size()) << answer.ShortDebugString();
  }

  // That each of them had its turn.
  void ExpectPairsOf(const std::set<std::string>& methods) const {
    for (const auto& method : methods) EXPECT_GE(twins_.PairsOf(method), kPairsMin) << method;
  }

  ServedStore store_;
  const std::string all_ = std::string("principal: 'service:root' ") + kEveryRight + kEveryReach;
  const Key root_ = store_.MakeKey(store_.admin(), all_);
  const Key their_root_ = store_.MakeKey(store_.MakeTenant("acme"), all_);
  const std::string any_clearance_ = "clearance { symbol: SYMBOL_ALL } ";
  const std::string read_ = "rights: RIGHT_QUERY rights: RIGHT_ACT_AS as_patterns: 'user:ana' ";
  const Key app_ = Make("app", read_, any_clearance_);
  const Key modest_ = Make("modest", read_);
  const Key auditor_ = Make("auditor", kEveryRight, any_clearance_ + "as_patterns: '*' ");
  TwinCalls twins_{&store_};
};

class HiddenDocuments : public Hidden, protected HiddenRequests {
 protected:
  struct Pair {
    const Reason* reason;
    Twin twin;
    std::string vectors;  // for the chunks of the one that is written
  };

  HiddenDocuments() {
    store_.Do<v1::BeginEmbeddingResponse>(
        root_, "Admin/BeginEmbedding",
        "collection: 'docs' space { model: 'own' dimension: 2 embedder: EMBEDDER_NONE }");
  }

  // Writes documents for all reasons; each has an id beside it that is not written.
  std::vector<Pair> Write(HiddenWorld* world) {
    std::vector<Pair> pairs;
    std::vector<std::string> here, other, theirs, deleted;
    for (size_t i = 0; i < kBatch; ++i) {
      const Reason& reason = Reasons()[i % Reasons().size()];
      const std::string id = world->Id();
      const std::string document = world->Document(id, reason);
      pairs.push_back({&reason, {id, world->Beside(id)}, HiddenWorld::VectorsOf(document)});
      (reason.where == Reason::kOtherCollection ? other
       : reason.where == Reason::kOtherTenant   ? theirs
                                                : here)
          .push_back(document);
      if (reason.where == Reason::kDeleted) deleted.push_back(id);
    }
    Ingest(root_, "docs", here);
    Ingest(root_, "vault", other);
    Ingest(their_root_, "docs", theirs);
    for (const auto& id : deleted) {
      store_.Do<v1::DeleteResponse>(root_, "Ingest/Delete", Named(id));
    }
    std::shuffle(pairs.begin(), pairs.end(), world->random());
    return pairs;
  }

  void CheckReads(HiddenWorld* world, const Pair& pair, Code expected);
  struct WriteCall {
    std::string method;
    const Key& key;
    std::string rest;
    std::string (*text)(const std::string& id, const std::string& rest);
    bool revision = true;  // the answer has that of a mutation
    bool late = false;     // leaves what is there, perhaps, and writes what is not
  };
  // What is said of a document, or that it goes.
  std::vector<WriteCall> CallsThatChange() const;
  // A document, or a listing of documents.
  std::vector<WriteCall> CallsThatWrite(HiddenWorld* world, const Pair& pair) const;
  void CheckWrite(HiddenWorld* world, const Pair& pair);
  void CheckRevisions(const std::string& method, const TwinAnswers& answers);
  void CheckExisted(HiddenWorld* world, const Pair& pair);
  void CheckVisible(const Reason& reason);

  TwinAnswers Expect(HiddenWorld* world, const std::string& method, const Key& key,
                     const TwinCalls::Text& text, const Pair& pair) {
    return twins_.Expect(method, key, text, pair.twin, world->Chance(2));
  }

  size_t next_write_ = 0;  // each has its turn, for whatever reason the document is hidden
  const Key eraser_ = Make("eraser", "rights: RIGHT_ERASE ");
  const Key holder_ = Make("holder", "rights: RIGHT_ADMIN ");
  const Key writer_ = Make("writer", "rights: RIGHT_INGEST ");
  const Key exporter_ =
      store_.MakeKey(store_.admin(),
                     "principal: 'service:app' collections: 'docs' destinations: 'tuned' rights: "
                     "RIGHT_EXPORT rights: RIGHT_ACT_AS as_patterns: 'user:ana' " +
                         any_clearance_);
  const Key prefixed_ = Make("prefixed", kEveryRight, "id_prefix: 'in/' ");
  const Key editor_ =
      Make("editor", "rights: RIGHT_INGEST rights: RIGHT_GRANT rights: RIGHT_LABEL ");
  const Key granter_ = Make("granter", "rights: RIGHT_GRANT ");
  const Key labeller_ = Make("labeller", "rights: RIGHT_LABEL ");
};

void HiddenDocuments::CheckReads(HiddenWorld* world, const Pair& pair, Code expected) {
  const Key& key = pair.reason->modest ? modest_ : app_;
  const std::string scope =
      "scope { as: 'user:ana' destination: '" + pair.reason->destination + "' } ";
  const auto got = Expect(
      world, "Retrieval/GetDocument", key, [&](auto& id) { return Named(id) + scope; }, pair);
  if (expected != Code::UNKNOWN) {
    EXPECT_EQ(got.hidden.status.error_code(), expected) << "hidden by " << pair.reason->name;
    // What one destination may not receive, another may.
    if (pair.reason->destination == "chat" && !pair.reason->modest) {
      const auto named = [](const std::string& id) {
        return "collection: 'docs' documents: 'visible' documents: " + Quoted(id) +
               "scope { as: 'user:ana' } ";
      };
      const auto exported = Expect(world, "Retrieval/Export", exporter_, named, pair);
      EXPECT_EQ(exported.hidden.status.error_code(), Code::NOT_FOUND);
    }
  }
  const bool twice = world->Chance(3);
  const auto asked = [&](const std::string& id) {
    const std::string one = "documents: " + Quoted(id);
    return "collection: 'docs' documents: 'visible' " + one + "documents: 'none' " +
           (twice ? one : "") + scope;
  };
  Expect(world, "Retrieval/CheckAccess", key, asked, pair);
  // Whoever may not ask why learns nothing from asking.
  Expect(
      world, "Policy/Explain", key, [](auto& id) { return Named(id) + "as: 'user:ana'"; }, pair);
  Expect(world, "Policy/WhoCanSee", key, Named, pair);
  const auto tried = [](const std::string& id) { return "delete_document { " + Named(id) + "}"; };
  Expect(world, "Policy/Simulate", key, tried, pair);
}

// One mutation each, whatever there was.
void HiddenDocuments::CheckRevisions(const std::string& method, const TwinAnswers& answers) {
  const auto revision = [&](const AnyAnswer& answer) {
    const auto response = NewMessage(MethodOf(method)->output_type());
    EXPECT_TRUE(answer.messages.size() == 1 && response->ParseFromString(answer.messages[0]));
    std::vector<const google::protobuf::FieldDescriptor*> told;
    response->GetReflection()->ListFields(*response, &told);
    for (const auto* field : told) {
      EXPECT_NE(field->name(), "existed") << "told to somebody who may not audit";
    }
    return response->GetReflection()->GetUInt64(
        *response, response->GetDescriptor()->FindFieldByName("revision"));
  };
  if (!answers.hidden.status.ok()) return;
  const uint64_t hidden = revision(answers.hidden), absent = revision(answers.absent);
  EXPECT_EQ(answers.hidden_first ? absent - hidden : hidden - absent, 1u);
}

std::vector<HiddenDocuments::WriteCall> HiddenDocuments::CallsThatChange() const {
  const std::string acl = kNewAcl, bad_acl = kBadAcl, label = kNewLabel;
  const std::string title = "update_mask { paths: 'title' } metadata { title: 't' } ";
  const std::string subject = "update_mask { paths: 'subjects' } metadata { subjects: 'p' } ";
  const std::string past =
      "update_mask { paths: 'valid_from' paths: 'valid_until' } metadata { valid_until { seconds: "
      "1 } } ";
  return {
      {"Ingest/SetAccess", granter_, acl, NamedWith},
      {"Ingest/SetAccess", granter_, bad_acl, NamedWith},
      {"Ingest/SetAccess", granter_, label, NamedWith},
      {"Ingest/SetAccess", labeller_, label, NamedWith},
      {"Ingest/SetAccess", labeller_, "label { level: 'absent' } ", NamedWith},
      {"Ingest/SetAccess", editor_, acl + label, NamedWith},
      {"Ingest/SetAccess", editor_, "acl { } ", NamedWith},
      {"Ingest/SetAccess", prefixed_, acl, NamedWith},
      {"Ingest/SetAccess", writer_, acl, NamedWith},
      {"Ingest/UpdateMetadata", writer_, title, NamedWith},
      {"Ingest/UpdateMetadata", writer_, subject, NamedWith},
      {"Ingest/UpdateMetadata", writer_, past, NamedWith},
      {"Ingest/UpdateMetadata", writer_, "update_mask { paths: 'acl' } ", NamedWith},
      {"Ingest/UpdateMetadata", prefixed_, title, NamedWith},
      {"Ingest/Delete", writer_, "", NamedWith},
      {"Ingest/Delete", prefixed_, "", NamedWith},
      {"Ingest/Delete", app_, "", NamedWith},
      {"Ingest/Erase", eraser_, "", NamedWith},
      {"Ingest/Erase", prefixed_, "", NamedWith},
      {"Ingest/Erase", writer_, "", NamedWith},
      {"Ingest/SetHold", holder_, "name: 'case' release: true ", NamedWith},
      {"Ingest/SetAccessMany", granter_, acl, Many},
      {"Ingest/SetAccessMany", editor_, acl + label, Many},
      {"Ingest/SetAccessMany", editor_, bad_acl, Many},
      {"Ingest/SetAccessMany", prefixed_, label, Many},
      {"Ingest/SetAccessSelected", granter_, acl, Selected},
      {"Ingest/SetAccessSelected", labeller_, label, Selected},
      {"Ingest/SetAccessSelected", editor_, bad_acl, Selected},
      {"Ingest/SetAccessSelected", prefixed_, acl, Selected},
  };
}

std::vector<HiddenDocuments::WriteCall> HiddenDocuments::CallsThatWrite(HiddenWorld* world,
                                                                        const Pair& pair) const {
  const std::string acl = kNewAcl, bad_acl = kBadAcl, label = kNewLabel;
  const std::string words = "text: '" + world->Words(1 + world->Below(30)) + "' ";
  const std::string late = words + "version: 3 ";
  return {
      {"Ingest/Ingest", writer_, words, Batch, false},
      {"Ingest/Ingest", writer_, words + acl, Batch, false},
      {"Ingest/Ingest", writer_, "chunks { text: 'a' embedding: 1 } ", Batch, false},
      {"Ingest/Ingest", editor_, words + acl + label, Batch, false},
      {"Ingest/Ingest", editor_, words + bad_acl, Batch, false},
      {"Ingest/Ingest", prefixed_, words, Batch, false},
      {"Ingest/Ingest", writer_, late, Batch, false, true},
      {"Ingest/Ingest", writer_, words + "version: 7 ", Batch, false},
      {"Ingest/Ingest", editor_, late + acl + label, Batch, false, true},
      {"Ingest/Ingest", editor_, late + bad_acl, Batch, false},
      {"Ingest/Ingest", writer_, words, OfARun, false},
      {"Ingest/Ingest", writer_, words + acl, OfARun, false},
      {"Ingest/Ingest", editor_, words + acl + label, OfARun, false},
      {"Ingest/Ingest", editor_, words + bad_acl, OfARun, false},
      {"Ingest/Ingest", prefixed_, words, OfARun, false},
      {"Ingest/Ingest", writer_, late, OfARun, false, true},
      {"Ingest/Ingest", writer_, pair.vectors, Filling},
      {"Ingest/Ingest", editor_, pair.vectors, Filling},
      {"Ingest/Ingest", writer_, "chunks { text: 'other words' embedding: 1 embedding: 2 } ",
       Filling},
      {"Ingest/Ingest", writer_, "chunks { text: 'a' embedding: 1 } ", Filling, false},
      {"Ingest/Ingest", prefixed_, pair.vectors, Filling, false},
      {"Ingest/SyncSource", writer_, words, Listed},
      {"Ingest/SyncSource", writer_, words, ListedWhole},
      {"Ingest/SyncSource", writer_, late, ListedWhole, true, true},
      {"Ingest/SyncSource", editor_, words + acl + label, ListedWhole},
      {"Ingest/SyncSource", editor_, words + bad_acl, ListedWhole},
      {"Ingest/SyncSource", writer_, "", ListedUnchanged},
      {"Ingest/SyncSource", editor_, words + acl + label, Listed},
      {"Ingest/SyncSource", prefixed_, words, Listed},
      {"Ingest/SyncSource", granter_, words, Listed},
  };
}

void HiddenDocuments::CheckWrite(HiddenWorld* world, const Pair& pair) {
  std::vector<WriteCall> writes = CallsThatChange();
  for (auto& call : CallsThatWrite(world, pair)) writes.push_back(std::move(call));
  const WriteCall& write = writes[next_write_++ % writes.size()];
  const auto text = [&](const std::string& id) { return write.text(id, write.rest); };
  const auto answers = Expect(world, write.method, write.key, text, pair);
  if (write.revision) CheckRevisions(write.method, answers);
  if (write.text == OfARun) {
    // Sent again, it is told as it was; so is where the run stands.
    Expect(world, write.method, write.key, text, pair);
    const auto stands = [](const std::string& id) { return "collection: 'docs' run: " + Own(id); };
    Expect(world, write.method, write.key, stands, pair);
  }
  // A new list may open what is there, and what comes late what is not; anything else leaves the
  // two alike.
  if (write.late || write.method.starts_with("Ingest/SetAccess")) return;
  CheckReads(world, pair, Code::UNKNOWN);
}

// Auditors are told, and so is the test: the pair is what it is taken for.
void HiddenDocuments::CheckExisted(HiddenWorld* world, const Pair& pair) {
  const bool there = pair.reason->where == Reason::kHere;
  const bool remove = world->Chance(2);
  for (const bool hidden : {true, false}) {
    const std::string id = hidden ? pair.twin.hidden : pair.twin.absent;
    const auto filled =
        store_.Do<v1::IngestResponse>(auditor_, "Ingest/Ingest", Filling(id, pair.vectors));
    EXPECT_EQ(filled.accepted(), hidden && there ? 1u : 0u) << pair.reason->name;
    const auto answer = store_.Do<v1::DeleteResponse>(
        auditor_, remove ? "Ingest/Delete" : "Ingest/SetAccess",
        Named(id) + (remove ? "" : "acl { allow { principal: 'user:bo' } } "));
    EXPECT_TRUE(answer.has_existed());
    EXPECT_EQ(answer.existed(), hidden && there) << pair.reason->name;
  }
}

// What would be seen if nothing hid it is seen: not everything is refused.
void HiddenDocuments::CheckVisible(const Reason& reason) {
  if (reason.destination == "trained") return;
  const auto answer = store_.Do<v1::GetDocumentResponse>(
      reason.modest ? modest_ : app_, "Retrieval/GetDocument",
      Named("visible") + "scope { as: 'user:ana' destination: '" + reason.destination + "' }");
  EXPECT_EQ(answer.chunks_size(), 1);
}

TEST_F(HiddenDocuments, AreToldFromAbsentOnes) {
  Effort effort("S4", 1'000);
  HiddenWorld world(effort.seed());
  for (const auto& reason : Reasons()) CheckVisible(reason);
  std::vector<Pair> pairs;
  while (effort.More() && !HasFailure()) {
    if (pairs.empty()) pairs = Write(&world);
    const Pair pair = std::move(pairs.back());
    pairs.pop_back();
    SCOPED_TRACE("hidden by " + pair.reason->name);
    CheckReads(&world, pair, Code::NOT_FOUND);
    if (world.Chance(5)) {
      CheckExisted(&world, pair);
    } else {
      CheckWrite(&world, pair);
    }
  }
  EXPECT_LE(twins_.unequal_records(), kUnequalMax);
  if (effort.rounds() >= 1'000) ExpectPairsOf(MethodsAboutDocuments());
  effort.Report("calls={} differences={} get_hidden_us={:.0f} get_absent_us={:.0f}",
                2 * twins_.calls(), HasFailure() ? "some" : "0", twins_.median_hidden_us(),
                twins_.median_absent_us());
}

class HiddenNames : public Hidden {
 protected:
  // The name of a journal record about the collection vault, and one that no record has.
  Twin RecordOfTheVault() {
    const auto all =
        store_.Do<v1::QueryJournalResponse>(root_, "Admin/QueryJournal", "limit: 1000");
    const auto found = std::find_if(all.lines().begin(), all.lines().end(),
                                    [](const auto& line) { return line.collection() == "vault"; });
    EXPECT_NE(found, all.lines().end());
    if (found == all.lines().end()) return {};
    const std::string id = found->journal_id();
    return {id, id.substr(0, id.size() - 1) + "z"};
  }

  void Expect(HiddenWorld* world, const std::string& method, const Key& key,
              const std::string& pattern, const Twin& twin) {
    const auto text = [&](const std::string& name) {
      std::string one = pattern;
      return one.replace(one.find('$'), 1, name);
    };
    twins_.Expect(method, key, text, twin, world->Chance(2));
  }
};

TEST_F(HiddenNames, OfCollectionsAreToldFromAbsentOnes) {
  const auto calls = CallsAbout();
  Effort effort("S4-collections", 10 * calls.size());
  HiddenWorld world(effort.seed());
  const auto listed = [&] {
    auto list = store_.Do<v1::ListCollectionsResponse>(auditor_, "Admin/ListCollections", "");
    list.clear_revision();
    return list.SerializeAsString();
  };
  const std::string before = listed();
  for (int made = 0; effort.More(calls.size()) && !HasFailure(); ++made) {
    const std::string name = "hidden-" + std::to_string(made);
    Twin twin{name, name};
    twin.absent[world.Below(6)] = 'z';
    const std::string config = Collection(name);
    store_.Do<v1::CreateCollectionResponse>(root_, "Admin/CreateCollection", config);
    Ingest(root_, name, {"id: 'd' text: 'a'"});
    for (const auto& [method, pattern] : calls) Expect(&world, method, auditor_, pattern, twin);
    EXPECT_EQ(listed(), before) << "a collection outside the key is listed";
  }
  EXPECT_LE(twins_.unequal_records(), kUnequalMax);
  effort.Report("calls={} differences={}", 2 * twins_.calls(), HasFailure() ? "some" : "0");
}

// Destinations outside the key, users it may not act for, records of other collections, and
// whatever is another tenant's.
TEST_F(HiddenNames, OfOthersAreToldFromAbsentOnes) {
  Effort effort("S4-names", 10);
  HiddenWorld world(effort.seed());
  const Twin destination{"secret-model", "secret-modem"}, user{"user:bo", "user:bx"};
  const Twin key{their_root_.id, their_root_.id.substr(0, their_root_.id.size() - 2) + "zz"};
  const std::string docs = "collection: 'docs' ";
  const std::string emergency =
      "reason: 'r' until { seconds: " + std::to_string(std::time(nullptr) + 3600) + " }";
  const Key opener =
      Make("opener", "rights: RIGHT_BREAK_GLASS rights: RIGHT_ACT_AS as_patterns: 'user:ana' ");
  const std::string opened =
      store_.Do<v1::OpenBreakGlassResponse>(their_root_, "Policy/OpenBreakGlass", emergency).id();
  const Twin access{opened, opened.substr(0, opened.size() - 1) + "z"};
  const Twin record = RecordOfTheVault();
  store_.Do<v1::ApplyDirectoryResponse>(
      their_root_, "Directory/ApplyDirectory",
      "principals { name: 'group:them' sets_members: true members { principal: 'user:thems' } }");
  while (effort.More() && !HasFailure()) {
    for (const auto& [scope, twin] :
         {std::pair{"scope { destination: '$' as: 'user:ana' } ", destination},
          std::pair{"scope { as: '$' } ", user},
          std::pair{"scope { as: '$' destination: 'gone' } ", user}}) {
      Expect(&world, "Retrieval/Retrieve", app_, docs + "text: 'a' " + scope, twin);
      Expect(&world, "Retrieval/GetDocument", app_, docs + "document: 'visible' " + scope, twin);
      Expect(&world, "Retrieval/CheckAccess", app_, docs + "documents: 'visible' " + scope, twin);
      Expect(&world, "Retrieval/AllowedDestinations", app_,
             std::string("label { level: 'public' } ") + scope, twin);
    }
    Expect(&world, "Retrieval/Retrieve", app_,
           docs + "text: 'a' query_label { level: 'public' } context { rerank: '$' } " +
               "scope { as: 'user:ana' }",
           destination);
    Expect(&world, "Admin/RotateKey", root_, "id: '$'", key);
    Expect(&world, "Admin/RevokeKey", root_, "id: '$'", key);
    Expect(&world, "Admin/Usage", root_, "key_id: '$'", key);
    Expect(&world, "Policy/CloseBreakGlass", root_, "id: '$'", access);
    Expect(&world, "Policy/OpenBreakGlass", opener, "as: '$' " + emergency, user);
    Expect(&world, "Retrieval/GetDocument", root_,
           docs + "document: 'visible' scope { break_glass: '$' } ", access);
    const std::string number = std::to_string(1 + world.Below(4));
    Expect(&world, "Admin/QueryJournal", root_, "journal_id: '$-" + number + "'", {"acme", "acmz"});
    Expect(&world, "Admin/QueryJournal", root_, "journal_id: 'acme-$'", {number, "9"});
    Expect(&world, "Admin/QueryJournal", auditor_, "journal_id: '$'", record);
    Expect(&world, "Directory/GetPrincipal", root_, "principal: '$'", {"user:thems", "user:themz"});
    Expect(&world, "Directory/GetPrincipal", root_, "principal: '$'", {"group:them", "group:thez"});
    Expect(&world, "Admin/CreateTenant", their_root_, "name: '$'", {"default", "defaulz"});
  }
  if (effort.rounds() >= kPairsMin) ExpectPairsOf(MethodsAboutNames());
  effort.Report("calls={} differences={}", 2 * twins_.calls(), HasFailure() ? "some" : "0");
}

}  // namespace
}  // namespace cordon
