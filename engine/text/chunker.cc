#include "engine/text/chunker.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/text/blocks.h"
#include "engine/text/breaks.h"

namespace cordon {
namespace {

constexpr std::string_view kPathSeparator = " › ";

// A section below this says too little to be found alone, and a short text's embedding makes it
// near to every question.
constexpr size_t kSmallSectionBytes = 300;

constexpr std::string_view kSpace = " \t\n\f\v";

std::string_view TrimRight(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kSpace) + 1);  // npos + 1 is 0
}

// The headings around the text at hand, outermost first.
class HeadingPath {
 public:
  // The innermost headings that fit kHeadingPathBytes, as one line without its end.
  std::string Line() const {
    std::string line;
    for (size_t i = FirstShown(); i < headings_.size(); ++i) {
      if (!line.empty()) line += kPathSeparator;
      line += headings_[i].title;
    }
    return line;
  }

  // Tells apart the outermost headings; 0 if there is none.
  size_t Root() const { return headings_.empty() ? 0 : headings_.front().number; }

  void Push(std::string_view title, int level) {
    headings_.push_back({title, level, ++pushed_, false});
  }
  void Pop() { headings_.pop_back(); }

  // True if the innermost heading is at `level` or deeper.
  bool Reaches(int level) const { return !headings_.empty() && headings_.back().level >= level; }

  // Whether some chunk shows the innermost heading.
  bool Written() const { return headings_.back().written; }
  void MarkWritten() {
    for (size_t i = FirstShown(); i < headings_.size(); ++i) headings_[i].written = true;
  }

  // True if a heading `title` below these would leave no room for one that no chunk shows yet.
  bool WouldLose(std::string_view title) {
    Push(title, 0);
    const auto end = headings_.begin() + static_cast<std::ptrdiff_t>(FirstShown());
    const bool lost = std::any_of(headings_.begin(), end, [](auto& h) { return !h.written; });
    Pop();
    return lost;
  }

 private:
  struct Heading {
    std::string_view title;
    int level;
    size_t number;
    bool written;  // some chunk shows it
  };

  size_t FirstShown() const {
    size_t bytes = 0;
    size_t first = headings_.size();
    while (first > 0) {
      bytes += headings_[first - 1].title.size() + (bytes > 0 ? kPathSeparator.size() : 0);
      if (bytes > kHeadingPathBytes) break;
      --first;
    }
    return first;
  }

  std::vector<Heading> headings_;
  size_t pushed_ = 0;
};

// Fills chunks one after another.
class Packer {
 public:
  // Begins a section whose own text takes `section_bytes` when it is joined.
  void AddHeading(std::string_view title, int level, size_t section_bytes) {
    LeaveSections(level);
    if (path_.WouldLose(title)) AddPath();
    path_.Push(title, level);
    section_bytes_ = section_bytes;
    new_section_ = true;
  }

  // Adds a block that is not blank; `grain` is where it is cut first.
  void AddText(std::string_view text, Grain grain) {
    std::string_view separator = "\n\n";
    if (new_section_) {
      if (Joins()) {
        body_ += separator;
        body_ += path_.Line();
        separator = "\n";
      } else {
        Flush();
      }
      new_section_ = false;
    }
    const bool fits = body_.size() + separator.size() + text.size() <= Room();
    const bool over_half = body_.size() * 2 > Room();
    if (!fits && (text.size() <= Room() || over_half)) Flush();
    if (!body_.empty()) body_ += separator;
    Add(text, grain);
    path_.MarkWritten();
  }

  std::vector<std::string> Finish() {
    LeaveSections(0);
    Flush();
    return std::move(chunks_);
  }

  size_t chunks() const { return chunks_.size(); }

 private:
  size_t Room() const { return kChunkTargetBytes - prefix_.size(); }

  // True if the whole section that begins goes into the chunk at hand: one of the two is small and
  // both lie below the same outermost heading.
  bool Joins() const {
    return !body_.empty() && root_ == path_.Root() &&
           std::min(body_.size(), section_bytes_) < kSmallSectionBytes &&
           body_.size() + 2 + path_.Line().size() + 1 + section_bytes_ <= Room();
  }

  // Adds `unit` whole, if need be in a chunk of its own; else its pieces of the next finer grain.
  void Add(std::string_view unit, Grain grain) {
    const size_t size = TrimRight(unit).size();
    if (body_.size() + size > Room() && (size <= Room() || body_.size() * 2 > Room())) Flush();
    if (body_.size() + size <= Room()) {
      body_ += unit;
      return;
    }
    if (grain == Grain::kCodePoint) {
      AddCodePoints(unit);
      return;
    }
    const Grain finer = grain == Grain::kLineBreak ? Grain::kCodePoint : Grain::kLineBreak;
    size_t begin = 0;
    for (size_t end : FindBreaks(unit, grain)) {
      Add(unit.substr(begin, end - begin), finer);
      begin = end;
    }
  }

  void AddCodePoints(std::string_view unit) {
    while (!unit.empty()) {
      const size_t room = Room() > body_.size() ? Room() - body_.size() : 0;
      const size_t count = CodePointBoundary(unit, room);
      body_ += unit.substr(0, count);
      unit.remove_prefix(count);
      if (!unit.empty()) Flush();
    }
  }

  // Ends the chunk at hand; the next one begins with the path as it is now.
  void Flush() {
    std::string_view body = TrimRight(body_);
    while (body.starts_with('\n')) body.remove_prefix(1);
    if (!IsBlank(body)) {
      chunks_.push_back(prefix_);
      chunks_.back() += body;
    }
    body_.clear();
    prefix_ = path_.Line();
    if (!prefix_.empty()) prefix_ += '\n';
    root_ = path_.Root();
  }

  // A heading that no chunk shows becomes one by itself, or a line of the chunk at hand.
  void LeaveSections(int level) {
    for (; path_.Reaches(level); path_.Pop()) {
      if (!path_.Written()) AddPath();
    }
  }

  void AddPath() {
    const std::string line = path_.Line();
    if (!body_.empty() && root_ == path_.Root() && body_.size() + 2 + line.size() <= Room()) {
      body_ += "\n\n" + line;
    } else {
      Flush();
      chunks_.push_back(line);
    }
    path_.MarkWritten();
  }

  HeadingPath path_;
  size_t section_bytes_ = 0;
  bool new_section_ = true;
  std::string prefix_;  // of the chunk at hand: its path
  size_t root_ = 0;     // of that path
  std::string body_;
  std::vector<std::string> chunks_;
};

// The bytes of the blocks from `block` to the next heading, with a blank line after each.
size_t SectionBytes(const std::vector<Block>& blocks, size_t block) {
  size_t bytes = 0;
  for (; block < blocks.size() && blocks[block].kind != BlockKind::kHeading; ++block) {
    bytes += blocks[block].text.size() + 2;
  }
  return bytes;
}

// Stops early when there are more chunks than a document may have.
std::vector<std::string> Pack(const std::vector<Block>& blocks, bool with_headings) {
  Packer packer;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    if (block.kind == BlockKind::kHeading && with_headings) {
      packer.AddHeading(block.text, block.level, SectionBytes(blocks, i + 1));
      if (packer.chunks() > limits::kChunksPerDocument) break;
    } else {
      packer.AddText(block.text, block.kind == BlockKind::kCode ? Grain::kLine : Grain::kSentence);
    }
  }
  return packer.Finish();
}

// Line feeds alone end lines; a byte order mark is no text.
std::string NormaliseLines(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::string lines;
  lines.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const bool crlf = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    if (!crlf) lines += text[i] == '\r' ? '\n' : text[i];
  }
  return lines;
}

}  // namespace

std::vector<std::string> ChunkText(std::string_view text) {
  const std::string lines = NormaliseLines(text);
  const std::vector<Block> blocks = ParseBlocks(lines);
  std::vector<std::string> chunks = Pack(blocks, /*with_headings=*/true);
  if (chunks.size() > limits::kChunksPerDocument) chunks = Pack(blocks, /*with_headings=*/false);
  return chunks;
}

}  // namespace cordon
