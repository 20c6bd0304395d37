// Classic retrieval sets with relevance judgements, as folders hold them: corpus.jsonl.gz and
// queries.jsonl.gz {"_id","title","text"}, qrels.tsv, docs.* and queries.*.f16.npy in file order.
#pragma once

#include <fmt/format.h>
#include <simdjson.h>
#include <zlib.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "engine/base/check.h"

namespace cordon {

struct RelevanceSet {
  std::string name;
  std::vector<std::string> ids, texts;
  std::vector<std::vector<float>> vectors;  // by document
  std::vector<std::string> query_ids, queries;
  std::vector<std::vector<float>> query_vectors;
  std::map<std::string, std::map<std::string, int>> judged;  // by query: documents and grades
};

inline std::string ReadGzip(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  CORDON_CHECK(file != nullptr);
  std::string all(1 << 20, '\0');
  size_t size = 0;
  for (int got = 0;
       (got = gzread(file, all.data() + size, static_cast<unsigned>(all.size() - size))) > 0;) {
    size += static_cast<size_t>(got);
    if (size == all.size()) all.resize(2 * size);
  }
  gzclose(file);
  all.resize(size);
  return all;
}

inline void ReadLines(const std::string& path, std::vector<std::string>* ids,
                      std::vector<std::string>* texts) {
  std::istringstream lines(ReadGzip(path));
  simdjson::dom::parser parser;
  for (std::string line; std::getline(lines, line);) {
    const simdjson::dom::element value = parser.parse(line);
    std::string_view id, title, text;
    CORDON_CHECK(value["_id"].get_string().get(id) == simdjson::SUCCESS);
    CORDON_CHECK(value["text"].get_string().get(text) == simdjson::SUCCESS);
    if (value["title"].get_string().get(title) != simdjson::SUCCESS) title = "";
    ids->emplace_back(id);
    // Where the text begins with its title, the title is not counted twice.
    const bool held = title.empty() || text.starts_with(title);
    texts->push_back(held ? std::string(text) : fmt::format("{}\n{}", title, text));
  }
}

inline float HalfToFloat(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int fraction = half & 1023;
  const float size = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                   : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  return (half & 0x8000) != 0 ? -size : size;
}

// A .npy of f2, C order; `rows` of them.
inline std::vector<std::vector<float>> ReadHalves(const std::string& path, size_t rows) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  const std::string all = bytes.str();
  CORDON_CHECK(all.size() > 10 && all.substr(1, 5) == "NUMPY");
  const size_t begin = 10 + static_cast<uint8_t>(all[8]) + 256 * static_cast<uint8_t>(all[9]);
  const size_t dimension = (all.size() - begin) / 2 / rows;
  std::vector<std::vector<float>> vectors(rows, std::vector<float>(dimension));
  for (size_t i = 0; i < rows * dimension; ++i) {
    uint16_t half = 0;
    std::memcpy(&half, all.data() + begin + 2 * i, 2);
    vectors[i / dimension][i % dimension] = HalfToFloat(half);
  }
  return vectors;
}

inline RelevanceSet ReadRelevanceSet(const std::filesystem::path& folder) {
  RelevanceSet set;
  set.name = folder.filename();
  ReadLines(folder / "corpus.jsonl.gz", &set.ids, &set.texts);
  ReadLines(folder / "queries.jsonl.gz", &set.query_ids, &set.queries);
  set.vectors = ReadHalves(folder / "docs.lsa256.f16.npy", set.ids.size());
  set.query_vectors = ReadHalves(folder / "queries.lsa256.f16.npy", set.queries.size());
  std::ifstream judgements(folder / "qrels.tsv");
  std::string query, document, header;
  std::getline(judgements, header);
  for (int grade = 0; judgements >> query >> document >> grade;)
    set.judged[query][document] = grade;
  return set;
}

}  // namespace cordon
