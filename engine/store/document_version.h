// Versions of documents, as their writers number them (docs/decisions/document-versions.md).
#pragma once

#include <cstdint>
#include <optional>

#include "cordon/v1/types.pb.h"
#include "engine/base/planted.h"

namespace cordon {

// None: the document states none, or there is none.
using DocumentVersion = std::optional<uint64_t>;

inline DocumentVersion VersionOf(const v1::Document& document) {
  return document.has_version() ? DocumentVersion(document.version()) : std::nullopt;
}

// Whether `document` is out of date beside what is stored. The same version is not: who may see a
// document changes at its source without a new version of it, and must change here.
inline bool IsStale(const v1::Document& document, DocumentVersion stored) {
  return document.has_version() && stored && document.version() < *stored &&
         !Planted(Bug::kStaleDocument);
}

}  // namespace cordon
