// Changes of which a simulation says too little: documents that are written, whole collections,
// emergencies, and what takes more than one revision.
#include <gtest/gtest.h>

#include "engine/base/limits.h"
#include "engine/ingest/source_sync.h"
#include "tests/engine/audit_fixture.h"

namespace cordon {
namespace {

class Simulated : public Audit {
 protected:
  // Of `principal`: "+gained -lost" documents, in all; "" if nothing changes for it.
  std::string For(const std::string& principal, const std::string& change) {
    const auto answer = Sim(change);
    EXPECT_TRUE(answer.ok()) << change << answer.status().ToString();
    if (!answer.ok()) return answer.status().ToString();
    for (const auto& one : answer->principals()) {
      if (one.principal() == principal) return fmt::format("+{} -{}", one.gained(), one.lost());
    }
    return "";
  }
  // A document that user:ana alone may see.
  static std::string Closed(const std::string& id) {
    return "documents { id: '" + id +
           "' acl { allow { principal: 'user:ana' } } label { level: 'public' } provenance { "
           "source: 'bulk' } chunks { text: 't' embedding: 1 embedding: 0 } } ";
  }
};

TEST_F(Simulated, DocumentsAreWritten) {
  ASSERT_TRUE(Ingest(Closed("a") + Good("b")).ok());
  const auto before = scratch_.store.Records();
  const uint64_t revision = Pin()->revision();
  const std::string change = "ingest { collection: 'docs' " + Good("a") + Closed("c") + "} ";
  EXPECT_EQ(For("user:ana", change), "+1 -0") << "c; a was seen before";
  EXPECT_EQ(For("everyone", change), "+1 -0") << "a";
  EXPECT_EQ(For("user:ana", "ingest { collection: 'docs' " + Closed("b") + "} "), "");
  EXPECT_EQ(For("everyone", "ingest { collection: 'docs' " + Closed("b") + "} "), "+0 -1");
  // Of documents of one id the last one counts.
  EXPECT_EQ(For("everyone", "ingest { collection: 'docs' " + Closed("b") + Good("b") + "} "), "");
  EXPECT_EQ(Pin()->revision(), revision);
  auto after = scratch_.store.Records();
  std::erase_if(after, [&](const auto& row) { return before.contains(row.first); });
  for (const auto& [key, row] : after) EXPECT_TRUE(key.starts_with("heads/")) << key;
  EXPECT_EQ(Documents("docs").size(), 2u);
  // The numbers and keys that were tried with serve the next document.
  ASSERT_TRUE(Ingest(Good("c")).ok());
  EXPECT_EQ(Documents("docs").size(), 3u);
}

// As in a stream: what was applied before writes nothing, and a gap is refused.
TEST_F(Simulated, ABatchOfARunIsJudgedAsIfItHadNone) {
  const auto batch = [](int number, const std::string& documents) {
    return fmt::format("collection: 'docs' run: 'load' batch: {} {}", number, documents);
  };
  const auto simulated = [](const std::string& request) { return "ingest { " + request + "} "; };
  EXPECT_EQ(For("everyone", simulated(batch(1, Good("a")))), "+1 -0");
  EXPECT_EQ(For("everyone", simulated(batch(1, Good("a")))), "+1 -0") << "a trial was noted";
  const std::string first = batch(1, Good("a") + "documents { id: 'bad' } ");
  ASSERT_EQ(Change("ingest", first), "OK");
  const auto again = Sim(simulated(first));
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->principals_size(), 0);
  EXPECT_EQ(RefusedBy(*again), Refused());
  EXPECT_EQ(For("everyone", simulated(batch(2, Good("b")))), "+1 -0");
  EXPECT_EQ(Outcome(Sim(simulated(batch(1, Good("b"))))), "FAILED_PRECONDITION: run");
  EXPECT_EQ(Outcome(Sim(simulated(batch(3, Good("b"))))), "FAILED_PRECONDITION: batch");
}

TEST_F(Simulated, ADocumentIsJudgedByPart) {
  const auto of = [](const std::string& more) {
    return "ingest { collection: 'docs' documents { id: 'n' acl { allow { principal: 'everyone' } "
           "} label { level: 'public' } " +
           more + "} } as: 'user:ana' as: 'user:bo' ";
  };
  const std::string chunk = "chunks { text: 't' } ";
  EXPECT_EQ(For("user:bo", of(chunk)), "+1 -0");
  EXPECT_EQ(For("user:bo", of(chunk + "valid_from { seconds: 9 } ")), "+0 -0") << "not yet";
  EXPECT_EQ(For("user:bo", of(chunk + "valid_until { seconds: 1 } ")), "+0 -0") << "no more";
  const std::string anas = "chunks { text: 't' acl { allow { principal: 'user:ana' } } } ";
  EXPECT_EQ(For("user:ana", of(anas)), "+1 -0");
  EXPECT_EQ(For("user:bo", of(anas)), "+0 -0") << "no chunk is permitted";
  EXPECT_EQ(For("user:bo", of(anas + "chunks { text: 't' ordinal: 7 } ")), "+1 -0");
  EXPECT_EQ(For("user:bo", of("chunks { text: 't' label { level: 'restricted' } } ")), "+0 -0");
}

// The list and label of the collection, and the texts that it cuts and embeds itself.
TEST_F(Simulated, ADefaultIsForgotten) {
  ASSERT_EQ(Change("directory", "principals { name: 'user:ana' clearance { level: 'internal' } }"),
            "OK");
  const std::string change = "ingest { collection: 'typed' documents { id: 'n' text: 'a word' } } ";
  EXPECT_EQ(For("user:ana", change), "+1 -0");
  EXPECT_EQ(For("everyone", change), "") << "the default label is internal";
}

TEST_F(Simulated, ARefusedDocumentIsJudgedOrToldOtherwise) {
  const std::string in = "collection: 'docs' ";
  const std::string open = "acl { allow { principal: 'everyone' } } ";
  const std::string label = "label { level: 'internal' } ";
  const std::string chunk = "chunks { text: 't' embedding: 1 embedding: 0 ";
  const std::string documents =
      in + "documents { id: 'no list' " + label + chunk + "} } documents { id: 'no label' " + open +
      chunk + "} } documents { id: 'unknown level' " + open + "label { level: 'none' } " + chunk +
      "} } documents { id: 'no folder' acl { inherit: 'folder:/none' } " + label + chunk +
      "} } documents { id: 'below' " + open + label + chunk +
      "label { level: 'public' } } } documents { id: 'twice' " + open + label + chunk +
      "ordinal: 1 } " + chunk + "ordinal: 1 } } documents { id: 'no chunks' " + open + label +
      "} documents { id: 'too short' " + open + label +
      "chunks { text: 't' embedding: 1 } } documents { id: '' " + open + label + chunk +
      "} } documents { id: 'undeclared' " + open + label + "attributes { key: 'x' } " + chunk +
      "} } " + Good("good");
  const auto simulated = Sim("ingest { " + documents + "} ");
  ASSERT_TRUE(simulated.ok()) << simulated.status().ToString();
  EXPECT_EQ(simulated->refused_size(), 10);
  ASSERT_EQ(simulated->principals_size(), 1);
  EXPECT_EQ(simulated->principals(0).principal(), "everyone");
  EXPECT_EQ(simulated->principals(0).gained(), 1u);
  ASSERT_EQ(Change("ingest", documents), "OK");
  EXPECT_EQ(RefusedBy(*simulated), Refused());
  // Nor may the auditor set what a writer may not.
  Grant modest = AllOf();
  modest.rights = Rights();
  for (const Right right : {Right::kAudit, Right::kIngest}) modest.rights.Add(right);
  const auto refused = Sim("ingest { " + in + Good("n") + "} ", modest);
  ASSERT_TRUE(refused.ok() && refused->refused_size() == 1);
  EXPECT_EQ(refused->refused(0).field(), "acl");
  EXPECT_EQ(refused->principals_size(), 0);
}

// At kDocumentsPerBatch and beyond.
TEST_F(Simulated, ABatchIsTakenThatIngestRefuses) {
  EXPECT_EQ(Outcome(Sim("ingest { collection: 'none' " + Good("a") + "} ")),
            "NOT_FOUND: collection");
  EXPECT_EQ(Outcome(Sim("ingest { collection: 'docs' embedding_model: 'm' " + Good("a") + "} ")),
            "INVALID_ARGUMENT: embedding_model");
  std::string batch;
  for (size_t i = 0; i < limits::kDocumentsPerBatch; ++i) {
    batch += WithoutEmbeddings(Good(std::to_string(i)));
  }
  EXPECT_EQ(For("everyone", "ingest { collection: 'docs' " + batch + "} "), "+4096 -0");
  EXPECT_EQ(Outcome(Sim("ingest { collection: 'docs' " + batch + Good("more") + "} ")),
            "INVALID_ARGUMENT: documents");
}

TEST_F(Simulated, ADeletedCollectionIsStillSeen) {
  ASSERT_TRUE(Ingest(Closed("closed") + Good("open")).ok());
  const std::string gone = "delete_collection { name: 'docs' } ";
  EXPECT_EQ(For("user:ana", gone), "+0 -2");
  EXPECT_EQ(For("everyone", gone), "+0 -1");
  EXPECT_EQ(For("user:ana", "delete_collection { name: 'typed' } "), "");
  EXPECT_EQ(Outcome(Sim("delete_collection { name: 'none' } ")), "NOT_FOUND: collection");
  EXPECT_EQ(Documents("docs").size(), 2u);
}

TEST_F(Simulated, AnEmergencyOpensNothing) {
  ASSERT_TRUE(Ingest(Closed("closed") + Good("open")).ok());
  ASSERT_EQ(Change("directory", "principals { name: 'user:eve' clearance { level: 'public' } }"),
            "OK");
  const std::string access = "as: 'user:eve' reason: 'a fire' until { seconds: 9 } ";
  const std::string open = "open_break_glass { " + access + "} ";
  EXPECT_EQ(For("user:eve", open), "+1 -0");
  EXPECT_EQ(For("user:ana", open), "");
  EXPECT_TRUE(Pin()->policy().break_glass->empty());

  ASSERT_TRUE(Asked<v1::OpenBreakGlassResponse>([&](auto done) {
                OpenBreakGlass(Context(), FromText<v1::OpenBreakGlassRequest>(access), "g", done);
              }).ok());
  EXPECT_EQ(For("user:eve", "close_break_glass { id: 'g' } "), "+0 -1");
  EXPECT_EQ(Outcome(Sim("close_break_glass { id: 'none' } ")), "NOT_FOUND: id");
  EXPECT_EQ(Outcome(Sim("open_break_glass { as: 'user:eve' until { seconds: 9 } } ")),
            "INVALID_ARGUMENT: reason");
}

TEST_F(Simulated, ASnapshotLeavesItsStage) {
  ASSERT_TRUE(Ingest("documents { id: 'hr' acl { allow { principal: 'group:hr' } } label { level: "
                     "'public' } chunks { text: 't' embedding: 1 embedding: 0 } } ")
                  .ok());
  const std::string group =
      "principals { name: 'group:hr' sets_members: true members { principal: 'user:ana' } } ";
  const auto snapshot = [&](const std::string& end) {
    return "snapshot { begin { source: 'hris' } " + group + end + " } ";
  };
  const auto before = scratch_.store.Records();
  EXPECT_EQ(For("user:ana", snapshot("commit { principals: 1 }")), "+1 -0");
  EXPECT_EQ(Outcome(Sim(snapshot("commit { principals: 2 }"))),
            "INVALID_ARGUMENT: commit.principals");
  EXPECT_EQ(Outcome(Sim(snapshot(""))), "INVALID_ARGUMENT: commit");
  auto after = scratch_.store.Records();
  std::erase_if(after, [&](const auto& row) { return before.contains(row.first); });
  for (const auto& [key, row] : after) EXPECT_TRUE(key.starts_with("heads/")) << key;
  EXPECT_EQ(For("user:ana", "directory { " + group + "} "), "+1 -0") << "nothing was made";
}

TEST_F(Simulated, AListingIsJudgedByPart) {
  ASSERT_TRUE(Ingest(Closed("same") + Closed("opens") + Closed("gone")).ok());
  const uint64_t revision = Pin()->revision();
  std::string open = Closed("opens");
  open.replace(open.find("user:ana"), 8, "everyone");
  const auto listing = [](const std::string& begin, const std::string& documents,
                          const std::string& commit) {
    return "begin { collection: 'docs' source: 'bulk' " + begin + "} " + documents + "commit { " +
           commit + "} ";
  };
  const auto simulated = [](const std::string& text) { return "listing { " + text + "} "; };
  const std::string all = "allow_removals: true ";
  const std::string documents = Closed("same") + open + Closed("new");
  const std::string whole = listing(all, documents, "documents: 3 ");
  EXPECT_EQ(For("user:ana", simulated(whole)), "+1 -1");
  EXPECT_EQ(For("everyone", simulated(whole)), "+1 -0");
  EXPECT_EQ(For("user:ana", simulated(listing("", documents, "documents: 3 incomplete: true "))),
            "+1 -0");
  EXPECT_EQ(For("user:ana", simulated(listing(all, "unchanged: 'same' ", "documents: 1 "))),
            "+0 -2");
  // What is refused is told, and counts as listed.
  const std::string refused = "documents { id: 'gone' label { level: 'none' } } ";
  const auto partly = Sim(simulated(listing("", documents + refused, "documents: 4 ")));
  ASSERT_TRUE(partly.ok()) << partly.status().ToString();
  ASSERT_EQ(partly->refused_size(), 1);
  EXPECT_EQ(partly->refused(0).index(), 3u);
  EXPECT_EQ(partly->refused(0).id(), "gone");
  // Refused as the call itself.
  EXPECT_EQ(Outcome(Sim(simulated(listing("", documents, "documents: 3 ")))),
            "FAILED_PRECONDITION: begin.removals_max_percent");
  EXPECT_EQ(Outcome(Sim(simulated(listing(all, documents, "documents: 2 ")))),
            "INVALID_ARGUMENT: commit.documents");
  EXPECT_EQ(Outcome(Sim("listing { begin { collection: 'none' source: 'bulk' } commit { } } ")),
            "NOT_FOUND: begin.collection");
  EXPECT_EQ(Outcome(Sim("listing { begin { collection: 'docs' source: 'bulk' } } ")),
            "INVALID_ARGUMENT: commit");
  EXPECT_EQ(Outcome(Sim("listing { commit { } } ")), "INVALID_ARGUMENT: begin");
  EXPECT_EQ(Pin()->revision(), revision) << "something was made";
  // The real one leaves nothing to gain or to lose.
  OpenListings places;
  SourceSync sync(&places);
  ASSERT_TRUE(sync.Take(Context(), FromText<v1::SyncSourceRequest>(whole)).ok());
  ASSERT_TRUE(Asked<v1::SyncSourceResponse>([&](auto done) {
                sync.Commit(Context(), /*stop=*/{}, done);
              }).ok());
  EXPECT_EQ(For("user:ana", simulated(whole)), "");
  EXPECT_EQ(Documents("docs").size(), 3u);
}

// Or refused calls could fill the memory.
TEST_F(Simulated, NamesOfWhatIsNotMadeStayNumbered) {
  ASSERT_TRUE(Ingest(Good("a")).ok());
  const auto names = [&] { return Pin()->policy().principals->size(); };
  const size_t before = names();
  const std::string group =
      "principals { name: 'group:new' sets_members: true members { principal: 'user:new' } } ";
  const std::string refused = "principals { name: 'user:x' clearance { level: 'nowhere' } } ";
  ASSERT_TRUE(Sim("directory { " + group + "} ").ok());
  ASSERT_TRUE(Sim("ingest { collection: 'docs' " + Closed("b") + "} ").ok());
  EXPECT_FALSE(Sim("directory { " + group + refused + "} ").ok());
  EXPECT_EQ(names(), before);
  EXPECT_NE(Change("directory", group + refused), "OK");
  EXPECT_NE(Change("policy",
                   "containers { container { name: 'c' acl { allow { principal: 'user:y' "
                   "} inherit: 'none' } } } "),
            "OK");
  EXPECT_NE(Change("set_access",
                   "collection: 'docs' document: 'a' acl { allow { principal: "
                   "'user:z' } inherit: 'none' } "),
            "OK");
  EXPECT_EQ(names(), before);
  EXPECT_EQ(Pin()->policy().principals->Find("user:y"), std::nullopt);
  // A name that was refused, and then comes, is its own and nobody else's.
  ASSERT_EQ(Change("directory", group), "OK");
  EXPECT_EQ(names(), before + 2);
  EXPECT_EQ(Change("set_access",
                   "collection: 'docs' document: 'a' acl { allow { principal: "
                   "'user:x' } } "),
            "OK");
  const auto who = Who("collection: 'docs' document: 'a'");
  ASSERT_TRUE(who.ok());
  ASSERT_EQ(who->principals_size(), 1);
  EXPECT_EQ(who->principals(0), "user:x");
}

// Before it the caller's principal has no number, and after it one: itself is no group it joins.
TEST_F(Simulated, TheFirstChangeThatNamesItsCallerIsARaise) {
  const std::string caller = AllOf().principal;
  ASSERT_EQ(Pin()->policy().principals->Find(caller), std::nullopt);
  const std::string named = "containers { container { name: 'folder:/' acl { allow { principal: '" +
                            caller + "' } } } } ";
  EXPECT_EQ(Outcome(Sim("policy { " + named + "} ")), "OK");
  EXPECT_EQ(Change("policy", named), "OK");
  EXPECT_NE(Pin()->policy().principals->Find(caller), std::nullopt);
  const std::string joins =
      "principals { name: 'group:new' sets_members: true members { "
      "principal: '" +
      caller + "' } } ";
  EXPECT_EQ(Outcome(Sim("directory { " + joins + "} ")), "PERMISSION_DENIED: members");
  EXPECT_NE(Change("directory", joins), "OK");
}

TEST_F(Simulated, TheFirstChangeThatNamesItsCallerMakesItAMember) {
  const std::string joins =
      "principals { name: 'group:new' sets_members: true members { "
      "principal: '" +
      AllOf().principal + "' } } ";
  EXPECT_EQ(Outcome(Sim("directory { " + joins + "} ")), "PERMISSION_DENIED: members");
  EXPECT_NE(Change("directory", joins), "OK");
}

TEST_F(Simulated, ACertificateIsLeftUnsaid) {
  EXPECT_EQ(Outcome(Sim("create_key { grant { principal: 'service:s' rights: RIGHT_QUERY "
                        "certificate: 'dns:s.example' } } ")),
            "INVALID_ARGUMENT: certificate");
}

TEST_F(Simulated, EverybodyIsMoreThanOneQuestionJudges) {
  const auto everybody = [](size_t count) {
    v1::ApplyDirectoryRequest request;
    auto* group = request.add_principals();
    group->set_name("group:all");
    group->set_sets_members(true);
    for (size_t i = 0; i < count; ++i) {
      group->add_members()->set_principal(fmt::format("user:{}", i));
    }
    return request.ShortDebugString();
  };
  const std::string change = "delete_document { collection: 'docs' document: 'none' } ";
  ASSERT_EQ(Change("directory", everybody(limits::kSimulatePrincipals)), "OK");
  const auto all = Sim(change);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->judged(), limits::kSimulatePrincipals);
  ASSERT_EQ(Change("directory", everybody(limits::kSimulatePrincipals + 1)), "OK");
  EXPECT_EQ(Outcome(Sim(change)), "INVALID_ARGUMENT: as");
  EXPECT_EQ(Outcome(Sim(change + "as: 'user:1'")), "OK");
}

// What a call would do by several revisions is not told by the first of them.
TEST_F(Simulated, APartIsToldAsTheWhole) {
  std::string batch;
  for (size_t i = 0; i < limits::kDocumentsPerBatch; ++i) {
    batch += Closed(fmt::format("a/{}", i));
  }
  ASSERT_TRUE(Ingest(batch).ok());
  const std::string open = "acl { allow { principal: 'everyone' } } } ";
  const std::string select = "set_access_selected { collection: 'docs' source: 'bulk' " + open;
  const std::string erase = "erase { collection: 'docs' source: 'bulk' } ";
  EXPECT_EQ(For("everyone", select), "+4096 -0");
  EXPECT_EQ(For("user:ana", erase), "+0 -4096");
  const std::string listing =
      "listing { begin { collection: 'docs' source: 'bulk' allow_removals: true } commit { } } ";
  EXPECT_EQ(For("user:ana", listing), "+0 -4096");
  ASSERT_TRUE(Ingest(Closed("b")).ok());
  EXPECT_EQ(Outcome(Sim(listing)), "INVALID_ARGUMENT: commit");
  EXPECT_EQ(Outcome(Sim(select)), "INVALID_ARGUMENT: source");
  EXPECT_EQ(Outcome(Sim(erase)), "INVALID_ARGUMENT: erase");
  EXPECT_EQ(For("everyone", "set_access_selected { collection: 'docs' id_prefix: 'b' " + open),
            "+1 -0");
  // Once it is too much, nothing more is looked at.
  std::string more;
  for (size_t i = 0; i < 100; ++i) more += Closed(fmt::format("c/{}", i));
  ASSERT_TRUE(Ingest(more).ok());
  size_t asked = 0;
  const auto count = [&] {
    ++asked;
    return false;
  };
  EXPECT_EQ(Outcome(Sim(listing, AllOf(), count)), "INVALID_ARGUMENT: commit");
  EXPECT_LT(asked, limits::kDocumentsPerBatch + 10);
}

// To find what changes, it may have to look at all that a source or a collection has.
TEST_F(Simulated, ATrialGoesOnWithoutItsCaller) {
  std::string batch;
  for (int i = 0; i < 20; ++i) batch += Closed(fmt::format("a/{}", i));
  ASSERT_TRUE(Ingest(batch).ok());
  const std::string open = "acl { allow { principal: 'everyone' } } } ";
  const std::string changes[] = {
      "listing { begin { collection: 'docs' source: 'bulk' allow_removals: true } commit { } } ",
      "listing { begin { collection: 'docs' source: 'bulk' } commit { } } ",
      "set_access_selected { collection: 'docs' source: 'bulk' " + open,
      "set_access_selected { collection: 'docs' id_prefix: 'a/' " + open,
      // of which nothing changes
      "set_access_selected { collection: 'docs' id_prefix: 'a/' label { level: 'public' } } ",
  };
  for (const auto& change : changes) {
    int asked = 0;
    const auto trial =
        TryChange(Context(), FromText<v1::SimulateRequest>(change), [&] { return ++asked == 10; });
    EXPECT_EQ(Outcome(trial), "DEADLINE_EXCEEDED: ") << change;
    EXPECT_EQ(asked, 10) << change;
  }
}

}  // namespace
}  // namespace cordon
