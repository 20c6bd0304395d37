// Requests in text format that name one document.
#pragma once

#include <string>

#include "tests/security/hidden_worlds.h"
#include "tests/security/twin_calls.h"

namespace cordon {

struct HiddenRequests {
  static std::string Quoted(const std::string& id) {
    return "\"" + HiddenWorld::Escaped(id) + "\" ";
  }
  static std::string Named(const std::string& id) {
    return "collection: 'docs' document: " + Quoted(id);
  }
  static std::string Batch(const std::string& id, const std::string& rest) {
    return "collection: 'docs' batch: 7 documents { id: " + Quoted(id) + rest + " }";
  }
  // Vectors for the second embedding space.
  static std::string Filling(const std::string& id, const std::string& rest) {
    return "collection: 'docs' embedding_model: 'own' embeddings_only: true documents { id: " +
           Quoted(id) + rest + " }";
  }
  static std::string NamedWith(const std::string& id, const std::string& rest) {
    return Named(id) + rest;
  }
  // Changes of many, this one among others.
  static std::string Many(const std::string& id, const std::string& rest) {
    return "collection: 'docs' changes { document: 'none' " + rest +
           " } changes { document: " + Quoted(id) + rest + " }";
  }
  static std::string Own(const std::string& id) { return "'" + OwnName(id) + "' "; }
  // The first batch of a run, and its last: runs that have ended make room for others.
  static std::string OfARun(const std::string& id, const std::string& rest) {
    return "collection: 'docs' run: " + Own(id) + "batch: 1 end_run: true position: 'here' " +
           "documents { id: " + Quoted(id) + rest + " }";
  }
  static std::string WholeListing(const std::string& id, const std::string& rest) {
    return "begin { collection: 'docs' source: " + Own(id) + "allow_removals: true } " + rest +
           " commit { documents: 1 }";
  }
  // A whole listing of a source, of this document alone; and one that says it is as it was.
  static std::string ListedWhole(const std::string& id, const std::string& rest) {
    return WholeListing(id, "documents { id: " + Quoted(id) + rest + " }");
  }
  static std::string ListedUnchanged(const std::string& id, const std::string&) {
    return WholeListing(id, "unchanged: " + Quoted(id));
  }
  // A listing with gaps: what it lacks stays.
  static std::string Listed(const std::string& id, const std::string& rest) {
    return "begin { collection: 'docs' source: 's' allow_removals: true } documents { id: " +
           Quoted(id) + rest + " } commit { documents: 1 incomplete: true }";
  }
  static std::string Selected(const std::string& id, const std::string& rest) {
    return "collection: 'docs' id_prefix: " + Quoted(id) + rest;
  }
};

}  // namespace cordon
