#include "tools/cordon/filter_json.h"

#include <fmt/format.h>

#include "tools/cordon/access_json.h"

namespace cordon {
namespace {

// The server refuses less; here it bounds the recursion.
constexpr size_t kDepthMax = 64;

Status ReadAt(JsonValue value, v1::Filter* filter, size_t depth);

Status ReadList(JsonValue value, v1::FilterList* list, size_t depth) {
  return ReadArray(value, [&](JsonValue v) { return ReadAt(v, list->add_filters(), depth + 1); });
}

// A test's parts, of which one kind may be given, and one end of each side.
Status ReadCondition(JsonValue value, v1::Condition* condition) {
  const auto only = [&](auto read) {
    return [condition, read](JsonValue v) -> Status {
      if (condition->test_case() != v1::Condition::TEST_NOT_SET) {
        return Invalid("", "a second test; give one, or combine tests with and");
      }
      return read(v);
    };
  };
  const auto end = [&](bool low, auto mutable_value) {
    return [condition, low, mutable_value](JsonValue v) -> Status {
      const bool other = condition->test_case() != v1::Condition::TEST_NOT_SET &&
                         condition->test_case() != v1::Condition::kRange;
      v1::ValueRange* range = other ? nullptr : condition->mutable_range();
      const bool taken = other || (low ? range->low_case() != v1::ValueRange::LOW_NOT_SET
                                       : range->high_case() != v1::ValueRange::HIGH_NOT_SET);
      if (taken) return Invalid("", "a second test; give one, or combine tests with and");
      return ReadAttributeValue(v, (range->*mutable_value)());
    };
  };
  using Range = v1::ValueRange;
  RETURN_IF_ERROR(ReadObject(
      value,
      {StringField("attr", condition->mutable_attribute()),
       {"eq", only([=](JsonValue v) { return ReadAttributeValue(v, condition->mutable_eq()); })},
       {"in", only([=](JsonValue v) {
          v1::ValueSet* const set = condition->mutable_in();
          return ReadArray(
              v, [=](JsonValue one) { return ReadAttributeValue(one, set->add_values()); });
        })},
       {"prefix", only([=](JsonValue v) { return ReadString(v, condition->mutable_prefix()); })},
       {"exists", only([=](JsonValue v) {
          bool exists = false;
          RETURN_IF_ERROR(ReadBool(v, &exists));
          condition->set_exists(exists);
          return OkStatus();
        })},
       {"gt", end(true, &Range::mutable_gt)},
       {"gte", end(true, &Range::mutable_gte)},
       {"lt", end(false, &Range::mutable_lt)},
       {"lte", end(false, &Range::mutable_lte)}}));
  if (condition->attribute().empty()) return Invalid("attr", "missing; name the attribute");
  if (condition->test_case() == v1::Condition::TEST_NOT_SET) {
    return Invalid("attr", "without a test; give one of eq, in, gt, gte, lt, lte, prefix, exists");
  }
  return OkStatus();
}

Status ReadAt(JsonValue value, v1::Filter* filter, size_t depth) {
  if (!value.is_object()) {
    return WrongType(value, R"({"and":[…]}, {"or":[…]}, {"not":{…}} or {"attr":…})");
  }
  if (depth > kDepthMax) return Invalid("", "nested too deeply");
  const simdjson::dom::object object(value);
  if (object.size() == 1) {
    const auto [key, member] = *object.begin();
    const bool combines = key == "and" || key == "or" || key == "not";
    Status status;
    if (key == "and") status = ReadList(member, filter->mutable_all(), depth);
    if (key == "or") status = ReadList(member, filter->mutable_any(), depth);
    if (key == "not") status = ReadAt(member, filter->mutable_negated(), depth + 1);
    if (combines) return status.ok() ? status : status.Within(key);
  }
  for (const auto [key, member] : object) {
    if (key == "and" || key == "or" || key == "not") {
      return Invalid(key, "stands alone; put the others into it");
    }
  }
  return ReadCondition(value, filter->mutable_condition());
}

Status ReadMethod(JsonValue value, v1::Fusion* fusion) {
  std::string name;
  RETURN_IF_ERROR(ReadString(value, &name));
  if (name == "rrf") {
    fusion->set_method(v1::FUSION_METHOD_RECIPROCAL_RANK);
  } else if (name == "weighted") {
    fusion->set_method(v1::FUSION_METHOD_WEIGHTED_SCORE);
  } else if (name == "relative") {
    fusion->set_method(v1::FUSION_METHOD_RELATIVE_SCORE);
  } else {
    return Invalid("", "must be relative, weighted or rrf");
  }
  return OkStatus();
}

}  // namespace

Status ReadFilter(JsonValue value, v1::Filter* filter) {
  filter->Clear();
  return ReadAt(value, filter, 1);
}

Status ReadScore(JsonValue value, double* score) {
  if (value.get_double().get(*score) == simdjson::SUCCESS) return OkStatus();
  return WrongType(value, "a number");
}

Status ReadFusion(JsonValue value, v1::Fusion* fusion) {
  fusion->Clear();
  const auto weight = [](auto set) {
    return [set](JsonValue v) {
      double number = 0;
      RETURN_IF_ERROR(ReadScore(v, &number));
      set(number);
      return OkStatus();
    };
  };
  const auto weights = [&](JsonValue v) {
    return ReadObject(
        v, {{"vector", weight([=](double number) { fusion->set_vector_weight(number); })},
            {"lexical", weight([=](double number) { fusion->set_lexical_weight(number); })}});
  };
  return ReadObject(value, {{"method", [&](JsonValue v) { return ReadMethod(v, fusion); }},
                            {"weights", weights},
                            {"depth", [&](JsonValue v) {
                               uint32_t depth = 0;
                               RETURN_IF_ERROR(ReadUint32(v, &depth));
                               if (depth == 0) return Invalid("", "0; leave it out for the usual");
                               fusion->set_depth(depth);
                               return OkStatus();
                             }}});
}

Status ParseFilterOption(std::string_view text, v1::Filter* filter) {
  ASSIGN_OR_RETURN(*filter, ParseOption("filter", text, ReadFilter));
  return OkStatus();
}

Status ParseFusionOption(std::string_view text, v1::Fusion* fusion) {
  ASSIGN_OR_RETURN(*fusion, ParseOption("fusion", text, ReadFusion));
  return OkStatus();
}

}  // namespace cordon
