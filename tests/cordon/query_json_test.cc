// What a line of questions may say; and vectors from .npy files.
#include "tools/cordon/query_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <string>

#include "tests/cordon/npy_bytes.h"
#include "tools/cordon/npy.h"

namespace cordon {
namespace {

StatusOr<Query> Parse(std::string_view line) {
  JsonParser parser;
  Query query;
  query.request.set_k(10);
  query.request.mutable_scope()->set_as("user:default");
  RETURN_IF_ERROR(ParseQuery(parser, line, &query));
  return query;
}

std::string RefusedIn(std::string_view line) {
  const auto query = Parse(line);
  EXPECT_FALSE(query.ok()) << line;
  return query.ok() ? "" : std::string(query.status().field());
}

TEST(QueryJson, ReadsEveryKeyOfTheContract) {
  const auto query =
      Parse(R"({"id":"q1","as":"user:a","vector":[0.5,1],"text":"t","k":3,"mode":"exact",)"
            R"("rank":"hybrid","destination":"dev","purpose":"p","at_least_revision":9})");
  ASSERT_TRUE(query.ok()) << query.status().ToString();
  EXPECT_EQ(query->id, "q1");
  EXPECT_EQ(query->request.scope().as(), "user:a");
  EXPECT_THAT(query->request.vector(), testing::ElementsAre(0.5f, 1.0f));
  EXPECT_EQ(query->request.k(), 3u);
  EXPECT_EQ(query->request.mode(), v1::MODE_EXACT);
  EXPECT_EQ(query->request.rank(), v1::RANK_HYBRID);
  EXPECT_EQ(query->request.scope().destination(), "dev");
  EXPECT_EQ(query->request.scope().purpose(), "p");
  EXPECT_EQ(query->request.scope().at_least_revision(), 9u);
}

TEST(QueryJson, WhatALineDoesNotSayIsTheDefaults) {
  const auto query = Parse(R"({"text":"t"})");
  ASSERT_TRUE(query.ok());
  EXPECT_FALSE(query->id.has_value());
  EXPECT_EQ(query->request.k(), 10u);
  EXPECT_EQ(query->request.scope().as(), "user:default");
}

TEST(QueryJson, ZeroPassagesAreNotTheDefaultNumber) {
  for (const char* k : {"0", "-1", "1.5", "\"10\"", "4294967296", "18446744073709551615", "null"}) {
    EXPECT_EQ(RefusedIn(std::string(R"({"text":"t","k":)") + k + "}"), "k") << k;
  }
  EXPECT_EQ(Parse(R"({"text":"t","k":10001})")->request.k(), 10001u);  // the server's to refuse
}

TEST(QueryJson, AnEmptyUserDoesNotBecomeTheKeysOwn) {
  EXPECT_EQ(RefusedIn(R"({"text":"t","as":""})"), "as");
  EXPECT_EQ(RefusedIn(R"({"text":"t","as":null})"), "as");
  EXPECT_EQ(RefusedIn(R"({"text":"t","context":{"min_trust":""}})"), "context.min_trust");
  EXPECT_EQ(RefusedIn(R"({"text":"t","context":{"rerank":""}})"), "context.rerank");
  EXPECT_EQ(RefusedIn(R"({"text":"t","destination":""})"), "destination");
}

// As `--purpose ''` is: in the journal it would be none.
TEST(QueryJson, AnEmptyPurposeIsOne) {
  const auto query = Parse(R"({"text":"t","purpose":""})");
  ASSERT_FALSE(query.ok());
  EXPECT_EQ(query.status().field(), "purpose");
  EXPECT_EQ(query.status().message(), "empty; say which, or leave it out");
}

TEST(QueryJson, WhatIsUnknownIsRefused) {
  EXPECT_EQ(RefusedIn(R"({"text":"t","where":{}})"), "where");
  EXPECT_EQ(RefusedIn(R"({"text":"t","mode":"quick"})"), "mode");
  EXPECT_EQ(RefusedIn(R"({"text":"t","rank":"best"})"), "rank");
  EXPECT_EQ(RefusedIn(R"({"text":"t","vector":[1,1e39]})"), "vector[1]");
  EXPECT_EQ(RefusedIn(R"({"text":"t","vector":[]})"), "vector");
  EXPECT_EQ(RefusedIn(R"({"id":7,"text":"t"})"), "id");
  EXPECT_EQ(RefusedIn(R"(["q"])"), "");
}

TEST(QueryJson, AFilterSaysSomethingElse) {
  const auto query = Parse(
      R"({"text":"t","filter":{"and":[{"attr":"year","gte":2020,"lt":2024.5},)"
      R"({"or":[{"attr":"lang","in":["en","de"]},{"attr":"seen","eq":"2026-01-01T00:00:00Z"}]},)"
      R"({"not":{"attr":"x","prefix":"a"}},{"attr":"y","exists":false}]},"min_score":0.5,)"
      R"("fusion":{"method":"weighted","weights":{"vector":2,"lexical":0.5},"depth":200}})");
  ASSERT_TRUE(query.ok()) << query.status().ToString();
  EXPECT_EQ(query->request.filter().ShortDebugString(),
            "all { filters { condition { attribute: \"year\" range { gte { int_value: 2020 } lt { "
            "float_value: 2024.5 } } } } filters { any { filters { condition { attribute: \"lang\" "
            "in { values { string_value: \"en\" } values { string_value: \"de\" } } } } filters { "
            "condition { attribute: \"seen\" eq { string_value: \"2026-01-01T00:00:00Z\" } } } } } "
            "filters { negated { condition { attribute: \"x\" prefix: \"a\" } } } filters { "
            "condition { attribute: \"y\" exists: false } } }");
  EXPECT_EQ(query->request.min_score(), 0.5);
  EXPECT_EQ(query->request.fusion().ShortDebugString(),
            "method: FUSION_METHOD_WEIGHTED_SCORE vector_weight: 2 lexical_weight: 0.5 depth: 200");
}

TEST(QueryJson, AWrongFilterIsTaken) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"{}", "filter.attr"},
      {"[]", "filter"},
      {R"({"attr":"x"})", "filter.attr"},
      {R"({"attr":"x","eq":null})", "filter.eq"},
      {R"({"attr":"x","eq":1,"gte":2})", "filter.gte"},
      {R"({"attr":"x","gt":1,"gte":2})", "filter.gte"},
      {R"({"attr":"x","lt":1,"in":[2]})", "filter.in"},
      {R"({"attr":"x","like":"a"})", "filter.like"},
      {R"({"and":[{"attr":"x","eq":1}],"attr":"y"})", "filter.and"},
      {R"({"or":[{"attr":"x","eq":1},{"not":{"attr":"y","in":[1,{}]}}]})",
       "filter.or[1].not.in[1]"}};
  for (const auto& [filter, field] : table) {
    EXPECT_EQ(RefusedIn(R"({"text":"t","filter":)" + filter + "}"), field) << filter;
  }
  EXPECT_EQ(RefusedIn(R"({"text":"t","fusion":{"method":"max"}})"), "fusion.method");
  EXPECT_EQ(RefusedIn(R"({"text":"t","fusion":{"weights":{"vector":"1"}}})"),
            "fusion.weights.vector");
  EXPECT_EQ(RefusedIn(R"({"text":"t","fusion":{"depth":0}})"), "fusion.depth");
  EXPECT_EQ(RefusedIn(R"({"text":"t","min_score":"1"})"), "min_score");
}

TEST(QueryJson, ARefusedQuestionKeepsItsId) {
  JsonParser parser;
  Query query;
  EXPECT_FALSE(ParseQuery(parser, R"({"k":0,"id":"q7"})", &query).ok());
  EXPECT_EQ(query.id, "q7");
}

TEST(Npy, ReadsHalfSingleAndDouble) {
  const std::string halves = Bytes<uint16_t>({0x3C00, 0xC000, 0x0001, 0x7BFF, 0x8000, 0x3555});
  const auto half = ParseNpy(Npy("<f2", "(6,)", halves));
  ASSERT_TRUE(half.ok()) << half.status().ToString();
  EXPECT_THAT(*half, testing::ElementsAre(1.0f, -2.0f, 0x1p-24f, 65504.0f, -0.0f, 0.333251953125f));
  const auto single = ParseNpy(Npy("<f4", "(1, 2)", Bytes<float>({0.1f, -3.0f})));
  ASSERT_TRUE(single.ok()) << single.status().ToString();
  EXPECT_THAT(*single, testing::ElementsAre(0.1f, -3.0f));
  const auto twice = ParseNpy(Npy("<f8", "(2,)", Bytes<double>({0.1, 1e-60})));
  ASSERT_TRUE(twice.ok()) << twice.status().ToString();
  EXPECT_THAT(*twice, testing::ElementsAre(0.1f, 0.0f));
}

TEST(Npy, RefusesWhatIsNotOneFiniteVector) {
  const std::string two = Bytes<float>({1, 2});
  EXPECT_FALSE(ParseNpy("").ok());
  EXPECT_FALSE(ParseNpy("\x93NUMPY\x01").ok());
  EXPECT_FALSE(ParseNpy(Npy("<f4", "(2, 1)", two)).ok());
  EXPECT_FALSE(ParseNpy(Npy("<f4", "(3,)", two)).ok());
  EXPECT_FALSE(ParseNpy(Npy("<f4", "(1,)", two)).ok());
  EXPECT_FALSE(ParseNpy(Npy("<f4", "()", Bytes<float>({1}))).ok());
  EXPECT_FALSE(ParseNpy(Npy("<f4", "(0,)", "")).ok());
  EXPECT_FALSE(ParseNpy(Npy(">f4", "(2,)", two)).ok());
  EXPECT_FALSE(ParseNpy(Npy("<i4", "(2,)", two)).ok());
  EXPECT_FALSE(ParseNpy(Npy("<f4", "(1, 2)", two, "True")).ok());
  EXPECT_FALSE(ParseNpy(Npy("<f4", "(2,)", Bytes<float>({1, __builtin_nanf("")}))).ok());
  EXPECT_FALSE(ParseNpy(Npy("<f8", "(1,)", Bytes<double>({1e39}))).ok());
  EXPECT_FALSE(ParseNpy(Npy("<f2", "(1,)", Bytes<uint16_t>({0x7C00}))).ok());
  const std::string whole = Npy("<f4", "(2,)", two);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ParseNpy(whole.substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace cordon
