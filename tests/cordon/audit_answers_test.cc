// Who cannot be judged, shown as if without access.
#include "tools/cordon/audit_answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace cordon {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kWhy[] = "groups nest deeper than 64; flatten them in the directory";
constexpr char kJson[] =
    R"("undetermined":[{"principal":"user:deep","because":"groups nest deeper than 64; )"
    R"(flatten them in the directory"}])";

template <typename Response>
Response WithOne() {
  Response response;
  auto* one = response.add_undetermined();
  one->set_principal("user:deep");
  one->set_because(kWhy);
  return response;
}

template <typename Response>
std::string JsonOf(void (*write)(JsonWriter&, const Response&), const Response& response) {
  JsonWriter json;
  json.BeginObject();
  write(json, response);
  return json.EndObject().text();
}

TEST(AuditAnswers, SomebodyUndeterminedIsLeftOut) {
  auto who = WithOne<v1::WhoCanSeeResponse>();
  who.add_principals("user:ana");
  who.set_total(1);
  who.set_more(true);
  who.set_undetermined_total(7);
  EXPECT_THAT(JsonOf(WriteWhoCanSee, who), HasSubstr(kJson));
  EXPECT_THAT(JsonOf(WriteWhoCanSee, who), HasSubstr(R"("undetermined_total":7)"));
  const std::string line = std::string("undetermined  user:deep: ") + kWhy + "\n";
  EXPECT_THAT(WhoCanSeeText(who), HasSubstr(line));
  EXPECT_THAT(WhoCanSeeText(who), HasSubstr("1 in all; 7 undetermined"));
  EXPECT_THAT(WhoCanSeeText(who), HasSubstr("--after user:deep\n")) << "the later of both";
  who.clear_principals();
  EXPECT_THAT(WhoCanSeeText(who), HasSubstr("--after user:deep\n"));
  const auto report = WithOne<v1::AccessReportResponse>();
  EXPECT_THAT(JsonOf(WriteAccessReport, report), HasSubstr(kJson));
  EXPECT_THAT(AccessReportText(report), HasSubstr(line));
  const auto simulated = WithOne<v1::SimulateResponse>();
  EXPECT_THAT(JsonOf(WriteSimulate, simulated), HasSubstr(kJson));
  EXPECT_THAT(SimulateText(simulated), HasSubstr(line));
}

TEST(AuditAnswers, EverybodyIsJudged) {
  const v1::WhoCanSeeResponse who;
  EXPECT_THAT(JsonOf(WriteWhoCanSee, who), HasSubstr(R"("undetermined":[])"));
  EXPECT_THAT(WhoCanSeeText(who), Not(HasSubstr("undetermined")));
  EXPECT_THAT(AccessReportText(v1::AccessReportResponse()), Not(HasSubstr("undetermined")));
  EXPECT_THAT(SimulateText(v1::SimulateResponse()), Not(HasSubstr("undetermined")));
}

}  // namespace
}  // namespace cordon
