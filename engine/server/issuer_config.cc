#include "engine/server/issuer_config.h"

#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <map>
#include <set>

namespace cordon {
namespace {

using Set = std::function<Status(const YAML::Node&)>;

// Every error names the line; Place turns a node into one.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  Status Bad(const YAML::Node& node, std::string_view field, std::string_view message) const {
    return Invalid(field, fmt::format("{} line {}: {}", path_, node.Mark().line + 1, message));
  }

  // A map of known keys, each once.
  Status Map(const YAML::Node& node, std::string_view field,
             const std::map<std::string, Set>& keys) const {
    if (!node.IsMap()) return Bad(node, field, "not a map of keys to values");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
      const std::string place = fmt::format("{}.{}", field, name);
      const auto known = keys.find(name);
      if (known == keys.end()) return Bad(entry.first, place, "unknown key");
      if (!seen.insert(name).second) return Bad(entry.first, place, "given twice; keep one");
      RETURN_IF_ERROR(known->second(entry.second));
    }
    return OkStatus();
  }

  Status Text(const YAML::Node& node, std::string_view field, std::string* text) const {
    if (!node.IsScalar()) return Bad(node, field, "not a single value");
    *text = node.Scalar();
    return OkStatus();
  }

  Status Number(const YAML::Node& node, std::string_view field, int* number) const {
    std::string text;
    RETURN_IF_ERROR(Text(node, field, &text));
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
    if (error == std::errc() && end == text.data() + text.size()) return OkStatus();
    return Bad(node, field, "not a whole number");
  }

  Status List(const YAML::Node& node, std::string_view field,
              const std::function<Status(const YAML::Node&, const std::string&)>& take) const {
    if (!node.IsSequence()) return Bad(node, field, "not a list");
    for (const auto& entry : node) {
      std::string text;
      RETURN_IF_ERROR(Text(entry, field, &text));
      RETURN_IF_ERROR(take(entry, text));
    }
    return OkStatus();
  }

  Status Texts(const YAML::Node& node, std::string_view field,
               std::vector<std::string>* texts) const {
    return List(node, field, [&](const YAML::Node&, const std::string& text) {
      texts->push_back(text);
      return OkStatus();
    });
  }

  // `all`, `lowest`, or a level with compartments. Whether the tenant's scheme has them is asked
  // at each decision: one that it lacks permits nothing.
  Status ReadClearance(const YAML::Node& node, const std::string& field,
                       Clearance* clearance) const {
    if (node.IsScalar() && node.Scalar() == "all") {
      *clearance = Clearance::All();
      return OkStatus();
    }
    if (node.IsScalar() && node.Scalar() == "lowest") {
      *clearance = Clearance::Lowest();
      return OkStatus();
    }
    *clearance = {Clearance::Kind::kNamed, "", {}};
    RETURN_IF_ERROR(
        Map(node, field,
            {{"level",
              [&](const auto& value) { return Text(value, field + ".level", &clearance->level); }},
             {"compartments", [&](const auto& value) {
                return Texts(value, field + ".compartments", &clearance->compartments);
              }}}));
    Canonicalise(&clearance->compartments);
    if (!clearance->level.empty()) return OkStatus();
    return Bad(node, field + ".level", "missing; name a level, or write all or lowest instead");
  }

 private:
  const std::string& path_;
};

Status ReadAlgorithms(const Reader& reader, const YAML::Node& node, Issuer* issuer) {
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

Status ReadRights(const Reader& reader, const YAML::Node& node, Issuer* issuer) {
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

Status ReadPrincipal(const Reader& reader, const YAML::Node& node, Issuer* issuer) {
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

Status ReadGroups(const Reader& reader, const YAML::Node& node, Issuer* issuer) {
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

Status ReadClearanceClaim(const Reader& reader, const YAML::Node& node, Issuer* issuer) {
  Issuer::ClearanceClaim clearance;
  const auto values = [&](const YAML::Node& map) -> Status {
    if (!map.IsMap()) return reader.Bad(map, "issuers.clearance.values", "not a map");
    for (const auto& entry : map) {
      std::string name;
      RETURN_IF_ERROR(reader.Text(entry.first, "issuers.clearance.values", &name));
      const auto [it, added] = clearance.values.try_emplace(name);
      if (!added) return reader.Bad(entry.first, "issuers.clearance.values", "given twice");
      RETURN_IF_ERROR(
          reader.ReadClearance(entry.second, "issuers.clearance.values." + name, &it->second));
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

StatusOr<Issuer> ReadIssuer(const Reader& reader, const YAML::Node& node) {
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
                                 return reader.ReadClearance(value, "issuers.ceiling",
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
  const Reader reader(path);
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
