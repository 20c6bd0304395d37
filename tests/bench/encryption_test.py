"""Whom perf's samples are counted for. perf itself is not run."""

import re
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

import encryption
import perf_samples

VIEW = "std::basic_string_view<char, std::char_traits<char> >"
CIPHER = "/usr/lib/x86_64-linux-gnu/libcrypto.so.3"
SEAL = f"cordon::SealText(cordon::SecretKey const&, {VIEW}, std::string*)"
MAC = f"cordon::HmacSha256(cordon::SecretKey const&, {VIEW})"


def sample(*symbols, file="/build/bin/cordond"):
    """As perf script prints it: the function that runs is in `file`."""
    files = [file] + ["/build/bin/cordond"] * (len(symbols) - 1)
    frames = zip(symbols, files)
    return "".join(f"\t    55d0c3a4b5e6 {symbol} ({of})\n" for symbol, of in frames)


def parts(*samples):
    return [encryption.part_of(*stack) for stack in perf_samples.stacks("\n".join(samples) + "\n")]


class Parts(unittest.TestCase):
    def test_by_who_called(self):
        unknown = "[unknown]"
        put = f"cordon::Vault::Put(cordon::Family, {VIEW}, cordon::SecretKey const&)"
        segment = "cordon::KeyStore::Provide(unsigned int, unsigned long)"
        file = "cordon::SealedFileWriter::Seal(bool)"
        self.assertEqual(
            parts(
                sample(unknown, SEAL, put, file=CIPHER),
                sample(unknown, SEAL, segment, file=CIPHER),
                sample(unknown, SEAL, file, file=CIPHER),
                sample(unknown, f"cordon::OpenSealed(cordon::SecretKey const&, {VIEW}, char*)"),
            ),
            [encryption.SEALED, encryption.KEYS, encryption.INDEX_FILES, encryption.OPENED],
        )

    def test_digests_are_told_apart(self):
        of = f"cordon::HmacKey::Of({VIEW}) const"
        self.assertEqual(
            parts(
                sample("SHA256_Update", of, f"cordon::Vault::Pseudonym[abi:cxx11]({VIEW}) const"),
                sample("SHA256_Update", of, f"cordon::Pseudonyms::Of[abi:cxx11]({VIEW}) const"),
                sample("SHA256_Update", of, MAC, "cordon::(anonymous namespace)::Append(int)"),
                sample("SHA256_Update", of, "cordon::Writer::Submit(cordon::Pending*)"),
                sample("SHA256_Final", f"cordon::Sha256({VIEW})", "cordon::ApiKeys::Find()"),
            ),
            [encryption.NAMES, encryption.JOURNAL_NAMES, encryption.CHAIN]
            + [encryption.DIGESTS] * 2,
        )

    def test_what_a_function_takes_is_not_who_called(self):
        open_store = "cordon::Engine::Open(cordon::KeyStore::Options const&)"
        self.assertEqual(parts(sample("memcpy", open_store)), [None])

    def test_without_callers(self):
        self.assertEqual(parts(sample("[unknown]", file=CIPHER)), [encryption.UNPLACED])
        self.assertEqual(parts(sample("[unknown]", file="/lib/librocksdb.so")), [None])

    def test_what_parts_are_known_by_is_in_the_engine(self):
        headers = sorted((ROOT / "engine").rglob("*.h"))
        code = "".join(path.read_text(encoding="utf-8") for path in headers)
        patterns = [pattern for _, *patterns in encryption.PARTS for pattern in patterns]
        names = re.findall(r"[A-Z]\w+", " ".join(patterns))
        self.assertEqual([name for name in names if name not in code], [])

    def test_every_part_is_counted_somewhere(self):
        named = {part for part, *_ in encryption.PARTS} | {encryption.UNPLACED}
        self.assertEqual(named, set(encryption.ENCRYPTION + encryption.BESIDE))


if __name__ == "__main__":
    unittest.main()
