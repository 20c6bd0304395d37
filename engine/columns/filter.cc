#include "engine/columns/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/limits.h"

namespace cordon {
namespace {

using Made = std::unique_ptr<Predicate>;

class All : public Predicate {
 public:
  explicit All(std::vector<Made> parts) : parts_(std::move(parts)) {}
  uint64_t Word(uint32_t w) const override {
    uint64_t word = ~uint64_t{0};
    for (const auto& part : parts_) word = word == 0 ? 0 : word & part->Word(w);
    return word;
  }

 private:
  std::vector<Made> parts_;
};

class Any : public Predicate {
 public:
  explicit Any(std::vector<Made> parts) : parts_(std::move(parts)) {}
  uint64_t Word(uint32_t w) const override {
    uint64_t word = 0;
    for (const auto& part : parts_) word |= part->Word(w);
    return word;
  }

 private:
  std::vector<Made> parts_;
};

class Not : public Predicate {
 public:
  explicit Not(Made part) : part_(std::move(part)) {}
  uint64_t Word(uint32_t w) const override { return ~part_->Word(w); }

 private:
  Made part_;
};

class Exists : public Predicate {
 public:
  Exists(const Column& column, bool wanted) : column_(column), wanted_(wanted) {}
  uint64_t Word(uint32_t w) const override {
    const ColumnBlock* block = column_.blocks.Find(w);
    const uint64_t carried = block == nullptr ? 0 : block->carried;
    return wanted_ ? carried : ~carried;
  }

 private:
  const Column& column_;
  bool wanted_;
};

// A test of the values that a column of T has.
template <typename T, typename Test>
class ValueTest : public Predicate {
 public:
  ValueTest(const Column& column, std::vector<T> ColumnBlock::*values, Test test)
      : column_(column), values_(values), test_(std::move(test)) {}

  uint64_t Word(uint32_t w) const override {
    const ColumnBlock* block = column_.blocks.Find(w);
    if (block == nullptr) return 0;
    const std::vector<T>& values = block->*values_;
    uint64_t word = 0;
    for (uint64_t rest = block->carried; rest != 0; rest &= rest - 1) {
      const int i = std::countr_zero(rest);
      word |= uint64_t{test_(values[static_cast<size_t>(i)])} << i;
    }
    return word;
  }

 private:
  const Column& column_;
  std::vector<T> ColumnBlock::*values_;
  Test test_;
};

template <typename T, typename Test>
Made MakeTest(const Column& column, std::vector<T> ColumnBlock::*values, Test test) {
  return std::make_unique<ValueTest<T, Test>>(column, values, std::move(test));
}

// What a filter says of a value, as the declared type has it.
StatusOr<int64_t> WholeOf(v1::AttributeType type, const v1::AttributeValue& value) {
  if (type == v1::ATTRIBUTE_TYPE_INT) {
    if (value.has_int_value()) return value.int_value();
    return Invalid("", "declared int; give an integer");
  }
  if (type == v1::ATTRIBUTE_TYPE_BOOL) {
    if (value.has_bool_value()) return int64_t{value.bool_value()};
    return Invalid("", "declared bool; give true or false");
  }
  if (value.has_string_value()) return ParseTime(value.string_value());
  if (!value.has_time_value()) return Invalid("", "declared time; give an RFC 3339 time");
  return MicrosOf(value.time_value().seconds(), value.time_value().nanos());
}

StatusOr<double> RealOf(v1::AttributeType, const v1::AttributeValue& value) {
  if (value.has_int_value()) return static_cast<double>(value.int_value());
  if (value.has_float_value() && std::isfinite(value.float_value())) return value.float_value();
  return Invalid("", "declared float; give a finite number");
}

StatusOr<std::string> StringOf(v1::AttributeType, const v1::AttributeValue& value) {
  if (!value.has_string_value()) return Invalid("", "declared string; give a string");
  if (value.string_value().size() > limits::kAttributeBytes) {
    return Invalid("", fmt::format("more than {} bytes", limits::kAttributeBytes));
  }
  return value.string_value();
}

// Makes predicates and counts what they are made of.
class Checker {
 public:
  Checker(const AttributeSpecs& specs, const Columns& columns, const SeesAttribute& sees)
      : specs_(specs), columns_(columns), sees_(sees) {}

  StatusOr<Made> Check(const v1::Filter& filter, size_t depth) {
    if (++filters_ > limits::kFilterParts) {
      return Invalid("", fmt::format("more than {} parts", limits::kFilterParts));
    }
    if (depth > limits::kFilterDepth) {
      return Invalid("", fmt::format("nested more than {} deep", limits::kFilterDepth));
    }
    switch (filter.kind_case()) {
      case v1::Filter::kAll: {
        auto parts = CheckList(filter.all(), "and", depth);
        if (!parts.ok()) return parts.status();
        return Made(std::make_unique<All>(*std::move(parts)));
      }
      case v1::Filter::kAny: {
        auto parts = CheckList(filter.any(), "or", depth);
        if (!parts.ok()) return parts.status();
        return Made(std::make_unique<Any>(*std::move(parts)));
      }
      case v1::Filter::kNegated: {
        auto part = Check(filter.negated(), depth + 1);
        if (!part.ok()) return part.status().Within("not");
        return Made(std::make_unique<Not>(*std::move(part)));
      }
      case v1::Filter::kCondition:
        return CheckCondition(filter.condition());
      case v1::Filter::KIND_NOT_SET:
        break;
    }
    return Invalid("", "empty; give one of and, or, not, attr");
  }

 private:
  StatusOr<std::vector<Made>> CheckList(const v1::FilterList& list, std::string_view name,
                                        size_t depth) {
    if (list.filters().empty()) return Invalid(name, "empty; give at least one filter");
    std::vector<Made> parts;
    for (int i = 0; i < list.filters_size(); ++i) {
      auto part = Check(list.filters(i), depth + 1);
      if (!part.ok()) return part.status().Within(fmt::format("{}[{}]", name, i));
      parts.push_back(*std::move(part));
    }
    return parts;
  }

  StatusOr<Made> CheckCondition(const v1::Condition& condition) {
    const auto spec = std::find_if(specs_.begin(), specs_.end(), [&](const auto& candidate) {
      return candidate.name() == condition.attribute();
    });
    // Before anything else is looked at: what is hidden must answer like what is not there.
    if (spec == specs_.end() || !sees_(*spec)) {
      return Invalid("attr", "not declared by the collection; see its --attributes");
    }
    const Column* column = columns_.Find(spec->name());
    CORDON_CHECK(column != nullptr);
    if (condition.test_case() == v1::Condition::TEST_NOT_SET) {
      return Invalid("attr",
                     "without a test; give one of eq, in, gt, gte, lt, lte, prefix, exists");
    }
    if (condition.has_exists()) {
      return Made(std::make_unique<Exists>(*column, condition.exists()));
    }
    switch (spec->type()) {
      case v1::ATTRIBUTE_TYPE_FLOAT:
        return CheckTest<double>(condition, *column, &ColumnBlock::real, RealOf);
      case v1::ATTRIBUTE_TYPE_STRING:
        if (condition.has_prefix()) return CheckPrefix(condition.prefix(), *column);
        return CheckTest<std::string>(condition, *column, &ColumnBlock::strings, StringOf);
      default:
        return CheckTest<int64_t>(condition, *column, &ColumnBlock::whole, WholeOf);
    }
  }

  StatusOr<Made> CheckPrefix(const std::string& prefix, const Column& column) {
    if (prefix.size() > limits::kAttributeBytes) {
      return Invalid("prefix", fmt::format("more than {} bytes", limits::kAttributeBytes));
    }
    return MakeTest(column, &ColumnBlock::strings,
                    [prefix](const std::string& value) { return value.starts_with(prefix); });
  }

  template <typename T, typename Read>
  StatusOr<Made> CheckTest(const v1::Condition& condition, const Column& column,
                           std::vector<T> ColumnBlock::*values, Read read) {
    switch (condition.test_case()) {
      case v1::Condition::kEq: {
        auto wanted = read(column.type, condition.eq());
        if (!wanted.ok()) return wanted.status().Within("eq");
        return MakeTest(column, values,
                        [wanted = *std::move(wanted)](const T& value) { return value == wanted; });
      }
      case v1::Condition::kIn:
        return CheckSet(condition.in(), column, values, read);
      case v1::Condition::kRange:
        return CheckRange(condition.range(), column, values, read);
      default:
        return Invalid("prefix", "a test of strings; the attribute is none");
    }
  }

  template <typename T, typename Read>
  StatusOr<Made> CheckSet(const v1::ValueSet& set, const Column& column,
                          std::vector<T> ColumnBlock::*values, Read read) {
    if (set.values().empty()) return Invalid("in", "empty; give at least one value");
    values_ += static_cast<size_t>(set.values_size());
    if (values_ > limits::kFilterValues) {
      return Invalid("in", fmt::format("more than {} values", limits::kFilterValues));
    }
    std::vector<T> wanted;
    for (int i = 0; i < set.values_size(); ++i) {
      auto one = read(column.type, set.values(i));
      if (!one.ok()) return one.status().Within(fmt::format("in[{}]", i));
      wanted.push_back(*std::move(one));
    }
    std::sort(wanted.begin(), wanted.end());
    return MakeTest(column, values, [wanted = std::move(wanted)](const T& value) {
      return std::binary_search(wanted.begin(), wanted.end(), value);
    });
  }

  // One end of a range: nothing is open.
  template <typename T, typename Read>
  StatusOr<std::optional<T>> End(bool set, const Column& column, const v1::AttributeValue& value,
                                 std::string_view name, Read read) {
    if (!set) return std::optional<T>();
    auto end = read(column.type, value);
    if (!end.ok()) return end.status().Within(name);
    return std::optional<T>(*std::move(end));
  }

  template <typename T, typename Read>
  StatusOr<Made> CheckRange(const v1::ValueRange& range, const Column& column,
                            std::vector<T> ColumnBlock::*values, Read read) {
    if (column.type == v1::ATTRIBUTE_TYPE_BOOL) {
      return Invalid("attr", "declared bool, which has no ranges; use eq");
    }
    ASSIGN_OR_RETURN(auto gt, End<T>(range.has_gt(), column, range.gt(), "gt", read));
    ASSIGN_OR_RETURN(auto gte, End<T>(range.has_gte(), column, range.gte(), "gte", read));
    ASSIGN_OR_RETURN(auto lt, End<T>(range.has_lt(), column, range.lt(), "lt", read));
    ASSIGN_OR_RETURN(auto lte, End<T>(range.has_lte(), column, range.lte(), "lte", read));
    if (!gt && !gte && !lt && !lte) return Invalid("attr", "a range without ends");
    return MakeTest(column, values, [gt, gte, lt, lte](const T& value) {
      return !(gt && !(*gt < value)) && !(gte && value < *gte) && !(lt && !(value < *lt)) &&
             !(lte && *lte < value);
    });
  }

  const AttributeSpecs& specs_;
  const Columns& columns_;
  const SeesAttribute& sees_;
  size_t filters_ = 0;
  size_t values_ = 0;
};

}  // namespace

StatusOr<std::unique_ptr<Predicate>> CheckFilter(const v1::Filter& filter,
                                                 const AttributeSpecs& specs,
                                                 const Columns& columns,
                                                 const SeesAttribute& sees) {
  return Checker(specs, columns, sees).Check(filter, 1);
}

DocumentTest::DocumentTest(const v1::Filter& filter, const AttributeSpecs& specs)
    : columns_(std::make_unique<Columns>(specs)) {
  auto checked =
      CheckFilter(filter, specs, *columns_, [](const v1::AttributeSpec&) { return true; });
  if (checked.ok()) predicate_ = *std::move(checked);
}

bool DocumentTest::Passes(const Attributes& attributes) {
  columns_->Set(0, attributes);
  return predicate_ != nullptr && (predicate_->Word(0) & 1) != 0;
}

}  // namespace cordon
