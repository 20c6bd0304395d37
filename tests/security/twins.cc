#include "tests/security/twins.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <utility>

#include "engine/store/codec.h"

namespace cordon {
namespace {

constexpr size_t kVisible = 8;  // documents at most
constexpr size_t kIds = 16;
constexpr size_t kLeft = 2;  // ids that no tenant has

// A label that is below its document's would be refused.
bool Below(const reference::World& world, const reference::Label& own,
           const reference::Label& floor) {
  return reference::Rank(world, own.level) < reference::Rank(world, floor.level) ||
         !std::ranges::includes(own.compartments, floor.compartments);
}

}  // namespace

Twins::Twins(Draw* draw, TokenUsers* users, MirroredTenant* left, MirroredTenant* right,
             std::string collection)
    : draw_(*draw),
      users_(*users),
      left_(*left),
      right_(*right),
      collection_(std::move(collection)) {}

void Twins::Fill() {
  DrawWatchers();
  reference::Collection empty = draw_.Collection(model());
  empty.embeds = embeds_ = draw_.Percent(20);
  dimension_ = empty.dimension;
  for (auto* tenant : {&left_, &right_}) {
    tenant->CreateCollection(collection_, empty);
    tenant->Settle();
  }
  for (size_t i = 0; i < kIds; ++i) ids_.push_back(fmt::format("{}{}", i % 5 == 0 ? "é" : "d", i));
  for (size_t i = kIds; i > 1; --i) std::swap(ids_[i - 1], ids_[draw_.Below(i)]);
  std::vector<Steps> left_steps, right_steps;
  const size_t visible = 1 + draw_.Below(kVisible);
  for (size_t i = 0; i < kIds - kLeft; ++i) {
    if (i < visible) {
      const reference::Document document = Valid();
      left_steps.push_back(StepsToward(ids_[i], WithHiddenChunks(document)));
      right_steps.push_back(StepsToward(ids_[i], WithHiddenChunks(document)));
    } else {
      if (draw_.Percent(60)) left_steps.push_back(HiddenSteps(ids_[i]));
      if (draw_.Percent(30)) right_steps.push_back(HiddenSteps(ids_[i]));
    }
  }
  Send(&left_, std::move(left_steps));
  Send(&right_, std::move(right_steps));
  left_.Settle();
  right_.Settle();
}

void Twins::BeginSpace() {
  space_ = {"second", 1 + draw_.Below(24), /*embeds=*/true};
  for (auto* tenant : {&left_, &right_}) {
    tenant->BeginEmbedding(collection_, space_);
    tenant->WalkEmbedding(collection_, draw_.Below(3), 1 + draw_.Below(4));
  }
}

void Twins::SwitchSpace() {
  const bool drops = draw_.Percent(50);
  for (auto* tenant : {&left_, &right_}) {
    const uint64_t before = tenant->switches();
    tenant->WalkEmbedding(collection_, SIZE_MAX, kIds);
    tenant->SwitchEmbedding(collection_, space_.model);
    tenant->Settle();
    EXPECT_EQ(tenant->switches(), before + 1);
  }
  dimension_ = space_.dimension;
  embeds_ = true;
  // Of an id that is never a visible document's: what comes now is in one space only.
  const std::string& id = ids_[kIds - kLeft - 1];
  for (auto* tenant : {&left_, &right_}) {
    if (draw_.Percent(60)) Send(tenant, {HiddenSteps(id)});
    tenant->Settle();
    if (drops) tenant->DropEmbedding(collection_, "");
    tenant->WalkEmbedding(collection_, draw_.Below(3), 1 + draw_.Below(4));
  }
}

void Twins::DrawWatchers() {
  counts_ = draw_.Percent(30);
  for (size_t n = 1 + draw_.Below(2); n > 0; --n) {
    watchers_.push_back({draw_.Key(model()), draw_.As(), draw_.To()});
    Watcher& watcher = watchers_.back();
    // Most are answered, not refused.
    watcher.credential.query = true;
    watcher.credential.collections = {draw_.Percent(90) ? collection_ : "elsewhere"};
    if (draw_.Percent(80)) watcher.credential.key.patterns.push_back("*");
    if (draw_.Percent(80)) watcher.credential.key.destinations.push_back("*");
    watcher.credential.exports = draw_.Percent(50);
    if (draw_.Percent(30)) GiveToken(&watcher);
    if (counts_) watcher.as = watcher.User();
  }
  OpenAccesses();
  const auto& world = model().world;
  for (int tick = 0; tick <= kTicks; ++tick) {
    const reference::Time now = left_.engine()->now() + tick * RunningEngine::kTick;
    for (const Watcher& watcher : watchers_) {
      askers_.emplace_back(
          users_.AskerOf(watcher.credential.key, watcher.token, watcher.as, watcher.to, now), now);
      if (!watcher.glass.empty()) {
        askers_.push_back(askers_.back());
        askers_.back().first.break_glass = true;
      }
      if (!counts_) continue;
      askers_.emplace_back(reference::Alone(world, watcher.as, watcher.to, now), now);
      askers_.emplace_back(reference::Alone(world, watcher.as, "", now), now);
    }
  }
}

void Twins::GiveToken(Watcher* watcher) {
  const reference::Time now = left_.engine()->now();
  do {
    watcher->token = users_.Bring();
  } while (!reference::LetsIn(users_.issuers(), watcher->token->says, now) && draw_.Percent(75));
  watcher->as = users_.DrawAs(*watcher->token);
  if (watcher->alone()) watcher->credential = users_.Alone(*watcher->token);
}

void Twins::OpenAccesses() {
  for (size_t i = 0; i < watchers_.size(); ++i) {
    Watcher& watcher = watchers_[i];
    if (!draw_.Percent(30) || watcher.alone()) continue;
    watcher.credential.break_glass = true;
    watcher.glass = fmt::format("{}-{}", collection_, i);
    v1::OpenBreakGlassRequest request;
    request.set_as(watcher.as);
    request.set_reason("a fire");
    const auto ticks = static_cast<reference::Time>(1 + draw_.Below(kTicks + 3));
    *request.mutable_until() = ToProtoTime(left_.engine()->now() + ticks * RunningEngine::kTick);
    std::vector<std::string> outcomes;
    for (auto* tenant : {&left_, &right_}) {
      const auto caller = watcher.Enter(users_, *tenant);
      if (!caller.ok()) continue;  // for both
      const auto opened =
          Later<v1::OpenBreakGlassResponse>([&](auto done) {
            OpenBreakGlass(tenant->engine()->Write(*caller), request, watcher.glass, done);
          }).get();
      outcomes.push_back(opened.status().ToString());
    }
    if (outcomes.empty()) continue;
    EXPECT_EQ(outcomes.front(), outcomes.back());  // a refusal, too: it may not act for that user
  }
}

bool Twins::Hidden(const reference::Document& document, const reference::StoredChunk& chunk) const {
  return reference::all_of(askers_, [&](const auto& asker) {
    return !asker.first.refused.empty() ||
           !reference::MaySee(model().world, asker.first, reference::Judged(document, chunk),
                              asker.second);
  });
}

bool Twins::Hidden(const reference::Document& document) const {
  return reference::all_of(document.chunks,
                           [&](const auto& chunk) { return Hidden(document, chunk.second); });
}

void Twins::Deny(reference::List* list) const {
  for (const Watcher& watcher : watchers_) list->deny.push_back({watcher.User()});
}

reference::Document Twins::Valid() {
  reference::Document document = draw_.Document(model(), dimension_);
  // As the collection would complete it, so that the model can judge it before it is written.
  if (!document.acl) document.acl = {{{"everyone"}}, {}, {}};
  if (!document.label) document.label = {model().world.levels.back(), {}, {}};
  if (embeds_) {
    for (auto& [ordinal, chunk] : document.chunks) chunk.embedding.clear();
  }
  if (document.valid_from >= document.valid_until) document.valid_until = INT64_MAX;
  for (auto& [ordinal, chunk] : document.chunks) {
    if (chunk.label && Below(model().world, *chunk.label, *document.label)) chunk.label.reset();
  }
  return document;
}

reference::Document Twins::HiddenDocument() {
  reference::Document document = Valid();
  for (int i = 0; i < 3 && !Hidden(document); ++i) document = Valid();
  if (!Hidden(document)) Deny(&*document.acl);
  hidden_ += document.chunks.size();
  return document;
}

reference::Document Twins::WithHiddenChunks(reference::Document document) {
  for (size_t n = draw_.Percent(30) ? 1 + draw_.Below(2) : 0; n > 0; --n) {
    const auto ordinal = static_cast<uint32_t>(draw_.Below(8));
    if (document.chunks.contains(ordinal)) continue;
    auto chunk = draw_.Chunk(model(), *document.label, dimension_);
    if (chunk.label && Below(model().world, *chunk.label, *document.label)) chunk.label.reset();
    if (embeds_) chunk.embedding.clear();
    if (!Hidden(document, chunk)) {
      if (!chunk.acl) chunk.acl = {{{"everyone"}}, {}, {}};
      Deny(&*chunk.acl);
    }
    document.chunks[ordinal] = std::move(chunk);
    ++hidden_;
  }
  return document;
}

Twins::Step Twins::Ingest(const std::string& id, const reference::Document& document) const {
  return [=, this](MirroredTenant* tenant) { tenant->Ingest(collection_, {{id, document}}); };
}

Twins::Steps Twins::StepsToward(const std::string& id, const reference::Document& document) {
  Steps steps;
  if (draw_.Percent(20)) steps.push_back(Ingest(id, Valid()));
  if (draw_.Percent(75)) {
    steps.push_back(Ingest(id, document));
    return steps;
  }
  reference::Document before = document;
  before.acl = draw_.List(kContainers);
  steps.push_back(Ingest(id, before));
  steps.push_back([=, this](MirroredTenant* tenant) {
    tenant->SetAccess(collection_, id, document.acl, std::nullopt);
  });
  return steps;
}

// Hidden all the time, or at the end, or gone.
Twins::Steps Twins::HiddenSteps(const std::string& id) {
  Steps steps;
  const auto remove = [=, this](MirroredTenant* tenant) { tenant->Delete(collection_, id); };
  if (draw_.Percent(35)) steps.push_back(Ingest(id, Valid()));
  if (!steps.empty() && draw_.Percent(40)) {
    steps.push_back(remove);
    return steps;
  }
  const reference::Document document = HiddenDocument();
  steps.push_back(Ingest(id, document));
  if (draw_.Percent(20)) {
    reference::List list = draw_.List(kContainers);
    Deny(&list);
    const bool many = draw_.Percent(50);
    steps.push_back([=, this](MirroredTenant* tenant) {
      if (many) return tenant->SetAccessMany(collection_, {{id, {list, std::nullopt}}});
      tenant->SetAccess(collection_, id, list, std::nullopt);
    });
  }
  if (draw_.Percent(25)) steps.push_back(remove);
  if (draw_.Percent(15)) steps.push_back(Ingest(id, HiddenDocument()));
  return steps;
}

// In a random order that keeps the order of each document's own steps.
void Twins::Send(MirroredTenant* tenant, std::vector<Steps> documents) {
  for (auto& steps : documents) std::ranges::reverse(steps);
  while (!documents.empty()) {
    const size_t i = draw_.Below(documents.size());
    documents[i].back()(tenant);
    documents[i].pop_back();
    if (documents[i].empty()) documents.erase(documents.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

bool Twins::Even() const {
  const auto seen = [&](const MirroredTenant& tenant, const reference::Asker& asker,
                        reference::Time now) {
    std::vector<std::string> all;
    const auto& collection = tenant.model().collections.at(collection_);
    for (const auto& each : reference::Visible(tenant.model().world, collection, asker, now)) {
      all.push_back(fmt::format("{} {} {}", each.document, each.ordinal, each.chunk->text));
    }
    return all;
  };
  return reference::all_of(askers_, [&](const auto& asker) {
    return !asker.first.refused.empty() ||
           seen(left_, asker.first, asker.second) == seen(right_, asker.first, asker.second);
  });
}

}  // namespace cordon
