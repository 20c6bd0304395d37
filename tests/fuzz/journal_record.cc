// Any bytes as a journal's file after its header ('r'), or as the payloads of records that the key
// has signed ('s', each after its length in two bytes): verified and opened, or refused; what
// verifies also opens.
#include <google/protobuf/stubs/logging.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/journal/frame.h"
#include "engine/journal/journal.h"
#include "engine/journal/log_file.h"
#include "engine/journal/verify.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

class JournalWorld {
 public:
  JournalWorld() { google::protobuf::SetLogHandler(nullptr); }  // bad input is what this is about

  void Try(bool sealed, std::string_view bytes) {
    const std::filesystem::path directory = scratch_ / "acme";
    std::filesystem::create_directories(directory);
    std::ofstream(directory / journal::LogFileName(1), std::ios::binary | std::ios::trunc)
        << (sealed ? Sealed(bytes) : Header().first + std::string(bytes));
    const Verification verified = Verify(directory, "acme", key_, std::nullopt);
    const auto opened =
        Journal::Open({.dir = directory, .tenant = "acme", .key = key_}, std::nullopt);
    CORDON_CHECK(!verified.ok || opened.ok());
    if (!opened.ok()) CORDON_CHECK(!opened.status().message().empty());
    if (opened.ok()) CORDON_CHECK((*opened)->Tail(5).ok());
  }

 private:
  std::pair<std::string, Digest> Header() const {
    std::string header;
    const Digest mac = journal::AppendHeader({.tenant = "acme"}, keys_.header, &header);
    return {header, mac};
  }

  std::string Sealed(std::string_view bytes) const {
    auto [file, chain] = Header();
    while (bytes.size() >= 2) {
      const size_t length = static_cast<uint8_t>(bytes[0]) + static_cast<uint8_t>(bytes[1]) * 256u;
      const std::string_view payload = bytes.substr(2, length);
      bytes.remove_prefix(2 + payload.size());
      if (payload.empty()) continue;
      chain = journal::ChainMac(keys_.record, chain, payload);
      journal::AppendFrame(payload, chain, &file);
    }
    return file;
  }

  ScratchDirectory scratch_;
  SecretKey key_{Sha256("the journal's key")};
  journal::ChainKeys keys_{key_};
};

}  // namespace
}  // namespace cordon

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static cordon::JournalWorld world;
  if (size == 0) return 0;
  world.Try(data[0] == 's', {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
