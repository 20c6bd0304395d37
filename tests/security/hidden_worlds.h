// Documents that a reader may not see, for every reason that there is, each with an id like it
// that was never written.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "engine/base/limits.h"
#include "tests/security/served_store.h"

namespace cordon {

// Why the reader must not see the document, and what makes it so.
struct Reason {
  std::string name;
  std::string access;      // list, label and validity in text format, in place of the open ones
  std::string chunk = "";  // of every chunk
  std::string destination = "chat";
  bool modest = false;  // asks with the application of the lowest clearance
  // Where the document is: in the collection that is asked, in another one, in another tenant, or
  // nowhere any more.
  enum Where { kHere, kOtherCollection, kOtherTenant, kDeleted } where = kHere;
};

// The reader is user:ana, a member of group:in, cleared for `internal`, through an application that
// is cleared for all unless it is the modest one.
inline const std::vector<Reason>& Reasons() {
  static const std::string anyone = "acl { allow { principal: 'everyone' } } ";
  static const std::string open = "label { level: 'public' } ";
  static const std::string ana = "allow { principal: 'user:ana' } allow { principal: 'group:in' } ";
  static const std::string over = "until { seconds: 1000000000 } ";
  static const std::string later = "from { seconds: 4000000000 } ";
  static const std::vector<Reason> reasons = {
      {"level", anyone + "label { level: 'confidential' } "},
      {"highest level", anyone + "label { level: 'restricted' } "},
      {"compartment", anyone + "label { level: 'public' compartments: 'merger' } "},
      {"never allowed", "acl { allow { principal: 'user:bo' } } " + open},
      {"another group", "acl { allow { principal: 'group:far' } } " + open},
      {"no such principal", "acl { allow { principal: 'role:nobody' } } " + open},
      {"user denied", "acl { " + ana + "deny { principal: 'user:ana' } } " + open},
      {"group denied", "acl { " + ana + "deny { principal: 'group:in' } } " + open},
      {"everyone denied", "acl { " + ana + "deny { principal: 'everyone' } } " + open},
      {"application denied", "acl { " + ana + "deny { principal: 'service:app' } } " + open},
      {"right ended", "acl { allow { principal: 'user:ana' " + over + "} } " + open},
      {"right not begun", "acl { allow { principal: 'user:ana' " + later + "} } " + open},
      {"not yet a member", "acl { allow { principal: 'group:later' } } " + open},
      {"container closed", "acl { " + ana + "inherit: 'folder:/closed' } " + open},
      {"container denies", "acl { " + ana + "inherit: 'folder:/denied' } " + open},
      {"not yet valid", anyone + open + "valid_from { seconds: 4000000000 } "},
      {"no longer valid", anyone + open + "valid_until { seconds: 1000000000 } "},
      {"destination's ceiling", anyone + "label { level: 'internal' } ", "", "low"},
      {"destination's tags", anyone + "label { level: 'public' tags: 'pii' } ", "", "clean"},
      {"destination's region", anyone + "label { level: 'public' tags: 'region:eu' } ", "", "us"},
      {"destination's scope", anyone + "label { level: 'internal' } ", "", "consumer"},
      {"model's label", anyone + open, "", "trained"},
      {"application's clearance", anyone + "label { level: 'internal' } ", "", "chat", true},
      {"chunk lists", anyone + open, "acl { allow { principal: 'user:bo' } } "},
      {"chunk denials", anyone + open, "acl { " + ana + "deny { principal: 'user:ana' } } "},
      {"chunk labels", anyone + open, "label { level: 'restricted' } "},
      {"another collection", anyone + open, "", "chat", false, Reason::kOtherCollection},
      {"another tenant", anyone + open, "", "chat", false, Reason::kOtherTenant},
      {"deleted", anyone + open, "", "chat", false, Reason::kDeleted},
  };
  return reasons;
}

inline constexpr char kHiddenPolicy[] =
    "compartments { names: 'merger' } tags { names: 'pii' names: 'region:eu' names: 'region:us' } "
    "default_clearance { level: 'internal' } "
    "scopes { rules { scope: 1 ceiling { level: 'public' } } } "
    "containers { container { name: 'folder:/closed' acl { allow { principal: 'user:bo' } } } } "
    "containers { container { name: 'folder:/denied' acl { allow { principal: 'everyone' } deny { "
    "principal: 'group:in' } } } } "
    "destinations { destination { name: 'chat' scope: 3 region: 'eu' ceiling { symbol: SYMBOL_ALL "
    "} } } "
    "destinations { destination { name: 'low' scope: 3 ceiling { level: 'public' } } } "
    "destinations { destination { name: 'clean' scope: 3 ceiling { symbol: SYMBOL_ALL } "
    "forbidden_tags: 'pii' } } "
    "destinations { destination { name: 'us' scope: 3 region: 'us' ceiling { symbol: SYMBOL_ALL } "
    "} } "
    "destinations { destination { name: 'consumer' scope: 1 ceiling { level: 'public' } } } "
    "destinations { destination { name: 'trained' scope: 5 ceiling { symbol: SYMBOL_ALL } "
    "model_label { level: 'restricted' } } } "
    "destinations { destination { name: 'tuned' scope: 4 region: 'eu' ceiling { symbol: SYMBOL_ALL "
    "} } } "
    "destinations { destination { name: 'secret-model' scope: 3 ceiling { symbol: SYMBOL_ALL } } }";

inline constexpr char kHiddenDirectory[] =
    "principals { name: 'group:in' sets_members: true members { principal: 'user:ana' } } "
    "principals { name: 'group:later' sets_members: true members { principal: 'user:ana' from { "
    "seconds: 4000000000 } } } "
    "principals { name: 'group:far' sets_members: true members { principal: 'user:bo' } } "
    "principals { name: 'user:bo' clearance { symbol: SYMBOL_ALL } }";

inline std::string Collection(const std::string& name) {
  return "config { name: '" + name +
         "' dimension: 4 metric: METRIC_COSINE embedder: EMBEDDER_BUILTIN default_label { level: "
         "'public' } default_acl { allow { principal: 'everyone' } } }";
}

// Draws ids and documents.
class HiddenWorld {
 public:
  using Random = std::mt19937_64;
  explicit HiddenWorld(uint64_t seed) : random_(seed) {}

  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  bool Chance(size_t one_in) { return Below(one_in) == 0; }
  Random& random() { return random_; }

  // An id that was not given before, of letters, other scripts and what needs escaping.
  std::string Id() {
    static const std::vector<std::string> pieces = {
        "a",          "B",      "7",      "/",      ".",  " ",  "'",      "\"",          "\\",
        "%00",        "*",      "?",      "#",      "-",  "_",  "\u00e9", "\u03a9",      "\u6587",
        "\U0001f512", "\u0640", "\u200b", "\u00a0", "--", "..", "{}",     "\xef\xbb\xbf"};
    std::string id = std::to_string(++number_);
    const size_t length = Chance(4) ? kIdBytes : id.size() + 4 + Below(40);
    while (id.size() < length) {
      const std::string& piece = pieces[Below(pieces.size())];
      id += id.size() + piece.size() <= length ? piece : "x";
    }
    return id;
  }
  // One like it, of as many bytes, that nobody wrote (no id has a z): answers that name it have the
  // same size.
  std::string Beside(const std::string& id) {
    std::string other = id;
    const size_t digits = id.find_first_not_of("0123456789");
    const bool at_end = Chance(2) && static_cast<unsigned char>(id.back()) < 0x80;
    other[at_end ? id.size() - 1 : std::min(digits, id.size()) - 1] = 'z';
    return other;
  }

  // The document that is hidden for `reason`.
  std::string Document(const std::string& id, const Reason& reason) {
    std::string text = "id: \"" + Escaped(id) + "\" " + reason.access;
    if (Chance(2)) text += "title: 'title of a secret' uri: 'https://secret/" + Words(3) + "' ";
    if (Chance(3)) text += "subjects: 'person:1' ";
    if (Chance(2)) text += "version: 7 ";
    const size_t chunks = 1 + Below(4);
    for (size_t i = 0; i < chunks; ++i) {
      text += "chunks { ordinal: " + std::to_string(i * 7) + " text: '" + Words(1 + Below(60)) +
              "' " + reason.chunk + "} ";
    }
    return text;
  }
  // Its chunks as a filling has them: with vectors of another embedding space.
  static std::string VectorsOf(const std::string& document) {
    v1::Document written, filling;
    CORDON_CHECK(google::protobuf::TextFormat::ParseFromString(document, &written));
    for (const auto& chunk : written.chunks()) {
      v1::Chunk* const filled = filling.add_chunks();
      filled->set_ordinal(chunk.ordinal());
      filled->set_text(chunk.text());
      for (const float number : {1.0f, 2.0f}) filled->add_embedding(number);
    }
    return filling.ShortDebugString() + " ";
  }
  std::string Words(size_t count) {
    std::string text = "word";
    for (size_t i = 1; i < count; ++i) text += " w" + std::to_string(Below(1000));
    return text;
  }
  static std::string Escaped(const std::string& id) {
    std::string out;
    for (const char c : id) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out;
  }

 private:
  static constexpr size_t kIdBytes = limits::kIdBytes;
  Random random_;
  uint64_t number_ = 0;
};

}  // namespace cordon
