#include "tools/cordon/html.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "tools/cordon/html_charset.h"
#include "tools/cordon/html_tree.h"
#include "tools/cordon/html_writer.h"

namespace cordon {
namespace {

std::string_view Attribute(const GumboNode* node, const char* name) {
  const GumboAttribute* attribute = gumbo_get_attribute(&node->v.element.attributes, name);
  return attribute == nullptr ? std::string_view() : attribute->value;
}

bool HasClass(std::string_view classes, std::string_view wanted) {
  constexpr std::string_view kSpace = " \t\n\r\f";
  while (!classes.empty()) {
    const size_t end = std::min(classes.find_first_of(kSpace), classes.size());
    if (classes.substr(0, end) == wanted) return true;
    classes.remove_prefix(std::min(end + 1, classes.size()));
  }
  return false;
}

// What a page shows as its text is kept; what helps to move about in it or acts is not.
bool IsLeftOut(const GumboNode* node, int sections) {
  // Classes of navigation in the output of DocBook, of Sphinx and of PostgreSQL's own pages.
  static constexpr std::array<std::string_view, 6> kNavigation = {
      "navheader", "navfooter", "toc", "headerlink", "sphinxsidebar", "id_link"};
  switch (node->v.element.tag) {
    case GUMBO_TAG_SCRIPT:
    case GUMBO_TAG_STYLE:
    case GUMBO_TAG_NOSCRIPT:
    case GUMBO_TAG_TEMPLATE:
    case GUMBO_TAG_HEAD:
    case GUMBO_TAG_NAV:
    case GUMBO_TAG_SVG:
    case GUMBO_TAG_IFRAME:
    case GUMBO_TAG_OBJECT:
    case GUMBO_TAG_AUDIO:
    case GUMBO_TAG_VIDEO:
    case GUMBO_TAG_CANVAS:
    case GUMBO_TAG_SELECT:
    case GUMBO_TAG_BUTTON:
    case GUMBO_TAG_TEXTAREA:
      return true;
    case GUMBO_TAG_HEADER:
    case GUMBO_TAG_FOOTER:
      if (sections == 0) return true;  // of the site; a section's own is text
      break;
    default:
      break;
  }
  if (gumbo_get_attribute(&node->v.element.attributes, "hidden") != nullptr) return true;
  if (Attribute(node, "role") == "navigation") return true;
  const std::string_view classes = Attribute(node, "class");
  return std::any_of(kNavigation.begin(), kNavigation.end(),
                     [&](std::string_view name) { return HasClass(classes, name); });
}

// A box beside the text: what follows it does not belong to its title.
bool IsBox(const GumboNode* node) {
  static constexpr std::array<std::string_view, 6> kBoxes = {"note",    "tip",       "warning",
                                                             "caution", "important", "admonition"};
  const GumboTag tag = node->v.element.tag;
  if (tag == GUMBO_TAG_ASIDE || tag == GUMBO_TAG_BLOCKQUOTE) return true;
  const std::string_view classes = Attribute(node, "class");
  return tag == GUMBO_TAG_DIV && std::any_of(kBoxes.begin(), kBoxes.end(),
                                             [&](auto name) { return HasClass(classes, name); });
}

bool IsSection(GumboTag tag) {
  return tag == GUMBO_TAG_MAIN || tag == GUMBO_TAG_ARTICLE || tag == GUMBO_TAG_SECTION;
}

int HeadingLevel(GumboTag tag) {
  return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 ? tag - GUMBO_TAG_H1 + 1 : 0;
}

// Writes a tree in document order, with its own stack: hostile trees are deep.
class Renderer {
 public:
  HtmlWriter& writer() { return writer_; }

  void Render(const GumboNode* root) {
    Enter(root);
    while (!open_.empty()) {
      auto& [node, next] = open_.back();
      const GumboVector& children = node->v.element.children;
      if (next < children.length) {
        Enter(static_cast<const GumboNode*>(children.data[next++]));
      } else {
        Leave(node);
        open_.pop_back();
      }
    }
  }

 private:
  struct Open {
    const GumboNode* node;
    unsigned int next;  // child
  };

  void Enter(const GumboNode* node) {
    if (node->type == GUMBO_NODE_ELEMENT) {
      if (IsLeftOut(node, sections_)) return;
      StartElement(node);
      open_.push_back({node, 0});
    } else if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_WHITESPACE ||
               node->type == GUMBO_NODE_CDATA) {
      writer_.Text(node->v.text.text);
    }
  }

  void StartElement(const GumboNode* node) {
    const GumboTag tag = node->v.element.tag;
    sections_ += IsSection(tag);
    boxes_ += IsBox(node);
    if (HeadingLevel(tag) > 0) return StartHeading(HeadingLevel(tag));
    switch (tag) {
      case GUMBO_TAG_BR:
        return writer_.LineBreak();
      case GUMBO_TAG_PRE:
        return writer_.StartPre();
      case GUMBO_TAG_UL:
        return writer_.StartList(/*ordered=*/false);
      case GUMBO_TAG_OL:
        return writer_.StartList(/*ordered=*/true);
      case GUMBO_TAG_LI:
        return writer_.StartItem();
      case GUMBO_TAG_DD:
        return writer_.StartDefinition();
      case GUMBO_TAG_TR:
        return writer_.StartRow();
      case GUMBO_TAG_TD:
      case GUMBO_TAG_TH:
        return writer_.StartCell();
      default:
        if (IsBlock(tag)) writer_.BlockBreak();
    }
  }

  void StartHeading(int level) {
    if (boxes_ > 0) {
      writer_.BlockBreak();
    } else {
      writer_.StartHeading(level);
    }
  }

  void Leave(const GumboNode* node) {
    const GumboTag tag = node->v.element.tag;
    sections_ -= IsSection(tag);
    boxes_ -= IsBox(node);
    if (HeadingLevel(tag) > 0) return boxes_ > 0 ? writer_.EndLine() : writer_.EndHeading();
    switch (tag) {
      case GUMBO_TAG_PRE:
        return writer_.EndPre();
      case GUMBO_TAG_UL:
      case GUMBO_TAG_OL:
        return writer_.EndList();
      case GUMBO_TAG_LI:
      case GUMBO_TAG_DT:
      case GUMBO_TAG_DD:
      case GUMBO_TAG_TR:
        return writer_.EndLine();
      case GUMBO_TAG_TD:
      case GUMBO_TAG_TH:
        return writer_.EndCell();
      default:
        if (IsBlock(tag)) writer_.BlockBreak();
    }
  }

  static bool IsBlock(GumboTag tag) {
    switch (tag) {
      case GUMBO_TAG_P:
      case GUMBO_TAG_DIV:
      case GUMBO_TAG_SECTION:
      case GUMBO_TAG_ARTICLE:
      case GUMBO_TAG_MAIN:
      case GUMBO_TAG_ASIDE:
      case GUMBO_TAG_HEADER:
      case GUMBO_TAG_FOOTER:
      case GUMBO_TAG_ADDRESS:
      case GUMBO_TAG_BLOCKQUOTE:
      case GUMBO_TAG_CENTER:
      case GUMBO_TAG_FIGURE:
      case GUMBO_TAG_FIGCAPTION:
      case GUMBO_TAG_FORM:
      case GUMBO_TAG_FIELDSET:
      case GUMBO_TAG_DETAILS:
      case GUMBO_TAG_SUMMARY:
      case GUMBO_TAG_DL:
      case GUMBO_TAG_DT:
      case GUMBO_TAG_TABLE:
      case GUMBO_TAG_CAPTION:
      case GUMBO_TAG_HR:
        return true;
      default:
        return false;
    }
  }

  HtmlWriter writer_;
  std::vector<Open> open_;
  int sections_ = 0;  // open ones
  int boxes_ = 0;     // likewise
};

const GumboNode* ChildElement(const GumboNode* node, GumboTag tag) {
  if (node == nullptr) return nullptr;
  const GumboVector& children = node->v.element.children;
  for (unsigned int i = 0; i < children.length; ++i) {
    const auto* child = static_cast<const GumboNode*>(children.data[i]);
    if (child->type == GUMBO_NODE_ELEMENT && child->v.element.tag == tag) return child;
  }
  return nullptr;
}

// The text of <title>, white space collapsed.
std::string TitleOf(const GumboNode* root) {
  const GumboNode* title = ChildElement(ChildElement(root, GUMBO_TAG_HEAD), GUMBO_TAG_TITLE);
  if (title == nullptr) return "";
  const GumboVector& children = title->v.element.children;
  HtmlWriter writer;
  writer.StartHeading(1);
  for (unsigned int i = 0; i < children.length; ++i) {
    const auto* child = static_cast<const GumboNode*>(children.data[i]);
    if (child->type == GUMBO_NODE_TEXT) writer.Text(child->v.text.text);
  }
  writer.EndHeading();
  return writer.first_heading();
}

// What <meta charset> or <meta http-equiv="content-type"> say, in the head.
std::vector<std::string_view> MetaCharsets(const GumboNode* root) {
  std::vector<std::string_view> charsets;
  const GumboNode* head = ChildElement(root, GUMBO_TAG_HEAD);
  if (head == nullptr) return charsets;
  const GumboVector& children = head->v.element.children;
  for (unsigned int i = 0; i < children.length; ++i) {
    const auto* child = static_cast<const GumboNode*>(children.data[i]);
    if (child->type != GUMBO_NODE_ELEMENT || child->v.element.tag != GUMBO_TAG_META) continue;
    std::string_view charset = Attribute(child, "charset");
    if (charset.empty() && !Attribute(child, "http-equiv").empty()) {
      charset = CharsetOfContentType(Attribute(child, "content"));
    }
    if (!charset.empty()) charsets.push_back(charset);
  }
  return charsets;
}

StatusOr<Charset> DeclaredCharset(std::string_view page, const HtmlTree& tree) {
  std::vector<std::string_view> declared = MetaCharsets(tree.root());
  const std::string_view xml = CharsetOfXmlDeclaration(page);
  if (!xml.empty()) declared.push_back(xml);
  return AgreeOnCharset(declared);
}

StatusOr<HtmlText> Read(const HtmlTree& tree) {
  Renderer renderer;
  renderer.Render(tree.root());
  HtmlText html;
  html.title = TitleOf(tree.root());
  if (html.title.empty()) html.title = renderer.writer().first_h1();
  html.text = renderer.writer().Finish(html.title);
  return html;
}

}  // namespace

StatusOr<HtmlText> ReadHtml(std::string_view page) {
  if (page.starts_with("\xef\xbb\xbf")) page.remove_prefix(3);
  if (page.find('\0') != page.npos) {
    return Invalid("text", "holds a NUL character, so it is no HTML in UTF-8; re-encode it");
  }
  {
    ASSIGN_OR_RETURN(const HtmlTree tree, HtmlTree::Parse(page));
    ASSIGN_OR_RETURN(const Charset charset, DeclaredCharset(page, tree));
    if (charset == Charset::kUtf8) {
      RETURN_IF_ERROR(CheckText("text", page, page.size()));
      return Read(tree);
    }
  }
  ASSIGN_OR_RETURN(const std::string decoded, DecodeLatin1(page));
  ASSIGN_OR_RETURN(const HtmlTree tree, HtmlTree::Parse(decoded));
  return Read(tree);
}

}  // namespace cordon
