// Which sentences of docs/DESIGN.md the stories quote, so that a new sentence demands a story.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cordon {

// Text as it is compared: white space runs are one space; backticks and asterisks are left out.
std::string Plain(std::string_view text);

// The paragraphs and list items of the section whose heading begins with `## NUMBER.`, each plain
// and without its list mark; rows of tables are left out.
std::vector<std::string> Paragraphs(std::string_view design, int section);

// What of the paragraph no quote covers: stretches that hold a letter. A quote that stands in it
// covers all places where it stands.
std::vector<std::string> Uncovered(const std::string& paragraph,
                                   const std::vector<std::string>& quotes);

}  // namespace cordon
