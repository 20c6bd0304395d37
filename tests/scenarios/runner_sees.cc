// `sees`: the table of who sees what, held against every way of asking. They must all tell the same
// story: both modes of Retrieve, GetDocument, CheckAccess, the auditor's figures, explanations,
// lists and reports.
#include <fmt/format.h>

#include <algorithm>

#include "engine/inspect/inspect.h"
#include "tests/scenarios/runner.h"

namespace cordon {

// Who asks about whom, and where.
struct Runner::Asking {
  std::string through;
  std::string auditor;
  std::string as;
  std::string destination;
  std::string collection;
  const SmallWorld::Documents* all = nullptr;
  const v1::CollectionConfig* config = nullptr;

  v1::Scope Scope() const {
    v1::Scope scope;
    scope.set_as(as);
    scope.set_destination(destination);
    return scope;
  }
  std::string Differs(std::string_view way, const std::set<ChunkName>& expected,
                      const std::set<ChunkName>& got) const {
    return fmt::format("{} must see {}\n  but {} gives: {}", as, ListText(Render(expected, *all)),
                       way, ListText(Render(got, *all)));
  }
  std::string RefusedBy(std::string_view way, const Status& status) const {
    return fmt::format("{}: {} refuses: {}", as, way, status.ToString());
  }
};

void Runner::CheckRetrieve(const Step& step, const Asking& asking,
                           const std::set<ChunkName>& expected) {
  for (const v1::Mode mode : {v1::MODE_EXACT, v1::MODE_FAST}) {
    const std::string way = mode == v1::MODE_EXACT ? "Retrieve, exact" : "Retrieve, fast";
    v1::RetrieveRequest request;
    request.set_collection(asking.collection);
    *request.mutable_scope() = asking.Scope();
    request.set_mode(mode);
    request.set_k(1000);
    if (asking.config->embedder() == v1::EMBEDDER_BUILTIN) {
      request.set_text("anything at all");
    } else {
      for (uint32_t i = 0; i < asking.config->dimension(); ++i) request.add_vector(1);
    }
    const auto answer = world_.Read<v1::RetrieveResponse>(
        asking.through,
        [&](const auto& context, auto done) { cordon::Retrieve(context, request, done); });
    if (!answer.ok()) return Fail(step, asking.RefusedBy(way, answer.status()));
    std::set<ChunkName> got;
    for (const auto& passage : answer->passages()) got.emplace(passage.document(), passage.chunk());
    if (got != expected) Fail(step, asking.Differs(way, expected, got));
    if (static_cast<size_t>(answer->passages_size()) != got.size()) {
      Fail(step, fmt::format("{} gives {} a passage twice", way, asking.as));
    }
  }
}

void Runner::CheckGet(const Step& step, const Asking& asking, const std::set<ChunkName>& expected) {
  std::set<ChunkName> got;
  std::set<std::string> permitted;
  v1::CheckAccessRequest check;
  check.set_collection(asking.collection);
  *check.mutable_scope() = asking.Scope();
  for (const auto& [document, ordinals] : *asking.all) {
    check.add_documents(document);
    v1::GetDocumentRequest request;
    request.set_collection(asking.collection);
    request.set_document(document);
    *request.mutable_scope() = asking.Scope();
    const auto answer = world_.Read<v1::GetDocumentResponse>(
        asking.through,
        [&](const auto& context, auto done) { GetDocument(context, request, done); });
    if (!answer.ok() && answer.status().code() != StatusCode::kNotFound) {
      return Fail(step, asking.RefusedBy("GetDocument of " + document, answer.status()));
    }
    if (!answer.ok()) continue;
    for (const auto& chunk : answer->chunks()) got.emplace(document, chunk.chunk());
  }
  if (got != expected) Fail(step, asking.Differs("GetDocument", expected, got));

  const auto checked = world_.Read<v1::CheckAccessResponse>(
      asking.through,
      [&](const auto& context, auto done) { cordon::CheckAccess(context, check, done); });
  if (!checked.ok()) return Fail(step, asking.RefusedBy("CheckAccess", checked.status()));
  for (const auto& [document, ordinal] : expected) permitted.insert(document);
  const std::set<std::string> told(checked->permitted().begin(), checked->permitted().end());
  if (told != permitted) {
    Fail(step, fmt::format("{} must see something of {}\n  but CheckAccess gives: {}", asking.as,
                           ListText({permitted.begin(), permitted.end()}),
                           ListText({told.begin(), told.end()})));
  }
}

void Runner::CheckReader(const Step& step, const Asking& asking,
                         const std::set<ChunkName>& expected) {
  CheckRetrieve(step, asking, expected);
  CheckGet(step, asking, expected);
}

void Runner::CheckReport(const Step& step, const Asking& asking,
                         const std::set<ChunkName>& expected) {
  v1::AccessReportRequest request;
  request.set_as(asking.as);
  request.set_destination(asking.destination);
  request.set_collection(asking.collection);
  const auto report = world_.Read<v1::AccessReportResponse>(
      asking.auditor,
      [&](const auto& context, auto done) { AccessReport(context, request, done); });
  if (!report.ok()) return Fail(step, asking.RefusedBy("AccessReport", report.status()));
  uint64_t chunks = 0;
  for (const auto& collection : report->collections()) chunks += collection.count().chunks();
  if (chunks == expected.size()) return;
  Fail(step, fmt::format("{} must see {} chunks\n  but AccessReport counts {}", asking.as,
                         expected.size(), chunks));
}

// The list knows nobody by an alias.
std::string Runner::NameOf(const std::string& as) {
  v1::GetPrincipalRequest request;
  request.set_principal(as);
  const auto told = world_.Read<v1::GetPrincipalResponse>(
      "admin", [&](const auto& context, auto done) { GetPrincipal(context, request, done); });
  return told.ok() ? told->principal() : as;
}

// Whom nothing names is seen in `everyone` only, so that one who is not listed may see all the
// same.
void Runner::CheckListed(const Step& step, const Asking& asking, const std::string& document,
                         bool sees) {
  v1::WhoCanSeeRequest request;
  request.set_collection(asking.collection);
  request.set_document(document);
  request.set_destination(asking.destination);
  const auto told = world_.Read<v1::WhoCanSeeResponse>(
      asking.auditor, [&](const auto& context, auto done) { WhoCanSee(context, request, done); });
  if (!told.ok()) return Fail(step, asking.RefusedBy("WhoCanSee of " + document, told.status()));
  const auto& names = told->principals();
  const bool listed = std::find(names.begin(), names.end(), NameOf(asking.as)) != names.end();
  for (const auto& undetermined : told->undetermined()) {  // others may be
    if (undetermined.principal() == NameOf(asking.as)) {
      return Fail(step, fmt::format("WhoCanSee cannot tell of {}", asking.as));
    }
  }
  if (listed == sees || (sees && told->everyone())) return;
  Fail(step, fmt::format("{} must {} {}\n  but WhoCanSee {} them", asking.as,
                         sees ? "see" : "not see", document, listed ? "lists" : "does not list"));
}

void Runner::CheckAuditor(const Step& step, const Asking& asking,
                          const std::set<ChunkName>& expected) {
  v1::StatsRequest count;
  count.set_collection(asking.collection);
  count.set_as(asking.as);
  count.set_destination(asking.destination);
  const auto counted = world_.Read<v1::StatsResponse>(
      asking.auditor, [&](const auto& context, auto done) { cordon::Stats(context, count, done); });
  if (!counted.ok()) return Fail(step, asking.RefusedBy("the auditor's Stats", counted.status()));
  if (counted->visible_chunks() != expected.size()) {
    Fail(step, fmt::format("{} must see {} chunks\n  but the auditor's Stats count {}", asking.as,
                           expected.size(), counted->visible_chunks()));
  }
  CheckReport(step, asking, expected);
  for (const auto& [document, ordinals] : *asking.all) {
    v1::ExplainRequest request;
    request.set_collection(asking.collection);
    request.set_document(document);
    request.set_as(asking.as);
    request.set_destination(asking.destination);
    const auto told = world_.Read<v1::ExplainResponse>(
        asking.auditor, [&](const auto& context, auto done) { Explain(context, request, done); });
    if (ordinals.empty() && told.status().code() == StatusCode::kNotFound) continue;
    if (!told.ok()) return Fail(step, asking.RefusedBy("the auditor's Explain", told.status()));
    const auto first = expected.lower_bound({document, 0});
    const bool sees = first != expected.end() && first->first == document;
    CheckListed(step, asking, document, sees);
    if (told->permitted() == sees) continue;
    std::string because;
    for (const auto& clause : told->clauses()) {
      because += fmt::format("\n    {} {}: {}", clause.permitted() ? "yes" : "NO ", clause.name(),
                             clause.because());
    }
    Fail(step, fmt::format("{} must {} {}\n  but the auditor's Explain says {}:{}", asking.as,
                           sees ? "see" : "not see", document, told->permitted() ? "yes" : "no",
                           because));
  }
}

Status Runner::Sees(const Step& step) {
  Asking asking;
  ASSIGN_OR_RETURN(asking.through, Word(step, "through", "app"));
  ASSIGN_OR_RETURN(asking.auditor, Word(step, "auditor", "auditor"));
  ASSIGN_OR_RETURN(asking.collection, Word(step, "collection", story_.collections.front().name()));
  ASSIGN_OR_RETURN(const Authenticated caller, world_.Authenticate(asking.through));
  const auto& own = caller.grant().destinations;
  ASSIGN_OR_RETURN(asking.destination,
                   Word(step, "destination", own.empty() ? std::string() : own.front()));
  const auto& all = world_.documents(caller.tenant(), asking.collection);
  asking.all = &all;
  const auto view =
      world_.engine()->FindTenant(caller.tenant())->publisher.Pin(world_.engine()->clock());
  const auto collection = view->state().FindCollection(asking.collection);
  if (!collection) return Invalid("collection", "there is no " + asking.collection);
  asking.config = &collection->config;

  // The auditor asks about the user alone; where the application or the key narrows, a story says
  // what the auditor is told instead.
  const auto elsewhere = step.beside.find("auditor_sees");
  const auto rows = [&](JsonValue table, const auto& check) -> Status {
    if (!table.is_object()) return WrongType(table, "a table such as {user:ana: [a, b]}");
    for (const auto [as, documents] : simdjson::dom::object(table)) {
      asking.as = as;
      std::vector<std::string> names;
      RETURN_IF_ERROR(ReadNames(documents, &names));
      ASSIGN_OR_RETURN(const std::set<ChunkName> expected, Expand(names, all));
      check(expected);
    }
    return OkStatus();
  };
  const bool differs = elsewhere != step.beside.end();
  RETURN_IF_ERROR(rows(step.subject, [&](const auto& expected) {
    CheckReader(step, asking, expected);
    if (!differs) CheckAuditor(step, asking, expected);
  }));
  if (!differs) return OkStatus();
  return rows(elsewhere->second,
              [&](const auto& expected) { CheckAuditor(step, asking, expected); });
}

}  // namespace cordon
