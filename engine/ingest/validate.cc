#include "engine/ingest/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/base/text_check.h"
#include "engine/embed/builtin.h"
#include "engine/ingest/source_name.h"
#include "engine/store/codec.h"
#include "engine/store/embedding_spaces.h"
#include "engine/store/interner.h"
#include "engine/text/chunker.h"

namespace cordon {
namespace {

StatusOr<v1::AttributeValue> Typed(const v1::AttributeSpec& spec, v1::AttributeValue value) {
  switch (spec.type()) {
    case v1::ATTRIBUTE_TYPE_INT:
      if (value.has_int_value()) return value;
      return Invalid("", "declared int; give an integer");
    case v1::ATTRIBUTE_TYPE_FLOAT:
      if (value.has_int_value()) value.set_float_value(static_cast<double>(value.int_value()));
      if (value.has_float_value() && std::isfinite(value.float_value())) return value;
      return Invalid("", "declared float; give a finite number");
    case v1::ATTRIBUTE_TYPE_BOOL:
      if (value.has_bool_value()) return value;
      return Invalid("", "declared bool; give true or false");
    case v1::ATTRIBUTE_TYPE_STRING:
      if (!value.has_string_value()) return Invalid("", "declared string; give a string");
      RETURN_IF_ERROR(CheckText("", value.string_value(), limits::kAttributeBytes));
      return value;
    case v1::ATTRIBUTE_TYPE_TIME:
      if (value.has_string_value()) {
        ASSIGN_OR_RETURN(const Micros time, ParseTime(value.string_value()));
        *value.mutable_time_value() = ToProtoTime(time);
      }
      if (!value.has_time_value()) return Invalid("", "declared time; give an RFC 3339 time");
      RETURN_IF_ERROR(FromProto(value.time_value()).status());
      return value;
    default:
      return Invalid("", "of an unknown type");
  }
}

StatusOr<const v1::AttributeSpec*> SpecOf(const v1::CollectionConfig& config,
                                          const std::string& name) {
  for (const auto& candidate : config.attributes()) {
    if (candidate.name() == name) return &candidate;
  }
  return Invalid("attributes." + name,
                 "not declared by the collection; declare it with --attributes");
}

Status CheckAttributes(const v1::CollectionConfig& config, v1::Document* document) {
  for (auto& [name, value] : *document->mutable_attributes()) {
    ASSIGN_OR_RETURN(const v1::AttributeSpec* const spec, SpecOf(config, name));
    auto typed = Typed(*spec, value);
    if (!typed.ok()) return typed.status().Within("attributes." + name);
    value = *std::move(typed);
  }
  return OkStatus();
}

Status CheckTexts(const v1::Document& document) {
  RETURN_IF_ERROR(CheckText("title", document.title(), limits::kTitleBytes));
  RETURN_IF_ERROR(CheckText("uri", document.uri(), limits::kUriBytes));
  RETURN_IF_ERROR(CheckText("text", document.text(), limits::kDocumentTextBytes));
  const auto& provenance = document.provenance();
  RETURN_IF_ERROR(CheckText("provenance.trust", provenance.trust(), limits::kNameBytes));
  if (static_cast<size_t>(document.subjects_size()) > limits::kSubjectsPerDocument) {
    return Invalid("subjects", fmt::format("more than {}", limits::kSubjectsPerDocument));
  }
  for (int i = 0; i < document.subjects_size(); ++i) {
    RETURN_IF_ERROR(
        CheckName(fmt::format("subjects[{}]", i), document.subjects(i), limits::kNameBytes));
  }
  return OkStatus();
}

// Refuses a chunk label that says less than the document's in level and compartments; tags are
// handling, not sensitivity, and unite in any case. The lattice's order is partial: a lower level
// with another compartment is not below.
Status CheckNotBelow(const Scheme& scheme, const Label& document, const Label& chunk) {
  const auto level = scheme.Rank(chunk.level);
  const auto floor = scheme.Rank(document.level);
  const bool within =
      level <= floor && std::includes(document.compartments.begin(), document.compartments.end(),
                                      chunk.compartments.begin(), chunk.compartments.end());
  if (!within || (level == floor && chunk.compartments == document.compartments)) return OkStatus();
  return Invalid(level < floor ? "level" : "compartments",
                 "below the document's label; a chunk can only be more sensitive");
}

Status CheckTrust(const PolicyRules& rules, const std::string& trust) {
  if (trust.empty() || rules.trust.empty() || rules.TrustRank(trust)) return OkStatus();
  return Invalid("provenance.trust",
                 fmt::format("'{}' is no trust tier of the policy; use one of `trust`", trust));
}

// Without an early end and by the bits, so that the compiler takes many numbers at once.
bool AllFinite(const google::protobuf::RepeatedField<float>& numbers) {
  constexpr uint32_t kExponent = 0x7f800000;  // all of it is set in NaN and infinity alone
  bool finite = true;
  for (const float number : numbers) {
    finite &= (std::bit_cast<uint32_t>(number) & kExponent) != kExponent;
  }
  return finite;
}

// One document on its way through the checks.
class DocumentCheck {
 public:
  DocumentCheck(const PolicyRules& rules, const v1::CollectionConfig& config, const Grant& grant,
                Embeddings embeddings)
      : rules_(rules),
        config_(config),
        grant_(grant),
        embeddings_(embeddings),
        embedder_(config.dimension()),
        check_source_(rules) {}

  // Completes `document`, or refuses it.
  Status Complete(v1::Document* document) {
    RETURN_IF_ERROR(CheckWritableId("id", grant_, document->id()));
    RETURN_IF_ERROR(CheckTexts(*document));
    RETURN_IF_ERROR(CheckOrigin(*document));
    RETURN_IF_ERROR(CompleteAccess(document));
    RETURN_IF_ERROR(ValidityOf(*document).status());
    RETURN_IF_ERROR(CheckAttributes(config_, document));
    return CompleteChunks(document);
  }

 private:
  Status CheckOrigin(const v1::Document& document);
  Status CompleteAccess(v1::Document* document) const;
  Status CompleteChunks(v1::Document* document) const;
  Status CompleteChunk(const v1::Label& document_label, v1::Chunk* chunk) const;
  Status CompleteEmbedding(v1::Chunk* chunk) const;

  const PolicyRules& rules_;
  const v1::CollectionConfig& config_;
  const Grant& grant_;
  const Embeddings embeddings_;
  const BuiltinEmbedder embedder_;
  SourceCheck check_source_;
};

Status DocumentCheck::CheckOrigin(const v1::Document& document) {
  RETURN_IF_ERROR(check_source_("provenance.source", document.provenance().source()));
  RETURN_IF_ERROR(CheckTrust(rules_, document.provenance().trust()));
  if (document.canary() && !grant_.rights.Has(Right::kLabel)) {
    return Denied("canary", "the key lacks the right 'label', which setting a canary needs");
  }
  return OkStatus();
}

Status DocumentCheck::CompleteAccess(v1::Document* document) const {
  if (document->has_acl()) {
    RETURN_IF_ERROR(CheckGivenAcl(rules_, grant_, document->acl()).Within("acl"));
  } else if (config_.has_default_acl()) {
    *document->mutable_acl() = config_.default_acl();
  } else {
    return Invalid("acl", "missing, and the collection has no default; say who may see it");
  }
  if (document->has_label()) {
    RETURN_IF_ERROR(CheckGivenLabel(rules_, grant_, document->label()).Within("label"));
  } else if (config_.has_default_label()) {
    *document->mutable_label() = config_.default_label();
  } else {
    return Invalid("label", "missing, and the collection has no default; say how sensitive it is");
  }
  return OkStatus();
}

Status DocumentCheck::CompleteChunks(v1::Document* document) const {
  if (document->chunks().empty()) {
    for (auto& text : ChunkText(document->text())) {
      document->add_chunks()->set_text(std::move(text));
    }
    document->clear_text();
    if (document->chunks().empty()) {
      return Invalid("chunks", "neither chunks nor a text with words is given; give one");
    }
  } else if (!document->text().empty()) {
    return Invalid("text", "given beside chunks; give one of them");
  }
  if (static_cast<size_t>(document->chunks_size()) > limits::kChunksPerDocument) {
    return Invalid("chunks",
                   fmt::format("more than {}; split the document", limits::kChunksPerDocument));
  }
  std::set<uint32_t> ordinals;
  for (int i = 0; i < document->chunks_size(); ++i) {
    const auto path = [i] { return fmt::format("chunks[{}]", i); };
    v1::Chunk* chunk = document->mutable_chunks(i);
    if (!chunk->has_ordinal()) chunk->set_ordinal(static_cast<uint32_t>(i));
    if (!ordinals.insert(chunk->ordinal()).second) {
      return Invalid(path() + ".ordinal",
                     fmt::format("{} is given twice; number each chunk once", chunk->ordinal()));
    }
    const Status completed = CompleteChunk(document->label(), chunk);
    if (!completed.ok()) return completed.Within(path());
  }
  return OkStatus();
}

Status DocumentCheck::CompleteChunk(const v1::Label& document_label, v1::Chunk* chunk) const {
  RETURN_IF_ERROR(CheckText("text", chunk->text(), limits::kChunkTextBytes));
  if (chunk->has_acl()) {
    RETURN_IF_ERROR(CheckGivenAcl(rules_, grant_, chunk->acl()).Within("acl"));
  }
  if (chunk->has_label()) {
    RETURN_IF_ERROR(CheckGivenLabel(rules_, grant_, chunk->label()).Within("label"));
    RETURN_IF_ERROR(
        CheckNotBelow(rules_.scheme, FromProto(document_label), FromProto(chunk->label()))
            .Within("label"));
  }
  return CompleteEmbedding(chunk);
}

Status DocumentCheck::CompleteEmbedding(v1::Chunk* chunk) const {
  if (config_.embedder() != v1::EMBEDDER_NONE) {
    if (chunk->embedding_size() > 0) {
      return Invalid("embedding", "the collection embeds by itself; leave it out");
    }
    if (chunk->text().empty()) return Invalid("text", "missing; there is nothing to embed");
    if (embeddings_ == Embeddings::kLeftOut) return OkStatus();
    if (config_.embedder() == v1::EMBEDDER_HTTP) return OkStatus();  // all texts together, later
    const auto embedding = embedder_.Embed(chunk->text());
    chunk->mutable_embedding()->Assign(embedding.begin(), embedding.end());
    return OkStatus();
  }
  if (chunk->embedding_size() == 0) {
    if (embeddings_ == Embeddings::kLeftOut) return OkStatus();
    return Invalid("embedding", "missing, and the collection has no embedder; bring a vector");
  }
  return CheckEmbedding(*chunk, config_.dimension());
}

// The collection as the caller knows it: a hidden attribute is an unknown one.
v1::CollectionConfig KnownTo(const World& world, const Authenticated& caller,
                             v1::CollectionConfig config) {
  auto* attributes = config.mutable_attributes();
  attributes->erase(
      std::remove_if(attributes->begin(), attributes->end(),
                     [&](const v1::AttributeSpec& spec) {
                       return spec.has_label() && !Planted(Bug::kHiddenAttributeKnown) &&
                              !CallerDominates(world, caller, FromProto(spec.label()));
                     }),
      attributes->end());
  return config;
}

}  // namespace

Status CheckGivenAcl(const PolicyRules& rules, const Grant& grant, const v1::Acl& acl) {
  if (!grant.rights.Has(Right::kGrant)) {
    return Denied("", "the key lacks the right 'grant', which setting a list needs");
  }
  RETURN_IF_ERROR(CheckAcl(acl));
  return CheckContainers(rules, acl);
}

Status CheckGivenLabel(const PolicyRules& rules, const Grant& grant, const v1::Label& label) {
  if (!grant.rights.Has(Right::kLabel)) {
    return Denied("", "the key lacks the right 'label', which setting a label needs");
  }
  return rules.scheme.CheckLabel(FromProto(label));
}

Status CheckWritableId(std::string_view field, const Grant& grant, const std::string& id) {
  RETURN_IF_ERROR(CheckName(field, id, limits::kIdBytes));
  if (grant.MayWriteId(id)) return OkStatus();
  return Denied(field,
                fmt::format("the key writes only ids that begin with '{}'", grant.id_prefix));
}

Status CheckBatchSize(const v1::IngestRequest& request) {
  if (static_cast<size_t>(request.documents_size()) <= limits::kDocumentsPerBatch) {
    return OkStatus();
  }
  return Invalid("documents",
                 fmt::format("more than {} in a batch; split it", limits::kDocumentsPerBatch));
}

Status CheckEmbedding(const v1::Chunk& chunk, uint32_t dimension) {
  if (static_cast<uint32_t>(chunk.embedding_size()) != dimension) {
    return Invalid("embedding", fmt::format("has {} numbers, not the {} of its embedding space",
                                            chunk.embedding_size(), dimension));
  }
  if (!AllFinite(chunk.embedding())) return Invalid("embedding", "holds NaN or infinity");
  return OkStatus();
}

Status CheckMetadata(const View& view, const Collection& collection, const Authenticated& caller,
                     const std::vector<std::string>& cleared, v1::Document* metadata) {
  const PolicyRules& rules = *view.policy().rules;
  RETURN_IF_ERROR(CheckTexts(*metadata));
  RETURN_IF_ERROR(SourceCheck(rules)("provenance.source", metadata->provenance().source()));
  RETURN_IF_ERROR(CheckTrust(rules, metadata->provenance().trust()));
  RETURN_IF_ERROR(ValidityOf(*metadata).status());
  const v1::CollectionConfig known = KnownTo(view.world(), caller, collection.config);
  for (const auto& name : cleared) RETURN_IF_ERROR(SpecOf(known, name).status());
  return CheckAttributes(known, metadata);
}

v1::Refusal RefusalOf(uint32_t index, const std::string& id, const Status& status) {
  v1::Refusal refusal;
  refusal.set_index(index);
  refusal.set_id(id);
  refusal.set_field(std::string(status.field()));
  refusal.set_message(std::string(status.message()));
  return refusal;
}

Validated Validate(const View& view, const Collection& collection, const Authenticated& caller,
                   v1::IngestRequest* request, Embeddings embeddings) {
  Validated validated;
  validated.batch.set_collection(collection.config.name());
  validated.batch.set_space(ToldSpace(collection));
  const v1::CollectionConfig known = KnownTo(view.world(), caller, collection.config);
  DocumentCheck check(*view.policy().rules, known, caller.grant(), embeddings);
  for (int i = 0; i < request->documents_size(); ++i) {
    v1::Document* document = request->mutable_documents(i);
    const Status status = check.Complete(document);
    if (status.ok()) {
      validated.batch.add_documents()->Swap(document);
      validated.places.push_back(static_cast<uint32_t>(i));
      continue;
    }
    validated.refused.push_back(RefusalOf(static_cast<uint32_t>(i), document->id(), status));
  }
  return validated;
}

}  // namespace cordon
