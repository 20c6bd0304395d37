// Fears about filters: that one admits what its words do not say, or that a refusal tells of an
// attribute that the caller may not know.
#include "engine/columns/filter.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/random.h"
#include "tests/effort.h"
#include "tests/store/from_text.h"

namespace cordon {
namespace {

v1::CollectionConfig Config() {
  return FromText<v1::CollectionConfig>(
      "attributes { name: 'year' type: ATTRIBUTE_TYPE_INT } "
      "attributes { name: 'price' type: ATTRIBUTE_TYPE_FLOAT } "
      "attributes { name: 'draft' type: ATTRIBUTE_TYPE_BOOL } "
      "attributes { name: 'lang' type: ATTRIBUTE_TYPE_STRING } "
      "attributes { name: 'seen' type: ATTRIBUTE_TYPE_TIME } "
      "attributes { name: 'secret' type: ATTRIBUTE_TYPE_INT label { level: 'restricted' } }");
}

bool Sees(const v1::AttributeSpec& spec) { return !spec.has_label(); }

class Filters : public testing::Test {
 protected:
  // "CODE: field" of a filter that must be refused; "OK" if it is not.
  std::string Outcome(const std::string& filter) {
    const auto checked =
        CheckFilter(FromText<v1::Filter>(filter), config_.attributes(), columns_, Sees);
    if (checked.ok()) return "OK";
    return std::string(CodeName(checked.status().code())) + ": " +
           std::string(checked.status().field());
  }
  // The numbers of the documents that a filter admits, of five.
  std::string Admitted(const std::string& filter) {
    const auto checked =
        CheckFilter(FromText<v1::Filter>(filter), config_.attributes(), columns_, Sees);
    EXPECT_TRUE(checked.ok()) << checked.status().ToString();
    ColumnFilter admitted(**checked, 5);
    std::string numbers;
    for (uint32_t i = 0; i < 200; ++i) {
      if (admitted.Admits(i)) numbers += std::to_string(i);
    }
    return numbers;
  }
  void Set(uint32_t number, const std::string& attributes) {
    columns_.Set(number, FromText<v1::Document>(attributes).attributes());
  }

  const v1::CollectionConfig config_ = Config();
  Columns columns_{config_.attributes()};
};

std::string Attribute(const std::string& name, const std::string& value) {
  return "attributes { key: '" + name + "' value { " + value + " } } ";
}

class FiveDocuments : public Filters {
 protected:
  void SetUp() override {
    Set(0, Attribute("year", "int_value: 2020") + Attribute("lang", "string_value: 'en'"));
    Set(1, Attribute("year", "int_value: 2021") + Attribute("lang", "string_value: 'de'"));
    Set(2, Attribute("year", "int_value: 2022") + Attribute("lang", "string_value: 'de-AT'") +
               Attribute("draft", "bool_value: true"));
    Set(3, Attribute("price", "float_value: 1.5") + Attribute("draft", "bool_value: false") +
               Attribute("seen", "time_value { seconds: 1767225600 }"));
    Set(4, "");
  }
};

TEST_F(FiveDocuments, AreTestedByMoreThanTheirValues) {
  EXPECT_EQ(Admitted("condition { attribute: 'year' eq { int_value: 2021 } }"), "1");
  EXPECT_EQ(Admitted("condition { attribute: 'year' range { gte { int_value: 2021 } } }"), "12");
  EXPECT_EQ(Admitted("condition { attribute: 'year' range { gt { int_value: 2020 } lt { int_value: "
                     "2022 } } }"),
            "1");
  EXPECT_EQ(Admitted("condition { attribute: 'year' range { lte { int_value: 2021 } } }"), "01");
  EXPECT_EQ(Admitted("condition { attribute: 'lang' in { values { string_value: 'en' } values { "
                     "string_value: 'de' } } }"),
            "01");
  EXPECT_EQ(Admitted("condition { attribute: 'lang' prefix: 'de' }"), "12");
  EXPECT_EQ(Admitted("condition { attribute: 'lang' range { gt { string_value: 'de' } } }"), "02");
  EXPECT_EQ(Admitted("condition { attribute: 'draft' eq { bool_value: false } }"), "3");
  EXPECT_EQ(Admitted("condition { attribute: 'price' range { gte { int_value: 1 } } }"), "3");
  EXPECT_EQ(Admitted("condition { attribute: 'seen' eq { string_value: '2026-01-01T01:00:00+01:00' "
                     "} }"),
            "3");
}

TEST_F(FiveDocuments, WithoutAValuePassATest) {
  EXPECT_EQ(Admitted("condition { attribute: 'year' exists: true }"), "012");
  EXPECT_EQ(Admitted("condition { attribute: 'year' exists: false }"), "34");
  EXPECT_EQ(Admitted("negated { condition { attribute: 'year' eq { int_value: 2020 } } }"), "1234");
  EXPECT_EQ(Admitted("all { filters { condition { attribute: 'year' exists: true } } filters { "
                     "negated { condition { attribute: 'lang' prefix: 'de' } } } }"),
            "0");
  EXPECT_EQ(Admitted("any { filters { condition { attribute: 'draft' exists: true } } filters { "
                     "condition { attribute: 'lang' eq { string_value: 'en' } } } }"),
            "023");
}

TEST_F(FiveDocuments, ChangedOrRemovedKeepTheirValues) {
  const Columns before = columns_;
  Set(0, Attribute("year", "int_value: 1999"));
  columns_.Clear(1);
  EXPECT_EQ(Admitted("condition { attribute: 'year' range { lte { int_value: 2021 } } }"), "0");
  EXPECT_EQ(Admitted("condition { attribute: 'lang' prefix: '' }"), "2");
  columns_ = before;
  EXPECT_EQ(Admitted("condition { attribute: 'lang' prefix: '' }"), "012");
}

// At kFilterParts, kFilterDepth and beyond.
TEST_F(Filters, WrongOnesAreTaken) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", "INVALID_ARGUMENT: "},
      {"all {}", "INVALID_ARGUMENT: and"},
      {"any { filters { all {} } }", "INVALID_ARGUMENT: or[0].and"},
      {"negated { condition { attribute: 'none' exists: true } }", "INVALID_ARGUMENT: not.attr"},
      {"condition { attribute: 'year' }", "INVALID_ARGUMENT: attr"},
      {"condition { attribute: 'year' prefix: '2' }", "INVALID_ARGUMENT: prefix"},
      {"condition { attribute: 'year' eq { float_value: 2 } }", "INVALID_ARGUMENT: eq"},
      {"condition { attribute: 'year' in {} }", "INVALID_ARGUMENT: in"},
      {"condition { attribute: 'year' in { values { bool_value: true } } }",
       "INVALID_ARGUMENT: in[0]"},
      {"condition { attribute: 'year' range {} }", "INVALID_ARGUMENT: attr"},
      {"condition { attribute: 'draft' range { gt { bool_value: false } } }",
       "INVALID_ARGUMENT: attr"},
      {"condition { attribute: 'price' range { lt { string_value: '1' } } }",
       "INVALID_ARGUMENT: lt"},
      {"condition { attribute: 'price' eq { float_value: nan } }", "INVALID_ARGUMENT: eq"},
      {"condition { attribute: 'seen' eq { string_value: 'yesterday' } }", "INVALID_ARGUMENT: eq"},
      {"condition { attribute: 'seen' eq { time_value { nanos: -1 } } }", "INVALID_ARGUMENT: eq"},
      {"condition { attribute: 'seen' eq { time_value { nanos: 500 } } }", "INVALID_ARGUMENT: eq"},
      {"condition { attribute: 'seen' range { lt { time_value { seconds: 1 nanos: 1999 } } } }",
       "INVALID_ARGUMENT: lt"},
      {"condition { attribute: 'lang' prefix: '" + std::string(5000, 'x') + "' }",
       "INVALID_ARGUMENT: prefix"}};
  for (const auto& [filter, expected] : table) {
    EXPECT_EQ(Outcome(filter), expected) << filter.substr(0, 80);
  }
  std::string deep = "condition { attribute: 'year' exists: true }";
  for (size_t i = 1; i < limits::kFilterDepth; ++i) deep = "negated { " + deep + " }";
  EXPECT_EQ(Outcome(deep), "OK");
  EXPECT_NE(Outcome("negated { " + deep + " }"), "OK");
  std::string wide = "all { ";
  for (size_t i = 1; i < limits::kFilterParts; ++i) {
    wide += "filters { condition { attribute: 'year' exists: true } } ";
  }
  EXPECT_EQ(Outcome(wide + "}"), "OK");
  EXPECT_NE(Outcome(wide + "filters { condition { attribute: 'year' exists: true } } }"), "OK");
}

TEST_F(Filters, OneValueTooManyOfAllSetsIsTaken) {
  const auto with = [&](size_t first, size_t second) {
    v1::Filter filter;
    for (const size_t count : {first, second}) {
      auto* condition = filter.mutable_all()->add_filters()->mutable_condition();
      condition->set_attribute("year");
      for (size_t i = 0; i < count; ++i) {
        condition->mutable_in()->add_values()->set_int_value(static_cast<int64_t>(i));
      }
    }
    return CheckFilter(filter, config_.attributes(), columns_, Sees).status();
  };
  EXPECT_TRUE(with(limits::kFilterValues - 1, 1).ok());
  const Status refused = with(limits::kFilterValues, 1);
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.field(), "and[1].in");
  EXPECT_FALSE(with(limits::kFilterValues + 1, 1).ok());
}

// The column of a document that came before is not that of the next.
TEST_F(Filters, ADocumentIsTestedByTheAttributesOfAnother) {
  DocumentTest test(FromText<v1::Filter>("condition { attribute: 'lang' prefix: 'd' }"),
                    config_.attributes());
  const auto passes = [&](const std::string& attributes) {
    return test.Passes(FromText<v1::Document>(attributes).attributes());
  };
  EXPECT_TRUE(passes(Attribute("lang", "string_value: 'de'")));
  EXPECT_FALSE(passes(""));
  EXPECT_FALSE(passes(Attribute("lang", "string_value: 'en'")));
  DocumentTest wrong(FromText<v1::Filter>("condition { attribute: 'none' exists: false }"),
                     config_.attributes());
  EXPECT_FALSE(wrong.Passes(v1::Document().attributes()));
}

// Whatever else is wrong with it.
TEST_F(Filters, AHiddenAttributeDiffersFromAnAbsentOne) {
  for (const std::string test : {"", "exists: true", "eq { string_value: 'x' }", "prefix: 'x'",
                                 "range {}", "in {}", "eq { int_value: 7 }"}) {
    const auto refusal = [&](const std::string& name) {
      const auto checked =
          CheckFilter(FromText<v1::Filter>("condition { attribute: '" + name + "' " + test + " }"),
                      config_.attributes(), columns_, Sees);
      return checked.status().ToString();
    };
    EXPECT_EQ(refusal("secret"), refusal("absent")) << test;
    EXPECT_EQ(refusal("secret").find("OK"), std::string::npos);
  }
}

// What a document or a filter has of an attribute: a number (int, float, bool, seconds) or a
// string.
using Plain = std::variant<double, std::string>;
using PlainRow = std::map<std::string, Plain>;

constexpr const char* kNames[] = {"year", "price", "draft", "lang", "seen"};

// Filters and documents at random over every type.
class RandomFilters {
 public:
  explicit RandomFilters(Random* random) : random_(*random) {}

  v1::Filter Make(int depth) {
    v1::Filter filter;
    const uint64_t kind = depth == 0 ? 9 : random_.Below(10);
    if (kind < 2) {
      *filter.mutable_negated() = Make(depth - 1);
    } else if (kind < 6) {
      auto* list = kind < 4 ? filter.mutable_all() : filter.mutable_any();
      for (uint64_t n = 1 + random_.Below(3); n > 0; --n) *list->add_filters() = Make(depth - 1);
    } else {
      MakeCondition(filter.mutable_condition());
    }
    return filter;
  }

  PlainRow MakeRow() {
    PlainRow row;
    for (const std::string name : kNames) {
      if (!random_.OneIn(3)) row[name] = Draw(name);
    }
    return row;
  }

  // As a document has it, or a filter: there a float may be written as an integer, a time as text.
  v1::AttributeValue ToWire(const std::string& name, const Plain& plain, bool in_filter) {
    v1::AttributeValue value;
    if (name == "lang") {
      value.set_string_value(std::get<std::string>(plain));
      return value;
    }
    const double number = std::get<double>(plain);
    const auto whole = static_cast<int64_t>(number);
    const bool other = in_filter && random_.OneIn(2);
    if (name == "year") {
      value.set_int_value(whole);
    } else if (name == "draft") {
      value.set_bool_value(whole != 0);
    } else if (name == "seen" && other) {
      value.set_string_value(fmt::format("2026-01-01T01:00:0{}+01:00", whole));
    } else if (name == "seen") {
      value.mutable_time_value()->set_seconds(1767225600 + whole);
    } else if (other && static_cast<double>(whole) == number) {
      value.set_int_value(whole);
    } else {
      value.set_float_value(number);
    }
    return value;
  }

 private:
  Plain Draw(const std::string& name) {
    static const std::string kWords[] = {"", "d", "de", "de-AT", "d\u00e9", "e", "D"};
    if (name == "lang") return kWords[random_.Below(std::size(kWords))];
    if (name == "draft") return static_cast<double>(random_.Below(2));
    const auto number = static_cast<double>(random_.Below(6));
    return name == "price" ? number / 2 - 1 : number;
  }

  void MakeCondition(v1::Condition* condition) {
    const std::string name = kNames[random_.Below(std::size(kNames))];
    condition->set_attribute(name);
    const auto draw = [&] { return ToWire(name, Draw(name), /*in_filter=*/true); };
    switch (random_.Below(name == "draft" ? 3 : name == "lang" ? 5 : 4)) {
      case 0:
        *condition->mutable_eq() = draw();
        break;
      case 1:
        for (uint64_t n = 1 + random_.Below(3); n > 0; --n) {
          *condition->mutable_in()->add_values() = draw();
        }
        break;
      case 2:
        condition->set_exists(random_.OneIn(2));
        break;
      case 3: {
        auto* range = condition->mutable_range();
        if (random_.OneIn(3)) *range->mutable_gt() = draw();
        if (random_.OneIn(3)) *range->mutable_gte() = draw();
        if (random_.OneIn(3)) *range->mutable_lt() = draw();
        if (random_.OneIn(3) || range->ByteSizeLong() == 0) *range->mutable_lte() = draw();
        break;
      }
      default:
        condition->set_prefix(draw().string_value());
    }
  }

  Random& random_;
};

Plain ToPlain(const v1::AttributeValue& value, const std::string& name) {
  if (name == "lang") return value.string_value();
  if (value.has_string_value()) return static_cast<double>(value.string_value()[18] - '0');
  if (value.has_time_value()) return static_cast<double>(value.time_value().seconds() - 1767225600);
  if (value.has_bool_value()) return value.bool_value() ? 1.0 : 0.0;
  return value.has_int_value() ? static_cast<double>(value.int_value()) : value.float_value();
}

bool NaiveTest(const v1::Condition& test, const PlainRow& row) {
  const std::string& name = test.attribute();
  const auto carried = row.find(name);
  if (test.has_exists()) return test.exists() == (carried != row.end());
  if (carried == row.end()) return false;
  const Plain& value = carried->second;
  const auto of = [&](const v1::AttributeValue& wire) { return ToPlain(wire, name); };
  if (test.has_eq()) return value == of(test.eq());
  if (test.test_case() == v1::Condition::kPrefix) {
    const auto& text = std::get<std::string>(value);
    return text.substr(0, test.prefix().size()) == test.prefix();
  }
  if (test.has_range()) {
    const auto& range = test.range();
    return (!range.has_gt() || value > of(range.gt())) &&
           (!range.has_gte() || value >= of(range.gte())) &&
           (!range.has_lt() || value < of(range.lt())) &&
           (!range.has_lte() || value <= of(range.lte()));
  }
  for (const auto& one : test.in().values()) {
    if (value == of(one)) return true;
  }
  return false;
}

bool Naive(const v1::Filter& filter, const PlainRow& row) {
  if (filter.has_negated()) return !Naive(filter.negated(), row);
  if (filter.has_condition()) return NaiveTest(filter.condition(), row);
  const auto& list = filter.has_all() ? filter.all() : filter.any();
  bool passes = filter.has_all();
  for (const auto& part : list.filters()) {
    passes = filter.has_all() ? passes && Naive(part, row) : passes || Naive(part, row);
  }
  return passes;
}

// Worked out by words of 64 documents, one by one by DocumentTest, and naively here.
TEST(RandomFilter, AdmitsWhatItsWordsDoNotSay) {
  Effort effort("filters", 1000);
  Random random(effort.seed());
  RandomFilters filters(&random);
  const v1::CollectionConfig config = Config();
  uint64_t passed = 0, stopped = 0;
  while (effort.More() && !testing::Test::HasFailure()) {
    Columns columns(config.attributes());
    const size_t bound = 1 + random.Below(300);
    std::vector<PlainRow> rows(bound);
    std::vector<v1::Document> documents(bound);
    for (uint32_t i = 0; i < bound; ++i) {
      rows[i] = filters.MakeRow();
      for (const auto& [name, plain] : rows[i]) {
        (*documents[i].mutable_attributes())[name] = filters.ToWire(name, plain, false);
      }
      columns.Set(i, documents[i].attributes());
    }
    const v1::Filter filter = filters.Make(4);
    const auto checked = CheckFilter(filter, config.attributes(), columns, Sees);
    ASSERT_TRUE(checked.ok()) << checked.status().ToString() << filter.ShortDebugString();
    ColumnFilter admitted(**checked, bound);
    DocumentTest alone(filter, config.attributes());
    for (uint64_t n = 0; n < 40; ++n) {
      const auto i = static_cast<uint32_t>(random.Below(bound));
      const bool expected = Naive(filter, rows[i]);
      EXPECT_EQ(admitted.Admits(i), expected) << filter.ShortDebugString();
      EXPECT_EQ(alone.Passes(documents[i].attributes()), expected) << filter.ShortDebugString();
      ++(expected ? passed : stopped);
    }
    EXPECT_FALSE(admitted.Admits(static_cast<uint32_t>(bound + 64)));
  }
  effort.Report("passed={} stopped={}", passed, stopped);
}

}  // namespace
}  // namespace cordon
