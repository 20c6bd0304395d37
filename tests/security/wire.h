// The reference model's plain values as the messages and credentials that the engine takes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cordon/v1/policy.pb.h"
#include "cordon/v1/types.pb.h"
#include "engine/policy/grant.h"
#include "tests/security/reference_directory.h"

namespace cordon {

v1::Acl ToWire(const reference::List& list);
v1::Label ToWire(const reference::Label& label);
v1::Clearance ToWire(const reference::Clearance& clearance);
v1::Container ToWire(const std::string& name, const reference::List& list);
v1::Destination ToWire(const std::string& name, const reference::Destination& destination);
v1::ScopeRule ToWire(int scope, const reference::Gate& gate);
v1::Document ToWire(const std::string& id, const reference::Document& document);
v1::CollectionConfig ToWire(const std::string& name, const reference::Collection& collection);
v1::Principal ToWire(const std::string& name, const reference::Record& record);

// What the engine's own embedder makes of a text. The model takes it as it is: the embedder's tests
// are elsewhere.
std::vector<float> BuiltIn(size_t dimension, const std::string& text);

// What a key may do beside what the decision reads of it.
struct Credential {
  reference::Key key;
  bool query = true;
  bool break_glass = false;
  bool exports = false;
  std::vector<std::string> collections = {"*"};
};

Clearance ToClearance(const reference::Clearance& clearance);

// The right audit comes with it.
Grant ToGrant(const Credential& credential);

// What an Authenticator is told of the development key, if its server runs with --dev.
std::optional<std::string> DevKey(bool dev);

// Whoever presents `credential` to `tenant`.
Authenticated ToCaller(const Credential& credential, const std::string& tenant, bool dev);

// Whoever may do everything, for the writes.
Authenticated Root(const std::string& tenant);

}  // namespace cordon
