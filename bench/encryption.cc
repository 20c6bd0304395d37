// What it costs to encrypt and decrypt what a document has, on one thread, beside copying it: the
// records that ingest seals and retrieval opens, the pseudonym of an id, and a segment of keys.
// Prints one line of JSON. Usage: encryption [ROUNDS]
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "engine/crypto/aead.h"
#include "engine/crypto/digest.h"
#include "engine/crypto/key_store.h"

namespace cordon::bench {
namespace {

namespace fs = std::filesystem;

// Microseconds of one of `rounds` calls.
template <typename Call>
double Each(int rounds, Call call) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; ++i) call(i);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  return took.count() / rounds;
}

int Run(int rounds) {
  const fs::path dir = fs::temp_directory_path() / fmt::format("cordon-bench-{}", ::getpid());
  fs::create_directories(dir);
  const KeyStore::Options options{dir, *SecretKey::Generate(), nullptr};
  CORDON_CHECK(KeyStore::Create(options).ok());
  const auto keys = *KeyStore::Open(options);
  const double segment_us =
      Each(8, [&](int i) { CORDON_CHECK(keys->Provide(1, i * KeyStore::kSegmentKeys).ok()); });
  const double destroy_us = Each(8, [&](int i) {
    const uint64_t number = i * KeyStore::kSegmentKeys + 7;
    CORDON_CHECK(keys->Destroy(1, {&number, 1}).ok());
  });
  const std::string place(21, 'p');
  std::string line;
  for (const size_t bytes : {size_t{400}, size_t{4096}}) {  // a document, a chunk of 768 numbers
    const std::string text(bytes, 'x');
    std::string sealed, opened, copy;
    const double seal = Each(rounds, [&](int i) {
      sealed.clear();
      const auto key = keys->Find(1, static_cast<uint64_t>(i) % 4096 + 8).key;
      SealText(*key, *RandomSealNonce(), place, text, &sealed);
    });
    const auto key = keys->Find(1, 8).key;
    sealed.clear();
    SealText(*key, *RandomSealNonce(), place, text, &sealed);
    const double open = Each(rounds, [&](int) {
      CORDON_CHECK(OpenSealed(*keys->Find(1, 8).key, place, sealed, &opened));
    });
    const double copied = Each(rounds, [&](int i) {
      copy = text;
      copy[static_cast<size_t>(i) % bytes] = 'y';
    });
    line += fmt::format("\"seal_{0}_us\":{1:.2f},\"open_{0}_us\":{2:.2f},\"copy_{0}_us\":{3:.3f},",
                        bytes, seal, open, copied);
  }
  const HmacKey names(options.master);
  const double pseudonym = Each(rounds, [&](int i) { (void)names.Of(fmt::format("doc/{}", i)); });
  fmt::print(
      "{{{}\"pseudonym_us\":{:.2f},\"segment_ms\":{:.2f},\"destroy_ms\":{:.2f},"
      "\"keys_in_segment\":{}}}\n",
      line, pseudonym, segment_us / 1000, destroy_us / 1000, KeyStore::kSegmentKeys);
  fs::remove_all(dir);
  return 0;
}

}  // namespace
}  // namespace cordon::bench

int main(int argc, char** argv) {
  return cordon::bench::Run(argc > 1 ? std::atoi(argv[1]) : 200'000);
}
