// The entries of one list of principals.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <initializer_list>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/planted.h"
#include "engine/policy/principal.h"

namespace cordon {

// A principal in a clause or group, which counts while from <= now < until.
struct TimedPrincipal {
  PrincipalId principal;
  Micros until = kNever;
  Micros from = kAlways;

  bool Counts(Micros now) const {
    return (from <= now || Planted(Bug::kStartsIgnored)) &&
           (now < until || Planted(Bug::kEndsIgnored));
  }
  // Whether it ever begins or ends.
  bool Timed() const { return from != kAlways || until != kNever; }
  // The first time later than `after` at which it begins or ends; kNever if there is none.
  Micros NextEvent(Micros after) const {
    return from > after ? from : until > after ? until : kNever;
  }

  friend auto operator<=>(const TimedPrincipal&, const TimedPrincipal&) = default;
};

// A value: entries in the order in which they were given. Nearly all count always, so the
// principals stand side by side, for decisions to read little else, and times only if there are
// any.
class EntryList {
 public:
  EntryList() = default;
  EntryList(std::initializer_list<TimedPrincipal> entries) { Append(entries); }
  EntryList(const std::vector<TimedPrincipal>& entries) { Append(entries); }

  size_t size() const { return principals_.size(); }
  bool empty() const { return principals_.empty(); }
  const std::vector<PrincipalId>& principals() const { return principals_; }
  // Whether an entry may ever begin or end.
  bool timed() const { return !times_.empty(); }

  TimedPrincipal operator[](size_t i) const {
    if (!timed()) return {principals_[i]};
    return {principals_[i], times_[i].until, times_[i].from};
  }

  void push_back(const TimedPrincipal& entry) {
    principals_.push_back(entry.principal);
    if (!timed() && !entry.Timed()) return;
    times_.resize(size());
    times_.back() = {entry.until, entry.from};
  }
  void Set(size_t i, const TimedPrincipal& entry) {
    principals_[i] = entry.principal;
    if (!timed() && !entry.Timed()) return;
    times_.resize(size());
    times_[i] = {entry.until, entry.from};
  }
  void clear() { *this = {}; }

  class Iterator {
   public:
    TimedPrincipal operator*() const { return (*list_)[place_]; }
    Iterator& operator++() {
      ++place_;
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    friend class EntryList;
    Iterator(const EntryList* list, size_t place) : list_(list), place_(place) {}
    const EntryList* list_;
    size_t place_;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

  friend bool operator==(const EntryList& a, const EntryList& b) {
    if (a.principals_ != b.principals_) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i]) return false;
    }
    return true;
  }

 private:
  struct Times {
    Micros until = kNever;
    Micros from = kAlways;
  };

  template <typename Entries>
  void Append(const Entries& entries) {
    principals_.reserve(entries.size());
    for (const auto& entry : entries) push_back(entry);
  }

  std::vector<PrincipalId> principals_;
  std::vector<Times> times_;  // beside principals_, or empty: all count always
};

}  // namespace cordon
