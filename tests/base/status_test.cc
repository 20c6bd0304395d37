#include "engine/base/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace cordon {
namespace {

TEST(Status, EveryRefusalKeepsItsCodeFieldAndMessage) {
  const Status status = Invalid("label.level", "unknown level; use one of the scheme");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.field(), "label.level");
  EXPECT_EQ(status.message(), "unknown level; use one of the scheme");
  EXPECT_EQ(status.ToString(),
            "INVALID_ARGUMENT: label.level: unknown level; use one of the scheme");
}

TEST(Status, AnErrorWithoutAFieldPrintsNoEmptyField) {
  EXPECT_EQ(Internal("a bug").ToString(), "INTERNAL: a bug");
  EXPECT_EQ(OkStatus().ToString(), "OK");
}

TEST(Status, OkIsOkHoweverItIsMade) {
  const Status made(StatusCode::kOk, "field", "message");
  EXPECT_TRUE(made.ok());
  EXPECT_EQ(made.field(), "");
  EXPECT_EQ(made.message(), "");
  EXPECT_TRUE(made.Within("parent").ok());
}

TEST(Status, CodesAreNumberedAsGrpcNumbersThem) {
  // Scripts see the names; a table that is one off would tell every one of them the wrong thing.
  const std::vector<std::pair<int, std::string_view>> codes = {{0, "OK"},
                                                               {1, "CANCELLED"},
                                                               {2, "UNKNOWN"},
                                                               {3, "INVALID_ARGUMENT"},
                                                               {4, "DEADLINE_EXCEEDED"},
                                                               {5, "NOT_FOUND"},
                                                               {6, "ALREADY_EXISTS"},
                                                               {7, "PERMISSION_DENIED"},
                                                               {8, "RESOURCE_EXHAUSTED"},
                                                               {9, "FAILED_PRECONDITION"},
                                                               {10, "ABORTED"},
                                                               {11, "OUT_OF_RANGE"},
                                                               {12, "UNIMPLEMENTED"},
                                                               {13, "INTERNAL"},
                                                               {14, "UNAVAILABLE"},
                                                               {15, "DATA_LOSS"},
                                                               {16, "UNAUTHENTICATED"}};
  for (const auto& [number, name] : codes) {
    EXPECT_EQ(CodeName(static_cast<StatusCode>(number)), name);
  }
  EXPECT_EQ(CodeName(static_cast<StatusCode>(17)), "UNKNOWN");
  EXPECT_EQ(CodeName(static_cast<StatusCode>(-1)), "UNKNOWN");
}

TEST(Status, FieldsNestAsPathsAreWritten) {
  EXPECT_EQ(Invalid("level", "m").Within("label").field(), "label.level");
  EXPECT_EQ(Invalid("[2].id", "m").Within("chunks").field(), "chunks[2].id");
  EXPECT_EQ(Invalid("", "m").Within("chunks").field(), "chunks");
  EXPECT_EQ(Invalid("id", "m").Within("").field(), "id");
  EXPECT_EQ(Invalid("level", "m").Within("label").Within("[0]").Within("chunks").field(),
            "chunks[0].label.level");
  EXPECT_EQ(Denied("level", "m").Within("label").code(), StatusCode::kPermissionDenied);
}

TEST(Status, CopiesOutliveTheOriginal) {
  Status copy;
  {
    const Status original = NotFound("document", std::string(1000, 'x'));
    copy = original;
  }
  EXPECT_EQ(copy.code(), StatusCode::kNotFound);
  EXPECT_EQ(copy.message().size(), 1000u);
}

StatusOr<std::unique_ptr<int>> Make(bool good) {
  if (!good) return Corrupt("stored bytes are not what was written");
  return std::make_unique<int>(7);
}

StatusOr<int> Use(bool good) {
  ASSIGN_OR_RETURN(const std::unique_ptr<int> made, Make(good));
  return *made;
}

Status Forward(bool good) {
  RETURN_IF_ERROR(Use(good).status());
  return OkStatus();
}

TEST(StatusOr, PassesValuesThatOnlyMove) {
  const auto used = Use(true);
  ASSERT_TRUE(used.ok());
  EXPECT_EQ(*used, 7);
  EXPECT_TRUE(Forward(true).ok());
}

TEST(StatusOr, PassesTheFirstErrorThroughUnchanged) {
  EXPECT_EQ(Use(false).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Forward(false).ToString(), "DATA_LOSS: stored bytes are not what was written");
}

TEST(StatusOrDeath, AValueThatIsNotThereIsNeverRead) {
  StatusOr<int> nothing = Internal("none");
  EXPECT_DEATH(static_cast<void>(*nothing), "broken invariant");
  EXPECT_DEATH(static_cast<void>(StatusOr<int>{OkStatus()}), "broken invariant");
}

}  // namespace
}  // namespace cordon
