#include "engine/journal/chain_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/planted.h"

namespace cordon::journal {

Status Damage::ToStatus() const {
  const std::string where =
      fmt::format("journal file {}, record {} (byte {})", LogFileName(number), sequence, offset);
  switch (kind) {
    case Kind::kKey:
      return Status(StatusCode::kFailedPrecondition, "journal_key",
                    fmt::format("{}: {}; give the key that the journal was begun with "
                                "(--journal-key)",
                                where, what));
    case Kind::kTenant:
      return Status(StatusCode::kFailedPrecondition, "journal_dir",
                    fmt::format("{}: {}; put each tenant's journal back into its own directory",
                                where, what));
    case Kind::kUnread:
      return Status(StatusCode::kUnavailable, "journal", fmt::format("{}: {}", where, what));
    case Kind::kTorn:
    case Kind::kBroken:
    case Kind::kForged:
    case Kind::kGap:
      break;
  }
  return Corrupt(fmt::format("{}: {}; restore the journal's directory from a copy", where, what));
}

ChainReader::ChainReader(std::filesystem::path directory, std::string tenant, const ChainKeys& keys)
    : directory_(std::move(directory)), tenant_(std::move(tenant)), keys_(keys) {}

void ChainReader::Seek(const Mark& mark) {
  CORDON_CHECK(!listed_);
  end_ = mark;
  last_ = {mark.last, mark.chain};
}

bool ChainReader::Next() {
  if (damage_) return false;
  if (!listed_) {
    listed_ = true;
    auto numbers = ListLogFiles(directory_);
    if (!numbers.ok()) return FailUnread(numbers.status());
    numbers_ = *std::move(numbers);
    if (end_.number != 0) {  // after Seek
      auto view = FileView::Open(directory_ / LogFileName(end_.number));
      if (!view.ok()) return FailUnread(view.status());
      view_.emplace(*std::move(view));
    }
  }
  while (!view_ || end_.offset == view_->size()) {
    if (numbers_.empty() || end_.number == numbers_.back()) return false;
    if (!OpenNextFile()) return false;
  }
  return ReadFrame();
}

bool ChainReader::OpenNextFile() {
  end_.number += 1;
  end_.offset = 0;
  if (!std::binary_search(numbers_.begin(), numbers_.end(), end_.number)) {
    return Fail(Damage::Kind::kGap, "the file is missing, and later ones are there");
  }
  auto view = FileView::Open(directory_ / LogFileName(end_.number));
  if (!view.ok()) return FailUnread(view.status());
  view_.emplace(*std::move(view));
  auto bytes = view_->Read(0, HeaderBytesMax());
  if (!bytes.ok()) return FailUnread(bytes.status());
  const ParsedHeader parsed = ParseHeader(*bytes, keys_.header);
  if (!CheckHeader(parsed)) return false;
  end_.offset = parsed.bytes;
  end_.chain = parsed.mac;
  return true;
}

bool ChainReader::CheckHeader(const ParsedHeader& parsed) {
  const FileHeader& header = parsed.header;
  const bool known = parsed.state == HeaderState::kIntact || parsed.state == HeaderState::kForeign;
  if (parsed.state == HeaderState::kDamaged) {
    return Fail(Damage::Kind::kBroken, "the file's header is damaged");
  }
  if (parsed.state == HeaderState::kVersion) {
    return Fail(Damage::Kind::kUnread,
                fmt::format("the file has format version {}, and this build reads version {}",
                            header.version, kFormatVersion));
  }
  CORDON_CHECK(known);
  if (header.tenant != tenant_) {
    return Fail(Damage::Kind::kTenant, fmt::format("the file belongs to tenant '{}', not to '{}'",
                                                   header.tenant, tenant_));
  }
  if (parsed.state == HeaderState::kForeign) {
    // A journal whose first file is by this key is not "of another key" from the second on.
    if (end_.number == 1) {
      return Fail(Damage::Kind::kKey, "the file was written with another key");
    }
    return Fail(Damage::Kind::kForged, "the file's header was not made by the journal's key");
  }
  if (header.number != end_.number || header.before != last_) {
    return Fail(Damage::Kind::kForged, "the file does not continue the records before it");
  }
  return true;
}

bool ChainReader::ReadFrame() {
  auto head = view_->Read(end_.offset, kFrameHeadBytes);
  if (!head.ok()) return FailUnread(head.status());
  if (head->size() < kFrameHeadBytes) return FailTorn("the record is incomplete");
  const size_t bytes = FrameBytes(*head);
  if (bytes == 0) return FailTorn("the record's length is damaged");
  auto whole = view_->Read(end_.offset, bytes);
  if (!whole.ok()) return FailUnread(whole.status());
  if (whole->size() < bytes) return FailTorn("the record is incomplete");
  Frame frame;
  if (!ParseFrame(*whole, &frame)) return FailTorn("the record's checksum does not fit");
  return TakeRecord(frame, bytes);
}

bool ChainReader::TakeRecord(const Frame& frame, size_t bytes) {
  if (!EqualConstantTime(ChainMac(keys_.record, end_.chain, frame.payload), frame.mac) &&
      !Planted(Bug::kChainUnchecked)) {
    return Fail(Damage::Kind::kForged,
                "the record does not continue the chain: it, or one before "
                "it, was altered, moved or removed");
  }
  if (!record_.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size())) ||
      record_.sequence() != last_.sequence + 1) {
    return Fail(Damage::Kind::kForged, "the record is not the one that belongs here");
  }
  place_ = end_;
  last_ = {record_.sequence(), frame.mac};
  end_.offset += bytes;
  end_.last = last_.sequence;
  end_.chain = last_.mac;
  return true;
}

bool ChainReader::FailTorn(std::string what) {
  if (end_.number != numbers_.back()) return Fail(Damage::Kind::kBroken, std::move(what));
  auto proven = ProvenLater();
  if (!proven.ok()) return FailUnread(proven.status());
  return Fail(*proven ? Damage::Kind::kBroken : Damage::Kind::kTorn, std::move(what));
}

StatusOr<bool> ChainReader::ProvenLater() {
  // One write may hold many records, and power loss may tear it anywhere. Only a later record can
  // say that this one had been synced; its place is unknown when a length is damaged, so every byte
  // is tried. A payload begins with the tag of `sequence`, which rules most of them out.
  constexpr char kSequenceTag = 0x08;
  for (uint64_t offset = end_.offset + 1; offset + kFrameOverhead < view_->size(); ++offset) {
    ASSIGN_OR_RETURN(const std::string_view head, view_->Read(offset, kFrameHeadBytes + 1));
    const size_t bytes = FrameBytes(head);
    if (bytes == 0 || head[kFrameHeadBytes] != kSequenceTag) continue;
    if (offset + bytes > view_->size()) continue;
    ASSIGN_OR_RETURN(const std::string_view whole, view_->Read(offset, bytes));
    Frame frame;
    if (!ParseFrame(whole, &frame)) continue;
    Record record;
    if (!record.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size()))) {
      continue;
    }
    if (record.synced() > last_.sequence) return true;
  }
  return false;
}

bool ChainReader::Fail(Damage::Kind kind, std::string what) {
  damage_ = Damage{kind, last_.sequence + 1, end_.number, end_.offset, std::move(what)};
  return false;
}

bool ChainReader::FailUnread(const Status& status) {
  return Fail(Damage::Kind::kUnread, std::string(status.message()));
}

}  // namespace cordon::journal
