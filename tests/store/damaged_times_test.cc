// Stored lists with times that no time has, which their seals cannot tell: that a start ends the
// process instead of refusing, or takes them for none.
#include <gtest/gtest.h>

#include <string>

#include "engine/store/codec.h"
#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

constexpr char kBadUntil[] = "principal: 'user:ana' until { seconds: 1 nanos: 2000000000 }";
constexpr char kBadFrom[] = "principal: 'user:ana' from { seconds: -999999999999 }";

class DamagedTimes : public testing::TestWithParam<const char*> {
 protected:
  StatusCode LoadWith(Family family, const std::string& key,
                      const google::protobuf::MessageLite& record) {
    Batch batch;
    batch.Put(family, key, record);
    CORDON_CHECK(store_.database().Write(batch).ok());
    Interner interner;
    return LoadTenant(store_.database(), FromText<store::v1::TenantRecord>("id: 1 name: 'default'"),
                      &interner)
        .status()
        .code();
  }
  std::string Entry() const { return GetParam(); }

  ScratchStore store_;
};

INSTANTIATE_TEST_SUITE_P(Bounds, DamagedTimes, testing::Values(kBadUntil, kBadFrom));

TEST_P(DamagedTimes, OfADocumentsList) {
  const auto clauses = static_cast<uint32_t>(store_.state().policy.classes.clauses.size());
  const auto clause = FromText<store::v1::ClauseRecord>("acl { allow { " + Entry() + " } }");
  EXPECT_EQ(LoadWith(Family::kClauses, NumberedKey(1, clauses), clause),
            StatusCode::kInvalidArgument);
}

TEST_P(DamagedTimes, OfAContainer) {
  const auto container =
      FromText<v1::Container>("name: 'hr' acl { deny { " + Entry() + " } inherit: 'top' }");
  EXPECT_EQ(LoadWith(Family::kPolicy, ContainerKey(1, "hr"), container),
            StatusCode::kInvalidArgument);
}

TEST_P(DamagedTimes, OfAMembership) {
  const auto group =
      FromText<v1::Principal>("name: 'group:hr' sets_members: true members { " + Entry() + " }");
  EXPECT_EQ(LoadWith(Family::kDirectory, NamedKey(1, "group:hr"), group),
            StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cordon
