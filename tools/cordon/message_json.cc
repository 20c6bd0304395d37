#include "tools/cordon/message_json.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/limits.h"
#include "tools/cordon/context_options.h"

namespace cordon {
namespace {

constexpr std::array<std::pair<v1::Right, std::string_view>, 10> kRights = {{
    {v1::RIGHT_QUERY, "query"},
    {v1::RIGHT_INGEST, "ingest"},
    {v1::RIGHT_LABEL, "label"},
    {v1::RIGHT_GRANT, "grant"},
    {v1::RIGHT_AUDIT, "audit"},
    {v1::RIGHT_ERASE, "erase"},
    {v1::RIGHT_EXPORT, "export"},
    {v1::RIGHT_ACT_AS, "act-as"},
    {v1::RIGHT_BREAK_GLASS, "break-glass"},
    {v1::RIGHT_ADMIN, "admin"},
}};

void LabelOrNull(JsonWriter& json, bool set, const v1::Label& label) {
  if (set) {
    WriteLabel(json, label);
  } else {
    json.Null();
  }
}

void TimeOrNull(JsonWriter& json, bool has, const google::protobuf::Timestamp& time) {
  if (has) {
    json.String(TimeText(time));
  } else {
    json.Null();
  }
}

// A rank beyond the depth is null.
void RankOrNull(JsonWriter& json, bool has, uint32_t rank) {
  if (has) {
    json.Unsigned(rank);
  } else {
    json.Null();
  }
}

// What a hybrid answer is made of.
void WriteParts(JsonWriter& json, const v1::Passage& passage) {
  json.Key("vector_score").Double(passage.vector_score());
  json.Key("lexical_score").Double(passage.lexical_score());
  RankOrNull(json.Key("vector_rank"), passage.has_vector_rank(), passage.vector_rank());
  RankOrNull(json.Key("lexical_rank"), passage.has_lexical_rank(), passage.lexical_rank());
}

}  // namespace

void QuotaOrNull(JsonWriter& json, bool has, const v1::Quota& quota) {
  if (!has) {
    json.Null();
    return;
  }
  json.BeginObject();
  if (quota.has_passages_per_day()) {
    json.Key("passages_per_day").Unsigned(quota.passages_per_day());
  }
  if (quota.has_tokens_per_day()) json.Key("tokens_per_day").Unsigned(quota.tokens_per_day());
  if (quota.has_requests_per_minute()) {
    json.Key("requests_per_minute").Unsigned(quota.requests_per_minute());
  }
  json.EndObject();
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  return FormatTime(time.seconds() * 1'000'000 + time.nanos() / 1000);
}

std::string_view RightName(v1::Right right) {
  for (const auto& [value, name] : kRights) {
    if (value == right) return name;
  }
  return "unknown";
}

v1::Right RightByName(std::string_view wanted) {
  for (const auto& [value, name] : kRights) {
    if (name == wanted) return value;
  }
  return v1::RIGHT_UNSPECIFIED;
}

Status AddRights(const std::vector<std::string>& names, v1::KeyGrant* grant) {
  for (const std::string& name : names) {
    const v1::Right right = RightByName(name);
    if (right == v1::RIGHT_UNSPECIFIED) {
      return Invalid(
          "rights", fmt::format("\"{}\" is no right; known are query, ingest, label, grant, audit, "
                                "erase, export, act-as, break-glass, admin",
                                name));
    }
    grant->add_rights(right);
  }
  return OkStatus();
}

void WriteEntries(JsonWriter& json, const google::protobuf::RepeatedPtrField<v1::Entry>& entries) {
  json.BeginArray();
  for (const v1::Entry& entry : entries) {
    if (!entry.has_from() && !entry.has_until()) {
      json.String(entry.principal());
      continue;
    }
    json.BeginObject().Key("principal").String(entry.principal());
    if (entry.has_from()) json.Key("from").String(TimeText(entry.from()));
    if (entry.has_until()) json.Key("until").String(TimeText(entry.until()));
    json.EndObject();
  }
  json.EndArray();
}

void WriteLabel(JsonWriter& json, const v1::Label& label) {
  json.BeginObject().Key("level").String(label.level());
  json.Key("compartments").Strings(label.compartments());
  json.Key("tags").Strings(label.tags()).EndObject();
}

void WriteClearance(JsonWriter& json, const v1::Clearance& clearance) {
  if (clearance.symbol() == v1::Clearance::SYMBOL_ALL) {
    json.String("all");
  } else if (clearance.symbol() == v1::Clearance::SYMBOL_LOWEST) {
    json.String("lowest");
  } else {
    json.BeginObject().Key("level").String(clearance.level());
    json.Key("compartments").Strings(clearance.compartments()).EndObject();
  }
}

void WriteAcl(JsonWriter& json, const v1::Acl& acl) {
  json.BeginObject().Key("allow");
  WriteEntries(json, acl.allow());
  json.Key("deny");
  WriteEntries(json, acl.deny());
  json.Key("inherit").Strings(acl.inherit()).EndObject();
}

void WriteValue(JsonWriter& json, const v1::AttributeValue& value) {
  switch (value.kind_case()) {
    case v1::AttributeValue::kIntValue:
      json.Signed(value.int_value());
      return;
    case v1::AttributeValue::kFloatValue:
      json.Double(value.float_value());
      return;
    case v1::AttributeValue::kBoolValue:
      json.Bool(value.bool_value());
      return;
    case v1::AttributeValue::kStringValue:
      json.String(value.string_value());
      return;
    case v1::AttributeValue::kTimeValue:
      json.String(TimeText(value.time_value()));
      return;
    case v1::AttributeValue::KIND_NOT_SET:
      break;
  }
  json.Null();
}

namespace {

void WriteProvenance(JsonWriter& json, const v1::Provenance& provenance) {
  json.Key("provenance").BeginObject();
  json.Key("source").String(provenance.source());
  json.Key("trust").String(provenance.trust()).EndObject();
}

// Where there are any.
void WriteHidden(JsonWriter& json, uint32_t hidden) {
  if (hidden > 0) json.Key("hidden_characters").Unsigned(hidden);
}

// What only some passages have.
void WriteOrigin(JsonWriter& json, const v1::Passage& passage) {
  if (passage.citation() > 0) json.Key("citation").Unsigned(passage.citation());
  if (passage.has_provenance()) WriteProvenance(json, passage.provenance());
  if (!passage.attributes().empty()) {
    json.Key("attributes").BeginObject();
    for (const auto& attribute : passage.attributes()) {
      WriteValue(json.Key(attribute.name()), attribute.value());
    }
    json.EndObject();
  }
  WriteHidden(json, passage.hidden_characters());
  if (passage.has_rerank_score()) json.Key("rerank_score").Double(passage.rerank_score());
  if (passage.neighbour()) json.Key("neighbour").Bool(true);
}

void WriteSearch(JsonWriter& json, const v1::SearchExplain& explain) {
  json.Key("explain").BeginObject().Key("plan").String(explain.plan());
  json.Key("lists_seen").Unsigned(explain.lists_seen());
  json.Key("lists_scanned").Unsigned(explain.lists_scanned());
  json.Key("rows_scanned").Unsigned(explain.rows_scanned());
  json.Key("rows_reranked").Unsigned(explain.rows_reranked());
  json.Key("prepare_us").Double(explain.prepare_us());
  json.Key("order_us").Double(explain.order_us());
  json.Key("scan_us").Double(explain.scan_us());
  json.Key("finish_us").Double(explain.finish_us());
  json.Key("geometry").Unsigned(explain.geometry()).EndObject();
}

void WritePassages(JsonWriter& json,
                   const google::protobuf::RepeatedPtrField<v1::Passage>& passages) {
  json.Key("passages").BeginArray();
  for (const v1::Passage& passage : passages) {
    json.BeginObject();
    json.Key("document").String(passage.document());
    json.Key("chunk").Unsigned(passage.chunk());
    json.Key("score").Double(passage.score());
    json.Key("text").String(passage.text());
    json.Key("label");
    WriteLabel(json, passage.label());
    json.Key("title").String(passage.title());
    json.Key("uri").String(passage.uri());
    if (passage.has_vector_score()) WriteParts(json, passage);
    WriteOrigin(json, passage);
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

void WritePart(JsonWriter& json, const v1::RetrieveStreamResponse& part) {
  json.BeginObject();
  if (part.has_summary()) {
    json.Key("summary").BeginObject();
    WriteRetrieve(json, part.summary());
    json.EndObject();
  } else {
    WritePassages(json, part.passages());
    json.Key("context_label");
    LabelOrNull(json, part.has_context_label(), part.context_label());
  }
  json.Key("journal_id").String(part.journal_id()).EndObject();
}

void WriteRetrieve(JsonWriter& json, const v1::RetrieveResponse& response) {
  WritePassages(json, response.passages());
  json.Key("context_label");
  LabelOrNull(json, response.has_context_label(), response.context_label());
  json.Key("destinations").Strings(response.destinations());
  json.Key("limited").Bool(response.limited());
  json.Key("revision").Unsigned(response.revision());
  json.Key("as_of").String(TimeText(response.as_of()));
  json.Key("journal_id").String(response.journal_id());
  if (!response.break_glass().empty()) json.Key("break_glass").String(response.break_glass());
  if (!response.nonce().empty()) json.Key("nonce").String(response.nonce());
  if (!response.block().empty()) json.Key("block").String(response.block());
  if (!response.token_counter().empty()) {
    json.Key("token_counter").String(response.token_counter());
    json.Key("tokens").Unsigned(response.tokens());
  }
  if (response.rerank() != v1::RERANK_OUTCOME_UNSPECIFIED) {
    json.Key("rerank").String(RerankOutcomeName(response.rerank()));
  }
  if (response.has_explain()) WriteSearch(json, response.explain());
}

void WriteDocument(JsonWriter& json, const v1::GetDocumentResponse& response) {
  json.Key("document").String(response.document());
  json.Key("title").String(response.title());
  json.Key("uri").String(response.uri());
  if (response.has_version()) json.Key("version").Unsigned(response.version());
  if (response.has_provenance()) WriteProvenance(json, response.provenance());
  WriteHidden(json, response.hidden_characters());
  json.Key("chunks").BeginArray();
  for (const v1::DocumentChunk& chunk : response.chunks()) {
    json.BeginObject().Key("chunk").Unsigned(chunk.chunk());
    json.Key("text").String(chunk.text());
    json.Key("label");
    WriteLabel(json, chunk.label());
    WriteHidden(json, chunk.hidden_characters());
    json.EndObject();
  }
  json.EndArray();
  json.Key("context_label");
  LabelOrNull(json, response.has_context_label(), response.context_label());
  json.Key("destinations").Strings(response.destinations());
  json.Key("revision").Unsigned(response.revision());
  json.Key("as_of").String(TimeText(response.as_of()));
  json.Key("journal_id").String(response.journal_id());
  if (!response.break_glass().empty()) json.Key("break_glass").String(response.break_glass());
}

void WriteExplain(JsonWriter& json, const v1::ExplainResponse& response) {
  json.Key("permitted").Bool(response.permitted());
  json.Key("clauses").BeginArray();
  for (const v1::ClauseVerdict& clause : response.clauses()) {
    json.BeginObject().Key("name").String(clause.name());
    json.Key("permitted").Bool(clause.permitted());
    json.Key("because").String(clause.because()).EndObject();
  }
  json.EndArray();
  json.Key("revision").Unsigned(response.revision());
  json.Key("journal_id").String(response.journal_id());
}

void WriteStats(JsonWriter& json, const v1::StatsResponse& response) {
  json.Key("documents").Unsigned(response.documents());
  json.Key("chunks").Unsigned(response.chunks());
  json.Key("undefined_principals").Unsigned(response.undefined_principals());
  if (response.has_visible_chunks()) {
    json.Key("visible_chunks").Unsigned(response.visible_chunks());
  } else {
    json.Key("canary_alerts").Unsigned(response.canary_alerts());
  }
  json.Key("revision").Unsigned(response.revision());
  json.Key("journal_id").String(response.journal_id());
}

void WriteKey(JsonWriter& json, const v1::KeyInfo& key) {
  json.BeginObject().Key("id").String(key.id());
  json.Key("principal").String(key.grant().principal());
  json.Key("rights").BeginArray();
  for (const int right : key.grant().rights()) json.String(RightName(v1::Right(right)));
  json.EndArray();
  json.Key("as_patterns").Strings(key.grant().as_patterns());
  json.Key("clearance");
  if (key.grant().has_clearance()) {
    WriteClearance(json, key.grant().clearance());
  } else {
    json.String("lowest");
  }
  json.Key("collections").Strings(key.grant().collections());
  json.Key("id_prefix").String(key.grant().id_prefix());
  json.Key("destinations").Strings(key.grant().destinations());
  json.Key("created");
  if (key.has_created()) {
    json.String(TimeText(key.created()));
  } else {
    json.Null();
  }
  TimeOrNull(json.Key("expires"), key.grant().has_expires(), key.grant().expires());
  TimeOrNull(json.Key("previous_until"), key.has_previous_until(), key.previous_until());
  json.Key("certificate").String(key.grant().certificate());
  json.Key("quota");
  QuotaOrNull(json, key.grant().has_quota(), key.grant().quota());
  json.EndObject();
}

v1::Bm25 Bm25Of(const v1::CollectionConfig& config) {
  v1::Bm25 bm25 = config.bm25();
  if (!bm25.has_k1()) bm25.set_k1(limits::kBm25K1Default);
  if (!bm25.has_b()) bm25.set_b(limits::kBm25BDefault);
  return bm25;
}

std::string LanguageName(const v1::CollectionConfig& config) {
  return config.language().empty() ? "en" : config.language();
}

void WriteCollection(JsonWriter& json, const v1::CollectionConfig& config) {
  json.BeginObject().Key("name").String(config.name());
  json.Key("dim").Unsigned(config.dimension());
  json.Key("metric").String(MetricName(config.metric()));
  json.Key("embedder").String(EmbedderName(config.embedder()));
  json.Key("model").String(config.model());
  if (!config.embedding_endpoint().empty()) {
    json.Key("embedding_endpoint").String(config.embedding_endpoint());
  }
  json.Key("pin_geometry").Bool(config.pin_geometry());
  json.Key("language").String(LanguageName(config));
  const auto bm25 = Bm25Of(config);
  json.Key("bm25").BeginObject().Key("k1").Double(bm25.k1()).Key("b").Double(bm25.b()).EndObject();
  json.Key("erase_after_s");
  if (config.has_erase_after_s()) {
    json.Unsigned(config.erase_after_s());
  } else {
    json.Null();
  }
  json.Key("default_label");
  LabelOrNull(json, config.has_default_label(), config.default_label());
  json.Key("default_acl");
  if (config.has_default_acl()) {
    WriteAcl(json, config.default_acl());
  } else {
    json.Null();
  }
  json.Key("attributes").BeginArray();
  for (const v1::AttributeSpec& spec : config.attributes()) {
    json.BeginObject().Key("name").String(spec.name());
    json.Key("type").String(AttributeTypeName(spec.type()));
    json.Key("label");
    LabelOrNull(json, spec.has_label(), spec.label());
    json.EndObject();
  }
  json.EndArray().EndObject();
}

void WriteJournalLine(JsonWriter& json, const v1::JournalLine& line) {
  json.BeginObject().Key("journal_id").String(line.journal_id());
  json.Key("time").String(TimeText(line.time()));
  json.Key("call").String(line.call());
  json.Key("outcome").String(line.outcome());
  json.Key("key_id").String(line.key_id());
  json.Key("actor").String(line.actor());
  json.Key("subject").String(line.subject());
  json.Key("collection").String(line.collection());
  json.Key("destination").String(line.destination());
  json.Key("purpose").String(line.purpose());
  json.Key("revision").Unsigned(line.revision());
  json.Key("documents").Strings(line.documents());
  json.Key("context_label");
  LabelOrNull(json, line.has_context_label(), line.context_label());
  json.Key("recovered").Bool(line.recovered());
  json.Key("verified_user").Bool(line.verified_user());
  json.Key("dropped_collection").Unsigned(line.dropped_collection());
  json.Key("break_glass").String(line.break_glass());
  json.Key("passages").Unsigned(line.passages());
  json.Key("tokens").Unsigned(line.tokens());
  json.Key("reason").String(line.reason());
  json.Key("canary").Bool(line.canary());
  json.Key("endpoints").Strings(line.endpoints());
  json.Key("counted_passages").Unsigned(line.counted_passages());
  json.Key("counted_tokens").Unsigned(line.counted_tokens());
  json.Key("receivers").Strings(line.receivers()).EndObject();
}

std::string_view MetricName(v1::Metric metric) {
  switch (metric) {
    case v1::METRIC_COSINE:
      return "cosine";
    case v1::METRIC_INNER_PRODUCT:
      return "ip";
    case v1::METRIC_L2:
      return "l2";
    default:
      return "unknown";
  }
}

std::string_view EmbedderName(v1::Embedder embedder) {
  switch (embedder) {
    case v1::EMBEDDER_NONE:
      return "none";
    case v1::EMBEDDER_BUILTIN:
      return "builtin";
    case v1::EMBEDDER_HTTP:
      return "http";
    default:
      return "unknown";
  }
}

std::string_view AttributeTypeName(v1::AttributeType type) {
  switch (type) {
    case v1::ATTRIBUTE_TYPE_INT:
      return "int";
    case v1::ATTRIBUTE_TYPE_FLOAT:
      return "float";
    case v1::ATTRIBUTE_TYPE_BOOL:
      return "bool";
    case v1::ATTRIBUTE_TYPE_STRING:
      return "string";
    case v1::ATTRIBUTE_TYPE_TIME:
      return "time";
    default:
      return "unknown";
  }
}

std::string_view RankName(v1::Rank rank) {
  switch (rank) {
    case v1::RANK_VECTOR:
      return "vector";
    case v1::RANK_LEXICAL:
      return "lexical";
    case v1::RANK_HYBRID:
      return "hybrid";
    default:
      return "unknown";
  }
}

}  // namespace cordon
