// What is held back from erasure in one collection. Internal to store/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/store/database.h"

namespace cordon {

// `On` reads the database as it is; the held subjects that OnVersion asks for are read once. For
// one thread; the database outlives it.
class Holds {
 public:
  Holds(const Database& database, uint32_t tenant, uint32_t collection)
      : database_(database), tenant_(tenant), collection_(collection) {}

  // The name of the hold on a document or subject, by its pseudonym in the store; empty if there is
  // none. `kind` is kDocumentMark or kSubjectMark.
  StatusOr<std::string> On(char kind, std::string_view pseudonym) const;

  // The same for a version: of the subjects that it bore when it was written, whatever its document
  // bears now.
  StatusOr<std::string> OnVersion(uint64_t number);

 private:
  struct Subject {
    std::string pseudonym;
    std::string name;
  };
  Status ReadSubjects();

  const Database& database_;
  const uint32_t tenant_;
  const uint32_t collection_;
  std::optional<std::vector<Subject>> subjects_;  // that are held; read once
};

}  // namespace cordon
