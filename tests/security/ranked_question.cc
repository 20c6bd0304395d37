#include "tests/security/ranked_question.h"

namespace cordon {
namespace {

constexpr uint32_t kDepthMax = 10'000;
constexpr uint32_t kDefaultK = 10;

reference::Filter MakeFilter(Draw* draw, int depth) {
  const size_t kind = depth == 0 ? 99 : draw->Below(100);
  if (kind < 12) return {"not", {}, 0, {MakeFilter(draw, depth - 1)}};
  if (kind < 36) {
    return {kind < 24 ? "and" : "or",
            {},
            0,
            {MakeFilter(draw, depth - 1), MakeFilter(draw, depth - 1)}};
  }
  static const Strings kTests = {"eq", "gte", "lt", "exists", "missing"};
  const std::string attribute = draw->Percent(70)   ? "year"
                                : draw->Percent(95) ? "secret"
                                                    : "unheard";
  return {draw->Pick(kTests), attribute, static_cast<int64_t>(draw->Below(6)), {}};
}

reference::Fusion MakeFusion(Draw* draw) {
  reference::Fusion fusion;
  fusion.method = static_cast<reference::Fusion::Method>(draw->Below(3));
  fusion.by_vector = static_cast<double>(draw->Below(4)) / 2;
  fusion.by_text = 0.5 + static_cast<double>(draw->Below(3));
  // So few, too, that what there is goes beyond.
  if (draw->Percent(60)) fusion.depth = draw->Percent(50) ? kDepthMax : 1 + draw->Below(4);
  return fusion;
}

}  // namespace

v1::Filter ToWire(const reference::Filter& filter) {
  v1::Filter out;
  if (filter.kind == "not") {
    *out.mutable_negated() = ToWire(filter.parts[0]);
  } else if (filter.kind == "and" || filter.kind == "or") {
    auto* list = filter.kind == "and" ? out.mutable_all() : out.mutable_any();
    for (const auto& part : filter.parts) *list->add_filters() = ToWire(part);
  } else {
    auto* condition = out.mutable_condition();
    condition->set_attribute(filter.attribute);
    if (filter.kind == "eq") condition->mutable_eq()->set_int_value(filter.value);
    if (filter.kind == "gte")
      condition->mutable_range()->mutable_gte()->set_int_value(filter.value);
    if (filter.kind == "lt") condition->mutable_range()->mutable_lt()->set_int_value(filter.value);
    if (filter.kind == "exists") condition->set_exists(true);
    if (filter.kind == "missing") condition->set_exists(false);
  }
  return out;
}

RankedQuestion RankedQuestion::Make(Draw* draw, size_t dimension) {
  RankedQuestion question;
  const size_t rank = draw->Below(100);
  question.rank = rank < 50 ? v1::RANK_VECTOR : rank < 75 ? v1::RANK_LEXICAL : v1::RANK_HYBRID;
  if (question.rank != v1::RANK_VECTOR) question.text = draw->Words(4);
  if (question.rank != v1::RANK_LEXICAL) question.vector = draw->Vector(dimension);
  if (draw->Percent(25)) question.filter = MakeFilter(draw, 2);
  if (question.rank == v1::RANK_HYBRID && draw->Percent(60)) question.fusion = MakeFusion(draw);
  if (draw->Percent(8)) question.min_score = static_cast<double>(draw->Below(10)) / 10;
  return question;
}

void RankedQuestion::Fill(v1::RetrieveRequest* request, bool embeds) const {
  request->set_rank(rank);
  request->set_text(text);
  if (embeds && text.empty()) request->set_text("a text to embed");
  if (!embeds) request->mutable_vector()->Assign(vector.begin(), vector.end());
  if (filter) *request->mutable_filter() = ToWire(*filter);
  if (min_score) request->set_min_score(*min_score);
  if (!fusion) return;
  auto* out = request->mutable_fusion();
  static constexpr v1::FusionMethod kMethods[] = {v1::FUSION_METHOD_RELATIVE_SCORE,
                                                  v1::FUSION_METHOD_WEIGHTED_SCORE,
                                                  v1::FUSION_METHOD_RECIPROCAL_RANK};
  out->set_method(kMethods[fusion->method]);
  out->set_vector_weight(fusion->by_vector);
  out->set_lexical_weight(fusion->by_text);
  if (fusion->depth == reference::Fusion().depth) return;  // the default
  const uint32_t k = request->k() == 0 ? kDefaultK : request->k();
  out->set_depth(std::max(static_cast<uint32_t>(fusion->depth), k));
}

std::vector<reference::Placed> RankedQuestion::Answer(reference::Metric metric,
                                                      std::vector<reference::Found> visible,
                                                      size_t k) const {
  if (filter) {
    std::erase_if(visible,
                  [&](const auto& found) { return !reference::Admits(*filter, *found.in); });
  }
  std::vector<reference::Placed> placed;
  if (rank == v1::RANK_HYBRID) {
    auto fused = fusion.value_or(reference::Fusion());
    const size_t wanted = k == 0 ? kDefaultK : k;
    // Of the default: twice as many as are asked for.
    const bool given = fused.depth != reference::Fusion().depth;
    fused.depth = std::max(fused.depth, given ? wanted : std::min<size_t>(2 * wanted, kDepthMax));
    placed = reference::Fused(metric, visible, vector, text, fused);
  } else {
    for (const auto& found : rank == v1::RANK_LEXICAL
                                 ? reference::RankedByText(visible, text)
                                 : reference::Ranked(metric, visible, vector)) {
      placed.push_back({found});
    }
  }
  if (min_score) {
    std::erase_if(placed, [&](const auto& each) { return each.found.score < *min_score; });
  }
  return placed;
}

}  // namespace cordon
