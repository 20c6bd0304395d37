// Fears about the index: that after some history it answers anything but what an index would that
// holds nothing but the permitted rows; that its words are not those of an index that was built of
// what there is now; that a version changes after it was pinned.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/random.h"
#include "engine/lexical/lexical_index.h"
#include "tests/effort.h"
#include "tests/security/reference_bm25.h"

namespace cordon {
namespace {

constexpr Micros kTimes = 20;  // worlds live in [0, kTimes)

struct ModelRow {
  uint32_t class_id;
  std::string text;
};
struct ModelDocument {
  Micros valid_from, valid_until;
  std::map<uint32_t, ModelRow> rows;
};

// Admits what a set holds.
class SetFilter : public DocumentFilter {
 public:
  SetFilter(std::set<uint32_t> numbers, size_t bound)
      : DocumentFilter(bound), numbers_(std::move(numbers)) {}

 private:
  uint64_t Word(uint32_t w) const override {
    uint64_t word = 0;
    for (uint32_t i = 0; i < 64; ++i) word |= uint64_t{numbers_.contains(64 * w + i)} << i;
    return word;
  }
  const std::set<uint32_t> numbers_;
};

// All that an index holds of a live row.
struct HeldRow {
  uint32_t class_id, length, weight;
  Micros valid_from, valid_until;
  std::map<std::string, uint32_t> words;
  bool operator==(const HeldRow&) const = default;
};
using Held = std::map<std::pair<uint32_t, uint32_t>, HeldRow>;  // by (document, ordinal)

Held HeldBy(const LexicalIndex& index) {
  Held held;
  for (const LexicalSegment& segment : index.segments()) {
    const LexicalRows& rows = segment.rows();
    std::vector<HeldRow> of_segment;
    for (uint32_t row = 0; row < rows.size(); ++row) {
      of_segment.push_back(
          {rows.class_id(row), rows.length(row), rows.weight(row), kAlways, kNever, {}});
    }
    for (const auto& bounded : rows.bounded()) {
      of_segment[bounded.row].valid_from = bounded.from;
      of_segment[bounded.row].valid_until = bounded.until;
    }
    rows.ForEachTerm([&](std::string_view text, uint32_t, std::span<const Posting> postings) {
      for (const Posting& posting : postings) {
        of_segment[posting.row].words[std::string(text)] = posting.count;
      }
    });
    for (uint32_t row = 0; row < rows.size(); ++row) {
      if (segment.Dead(row)) continue;
      const bool once =
          held.try_emplace({rows.document(row), rows.ordinal(row)}, std::move(of_segment[row]))
              .second;
      EXPECT_TRUE(once) << rows.document(row) << "/" << rows.ordinal(row);
    }
  }
  return held;
}

struct Question {
  std::set<uint32_t> classes;
  std::optional<std::set<std::string>> admitted;  // documents
  Micros now;
  std::string text;
  size_t k;
};

class World {
 public:
  explicit World(uint64_t seed)
      : random_(seed),
        classes_(Pick({1, 3, 20, 1000})),
        ids_(Pick({5, 40, 120})),
        words_(Pick({3, 30, 1000})),
        rows_max_(Pick({2, 7, 50, 300, kLexicalRowsMax})),
        index(Language::kNone, {}, rows_max_) {}

  void Write() {
    const size_t size = random_.OneIn(4) ? 1 + random_.Below(60) : 1 + random_.Below(4);
    std::vector<LexicalChange> changes;
    std::deque<TermCounts> terms;
    std::set<uint32_t> removed;
    for (size_t i = 0; i < size; ++i) {
      const std::string id = "d" + std::to_string(random_.Below(ids_));
      const bool existed = model.contains(id);
      if (existed && random_.OneIn(5)) {
        model.erase(id);
        removed.insert(*documents.Find(id));
        changes.emplace_back().document = *documents.Find(id);
        changes.back().kind =
            random_.OneIn(2) ? LexicalChange::Kind::kRemove : LexicalChange::Kind::kErase;
        changes.back().renumbered = random_.OneIn(2);
        continue;
      }
      if (existed && random_.OneIn(3)) {
        changes.push_back(NewAccess(id));
        continue;
      }
      LexicalChange change;
      change.document = documents.Add(id);
      removed.erase(change.document);
      change.may_exist = existed || random_.OneIn(2);
      change.valid_from = random_.OneIn(6) ? static_cast<Micros>(random_.Below(kTimes)) : kAlways;
      change.valid_until = random_.OneIn(6) ? static_cast<Micros>(random_.Below(kTimes)) : kNever;
      ModelDocument document{change.valid_from, change.valid_until, {}};
      for (size_t n = random_.OneIn(20) ? 60 : 1 + random_.Below(4); n > 0; --n) {
        const auto ordinal = static_cast<uint32_t>(random_.Below(100));
        document.rows[ordinal] = {static_cast<uint32_t>(random_.Below(classes_)), Text(30)};
      }
      for (const auto& [ordinal, row] : document.rows) {
        terms.push_back(CountTerms(Language::kNone, row.text));
        change.rows.push_back({ordinal, row.class_id, &terms.back()});
      }
      model[id] = document;
      changes.push_back(change);
    }
    index = index.Apply(changes);
    for (const uint32_t number : removed) documents.Remove(number);
  }

  Question Ask() {
    Question question;
    const uint64_t rarity = Pick({1, 2, 10, 100});
    for (uint32_t c = 0; c < classes_; ++c) {
      if (random_.OneIn(rarity)) question.classes.insert(c);
    }
    if (random_.OneIn(3)) {
      question.admitted.emplace();
      for (const auto& [id, document] : model) {
        if (random_.OneIn(2)) question.admitted->insert(id);
      }
    }
    question.now = static_cast<Micros>(random_.Below(kTimes));
    question.text = Text(random_.OneIn(4) ? 20 : 4);
    question.k = Pick({1, 2, 10, 100, 3000});
    return question;
  }

  struct Answer {
    std::string document;
    uint32_t ordinal;
    double score;
    bool operator==(const Answer&) const = default;
  };

  std::vector<Answer> Expected(const Question& question) const {
    std::vector<Answer> rows;
    std::vector<std::string> texts;
    for (const auto& [id, document] : model) {
      const bool valid = document.valid_from <= question.now && question.now < document.valid_until;
      if (!valid || (question.admitted && !question.admitted->contains(id))) continue;
      for (const auto& [ordinal, row] : document.rows) {
        if (!question.classes.contains(row.class_id)) continue;
        rows.push_back({id, ordinal, 0});
        texts.push_back(row.text);
      }
    }
    const auto scores = reference::Bm25(texts, question.text);
    std::vector<Answer> found;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (scores[i]) found.push_back({rows[i].document, rows[i].ordinal, *scores[i]});
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Answer& a, const Answer& b) { return a.score > b.score; });
    if (found.size() > question.k) found.resize(question.k);
    return found;
  }

  static std::vector<Answer> Found(const LexicalIndex& index, const DocumentNumbers& documents,
                                   const Question& question, uint64_t classes) {
    AllowedSet allowed{Bitmap(classes), question.now};
    for (const uint32_t c : question.classes) allowed.classes.Set(c);
    std::optional<SetFilter> filter;
    if (question.admitted) {
      std::set<uint32_t> numbers;
      for (const auto& id : *question.admitted) numbers.insert(*documents.Find(id));
      filter.emplace(std::move(numbers), documents.bound());
      allowed.filter = &*filter;
    }
    const auto result = index.Search(
        allowed, documents, ParseTextQuery(Language::kNone, question.text), question.k, {});
    EXPECT_TRUE(result.ok());
    std::vector<Answer> found;
    for (const auto& hit : result->hits) {
      found.push_back({std::string(documents.id(hit.document)), hit.ordinal, hit.score});
    }
    return found;
  }

  LexicalIndex Rebuilt() const {
    LexicalIndexBuilder builder(LexicalIndex(Language::kNone, {}, rows_max_));
    for (const auto& [id, document] : model) {
      for (const auto& [ordinal, row] : document.rows) {
        builder.Add({*documents.Find(id), ordinal, row.class_id, document.valid_from,
                     document.valid_until, row.text});
      }
    }
    return builder.Finish();
  }

  uint64_t classes() const { return classes_; }

 private:
  uint64_t Pick(std::initializer_list<uint64_t> choices) {
    return *(choices.begin() + random_.Below(choices.size()));
  }

  // Another class for each row, and other times; now and then a row is left out.
  LexicalChange NewAccess(const std::string& id) {
    ModelDocument& document = model.at(id);
    LexicalChange change;
    change.document = *documents.Find(id);
    change.kind = LexicalChange::Kind::kReclass;
    change.valid_from = random_.OneIn(6) ? static_cast<Micros>(random_.Below(kTimes)) : kAlways;
    document.valid_from = change.valid_from;
    document.valid_until = change.valid_until;
    std::erase_if(document.rows,
                  [&](const auto&) { return document.rows.size() > 1 && random_.OneIn(20); });
    for (auto& [ordinal, row] : document.rows) {
      row.class_id = static_cast<uint32_t>(random_.Below(classes_));
      change.rows.push_back({ordinal, row.class_id, nullptr});
    }
    return change;
  }

  // Words by Zipf, more or less, and now and then a code.
  std::string Text(uint64_t words_max) {
    std::string text;
    for (uint64_t n = random_.Below(words_max + 1); n > 0; --n) {
      const auto word = static_cast<uint64_t>(static_cast<double>(words_) * random_.Unit() *
                                              random_.Unit() * random_.Unit());
      text += random_.OneIn(12) ? "x_" : "";
      const char* const tie = random_.OneIn(2) ? "-" : random_.OneIn(2) ? "(" : ")(";
      text += "w" + std::to_string(word) + (random_.OneIn(12) ? tie : " ");
    }
    return text;
  }

  Random random_;
  const uint64_t classes_, ids_, words_;
  const size_t rows_max_;

 public:
  std::map<std::string, ModelDocument> model;
  DocumentNumbers documents;
  LexicalIndex index;
};

std::string Text(const std::vector<World::Answer>& answers) {
  std::string text;
  for (const auto& each : answers) {
    text += fmt::format("{}/{} {}\n", each.document, each.ordinal, each.score);
  }
  return text;
}

TEST(History, AnAnswerDependsOnMoreThanPermittedRows) {
  Effort effort("S2-lexical", 40);
  Random random(effort.seed());
  uint64_t questions = 0, found = 0;
  while (effort.More() && !HasFailure()) {
    World world(random.Next());
    for (int write = 0; write < 30 && !HasFailure(); ++write) {
      const LexicalIndex before = world.index;
      const DocumentNumbers documents_before = world.documents;
      const Question old = world.Ask();
      const auto answer_before = World::Found(before, documents_before, old, world.classes());
      world.Write();
      ASSERT_EQ(answer_before, World::Found(before, documents_before, old, world.classes()));
      for (int i = 0; i < 4; ++i) {
        const Question question = world.Ask();
        const auto expected = world.Expected(question);
        const auto answer = World::Found(world.index, world.documents, question, world.classes());
        ASSERT_EQ(expected, answer) << question.text << "\nexpected\n"
                                    << Text(expected) << "found\n"
                                    << Text(answer);
        ++questions;
        found += answer.size();
      }
    }
    const LexicalIndex rebuilt = world.Rebuilt();
    EXPECT_TRUE(HeldBy(rebuilt) == HeldBy(world.index));
    const Question question = world.Ask();
    EXPECT_EQ(world.Expected(question),
              World::Found(rebuilt, world.documents, question, world.classes()));
  }
  effort.Report("questions={} found={}", questions, found);
  EXPECT_GT(found, questions);
}

}  // namespace
}  // namespace cordon
