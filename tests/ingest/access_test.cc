// Lists and labels of many documents: half a change, one where the key may not write, one that
// tells what exists; and a container's change that moves rows.
#include <gmock/gmock.h>

#include "engine/ingest/selection.h"
#include "tests/ingest/scratch_writer.h"

namespace cordon {
namespace {

using testing::ElementsAre;

class Access : public ScratchWriter {
 protected:
  using Many = v1::SetAccessManyResponse;
  using Selected = v1::SetAccessSelectedResponse;

  static Grant Only(std::initializer_list<Right> rights, const std::string& prefix = "") {
    Grant grant = AllOf();
    grant.rights = Rights();
    for (const Right right : rights) grant.rights.Add(right);
    grant.id_prefix = prefix;
    return grant;
  }
  StatusOr<Many> SetMany(const std::string& changes, Grant grant = AllOf()) {
    return Send<Many, v1::SetAccessManyRequest>(
        [](const auto& context, const auto& request, auto done) {
          SetAccessMany(context, request, done);
        },
        "collection: 'docs' " + changes, std::move(grant));
  }
  StatusOr<Selected> SetSelected(const std::string& what, Grant grant = AllOf()) {
    return Send<Selected, v1::SetAccessSelectedRequest>(
        [](const auto& context, const auto& request, auto done) {
          SetAccessSelected(context, request, {}, done);
        },
        "collection: 'docs' " + what, std::move(grant));
  }
  // A document of a source, for everyone.
  static std::string Of(const std::string& source, const std::string& id) {
    std::string good = Good(id);
    good.insert(good.size() - 2, "provenance { source: '" + source + "' } ");
    return good;
  }
  // The level of a stored document.
  std::string LevelOf(const std::string& id) {
    const PinnedView view = Pin();
    store::v1::DocumentRecord record;
    const auto found =
        view->documents().Read(view->state().FindCollection("docs")->id, id, &record);
    CORDON_CHECK(found.ok() && *found);
    // The index has the class of the record.
    const auto& table = view->policy().classes;
    EXPECT_EQ(table.labels[table.classes[record.chunks(0).class_id()].label].level,
              record.document().label().level());
    return record.document().label().level();
  }
  std::string Levels(const std::vector<std::string>& ids) {
    std::string levels;
    for (const auto& id : ids) levels += LevelOf(id)[0];
    return levels;
  }
};

constexpr char kSecret[] = "label { level: 'restricted' } ";
constexpr char kForBob[] = "acl { allow { principal: 'user:bob' } } ";

std::string To(const std::string& id, const std::string& change) {
  return "changes { document: '" + id + "' " + change + "} ";
}

TEST_F(Access, ManyTakeMoreThanOneRevisionOrHalfOfThem) {
  ASSERT_TRUE(Ingest(Good("a") + Good("b") + Good("c")).ok());
  const uint64_t before = Pin()->revision();
  const auto changed = SetMany(To("a", kSecret) + To("absent", kSecret) + To("c", kForBob));
  ASSERT_TRUE(changed.ok()) << changed.status().ToString();
  EXPECT_EQ(changed->revision(), before + 1);
  EXPECT_THAT(changed->existed(), ElementsAre(true, false, true));
  EXPECT_EQ(Levels({"a", "b", "c"}), "rpp");
  // The last one is refused: nothing of it.
  EXPECT_EQ(Outcome(SetMany(To("b", kSecret) + To("a", "label { level: 'none' } "))),
            "INVALID_ARGUMENT: changes[1].label.level");
  EXPECT_EQ(LevelOf("b"), "public");
  EXPECT_EQ(Pin()->revision(), before + 1);
  const auto records = scratch_.Records("SetAccessMany");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].documents_size(), 3);
  EXPECT_EQ(records[0].documents(1), scratch_.tenant->pseudonyms.Of("document", "absent"));
  EXPECT_EQ(records[1].outcome(), "INVALID_ARGUMENT");
}

TEST_F(Access, ManyAreJudgedByAnotherRuleThanOne) {
  ASSERT_TRUE(Ingest(Good("in/a") + Good("out/a")).ok());
  const Grant both = Only({Right::kGrant, Right::kLabel});
  const auto quiet = SetMany(To("in/a", kSecret) + To("in/absent", kSecret), both);
  EXPECT_EQ(quiet->existed_size(), 0) << "told to somebody who may not audit";
  EXPECT_EQ(Outcome(SetMany(To("in/a", kSecret), Only({Right::kGrant}))),
            "PERMISSION_DENIED: rights");
  EXPECT_EQ(Outcome(SetMany(To("in/a", kForBob), Only({Right::kLabel}))),
            "PERMISSION_DENIED: rights");
  const Grant inside = Only({Right::kLabel}, "in/");
  EXPECT_EQ(Outcome(SetMany(To("in/a", kSecret) + To("out/a", kSecret), inside)),
            "PERMISSION_DENIED: changes[1].document");
  EXPECT_EQ(Outcome(SetMany("", both)), "INVALID_ARGUMENT: changes");
  EXPECT_EQ(Outcome(SetMany(To("in/a", ""), both)), "INVALID_ARGUMENT: changes[0].acl");
  EXPECT_EQ(Outcome(SetMany(To("x", kSecret) + To("x", kForBob), both)),
            "INVALID_ARGUMENT: changes[1].document");
  EXPECT_EQ(Outcome(SetMany(To("x", "acl { inherit: 'folder:/none' } "), both)),
            "INVALID_ARGUMENT: changes[0].acl.inherit[0]");
  std::string many;
  for (size_t i = 0; i <= limits::kDocumentsPerBatch; ++i) many += To(std::to_string(i), kSecret);
  EXPECT_EQ(Outcome(SetMany(many, both)), "INVALID_ARGUMENT: changes");
  EXPECT_EQ(LevelOf("out/a"), "public");
}

TEST_F(Access, ASelectionChangesAnotherDocumentOrMissesOne) {
  const std::vector<std::string> all = {"hr/a", "hr/b", "hs/a", "it/a"};
  ASSERT_TRUE(
      Ingest(Of("hris", "hr/a") + Of("wiki", "hr/b") + Good("hs/a") + Of("hris", "it/a")).ok());
  auto changed = SetSelected("id_prefix: 'hr/' source: 'hris' label { level: 'confidential' }");
  ASSERT_TRUE(changed.ok()) << changed.status().ToString();
  EXPECT_EQ(changed->changed(), 1u);
  EXPECT_EQ(Levels(all), "cppp");
  EXPECT_EQ(SetSelected("source: 'hris' label { level: 'internal' }")->changed(), 2u);
  EXPECT_EQ(Levels(all), "ippi");
  EXPECT_EQ(SetSelected(std::string("id_prefix: 'hr/' ") + kSecret)->changed(), 2u);
  EXPECT_EQ(Levels(all), "rrpi");
  // What is so already is left alone, and a revision is taken all the same.
  const uint64_t before = Pin()->revision();
  changed = SetSelected(std::string("id_prefix: 'hr/' ") + kSecret);
  EXPECT_EQ(changed->changed(), 0u);
  EXPECT_EQ(changed->revision(), before + 1);
  EXPECT_EQ(SetSelected(std::string("id_prefix: 'none/' ") + kSecret)->revision(), before + 2);
  const auto records = scratch_.Records("SetAccessSelected");
  EXPECT_EQ(records.size(), 5u);
  EXPECT_EQ(records[1].documents_size(), 2);
}

TEST_F(Access, ASelectionReachesWhereTheKeyMayNotWrite) {
  ASSERT_TRUE(Ingest(Of("hris", "hr/a") + Of("hris", "it/a")).ok());
  const Grant inside = Only({Right::kLabel}, "hr/");
  for (const char* beyond : {"source: 'hris' ", "id_prefix: 'h' ", "id_prefix: 'it/' ",
                             "id_prefix: 'hr' source: 'hris' "}) {
    EXPECT_EQ(Outcome(SetSelected(std::string(beyond) + kSecret, inside)),
              "PERMISSION_DENIED: id_prefix")
        << beyond;
  }
  EXPECT_EQ(Outcome(SetSelected(std::string("id_prefix: 'hr/' ") + kForBob, inside)),
            "PERMISSION_DENIED: rights");
  EXPECT_EQ(Outcome(SetSelected(kSecret)), "INVALID_ARGUMENT: id_prefix");
  EXPECT_EQ(Outcome(SetSelected("id_prefix: 'hr/'")), "INVALID_ARGUMENT: acl");
  EXPECT_EQ(Outcome(SetSelected("id_prefix: 'hr/' label { level: 'none' }")),
            "INVALID_ARGUMENT: label.level");
  EXPECT_EQ(Levels({"hr/a", "it/a"}), "pp");
  const auto changed =
      SetSelected(std::string("id_prefix: 'hr/' source: 'hris' ") + kSecret, inside);
  ASSERT_TRUE(changed.ok()) << changed.status().ToString();
  EXPECT_FALSE(changed->has_changed()) << "told to somebody who may not audit";
  EXPECT_EQ(Levels({"hr/a", "it/a"}), "rp");
}

TEST_F(Access, ALongSelectionIsCutOffOrDoneTwice) {
  std::string documents;
  for (int i = 0; i < 10; ++i) documents += Of("s", std::to_string(i));
  ASSERT_TRUE(Ingest(documents).ok());
  const auto request = FromText<v1::SetAccessSelectedRequest>(
      std::string("collection: 'docs' source: 's' ") + kSecret);
  uint64_t changed = 0;
  for (const bool more : {true, true, false}) {
    const auto part = Selection(Context(), request, {}, 4).Change();
    ASSERT_TRUE(part.ok()) << part.status().ToString();
    EXPECT_EQ(part->more(), more);
    changed += part->changed();
  }
  EXPECT_EQ(changed, 10u);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(LevelOf(std::to_string(i)), "restricted");
}

TEST_F(Access, ASelectionGoesOnWithoutItsCaller) {
  ASSERT_TRUE(Ingest(Of("s", "a")).ok());
  const auto request = FromText<v1::SetAccessSelectedRequest>(
      std::string("collection: 'docs' source: 's' ") + kSecret);
  const auto stopped = Selection(Context(), request, [] { return true; }).Change();
  EXPECT_EQ(Outcome(stopped), "DEADLINE_EXCEEDED: ");
  EXPECT_EQ(LevelOf("a"), "public");
}

// To quarantine a source before its documents come is right; to misspell one must be told.
TEST_F(Access, AMisspeltSourceIsQuarantinedInSilence) {
  ASSERT_TRUE(Ingest(Of("s", "a")).ok());
  const auto unknown = [&](const std::string& policy) {
    const auto applied = Send<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(
        [](const auto& context, const auto& request, auto done) {
          ApplyPolicy(context, request, done);
        },
        policy);
    EXPECT_TRUE(applied.ok()) << applied.status().ToString();
    const auto& sources = applied->unknown_sources();
    return std::vector<std::string>(sources.begin(), sources.end());
  };
  EXPECT_EQ(unknown("sources { source: 's' quarantined: true } "
                    "sources { source: 'misspelt' quarantined: true }"),
            std::vector<std::string>{"misspelt"});
  EXPECT_EQ(
      unknown("sources { source: 's' } sources { source: 'misspelt' } sources { source: 'x' }"),
      std::vector<std::string>{"x"})
      << "what is in quarantine is known";
}

// A source in quarantine writes itself otherwise.
TEST_F(Access, ALookAlikeOfAQuarantinedSourceIsWritten) {
  ASSERT_TRUE(Ingest(Of("wiki-import", "a")).ok());
  ASSERT_TRUE(Ingest(Of("Wiki-Import", "before")).ok()) << "it looks like another, which is in use";
  const auto applied = Send<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(
      [](const auto& context, const auto& request, auto done) {
        ApplyPolicy(context, request, done);
      },
      "sources { source: 'wiki-import' quarantined: true }");
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  ASSERT_EQ(applied->look_alike_sources_size(), 1);
  EXPECT_EQ(applied->look_alike_sources(0), "Wiki-Import");
  for (const std::string source :
       {"Wiki-Import", "WIKI-IMPORT", "w\\321\\226ki-import", "wiki\\342\\200\\220import"}) {
    const auto answer = Ingest(Of(source, "b"));
    ASSERT_TRUE(answer.ok());
    ASSERT_EQ(answer->response.refused_size(), 1) << source;
    EXPECT_EQ(answer->response.refused(0).field(), "provenance.source") << source;
    EXPECT_EQ(Outcome(Send<v1::UpdateMetadataResponse, v1::UpdateMetadataRequest>(
                  [](const auto& context, const auto& request, auto done) {
                    UpdateMetadata(context, request, done);
                  },
                  "collection: 'docs' document: 'a' update_mask { paths: 'provenance.source' } "
                  "metadata { provenance { source: '" +
                      source + "' } }")),
              "INVALID_ARGUMENT: metadata.provenance.source")
        << source;
  }
  EXPECT_EQ(Ingest(Of("wiki-import", "c"))->response.refused_size(), 0)
      << "it comes into quarantine";
  EXPECT_EQ(Ingest(Of("wiki-export", "d"))->response.refused_size(), 0);
}

// Earlier releases took any text as a source.
class OldSources : public Access {
 protected:
  OldSources() {
    for (size_t i = 0; i < sources_.size(); ++i) {
      scratch_.Do("ingest { collection: 'docs' documents { id: 'old" + std::to_string(i) +
                  "' acl { allow { principal: 'everyone' } } label { level: 'public' } provenance "
                  "{ source: '" +
                  sources_[i] + "' } chunks { text: 'old' embedding: 1 embedding: 0 } } }");
    }
  }

  // A space behind it, a zero width one, not NFC, a control character.
  const std::vector<std::string> sources_ = {"wiki ", "wi\\342\\200\\213ki", "cafe\\314\\201",
                                             "a\\001b"};
};

TEST_F(OldSources, AreOutOfReach) {
  for (size_t i = 0; i < sources_.size(); ++i) {
    const auto policy = [&](const std::string& quarantined) {
      return Send<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(
          [](const auto& context, const auto& request, auto done) {
            ApplyPolicy(context, request, done);
          },
          "sources { source: '" + sources_[i] + "' quarantined: " + quarantined + " }");
    };
    const auto taken = policy("true");
    ASSERT_TRUE(taken.ok()) << sources_[i] << ": " << taken.status().ToString();
    EXPECT_TRUE(taken->unknown_sources().empty()) << sources_[i];
    EXPECT_TRUE(policy("false").ok()) << sources_[i];
    EXPECT_EQ(Outcome(SetSelected("source: '" + sources_[i] + "' " + kSecret)), "OK")
        << sources_[i];
    EXPECT_EQ(LevelOf("old" + std::to_string(i)), "restricted") << sources_[i];
    EXPECT_EQ(Outcome(Send<v1::EraseResponse, v1::EraseRequest>(
                  [](const auto& context, const auto& request, auto done) {
                    Erase(context, request, done);
                  },
                  "collection: 'docs' source: '" + sources_[i] + "'")),
              "OK")
        << sources_[i];
  }
}

// A container is asked, not copied: its change is seen by the next View and moves no row.
TEST_F(Access, AContainersChangeMovesRowsOrIsSeenLate) {
  const auto apply = [&](const std::string& policy) {
    const auto applied = Send<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(
        [](const auto& context, const auto& request, auto done) {
          ApplyPolicy(context, request, done);
        },
        policy);
    ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  };
  const auto container = [](const std::string& who) {
    return "containers { container { name: 'folder:/x' acl { allow { principal: '" + who +
           "' } } } }";
  };
  apply(container("user:ana"));
  ASSERT_TRUE(Ingest("documents { id: 'a' acl { inherit: 'folder:/x' } label { level: 'public' } "
                     "chunks { text: 't' embedding: 1 embedding: 0 } }")
                  .ok());
  const auto sees = [&](const std::string& user) {
    const PinnedView view = Pin();
    const auto subject = ResolveUserAlone(view->world(), user, "", false);
    const auto entitled = Entitle(view->world(), *subject);
    return view->index(*view->state().FindCollection("docs"))
        .CountAllowed({Bitmap::FromWords(entitled.words(), view->policy().classes.classes.size()),
                       view->now()});
  };
  const auto segments = [&] {
    const PinnedView view = Pin();
    return &view->index(*view->state().FindCollection("docs")).segments().front().rows();
  };
  const auto* rows = segments();
  EXPECT_EQ(sees("user:ana"), 1u);
  EXPECT_EQ(sees("user:bob"), 0u);
  apply(container("user:bob"));
  EXPECT_EQ(sees("user:ana"), 0u);
  EXPECT_EQ(sees("user:bob"), 1u);
  EXPECT_EQ(segments(), rows) << "rows were moved";
}

}  // namespace
}  // namespace cordon
