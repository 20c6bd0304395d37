// Every limit of what a tenant may have: at it all goes well, one beyond it is refused by its field
// and changes nothing.
#include "engine/base/limits.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "engine/store/codec.h"
#include "tests/effort.h"
#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

using Mutation = store::v1::Mutation;

class Limits : public testing::Test {
 protected:
  // `make(n)` has n of something; n = `limit` is accepted and one more refused.
  void Expect(size_t limit, const std::function<Mutation(size_t)>& make,
              const std::string& refusal) {
    const auto at = store_.Try(make(limit));
    EXPECT_TRUE(at.ok()) << refusal << " at " << limit << ": " << at.status().ToString();
    ExpectRefused(make(limit + 1), refusal);
  }
  void ExpectRefused(const Mutation& mutation, const std::string& refusal) {
    const uint64_t revision = store_.state().revision;
    const auto* rules = store_.state().policy.rules.get();
    const auto* directory = store_.state().policy.directory.get();
    const auto beyond = store_.Try(mutation);
    ASSERT_FALSE(beyond.ok()) << refusal;
    EXPECT_EQ(fmt::format("{}: {}", CodeName(beyond.status().code()), beyond.status().field()),
              refusal);
    EXPECT_NE(beyond.status().message().find("more"), std::string::npos) << refusal;
    EXPECT_EQ(store_.state().revision, revision);
    EXPECT_EQ(store_.state().policy.rules.get(), rules);
    EXPECT_EQ(store_.state().policy.directory.get(), directory);
  }

  ScratchStore store_;
};

std::string Name(std::string_view kind, size_t i) { return fmt::format("{}{}", kind, i); }

TEST_F(Limits, OfAList) {
  const auto with = [](bool deny) {
    return [deny](size_t n) {
      Mutation mutation;
      auto* container = mutation.mutable_policy()->add_containers()->mutable_container();
      container->set_name("folder:/a");
      v1::Acl* acl = container->mutable_acl();
      if (deny) acl->add_allow()->set_principal("everyone");
      for (size_t i = 0; i < n; ++i) {
        (deny ? acl->add_deny() : acl->add_allow())->set_principal(Name("user:", i));
      }
      return mutation;
    };
  };
  Expect(limits::kEntriesPerAcl, with(/*deny=*/false), "INVALID_ARGUMENT: containers[0].allow");
  Expect(limits::kEntriesPerAcl, with(/*deny=*/true), "INVALID_ARGUMENT: containers[0].deny");
  Mutation above;
  for (size_t i = 0; i <= limits::kInheritPerAcl; ++i) {
    auto* container = above.mutable_policy()->add_containers()->mutable_container();
    container->set_name(Name("above", i));
    container->mutable_acl()->add_allow()->set_principal("everyone");
  }
  ASSERT_TRUE(store_.Try(above).ok());
  Expect(
      limits::kInheritPerAcl,
      [](size_t n) {
        Mutation mutation;
        auto* container = mutation.mutable_policy()->add_containers()->mutable_container();
        container->set_name("folder:/b");
        for (size_t i = 0; i < n; ++i) container->mutable_acl()->add_inherit(Name("above", i));
        return mutation;
      },
      "INVALID_ARGUMENT: containers[0].inherit");
}

TEST_F(Limits, OfTheScheme) {
  const auto with = [](v1::NameList* (v1::ApplyPolicyRequest::*part)()) {
    return [part](size_t n) {
      Mutation mutation;
      auto* names = (mutation.mutable_policy()->*part)();
      names->add_names("public");
      for (size_t i = 1; i < n; ++i) names->add_names(Name("n", i));
      return mutation;
    };
  };
  Expect(limits::kLevels, with(&v1::ApplyPolicyRequest::mutable_levels),
         "INVALID_ARGUMENT: levels");
  Expect(limits::kCompartments, with(&v1::ApplyPolicyRequest::mutable_compartments),
         "INVALID_ARGUMENT: compartments");
  Expect(limits::kTags, with(&v1::ApplyPolicyRequest::mutable_tags), "INVALID_ARGUMENT: tags");
}

TEST_F(Limits, OfContainersAndDestinations) {
  const auto containers = [](size_t from, size_t to) {
    Mutation mutation;
    for (size_t i = from; i < to; ++i) {
      auto* container = mutation.mutable_policy()->add_containers()->mutable_container();
      container->set_name(Name("folder:/", i));
      container->mutable_acl()->add_allow()->set_principal("everyone");
    }
    return mutation;
  };
  ASSERT_TRUE(store_.Try(containers(0, limits::kContainers)).ok());
  ExpectRefused(containers(limits::kContainers, limits::kContainers + 1),
                "INVALID_ARGUMENT: containers");
  const auto destinations = [](size_t from, size_t to) {
    Mutation mutation;
    for (size_t i = from; i < to; ++i) {
      auto* destination = mutation.mutable_policy()->add_destinations()->mutable_destination();
      destination->set_name(Name("model-", i));
      destination->set_scope(3);
      destination->mutable_ceiling()->set_level("public");
    }
    return mutation;
  };
  ASSERT_TRUE(store_.Try(destinations(0, limits::kDestinations)).ok());
  ExpectRefused(destinations(limits::kDestinations, limits::kDestinations + 1),
                "INVALID_ARGUMENT: destinations");
}

TEST_F(Limits, OfContainersAboveContainers) {
  const auto chain = [](size_t above) {
    Mutation mutation;
    for (size_t i = 0; i <= above; ++i) {
      auto* container = mutation.mutable_policy()->add_containers()->mutable_container();
      container->set_name(fmt::format("chain{}-{}", above, i));
      container->mutable_acl()->add_allow()->set_principal("everyone");
      if (i > 0) container->mutable_acl()->add_inherit(fmt::format("chain{}-{}", above, i - 1));
    }
    return mutation;
  };
  ASSERT_TRUE(store_.Try(chain(limits::kContainerDepth)).ok());
  const auto deeper = store_.Try(chain(limits::kContainerDepth + 1));
  ASSERT_FALSE(deeper.ok());
  EXPECT_TRUE(deeper.status().field().ends_with(".inherit")) << deeper.status().ToString();
}

TEST_F(Limits, OfAGroupAndAPrincipal) {
  Expect(
      limits::kMembersPerGroup,
      [](size_t n) {
        Mutation mutation;
        auto* record = mutation.mutable_directory()->add_principals();
        record->set_name("group:all");
        record->set_sets_members(true);
        for (size_t i = 0; i < n; ++i) record->add_members()->set_principal("user:same");
        return mutation;
      },
      "INVALID_ARGUMENT: principals[0].members");
  Expect(
      limits::kAliasesPerPrincipal,
      [](size_t n) {
        Mutation mutation;
        for (size_t i = 0; i < n; ++i) {
          auto* record = mutation.mutable_directory()->add_principals();
          record->set_name(Name("user:alias-", i));
          record->set_alias_of("user:ana");
        }
        return mutation;
      },
      "INVALID_ARGUMENT: principals[0].alias_of");
}

TEST_F(Limits, OfTrustSourcesAndRegions) {
  Expect(
      limits::kTrustTiers,
      [](size_t n) {
        Mutation mutation;
        for (size_t i = 0; i < n; ++i) {
          mutation.mutable_policy()->mutable_trust()->add_names(Name("t", i));
        }
        return mutation;
      },
      "INVALID_ARGUMENT: trust");
  Expect(
      limits::kQuarantinedSources,
      [](size_t n) {
        Mutation mutation;
        for (size_t i = 0; i < n; ++i) {
          auto* source = mutation.mutable_policy()->add_sources();
          source->set_source(Name("s", i));
          source->set_quarantined(true);
        }
        return mutation;
      },
      "INVALID_ARGUMENT: sources");
  Expect(
      limits::kRegionsPerScope,
      [](size_t n) {
        auto mutation = FromText<Mutation>(
            "policy { scopes { rules { scope: 4 ceiling { level: 'public' } } } }");
        auto* rule = mutation.mutable_policy()->mutable_scopes()->mutable_rules(0);
        for (size_t i = 0; i < n; ++i) rule->add_regions(Name("r", i));
        return mutation;
      },
      "INVALID_ARGUMENT: scopes[4].regions");
}

TEST_F(Limits, OfDeniedCertificates) {
  Expect(
      limits::kDeniedCertificates,
      [](size_t n) {
        Mutation mutation;
        auto* denied = mutation.mutable_policy()->mutable_denied_certificates();
        for (size_t i = 0; i < n; ++i) {
          denied->add_certificates()->set_fingerprint(fmt::format("sha256:{:064x}", i));
        }
        return mutation;
      },
      "INVALID_ARGUMENT: denied_certificates");
}

TEST_F(Limits, OfWhatAKeyNames) {
  const auto with = [](auto add) {
    return [add](size_t n) {
      auto mutation = FromText<Mutation>(
          "key { id: 'k' record { digest: 'd' grant { principal: 'service:x' rights: RIGHT_QUERY "
          "rights: RIGHT_ACT_AS } } }");
      auto* grant = mutation.mutable_key()->mutable_record()->mutable_grant();
      for (size_t i = 0; i < n; ++i) add(grant, i);
      return mutation;
    };
  };
  Expect(limits::kPatternsPerKey,
         with([](auto* grant, size_t i) { grant->add_as_patterns(Name("user:", i)); }),
         "INVALID_ARGUMENT: as_patterns");
  Expect(limits::kPatternsPerKey,
         with([](auto* grant, size_t i) { grant->add_collections(Name("c", i)); }),
         "INVALID_ARGUMENT: collections");
  Expect(limits::kPatternsPerKey,
         with([](auto* grant, size_t i) { grant->add_destinations(Name("d", i)); }),
         "INVALID_ARGUMENT: destinations");
}

TEST_F(Limits, OfACollectionsAttributes) {
  Expect(
      limits::kAttributesPerCollection,
      [](size_t n) {
        auto mutation = FromText<Mutation>(
            "create_collection { name: 'c' dimension: 2 metric: METRIC_L2 embedder: EMBEDDER_NONE "
            "}");
        for (size_t i = 0; i < n; ++i) {
          auto* attribute = mutation.mutable_create_collection()->add_attributes();
          attribute->set_name(Name("a", i));
          attribute->set_type(v1::ATTRIBUTE_TYPE_INT);
        }
        return mutation;
      },
      "INVALID_ARGUMENT: attributes");
}

// At kBreakGlassMax_s and beyond.
TEST_F(Limits, OfAnAccess) {
  const auto open = [&](uint64_t more_us) {
    const uint64_t now_us = 1000 * (store_.state().revision + 1);  // as the store has it then
    return FromText<Mutation>(fmt::format(
        "break_glass {{ id: 'b' open {{ id: 'b' key_id: 'k' as: 'user:a' reason: 'r' until {{ "
        "seconds: {} nanos: {} }} }} }}",
        limits::kBreakGlassMax_s, (now_us + more_us) * 1000));
  };
  ExpectRefused(open(1), "INVALID_ARGUMENT: until");
  EXPECT_TRUE(store_.Try(open(0)).ok());
}

// At kBreakGlassOpen and beyond.
TEST_F(Limits, OfOpenAccesses) {
  const auto open = [](size_t i) {
    return FromText<Mutation>(fmt::format(
        "break_glass {{ id: 'b{}' open {{ id: 'b{}' key_id: 'k' as: 'user:a' reason: 'r' until "
        "{{ seconds: {} }} }} }}",
        i, i, limits::kBreakGlassMax_s));
  };
  for (size_t i = 0; i < limits::kBreakGlassOpen; ++i) ASSERT_TRUE(store_.Try(open(i)).ok()) << i;
  ExpectRefused(open(limits::kBreakGlassOpen), "FAILED_PRECONDITION: as");
}

// What grows one by one is stored as if it had, all but the last.
class Filled : public Limits {
 protected:
  template <typename Put>
  void Fill(size_t count, Put put) {
    Batch batch;
    for (size_t i = 0; i < count; ++i) put(i, &batch);
    CORDON_CHECK(store_.database().Write(batch).ok());
    store_.Reopen();
  }
};

// At kRecordsPerDirectory and beyond.
TEST_F(Filled, OfTheDirectory) {
  // Sanitizers see nothing new in so many records: other tests put, read and refuse a few alike.
  if (kSanitized) GTEST_SKIP() << "of a number alone, and takes half a minute with sanitizers";
  Fill(limits::kRecordsPerDirectory - 1, [](size_t i, Batch* batch) {
    v1::Principal record;
    record.set_name(Name("group:", i));
    record.set_sets_members(true);
    batch->Put(Family::kDirectory, NamedKey(1, record.name()), record);
  });
  const auto one = [](const std::string& name) {
    return FromText<Mutation>("directory { principals { name: '" + name +
                              "' sets_members: true } }");
  };
  EXPECT_TRUE(store_.Try(one("group:last")).ok());
  ExpectRefused(one("group:more"), "FAILED_PRECONDITION: principals");
  EXPECT_TRUE(store_.Try(one("group:last")).ok()) << "one that is there already";
}

// At kCollections and beyond.
TEST_F(Filled, OfCollections) {
  Fill(limits::kCollections - 1, [](size_t i, Batch* batch) {
    store::v1::CollectionRecord record;
    record.set_id(static_cast<uint32_t>(100 + i));
    record.mutable_config()->set_name(Name("c", i));
    record.mutable_config()->set_dimension(2);
    record.mutable_config()->set_metric(v1::METRIC_L2);
    record.mutable_config()->set_embedder(v1::EMBEDDER_NONE);
    batch->Put(Family::kCollections, NamedKey(1, record.config().name()), record);
  });
  const auto one = [](const std::string& name) {
    return FromText<Mutation>("create_collection { name: '" + name +
                              "' dimension: 2 metric: METRIC_L2 embedder: EMBEDDER_NONE }");
  };
  EXPECT_TRUE(store_.Try(one("last")).ok());
  ExpectRefused(one("one-more"), "FAILED_PRECONDITION: name");
}

// At kKeysPerTenant and beyond.
TEST_F(Filled, OfKeys) {
  const std::string grant = "grant { principal: 'service:x' rights: RIGHT_QUERY }";
  Fill(limits::kKeysPerTenant - 1, [&](size_t i, Batch* batch) {
    batch->Put(Family::kKeys, NamedKey(1, Name("k", i)),
               FromText<store::v1::KeyRecord>("digest: 'd' " + grant));
  });
  const auto one = [&](const std::string& id) {
    return FromText<Mutation>("key { id: '" + id + "' record { digest: 'd' " + grant + " } }");
  };
  EXPECT_TRUE(store_.Try(one("last")).ok());
  ExpectRefused(one("one-more"), "FAILED_PRECONDITION: keys");
}

// At kTenants and beyond.
TEST_F(Filled, OfTenants) {
  Fill(limits::kTenants - 2, [](size_t i, Batch* batch) {  // beside the one that is there
    store::v1::TenantRecord record;
    record.set_id(static_cast<uint32_t>(2 + i));
    record.set_name(Name("t", i));
    batch->Put(Family::kMeta, MetaTenantKey(record.name()), record);
  });
  const auto one = [](const std::string& name) {
    return FromText<Mutation>("tenant { name: '" + name +
                              "' key_id: 'k' key { digest: 'd' grant { principal: 'service:x' "
                              "rights: RIGHT_ADMIN } } }");
  };
  EXPECT_TRUE(store_.Try(one("last")).ok());
  ExpectRefused(one("one-more"), "FAILED_PRECONDITION: name");
}

}  // namespace
}  // namespace cordon
