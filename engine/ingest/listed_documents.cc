#include "engine/ingest/listed_documents.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "engine/store/document_version.h"
#include "engine/store/embedding_spaces.h"

namespace cordon {
namespace {

using google::protobuf::util::MessageDifferencer;
using store::v1::DocumentRecord;
using ListedChunks = std::vector<const v1::Chunk*>;

constexpr size_t kComparedAtOnce = 256;  // documents: the reads share their way down

// By ordinal, as they are stored.
ListedChunks InOrder(const v1::Document& document) {
  ListedChunks chunks;
  for (const auto& chunk : document.chunks()) chunks.push_back(&chunk);
  std::sort(chunks.begin(), chunks.end(),
            [](const auto* a, const auto* b) { return a->ordinal() < b->ordinal(); });
  return chunks;
}

template <typename Of, typename Stored>
bool SameAccess(const Of& listed, const Stored& stored) {
  return listed.has_acl() == stored.has_acl() && listed.has_label() == stored.has_label() &&
         MessageDifferencer::Equals(listed.acl(), stored.acl()) &&
         MessageDifferencer::Equals(listed.label(), stored.label());
}

// Whether the chunks have the same numbers, lists and labels.
bool SameChunks(const ListedChunks& listed, const DocumentRecord& stored) {
  return std::equal(listed.begin(), listed.end(), stored.chunks().begin(), stored.chunks().end(),
                    [](const v1::Chunk* chunk, const store::v1::ChunkEntry& entry) {
                      return chunk->ordinal() == entry.ordinal() && SameAccess(*chunk, entry);
                    });
}

// Whether an erasure finds the two by the same names.
bool SameNames(const v1::Document& listed, const v1::Document& stored) {
  return listed.provenance().source() == stored.provenance().source() &&
         std::equal(listed.subjects().begin(), listed.subjects().end(), stored.subjects().begin(),
                    stored.subjects().end());
}

// What is not content. The stored one has none.
bool SameDescription(const v1::Document& listed, const v1::Document& stored) {
  static const std::vector<const google::protobuf::FieldDescriptor*> content = {
      v1::Document::descriptor()->FindFieldByName("chunks"),
      v1::Document::descriptor()->FindFieldByName("text")};
  MessageDifferencer differencer;
  for (const auto* field : content) differencer.IgnoreField(field);
  return differencer.Compare(listed, stored);
}

bool SameEmbedding(const v1::Chunk& listed, const store::v1::ChunkRecord& stored,
                   const Collection& collection) {
  const std::string_view bytes(reinterpret_cast<const char*>(listed.embedding().data()),
                               static_cast<size_t>(listed.embedding_size()) * sizeof(float));
  return bytes == SearchedVector(stored, collection);
}

class Comparison {
 public:
  using Listing = google::protobuf::RepeatedPtrField<v1::Document>;

  Comparison(const View& view, const Collection& collection, const Listing& documents)
      : view_(view),
        collection_(collection),
        documents_(documents),
        brings_vectors_(collection.config.embedder() == v1::EMBEDDER_NONE),
        listed_(static_cast<size_t>(documents.size())) {}

  StatusOr<std::vector<Listed>> Run() && {
    std::vector<std::string_view> ids;
    for (const auto& document : documents_) ids.push_back(document.id());
    for (size_t from = 0; from < ids.size(); from += kComparedAtOnce) {
      const auto some = std::span(ids).subspan(from, std::min(kComparedAtOnce, ids.size() - from));
      RETURN_IF_ERROR(view_.documents().ReadMany(collection_.id, some,
                                                 [&](size_t i, const DocumentRecord& stored) {
                                                   Compare(from + i, stored);
                                                   return OkStatus();
                                                 }));
    }
    RETURN_IF_ERROR(CompareContent());
    return std::move(listed_);
  }

 private:
  struct Content {
    size_t document;
    const v1::Chunk* chunk;
  };

  void Compare(size_t i, const DocumentRecord& stored) {
    const v1::Document& document = documents_.Get(static_cast<int>(i));
    Listed& listed = listed_[i];
    listed.number = stored.number();
    listed.of_source = document.provenance().source() == stored.document().provenance().source();
    listed.kind = Listed::kUnchanged;
    if (IsStale(document, VersionOf(stored.document()))) return;
    listed.kind = Listed::kChanged;
    const ListedChunks chunks = InOrder(document);
    if (!SameNames(document, stored.document()) || !SameChunks(chunks, stored)) return;
    listed.kind =
        SameDescription(document, stored.document()) ? Listed::kUnchanged : Listed::kRedescribed;
    for (const auto* chunk : chunks) {
      places_.push_back({stored.number(), chunk->ordinal()});
      contents_.push_back({i, chunk});
    }
  }

  Status CompareContent() {
    return view_.documents().ReadChunks(
        collection_.id, places_, [this](size_t i, const store::v1::ChunkRecord* stored) {
          const v1::Chunk& chunk = *contents_[i].chunk;
          const bool same = stored != nullptr && chunk.text() == stored->text() &&
                            (!brings_vectors_ || SameEmbedding(chunk, *stored, collection_));
          if (!same) listed_[contents_[i].document].kind = Listed::kChanged;
          return OkStatus();
        });
  }

  const View& view_;
  const Collection& collection_;
  const Listing& documents_;
  const bool brings_vectors_;
  std::vector<Listed> listed_;
  std::vector<Documents::ChunkPlace> places_;
  std::vector<Content> contents_;  // one for each place
};

}  // namespace

StatusOr<std::vector<Listed>> CompareListed(
    const View& view, const Collection& collection,
    const google::protobuf::RepeatedPtrField<v1::Document>& documents) {
  return Comparison(view, collection, documents).Run();
}

}  // namespace cordon
