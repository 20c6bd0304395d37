// The floor under ingest: the same bytes as corpus.h's documents, put into RocksDB without an
// engine, one synced batch for each of ours. Reads commands from stdin, a line each:
//
//   write FROM COUNT BATCH
//
// and answers with one line of JSON. Usage: raw_store DIRECTORY DOCUMENTS [lifelike]
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "bench/corpus.h"

namespace cordon::bench {
namespace {

// What is stored for one document: one record about it, and one with its text and embedding.
struct Stored {
  std::string id;
  std::string about;
  std::string chunk;
};

Stored StoredOf(v1::Document document) {
  const v1::Chunk& chunk = document.chunks(0);
  Stored stored;
  stored.id = document.id();
  stored.chunk = chunk.text();
  stored.chunk.append(reinterpret_cast<const char*>(chunk.embedding().data()),
                      static_cast<size_t>(chunk.embedding_size()) * sizeof(float));
  document.clear_chunks();
  stored.about = document.SerializeAsString();
  return stored;
}

// Seconds that `documents` took, or a failure's text in `error`.
double Write(rocksdb::DB* store, const std::vector<Stored>& documents, size_t batch_size,
             std::string* error) {
  const auto start = std::chrono::steady_clock::now();
  rocksdb::WriteOptions options;
  options.sync = true;
  for (size_t from = 0; from < documents.size(); from += batch_size) {
    rocksdb::WriteBatch batch;
    for (size_t i = from; i < std::min(from + batch_size, documents.size()); ++i) {
      batch.Put("d" + documents[i].id, documents[i].about);
      batch.Put("c" + documents[i].id, documents[i].chunk);
    }
    if (const auto written = store->Write(options, &batch); !written.ok()) {
      *error = written.ToString();
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return took.count();
}

int Main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "raw_store DIRECTORY DOCUMENTS [lifelike]\n");
    return 2;
  }
  const bool lifelike = argc > 3 && std::string(argv[3]) == "lifelike";
  const Corpus corpus(std::stoul(argv[2]), lifelike ? Content::kLifelike : Content::kNoise);
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;  // embeddings do not compress
  options.write_buffer_size = 32 << 20;           // as ours
  options.max_background_jobs = 2;
  rocksdb::DB* opened = nullptr;
  if (const auto status = rocksdb::DB::Open(options, argv[1], &opened); !status.ok()) {
    fmt::print(stderr, "raw_store: {}\n", status.ToString());
    return 1;
  }
  const std::unique_ptr<rocksdb::DB> store(opened);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command, error;
    size_t from = 0, count = 0, batch = 1;
    words >> command >> from >> count >> batch;
    std::vector<Stored> documents;
    for (size_t i = 0; i < count; ++i) documents.push_back(StoredOf(corpus.MakeDocument(from + i)));
    const double seconds = Write(store.get(), documents, batch, &error);
    if (!error.empty()) {
      fmt::print("{{\"error\":\"RocksDB cannot write\"}}\n");
      fmt::print(stderr, "raw_store: {}\n", error);
      return 1;
    }
    fmt::print("{{\"chunks\":{},\"seconds\":{}}}\n", count, seconds);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace cordon::bench

int main(int argc, char** argv) { return cordon::bench::Main(argc, argv); }
