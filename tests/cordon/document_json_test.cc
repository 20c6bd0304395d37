// What a line of a corpus may say, and that nothing else gets through.
#include "tools/cordon/document_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace cordon {
namespace {

// The line as a document, or "field|message".
class DocumentJson : public testing::Test {
 protected:
  Status Parse(std::string_view line) {
    document_.Clear();
    return ParseDocument(parser_, line, &document_);
  }

  // The field under which `line` is refused; fails the test if it is not.
  std::string RefusedField(std::string_view line) {
    const Status status = Parse(line);
    EXPECT_FALSE(status.ok()) << line;
    EXPECT_FALSE(status.message().empty());
    return std::string(status.field());
  }

  JsonParser parser_;
  v1::Document document_;
};

TEST_F(DocumentJson, ReadsEveryFieldOfTheContract) {
  const Status status = Parse(
      R"({"id":"hr/42","title":"T","uri":"u:1","acl":{"allow":["group:hr",)"
      R"({"principal":"user:x","from":"2025-01-01T00:00:00Z","until":"2026-01-01T00:00:00.5Z"}],)"
      R"("deny":["user:eve",{"principal":"user:bo","from":null}],)"
      R"("inherit":["folder:/hr"]},"label":{"level":"confidential","compartments":["people"],)"
      R"("tags":["pii"]},"valid_from":"2026-01-01T00:00:00Z","valid_until":null,)"
      R"("subjects":["person:123"],"attributes":{"lang":"en","year":2026,"ratio":0.5,"ok":true,)"
      R"("big":-9223372036854775808},"version":18446744073709551615,)"
      R"("provenance":{"source":"hris","trust":"internal"},)"
      R"("chunks":[{"text":"…","embedding":[0.1,2,-3e-2],"label":{"level":"restricted"},)"
      R"("ordinal":7,"acl":{"allow":["user:a"]}},{"text":"b","embedding":null}]})");
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(document_.id(), "hr/42");
  EXPECT_EQ(document_.acl().allow(1).until().seconds(), 1767225600);
  EXPECT_EQ(document_.acl().allow(1).until().nanos(), 500000000);
  EXPECT_FALSE(document_.acl().allow(0).has_until());
  EXPECT_FALSE(document_.acl().allow(0).has_from());
  EXPECT_EQ(document_.acl().allow(1).from().seconds(), 1735689600);
  EXPECT_FALSE(document_.acl().deny(1).has_from());
  EXPECT_EQ(document_.acl().inherit(0), "folder:/hr");
  EXPECT_EQ(document_.label().tags(0), "pii");
  EXPECT_TRUE(document_.has_valid_from());
  EXPECT_FALSE(document_.has_valid_until());
  EXPECT_EQ(document_.subjects(0), "person:123");
  EXPECT_EQ(document_.attributes().at("lang").string_value(), "en");
  EXPECT_EQ(document_.attributes().at("year").int_value(), 2026);
  EXPECT_EQ(document_.attributes().at("ratio").float_value(), 0.5);
  EXPECT_TRUE(document_.attributes().at("ok").bool_value());
  EXPECT_EQ(document_.attributes().at("big").int_value(), INT64_MIN);
  EXPECT_EQ(document_.version(), UINT64_MAX);
  EXPECT_EQ(document_.provenance().trust(), "internal");
  ASSERT_EQ(document_.chunks_size(), 2);
  EXPECT_THAT(document_.chunks(0).embedding(), testing::ElementsAre(0.1f, 2.0f, -0.03f));
  EXPECT_EQ(document_.chunks(0).ordinal(), 7u);
  EXPECT_FALSE(document_.chunks(1).has_ordinal());
  EXPECT_FALSE(document_.chunks(1).has_acl());
  EXPECT_EQ(document_.chunks(1).embedding_size(), 0);
}

TEST_F(DocumentJson, AnEmptyAclStaysStatedAndIsNotTheDefault) {
  ASSERT_TRUE(Parse(R"({"id":"a","acl":{},"label":{},"text":"x"})").ok());
  EXPECT_TRUE(document_.has_acl());
  EXPECT_TRUE(document_.has_label());
  ASSERT_TRUE(Parse(R"({"id":"a","text":"x"})").ok());
  EXPECT_FALSE(document_.has_acl());
  EXPECT_FALSE(document_.has_label());
}

TEST_F(DocumentJson, AMisspeltKeyDoesNotOpenADocument) {
  EXPECT_EQ(RefusedField(R"({"id":"a","ACL":{}})"), "ACL");
  EXPECT_EQ(RefusedField(R"({"id":"a","acl":{"denny":[]}})"), "acl.denny");
  EXPECT_EQ(RefusedField(R"({"id":"a","label":{"compartment":["x"]}})"), "label.compartment");
  EXPECT_EQ(RefusedField(R"({"id":"a","acl":{"allow":[{"principal":"x","untill":null}]}})"),
            "acl.allow[0].untill");
  EXPECT_EQ(RefusedField(R"({"id":"a","acl":{"deny":[{"principal":"x","From":null}]}})"),
            "acl.deny[0].From");
  EXPECT_EQ(RefusedField(R"({"id":"a","chunks":[{},{"labels":{}}]})"), "chunks[1].labels");
}

TEST_F(DocumentJson, AKeyGivenTwiceIsNotGuessed) {
  EXPECT_EQ(RefusedField(R"({"id":"a","acl":{"allow":["x"]},"acl":{"allow":["y"]}})"), "acl");
  EXPECT_EQ(RefusedField(R"({"id":"a","label":{"level":"a","level":"b"}})"), "label.level");
  EXPECT_EQ(RefusedField(R"({"id":"a","attributes":{"x":1,"x":2}})"), "attributes.x");
}

TEST_F(DocumentJson, WrongTypesAreRefusedWithTheirPath) {
  EXPECT_EQ(RefusedField(R"({"id":7})"), "id");
  EXPECT_EQ(RefusedField(R"({"id":null})"), "id");
  EXPECT_EQ(RefusedField(R"({"id":"a","acl":null})"), "acl");
  EXPECT_EQ(RefusedField(R"({"id":"a","acl":{"allow":"everyone"}})"), "acl.allow");
  EXPECT_EQ(RefusedField(R"({"id":"a","acl":{"deny":[1]}})"), "acl.deny[0]");
  EXPECT_EQ(RefusedField(R"({"id":"a","label":null})"), "label");
  EXPECT_EQ(RefusedField(R"({"id":"a","label":{"tags":"pii"}})"), "label.tags");
  EXPECT_EQ(RefusedField(R"({"id":"a","subjects":["p",2]})"), "subjects[1]");
  EXPECT_EQ(RefusedField(R"({"id":"a","attributes":{"x":null}})"), "attributes.x");
  EXPECT_EQ(RefusedField(R"({"id":"a","attributes":{"x":18446744073709551615}})"), "attributes.x");
  EXPECT_EQ(RefusedField(R"({"id":"a","attributes":{"x":[1]}})"), "attributes.x");
  EXPECT_EQ(RefusedField(R"({"id":"a","provenance":"hris"})"), "provenance");
  for (const char* version : {"-1", "1.0", "\"1\"", "null", "true"}) {
    EXPECT_EQ(RefusedField(std::string(R"({"id":"a","version":)") + version + "}"), "version")
        << version;
  }
  EXPECT_EQ(RefusedField(R"({"id":"a","chunks":{}})"), "chunks");
  EXPECT_EQ(RefusedField(R"({"id":"a","chunks":["text"]})"), "chunks[0]");
}

TEST_F(DocumentJson, BadNumbersInAnEmbeddingAreFound) {
  EXPECT_EQ(RefusedField(R"({"id":"a","chunks":[{"embedding":[1,2,3,"4"]}]})"),
            "chunks[0].embedding[3]");
  EXPECT_EQ(RefusedField(R"({"id":"a","chunks":[{"embedding":[1,null]}]})"),
            "chunks[0].embedding[1]");
  EXPECT_EQ(RefusedField(R"({"id":"a","chunks":[{"embedding":[3.5e38]}]})"),
            "chunks[0].embedding[0]");
  EXPECT_EQ(RefusedField(R"({"id":"a","chunks":[{"embedding":[]}]})"), "chunks[0].embedding");
  EXPECT_EQ(RefusedField(R"({"id":"a","chunks":[{"embedding":0.5}]})"), "chunks[0].embedding");
  for (const char* number : {"NaN", "Infinity", "-Infinity", "1e999", "01", "+1", ".5", "0x10"}) {
    EXPECT_EQ(RefusedField(std::string(R"({"id":"a","chunks":[{"embedding":[)") + number + "]}]}"),
              "")
        << number;
  }
}

TEST_F(DocumentJson, OrdinalsThatDoNotFitAreRefused) {
  for (const char* ordinal : {"-1", "4294967296", "1.0", "\"1\"", "null", "true", "1e3"}) {
    EXPECT_EQ(RefusedField(std::string(R"({"id":"a","chunks":[{"ordinal":)") + ordinal + "}]}"),
              "chunks[0].ordinal")
        << ordinal;
  }
  ASSERT_TRUE(Parse(R"({"id":"a","chunks":[{"ordinal":4294967295},{"ordinal":0}]})").ok());
  EXPECT_EQ(document_.chunks(0).ordinal(), 4294967295u);
  EXPECT_TRUE(document_.chunks(1).has_ordinal());
}

TEST_F(DocumentJson, TimesThatAreNoneAreRefused) {
  for (const char* time : {"\"2026-02-30T00:00:00Z\"", "\"2026-01-01\"", "\"yesterday\"", "0",
                           "\"\"", "\"0000-01-01T00:00:00Z\"", "\"2026-01-01T00:00:00\""}) {
    EXPECT_EQ(RefusedField(std::string(R"({"id":"a","valid_until":)") + time + "}"), "valid_until")
        << time;
  }
  EXPECT_EQ(RefusedField(R"({"id":"a","acl":{"allow":[{"principal":"x","until":"soon"}]}})"),
            "acl.allow[0].until");
}

TEST_F(DocumentJson, ALineThatIsNoJsonIsRefusedAsAWhole) {
  for (const char* line :
       {"{", "[]", "7", "\"x\"", "null", "{'id':'a'}", R"({"id":"a"} {})", R"({"id":"a",})",
        "{\"id\":\"a\xFF\"}", R"({"id":"\ud800"})", "\xEF\xBB\xBF{", "{\"id\":\"a\nb\"}"}) {
    EXPECT_EQ(RefusedField(line), "") << line;
  }
}

TEST_F(DocumentJson, ARefusedLineStillNamesItsDocument) {
  EXPECT_EQ(RefusedField(R"({"titel":"x","id":"hr/42"})"), "titel");
  EXPECT_EQ(document_.id(), "hr/42");
  EXPECT_EQ(RefusedField(R"({"id":"hr/43","acl":7})"), "acl");
  EXPECT_EQ(document_.id(), "hr/43");
}

}  // namespace
}  // namespace cordon
