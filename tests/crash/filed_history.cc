#include "tests/crash/filed_history.h"

#include <fmt/format.h>

#include <bit>
#include <functional>
#include <iterator>

#include "engine/ingest/open_listings.h"
#include "engine/ingest/source_sync.h"
#include "tests/crash/crash_points.h"
#include "tests/store/from_text.h"
#include "tests/store/proof.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

constexpr const char* kUsers[] = {"user:ana", "user:bob"};
constexpr size_t kDimension = 4;
constexpr char kRun[] = "load";

// The same for the same text.
void Embed(const std::string& text, v1::Chunk* chunk) {
  Random random(std::hash<std::string>()(text));
  for (size_t d = 0; d < kDimension; ++d) chunk->add_embedding(static_cast<float>(random.Unit()));
}

v1::IngestRequest OtherDocuments() {
  v1::IngestRequest request;
  request.set_collection("other");
  for (size_t i = 0; i < 2 * kFewRows; ++i) {
    v1::Document* const document = request.add_documents();
    document->set_id(fmt::format("o{}", i));
    document->mutable_acl()->add_allow()->set_principal("everyone");
    document->add_chunks()->set_text("common");
    Embed(document->id(), document->mutable_chunks(0));
  }
  return request;
}

v1::Document ListedAs(const std::string& id, const FiledState::Document& described) {
  v1::Document document;
  document.set_id(id);
  document.set_title(described.title);
  document.mutable_acl()->add_allow()->set_principal(described.allow);
  if (!described.source.empty()) document.mutable_provenance()->set_source(described.source);
  if (!described.subject.empty()) document.add_subjects(described.subject);
  document.add_chunks()->set_text(described.text);
  Embed(described.text, document.mutable_chunks(0));
  return document;
}

StatusOr<uint64_t> Erased(Engine* engine, const std::string& id) {
  v1::EraseRequest request;
  request.set_collection("docs");
  request.set_document(id);
  ASSIGN_OR_RETURN(const auto answer, Asked<v1::EraseResponse>([&](auto done) {
                     Erase(engine->WriteAs(Anyone()), request, done);
                   }));
  return answer.revision();
}

Status List(Engine* engine, const v1::SyncSourceRequest& request) {
  OpenListings open;
  SourceSync sync(&open);
  const WriteContext context = engine->WriteAs(Anyone());
  RETURN_IF_ERROR(sync.Take(context, request));
  return Asked<v1::SyncSourceResponse>([&](auto done) { sync.Commit(context, /*stop=*/{}, done); })
      .status();
}

Status Keep(Engine* engine) {
  const ReadContext context = engine->ReadAs(Anyone(), {});
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  for (const auto& [id, index] : view->indexes()) {
    RETURN_IF_ERROR(engine->index_files().Keep(1, id, index, [] { return false; }));
  }
  return OkStatus();
}

StatusOr<v1::RetrieveResponse> Ask(Engine* engine, const std::string& user, bool by_text) {
  v1::RetrieveRequest request;
  request.set_collection("docs");
  request.mutable_scope()->set_as(user);
  request.set_k(100);
  request.set_mode(v1::MODE_EXACT);
  if (by_text) {
    request.set_rank(v1::RANK_LEXICAL);
    request.set_text("common");
  } else {
    for (size_t d = 0; d < kDimension; ++d) request.add_vector(static_cast<float>(d + 1));
  }
  return Asked<v1::RetrieveResponse>(
      [&](auto done) { Retrieve(engine->ReadAs(Anyone(), {}), request, done); });
}

bool HasOther(Engine* engine) {
  const ReadContext context = engine->ReadAs(Anyone(), {});
  return context.tenant->publisher.Pin(context.clock)->state().FindCollection("other") != nullptr;
}

std::string LineOf(const std::string& user, const std::string& id, const std::string& title,
                   const std::string& text) {
  return fmt::format("{} {} {} {}\n", user, id, title, text);
}

std::string RunLine(uint64_t batch, uint64_t accepted, uint64_t refused, bool ended, bool other) {
  const std::string position = batch == 0 ? "" : fmt::format("after {}", batch);
  return fmt::format("run at {} ({}): {} accepted, {} refused, ended {}; other {}\n", batch,
                     position, accepted, refused, ended, other);
}

}  // namespace

std::string FiledState::Seen() const {
  std::string seen;
  for (const std::string user : kUsers) {
    for (const auto& [id, document] : documents) {
      if (document.allow != "everyone" && document.allow != user) continue;
      seen += LineOf(user, id, document.title, document.text);
    }
  }
  return seen + RunLine(batch, accepted, refused, ended, other);
}

FiledHistory::FiledHistory(uint64_t seed) : random_(seed) {
  using enum FiledStep::Kind;
  for (const auto kind : {kBatch, kKeep, kTitle, kSubject, kBatch, kListing, kKeep, kAccess, kErase,
                          kKeep, kDelete, kDropOther, kEndRun, kKeep}) {
    Draw(kind);
  }
}

FiledHistory::FiledHistory(uint64_t seed, size_t count) : random_(seed) {
  Draw(FiledStep::kBatch);
  while (steps_.size() < count) {
    const FiledState& now = steps_.back().after;
    const auto kind = static_cast<FiledStep::Kind>(random_.Below(FiledStep::kKeep + 1));
    if (kind == FiledStep::kEndRun || (kind == FiledStep::kDropOther && !now.other)) continue;
    Draw(now.documents.size() < 4 ? FiledStep::kBatch : kind);
  }
}

const FiledState& FiledHistory::After(size_t steps) const {
  return steps == 0 ? begin_ : steps_[steps - 1].after;
}

const v1::IngestRequest* FiledHistory::LastBatch(size_t steps) const {
  while (steps > 0 && steps_[steps - 1].batch.run().empty()) --steps;
  return steps == 0 ? nullptr : &steps_[steps - 1].batch;
}

v1::Document FiledHistory::Made(const std::string& id, const std::string& source,
                                FiledState* state) {
  FiledState::Document document;
  document.text = fmt::format("common zq{}v{}q", id, ++version_);
  document.title = fmt::format("title{}", version_);
  document.source = source;
  document.allow = random_.OneIn(3) ? "user:ana" : "everyone";
  state->documents[id] = document;
  state->texts[id].insert(document.text);
  return ListedAs(id, document);
}

std::string FiledHistory::Some(const FiledState& state) {
  const auto chosen = std::next(state.documents.begin(),
                                static_cast<ptrdiff_t>(random_.Below(state.documents.size())));
  return chosen->first;
}

void FiledHistory::DrawBatch(FiledStep* step, FiledState* state) {
  for (uint64_t i = 0; i < 2 * kFewRows; ++i) {
    const bool listed = i % 2 == 0;
    const std::string id = fmt::format("{}{}", listed ? "w" : "x", random_.Below(20));
    bool twice = false;
    for (const auto& document : step->batch.documents()) twice |= document.id() == id;
    if (!twice) *step->batch.add_documents() = Made(id, listed ? "wiki" : "", state);
  }
  state->accepted += static_cast<uint64_t>(step->batch.documents_size());
  *step->batch.add_documents() = ListedAs("refused", {"common", "", "", "", "everyone"});
  step->batch.mutable_documents()->rbegin()->mutable_label()->set_level("nonsense");
  ++state->refused;
}

void FiledHistory::DrawMetadata(FiledStep* step, FiledState* state) {
  const std::string id = Some(*state);
  FiledState::Document& document = state->documents.at(id);
  v1::UpdateMetadataRequest* const request = &step->metadata;
  request->set_collection("docs");
  request->set_document(id);
  if (step->kind == FiledStep::kTitle) {
    document.title = "another";
    request->mutable_metadata()->set_title(document.title);
    request->mutable_update_mask()->add_paths("title");
  } else {
    document.subject = fmt::format("person:{}", ++version_);
    request->mutable_metadata()->add_subjects(document.subject);
    request->mutable_update_mask()->add_paths("subjects");
  }
}

void FiledHistory::DrawListing(FiledStep* step, FiledState* state) {
  v1::SyncSourceRequest* const request = &step->listing;
  request->mutable_begin()->set_collection("docs");
  request->mutable_begin()->set_source("wiki");
  request->mutable_begin()->set_allow_removals(true);
  const uint64_t gone = random_.Below(4), rewritten = random_.Below(4);
  uint64_t place = 0;
  for (const auto& [id, document] : After(steps_.size()).documents) {
    if (document.source != "wiki") continue;
    if (place == gone) {
      state->documents.erase(id);
    } else {
      *request->add_documents() =
          place == rewritten ? Made(id, "wiki", state) : ListedAs(id, document);
    }
    ++place;
  }
  *request->add_documents() = Made(fmt::format("y{}", version_), "wiki", state);
  request->mutable_commit()->set_documents(static_cast<uint64_t>(request->documents_size()));
}

void FiledHistory::Draw(FiledStep::Kind kind) {
  FiledStep step{kind};
  FiledState state = After(steps_.size());
  switch (kind) {
    case FiledStep::kBatch:
      DrawBatch(&step, &state);
      [[fallthrough]];
    case FiledStep::kEndRun:
      step.batch.set_collection("docs");
      step.batch.set_run(kRun);
      step.batch.set_batch(++state.batch);
      step.batch.set_position(fmt::format("after {}", state.batch));
      step.batch.set_end_run(kind == FiledStep::kEndRun);
      state.ended = step.batch.end_run();
      break;
    case FiledStep::kTitle:
    case FiledStep::kSubject:
      DrawMetadata(&step, &state);
      break;
    case FiledStep::kListing:
      DrawListing(&step, &state);
      break;
    case FiledStep::kAccess:
      step.document = Some(state);
      state.documents.at(step.document).allow = "user:ana";
      break;
    case FiledStep::kErase:
      step.document = Some(state);
      state.documents.erase(step.document);
      state.erased.merge(state.texts[step.document]);
      state.texts.erase(step.document);
      break;
    case FiledStep::kDelete:
      step.document = Some(state);
      state.documents.erase(step.document);
      break;
    case FiledStep::kDropOther:
      state.other = false;
      break;
    case FiledStep::kKeep:
      break;
  }
  step.after = std::move(state);
  steps_.push_back(std::move(step));
}

Status SetUpFiled(const DataPaths& paths) {
  RETURN_IF_ERROR(CreateStore(paths, {"default.k", "default.k.secret", "digest"}, /*dev=*/false));
  ASSIGN_OR_RETURN(const auto engine, OpenFiled(paths));
  for (const char* name : {"docs", "other"}) {
    const auto request = FromText<v1::CreateCollectionRequest>(fmt::format(
        "config {{ name: '{}' dimension: {} metric: METRIC_INNER_PRODUCT embedder: EMBEDDER_NONE "
        "default_label {{ level: 'public' }} }}",
        name, kDimension));
    RETURN_IF_ERROR(Asked<v1::CreateCollectionResponse>([&](auto done) {
                      CreateCollection(engine->WriteAs(Anyone()), request, done);
                    }).status());
  }
  RETURN_IF_ERROR(SendBatch(engine.get(), OtherDocuments()).status());
  return Keep(engine.get());
}

StatusOr<std::unique_ptr<Engine>> OpenFiled(const DataPaths& paths, size_t rows_min,
                                            Durability reads) {
  Engine::Options options;
  options.paths = paths;
  options.read_durability = reads;
  options.index_file_rows = rows_min;
  return Engine::Open(std::move(options));
}

StatusOr<v1::IngestResponse> SendBatch(Engine* engine, const v1::IngestRequest& batch) {
  ASSIGN_OR_RETURN(const IngestedBatch answer, Asked<IngestedBatch>([&](auto done) {
                     IngestDocuments(engine->WriteAs(Anyone()), batch, done);
                   }));
  return answer.response;
}

Status Do(Engine* engine, const FiledStep& step) {
  switch (step.kind) {
    case FiledStep::kBatch:
    case FiledStep::kEndRun:
      return SendBatch(engine, step.batch).status();
    case FiledStep::kTitle:
    case FiledStep::kSubject:
      return Asked<v1::UpdateMetadataResponse>(
                 [&](auto done) { UpdateMetadata(engine->WriteAs(Anyone()), step.metadata, done); })
          .status();
    case FiledStep::kListing:
      return List(engine, step.listing);
    case FiledStep::kAccess: {
      v1::SetAccessRequest request;
      request.set_collection("docs");
      request.set_document(step.document);
      request.mutable_acl()->add_allow()->set_principal("user:ana");
      return Asked<v1::SetAccessResponse>(
                 [&](auto done) { SetAccess(engine->WriteAs(Anyone()), request, done); })
          .status();
    }
    case FiledStep::kErase:
      return Erased(engine, step.document).status();
    case FiledStep::kDelete: {
      v1::DeleteRequest request;
      request.set_collection("docs");
      request.set_document(step.document);
      return Asked<v1::DeleteResponse>(
                 [&](auto done) { Delete(engine->WriteAs(Anyone()), request, done); })
          .status();
    }
    case FiledStep::kDropOther: {
      v1::DeleteCollectionRequest request;
      request.set_name("other");
      return Asked<v1::DeleteCollectionResponse>(
                 [&](auto done) { DeleteCollection(engine->WriteAs(Anyone()), request, done); })
          .status();
    }
    case FiledStep::kKeep:
      return Keep(engine);
  }
  return Internal("no such step");
}

StatusOr<FiledAnswers> AskFiled(Engine* engine) {
  FiledAnswers answers;
  for (const std::string user : kUsers) {
    std::map<std::string, std::string> seen;
    for (const bool by_text : {false, true}) {
      ASSIGN_OR_RETURN(const auto response, Ask(engine, user, by_text));
      for (const auto& passage : response.passages()) {
        const std::string line = LineOf(user, passage.document(), passage.title(), passage.text());
        if (!by_text) seen[passage.document()] += line;
        answers.scored += fmt::format("{:016x} {}", std::bit_cast<uint64_t>(passage.score()), line);
      }
    }
    for (const auto& [id, line] : seen) answers.seen += line;
  }
  v1::IngestRequest question;
  question.set_collection("docs");
  question.set_run(kRun);
  ASSIGN_OR_RETURN(const auto stands, SendBatch(engine, question));
  const v1::Checkpoint& run = stands.checkpoint();
  answers.seen +=
      RunLine(run.batch(), run.accepted(), run.refused(), run.ended(), HasOther(engine));
  if (run.batch() > 0 && run.position() != fmt::format("after {}", run.batch())) {
    answers.seen += "another position: " + run.position();
  }
  return answers;
}

std::string FiledScript(const CrashPaths& paths, uint64_t seed) {
  const FiledHistory history(seed);
  auto engine = OpenFiled(paths.data);
  if (!engine.ok()) return HasHappened() ? "" : engine.status().ToString();
  for (size_t i = 0; i < history.steps().size(); ++i) {
    const FiledStep& step = history.steps()[i];
    const Status done = Do(engine->get(), step);
    if (!done.ok() && !HasHappened()) return done.ToString();
    // A file that is not written is nobody's loss; a change that failed may be there or not.
    if (!done.ok() && step.kind != FiledStep::kKeep) return "";
    AppendUnwatched(paths.expected, fmt::format("{}\n", i + 1));
    const auto answers = AskFiled(engine->get());
    if (!answers.ok()) return answers.status().ToString();
    if (answers->seen != step.after.Seen()) {
      return fmt::format("after step {}:\n{}in place of\n{}", i, answers->seen, step.after.Seen());
    }
  }
  return "";
}

}  // namespace cordon
