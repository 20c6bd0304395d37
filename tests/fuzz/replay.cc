// Stands in for libFuzzer where there is none: replays a target's corpus, then tries mutations of
// it.
//
//   fuzz_replay TARGET CORPUS            CORDON_SEED and CORDON_SOAK_S as in tests/effort.h
#include "tests/fuzz/replay.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "tests/effort.h"

namespace cordon {
namespace {

void Run(const FuzzTarget& target, const std::string& input) {
  target.run(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

std::vector<std::string> Corpus(const char* folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> inputs;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return inputs;
}

// One change: a byte set, flipped, inserted or dropped, a piece of another input put in, or the end
// cut off. The first byte, which often chooses what is tried, stays.
void Mutate(const std::vector<std::string>& corpus, Random* random, std::string* input) {
  const auto at = [&](size_t size) { return 1 + random->Below(size); };
  if (input->size() < 2) input->append("\x08\x01");
  const size_t place = at(input->size() - 1);
  switch (random->Below(6)) {
    case 0:
      (*input)[place] = static_cast<char>(random->Next());
      break;
    case 1:
      (*input)[place] = static_cast<char>((*input)[place] ^ (1 << random->Below(8)));
      break;
    case 2:
      input->insert(place, 1, static_cast<char>(random->Next()));
      break;
    case 3:
      input->erase(place, 1 + random->Below(4));
      break;
    case 4: {
      const std::string& other = corpus[random->Below(corpus.size())];
      if (other.size() > 1) input->insert(place, other.substr(at(other.size() - 1), at(32)));
      break;
    }
    default:
      input->resize(place);
  }
}

int Replay(const FuzzTarget& target, const char* folder) {
  const auto corpus = Corpus(folder);
  if (corpus.empty()) {
    fmt::print(stderr, "{} holds no input\n", folder);
    return 1;
  }
  for (const auto& input : corpus) Run(target, input);
  Effort effort(fmt::format("S7-fuzz_{}", target.name), target.rounds);
  Random random(effort.seed());
  while (effort.More()) {
    std::string input = corpus[random.Below(corpus.size())];
    for (uint64_t i = 1 + random.Below(4); i > 0; --i) Mutate(corpus, &random, &input);
    // The corpus does not try everything that can be chosen.
    if (random.OneIn(8)) input[0] = static_cast<char>(random.Next());
    Run(target, input);
  }
  effort.Report("corpus={}", corpus.size());
  return 0;
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) {
  if (argc == 3) {
    for (const auto& target : cordon::FuzzTargets()) {
      if (target.name == argv[1]) return cordon::Replay(target, argv[2]);
    }
  }
  fmt::print(stderr, "usage: {} TARGET CORPUS-FOLDER\n", argv[0]);
  return 2;
}
