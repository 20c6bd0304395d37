#include "tools/cordon/input_position.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>

#include "engine/base/check.h"

namespace cordon {
namespace {

constexpr size_t kLineBytes = 8;

}  // namespace

StatusOr<InputPosition> InputPosition::Parse(std::string_view bytes) {
  InputPosition position;
  if (bytes.empty()) return position;
  if (bytes.size() != kLineBytes + position.digest_.size()) {
    return Invalid("run", "was begun by another program; give this input another run");
  }
  for (size_t i = kLineBytes; i-- > 0;) {
    position.line_ = position.line_ << 8 | static_cast<unsigned char>(bytes[i]);
  }
  const auto digest = bytes.substr(kLineBytes);
  std::copy(digest.begin(), digest.end(), position.digest_.begin());
  return position;
}

void InputPosition::Add(const SourceItem& item) {
  std::string bytes(AsBytes(digest_));
  bytes += item.refused.ok() ? '+' : '-';
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    CORDON_CHECK(item.document.SerializeToCodedStream(&coded));
  }
  line_ = item.origin.line;
  digest_ = Sha256(bytes);
}

std::string InputPosition::Bytes() const {
  std::string bytes;
  for (size_t i = 0; i < kLineBytes; ++i) bytes += static_cast<char>(line_ >> 8 * i & 0xff);
  bytes += AsBytes(digest_);
  return bytes;
}

}  // namespace cordon
