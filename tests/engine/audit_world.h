// Draws a small tenant in which everything moves that an auditor asks about: directory, policy,
// lists, labels, validity; few names that meet often.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/random.h"

namespace cordon {

inline constexpr const char* kAuditCollections[] = {"docs", "more"};

// Draws pieces of requests in text format.
class AuditDraw {
 public:
  explicit AuditDraw(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t n) { return random_.Below(n); }
  bool Percent(uint64_t chance) { return Below(100) < chance; }

  // Of those who can ask; user:u9 is named by nothing.
  static std::vector<std::string> Askers() {
    std::vector<std::string> names = {"user:u9"};
    for (int i = 0; i < 6; ++i) names.push_back(fmt::format("user:u{}", i));
    for (int i = 0; i < 3; ++i) names.push_back(fmt::format("service:s{}", i));
    return names;
  }

  std::string Principal() {
    const uint64_t kind = Below(12);
    if (kind == 0 && Percent(30)) return Ladder(limits::kGroupDepth - 1);
    if (kind < 5) return fmt::format("group:g{}", Below(5));
    if (kind < 6) return "role:r";
    if (kind < 7) return "everyone";
    if (kind < 9) return fmt::format("service:s{}", Below(3));
    return fmt::format("user:u{}", Below(6));
  }
  // Groups within each other, from 0 up: whoever is a member of the lowest is in as many as may be,
  // and who is one through another group is beyond that.
  static std::string Ladder(size_t rung) { return fmt::format("group:deep-{}", rung); }
  static std::string Ladders() {
    std::string text;
    for (size_t i = 1; i < limits::kGroupDepth; ++i) {
      text += fmt::format(
          "principals {{ name: '{}' sets_members: true members {{ principal: '{}' "
          "}} }} ",
          Ladder(i), Ladder(i - 1));
    }
    return text;
  }
  // `seconds` is now: some begin or end soon.
  std::string Entries(const std::string& field, uint64_t count, int64_t seconds) {
    std::string text;
    for (uint64_t i = 0; i < count; ++i) {
      text += fmt::format("{} {{ principal: '{}' ", field, Principal());
      const auto starts = static_cast<int64_t>(Percent(15) ? 1 + Below(8) : 0);
      if (starts > 0) text += fmt::format("from {{ seconds: {} }} ", seconds + starts);
      if (Percent(20)) {
        text += fmt::format("until {{ seconds: {} }} ", seconds + starts + 1 + Below(8));
      }
      text += "} ";
    }
    return text;
  }
  std::string Acl(int64_t seconds) {
    std::string text = Entries("deny", Percent(25) ? 1 : 0, seconds);
    const bool inherits = Percent(40);
    if (inherits) text += fmt::format("inherit: 'folder:c{}' ", Below(4));
    return "acl { " + text + Entries("allow", inherits && Percent(40) ? 0 : 1 + Below(2), seconds) +
           "} ";
  }
  std::string Levels() {
    static constexpr const char* kLevels[] = {"public", "internal", "confidential"};
    return fmt::format("level: '{}' {}", kLevels[Below(3)],
                       Percent(25) ? "compartments: 'people' " : "");
  }
  std::string Label() { return "label { " + Levels() + "} "; }
  std::string Clearance() {
    return Percent(30) ? "clearance { symbol: SYMBOL_ALL } " : "clearance { " + Levels() + "} ";
  }

  std::string DocumentId() { return fmt::format("d{}", Below(14)); }
  std::string Document(const std::string& id, int64_t seconds) {
    std::string text = "documents { id: '" + id + "' " + Acl(seconds) + Label();
    text += fmt::format("provenance {{ source: 's{}' }} ", Below(3));
    if (Percent(15)) text += fmt::format("valid_until {{ seconds: {} }} ", seconds + 1 + Below(9));
    text += "chunks { text: 'a' embedding: 1 embedding: 0 } ";
    if (Percent(40)) {
      text += "chunks { text: 'b' embedding: 1 embedding: 1 acl { " + Entries("allow", 1, seconds) +
              "} " + (Percent(30) ? Label() : "") + "} ";
    }
    return text + "} ";
  }
  // Some new, some again; some that are refused, for want of a list or for a chunk's label.
  std::string Documents(int64_t seconds) {
    std::string text;
    for (uint64_t i = 0; i <= Below(3); ++i) {
      text += Percent(10) ? "documents { id: '" + DocumentId() + "' " + Label() + "} "
                          : Document(DocumentId(), seconds);
    }
    return text;
  }

  std::string Directory(int64_t seconds) {
    std::string text;
    for (uint64_t i = 0; i <= Below(3); ++i) {
      const uint64_t kind = Below(11);
      text += "principals { ";
      if (kind == 10) {
        text += "name: '" + Ladder(0) + "' sets_members: true " +
                Entries("members", 1 + Below(2), seconds);
      } else if (kind < 6) {
        text += fmt::format("name: 'group:g{}' sets_members: true ", Below(5)) +
                Entries("members", Below(4), seconds);
      } else if (kind < 7) {
        text += "name: 'role:r' sets_members: true " + Entries("members", 1, seconds);
      } else if (kind < 9) {
        text += fmt::format("name: '{}' ", Askers()[1 + Below(9)]) + Clearance();
      } else {
        text += fmt::format("name: '{}' remove: true ", Askers()[1 + Below(9)]);
      }
      text += "} ";
    }
    return text;
  }
  std::string Policy(int64_t seconds) {
    const uint64_t kind = Below(10);
    if (kind < 2) return "default_" + Clearance();
    if (kind < 4) {
      return "destinations { destination { name: 'chat' scope: 3 ceiling { " + Levels() + "} } } ";
    }
    const uint64_t place = Below(4);
    if (kind < 5) {
      return fmt::format("containers {{ container {{ name: 'folder:c{}' }} remove: true }} ",
                         place);
    }
    std::string list = "acl { " + Entries("allow", 1 + Below(2), seconds) +
                       Entries("deny", Percent(20) ? 1 : 0, seconds);
    if (place > 0 && Percent(40)) list += fmt::format("inherit: 'folder:c{}' ", Below(place));
    return fmt::format("containers {{ container {{ name: 'folder:c{}' {} }} }} }} ", place, list);
  }
  // A change as SimulateRequest names it, and its request.
  std::pair<std::string, std::string> Change(int64_t seconds) {
    const uint64_t kind = Below(17);
    if (kind < 3) return {"policy", Policy(seconds)};
    if (kind < 7) return {"directory", Directory(seconds)};
    if (kind < 8) return {"create_key", NewKey()};
    if (kind < 9) return {"revoke_key", fmt::format("id: 'default.x{}'", Below(6))};
    const std::string in = fmt::format("collection: '{}' ", kAuditCollections[Below(2)]);
    const std::string document = "document: '" + DocumentId() + "' ";
    const std::string access = Acl(seconds) + (Percent(50) ? Label() : "");
    if (kind < 10) return {"delete_document", in + document};
    if (kind < 11) return {"erase", in + (Percent(50) ? document : Source())};
    if (kind < 12) {
      return {"set_access_many", in + "changes { " + document + access + "} changes { document: '" +
                                     DocumentId() + "' " + Label() + "} "};
    }
    if (kind < 13) return {"set_access_selected", in + Selected() + access};
    if (kind < 16) return {"ingest", in + Documents(seconds)};
    return {"set_access", in + document + access};
  }

 private:
  std::string Source() { return fmt::format("source: 's{}' ", Below(3)); }
  std::string Selected() {
    return Percent(50) ? Source() : fmt::format("id_prefix: 'd{}' ", Below(3));
  }
  // A service's clearance is that of its keys, unless the directory gives it one.
  std::string NewKey() {
    return fmt::format("grant {{ principal: 'service:s{}' rights: RIGHT_QUERY {}}}", Below(3),
                       Clearance());
  }

  Random random_;
};

}  // namespace cordon
