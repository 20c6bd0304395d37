// A sequence that gives two states, a restart that gives another, a refusal that leaves a trace.
#include "engine/store/apply.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

// A history with every kind of mutation, and what a real one has: replacements and removals.
const std::vector<std::string> kHistory = {
    kDocs,
    "policy { compartments { names: 'people' } tags { names: 'pii' } "
    "default_clearance { level: 'internal' } containers { container { name: 'folder:/hr' "
    "acl { allow { principal: 'group:hr' } allow { principal: 'user:zoe' from { seconds: 9 } } } } "
    "} destinations { destination { name: 'chat' "
    "scope: 1 ceiling { level: 'public' } } } "
    "scopes { rules { scope: 1 ceiling { level: 'internal' } forbidden_tags: 'pii' } } }",
    "directory { principals { name: 'group:hr' sets_members: true "
    "members { principal: 'user:ana' until { seconds: 5 } } "
    "members { principal: 'user:ana' from { seconds: 7 } until { seconds: 8 } } } "
    "principals { name: 'user:ana' clearance { level: 'restricted' compartments: 'people' } } }",
    IngestOf("a", "allow { principal: 'user:z' } allow { principal: 'user:b' }",
             "level: 'internal' tags: 'pii'"),
    IngestOf("b", "inherit: 'folder:/hr' deny { principal: 'user:eve' }", "level: 'public'",
             "acl { allow { principal: 'user:ana' } } label { level: 'restricted' }"),
    "key { id: 'default.k' record { digest: 'd' grant { principal: 'service:x' "
    "rights: RIGHT_QUERY clearance { symbol: SYMBOL_ALL } } } }",
    "set_access { collection: 'docs' document: 'a' label { level: 'restricted' } }",
    IngestOf("a", "allow { principal: 'user:b' } allow { principal: 'user:z' }",
             "level: 'internal' tags: 'pii'"),
    IngestOf("c", "allow { principal: 'user:b' from { seconds: 6 } }", "level: 'internal'"),
    "delete_document { collection: 'docs' document: 'b' }",
    "create_collection { name: 'gone' dimension: 3 metric: METRIC_L2 embedder: EMBEDDER_NONE }",
    "delete_collection { name: 'gone' }",
};

// What the decision reads, in words; the numbers of principals differ from run to run.
std::string Describe(const TenantState& state) {
  std::string text = "revision " + std::to_string(state.revision) + " next collection " +
                     std::to_string(state.next_collection) + "\n";
  const auto& policy = state.policy;
  const auto list = [&](const EntryList& entries) {
    std::string out = "[";
    for (const auto& entry : entries) {
      out += std::to_string(entry.from) + "<=" + policy.principals->Name(entry.principal) + "<" +
             std::to_string(entry.until) + " ";
    }
    return out + "]";
  };
  const auto& table = policy.classes;
  for (size_t i = 0; i < table.clauses.size(); ++i) {
    const auto& slot = table.clauses[i];
    text += "clause " + slot.container + list(slot.clause.allow) + list(slot.clause.deny) +
            (slot.clause.only_denies ? " denies" : "") + "\n";
  }
  for (size_t i = 0; i < table.classes.size(); ++i) {
    text += "class";
    for (const ClauseId clause : table.classes[i].clauses) text += " " + std::to_string(clause);
    text += " " + ToText(table.labels[table.classes[i].label]) + "\n";
  }
  for (const auto& [name, container] : policy.rules->containers) {
    text += name + list(container.clause.allow) + list(container.clause.deny) + "\n";
  }
  for (const auto& [name, to] : policy.rules->destinations) {
    text += name + std::to_string(to.scope) + ToText(to.ceiling) + "\n";
  }
  text += ToText(policy.rules->default_clearance);
  for (const auto& level : policy.rules->scheme.levels) text += " " + level;
  std::map<std::string, std::string> records;
  policy.directory->ForEach([&](PrincipalId id, const DirectoryRecord& record) {
    records[policy.principals->Name(id)] = (record.members ? list(*record.members) : "") +
                                           (record.clearance ? ToText(*record.clearance) : "") +
                                           record.source + std::to_string(record.sequence);
    if (record.alias_of) {
      records[policy.principals->Name(id)] += policy.principals->Name(*record.alias_of);
    }
  });
  for (const auto& [name, source] : *state.sources) {
    text += "\n" + name + std::to_string(source.snapshot) + " " + std::to_string(source.last);
  }
  for (const auto& [name, record] : records) text += "\n" + name + record;
  for (const auto& [id, key] : *state.keys) {
    text += "\n" + id + key.digest + key.grant->principal + ToText(key.grant->clearance);
  }
  for (const auto& [name, collection] : *state.collections) {
    text += "\n" + name + std::to_string(collection->id) + collection->config.ShortDebugString();
  }
  return text;
}

TEST(Apply, TheSameSequenceMakesTwoStores) {
  ScratchStore one, two;
  for (const auto& mutation : kHistory) {
    one.Do(mutation);
    two.Do(mutation);
    ASSERT_EQ(one.Records(), two.Records()) << mutation;
    ASSERT_EQ(Describe(one.state()), Describe(two.state())) << mutation;
  }
}

TEST(Apply, ARefusalInBetweenMakesAnotherStore) {
  ScratchStore one, two;
  for (const auto& mutation : kHistory) {
    one.Do(mutation);
    two.Do(mutation);
    if (two.state().FindCollection("docs") == nullptr) continue;
    // Numbers a new list and a new class, and is refused only then.
    EXPECT_EQ(two.Refusal(IngestOf("new", "allow { principal: 'user:mallory' }", "level: 'public'",
                                   "label { level: 'nowhere' }")),
              "INVALID_ARGUMENT: documents[0].chunks[0].label.level");
    ASSERT_EQ(one.Records(), two.Records()) << mutation;
  }
}

TEST(Apply, ARestartGivesAnotherState) {
  ScratchStore store;
  for (const auto& mutation : kHistory) {
    store.Do(mutation);
    const std::string before = Describe(store.state());
    store.Reopen();
    ASSERT_EQ(Describe(store.state()), before) << mutation;
  }
}

TEST(Apply, ARestartInEachPlaceMakesAnotherStore) {
  ScratchStore steady, restarted;
  for (const auto& mutation : kHistory) {
    steady.Do(mutation);
    restarted.Do(mutation);
    restarted.Reopen();
  }
  EXPECT_EQ(steady.Records(), restarted.Records());
}

// The number of a list that was refused is given to the next one. If the interner remembered the
// refused one, a later document with that list would get the next one's readers.
TEST(Apply, ANumberOfARefusedListNamesAnotherList) {
  ScratchStore store;
  store.Do(kDocs);
  const std::string everyone = "allow { principal: 'everyone' }";
  const std::string ana = "allow { principal: 'user:ana' }";
  EXPECT_EQ(store.Refusal(IngestOf("refused", ana, "level: 'public'", "label { level: 'no' }")),
            "INVALID_ARGUMENT: documents[0].chunks[0].label.level");
  store.Do(IngestOf("open", everyone, "level: 'public'"));
  store.Do(IngestOf("private", ana, "level: 'public'"));
  const auto& table = store.state().policy.classes;
  const auto& security = table.classes[store.Document("private").chunks(0).class_id()];
  ASSERT_EQ(security.clauses.size(), 1u);
  const Clause& clause = table.clauses[security.clauses[0]].clause;
  ASSERT_EQ(clause.allow.size(), 1u);
  EXPECT_EQ(store.state().policy.principals->Name(clause.allow[0].principal), "user:ana");
  EXPECT_NE(store.Document("open").chunks(0).class_id(),
            store.Document("private").chunks(0).class_id());
}

TEST(Apply, OneListInTwoOrdersIsTwoClasses) {
  ScratchStore store;
  store.Do(kDocs);
  store.Do(IngestOf("a", "allow { principal: 'user:x' } allow { principal: 'user:y' }",
                    "level: 'public'"));
  store.Do(IngestOf("b", "allow { principal: 'user:y' } allow { principal: 'user:x' }",
                    "level: 'public'"));
  EXPECT_EQ(store.Document("a").chunks(0).class_id(), store.Document("b").chunks(0).class_id());
}

// Two lists that differ in a time only would share a number, and with it their readers.
TEST(Apply, ListsThatBeginAtOtherTimesAreOneClass) {
  ScratchStore store;
  store.Do(kDocs);
  const std::string ana = "allow { principal: 'user:ana' ";
  const std::vector<std::string> lists = {
      ana + "}",
      ana + "from { seconds: 5 } }",
      ana + "from { seconds: 6 } }",
      ana + "until { seconds: 6 } }",
      ana + "from { seconds: 5 } until { seconds: 6 } }",
      ana + "from { } }",
      ana + "from { seconds: 5 } } " + ana + "from { seconds: 6 } }",
      "allow { principal: 'everyone' } deny { principal: 'user:ana' from { seconds: 5 } }",
      "allow { principal: 'everyone' } deny { principal: 'user:ana' }"};
  std::set<ClassId> classes;
  for (size_t i = 0; i < lists.size(); ++i) {
    const std::string id = "d" + std::to_string(i);
    store.Do(IngestOf(id, lists[i], "level: 'public'"));
    EXPECT_TRUE(classes.insert(store.Document(id).chunks(0).class_id()).second) << lists[i];
    // Whatever its order, and however often an entry stands there, it is the same list.
    store.Do(IngestOf("same", lists[i] + (i == 6 ? " " + lists[2] + " " + lists[1] : ""),
                      "level: 'public'"));
    EXPECT_EQ(store.Document("same").chunks(0).class_id(), store.Document(id).chunks(0).class_id());
  }
  store.Reopen();
  const auto& table = store.state().policy.classes;
  const auto& security = table.classes[store.Document("d4").chunks(0).class_id()];
  const TimedPrincipal entry = table.clauses[security.clauses[0]].clause.allow[0];
  EXPECT_EQ(entry.from, 5'000'000);
  EXPECT_EQ(entry.until, 6'000'000);
  EXPECT_EQ(table.events.Next(0), 5'000'000);
}

TEST(Apply, ReplacedDocumentsLeaveTheirOldChunksBehind) {
  ScratchStore store;
  store.Do(kDocs);
  const auto ingest = [&](const std::string& chunks) {
    store.Do(
        "ingest { collection: 'docs' documents { id: 'a' acl { allow { principal: "
        "'everyone' } } label { level: 'public' } " +
        chunks + " } }");
  };
  const auto chunk = [](int ordinal, const std::string& text) {
    return "chunks { ordinal: " + std::to_string(ordinal) + " text: '" + text +
           "' embedding: 1 embedding: 0 } ";
  };
  ingest(chunk(0, "old0") + chunk(5, "old5") + chunk(9, "old9"));
  EXPECT_EQ(store.state().FindCollection("docs")->chunks, 3u);
  ingest(chunk(5, "new5") + chunk(7, "new7"));
  EXPECT_EQ(store.state().FindCollection("docs")->chunks, 2u);
  EXPECT_EQ(store.state().FindCollection("docs")->documents, 1u);
  std::string texts;
  ASSERT_TRUE(store.documents()
                  .ScanWhole(1,
                             [&](const auto&, const auto& chunks) {
                               for (const auto& record : chunks) texts += record.text() + " ";
                               return OkStatus();
                             })
                  .ok());
  EXPECT_EQ(texts, "new5 new7 ");
  for (const auto& [key, value] : store.Records()) {
    EXPECT_TRUE(!key.starts_with("chunks/") || value.find("old") == value.npos);
  }
}

TEST(Apply, AFieldOfADocumentIsForgotten) {
  ScratchStore store;
  store.Do(kDocs);
  const auto mutation = FromText<store::v1::Mutation>(
      "ingest { collection: 'docs' documents { id: 'a' title: 't' uri: 'u' text: 'whole' "
      "acl { allow { principal: 'everyone' } } label { level: 'public' } "
      "valid_from { seconds: 1 } valid_until { seconds: 2 } subjects: 'person:1' "
      "attributes { key: 'n' value { int_value: 1 } } provenance { source: 's' trust: 'i' } "
      "erase_after { seconds: 3 } canary: true version: 4 "
      "chunks { text: 't' embedding: 1 embedding: 0 } } }");
  v1::Document given = mutation.ingest().documents(0);
  std::vector<const google::protobuf::FieldDescriptor*> set;
  given.GetReflection()->ListFields(given, &set);
  ASSERT_EQ(static_cast<int>(set.size()), given.GetDescriptor()->field_count())
      << "a document has a new field; set it above";
  ASSERT_TRUE(store.Try(mutation).ok());
  given.clear_text();
  given.clear_chunks();
  EXPECT_EQ(store.Document("a").document().DebugString(), given.DebugString());
}

TEST(Apply, OfTwoDocumentsWithOneIdTheFirstWins) {
  ScratchStore store;
  store.Do(kDocs);
  const auto document = [](const std::string& principal) {
    return " documents { id: 'a' acl { allow { principal: '" + principal +
           "' } } label { level: 'public' } chunks { text: '" + principal +
           "' embedding: 1 embedding: 0 } } ";
  };
  const Applied applied = store.Do("ingest { collection: 'docs' " + document("user:first") +
                                   document("user:last") + " }");
  EXPECT_EQ(store.Document("a").document().acl().allow(0).principal(), "user:last");
  EXPECT_EQ(applied.documents, std::vector<std::string>{"a"});
  EXPECT_EQ(applied.rows.size(), 1u);
  EXPECT_EQ(store.state().FindCollection("docs")->chunks, 1u);
}

TEST(Apply, ADeletedCollectionGivesItsDocumentsToTheNext) {
  ScratchStore store;
  store.Do(kDocs);
  store.Do(IngestOf("a", "allow { principal: 'everyone' }", "level: 'public'"));
  store.Do("delete_collection { name: 'docs' }");
  store.Do(kDocs);
  EXPECT_EQ(store.state().FindCollection("docs")->documents, 0u);
  EXPECT_EQ(store.state().FindCollection("docs")->id, 2u);
  for (const auto& [key, value] : store.Records()) {
    EXPECT_FALSE(key.starts_with("documents/") || key.starts_with("chunks/"));
  }
}

TEST(Apply, TheRevisionRowHoldsContent) {
  ScratchStore store;
  store.Do(kDocs);
  store.Do(IngestOf("hr/42", "allow { principal: 'everyone' }", "level: 'public'"));
  const auto rows = RevisionsAfter(store.database(), 1, 1);
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(rows->front().first, 2u);
  EXPECT_EQ(rows->front().second.touched(0), "document=hr/42");  // as a pseudonym, in earnest
}

TEST(Apply, AChunkWidensItsDocument) {
  ScratchStore store;
  store.Do(kDocs);
  store.Do(IngestOf("a", "allow { principal: 'user:ana' }", "level: 'confidential'",
                    "acl { allow { principal: 'everyone' } } label { level: 'public' }"));
  EXPECT_EQ(store.EffectiveLabel("a", 0).level, "confidential");
  const auto& table = store.state().policy.classes;
  EXPECT_EQ(table.classes[store.Document("a").chunks(0).class_id()].clauses.size(), 2u);
}

}  // namespace
}  // namespace cordon
