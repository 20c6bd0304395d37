// How far the approximate count of tokens (engine/text/tokens.h) is from what real vocabularies of
// byte pairs need, by language and kind of text. Vocabularies are the user's, in the format that
// token_vocabulary takes; each kind has one line: its bytes, and of each vocabulary the tokens and
// the approximation as a part of them. Below 1 a budget lets more through than it says.
//
//   tokens VOCABULARY… [--file FILE…] [--out FILE]
//
// The texts are the first article of the Universal Declaration of Human Rights in some languages,
// and samples of what else stands in documents; --file adds the user's own.
#include "engine/text/tokens.h"

#include <fmt/format.h>
#include <fmt/os.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/token_samples.h"
#include "engine/text/byte_pairs.h"

namespace cordon {
namespace {

using Vocabularies = std::vector<std::unique_ptr<BytePairs>>;

// One line of the table, and of the report.
std::string Measure(const std::string& kind, const std::string& text,
                    const Vocabularies& vocabularies) {
  const auto approximate = ApproximateTokens(text);
  fmt::print("{:<28} {:>8} {:>8}", kind, text.size(), approximate);
  std::string json =
      fmt::format(R"({{"kind":"{}","bytes":{},"approximate":{})", kind, text.size(), approximate);
  for (const auto& vocabulary : vocabularies) {
    const size_t tokens = vocabulary->Count(text);
    const double part = static_cast<double>(approximate) / static_cast<double>(tokens);
    fmt::print(" {:>8} {:>6.2f}", tokens, part);
    json += fmt::format(R"(,"{}":{{"tokens":{},"part":{:.3f}}})", vocabulary->name(), tokens, part);
  }
  fmt::print("\n");
  return json + "}";
}

int Main(int argc, char** argv) {
  std::vector<std::string> paths, files;
  std::string out;
  CLI::App app("The approximate count of tokens beside real vocabularies");
  app.add_option("vocabularies", paths, "files, as token_vocabulary takes them")->required();
  app.add_option("--file", files, "texts of your own");
  app.add_option("--out", out, "writes the figures to this JSON file");
  CLI11_PARSE(app, argc, argv);
  Vocabularies vocabularies;
  for (const auto& path : paths) {
    auto vocabulary = BytePairs::Read(path);
    if (!vocabulary.ok()) {
      fmt::print(stderr, "{}\n", vocabulary.status().ToString());
      return 1;
    }
    vocabularies.push_back(*std::move(vocabulary));
  }
  fmt::print("{:<28} {:>8} {:>8}", "kind", "bytes", "approx.");
  for (const auto& vocabulary : vocabularies) fmt::print(" {:>15}", vocabulary->name());
  fmt::print("\n");
  std::vector<std::string> lines;
  for (const auto& [kind, text] : kTokenSamples) lines.push_back(Measure(kind, text, vocabularies));
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    if (!text.empty()) lines.push_back(Measure(file, text, vocabularies));
  }
  if (out.empty()) return 0;
  auto report = fmt::output_file(out);
  report.print("{{\"tokens\":[{}]}}\n", fmt::join(lines, ",\n"));
  return 0;
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) { return cordon::Main(argc, argv); }
