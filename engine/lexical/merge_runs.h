// Sorts what lies in some ascending runs: a natural merge sort (Knuth 1973, 5.2.4). Of what is in
// order already it takes one look at each.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

namespace cordon {

// Equal ones keep their order. `left` is room that calls may share.
template <typename T, typename Less>
void MergeRuns(std::span<T> values, std::vector<T>* left, Less less) {
  for (bool sorted = false; !sorted;) {
    sorted = true;
    for (auto begin = values.begin(); begin != values.end();) {
      const auto middle = std::is_sorted_until(begin, values.end(), less);
      const auto end = std::is_sorted_until(middle, values.end(), less);
      if (middle != end) {
        left->assign(begin, middle);
        // What is written is never ahead of what is read: the rest of the right run is in place.
        auto to = begin, right = middle;
        for (auto next = left->begin(); next != left->end();) {
          *to++ = right != end && less(*right, *next) ? *right++ : *next++;
        }
      }
      sorted = sorted && begin == values.begin() && end == values.end();
      begin = end;
    }
  }
}

}  // namespace cordon
