// A story as its file tells it: what it proves, a world, and steps (README.md).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cordon/v1/admin.pb.h"
#include "cordon/v1/directory.pb.h"
#include "cordon/v1/policy.pb.h"
#include "tools/cordon/json_reader.h"

namespace cordon {

// One step: `verb: subject`, and what is said beside it, such as `through` or `refused`.
struct Step {
  int line = 0;
  std::string verb;
  JsonValue subject;
  std::map<std::string, JsonValue, std::less<>> beside;
};

struct Story {
  std::vector<std::string> proves;  // quotes from docs/DESIGN.md
  std::string about;
  std::string pending;  // what the story cannot show yet; empty: nothing

  v1::ApplyPolicyRequest policy;
  v1::ApplyDirectoryRequest directory;
  std::vector<v1::CollectionConfig> collections;  // `docs` if the file names none
  std::map<std::string, v1::KeyGrant> keys;       // by the story's own names
  std::vector<JsonValue> documents;
  std::vector<Step> steps;

  std::map<std::string, int> lines;  // where each part begins
  std::shared_ptr<JsonParser> text;  // what the values above point into
};

// Reads a file strictly: a key that no story has is refused. The refusal says where.
StatusOr<Story> ReadStory(const std::string& path);

// Readers that steps share with the head of a story.
Status ReadDirectory(JsonValue value, v1::ApplyDirectoryRequest* request);
Status ReadKeys(JsonValue value, std::map<std::string, v1::KeyGrant>* keys);
Status ReadCollections(JsonValue value, std::vector<v1::CollectionConfig>* collections);
// A string, or a list of strings.
Status ReadNames(JsonValue value, std::vector<std::string>* names);
// The value as JSON text, for readers of text.
std::string ToText(JsonValue value);

}  // namespace cordon
