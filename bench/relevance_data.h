// Classic retrieval sets with relevance judgements, as folders hold them: corpus.jsonl.gz and
// queries.jsonl.gz {"_id","title","text"}, qrels.tsv, docs.* and queries.*.f16.npy in file order.
#pragma once

#include <fmt/format.h>
#include <simdjson.h>

#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "bench/numpy.h"
#include "engine/base/status.h"

namespace cordon {

struct RelevanceSet {
  std::string name;
  std::vector<std::string> ids, texts;
  std::vector<std::vector<float>> vectors;  // by document
  std::vector<std::string> query_ids, queries;
  std::vector<std::vector<float>> query_vectors;
  std::map<std::string, std::map<std::string, int>> judged;  // by query: documents and grades
};

inline Status ReadLines(const std::string& path, std::vector<std::string>* ids,
                        std::vector<std::string>* texts) {
  ASSIGN_OR_RETURN(const std::string all, ReadUnpacked(path));
  std::istringstream lines(all);
  simdjson::dom::parser parser;
  for (std::string line; std::getline(lines, line);) {
    simdjson::dom::element value;
    std::string_view id, title, text;
    if (parser.parse(line).get(value) != simdjson::SUCCESS ||
        value["_id"].get_string().get(id) != simdjson::SUCCESS ||
        value["text"].get_string().get(text) != simdjson::SUCCESS) {
      return Invalid("data",
                     fmt::format("{}: line {} has no _id or no text", path, ids->size() + 1));
    }
    if (value["title"].get_string().get(title) != simdjson::SUCCESS) title = "";
    ids->emplace_back(id);
    // Where the text begins with its title, the title is not counted twice.
    const bool held = title.empty() || text.starts_with(title);
    texts->push_back(held ? std::string(text) : fmt::format("{}\n{}", title, text));
  }
  return OkStatus();
}

// The vectors of so many documents or queries, in their order.
inline StatusOr<std::vector<std::vector<float>>> ReadVectors(const std::string& path, size_t rows) {
  ASSIGN_OR_RETURN(const Matrix matrix, ReadNumpy(path));
  if (matrix.rows != rows) {
    return Invalid("data", fmt::format("{} has {} rows, not {}", path, matrix.rows, rows));
  }
  std::vector<std::vector<float>> vectors;
  for (size_t i = 0; i < rows; ++i) {
    vectors.emplace_back(matrix.row(i), matrix.row(i) + matrix.columns);
  }
  return vectors;
}

// NOT_FOUND if a file is not there; other errors name what is wrong in which.
inline StatusOr<RelevanceSet> ReadRelevanceSet(const std::filesystem::path& folder) {
  RelevanceSet set;
  set.name = folder.filename();
  RETURN_IF_ERROR(ReadLines(folder / "corpus.jsonl.gz", &set.ids, &set.texts));
  RETURN_IF_ERROR(ReadLines(folder / "queries.jsonl.gz", &set.query_ids, &set.queries));
  ASSIGN_OR_RETURN(set.vectors, ReadVectors(folder / "docs.lsa256.f16.npy", set.ids.size()));
  ASSIGN_OR_RETURN(set.query_vectors,
                   ReadVectors(folder / "queries.lsa256.f16.npy", set.queries.size()));
  ASSIGN_OR_RETURN(const std::string all, ReadUnpacked(folder / "qrels.tsv"));
  std::istringstream judgements(all);
  std::string query, document, header;
  std::getline(judgements, header);
  for (int grade = 0; judgements >> query >> document >> grade;) {
    set.judged[query][document] = grade;
  }
  if (!judgements.eof() || set.judged.empty()) return Invalid("data", "qrels.tsv: unknown format");
  return set;
}

}  // namespace cordon
