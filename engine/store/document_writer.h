// Writes the documents of one collection within one mutation. Internal to store/.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/store/apply.h"
#include "engine/store/codec.h"
#include "engine/store/documents.h"

namespace cordon {

// What is to be written over a document's own; null leaves it.
struct NewAccess {
  const v1::Acl* acl;
  const v1::Label* label;
};

class DocumentWriter {
 public:
  using Record = store::v1::DocumentRecord;

  // NOT_FOUND if there is no such collection.
  static StatusOr<DocumentWriter> For(const ApplyContext& context, const std::string& collection,
                                      Applied* applied);

  // ABORTED unless documents that come are embedded for the space that is searched; `told` as
  // store.v1.IngestBatch has it.
  Status CheckSpace(uint32_t told) const;
  // Writes what a mutation says of one document, in these places, as if it came there one after the
  // other: of what is not out of date the last. Whatever is not written is judged all the same, so
  // that a refusal, and which principals are undefined, says nothing of what is stored.
  using Written = google::protobuf::RepeatedPtrField<v1::Document>;
  Status WriteNewest(const Written& written, const std::vector<int>& places);
  // Gives a stored document vectors in the space that is not searched, unless `space` is 0, and
  // takes those in dropped ones away. Borrows the vectors until the rows are taken up. True if that
  // changed anything.
  StatusOr<bool> Embed(const store::v1::EmbeddedDocument& embedded, uint32_t space);
  // Calls visit(i, record) for the stored record of each document, in turn, which it may change;
  // null if there is none. They are all that the mutation changes.
  using Ids = std::vector<std::string_view>;
  using VisitEach = std::function<Status(size_t i, Record* record)>;
  Status ReadEach(const Ids& documents, const VisitEach& visit);
  // Gives a document another list or label; `record` is what is stored, null if it is absent. An
  // absent document is judged like a present one, so that both are answered alike.
  Status Reclass(const NewAccess& access, Record* record);
  Status Remove(const std::string& document);
  // Gives a stored document another description; list and label stay. Its content is the same, and
  // so is its place, unless it gets other subjects or another source: an erasure finds what was
  // about a subject by the version that was said to be.
  Status Describe(const Record& old, const v1::Document& document);
  // Gives a stored document another list, label and description. Subjects and source must be what
  // they were: an erasure finds old bytes by them. What `document` holds is borrowed until the rows
  // are taken up. Nothing if no document has the number any more, as for RemoveNumbered.
  Status Redescribe(uint64_t number, const v1::Document& document);
  // True if there was such a document.
  StatusOr<bool> RemoveNumbered(uint64_t number);
  // How many documents the mutation will give another class: decides how the index finds them.
  void ExpectRewrites(size_t documents);
  // Gives a stored document, in a store that was restored, what a newer version of it was told to
  // have: list, label and validity. It is about whom any of them was, and due as this one is told
  // to be, or if it was another version's, by the earlier of both times.
  Status Regrant(const Record& old, const journal::v1::ReplayedAccess& access,
                 const journal::v1::ToldAccess& told);
  // Gives a stored document, likewise, the classes that its lists and labels make by the rules of
  // now; it goes if these lack a name that it has.
  Status Reclassify(const Record& old);
  // Whether the time has come to erase a stored document.
  bool IsDue(const Record& record) const;
  // Puts the row of the time at which it will have come.
  void PutOff(const Record& record);
  // Takes a stored document away and its key with it.
  void Erase(const Record& record);
  // The same with a version that was replaced or deleted before.
  void EraseOld(const std::string& pseudonym, uint64_t number);
  // The undefined principals of what was written.
  void TellUndefined() {
    applied_->undefined = UndefinedPrincipals(applied_->next.policy, classes_);
  }
  // Publishes the collection's new figures.
  void Finish();

  const Collection& collection() const { return collection_; }
  const Documents& documents() const { return documents_; }
  uint32_t tenant() const { return applied_->next.id; }
  std::string Pseudonym(std::string_view kind, std::string_view value) const {
    return context_.vault.Pseudonym(tenant(), collection_.id, kind, value);
  }

 private:
  // Where the number of the document's newest version is.
  std::string NumberKeyOf(std::string_view document) const {
    return PseudonymKey(tenant(), collection_.id, Pseudonym("document", document));
  }

  using Attributes = google::protobuf::Map<std::string, v1::AttributeValue>;

  DocumentWriter(const ApplyContext& context, Collection collection, Applied* applied)
      : context_(context),
        collection_(std::move(collection)),
        applied_(applied),
        documents_(&context.database, &context.vault, applied->next.id) {}

  PolicyState* policy() { return &applied_->next.policy; }
  // The numbers of a document's clauses.
  StatusOr<std::vector<ClauseId>> DocumentClauses(const v1::Acl& acl);
  // Gives every chunk of `record` the class that its lists and labels make.
  Status Classify(Record* record);
  // Puts a stored document whose list, label or validity is another; and attributes, if not null.
  Status Rewrite(Record* record, const Attributes* attributes = nullptr);
  // The same of one with another description, of the subjects and the source that `old` has.
  Status RewriteDescribed(const Record& old, Record* record, const Attributes* attributes);
  // Puts a stored document as a version of its own, with its content.
  Status PutVersion(const Record& old, Record* record);
  // Whether it has vectors in the space that is not searched.
  bool InOther(const Record& record) const;
  // Counts a record that comes or goes.
  void Count(const Record& record, bool comes);
  // Whether there is a vector of the other space for each chunk.
  Status CheckVectors(const store::v1::EmbeddedDocument& embedded, const Record& record) const;
  void AddVectors(const store::v1::EmbeddedDocument& embedded, const Record& record);
  // As Replace judges it, and writes nothing.
  Status Judge(const v1::Document& document);
  // Puts a document in the place of `old`; null if it is new.
  Status Replace(const v1::Document& document, const Record* old);
  // Takes the stored records of `old` away.
  void Drop(const Record& old);
  // The same of the newest version of a document, which leaves none.
  void DropNewest(const Record& old);
  // Keeps an old version findable for its erasure.
  void MarkOld(const Record& old);
  // Puts a version in the place of `old`; null if the document is new. Its chunks are put already,
  // with the nonces behind `nonce`, in order.
  void PutNewest(const Record* old, const Record& record, const SecretKey& key,
                 const SealNonce& nonce);
  // Puts what a document is found by.
  void PutNames(const Record& record);
  void PutChunk(const Record& record, const v1::Chunk& chunk, const SecretKey& key,
                const SealNonce& nonce);
  void PutDocument(const Record& record, const SecretKey& key, const SealNonce& nonce);
  // When the document is to be erased by itself; kNever if never.
  Micros DueTime(const Record& record) const;
  // Calls `put` with the key of every mark of the document.
  using PutKey = std::function<void(Family, const std::string&)>;
  void EachMark(const Record& record, const PutKey& put) const;
  // What a restored store must be told: the access of `record`, also for the copy `before`.
  void NoteAccess(uint64_t before, const Record& record, const SecretKey& key,
                  const SealNonce& nonce);
  RowChange RowsOf(const Record& record, RowChange::Kind kind, bool may_exist);
  // Reads the texts of the change's rows, which stay what they are.
  Status ReadTexts(const Record& record, RowChange* change);

  const ApplyContext& context_;
  Collection collection_;
  Applied* applied_;
  Documents documents_;
  std::set<ClassId> classes_;  // of what was written
  std::set<uint64_t> erased_;  // old versions
  size_t told_bytes_ = 0;      // of lists and labels, to a restored store
  bool reads_texts_ = false;   // of documents that get another class
  // By list: the documents of one mutation often share them.
  std::unordered_map<std::string, std::vector<ClauseId>> clauses_of_;
  store::v1::ChunkRecord chunk_;  // PutChunk's, whose memory serves all chunks
  journal::v1::ToldAccess told_;  // NoteAccess's, likewise
};

}  // namespace cordon
