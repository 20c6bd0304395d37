// The published leak (tests/lexical/leak_test.cc tells of it) through the whole engine: whoever may
// read one document learns from the scores of answers which words stand in documents that he may
// not read. Here it works against an engine that ranks all rows and filters what comes out, and not
// against ours, by text and in each way of fusing it with vectors.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/retrieve/retrieve.h"
#include "tests/security/mirrored_tenant.h"
#include "tests/security/ranked_question.h"

namespace cordon {
namespace {

constexpr char kDocs[] = "docs";
constexpr size_t kGuesses = 30;
constexpr size_t kSecrets = 6;

const reference::List kForEveryone = {{{"everyone"}}, {}, {}};
const reference::List kAnaAlone = {{{"user:ana"}}, {}, {}};

reference::Document TextFor(const reference::List& readers, const std::string& text, float near) {
  reference::Document document;
  document.acl = readers;
  document.label = reference::Label{"public", {}, {}};
  document.chunks[0] = {text, {near, 1 - near}};
  return document;
}

std::string Numbered(const std::string& word, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += fmt::format("{}{} ", word, i);
  return text;
}

// The attacker's own document holds each guess once. Another that he may read holds a word that he
// asks for beside the guess, as a measure: in two documents, so rarer than a guess that stands in
// secret ones, and less rare than one that does not.
MirroredTenant::Documents Open() {
  return {{"own", TextFor(kForEveryone, Numbered("guess", kGuesses), 0.5)},
          {"measure", TextFor(kForEveryone, "measure " + Numbered("filler", kGuesses - 1), 0.5)},
          {"other", TextFor(kForEveryone, "measure " + Numbered("filler", 3 * kGuesses), 0.25)}};
}

MirroredTenant::Documents Secret(size_t word) {
  MirroredTenant::Documents secret;
  for (size_t i = 0; i < kSecrets; ++i) {
    const std::string text = fmt::format("we merge with guess{} soon", word);
    secret.push_back({fmt::format("secret{}", i), TextFor(kAnaAlone, text, 1)});
  }
  return secret;
}

struct NamedRanking {
  const char* name;
  v1::Rank rank;
  std::optional<reference::Fusion> fusion = {};
};
const std::vector<NamedRanking> kRankings = {
    {"by text", v1::RANK_LEXICAL},
    {"relative", v1::RANK_HYBRID, reference::Fusion{reference::Fusion::kRelative}},
    {"weighted", v1::RANK_HYBRID, reference::Fusion{reference::Fusion::kWeighted}},
    {"by ranks", v1::RANK_HYBRID, reference::Fusion{reference::Fusion::kRanks}}};

RankedQuestion AskFor(size_t guess, const NamedRanking& ranking) {
  RankedQuestion question;
  question.rank = ranking.rank;
  question.text = fmt::format("guess{} measure", guess);
  if (ranking.rank == v1::RANK_HYBRID) question.vector = {1, 0};
  question.fusion = ranking.fusion;
  return question;
}

// What a caller is told by an answer: documents and scores, best first.
std::string Told(const std::string& document, double score) {
  return fmt::format("{}={} ", document, score);
}
using Answers = std::vector<std::string>;  // by guess

// The guess whose answer is another than that of all others; none if there is no such one.
std::optional<size_t> Attack(const Answers& answers) {
  std::map<std::string, std::vector<size_t>> guesses;
  for (size_t i = 0; i < answers.size(); ++i) guesses[answers[i]].push_back(i);
  for (const auto& [answer, alike] : guesses) {
    if (guesses.size() == 2 && alike.size() == 1) return alike.front();
  }
  return std::nullopt;
}

// Ranks all rows, and filters what comes out.
Answers Naive(const reference::Tenant& model, const NamedRanking& ranking) {
  std::vector<reference::Found> all;
  for (const auto& [id, document] : model.collections.at(kDocs).documents) {
    for (const auto& [ordinal, chunk] : document.chunks) {
      all.push_back({id, ordinal, 0, &document, &chunk});
    }
  }
  Answers answers;
  for (size_t i = 0; i < kGuesses; ++i) {
    std::string& answer = answers.emplace_back();
    for (const auto& placed :
         AskFor(i, ranking).Answer(reference::Metric::kInnerProduct, all, all.size())) {
      if (placed.found.document.starts_with("secret")) continue;
      answer += Told(placed.found.document, placed.found.score);
    }
  }
  return answers;
}

class PublishedLeak : public testing::Test {
 protected:
  void SetUp() override {
    tenant_.set_dev(true);
    reference::Collection docs;
    docs.dimension = 2;
    docs.metric = reference::Metric::kInnerProduct;
    docs.default_acl = kForEveryone;
    docs.default_label = {"public", {}, {}};
    tenant_.CreateCollection(kDocs, docs);
    tenant_.Settle();  // a batch is validated in the newest View
    tenant_.Ingest(kDocs, Open());
    tenant_.Settle();
  }

  // As eve, who may read what everyone may.
  StatusOr<v1::RetrieveResponse> Ask(const RankedQuestion& question) {
    Credential eve;
    eve.key.principal = "user:eve";
    eve.key.destinations = {"dev"};
    v1::RetrieveRequest request;
    request.set_collection(kDocs);
    question.Fill(&request, /*embeds=*/false);
    return Later<v1::RetrieveResponse>([&](auto done) {
             const auto caller = ToCaller(eve, tenant_.name(), /*dev=*/true);
             Retrieve(engine_.Read(caller), request, done);
           })
        .get();
  }

  // Scores alone, and every byte of what is told.
  Answers Scores(const NamedRanking& ranking) { return Asked(ranking, /*whole=*/false); }
  Answers Whole(const NamedRanking& ranking) { return Asked(ranking, /*whole=*/true); }

  Answers Asked(const NamedRanking& ranking, bool whole) {
    Answers answers;
    for (size_t i = 0; i < kGuesses; ++i) {
      auto response = Ask(AskFor(i, ranking));
      EXPECT_TRUE(response.ok()) << response.status().ToString();
      std::string& answer = answers.emplace_back();
      if (!response.ok()) continue;
      EXPECT_GE(response->passages_size(), 2);
      for (const auto& passage : response->passages()) {
        answer += Told(passage.document(), passage.score());
      }
      response->clear_revision();
      response->clear_as_of();
      response->clear_journal_id();
      if (whole) answer += response->SerializeAsString();
    }
    return answers;
  }

  RunningEngine engine_{Durability::kBuffered};
  MirroredTenant tenant_{&engine_, "leak"};
};

TEST_F(PublishedLeak, ScoresTellWhichWordsStandInHiddenDocuments) {
  std::vector<Answers> before;
  for (const auto& ranking : kRankings) before.push_back(Whole(ranking));
  Random random(7);
  for (int round = 0; round < 3; ++round) {
    const size_t word = random.Below(kGuesses);
    tenant_.Ingest(kDocs, Secret(word));
    tenant_.Settle();
    for (size_t i = 0; i < kRankings.size(); ++i) {
      SCOPED_TRACE(kRankings[i].name);
      EXPECT_EQ(Attack(Naive(tenant_.model(), kRankings[i])), word)
          << "the attack itself does not work";
      EXPECT_EQ(Attack(Scores(kRankings[i])), std::nullopt);
      EXPECT_EQ(Whole(kRankings[i]), before[i]);
    }
  }
  for (size_t i = 0; i < kSecrets; ++i) tenant_.Delete(kDocs, fmt::format("secret{}", i));
  tenant_.Settle();
  for (size_t i = 0; i < kRankings.size(); ++i) EXPECT_EQ(Whole(kRankings[i]), before[i]);
}

// Who may read them is told of them: what the test hides, there is.
TEST_F(PublishedLeak, NothingIsThereToBeFound) {
  tenant_.Ingest(kDocs, Secret(3));
  tenant_.Settle();
  Credential ana;
  ana.key.principal = "user:ana";
  ana.key.destinations = {"dev"};
  v1::RetrieveRequest request;
  request.set_collection(kDocs);
  AskFor(3, kRankings[0]).Fill(&request, /*embeds=*/false);
  const auto answer =
      Later<v1::RetrieveResponse>([&](auto done) {
        Retrieve(engine_.Read(ToCaller(ana, tenant_.name(), /*dev=*/true)), request, done);
      }).get();
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->passages_size(), static_cast<int>(kSecrets + Open().size()));
}

}  // namespace
}  // namespace cordon
