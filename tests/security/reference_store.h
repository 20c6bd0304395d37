// A naive document store and searcher, to be read beside DESIGN §1 and §5; who sees what is asked
// of reference_model.h. It shares no code with the engine: maps of plain values, every question
// walks all of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/policy/reference_model.h"

namespace reference {

struct StoredChunk {
  std::string text;
  std::vector<float> embedding;
  std::optional<List> acl = {};
  std::optional<Label> label = {};
  std::vector<float> other = {};  // in the space that is not searched; empty if it has none there
};
struct Document {
  std::string title, uri;
  std::optional<List> acl = {};  // unset: the collection's default
  std::optional<Label> label = {};
  Time valid_from = INT64_MIN, valid_until = INT64_MAX;
  std::map<uint32_t, StoredChunk> chunks = {};
  std::map<std::string, int64_t> attributes = {};
  std::string source, trust;
  std::optional<uint64_t> version = {};
};
enum class Metric { kCosine, kInnerProduct, kL2 };
struct Space {  // of embeddings
  std::string model;
  size_t dimension = 1;
  bool embeds = false;
};
struct Collection {
  size_t dimension = 1;
  Metric metric = Metric::kCosine;
  List default_acl = {};
  Label default_label = {};
  std::map<std::string, Document> documents = {};
  bool embeds = false;                                          // by itself; how is not modelled
  std::map<std::string, std::optional<Label>> attributes = {};  // declared, and what hides them
  std::string model = {};
  std::optional<Space> other = {};  // that is not searched
  bool whole = false;               // every document has vectors in it for certain
};
struct Said {  // who says what the directory says of a principal; perhaps that it is gone
  std::string source;
  uint64_t sequence = 0;
};
struct Tenant {
  World world;
  std::map<std::string, Said> said;           // of records that have a source
  std::map<std::string, uint64_t> snapshots;  // by source: the last one's sequence
  Names compartments, tags;                   // of the scheme, beside world.levels
  std::map<std::string, Collection> collections;
};
struct Found {
  std::string document;
  uint32_t ordinal = 0;
  double score = 0;
  const Document* in = nullptr;
  const StoredChunk* chunk = nullptr;
};

// The chunk as the decision sees it.
inline Chunk Judged(const Document& document, const StoredChunk& chunk) {
  return {*document.acl, *document.label, document.valid_from, document.valid_until,
          chunk.acl,     chunk.label,     document.source};
}

// Eight lanes, element i in lane i mod 8, added in pairs.
template <typename Term>
double Sum(size_t dimension, Term term) {
  double lane[8] = {};
  for (size_t i = 0; i < dimension; ++i) lane[i % 8] += term(i);
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

inline double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  return Sum(a.size(), [&](size_t i) { return double(a[i]) * double(b[i]); });
}

inline double Score(Metric metric, const std::vector<float>& q, const std::vector<float>& x) {
  if (metric == Metric::kInnerProduct) return Dot(q, x) + 0.0;
  if (metric == Metric::kL2) {
    const auto square = [&](size_t i) {
      const double difference = double(q[i]) - double(x[i]);
      return difference * difference;
    };
    return 0.0 - Sum(q.size(), square);
  }
  const double norm_q = std::sqrt(Dot(q, q)), norm_x = std::sqrt(Dot(x, x));
  return norm_q == 0 || norm_x == 0 ? 0.0 : Dot(q, x) / (norm_q * norm_x) + 0.0;
}

// What is written is stored, unless a later version is: then false.
inline bool Write(Collection* into, const std::string& id, const Document& document) {
  Document& stored = into->documents[id];  // a new one has no version
  if (document.version && stored.version && *document.version < *stored.version) return false;
  stored = document;
  return true;
}

// What becomes of a text in a space that the server embeds for.
using Embed = std::function<std::vector<float>(size_t dimension, const std::string& text)>;

// The other space becomes the one that is searched; false if a document has no vectors there.
inline bool Switch(Collection* collection, const Embed& embed) {
  const Space now = *collection->other;
  collection->other = Space{collection->model, collection->dimension, collection->embeds};
  collection->model = now.model;
  collection->dimension = now.dimension;
  collection->embeds = now.embeds;
  collection->whole = true;  // all have those in which they were found so far
  bool all = true;
  for (auto& [id, document] : collection->documents) {
    for (auto& [ordinal, chunk] : document.chunks) {
      if (now.embeds) chunk.other = embed(now.dimension, chunk.text);
      all = all && !chunk.other.empty();
      chunk.embedding.swap(chunk.other);
    }
  }
  return all;
}

// The other space goes.
inline void Drop(Collection* collection) {
  collection->other.reset();
  for (auto& [id, document] : collection->documents) {
    for (auto& [ordinal, chunk] : document.chunks) chunk.other.clear();
  }
}

// Every chunk that the asker may see, by document and ordinal; not scored.
inline std::vector<Found> Visible(const World& world, const Collection& collection,
                                  const Asker& asker, Time now) {
  std::vector<Found> found;
  for (const auto& [id, document] : collection.documents) {
    for (const auto& [ordinal, chunk] : document.chunks) {
      if (MaySee(world, asker, Judged(document, chunk), now))
        found.push_back({id, ordinal, 0, &document, &chunk});
    }
  }
  return found;
}

// Best first; equal scores by document, then ordinal, which is how they come.
inline std::vector<Found> Ranked(Metric metric, std::vector<Found> found,
                                 const std::vector<float>& query) {
  for (Found& each : found) each.score = Score(metric, query, each.chunk->embedding);
  std::ranges::stable_sort(found, [](const Found& a, const Found& b) { return a.score > b.score; });
  return found;
}

// The join of some labels that are joins themselves; nothing for none.
inline std::optional<Label> JoinOf(const World& world, const std::vector<Found>& found) {
  std::optional<Label> join;
  for (const Found& each : found) {
    const Label label = LabelOf(world, Judged(*each.in, *each.chunk));
    if (!join) join = label;
    if (Rank(world, label.level) > Rank(world, join->level)) join->level = label.level;
    join->compartments.insert(label.compartments.begin(), label.compartments.end());
    join->tags.insert(label.tags.begin(), label.tags.end());
  }
  return join;
}

// The destinations that the key may name and that may receive all of `labels` for the asker.
inline Names Receivers(const World& world, const Key& key, const Asker& asker,
                       const std::vector<Label>& labels, Time now) {
  Names names;
  for (const auto& [name, destination] : world.destinations) names.insert(name);
  if (world.dev) names.insert("dev");
  std::erase_if(names, [&](const std::string& name) {
    const auto may = [&](const Label& label) {
      return MayReceive(world, *FindDestination(world, name), asker.clearance, label, now);
    };
    return !MayName(key, name) || !all_of(labels, may);
  });
  return names;
}

// The labels that a destination of these chunks must be fit for: each as it was written, since
// regions meet, and their join. Without a chunk, the lowest.
inline std::vector<Label> LabelsOf(const World& world, const std::vector<Found>& found) {
  std::vector<Label> labels = {{world.levels.front(), {}, {}}};
  for (const Found& each : found) {
    labels.push_back(LabelOf(world, Judged(*each.in, *each.chunk)));
    labels.push_back(*each.in->label);
    if (each.chunk->label) labels.push_back(*each.chunk->label);
  }
  return labels;
}

// Who is asked about by an auditor: a user without an application, perhaps with a destination.
inline Asker Alone(const World& world, const std::string& as, const std::string& destination,
                   Time now) {
  const auto to = FindDestination(world, destination);
  if (!destination.empty() && !to) return {"destination"};
  const bool is_user = as.starts_with("user:");
  if (!is_user && !as.starts_with("service:")) return {"no user or service"};
  const auto principals = PrincipalsOf(world, as, now);
  if (!principals) return {"too deep"};
  Clearance clearance = is_user ? world.default_clearance : Clearance{};
  const std::string who = Canonical(world, as);
  if (world.clearances.contains(who)) clearance = world.clearances.at(who);
  return {"", *principals, {}, clearance, {}, to};
}

// Groups and roles that lists in use name, through containers too, and the directory does not have.
inline Names Undefined(const World& world, const Collection& collection) {
  Names undefined;
  std::vector<const List*> lists;
  for (const auto& [id, document] : collection.documents) {
    lists.push_back(&*document.acl);
    for (const auto& [ordinal, chunk] : document.chunks)
      if (chunk.acl) lists.push_back(&*chunk.acl);
  }
  for (size_t i = 0; i < lists.size(); ++i) {
    for (const auto* entries : {&lists[i]->allow, &lists[i]->deny})
      for (const Entry& entry : *entries) undefined.insert(entry.who);
    for (const auto& name : lists[i]->inherit) lists.push_back(&world.containers.at(name));
  }
  std::erase_if(undefined, [&](const std::string& name) {
    const bool group = name.starts_with("group:") || name.starts_with("role:");
    return !group || world.members.contains(Canonical(world, name));
  });
  return undefined;
}

}  // namespace reference
