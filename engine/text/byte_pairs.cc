#include "engine/text/byte_pairs.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <queue>
#include <tuple>
#include <unordered_set>

#include "engine/base/limits.h"

namespace cordon {
namespace {

constexpr uint32_t kNoRank = UINT32_MAX;

int SixBits(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

// RFC 4648 §4; empty if it is not that.
std::string Base64Decode(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return "";
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int value = SixBits(c);
    if (value < 0) return "";
    bits = bits << 6 | static_cast<uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes.push_back(static_cast<char>(bits >> held & 0xff));
  }
  return bytes;
}

Status BadLine(size_t number, std::string_view why) {
  return Invalid("token_vocabulary", fmt::format("line {}: {}", number, why));
}

// A piece as a chain of tokens, of which neighbours merge: the lowest rank first, then the
// leftmost.
class Merging {
 public:
  template <typename RankOf>
  size_t Tokens(std::string_view piece, RankOf rank_of) {
    const size_t size = piece.size();
    end_.resize(size);
    before_.resize(size);
    for (size_t i = 0; i < size; ++i) {
      end_[i] = i + 1;
      before_[i] = i - 1;
    }
    const auto propose = [&](size_t begin) {
      const size_t middle = end_[begin];
      if (middle >= size) return;
      const uint32_t rank = rank_of(piece.substr(begin, end_[middle] - begin));
      if (rank != kNoRank) merges_.push({rank, begin, end_[middle]});
    };
    for (size_t i = 0; i + 1 < size; ++i) propose(i);
    size_t tokens = size;
    while (!merges_.empty()) {
      const auto [rank, begin, end] = merges_.top();
      merges_.pop();
      const size_t middle = end_[begin];
      // Gone, or proposed before one of the two had grown.
      if (middle == kGone || middle >= size || end_[middle] != end) continue;
      end_[begin] = end;
      end_[middle] = kGone;
      if (end < size) before_[end] = begin;
      --tokens;
      propose(begin);
      if (begin > 0) propose(before_[begin]);
    }
    return tokens;
  }

 private:
  static constexpr size_t kGone = SIZE_MAX;
  using Merge = std::tuple<uint32_t, size_t, size_t>;  // rank, begin, end

  std::vector<size_t> end_;     // of the token that begins here; kGone if none does
  std::vector<size_t> before_;  // where the token before begins
  std::priority_queue<Merge, std::vector<Merge>, std::greater<>> merges_;
};

}  // namespace

StatusOr<std::unique_ptr<BytePairs>> BytePairs::Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = file ? static_cast<std::streamoff>(file.tellg()) : -1;
  if (size < 0 || !std::filesystem::is_regular_file(path)) {
    return Invalid("token_vocabulary", "cannot read " + path);
  }
  if (static_cast<size_t>(size) > limits::kVocabularyBytes) {
    return Invalid("token_vocabulary",
                   fmt::format("{} has more than {} bytes", path, limits::kVocabularyBytes));
  }
  std::string lines(static_cast<size_t>(size), '\0');
  file.seekg(0);
  if (!file.read(lines.data(), size)) return Invalid("token_vocabulary", "cannot read " + path);
  return Parse(std::filesystem::path(path).stem().string(), lines);
}

StatusOr<std::unique_ptr<BytePairs>> BytePairs::Parse(std::string name, std::string_view lines) {
  std::unique_ptr<BytePairs> pairs(new BytePairs(std::move(name)));
  std::unordered_set<uint32_t> ranks;
  for (size_t number = 1; !lines.empty(); ++number) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const size_t blank = line.find(' ');
    std::string bytes = Base64Decode(line.substr(0, blank));
    if (bytes.empty() || blank == line.npos) {
      return BadLine(number, "not a token in base64, a blank and a rank");
    }
    uint32_t rank = 0;
    const std::string_view digits = line.substr(blank + 1);
    const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
    if (error != std::errc() || at != digits.data() + digits.size() || rank == kNoRank) {
      return BadLine(number, "the rank is no whole number");
    }
    if (!ranks.insert(rank).second) return BadLine(number, "the rank is given twice");
    if (!pairs->ranks_.emplace(std::move(bytes), rank).second) {
      return BadLine(number, "the token is given twice");
    }
    if (pairs->ranks_.size() > limits::kVocabularyTokens) return BadLine(number, "too many tokens");
  }
  for (int byte = 0; byte < 256; ++byte) {
    const auto c = static_cast<char>(byte);
    if (pairs->RankOf({&c, 1}) == kNoRank) {
      return Invalid("token_vocabulary",
                     fmt::format("no token for the byte {}: not a byte-pair vocabulary", byte));
    }
  }
  return pairs;
}

uint32_t BytePairs::RankOf(std::string_view bytes) const {
  const auto it = ranks_.find(bytes);
  return it == ranks_.end() ? kNoRank : it->second;
}

size_t BytePairs::TokensOf(std::string_view piece) const {
  if (piece.size() == 1 || RankOf(piece) != kNoRank) return 1;
  return Merging().Tokens(piece, [this](std::string_view bytes) { return RankOf(bytes); });
}

size_t BytePairs::Count(std::string_view text) const {
  size_t tokens = 0;
  for (const std::string_view piece : Cut(text)) tokens += TokensOf(piece);
  return tokens;
}

}  // namespace cordon
