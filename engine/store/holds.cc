#include "engine/store/holds.h"

#include "cordon/store/v1/records.pb.h"
#include "engine/base/planted.h"

namespace cordon {

StatusOr<std::string> Holds::On(char kind, std::string_view pseudonym) const {
  store::v1::HoldRecord hold;
  const std::string key = KindKey(tenant_, collection_, kind, pseudonym);
  ASSIGN_OR_RETURN(const bool held, database_.Get(Family::kHolds, key, &hold));
  return held && !Planted(Bug::kHoldIgnored) ? hold.name() : std::string();
}

// Holds are few and versions many: each hold is asked for the version, for whose number alone no
// subject is found.
StatusOr<std::string> Holds::OnVersion(uint64_t number) {
  if (!subjects_) RETURN_IF_ERROR(ReadSubjects());
  std::vector<std::string> keys;
  keys.reserve(subjects_->size());
  for (const auto& subject : *subjects_) {
    keys.push_back(MarkKey(tenant_, collection_, kSubjectMark, subject.pseudonym, number));
  }
  std::string name;
  if (keys.empty()) return name;
  RETURN_IF_ERROR(database_.GetMany(Family::kMarks, keys, [&](size_t i, std::string_view) {
    name = (*subjects_)[i].name;
    return OkStatus();
  }));
  return Planted(Bug::kHoldIgnored) ? std::string() : name;
}

Status Holds::ReadSubjects() {
  subjects_.emplace();
  const std::string prefix = KindKey(tenant_, collection_, kSubjectMark, "");
  return database_.Scan(Family::kHolds, prefix, [&](auto key, auto payload) -> Status {
    store::v1::HoldRecord hold;
    RETURN_IF_ERROR(ParseRecord(payload, &hold));
    subjects_->push_back({std::string(key.substr(prefix.size())), hold.name()});
    return OkStatus();
  });
}

}  // namespace cordon
