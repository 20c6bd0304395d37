#include "tools/cordon/listing_file.h"

#include "tools/cordon/document_json.h"

namespace cordon {
namespace {

constexpr size_t kListedLineBytesMax = 128 << 20;  // as of a document to ingest

}  // namespace

StatusOr<ListingFile> ListingFile::Open(const std::string& path) {
  ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(path, kListedLineBytesMax));
  return ListingFile(std::move(reader));
}

StatusOr<bool> ListingFile::Next(ListedLine& line) {
  do {
    ASSIGN_OR_RETURN(const bool more, reader_.Next(text_));
    if (!more) return false;
  } while (text_.IsEmpty());
  line.line = text_.number;
  line.document.Clear();
  line.unchanged = false;
  line.refused = text_.status.ok() ? Read(line) : text_.status;
  if (!line.refused.ok()) line.unchanged = false;
  return true;
}

Status ListingFile::Read(ListedLine& line) {
  ASSIGN_OR_RETURN(const JsonValue value, parser_->Parse(text_.text));
  const bool by_id =
      value.is_object() && value["unchanged"].error() == simdjson::error_code::SUCCESS;
  if (!by_id) return ParseDocument(value, &line.document);
  RETURN_IF_ERROR(ReadObject(
      value, {StringField("id", line.document.mutable_id()),
              FlagField("unchanged", [&](bool unchanged) { line.unchanged = unchanged; })}));
  if (line.unchanged) return OkStatus();
  return Invalid("unchanged", "is true, or left out beside the document");
}

}  // namespace cordon
