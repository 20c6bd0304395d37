#include "tools/cordon/yaml_document.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>

#include <sstream>
#include <string>

namespace cordon {
namespace {

// Sees a document's events and keeps nothing.
class Ignored : public YAML::EventHandler {
 public:
  using Mark = YAML::Mark;
  using Anchor = YAML::anchor_t;
  using Style = YAML::EmitterStyle::value;
  void OnDocumentStart(const Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const Mark&, Anchor) override {}
  void OnAlias(const Mark&, Anchor) override {}
  void OnScalar(const Mark&, const std::string&, Anchor, const std::string&) override {}
  void OnSequenceStart(const Mark&, const std::string&, Anchor, Style) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const Mark&, const std::string&, Anchor, Style) override {}
  void OnMapEnd() override {}
};

// Not by YAML::LoadAll, which for a stray "]" makes documents without end (yaml-cpp 0.7).
Status CheckOneDocument(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Ignored ignored;
  if (!parser.HandleNextDocument(ignored))
    return Invalid("", "must be one YAML document, and is empty");
  if (!parser.HandleNextDocument(ignored)) return OkStatus();
  return Invalid("", "must be one YAML document, and goes on after its end");
}

}  // namespace

StatusOr<YAML::Node> ReadYaml(std::string_view text) {
  try {
    const std::string copy(text);
    RETURN_IF_ERROR(CheckOneDocument(copy));
    return YAML::Load(copy);
  } catch (const YAML::Exception& error) {
    return Invalid(
        "", fmt::format("line {}: not YAML: {}; correct it", error.mark.line + 1, error.msg));
  }
}

}  // namespace cordon
