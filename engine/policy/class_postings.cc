#include "engine/policy/class_postings.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <span>

#include "engine/base/check.h"
#include "engine/base/planted.h"

namespace cordon {
namespace {

// Classes of a part are a multiple of this: fewer are judged one by one.
constexpr size_t kPartClasses = 256;

// A part is at least so many times as large as the next one: few parts, and each class is built
// into a part a handful of times.
constexpr size_t kGrowth = 4;

// Of the lists of a caller's principals, each somewhere else in memory, the next ones are fetched
// while one is read: first their bounds, then their values.
constexpr size_t kValuesAhead = 6;
constexpr size_t kBoundsAhead = 2 * kValuesAhead;
constexpr size_t kFetchedBytes = 512;  // of a list; in longer ones the processor sees the pattern
constexpr size_t kLineBytes = 64;

// Lists of values by a small number, one after the other.
template <typename Value>
class ListsByNumber {
 public:
  void Add(uint32_t number, Value value) { unsorted_.push_back({number, value}); }

  // Ends adding.
  void Sort() {
    if (unsorted_.empty()) return;
    uint32_t most = 0;
    for (const auto& entry : unsorted_) most = std::max(most, entry.number);
    begins_.assign(most + 2, 0);
    for (const auto& entry : unsorted_) ++begins_[entry.number + 1];
    std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
    values_.resize(unsorted_.size());
    std::vector<uint32_t> next(begins_.begin(), begins_.end() - 1);
    for (const auto& entry : unsorted_) values_[next[entry.number]++] = entry.value;
    unsorted_ = {};
  }

  std::span<const Value> Of(uint32_t number) const {
    if (number + 1 >= begins_.size()) return {};
    return {values_.data() + begins_[number], values_.data() + begins_[number + 1]};
  }
  // One more than the greatest number with a list, or 0.
  uint32_t end() const { return begins_.empty() ? 0 : static_cast<uint32_t>(begins_.size() - 1); }

  // Calls visit(number, list) for each of `numbers` that has one, in their order.
  template <typename Visit>
  void ForEach(std::span<const uint32_t> numbers, Visit visit) const {
    if (values_.empty()) return;
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (i + kBoundsAhead < numbers.size()) FetchBounds(numbers[i + kBoundsAhead]);
      if (i + kValuesAhead < numbers.size()) FetchValues(numbers[i + kValuesAhead]);
      const auto list = Of(numbers[i]);
      if (!list.empty()) visit(numbers[i], list);
    }
  }

 private:
  void FetchBounds(uint32_t number) const {
    if (number < begins_.size()) __builtin_prefetch(&begins_[number]);
  }
  void FetchValues(uint32_t number) const {
    const auto bytes = std::as_bytes(Of(number));
    const size_t end = std::min(bytes.size(), kFetchedBytes);
    for (size_t at = 0; at < end; at += kLineBytes) __builtin_prefetch(bytes.data() + at);
  }

  struct Entry {
    uint32_t number;
    Value value;
  };
  std::vector<Entry> unsorted_;
  std::vector<uint32_t> begins_;  // by number; one more at the end
  std::vector<Value> values_;
};

struct TimedClass {
  uint32_t place;
  Micros until;
  Micros from;
};

// What some lists say of principals: the places of the classes that they belong to.
class Naming {
 public:
  void Add(const TimedPrincipal& entry, uint32_t place) {
    if (entry.Timed()) {
      timed_.Add(entry.principal, {place, entry.until, entry.from});
    } else {
      always_.Add(entry.principal, place);
    }
  }

  // Ends adding. Places must have been added in ascending order.
  void Sort() {
    always_.Sort();
    timed_.Sort();
    for (PrincipalId id = 0; id < std::max(always_.end(), timed_.end()); ++id) {
      if (!always_.Of(id).empty() || !timed_.Of(id).empty()) named_.push_back(id);
    }
  }

  // Calls visit(place) for each class from `first` on that names one of `principals` at `now`;
  // returns the earliest time after `now` at which an entry of theirs begins or ends.
  template <typename Visit>
  Micros ForEach(const PrincipalSet& principals, Micros now, uint32_t first, Visit visit) const {
    if (named_.size() >= principals.all().size()) {
      return ForEachOf(principals.all(), now, first, visit);
    }
    std::vector<PrincipalId> both;  // denies, for one, name few
    for (const PrincipalId id : named_) {
      if (principals.Contains(id)) both.push_back(id);
    }
    return ForEachOf(both, now, first, visit);
  }

 private:
  template <typename Visit>
  Micros ForEachOf(std::span<const PrincipalId> ids, Micros now, uint32_t first,
                   Visit visit) const {
    Micros next = kNever;
    always_.ForEach(ids, [&](PrincipalId, std::span<const uint32_t> places) {
      auto place = places.begin();
      if (*place < first) place = std::lower_bound(place, places.end(), first);
      for (; place != places.end(); ++place) visit(*place);
    });
    timed_.ForEach(ids, [&](PrincipalId id, std::span<const TimedClass> list) {
      for (const TimedClass& timed : list) {
        if (timed.place < first) continue;
        const TimedPrincipal entry{id, timed.until, timed.from};
        if (entry.Counts(now)) visit(timed.place);
        next = std::min(next, entry.NextEvent(now));
      }
    });
    return next;
  }

  ListsByNumber<uint32_t> always_;
  ListsByNumber<TimedClass> timed_;
  std::vector<PrincipalId> named_;  // by either, ascending
};

void Set(uint64_t* words, uint32_t place) { words[place / 64] |= uint64_t{1} << (place % 64); }
void Reset(uint64_t* words, uint32_t place) { words[place / 64] &= ~(uint64_t{1} << (place % 64)); }

// Calls visit(place) for each set bit of words & mask.
template <typename Visit>
void ForEachSet(std::span<const uint64_t> words, std::span<const uint64_t> mask, Visit visit) {
  for (size_t w = 0; w < words.size(); ++w) {
    for (uint64_t word = words[w] & mask[w]; word != 0; word &= word - 1) {
      visit(static_cast<uint32_t>(w * 64 + static_cast<size_t>(std::countr_zero(word))));
    }
  }
}

}  // namespace

// The postings of the classes [begin, end); a class is known by its place, from 0.
class ClassPostings::Part {
 public:
  Part(const ClassTable& table, ClassId begin, ClassId end)
      : begin_(begin),
        end_(end),
        unanchored_((end - begin) / 64),
        has_rest_((end - begin) / 64),
        labels_(end - begin) {
    CORDON_CHECK(begin % 64 == 0 && end % 64 == 0 && begin < end);
    for (ClassId id = begin; id < end; ++id) Add(table, id);
    allow_.Sort();
    deny_.Sort();
    rest_.Sort();
    by_label_.Sort();
    std::sort(label_ids_.begin(), label_ids_.end());
    label_ids_.erase(std::unique(label_ids_.begin(), label_ids_.end()), label_ids_.end());
  }

  ClassId begin() const { return begin_; }
  ClassId end() const { return end_; }

  // Adds the classes below `end` that inherit from the container itself.
  void AddClassesOf(std::string_view container, size_t end, std::vector<ClassId>* classes) const {
    const auto found = by_container_.find(container);
    if (found == by_container_.end()) return;
    for (const uint32_t place : found->second) {
      if (begin_ + place < end) classes->push_back(begin_ + place);
    }
  }

  // Sets the bits of the permitted places from `first` on; `words` are those of the part, all zero.
  Micros AddPermitted(const PostingsQuestion& question, Judge* judge, uint32_t first,
                      uint64_t* words) const {
    std::copy(unanchored_.begin() + first / 64, unanchored_.end(), words + first / 64);
    words[first / 64] &= ~uint64_t{0} << (first % 64);
    const Micros allowed = allow_.ForEach(question.principals, question.now, first,
                                          [&](uint32_t place) { Set(words, place); });
    const auto deny = [&](uint32_t place) { Reset(words, place); };
    const Micros denied = deny_.ForEach(question.principals, question.now, first, deny);
    const Micros app = deny_.ForEach(question.application_principals, question.now, first, deny);
    if (!Planted(Bug::kPostingsUnlabelled)) KeepLabels(judge, words);
    ForEachSet({words, has_rest_.size()}, has_rest_, [&](uint32_t place) {
      const auto rest = rest_.Of(place);
      if (!std::all_of(rest.begin(), rest.end(), [&](ClauseId id) { return judge->Permits(id); })) {
        Reset(words, place);
      }
    });
    return std::min({allowed, denied, app});
  }

 private:
  void Add(const ClassTable& table, ClassId id) {
    const uint32_t place = id - begin_;
    const SecurityClass& security = table.classes[id];
    bool anchored = false;
    for (const ClauseId clause_id : security.clauses) {
      const ClauseSlot& slot = table.clauses[clause_id];
      if (!slot.container.empty()) by_container_[slot.container].push_back(place);
      for (const auto& entry : slot.clause.deny) deny_.Add(entry, place);
      const bool list = slot.container.empty() && slot.source.empty();
      if (list && slot.clause.only_denies) continue;
      if (list && !anchored) {
        anchored = true;
        for (const auto& entry : slot.clause.allow) allow_.Add(entry, place);
      } else {
        rest_.Add(place, clause_id);
        Set(has_rest_.data(), place);
      }
    }
    // A class without clauses permits nobody (Decide).
    if (!anchored && !security.clauses.empty()) Set(unanchored_.data(), place);
    labels_[place] = security.label;
    by_label_.Add(security.label, place);
    label_ids_.push_back(security.label);
  }

  // Clears the classes whose label is not permitted: those, or the others one by one, whichever is
  // less work.
  void KeepLabels(Judge* judge, uint64_t* words) const {
    size_t hidden = 0;
    for (const LabelId label : label_ids_) {
      if (!judge->PermitsLabel(label)) hidden += by_label_.Of(label).size();
    }
    if (hidden == 0) return;
    size_t set = 0;
    for (size_t w = 0; w < has_rest_.size(); ++w) set += std::popcount(words[w]);
    if (set < hidden) {
      ForEachSet({words, has_rest_.size()}, {words, has_rest_.size()}, [&](uint32_t place) {
        if (!judge->PermitsLabel(labels_[place])) Reset(words, place);
      });
      return;
    }
    for (const LabelId label : label_ids_) {
      if (judge->PermitsLabel(label)) continue;
      for (const uint32_t place : by_label_.Of(label)) Reset(words, place);
    }
  }

  const ClassId begin_;
  const ClassId end_;
  Naming allow_;                      // of the anchors
  Naming deny_;                       // of all lists
  std::vector<uint64_t> unanchored_;  // bit by place
  std::vector<uint64_t> has_rest_;    // bit by place
  ListsByNumber<ClauseId> rest_;      // by place: what must permit beside the anchor
  std::vector<LabelId> labels_;       // by place
  ListsByNumber<uint32_t> by_label_;  // places
  std::vector<LabelId> label_ids_;    // sorted
  std::map<std::string, std::vector<uint32_t>, std::less<>> by_container_;  // places
};

size_t ClassPostings::classes() const { return parts_.empty() ? 0 : parts_.back()->end(); }

ClassPostings ClassPostings::Extended(const ClassTable& table) const {
  const size_t end = table.classes.size() / kPartClasses * kPartClasses;
  ClassPostings extended = *this;
  if (end <= classes()) return extended;
  auto begin = static_cast<ClassId>(classes());
  while (!extended.parts_.empty() &&
         extended.parts_.back()->end() - extended.parts_.back()->begin() <
             kGrowth * (end - begin)) {
    begin = extended.parts_.back()->begin();
    extended.parts_.pop_back();
  }
  extended.parts_.push_back(std::make_shared<const Part>(table, begin, static_cast<ClassId>(end)));
  return extended;
}

Micros ClassPostings::AddPermitted(const PostingsQuestion& question, Judge* judge, ClassId from,
                                   std::vector<uint64_t>* words) const {
  Micros next = kNever;
  for (const auto& part : parts_) {
    if (part->end() <= from) continue;
    uint64_t* const own = words->data() + part->begin() / 64;
    if (from <= part->begin()) {
      next = std::min(next, part->AddPermitted(question, judge, 0, own));
      continue;
    }
    // What is known of the part's first classes is in the words already.
    std::vector<uint64_t> later((part->end() - part->begin()) / 64);
    next = std::min(next, part->AddPermitted(question, judge, from - part->begin(), later.data()));
    for (size_t w = 0; w < later.size(); ++w) own[w] |= later[w];
  }
  return next;
}

std::vector<ClassId> ClassPostings::ClassesOf(std::string_view container, size_t end) const {
  std::vector<ClassId> classes;
  for (const auto& part : parts_) part->AddClassesOf(container, end, &classes);
  return classes;
}

}  // namespace cordon
