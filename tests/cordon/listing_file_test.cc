// The lines of a listing: one that is taken for something else is a document that is deleted.
#include "tools/cordon/listing_file.h"

#include "tests/cordon/test_files.h"

namespace cordon {
namespace {

class ListingLines : public FilesTest {
 protected:
  // "LINE: id" for each line, with what was made of it.
  std::string Read(std::string_view bytes) {
    auto file = ListingFile::Open(Write("listing.jsonl", bytes));
    EXPECT_TRUE(file.ok());
    std::string told;
    ListedLine line;
    while (true) {
      const auto more = file->Next(line);
      EXPECT_TRUE(more.ok());
      if (!more.ok() || !*more) return told;
      told += std::to_string(line.line) + ": " + line.document.id();
      if (line.unchanged) told += " unchanged";
      if (!line.refused.ok()) told += " refused at " + std::string(line.refused.field());
      told += "\n";
    }
  }
};

TEST_F(ListingLines, AreTakenForOthers) {
  EXPECT_EQ(Read("{\"id\":\"a\",\"text\":\"t\"}\n"
                 "\n"
                 "{\"id\":\"b\",\"unchanged\":true}\n"
                 "{\"id\":\"c\",\"unchanged\":false}\n"
                 "{\"id\":\"d\",\"unchanged\":true,\"text\":\"t\"}\n"
                 "{\"id\":\"e\",\"text\":\"the word \\\"unchanged\\\"\"}\n"
                 "{\"id\":\"f\",\"te"),
            "1: a\n"
            "3: b unchanged\n"
            "4: c refused at unchanged\n"
            "5: d refused at text\n"
            "6: e\n"
            "7:  refused at \n");
  EXPECT_EQ(Read(""), "");
}

}  // namespace
}  // namespace cordon
