#include "tests/security/model_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <map>

#include "engine/store/codec.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

using reference::Found;
using reference::Placed;

// The refusals of the model in the engine's words; act-as is refused in two.
std::string OutcomeOf(const std::string& refused) {
  if (refused == "no user or service") return "INVALID_ARGUMENT: as";
  if (refused == "too deep") return "FAILED_PRECONDITION: as";
  if (refused == "destination") return "PERMISSION_DENIED: destination";
  if (refused == "act-as") return "PERMISSION_DENIED: act-as";
  return refused;
}

std::string Serialized(const google::protobuf::MessageLite& message) {
  return message.SerializeAsString();
}

reference::Time ToTime(const google::protobuf::Timestamp& stamp) {
  return stamp.seconds() * 1'000'000 + stamp.nanos() / 1000;
}

}  // namespace

void ModelReader::Note(uint64_t* count, const char* kind, const std::string& what) {
  ++*count;
  const auto& token = caller_->token;
  const std::string with =
      token ? fmt::format(" with a token of {} for {}", token->says.issuer, token->says.user) : "";
  ADD_FAILURE() << kind << ": " << what << "\n  asked by " << caller_->credential.key.principal
                << with << " as '" << caller_->as << "' for '" << caller_->to << "' at "
                << tenant_.engine()->now() << " in " << tenant_.name() << ", revision "
                << tenant_.revision();
}

v1::Scope ModelReader::Scope() const {
  v1::Scope scope;
  scope.set_as(caller_->as);
  scope.set_destination(caller_->to);
  if (under_glass_) scope.set_break_glass(caller_->glass);
  return scope;
}

ModelReader::Target ModelReader::DrawTarget() {
  Target target;
  target.name = draw_.Percent(2) ? "nowhere" : fmt::format("c{}", 1 + draw_.Below(3));
  const auto& usable = caller_->credential.collections;
  const auto found = tenant_.model().collections.find(target.name);
  const bool may = reference::any_of(
      usable, [&](const std::string& name) { return name == "*" || name == target.name; });
  target.collection = may && found != tenant_.model().collections.end() ? &found->second : nullptr;
  if (target.collection != nullptr && caller_->asker.refused.empty()) {
    target.visible =
        reference::Visible(world(), *target.collection, caller_->asker, tenant_.engine()->now());
    tally_.permitted += target.visible.size();
    for (const auto& [id, document] : target.collection->documents) {
      tally_.judged += document.chunks.size();
    }
  }
  return target;
}

std::string ModelReader::DrawId(const Target& target) {
  if (target.collection == nullptr || target.collection->documents.empty() || draw_.Percent(10)) {
    return fmt::format("d{}", draw_.Below(30));
  }
  const auto& documents = target.collection->documents;
  return std::next(documents.begin(), static_cast<std::ptrdiff_t>(draw_.Below(documents.size())))
      ->first;
}

std::string ModelReader::Refused(const Target* target) const {
  if (!caller_->credential.query) return "PERMISSION_DENIED: rights";
  if (target != nullptr && target->collection == nullptr) return "NOT_FOUND: collection";
  if (!caller_->asker.refused.empty()) return OutcomeOf(caller_->asker.refused);
  return under_glass_ && !caller_->asker.break_glass ? "PERMISSION_DENIED: break_glass" : "";
}

template <typename Response>
void ModelReader::Expect(std::future<StatusOr<Response>> answer, std::string refused,
                         std::function<void(const Response&)> compare) {
  auto shared = std::make_shared<std::future<StatusOr<Response>>>(std::move(answer));
  waiting_.push_back([this, shared, refused, compare] {
    const StatusOr<Response> response = shared->get();
    ++tally_.answers;
    tally_.by_token += caller_->token && response.ok();
    if (!refused.empty() || !response.ok()) return CompareRefusal(refused, Outcome(response));
    if (response->revision() != tenant_.revision()) {
      Wrong(fmt::format("revision {}", response->revision()));
    }
    compare(*response);
  });
}

void ModelReader::CompareRefusal(const std::string& expected, std::string outcome) {
  ++tally_.refusals;
  // The engine tells apart why a caller may not act for another.
  const bool act_as = outcome == "PERMISSION_DENIED: as" ||
                      (outcome == "PERMISSION_DENIED: rights" && caller_->credential.query);
  if (act_as) outcome = "PERMISSION_DENIED: act-as";
  // And which attribute is unknown.
  const std::string of_filter = "INVALID_ARGUMENT: filter";
  if (outcome.starts_with(of_filter)) outcome = of_filter;
  if (outcome == expected) return;
  const std::string what = fmt::format("'{}' instead of '{}'", outcome, expected);
  if (outcome == "OK") return Leaked(what);
  expected.empty() ? Missing(what) : Wrong(what);
}

void ModelReader::DrawCaller() {
  constexpr size_t kRegulars = 6;
  if (!regulars_.empty() && draw_.Percent(60)) {
    caller_ = regulars_[draw_.Below(regulars_.size())];
    return;
  }
  do {
    DrawStranger();
  } while (!caller_->asker.refused.empty() && draw_.Percent(75));
  OpenAccess();
  if (regulars_.size() < kRegulars) {
    regulars_.push_back(*caller_);
  } else {
    regulars_[draw_.Below(kRegulars)] = *caller_;
  }
}

void ModelReader::OpenAccess() {
  constexpr size_t kTicks = 12;  // it may end while this caller still asks
  const bool answered = caller_->asker.refused.empty() && caller_->proof;
  if (!caller_->credential.break_glass || !answered) return;
  const auto ticks = static_cast<reference::Time>(1 + draw_.Below(kTicks));
  caller_->glass = fmt::format("g{}", ends_.size());
  caller_->glass_for = ActingFor();
  const reference::Time until = tenant_.engine()->now() + ticks * RunningEngine::kTick;
  ends_[caller_->glass] = until;
  v1::OpenBreakGlassRequest request;
  request.set_as(caller_->as);
  request.set_reason("a fire");
  *request.mutable_until() = ToProtoTime(until);
  tenant_.OpenBreakGlass(*caller_->proof, request, caller_->glass);
}

void ModelReader::CloseAccess() {
  tenant_.CloseBreakGlass(*caller_->proof, caller_->glass);
  ends_.at(caller_->glass) = tenant_.engine()->now();
}

void ModelReader::DrawGlass() {
  under_glass_ = false;
  if (caller_->glass.empty()) return;
  const auto opened = [this] { return tenant_.engine()->now() < ends_.at(caller_->glass); };
  if (opened() && draw_.Percent(8)) CloseAccess();
  // Who was an alias may not be one any more.
  const bool open = opened() && caller_->glass_for == ActingFor();
  under_glass_ = draw_.Percent(open ? 60 : 15);
  caller_->asker.break_glass = under_glass_ && open;
}

uint64_t ModelReader::Ask(uint64_t questions) {
  DrawCaller();
  Present();
  Resolve();
  if (TurnedAway()) return 0;
  DrawGlass();
  for (uint64_t i = 0; i < questions; ++i) {
    const size_t what = draw_.Below(100);
    if (what < 50) {
      Retrieve();
    } else if (what < 70) {
      GetDocument();
    } else if (what < 80) {
      CheckAccess();
    } else if (what < 90) {
      Stats();
    } else {
      AllowedDestinations();
    }
  }
  for (const auto& wait : waiting_) wait();
  waiting_.clear();
  return questions;
}

void ModelReader::Retrieve() {
  const Target target = DrawTarget();
  constexpr uint32_t kSizes[] = {0, 1, 2, 3, 5, 8, 20, 100, 10'000, 10'001};
  v1::RetrieveRequest request;
  request.set_collection(target.name);
  *request.mutable_scope() = Scope();
  request.set_k(kSizes[draw_.Below(draw_.Percent(5) ? std::size(kSizes) : 8)]);
  request.set_mode(draw_.Percent(70) ? v1::MODE_EXACT
                                     : static_cast<v1::Mode>(draw_.Below(2)));  // the same as fast
  request.set_omit_text(draw_.Percent(30));
  if (draw_.Percent(8)) request.set_token_budget(static_cast<uint32_t>(1 + draw_.Below(20)));
  size_t dimension = target.collection == nullptr ? 3 : target.collection->dimension;
  const bool wrong = draw_.Percent(1);
  if (wrong) ++dimension;
  RankedQuestion question = RankedQuestion::Make(&draw_, dimension);
  // A collection that embeds by itself takes no vector of any dimension.
  const bool embeds = target.collection != nullptr && target.collection->embeds && !wrong;
  question.Fill(&request, embeds);
  if (embeds) question.vector = BuiltIn(dimension, request.text());
  std::string refused = Refused(&target);
  const bool of_model = DrawModel(target, &request);
  if (refused.empty() && !of_model) refused = "INVALID_ARGUMENT: vector_model";
  if (refused.empty() && wrong && !question.vector.empty()) refused = "INVALID_ARGUMENT: vector";
  const bool known = target.collection == nullptr || !question.filter ||
                     reference::Knows(world(), caller_->asker, *target.collection, *question.filter,
                                      tenant_.engine()->now());
  if (refused.empty() && !known) refused = "INVALID_ARGUMENT: filter";
  if (caller_->credential.query && request.k() > 10'000) refused = "INVALID_ARGUMENT: k";
  Expect<v1::RetrieveResponse>(
      Later<v1::RetrieveResponse>([&](auto done) {
        cordon::Retrieve(tenant_.engine()->Read(*caller_->proof), request, done);
      }),
      refused,
      [=, this](const auto& response) { CompareRetrieve(target, question, request, response); });
}

// Whether the model that the question names, if it names one, is the one that is searched.
bool ModelReader::DrawModel(const Target& target, v1::RetrieveRequest* request) {
  if (target.collection == nullptr || request->rank() == v1::RANK_LEXICAL) return true;
  if (!draw_.Percent(10)) return true;
  const std::string& searched = target.collection->model;
  const auto& other = target.collection->other;
  request->set_vector_model(other && draw_.Percent(30) ? other->model : searched);
  return request->vector_model().empty() || request->vector_model() == searched;
}

void ModelReader::CompareRetrieve(const Target& target, const RankedQuestion& question,
                                  const v1::RetrieveRequest& request,
                                  const v1::RetrieveResponse& response) {
  std::map<std::pair<std::string, uint32_t>, const Placed*> visible;
  const auto ranked = question.Answer(target.collection->metric, target.visible, request.k());
  for (const Placed& each : ranked) visible[{each.found.document, each.found.ordinal}] = &each;
  std::vector<Found> answered;
  for (const auto& passage : response.passages()) {
    ++tally_.passages;
    const auto found = visible.find({passage.document(), passage.chunk()});
    if (found == visible.end()) {
      Leaked(fmt::format("chunk {} of {}, or twice", passage.chunk(), passage.document()));
      continue;
    }
    ComparePassage(*found->second, request, passage);
    answered.push_back(found->second->found);
    visible.erase(found);
  }
  CompareOrder(ranked, request, response);
  CompareContext(answered, response);
  if (response.break_glass() != request.scope().break_glass()) Wrong("another access");
  if (!response.break_glass().empty()) ++tally_.emergencies;
}

void ModelReader::CompareOrder(const std::vector<Placed>& ranked,
                               const v1::RetrieveRequest& request,
                               const v1::RetrieveResponse& response) {
  const size_t k = std::min<size_t>(request.k() == 0 ? 10 : request.k(), ranked.size());
  const auto given = static_cast<size_t>(response.passages_size());
  // A budget may cut the answer, but not choose from it.
  if (response.limited() != (given < k) || (response.limited() && request.token_budget() == 0)) {
    Missing(fmt::format("{} of {} passages", given, k));
  }
  for (size_t i = 0; i < std::min(given, k); ++i) {
    const auto& passage = response.passages(static_cast<int>(i));
    const Found& expected = ranked[i].found;
    const bool same =
        passage.document() == expected.document && passage.chunk() == expected.ordinal;
    // An approximate search may find others; they are in order, and as many.
    if (!same && request.mode() == v1::MODE_EXACT) {
      Missing(fmt::format("chunk {} of {} in place {} of {}", expected.ordinal, expected.document,
                          i, k));
    }
    if (i > 0 && response.passages(static_cast<int>(i) - 1).score() < passage.score()) {
      Wrong(fmt::format("the order at {}", i));
    }
  }
}

void ModelReader::ComparePassage(const Placed& placed, const v1::RetrieveRequest& request,
                                 const v1::Passage& passage) {
  const Found& expected = placed.found;
  v1::Passage whole;
  whole.set_document(expected.document);
  whole.set_chunk(expected.ordinal);
  whole.set_score(expected.score);
  if (!request.omit_text()) whole.set_text(expected.chunk->text);
  *whole.mutable_label() =
      ToWire(reference::LabelOf(world(), reference::Judged(*expected.in, *expected.chunk)));
  whole.set_title(expected.in->title);
  whole.set_uri(expected.in->uri);
  if (!expected.in->source.empty() || !expected.in->trust.empty()) {
    whole.mutable_provenance()->set_source(expected.in->source);
    whole.mutable_provenance()->set_trust(expected.in->trust);
  }
  if (request.rank() == v1::RANK_HYBRID) {
    whole.set_vector_score(placed.vector);
    whole.set_lexical_score(placed.lexical);
    if (placed.vector_rank > 0) whole.set_vector_rank(placed.vector_rank);
    if (placed.lexical_rank > 0) whole.set_lexical_rank(placed.lexical_rank);
  }
  if (Serialized(whole) != Serialized(passage)) {
    Wrong(fmt::format("a passage:\n{}instead of\n{}{:x} and {:x}", passage.DebugString(),
                      whole.DebugString(), std::bit_cast<uint64_t>(passage.score()),
                      std::bit_cast<uint64_t>(expected.score)));
  }
}

void ModelReader::CompareContext(const std::vector<Found>& answered,
                                 const v1::RetrieveResponse& response) {
  const auto label = reference::JoinOf(world(), answered);
  const std::string expected = label ? Serialized(ToWire(*label)) : "";
  if (response.has_context_label() != label.has_value() ||
      Serialized(response.context_label()) != expected) {
    Wrong("the context's label: " + response.context_label().ShortDebugString());
  }
  const auto receivers =
      reference::Receivers(world(), caller_->credential.key, caller_->asker,
                           reference::LabelsOf(world(), answered), tenant_.engine()->now());
  if (!std::ranges::equal(receivers, response.destinations())) {
    Wrong("the destinations: " + response.ShortDebugString());
  }
  if (ToTime(response.as_of()) != tenant_.engine()->now()) Wrong("as_of");
}

void ModelReader::GetDocument() {
  const Target target = DrawTarget();
  v1::GetDocumentRequest request;
  request.set_collection(target.name);
  request.set_document(DrawId(target));
  *request.mutable_scope() = Scope();
  std::vector<Found> expected;
  for (const Found& each : target.visible) {
    if (each.document == request.document()) expected.push_back(each);
  }
  std::string refused = Refused(&target);
  if (refused.empty() && expected.empty()) refused = "NOT_FOUND: document";
  auto answer = Later<v1::GetDocumentResponse>([&](auto done) {
    cordon::GetDocument(tenant_.engine()->Read(*caller_->proof), request, done);
  });
  Expect<v1::GetDocumentResponse>(
      std::move(answer), refused, [=, this](const v1::GetDocumentResponse& response) {
        v1::GetDocumentResponse whole;
        whole.set_document(expected[0].document);
        whole.set_title(expected[0].in->title);
        whole.set_uri(expected[0].in->uri);
        if (expected[0].in->version) whole.set_version(*expected[0].in->version);
        if (!expected[0].in->source.empty() || !expected[0].in->trust.empty()) {
          whole.mutable_provenance()->set_source(expected[0].in->source);
          whole.mutable_provenance()->set_trust(expected[0].in->trust);
        }
        for (const auto& name : reference::Receivers(
                 world(), caller_->credential.key, caller_->asker,
                 reference::LabelsOf(world(), expected), tenant_.engine()->now())) {
          whole.add_destinations(name);
        }
        for (const Found& each : expected) {
          auto* chunk = whole.add_chunks();
          chunk->set_chunk(each.ordinal);
          chunk->set_text(each.chunk->text);
          *chunk->mutable_label() =
              ToWire(reference::LabelOf(world(), reference::Judged(*each.in, *each.chunk)));
        }
        *whole.mutable_context_label() = ToWire(*reference::JoinOf(world(), expected));
        whole.set_revision(tenant_.revision());
        *whole.mutable_as_of() = response.as_of();
        whole.set_journal_id(response.journal_id());
        whole.set_break_glass(request.scope().break_glass());
        if (response.chunks_size() > whole.chunks_size()) Leaked(response.ShortDebugString());
        if (response.chunks_size() < whole.chunks_size()) Missing(response.ShortDebugString());
        if (Serialized(whole) != Serialized(response)) {
          Wrong(response.ShortDebugString() + "\ninstead of\n" + whole.ShortDebugString());
        }
      });
}

void ModelReader::CheckAccess() {
  const Target target = DrawTarget();
  v1::CheckAccessRequest request;
  request.set_collection(target.name);
  *request.mutable_scope() = Scope();
  Strings expected;
  for (size_t n = draw_.Below(8); n > 0; --n) {
    const std::string id = DrawId(target);
    request.add_documents(id);
    const auto of_it = [&](const Found& each) { return each.document == id; };
    if (reference::any_of(target.visible, of_it)) expected.push_back(id);
  }
  auto answer = Later<v1::CheckAccessResponse>([&](auto done) {
    cordon::CheckAccess(tenant_.engine()->Read(*caller_->proof), request, done);
  });
  Expect<v1::CheckAccessResponse>(
      std::move(answer), Refused(&target), [=, this](const v1::CheckAccessResponse& response) {
        const auto given = static_cast<size_t>(response.permitted_size());
        if (given > expected.size()) Leaked("ids: " + response.ShortDebugString());
        if (given < expected.size()) Missing("ids: " + response.ShortDebugString());
        if (given == expected.size() && !std::ranges::equal(expected, response.permitted())) {
          Wrong("ids: " + response.ShortDebugString());
        }
      });
}

void ModelReader::AllowedDestinations() {
  const reference::Label label = draw_.Label(tenant_.model());
  v1::AllowedDestinationsRequest request;
  *request.mutable_label() = ToWire(label);
  *request.mutable_scope() = Scope();
  std::string refused = Refused(nullptr);
  if (draw_.Percent(3)) {
    request.mutable_label()->add_tags("unheard-of");
    if (refused.empty()) refused = "INVALID_ARGUMENT: label.tags";
  }
  auto answer = Later<v1::AllowedDestinationsResponse>([&](auto done) {
    cordon::AllowedDestinations(tenant_.engine()->Read(*caller_->proof), request, done);
  });
  Expect<v1::AllowedDestinationsResponse>(
      std::move(answer), refused, [=, this](const v1::AllowedDestinationsResponse& response) {
        const auto expected = reference::Receivers(world(), caller_->credential.key, caller_->asker,
                                                   {label}, tenant_.engine()->now());
        if (!std::ranges::equal(expected, response.destinations())) {
          Wrong("receivers: " + response.ShortDebugString());
        }
      });
}

void ModelReader::Stats() {
  Target target = DrawTarget();
  v1::StatsRequest request;
  request.set_collection(target.name);
  request.set_as(caller_->as.empty() ? "user:ana" : caller_->as);
  if (draw_.Percent(50)) request.set_destination(caller_->to);
  const reference::Time now = tenant_.engine()->now();
  const auto asker = reference::Alone(world(), request.as(), request.destination(), now);
  std::string refused = OutcomeOf(asker.refused);
  v1::StatsResponse whole;
  if (target.collection == nullptr) {
    refused = "NOT_FOUND: collection";
  } else if (refused.empty()) {
    whole.set_visible_chunks(reference::Visible(world(), *target.collection, asker, now).size());
    whole.set_documents(target.collection->documents.size());
    for (const auto& [id, document] : target.collection->documents) {
      whole.set_chunks(whole.chunks() + document.chunks.size());
    }
    whole.set_undefined_principals(reference::Undefined(world(), *target.collection).size());
    whole.set_revision(tenant_.revision());
  }
  auto answer = Later<v1::StatsResponse>(
      [&](auto done) { cordon::Stats(tenant_.engine()->Read(*caller_->proof), request, done); });
  Expect<v1::StatsResponse>(
      std::move(answer), refused, [=, this](const v1::StatsResponse& response) {
        if (response.visible_chunks() > whole.visible_chunks()) Leaked("a count of chunks");
        if (response.visible_chunks() < whole.visible_chunks()) Missing("a count of chunks");
        v1::StatsResponse without_id = response;
        without_id.clear_journal_id();
        if (Serialized(without_id) != Serialized(whole)) {
          Wrong(response.ShortDebugString() + "\ninstead of\n" + whole.ShortDebugString());
        }
      });
}

}  // namespace cordon
