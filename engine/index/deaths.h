// Which of the rows that lists cover died with each of the latest versions of an index: what was
// counted at one of them is soon counted at the next.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace cordon {

// An immutable value; cheap to copy. Thread-safe.
class Deaths {
 public:
  // The same, and then `rows`, which were alive at the version `before` and are not at the next.
  Deaths With(uint64_t before, std::vector<uint32_t> rows) const {
    auto steps = std::make_shared<Steps>();
    if (steps_ != nullptr) {
      const size_t dropped = steps_->size() < kVersions ? 0 : steps_->size() - kVersions + 1;
      steps->assign(steps_->begin() + static_cast<std::ptrdiff_t>(dropped), steps_->end());
    }
    steps->push_back(std::make_shared<const Step>(Step{before, std::move(rows)}));
    Deaths next;
    next.steps_ = std::move(steps);
    return next;
  }

  // Calls visit(row) for each that has died since `version`. False if that is no version before
  // this one, or too old; then nothing was visited.
  template <typename Visit>
  bool ForEachSince(uint64_t version, Visit visit) const {
    if (steps_ == nullptr) return false;
    auto step = std::find_if(steps_->begin(), steps_->end(),
                             [&](const auto& each) { return each->before == version; });
    if (step == steps_->end()) return false;
    for (; step != steps_->end(); ++step) {
      for (const uint32_t row : (*step)->rows) visit(row);
    }
    return true;
  }

 private:
  static constexpr size_t kVersions = 64;

  struct Step {
    uint64_t before;
    std::vector<uint32_t> rows;
  };
  using Steps = std::vector<std::shared_ptr<const Step>>;  // in their order

  std::shared_ptr<const Steps> steps_;  // null: none
};

}  // namespace cordon
