// The same call for a hidden thing and for an absent one, and all that came back, made comparable.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/security/served_store.h"

namespace cordon {

// Two names of as many bytes.
struct Twin {
  std::string hidden;
  std::string absent;
};

struct TwinAnswers {
  AnyAnswer hidden;
  AnyAnswer absent;
  bool hidden_first;
};

// Clears what may differ between any two answers.
inline void ClearMoment(google::protobuf::Message* message) {
  for (const char* name : {"revision", "as_of", "journal_id", "nonce"}) {
    const auto* field = message->GetDescriptor()->FindFieldByName(name);
    if (field != nullptr) message->GetReflection()->ClearField(message, field);
  }
}

// What tells an id from others where the id itself does not do, as a source: of one length.
inline std::string OwnName(const std::string& id) {
  return fmt::format("own-{:016x}", std::hash<std::string>()(id));
}

// Every byte of an answer with the name that the caller gave taken out.
inline std::string Comparable(const std::string& method, const AnyAnswer& answer,
                              const std::string& name) {
  std::string all = "code " + std::to_string(answer.status.error_code()) + "\nmessage " +
                    answer.status.error_message() + "\ndetails " + answer.status.error_details();
  for (const auto& [key, value] : answer.initial) all += "\ninitial " + key + "=" + value;
  for (const auto& [key, value] : answer.trailing) all += "\ntrailing " + key + "=" + value;
  for (const auto& bytes : answer.messages) {
    const auto message = NewMessage(MethodOf(method)->output_type());
    EXPECT_TRUE(message->ParseFromString(bytes));
    ClearMoment(message.get());
    all += "\nanswer " + message->SerializeAsString();
  }
  for (const std::string& each : {name, OwnName(name)}) {
    for (size_t at = all.find(each); at != all.npos; at = all.find(each, at)) {
      all.replace(at, each.size(), "<name>");
    }
  }
  return all;
}

// Whether the call is a mutation of documents; the others of Ingest only tell.
inline bool Changes(const std::string& method) {
  return method.starts_with("Ingest/") && method != "Ingest/EraseStatus" &&
         method != "Ingest/ListHolds";
}

class TwinCalls {
 public:
  using Key = ServedStore::Key;
  using Text = std::function<std::string(const std::string& name)>;

  explicit TwinCalls(ServedStore* store) : store_(store) {}

  // Makes the call with both names, in the order asked for, and expects equal bytes and, of a read,
  // journal records of equal size.
  TwinAnswers Expect(const std::string& method, const Key& key, const Text& text, const Twin& twin,
                     bool hidden_first, int again = 20) {
    TwinAnswers answers{{}, {}, hidden_first};
    uint64_t hidden_bytes = 0, absent_bytes = 0;
    for (const bool hidden : {hidden_first, !hidden_first}) {
      const std::string request = RequestBytes(method, text(hidden ? twin.hidden : twin.absent));
      const uint64_t before = JournalBytes();
      const auto start = std::chrono::steady_clock::now();
      (hidden ? answers.hidden : answers.absent) =
          store_->caller().Call(method, BearerOf(key.bearer), request);
      const std::chrono::duration<double, std::micro> took =
          std::chrono::steady_clock::now() - start;
      if (method == "Retrieval/GetDocument")
        (hidden ? hidden_us_ : absent_us_).push_back(took.count());
      (hidden ? hidden_bytes : absent_bytes) = JournalBytes() - before;
    }
    ++pairs_[method];
    EXPECT_EQ(Comparable(method, answers.hidden, twin.hidden),
              Comparable(method, answers.absent, twin.absent))
        << method << " tells a hidden from an absent one: " << text(twin.hidden);
    EXPECT_GT(hidden_bytes, 0u);
    // Of what is there, the journal also keeps what a restored store must be told of the change.
    if (Changes(method)) return answers;
    // Only numbers in the record may grow: the sequence, the revision, what is synced.
    const uint64_t more = std::max(hidden_bytes, absent_bytes);
    const uint64_t less = std::min(hidden_bytes, absent_bytes);
    // Receipts of erasures before may come in between, and on a busy machine several times: once
    // more, then. What really differs does so each time.
    if (more - less > 3 && again > 0) {
      return Expect(method, key, text, twin, hidden_first, again - 1);
    }
    EXPECT_LE(more - less, 3u) << method << ": records of different sizes";
    unequal_records_ += more != less ? 1 : 0;
    return answers;
  }

  // Pairs of calls.
  uint64_t calls() const {
    uint64_t calls = 0;
    for (const auto& [method, pairs] : pairs_) calls += pairs;
    return calls;
  }
  uint64_t PairsOf(const std::string& method) const {
    const auto found = pairs_.find(method);
    return found == pairs_.end() ? 0 : found->second;
  }
  // Pairs of records of which a number needed one more byte: three numbers, each a few times.
  uint64_t unequal_records() const { return unequal_records_; }
  double median_hidden_us() { return Median(&hidden_us_); }
  double median_absent_us() { return Median(&absent_us_); }

 private:
  static double Median(std::vector<double>* times) {
    if (times->empty()) return 0;
    const auto middle = times->begin() + static_cast<std::ptrdiff_t>(times->size() / 2);
    std::nth_element(times->begin(), middle, times->end());
    return *middle;
  }
  uint64_t JournalBytes() const {
    uint64_t bytes = 0;
    const auto all = std::filesystem::path(store_->paths().JournalOf("default")).parent_path();
    for (const auto& file : std::filesystem::recursive_directory_iterator(all)) {
      if (file.is_regular_file()) bytes += file.file_size();
    }
    return bytes;
  }

  ServedStore* const store_;
  std::map<std::string, uint64_t> pairs_;  // by method
  uint64_t unequal_records_ = 0;
  std::vector<double> hidden_us_, absent_us_;
};

}  // namespace cordon
