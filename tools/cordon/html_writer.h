// Lines of readable text from the elements of a page, in the order in which they begin and end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cordon {

// Breaks are only asked for and written with the next text, so that elements without text leave
// nothing behind. Not thread-safe.
class HtmlWriter {
 public:
  // Text (UTF-8) between tags; white space collapses, except within <pre>.
  void Text(std::string_view text);

  void LineBreak();        // <br>
  void BlockBreak();       // before and after a paragraph: a blank line
  void EndLine();          // after an item, a row, a term or a definition
  void StartDefinition();  // <dd>: below its term, without a blank line

  void StartHeading(int level);
  void EndHeading();
  void StartPre();
  void EndPre();

  void StartList(bool ordered);
  void EndList();
  void StartItem();

  void StartRow();
  void StartCell();
  void EndCell();

  const std::string& first_h1() const { return first_h1_; }
  const std::string& first_heading() const { return first_heading_; }

  // The whole text, its title being the heading of level 1 if there was no <h1>. Call it last.
  std::string Finish(std::string_view title);

 private:
  struct List {
    bool ordered;
    int items;
  };

  void Break(int strength);
  // Writes the breaks and marks that the next text waits for.
  void StartText(char first, bool is_fence);
  void AppendCollapsed(std::string_view text);

  std::string out_;
  int break_ = 0;        // asked for: 1 a new line, 2 a blank line
  bool fresh_ = false;   // nothing stands yet in this item, cell or definition: breaks are idle
  bool space_ = false;   // white space since the last character
  bool inline_ = false;  // the line at hand holds text
  std::string mark_;     // of an item or cell, for the next text
  std::vector<List> lists_;
  size_t cells_ = 0;  // begun in this row

  int heading_ = 0;  // level of the one that is open
  std::string heading_text_;
  std::string first_h1_;
  std::string first_heading_;
  size_t first_heading_at_ = 0;  // in out_
  int first_heading_level_ = 0;

  int pre_ = 0;  // open ones
  std::string pre_text_;
};

}  // namespace cordon
