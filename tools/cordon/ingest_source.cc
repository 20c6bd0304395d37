#include "tools/cordon/ingest_source.h"

#include <algorithm>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "tools/cordon/document_json.h"
#include "tools/cordon/extract.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/rules.h"

namespace cordon {
namespace {

// A message of kIngestMessageBytes holds 4 million numbers, which JSON writes with up to 25 bytes.
constexpr size_t kDocumentLineBytesMax = 128 << 20;
constexpr size_t kRulesBytesMax = 16 << 20;

class LineSource : public DocumentSource {
 public:
  explicit LineSource(LineReader reader)
      : reader_(std::move(reader)), bytes_total_(reader_.Size().value_or(0)) {}

  StatusOr<bool> Next(SourceItem& item) override {
    while (true) {
      ASSIGN_OR_RETURN(const bool more, reader_.Next(line_));
      if (!more) return false;
      bytes_read_ += line_.text.size() + 1;
      if (!line_.status.ok() || line_.text.find_first_not_of(" \t\r") != std::string::npos) break;
    }
    item.origin = {line_.number, "", ""};
    item.document.Clear();
    item.refused =
        line_.status.ok() ? ParseDocument(parser_, line_.text, &item.document) : line_.status;
    if (keeps_lines_) item.origin.text = line_.text;
    return true;
  }

  double Fraction() const override {
    if (bytes_total_ == 0) return 0;
    return std::min(1.0, static_cast<double>(bytes_read_) / static_cast<double>(bytes_total_));
  }

  void KeepLines() override { keeps_lines_ = true; }
  void WaitWith(WaitForInput wait) override { reader_.WaitWith(std::move(wait)); }

 private:
  LineReader reader_;
  JsonParser parser_;
  Line line_;
  const uint64_t bytes_total_;  // 0: not known
  uint64_t bytes_read_ = 0;
  bool keeps_lines_ = false;
};

class DirectorySource : public DocumentSource {
 public:
  DirectorySource(std::string directory, std::vector<std::string> paths, Rules rules)
      : directory_(std::move(directory)), paths_(std::move(paths)), rules_(std::move(rules)) {}

  StatusOr<bool> Next(SourceItem& item) override {
    if (next_ == paths_.size()) return false;
    const std::string& path = paths_[next_++];
    item.origin = {next_, path, ""};
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

StatusOr<std::unique_ptr<DocumentSource>> OpenDirectory(const std::string& directory,
                                                        const std::string& rules_path,
                                                        std::vector<SkippedFile>* skipped) {
  const auto text = ReadFileMaybeGzip(rules_path, kRulesBytesMax);
  if (!text.ok()) return Invalid("rules", text.status().message());
  ASSIGN_OR_RETURN(Rules rules, ParseRules(*text));
  ASSIGN_OR_RETURN(FileList list, ListFiles(directory));
  *skipped = std::move(list.skipped);
  return std::unique_ptr<DocumentSource>(
      std::make_unique<DirectorySource>(directory, std::move(list.files), std::move(rules)));
}

}  // namespace cordon
