#include "tools/cordon/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/limits.h"
#include "engine/base/random.h"
#include "engine/base/text_check.h"
#include "tests/seed.h"

namespace cordon {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string TextOf(std::string_view page) {
  const auto html = ReadHtml(page);
  return html.ok() ? html->text : html.status().ToString();
}

TEST(Html, TitleIsTheFirstHeading) {
  const auto html = ReadHtml("<title> My\n page </title><p>Hello</p>");
  EXPECT_EQ(html->title, "My page");
  EXPECT_EQ(html->text, "# My page\n\nHello");
  EXPECT_EQ(ReadHtml("<h1>The <i>only</i></h1>x")->title, "The only");
  EXPECT_EQ(TextOf("<title>T</title><h2>T</h2>x<h3>S</h3>y"), "# T\n\nx\n\n### S\n\ny");
  EXPECT_EQ(TextOf("<title>T - site</title><h1>T</h1>x"), "# T\n\nx");
  EXPECT_EQ(TextOf("<title>only a title</title>"), "");
}

TEST(Html, BlocksStandApartAndInlineDoesNot) {
  EXPECT_EQ(TextOf("<p>a <b>b</b>\n  c</p><p>d<br>e</p><div>f</div>g"), "a b c\n\nd\ne\n\nf\n\ng");
  EXPECT_EQ(TextOf("x<span>y</span>&nbsp;z"), "xy z");
}

TEST(Html, ListsAndDefinitions) {
  EXPECT_EQ(TextOf("<ul><li>a<li><p>b</p><ul><li>c</ul><li></ul>d"), "- a\n- b\n\n  - c\n\nd");
  EXPECT_EQ(TextOf("<ol><li>a</li><li>b</li></ol>"), "1. a\n2. b");
  EXPECT_EQ(TextOf("<dl><dt>t</dt><dd><p>one</p><p>two</p></dd><dt>u</dt><dd>v</dd></dl>"),
            "t\none\n\ntwo\n\nu\nv");
}

TEST(Html, TablesAreLinesOfCells) {
  EXPECT_EQ(TextOf("<table><tr><th>a<th>b</tr><tr><td><p>1</p></td><td>2</td></tr></table>x"),
            "a | b\n1 | 2\n\nx");
  EXPECT_EQ(TextOf("<table><tr><td>1<td><td>3</table>"), "1 |  | 3");
  EXPECT_EQ(TextOf("<table><tr><td></td></tr></table>x"), "x");
}

TEST(Html, PreIsFencedAsItIs) {
  EXPECT_EQ(TextOf("<p>a</p><pre>\n  x\n\n# y &lt;z&gt;\n</pre>b"),
            "a\n\n```\n  x\n\n# y <z>\n```\n\nb");
  EXPECT_EQ(TextOf("<pre>```</pre>"), "````\n```\n````");
  EXPECT_EQ(TextOf("<pre> \n </pre>a"), "a");
}

TEST(Html, EntitiesAreDecoded) {
  EXPECT_EQ(TextOf("a&amp;b &mdash; &#x20ac; &#0; &eacute"), "a&b — € \xef\xbf\xbd é");
}

TEST(Html, WhatIsNoTextIsLeftOut) {
  for (std::string_view part :
       {"<script>S</script>", "<style>S</style>", "<nav>S</nav>", "<div class='navheader'>S</div>",
        "<div class=\"x\ntoc y\">S</div>", "<header>S</header>", "<footer>S</footer>",
        "<div role=navigation>S</div>", "<p hidden>S</p>", "<!-- S -->",
        "<svg><text>S</text></svg>", "<noscript>S</noscript>", "<template>S</template>",
        "<select><option>S</select>"}) {
    EXPECT_EQ(TextOf("a" + std::string(part)), "a") << part;
  }
  EXPECT_EQ(TextOf("<article><header><h1>S</h1></header>a</article>"), "# S\n\na");
}

TEST(Html, TextIsNotTakenForMarkup) {
  EXPECT_EQ(TextOf("<p># not a heading</p><p>```</p>"), "\\# not a heading\n\n\\```");
}

TEST(Html, TitleOfABoxIsNoHeadingOfWhatFollows) {
  EXPECT_EQ(TextOf("<h1>A</h1><div class=note><h3>Note</h3><p>n</p></div><p>b</p>"),
            "# A\n\nNote\n\nn\n\nb");
}

TEST(Html, DeclaredCharsets) {
  EXPECT_EQ(TextOf("<meta charset=ISO-8859-1><p>caf\xe9 \x93q\x94</p>"), "café “q”");
  EXPECT_EQ(TextOf("<?xml version='1.0' encoding='iso-8859-1'?><p>caf\xe9</p>"), "café");
  EXPECT_EQ(TextOf("<meta http-equiv=Content-Type content='text/html; charset=UTF-8'>é"), "é");
  EXPECT_EQ(TextOf("\xef\xbb\xbf<meta charset=us-ascii>a"), "a");
  for (std::string_view page :
       {"<meta charset=shift_jis>a", "<meta charset=iso-8859-1>\x81", "caf\xe9",
        "<meta charset=utf-8>caf\xe9", "<?xml encoding='latin1'?><meta charset=utf-8>a",
        "\xff\xfe<\x01p\x01", "<meta charset='utf-7'>+ADw-"}) {
    const auto html = ReadHtml(page);
    ASSERT_FALSE(html.ok()) << page;
    EXPECT_EQ(html.status().field(), "text");
  }
  EXPECT_FALSE(ReadHtml(std::string_view("a\0b", 3)).ok());
}

std::string Fill(std::string_view unit, size_t size) {
  std::string text;
  while (text.size() + unit.size() <= size) text += unit;
  return text;
}

// The fear: a page takes the machine down: by recursion, or by time or memory without end.
TEST(Html, HostilePagesEndInTimeAndMemory) {
  for (std::string_view unit :
       {"<div>", "<div/>", "<b>", "<ul><li>", "<table><tr><td>", "<svg><td>", "</p>", "<a>",
        "&amp;", "<pre>", "<h1>", "<br>", "<", "<!--", "<td>", "<dl><dd>", "<title>"}) {
    const auto html = ReadHtml("x" + Fill(unit, 32 << 10));
    if (html.ok()) {
      EXPECT_TRUE(CheckText("text", html->text, limits::kDocumentTextBytes).ok());
    } else {
      EXPECT_EQ(html.status().field(), "text") << unit;
    }
  }
}

TEST(Html, PagesBeyondTheBudgetAreRefused) {
  // Formatting elements that stay open are made anew in every paragraph: the square of the length.
  std::string page;
  for (int i = 0; i < 20000; ++i) page += "<font a" + std::to_string(i) + "><p>";
  for (const std::string& costly : {page, Fill("<div>", 1 << 20)}) {
    const auto html = ReadHtml(costly);
    ASSERT_FALSE(html.ok());
    EXPECT_THAT(html.status().ToString(), HasSubstr("INVALID_ARGUMENT: text: "));
  }
}

TEST(Html, RandomTagsGiveValidText) {
  Random random(TestSeed());
  static constexpr std::string_view kPieces[] = {
      "<p>",     "</p>",  "<h1>",   "</h1>", "<h3>",     "</h3>",   "<pre>",    "</pre>",
      "<ul>",    "</ul>", "<ol>",   "<li>",  "</li>",    "<table>", "</table>", "<tr>",
      "<td>",    "</td>", "<dl>",   "<dt>",  "<dd>",     "<br>",    "<div>",    "</div>",
      "<title>", "<nav>", "</nav>", "<b>",   "</b>",     "<svg>",   "word ",    "# x",
      "&lt;",    "\n",    " ",      "é",     "&#xd800;", "```",     "<aside>",  "</aside>"};
  for (int i = 0; i < 3000; ++i) {
    std::string page;
    for (size_t n = random.Below(60); n > 0; --n) page += kPieces[random.Below(std::size(kPieces))];
    const auto html = ReadHtml(page);
    ASSERT_TRUE(html.ok()) << page;
    EXPECT_TRUE(CheckText("text", html->text, limits::kDocumentTextBytes).ok()) << page;
    EXPECT_THAT(html->title, Not(HasSubstr("\n")));
    if (html->text.find("```") == html->text.npos) {
      EXPECT_THAT(html->text, Not(HasSubstr("\n\n\n"))) << page;
    }
  }
}

}  // namespace
}  // namespace cordon
