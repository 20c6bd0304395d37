// MakeXapianBm25; CORDON_XAPIAN says whether there is a Xapian.
#include "bench/relevance_peers.h"

#ifdef CORDON_XAPIAN
#include <xapian.h>

#include <algorithm>
#include <numeric>

namespace cordon {
namespace {

class XapianBm25 : public TextRanker {
 public:
  XapianBm25(const RelevanceSet& set, const Analysis& analysis)
      : analysis_(analysis), database_("", Xapian::DB_BACKEND_INMEMORY) {
    // By id: Xapian puts equal scores in the order in which documents came.
    std::vector<size_t> order(set.ids.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return set.ids[a] < set.ids[b]; });
    for (const size_t i : order) {
      Xapian::Document document;
      for (const auto& [term, count] : analysis.of_text(set.texts[i]).counts) {
        document.add_term(term, count);
      }
      database_.add_document(document);
      ids_.push_back(set.ids[i]);
    }
  }

  RankedIds Rank(const std::string& question, size_t depth) override {
    std::vector<Xapian::Query> terms;
    for (const auto& [term, times] : analysis_.of_question(question).counts) {
      if (times > 0) terms.emplace_back(term, times);
    }
    Xapian::Enquire enquire(database_);
    // The third is k3: so great that each repeat in the question counts in full.
    enquire.set_weighting_scheme(Xapian::BM25Weight(1.2, 0, 1e9, 0.75, 0));
    enquire.set_query(Xapian::Query(Xapian::Query::OP_OR, terms.begin(), terms.end()));
    RankedIds ranking;
    const Xapian::MSet found = enquire.get_mset(0, static_cast<Xapian::doccount>(depth));
    for (auto at = found.begin(); at != found.end(); ++at) {
      ranking.emplace_back(ids_[*at - 1], at.get_weight());
    }
    return ranking;
  }

 private:
  const Analysis analysis_;
  Xapian::WritableDatabase database_;
  std::vector<std::string> ids_;  // by Xapian's number, from 1
};

}  // namespace

std::unique_ptr<TextRanker> MakeXapianBm25(const RelevanceSet& set, const Analysis& analysis) {
  return std::make_unique<XapianBm25>(set, analysis);
}

}  // namespace cordon
#else
namespace cordon {

std::unique_ptr<TextRanker> MakeXapianBm25(const RelevanceSet&, const Analysis&) { return nullptr; }

}  // namespace cordon
#endif
