#include "tests/scenarios/quotes.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace cordon {
namespace {

bool IsSpace(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

// Letters beyond ASCII count: the text has ≥ and ⊇, which say something too.
bool Says(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || (c & 0x80) != 0; }

// "12. text" → "text".
std::string WithoutMark(const std::string& line) {
  size_t digits = 0;
  while (digits < line.size() && std::isdigit(static_cast<unsigned char>(line[digits])) != 0) {
    ++digits;
  }
  const bool marked = digits > 0 && line.substr(digits, 2) == ". ";
  return marked ? line.substr(digits + 2) : line;
}

}  // namespace

std::string Plain(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c == '`' || c == '*') continue;
    if (!IsSpace(c)) {
      plain.push_back(c);
    } else if (!plain.empty() && plain.back() != ' ') {
      plain.push_back(' ');
    }
  }
  if (!plain.empty() && plain.back() == ' ') plain.pop_back();
  return plain;
}

std::vector<std::string> Paragraphs(std::string_view design, int section) {
  const std::string heading = "## " + std::to_string(section) + ".";
  std::vector<std::string> paragraphs;
  std::string current;
  const auto end = [&] {
    if (!current.empty()) paragraphs.push_back(Plain(current));
    current.clear();
  };
  std::istringstream lines{std::string(design)};
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) {
      end();
      inside = line.starts_with(heading);
      continue;
    }
    if (!inside) continue;
    if (line.empty() || line.starts_with('|')) {
      end();
      continue;
    }
    const std::string text = WithoutMark(line);
    if (text != line) end();
    current += text + "\n";
  }
  end();
  return paragraphs;
}

std::vector<std::string> Uncovered(const std::string& paragraph,
                                   const std::vector<std::string>& quotes) {
  std::vector<char> covered(paragraph.size());
  for (const auto& quote : quotes) {
    for (size_t at = paragraph.find(quote); at != std::string::npos && !quote.empty();
         at = paragraph.find(quote, at + 1)) {
      std::fill_n(covered.begin() + static_cast<std::ptrdiff_t>(at), quote.size(), 1);
    }
  }
  std::vector<std::string> stretches;
  for (size_t i = 0; i < paragraph.size();) {
    size_t end = i;
    while (end < paragraph.size() && covered[end] == covered[i]) ++end;
    const std::string stretch = paragraph.substr(i, end - i);
    if (covered[i] == 0 && std::any_of(stretch.begin(), stretch.end(), Says)) {
      stretches.push_back(stretch);
    }
    i = end;
  }
  return stretches;
}

}  // namespace cordon
