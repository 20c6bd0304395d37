#include "tools/cordon/ingest_source.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <optional>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "tools/cordon/document_json.h"
#include "tools/cordon/extract.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/rules.h"
#include "tools/cordon/vector_file.h"

namespace cordon {
namespace {

// A message of kIngestMessageBytes holds 4 million numbers, which JSON writes with up to 25 bytes.
constexpr size_t kDocumentLineBytesMax = 128 << 20;
constexpr size_t kRulesBytesMax = 16 << 20;

class LineSource : public DocumentSource {
 public:
  explicit LineSource(LineReader reader) : reader_(std::move(reader)) {}

  StatusOr<bool> Next(SourceItem& item) override {
    do {
      ASSIGN_OR_RETURN(const bool more, reader_.Next(line_));
      if (!more) return false;
    } while (line_.IsEmpty());
    item.origin = {line_.number, "", "", {}};
    item.document.Clear();
    item.refused =
        line_.status.ok() ? ParseDocument(parser_, line_.text, &item.document) : line_.status;
    if (keeps_lines_) item.origin.text = line_.text;
    return true;
  }

  double Fraction() const override { return reader_.Fraction(); }

  void KeepLines() override { keeps_lines_ = true; }
  void WaitWith(WaitForInput wait) override { reader_.WaitWith(std::move(wait)); }

 private:
  LineReader reader_;
  JsonParser parser_;
  Line line_;
  bool keeps_lines_ = false;
};

class LinesWithVectors : public DocumentSource {
 public:
  LinesWithVectors(std::unique_ptr<DocumentSource> lines, VectorFile vectors)
      : lines_(std::move(lines)), vectors_(std::move(vectors)) {}

  StatusOr<bool> Next(SourceItem& item) override {
    ASSIGN_OR_RETURN(const bool more, lines_->Next(item));
    ASSIGN_OR_RETURN(const bool more_rows, vectors_.Next(&row_));
    if (more && !more_rows) {
      return Invalid("vectors", fmt::format("there is none for line {}, nor for those after it; "
                                            "give one row for each line that is not empty",
                                            item.origin.line));
    }
    if (!more && more_rows) {
      return Invalid("vectors",
                     "there are more than lines; give one row for each line that is not empty");
    }
    if (!more) return false;
    if (item.refused.ok()) item.refused = Attach(item.document);
    if (keeps_lines_) item.origin.vector = row_;
    return true;
  }

  double Fraction() const override { return lines_->Fraction(); }
  void KeepLines() override {
    keeps_lines_ = true;
    lines_->KeepLines();
  }
  void WaitWith(WaitForInput wait) override {
    lines_->WaitWith(wait);
    vectors_.WaitWith(std::move(wait));
  }

 private:
  Status Attach(v1::Document& document) const {
    if (document.chunks_size() > 1) {
      return Invalid("chunks", fmt::format("there are {}, and one vector for each line; give each "
                                           "chunk as a document, or the embeddings in the lines",
                                           document.chunks_size()));
    }
    if (document.chunks().empty()) {
      document.add_chunks()->set_text(std::move(*document.mutable_text()));
      document.clear_text();
    }
    v1::Chunk& chunk = *document.mutable_chunks(0);
    if (!chunk.embedding().empty()) {
      return Invalid("chunks[0].embedding", "given beside --vectors; keep one of them");
    }
    chunk.mutable_embedding()->Add(row_.begin(), row_.end());
    return OkStatus();
  }

  const std::unique_ptr<DocumentSource> lines_;
  VectorFile vectors_;
  std::vector<float> row_;
  bool keeps_lines_ = false;
};

class VectorsAlone : public DocumentSource {
 public:
  explicit VectorsAlone(std::unique_ptr<DocumentSource> documents)
      : documents_(std::move(documents)) {}

  StatusOr<bool> Next(SourceItem& item) override {
    ASSIGN_OR_RETURN(const bool more, documents_->Next(item));
    v1::Document whole;
    whole.Swap(&item.document);
    item.document.set_id(std::move(*whole.mutable_id()));
    item.document.mutable_chunks()->Swap(whole.mutable_chunks());
    for (auto& chunk : *item.document.mutable_chunks()) {
      chunk.clear_acl();
      chunk.clear_label();
    }
    return more;
  }

  double Fraction() const override { return documents_->Fraction(); }
  void KeepLines() override { documents_->KeepLines(); }
  void WaitWith(WaitForInput wait) override { documents_->WaitWith(std::move(wait)); }

 private:
  const std::unique_ptr<DocumentSource> documents_;
};

// How many documents the lines of a regular file hold; nothing if `path` is none.
StatusOr<std::optional<uint64_t>> CountDocuments(const std::string& path) {
  struct stat info {};
  if (path == "-" || stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return std::optional<uint64_t>();
  }
  ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(path, kDocumentLineBytesMax));
  Line line;
  uint64_t count = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(line));
    if (!more) return std::optional<uint64_t>(count);
    count += line.IsEmpty() ? 0 : 1;
  }
}

class FolderSource : public DocumentSource {
 public:
  FolderSource(std::string directory, std::vector<std::string> paths, Rules rules)
      : directory_(std::move(directory)), paths_(std::move(paths)), rules_(std::move(rules)) {}

  StatusOr<bool> Next(SourceItem& item) override {
    if (next_ == paths_.size()) return false;
    const std::string& path = paths_[next_++];
    item.origin = {next_, path, "", {}};
    item.document.Clear();
    item.document.set_id(path);
    item.refused = Read(path, item.document);
    return true;
  }

  double Fraction() const override {
    return paths_.empty() ? 0 : static_cast<double>(next_) / static_cast<double>(paths_.size());
  }

 private:
  Status Read(const std::string& path, v1::Document& document) const {
    if (Status status = CheckName("id", path, limits::kIdBytes); !status.ok()) {
      document.clear_id();  // no message may carry it
      return status;
    }
    const Rule* const rule = rules_.Match(path);
    if (rule == nullptr) return Invalid("file", "no rule matches; add one to the rules file");
    ASSIGN_OR_RETURN(ExtractedDocument extracted, ExtractFile(directory_ + "/" + path));
    document.set_title(std::move(extracted.title));
    document.set_text(std::move(extracted.text));
    rule->Fill(document);
    return OkStatus();
  }

  const std::string directory_;
  const std::vector<std::string> paths_;
  const Rules rules_;
  size_t next_ = 0;
};

}  // namespace

StatusOr<std::unique_ptr<DocumentSource>> OpenLines(const std::string& path) {
  ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(path, kDocumentLineBytesMax));
  return std::unique_ptr<DocumentSource>(std::make_unique<LineSource>(std::move(reader)));
}

StatusOr<std::unique_ptr<DocumentSource>> OpenLinesWithVectors(const std::string& path,
                                                               const std::string& vectors_path) {
  if (path == "-" && vectors_path == "-") {
    return Invalid("vectors", "both cannot come by standard input; give a file");
  }
  ASSIGN_OR_RETURN(VectorFile vectors, VectorFile::Open(vectors_path));
  if (vectors.rows()) {
    ASSIGN_OR_RETURN(const auto documents, CountDocuments(path));
    if (documents && *documents != *vectors.rows()) {
      return Invalid("vectors", fmt::format("there are {}, and {} lines that are not empty; give "
                                            "one row for each of them",
                                            *vectors.rows(), *documents));
    }
  }
  ASSIGN_OR_RETURN(auto lines, OpenLines(path));
  return std::unique_ptr<DocumentSource>(
      std::make_unique<LinesWithVectors>(std::move(lines), std::move(vectors)));
}

std::unique_ptr<DocumentSource> VectorsOf(std::unique_ptr<DocumentSource> documents) {
  return std::make_unique<VectorsAlone>(std::move(documents));
}

StatusOr<std::unique_ptr<DocumentSource>> OpenDirectory(const std::string& directory,
                                                        const std::string& rules_path,
                                                        std::vector<SkippedFile>* skipped) {
  const auto text = ReadFileUnpacked(rules_path, kRulesBytesMax);
  if (!text.ok()) return Invalid("rules", text.status().message());
  ASSIGN_OR_RETURN(Rules rules, ParseRules(*text));
  ASSIGN_OR_RETURN(FileList list, ListFiles(directory));
  *skipped = std::move(list.skipped);
  return std::unique_ptr<DocumentSource>(
      std::make_unique<FolderSource>(directory, std::move(list.files), std::move(rules)));
}

}  // namespace cordon
