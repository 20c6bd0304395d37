// A name that passes for another.
#include "engine/base/look_alike.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cordon {
namespace {

TEST(LookAlike, OneThatPassesForAnotherIsTakenForItself) {
  const std::vector<std::pair<std::string, std::string>> alike = {
      {"wiki-import", "wiki-import"},
      {"wiki-import", "Wiki-Import"},
      {"wiki-import", "w\u0456ki-import"},  // a Cyrillic letter
      {"wiki-import", "WIKI-IMPORT"},
      {"wiki-import", "wiki\u2010import"},          // another hyphen
      {"wiki-import", "wiki-\uff49mport"},          // a wide letter
      {"wiki-import", "wiki-i\u200bmport"},         // what stored names may have, and new ones not
      {"caf\u00e9", "cafe\u0301"},                  // composed and decomposed
      {"HRIS", "HRlS"},                             // a small L
      {"scope", "\u0455\u0441\u043e\u0440\u0435"},  // all Cyrillic
  };
  for (const auto& [one, other] : alike) {
    EXPECT_TRUE(Looks(one).Like(Looks(other))) << one << " " << other;
    EXPECT_TRUE(Looks(other).Like(Looks(one))) << one << " " << other;
    LookAlikes many;
    many.Add("something else");
    many.Add(one);
    EXPECT_TRUE(many.HasOneLike(other)) << one << " " << other;
  }
}

TEST(LookAlike, DifferentNamesAreTakenForOne) {
  const std::vector<std::pair<std::string, std::string>> different = {
      {"wiki-import", "wiki-export"}, {"wiki", "wiki2"}, {"hris", "crm"},
      {"cafe", "caf\u00e9"},          {"", "a"},         {"\u6771\u4eac", "\u5927\u962a"}};
  for (const auto& [one, other] : different) {
    EXPECT_FALSE(Looks(one).Like(Looks(other))) << one << " " << other;
    LookAlikes many;
    many.Add(one);
    EXPECT_FALSE(many.HasOneLike(other)) << one << " " << other;
  }
}

}  // namespace
}  // namespace cordon
