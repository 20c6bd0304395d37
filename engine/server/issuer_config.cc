#include "engine/server/issuer_config.h"

#include "engine/server/yaml_reader.h"

namespace cordon {
namespace {

using Set = YamlReader::Set;

// `all`, `lowest`, or a level with compartments. Whether the tenant's scheme has them is asked
// at each decision: one that it lacks permits nothing.
Status ReadClearance(const YamlReader& reader, const YAML::Node& node, const std::string& field,
                     Clearance* clearance) {
  if (node.IsScalar() && node.Scalar() == "all") {
    *clearance = Clearance::All();
    return OkStatus();
  }
  if (node.IsScalar() && node.Scalar() == "lowest") {
    *clearance = Clearance::Lowest();
    return OkStatus();
  }
  *clearance = {Clearance::Kind::kNamed, "", {}};
  RETURN_IF_ERROR(reader.Map(
      node, field,
      {{"level",
        [&](const auto& value) { return reader.Text(value, field + ".level", &clearance->level); }},
       {"compartments", [&](const auto& value) {
          return reader.Texts(value, field + ".compartments", &clearance->compartments);
        }}}));
  Canonicalise(&clearance->compartments);
  if (!clearance->level.empty()) return OkStatus();
  return reader.Bad(node, field + ".level",
                    "missing; name a level, or write all or lowest instead");
}

Status ReadAlgorithms(const YamlReader& reader, const YAML::Node& node, Issuer* issuer) {
  return reader.List(
      node, "issuers.algorithms", [&](const YAML::Node& entry, const std::string& text) -> Status {
        const auto algorithm = AlgorithmOf(text);
        if (!algorithm) {
          return reader.Bad(entry, "issuers.algorithms", "not one of RS256, ES256, EdDSA");
        }
        issuer->algorithms.push_back(*algorithm);
        return OkStatus();
      });
}

Status ReadRights(const YamlReader& reader, const YAML::Node& node, Issuer* issuer) {
  issuer->grant.rights = Rights();
  return reader.List(node, "issuers.rights",
                     [&](const YAML::Node& entry, const std::string& text) -> Status {
                       for (const Right right : kAllRights) {
                         if (RightName(right) != text) continue;
                         issuer->grant.rights.Add(right);
                         return OkStatus();
                       }
                       return reader.Bad(entry, "issuers.rights", "not a right, such as query");
                     });
}

Status ReadPrincipal(const YamlReader& reader, const YAML::Node& node, Issuer* issuer) {
  return reader.Map(
      node, "issuers.principal",
      {{"claim",
        [&](const auto& value) {
          return reader.Text(value, "issuers.principal.claim", &issuer->principal_claim);
        }},
       {"prefix", [&](const auto& value) {
          return reader.Text(value, "issuers.principal.prefix", &issuer->principal_prefix);
        }}});
}

Status ReadGroups(const YamlReader& reader, const YAML::Node& node, Issuer* issuer) {
  std::string source;
  Issuer::Groups groups;
  bool shaped = false;  // a claim or a prefix is given
  const auto text = [&](const std::string& field, std::string* to) {
    return [&reader, &shaped, field, to](const YAML::Node& value) {
      shaped = true;
      return reader.Text(value, field, to);
    };
  };
  RETURN_IF_ERROR(reader.Map(
      node, "issuers.groups",
      {{"source",
        [&](const auto& value) { return reader.Text(value, "issuers.groups.source", &source); }},
       {"claim", text("issuers.groups.claim", &groups.claim)},
       {"prefix", text("issuers.groups.prefix", &groups.prefix)}}));
  if (source == "claims") {
    issuer->groups = groups;
    return OkStatus();
  }
  if (source != "directory") {
    return reader.Bad(node, "issuers.groups.source", "not directory or claims");
  }
  if (!shaped) return OkStatus();
  return reader.Bad(node, "issuers.groups", "a claim beside `source: directory`; keep one of them");
}

Status ReadClearanceClaim(const YamlReader& reader, const YAML::Node& node, Issuer* issuer) {
  Issuer::ClearanceClaim clearance;
  const auto values = [&](const YAML::Node& map) -> Status {
    if (!map.IsMap()) return reader.Bad(map, "issuers.clearance.values", "not a map");
    for (const auto& entry : map) {
      std::string name;
      RETURN_IF_ERROR(reader.Text(entry.first, "issuers.clearance.values", &name));
      const auto [it, added] = clearance.values.try_emplace(name);
      if (!added) return reader.Bad(entry.first, "issuers.clearance.values", "given twice");
      RETURN_IF_ERROR(
          ReadClearance(reader, entry.second, "issuers.clearance.values." + name, &it->second));
    }
    return OkStatus();
  };
  RETURN_IF_ERROR(reader.Map(node, "issuers.clearance",
                             {{"claim",
                               [&](const auto& value) {
                                 return reader.Text(value, "issuers.clearance.claim",
                                                    &clearance.claim);
                               }},
                              {"values", values}}));
  issuer->clearance = std::move(clearance);
  return OkStatus();
}

StatusOr<Issuer> ReadIssuer(const YamlReader& reader, const YAML::Node& node) {
  Issuer issuer;
  issuer.grant.rights.Add(Right::kQuery);
  bool ceiling = false;
  const auto text = [&](const std::string& name, std::string* to) {
    return std::pair<const std::string, Set>(name, [&reader, name, to](const YAML::Node& value) {
      return reader.Text(value, "issuers." + name, to);
    });
  };
  const auto number = [&](const std::string& name, int* to) {
    return std::pair<const std::string, Set>(name, [&reader, name, to](const YAML::Node& value) {
      return reader.Number(value, "issuers." + name, to);
    });
  };
  const auto texts = [&](const std::string& name, std::vector<std::string>* to) {
    return std::pair<const std::string, Set>(name, [&reader, name, to](const YAML::Node& value) {
      return reader.Texts(value, "issuers." + name, to);
    });
  };
  const auto part = [&](const std::string& name, auto read) {
    return std::pair<const std::string, Set>(
        name, [&, read](const YAML::Node& value) { return read(reader, value, &issuer); });
  };
  RETURN_IF_ERROR(reader.Map(node, "issuers",
                             {text("name", &issuer.name),
                              text("tenant", &issuer.tenant),
                              text("iss", &issuer.iss),
                              texts("audiences", &issuer.audiences),
                              part("algorithms", ReadAlgorithms),
                              text("jwks", &issuer.jwks),
                              text("jwks_ca", &issuer.jwks_ca),
                              number("jwks_refresh_s", &issuer.jwks_refresh_s),
                              number("jwks_pause_s", &issuer.jwks_pause_s),
                              number("jwks_stale_s", &issuer.jwks_stale_s),
                              number("clock_skew_s", &issuer.clock_skew_s),
                              number("max_age_s", &issuer.max_age_s),
                              part("principal", ReadPrincipal),
                              part("groups", ReadGroups),
                              part("clearance", ReadClearanceClaim),
                              part("rights", ReadRights),
                              texts("collections", &issuer.grant.collections),
                              texts("destinations", &issuer.grant.destinations),
                              text("id_prefix", &issuer.grant.id_prefix),
                              {"ceiling", [&](const YAML::Node& value) {
                                 ceiling = true;
                                 return ReadClearance(reader, value, "issuers.ceiling",
                                                      &issuer.grant.clearance);
                               }}}));
  if (const Status checked = CheckIssuer(issuer).Within("issuers"); !checked.ok()) {
    return reader.Bad(node, checked.field(), checked.message());
  }
  if (ceiling) return issuer;
  return reader.Bad(node, "issuers.ceiling",
                    "missing; say how far its users may go at most, or write all");
}

}  // namespace

Status ReadIssuers(const std::string& path, const YAML::Node& node, std::vector<Issuer>* issuers) {
  const YamlReader reader(path);
  if (!node.IsSequence()) return reader.Bad(node, "issuers", "not a list");
  for (const auto& entry : node) {
    ASSIGN_OR_RETURN(issuers->emplace_back(), ReadIssuer(reader, entry));
    if (const Status checked = CheckIssuers(*issuers); !checked.ok()) {
      return reader.Bad(entry, checked.field(), checked.message());
    }
  }
  return OkStatus();
}

}  // namespace cordon
