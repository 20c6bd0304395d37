#include "engine/journal/verify.h"

#include <fmt/format.h>

#include "engine/journal/chain_reader.h"

namespace cordon {
namespace {

Verification Bad(uint64_t records, std::string problem) {
  return {records, false, records + 1, std::move(problem)};
}

}  // namespace

Verification Verify(const std::filesystem::path& directory, const std::string& tenant,
                    const SecretKey& key, const std::optional<JournalAnchor>& anchor,
                    uint64_t up_to_sequence) {
  constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();
  journal::ChainReader reader(directory, tenant, journal::ChainKeys(key));
  uint64_t last_revision = 0;
  while (reader.last().sequence < up_to_sequence && reader.Next()) {
    const JournalAnchor& last = reader.last();
    if (anchor && anchor->sequence == last.sequence && *anchor != last) {
      return Bad(last.sequence - 1,
                 fmt::format("record {} is not the one that the store remembers: the journal was "
                             "replaced",
                             last.sequence));
    }
    if (reader.record().mutation()) last_revision = reader.record().revision();
  }
  const uint64_t records = reader.last().sequence;
  if (reader.damage()) return Bad(records, std::string(reader.damage()->ToStatus().message()));
  if (records < up_to_sequence) {
    if (reader.end().number == 0) return Bad(0, "there is no journal in the directory");
    if (anchor && records < anchor->sequence) {
      return Bad(records, fmt::format("the journal ends at record {}, and the store remembers "
                                      "record {}: its tail was cut",
                                      records, anchor->sequence));
    }
    if (up_to_sequence != kAll) {
      return Bad(records, fmt::format("the journal ends at record {}, before record {}", records,
                                      up_to_sequence));
    }
  }
  return {records, true, std::nullopt, "", last_revision};
}

}  // namespace cordon
