#include "engine/lexical/segment_file.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>
#include <utility>

#include "engine/base/checksum.h"

namespace cordon {
namespace {

static_assert(std::endian::native == std::endian::little);  // as the file is

constexpr char kWordsMagic[8] = {'C', 'D', 'N', 'W', 'R', 'D', '0', '1'};

struct WordsHeader {
  char magic[8];
  uint32_t language;
  uint32_t terms_print;  // of the way texts become terms
  uint32_t rows;
  uint32_t documents;
  uint32_t terms;
  uint32_t text_bytes;
  uint32_t postings;
  uint32_t unused;
};
static_assert(sizeof(WordsHeader) == 40);

// A row beside its name.
struct WordsRow {
  uint32_t length;
  uint32_t weight;
};
// A term; its text and postings lie behind those of the one before.
struct WordsTerm {
  uint32_t text_end;
  uint32_t postings_end;
};
static_assert(sizeof(WordsRow) == 8 && sizeof(WordsTerm) == 8 && sizeof(Posting) == 4);

Status WordsDamaged() {
  return Status(StatusCode::kDataLoss, "index", "a file of words is damaged; it is made anew");
}

// Another ICU, another stemmer or another rule gives other terms: this text's are some of each
// kind.
uint32_t PrintOfTerms(Language language) {
  constexpr std::string_view kProbe =
      "The relational databases' wal_level=logical, running (ran) it\u2019s 3.14 CVE-2024-3094 "
      "a.b@example.org Stra\u00dfen \u00dcbergr\u00f6\u00dfen \u00e9t\u00e9s na\u00efvet\u00e9 "
      "\u65e5\u672c\u8a9e\u306e\u6587\u66f8 \u0414\u043e\u043a\u0443\u043c\u0435\u043d\u0442\u044b "
      "\u0645\u0633\u062a\u0646\u062f \u0e40\u0e2d\u0e01\u0e2a\u0e32\u0e23 \ufb01le \U0001F600";
  const TermCounts terms = CountTerms(language, kProbe);
  uint32_t print = terms.length();
  for (size_t i = 0; i < terms.size(); ++i) {
    print = Crc32(print, terms[i].text);
    print = Crc32(print, std::string_view("\0", 1)) + terms[i].count;
  }
  return print;
}

}  // namespace

// Takes LexicalRows apart, and puts them together again.
class LexicalRowsFile {
 public:
  static Status Write(const LexicalRows& rows, ByteSink* sink) {
    std::vector<WordsRow> facts;
    for (uint32_t row = 0; row < rows.size(); ++row) {
      facts.push_back({rows.lengths_[row], rows.weights_[row]});
    }
    RETURN_IF_ERROR(sink->WriteAll(facts));
    std::vector<WordsTerm> terms;
    for (size_t term = 0; term < rows.terms(); ++term) {
      terms.push_back({rows.terms_[term + 1].text, rows.terms_[term + 1].postings});
    }
    RETURN_IF_ERROR(sink->WriteAll(terms));
    RETURN_IF_ERROR(sink->Write(rows.text_));
    return sink->WriteAll(rows.postings_);
  }

  static WordsHeader SizesOf(const LexicalRows& rows) {
    WordsHeader header;
    std::memset(&header, 0, sizeof(header));
    header.rows = rows.size();
    header.terms = static_cast<uint32_t>(rows.terms());
    header.text_bytes = static_cast<uint32_t>(rows.text_.size());
    header.postings = static_cast<uint32_t>(rows.postings_.size());
    return header;
  }

  static Status Read(const WordsHeader& header, ByteSource* source, LexicalRows* rows) {
    std::vector<WordsRow> facts;
    RETURN_IF_ERROR(source->ReadAll(header.rows, &facts));
    rows->lengths_.reserve(facts.size());
    rows->weights_.reserve(facts.size());
    for (const WordsRow& row : facts) {
      if (row.weight == 0) return WordsDamaged();
      rows->lengths_.push_back(row.length);
      rows->weights_.push_back(row.weight);
      rows->weight_ += row.weight;
    }
    if (header.rows > 1 && rows->weight_ > kLexicalRowsMax) return WordsDamaged();
    std::vector<WordsTerm> terms;
    RETURN_IF_ERROR(source->ReadAll(header.terms, &terms));
    RETURN_IF_ERROR(source->ReadAll(header.text_bytes, &rows->text_));
    RETURN_IF_ERROR(source->ReadAll(header.postings, &rows->postings_));
    return PutTerms(terms, rows);
  }

  // The rest of what a segment knows, from `named` and what its rows are now.
  static void Complete(const NamedWords& named, std::span<const std::optional<KeptWords>> kept,
                       LexicalRows* rows) {
    rows->keys_.reserve(rows->lengths_.size());
    for (uint32_t row = 0; row < rows->lengths_.size(); ++row) {
      const FiledRow& name = named.rows[row];
      // Of no document that there is: its words go when those of older versions do.
      const uint32_t document = kept[row] ? kept[row]->document : UINT32_MAX;
      rows->keys_.push_back({document, name.ordinal, name.class_id});
      auto& runs = rows->runs_;
      if (runs.empty() || runs.back().class_id != name.class_id) {
        runs.push_back({name.class_id, row, row, 0});
      }
      runs.back().end = row + 1;
      runs.back().words += rows->lengths_[row];
      if (!kept[row] || kept[row]->dead) continue;
      if (kept[row]->valid_from != kAlways || kept[row]->valid_until != kNever) {
        rows->bounded_.push_back({row, kept[row]->valid_from, kept[row]->valid_until});
      }
    }
    auto& order = rows->by_number_;
    order.resize(rows->keys_.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto& keys = rows->keys_;
    const auto before = [&](uint32_t a, uint32_t b) {
      return std::tie(keys[a].document, keys[a].ordinal) <
             std::tie(keys[b].document, keys[b].ordinal);
    };
    // As rows of one class lie, unless documents were replaced.
    if (std::is_sorted(order.begin(), order.end(), before)) return;
    std::sort(order.begin(), order.end(), before);
  }

 private:
  static Status PutTerms(const std::vector<WordsTerm>& terms, LexicalRows* rows) {
    rows->slots_ = TermSlots(terms.size());
    rows->terms_.reserve(terms.size() + 1);
    const std::vector<uint16_t> lengths = rows->CutLengths();
    const std::span<const Posting> postings = rows->postings_;
    WordsTerm begin{0, 0};
    for (const WordsTerm& end : terms) {
      if (end.text_end < begin.text_end || end.text_end > rows->text_.size() ||
          end.postings_end <= begin.postings_end || end.postings_end > postings.size()) {
        return WordsDamaged();
      }
      const std::string_view text =
          std::string_view(rows->text_).substr(begin.text_end, end.text_end - begin.text_end);
      LexicalRows::Term term{HashOfTerm(text), begin.text_end, begin.postings_end, 0, 0};
      const auto its = postings.subspan(begin.postings_end, end.postings_end - begin.postings_end);
      if (!PutBounds(its, lengths, rows->lengths_.size(), &term)) return WordsDamaged();
      rows->slots_.Put(term.hash, static_cast<uint32_t>(rows->terms_.size()));
      rows->terms_.push_back(term);
      begin = end;
    }
    if (begin.text_end != rows->text_.size() || begin.postings_end != postings.size()) {
      return WordsDamaged();
    }
    rows->terms_.push_back({0, begin.text_end, begin.postings_end, 0, 0});
    return OkStatus();
  }

  // False unless the postings are of the first `rows` rows, ascending. Without a branch, as there
  // are a hundred for each row of a file: what is wrong is asked at the end.
  static bool PutBounds(std::span<const Posting> postings, std::span<const uint16_t> lengths,
                        size_t rows, LexicalRows::Term* term) {
    bool wrong = false;
    uint32_t next = 0;  // the first row that may come
    uint16_t count_max = 0, length_min = UINT16_MAX;
    for (const Posting& posting : postings) {
      wrong |= posting.row < next;
      wrong |= posting.count == 0;
      next = posting.row + uint32_t{1};
      count_max = std::max(count_max, posting.count);
      length_min = std::min(length_min, lengths[posting.row]);
    }
    term->count_max = count_max;
    term->length_min = length_min;
    return !wrong && next <= rows;
  }
};

std::optional<NamedWords> NameWords(const LexicalRows& rows, const StoredNumber& stored) {
  NamedWords named;
  // The rows of a document lie apart where its chunks have several classes: it is named for each.
  uint32_t last = UINT32_MAX;
  for (uint32_t row = 0; row < rows.size(); ++row) {
    if (rows.document(row) != last) {
      last = rows.document(row);
      const auto number = stored(last);
      if (!number) return std::nullopt;
      named.documents.push_back(*number);
    }
    named.rows.push_back(
        {static_cast<uint32_t>(named.documents.size() - 1), rows.ordinal(row), rows.class_id(row)});
  }
  return named;
}

Status WriteWords(Language language, const LexicalRows& rows, const NamedWords& named,
                  ByteSink* sink) {
  WordsHeader header = LexicalRowsFile::SizesOf(rows);
  std::memcpy(header.magic, kWordsMagic, sizeof(kWordsMagic));
  header.language = static_cast<uint32_t>(language);
  header.terms_print = PrintOfTerms(language);
  header.documents = static_cast<uint32_t>(named.documents.size());
  RETURN_IF_ERROR(sink->WriteAll(&header, 1));
  RETURN_IF_ERROR(sink->WriteAll(named.documents));
  RETURN_IF_ERROR(sink->WriteAll(named.rows));
  return LexicalRowsFile::Write(rows, sink);
}

StatusOr<FiledWords> ReadWords(Language language, ByteSource* source) {
  WordsHeader header;
  RETURN_IF_ERROR(source->ReadAll(&header, 1));
  if (std::memcmp(header.magic, kWordsMagic, sizeof(kWordsMagic)) != 0 ||
      header.language != static_cast<uint32_t>(language) ||
      header.terms_print != PrintOfTerms(language) || header.rows == 0) {
    return WordsDamaged();
  }
  NamedWords named;
  RETURN_IF_ERROR(source->ReadAll(header.documents, &named.documents));
  RETURN_IF_ERROR(source->ReadAll(header.rows, &named.rows));
  for (size_t i = 0; i < named.rows.size(); ++i) {
    const FiledRow& row = named.rows[i];
    if (row.document >= header.documents) return WordsDamaged();
    if (i > 0 && row.class_id < named.rows[i - 1].class_id) return WordsDamaged();
  }
  auto rows = std::make_shared<LexicalRows>();
  RETURN_IF_ERROR(LexicalRowsFile::Read(header, source, rows.get()));
  if (source->left() != 0) return WordsDamaged();
  return FiledWords(std::move(rows), std::move(named));
}

std::optional<LexicalSegment> FiledWords::Take(std::span<const std::optional<KeptWords>> kept) {
  LexicalRowsFile::Complete(named_, kept, rows_.get());
  LexicalSegment segment(std::move(rows_));
  Bitmap dead(kept.size());
  for (size_t row = 0; row < kept.size(); ++row) {
    if (!kept[row] || kept[row]->dead) dead.Set(row);
  }
  segment = segment.WithDead(std::move(dead));
  if (segment.live() == 0) return std::nullopt;
  return segment;
}

}  // namespace cordon
