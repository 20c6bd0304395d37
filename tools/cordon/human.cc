#include "tools/cordon/human.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tools/cordon/context_options.h"
#include "tools/cordon/message_json.h"

namespace cordon {
namespace {

constexpr size_t kColumns = 96;
constexpr size_t kSnippetLines = 3;

// Code points of UTF-8, as a stand-in for columns.
size_t Width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string Padded(const std::string& text, size_t width) {
  return text + std::string(width - std::min(width, Width(text)), ' ');
}

// The words of `text`, each printable.
std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    const size_t begin = text.find_first_not_of(" \t\r\n\f\v");
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(" \t\r\n\f\v"), text.size());
    words.push_back(Printable(text.substr(0, end)));
    text.remove_prefix(end);
  }
}

std::string Compartments(const google::protobuf::RepeatedPtrField<std::string>& names) {
  return names.empty() ? "" : fmt::format(" {{{}}}", fmt::join(names, ", "));
}

std::string PassageText(const v1::Passage& passage, int rank) {
  std::string text =
      fmt::format("{:>3}. {:.4f}  {} #{}  {}\n", rank, passage.score(),
                  Printable(passage.document()), passage.chunk(), LabelText(passage.label()));
  if (!passage.title().empty()) text += fmt::format("     {}\n", Printable(passage.title()));
  if (!passage.uri().empty()) text += fmt::format("     {}\n", Printable(passage.uri()));
  if (!passage.text().empty()) text += Snippet(passage.text(), kColumns, kSnippetLines, "     | ");
  return text;
}

}  // namespace

std::string LabelText(const v1::Label& label) {
  std::string text = label.level() + Compartments(label.compartments());
  for (const std::string& tag : label.tags()) text += " #" + tag;
  return Printable(text);
}

std::string ClearanceText(const v1::Clearance& clearance) {
  if (clearance.symbol() == v1::Clearance::SYMBOL_ALL) return "all";
  if (clearance.symbol() == v1::Clearance::SYMBOL_LOWEST) return "lowest";
  return Printable(clearance.level() + Compartments(clearance.compartments()));
}

std::string Listed(const google::protobuf::RepeatedPtrField<std::string>& words) {
  return words.empty() ? "none" : Printable(fmt::format("{}", fmt::join(words, ", ")));
}

void TellNames(Output& output, std::string_view sign, uint64_t count,
               const google::protobuf::RepeatedPtrField<std::string>& names) {
  for (const auto& name : names) output.Line(fmt::format("{} {}", sign, Printable(name)));
  const uint64_t more = count - std::min(count, static_cast<uint64_t>(names.size()));
  if (more > 0 && !names.empty()) output.Line(fmt::format("{} … {} more", sign, Grouped(more)));
}

std::string Snippet(std::string_view text, size_t columns, size_t lines, std::string_view indent) {
  std::string result;
  std::string line;
  size_t used = 0;
  for (const std::string& word : SplitWords(text)) {
    if (!line.empty() && Width(line) + 1 + Width(word) > columns) {
      if (++used == lines) return fmt::format("{}{}{} …\n", result, indent, line);
      result += fmt::format("{}{}\n", indent, line);
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return line.empty() ? result : fmt::format("{}{}{}\n", result, indent, line);
}

std::string Table(const std::vector<std::string>& head,
                  const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const std::string& cell : head) widths.push_back(Width(cell));
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  const auto layout = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += Padded(row[i], widths[i] + 2);
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  };
  std::string text = layout(head);
  for (const auto& row : rows) text += "\n" + layout(row);
  return text;
}

namespace {

std::string Counts(const v1::RetrieveResponse& response) {
  std::string text;
  if (!response.token_counter().empty()) {
    text += fmt::format("tokens       {}, by {}\n", response.tokens(),
                        Printable(response.token_counter()));
  }
  if (response.rerank() != v1::RERANK_OUTCOME_UNSPECIFIED) {
    text += fmt::format("rerank       {}\n", RerankOutcomeName(response.rerank()));
  }
  return text;
}

// The block itself, ready to be piped on.
std::string BlockText(const v1::RetrieveResponse& response) {
  std::string text;
  const std::string& block = response.block();
  for (size_t begin = 0; begin < block.size();) {
    const size_t end = std::min(block.find('\n', begin), block.size());
    text += Printable(block.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  return text.substr(0, text.size() - 1);
}

}  // namespace

std::string RetrieveText(const v1::RetrieveResponse& response) {
  std::string text;
  if (!response.block().empty()) return BlockText(response);
  int rank = 0;
  for (const v1::Passage& passage : response.passages()) text += PassageText(passage, ++rank);
  if (response.passages().empty()) text += "Nothing found.\n";
  text += "\n";
  if (response.has_context_label()) {
    text += fmt::format("context      {}\nmay go to    {}\n", LabelText(response.context_label()),
                        Listed(response.destinations()));
  }
  if (response.has_explain()) {
    const v1::SearchExplain& search = response.explain();
    text += fmt::format("searched     {}: {} of {} lists, {} rows by one bit, {} by int8\n",
                        search.plan(), search.lists_scanned(), search.lists_seen(),
                        search.rows_scanned(), search.rows_reranked());
  }
  if (response.limited()) text += "limited      a limit cut the answer short\n";
  text += Counts(response);
  text += fmt::format("revision     {}, as of {}\njournal      {}", response.revision(),
                      TimeText(response.as_of()), response.journal_id());
  return text;
}

std::string PartText(const v1::RetrieveStreamResponse& part, int first) {
  if (part.has_summary()) {
    const std::string text = RetrieveText(part.summary());
    return first > 1 ? text.substr(text.find("\n\n") + 2) : text;
  }
  std::string text;
  for (const v1::Passage& passage : part.passages()) text += PassageText(passage, first++);
  return text.substr(0, text.size() - 1);
}

std::string DocumentText(const v1::GetDocumentResponse& response) {
  std::string text = Printable(response.document());
  if (!response.title().empty()) text += "  " + Printable(response.title());
  text += "\n";
  if (!response.uri().empty()) text += Printable(response.uri()) + "\n";
  if (response.has_version()) text += fmt::format("version {}\n", response.version());
  for (const v1::DocumentChunk& chunk : response.chunks()) {
    text += fmt::format("\n#{}  {}\n{}\n", chunk.chunk(), LabelText(chunk.label()),
                        Printable(chunk.text()));
  }
  return text +
         fmt::format("\nrevision {}, journal {}", response.revision(), response.journal_id());
}

}  // namespace cordon
