#include "engine/columns/columns.h"

#include <algorithm>

#include "engine/base/clock.h"

namespace cordon {
namespace {

void Put(const v1::AttributeValue& value, size_t place, ColumnBlock* block) {
  const auto put = [&](auto* values, auto given) {
    values->resize(64);
    (*values)[place] = std::move(given);
  };
  switch (value.kind_case()) {
    case v1::AttributeValue::kIntValue:
      put(&block->whole, value.int_value());
      break;
    case v1::AttributeValue::kFloatValue:
      put(&block->real, value.float_value());
      break;
    case v1::AttributeValue::kBoolValue:
      put(&block->whole, int64_t{value.bool_value()});
      break;
    case v1::AttributeValue::kStringValue:
      put(&block->strings, value.string_value());
      break;
    case v1::AttributeValue::kTimeValue:
      put(&block->whole, *MicrosOf(value.time_value().seconds(), value.time_value().nanos()));
      break;
    case v1::AttributeValue::KIND_NOT_SET:
      return;
  }
  block->carried |= uint64_t{1} << place;
}

}  // namespace

Columns::Columns(const AttributeSpecs& specs) {
  for (const auto& spec : specs) columns_.push_back({spec.name(), spec.type(), {}});
}

void Columns::Set(uint32_t number, const Attributes& attributes) {
  Clear(number);
  for (Column& column : columns_) {
    const auto found = attributes.find(column.name);
    if (found != attributes.end()) {
      Put(found->second, number % 64, &column.blocks.Mutable(number / 64));
    }
  }
}

void Columns::Clear(uint32_t number) {
  for (Column& column : columns_) {
    const ColumnBlock* held = column.blocks.Find(number / 64);
    if (held == nullptr || (held->carried >> (number % 64) & 1) == 0) continue;
    ColumnBlock& block = column.blocks.Mutable(number / 64);
    block.carried &= ~(uint64_t{1} << (number % 64));
    // What is cleared may be erased.
    if (!block.whole.empty()) block.whole[number % 64] = 0;
    if (!block.real.empty()) block.real[number % 64] = 0;
    if (!block.strings.empty()) block.strings[number % 64] = std::string();
  }
}

const Column* Columns::Find(std::string_view name) const {
  const auto found = std::find_if(columns_.begin(), columns_.end(),
                                  [&](const Column& column) { return column.name == name; });
  return found == columns_.end() ? nullptr : &*found;
}

}  // namespace cordon
