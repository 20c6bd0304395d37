// A document that lands although a field of it is wrong, or is refused without saying which.
#include "engine/ingest/validate.h"

#include <gtest/gtest.h>

#include "tests/ingest/scratch_writer.h"

namespace cordon {
namespace {

class Fields : public ScratchWriter {
 protected:
  // The refused field of a document, or "OK".
  std::string Field(const v1::Document& document, const std::string& collection,
                    const Grant& grant = AllOf()) {
    v1::IngestRequest request;
    *request.add_documents() = document;
    const PinnedView view = Pin();
    const auto found = view->state().FindCollection(collection);
    const Validated validated = Validate(*view.view, *found, Authenticator::Prove(grant), &request);
    EXPECT_EQ(validated.refused.size() + static_cast<size_t>(validated.batch.documents_size()), 1u);
    if (validated.refused.empty()) return "OK";
    EXPECT_FALSE(validated.refused[0].message().empty());
    return validated.refused[0].field();
  }
  // What the refusal of a document says.
  std::string Message(const v1::Document& document, const std::string& collection,
                      const Grant& grant) {
    v1::IngestRequest request;
    *request.add_documents() = document;
    const PinnedView view = Pin();
    const Validated validated = Validate(*view.view, *view->state().FindCollection(collection),
                                         Authenticator::Prove(grant), &request);
    return validated.refused.empty() ? "OK" : validated.refused[0].message();
  }
  // A good document with `change` merged into it.
  static v1::Document With(const std::string& change) {
    auto document = FromText<v1::Document>(
        "id: 'a' acl { allow { principal: 'everyone' } } label { level: 'public' }");
    document.MergeFrom(FromText<v1::Document>(change));
    return document;
  }
};

constexpr char kChunk[] = " chunks { text: 't' embedding: 1 embedding: 0 } ";

TEST_F(Fields, AnyWrongOneLands) {
  const std::string many(5000, 'x');
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", "OK"},
      {"id: ''", "OK"},  // merging an empty string changes nothing
      {"id: 'a\\001'", "id"},
      {"id: 'e\\314\\201'", "id"},  // e and a combining accent: not NFC
      {"id: '" + std::string(513, 'x') + "'", "id"},
      {"title: '" + many + "'", "title"},
      {"title: 'a\\000b'", "title"},
      {"uri: '" + many + "'", "uri"},
      {"provenance { source: '" + many + "' }", "provenance.source"},
      {"provenance { source: 'wiki import' }", "OK"},
      {"provenance { source: 'wiki ' }", "provenance.source"},
      {"provenance { source: ' wiki' }", "provenance.source"},
      {"provenance { source: 'wiki  import' }", "provenance.source"},
      {"provenance { source: 'wiki\\302\\240import' }", "provenance.source"},  // does not break
      {"provenance { source: 'wi\\342\\200\\213ki' }", "provenance.source"},   // zero width
      {"provenance { source: 'wi\\342\\200\\256ki' }", "provenance.source"},   // right to left
      {"provenance { source: 'cafe\\314\\201' }", "provenance.source"},        // not NFC
      {"provenance { source: 'caf\\303\\251' }", "OK"},
      {"provenance { trust: '" + many + "' }", "provenance.trust"},
      {"subjects: 'ok' subjects: ''", "subjects[1]"},
      {"label { level: 'secret' }", "label.level"},
      {"label { compartments: 'none' }", "label.compartments"},
      {"label { tags: 'none' }", "label.tags"},
      {"acl { allow { principal: 'ana' } }", "acl.allow[1]"},
      {"acl { deny { principal: 'group:' } }", "acl.deny[0]"},
      {"acl { deny { principal: 'user:a' until { seconds: 999999999999 } } }", "acl.deny[0].until"},
      {"acl { deny { principal: 'user:a' from { nanos: 1 } } }", "acl.deny[0].from"},
      {"acl { deny { principal: 'user:a' from { seconds: -99999999999 } } }", "acl.deny[0].from"},
      {"acl { deny { principal: 'user:a' from { seconds: 5 } until { seconds: 5 } } }",
       "acl.deny[0].until"},
      {"acl { allow { principal: 'user:a' from { seconds: 5 } until { seconds: 4 } } }",
       "acl.allow[1].until"},
      {"acl { deny { principal: 'user:a' from { seconds: 5 } until { seconds: 5 nanos: 1000 } } }",
       "OK"},
      {"acl { deny { principal: 'user:a' from { seconds: 9 } } }", "OK"},
      {"acl { deny { from { seconds: 5 } } }", "acl.deny[0].principal"},
      {"acl { allow { until { seconds: 5 } } }", "acl.allow[1].principal"},
      {"acl { allow { } }", "acl.allow[1]"},
      {"acl { inherit: 'folder:/none' }", "acl.inherit[0]"},
      {"valid_from { nanos: 1 }", "valid_from"},
      {"valid_until { seconds: 253402300800 }", "valid_until"},
      {"valid_from { seconds: 5 } valid_until { seconds: 5 }", "valid_until"},
      {"text: 'beside chunks'", "text"},
      {"attributes { key: 'x' value { int_value: 1 } }", "attributes.x"},
      {"chunks { text: 't' ordinal: 0 embedding: 1 embedding: 0 }", "chunks[1].ordinal"},
      {"chunks { text: 't' }", "chunks[1].embedding"},
      {"chunks { text: 't' embedding: 1 }", "chunks[1].embedding"},
      {"chunks { text: 't' embedding: 1 embedding: nan }", "chunks[1].embedding"},
      {"chunks { text: 't' embedding: inf embedding: 1 }", "chunks[1].embedding"},
      {"chunks { text: 'a\\000' embedding: 1 embedding: 0 }", "chunks[1].text"},
      {"chunks { text: 't' embedding: 1 embedding: 0 label { level: '' } }",
       "chunks[1].label.level"},
      {"chunks { text: 't' embedding: 1 embedding: 0 acl { } }", "chunks[1].acl.allow"},
      {"chunks { text: 't' embedding: 1 embedding: 0 acl { inherit: 'no' } }",
       "chunks[1].acl.inherit[0]"},
      {"label { level: 'internal' } chunks { embedding: 1 embedding: 0 label { level: 'public' } }",
       "chunks[1].label.level"}};
  for (const auto& [change, field] : table) {
    EXPECT_EQ(Field(With(kChunk + change), "docs"), field) << change.substr(0, 80);
  }
}

TEST_F(Fields, AnythingMissingTakesADefaultThatIsOpen) {
  const auto document = [](const std::string& text) { return FromText<v1::Document>(text); };
  const std::string acl = "acl { allow { principal: 'everyone' } } ";
  const std::string label = "label { level: 'public' } ";
  EXPECT_EQ(Field(document(acl + label + kChunk), "docs"), "id");
  EXPECT_EQ(Field(document("id: 'a' " + label + kChunk), "docs"), "acl");
  EXPECT_EQ(Field(document("id: 'a' acl { } " + label + kChunk), "docs"), "acl.allow");
  EXPECT_EQ(
      Field(document("id: 'a' acl { deny { principal: 'user:a' } } " + label + kChunk), "docs"),
      "acl.allow");
  EXPECT_EQ(Field(document("id: 'a' " + acl + kChunk), "docs"), "label");
  EXPECT_EQ(Field(document("id: 'a' " + acl + "label { } " + kChunk), "docs"), "label.level");
  EXPECT_EQ(Field(document("id: 'a' " + acl + label), "docs"), "chunks");
  EXPECT_EQ(Field(document("id: 'a' " + acl + label + "text: ' \\n '"), "docs"), "chunks");
  EXPECT_EQ(Field(document("id: 'a' text: 'words'"), "typed"), "OK");
}

TEST_F(Fields, AnAttributeOfAnotherTypeLands) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"n int_value: 1", "OK"},
      {"n string_value: '1'", "attributes.n"},
      {"n float_value: 1", "attributes.n"},
      {"f float_value: 1.5", "OK"},
      {"f int_value: 2", "OK"},
      {"f float_value: nan", "attributes.f"},
      {"b bool_value: true", "OK"},
      {"b int_value: 1", "attributes.b"},
      {"s string_value: 'x'", "OK"},
      {"s bool_value: true", "attributes.s"},
      {"t string_value: '2026-01-01T00:00:00Z'", "OK"},
      {"t int_value: 5", "attributes.t"}};
  for (const auto& [value, field] : table) {
    const auto document =
        FromText<v1::Document>("id: 'a' text: 'words' attributes { key: '" + value.substr(0, 1) +
                               "' value { " + value.substr(2) + " } }");
    EXPECT_EQ(Field(document, "typed"), field) << value;
  }
  const auto bad = FromText<v1::Document>(
      "id: 'a' text: 'words' attributes { key: 't' value { string_value: 'noon' } }");
  EXPECT_EQ(Field(bad, "typed").substr(0, 12), "attributes.t");
  const auto own = FromText<v1::Document>("id: 'a' chunks { text: 't' embedding: 1 embedding: 0 }");
  EXPECT_EQ(Field(own, "typed"), "chunks[0].embedding");
}

TEST_F(Fields, AKeyWithoutTheRightSetsListOrLabel) {
  Grant grant = AllOf();
  grant.rights = Rights();
  grant.rights.Add(Right::kIngest);
  EXPECT_EQ(Field(With(kChunk), "docs", grant), "acl");
  grant.rights.Add(Right::kGrant);
  EXPECT_EQ(Field(With(kChunk), "docs", grant), "label");
  grant.rights.Add(Right::kLabel);
  EXPECT_EQ(Field(With(kChunk), "docs", grant), "OK");
  grant.id_prefix = "hr/";
  EXPECT_EQ(Field(With(kChunk), "docs", grant), "id");
  grant = AllOf();
  grant.rights = Rights();
  grant.rights.Add(Right::kIngest);
  EXPECT_EQ(Field(FromText<v1::Document>("id: 'a' text: 'words'"), "typed", grant), "OK");
  EXPECT_EQ(Field(FromText<v1::Document>("id: 'a' chunks { text: 'w' acl { allow { principal: "
                                         "'everyone' } } }"),
                  "typed", grant),
            "chunks[0].acl");
}

// "A hidden attribute is an unknown one": the refusal is the same to the letter.
TEST_F(Fields, AHiddenAttributeIsToldFromAnAbsentOne) {
  const auto made = Send<v1::CreateCollectionResponse, v1::CreateCollectionRequest>(
      CreateCollection,
      "config { name: 'columns' dimension: 2 metric: METRIC_L2 embedder: EMBEDDER_NONE attributes "
      "{ "
      "name: 'open' type: ATTRIBUTE_TYPE_INT } attributes { name: 'pay' type: ATTRIBUTE_TYPE_INT "
      "label { level: 'restricted' } } }");
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  const auto clear = [this](const std::string& clearance) {
    const auto applied = Send<v1::ApplyDirectoryResponse, v1::ApplyDirectoryRequest>(
        ApplyDirectory, "principals { name: 'service:app' clearance { " + clearance + " } }");
    ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  };
  const auto with = [](const std::string& name) {
    return With(kChunk + ("attributes { key: '" + name + "' value { int_value: 1 } }"));
  };
  Grant low = AllOf();
  low.clearance = Clearance{Clearance::Kind::kNamed, "confidential", {}};
  EXPECT_EQ(Field(with("pay"), "columns"), "OK");
  EXPECT_EQ(Field(with("open"), "columns", low), "OK");
  EXPECT_EQ(Field(with("pay"), "columns", low), "attributes.pay");
  EXPECT_EQ(Message(with("pay"), "columns", low), Message(with("gap"), "columns", low));
  // What the directory gives the key's principal is no way around the key.
  clear("symbol: SYMBOL_ALL");
  EXPECT_EQ(Field(with("pay"), "columns", low), "attributes.pay");
  clear("level: 'public'");
  EXPECT_EQ(Field(with("pay"), "columns"), "attributes.pay");
}

}  // namespace
}  // namespace cordon
