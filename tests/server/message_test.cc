// A message that is larger than its call may be.
#include <gtest/gtest.h>

#include "cordon/v1/retrieval.pb.h"
#include "engine/base/limits.h"
#include "engine/server/calls.h"

namespace cordon {
namespace {

// At kQueryMessageBytes, kIngestMessageBytes and beyond.
TEST(Messages, AreLargerThanTheyMayBe) {
  for (const size_t most : {limits::kQueryMessageBytes, limits::kIngestMessageBytes}) {
    constexpr size_t kTagAndLength = 5;
    v1::RetrieveRequest request;
    request.set_text(std::string(most - kTagAndLength, 'x'));
    ASSERT_EQ(request.ByteSizeLong(), most);
    EXPECT_TRUE(CheckMessage(request, most).ok());
    request.mutable_text()->push_back('x');
    EXPECT_FALSE(CheckMessage(request, most).ok());
  }
}

}  // namespace
}  // namespace cordon
