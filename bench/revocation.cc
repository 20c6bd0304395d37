// How fast access is taken away, and what it costs those who read: from a revocation's submission
// to its acknowledgement, after which no retrieval may return the document; and lists changed in
// bulk mutations beside retrievals on the same engine.
//
//   revocation --dir DIR --out FILE [--quick] [WORLD…]
//
//   DIR: an empty folder on the disk to measure; WORLD: text of permission_world.h
#include <fmt/format.h>
#include <fmt/os.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "bench/access_engine.h"
#include "bench/permission_world.h"
#include "bench/revoked.h"
#include "bench/times.h"
#include "bench/world_revocations.h"
#include "engine/base/random.h"
#include "engine/index/blas_core.h"

namespace cordon::bench {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr size_t kDimension = 384;
constexpr size_t kGroups = 2000;
constexpr size_t kCallers = 50;
constexpr size_t kBatch = 1000;  // documents of one bulk change

std::string GroupOf(size_t number) { return fmt::format("group:{}", number % kGroups); }
std::string UserOf(size_t number) { return fmt::format("user:{}", number); }

// Documents, groups and callers.
class Site : public AccessEngine {
 public:
  Site(const std::string& dir, size_t documents)
      : AccessEngine(dir, kDimension), documents_(documents), random_(11) {
    MakeGroups();
    for (size_t at = 0; at < documents; at += 2000) Fill(at, std::min(at + 2000, documents));
  }

  size_t documents() const { return documents_; }

  // Asks as `user` for what a random vector is near to.
  void AskAnything(Random* random, const std::string& user) { Ids(user, Vector(random->Next())); }

  bool Sees(const std::string& user, size_t document) {
    const auto ids = Ids(user, Vector(document));
    return std::find(ids.begin(), ids.end(), IdOf(document)) != ids.end();
  }

  // A list of one principal, or of a container.
  void Give(size_t document, const std::string& who) {
    const bool container = who.starts_with("folder:");
    SetAccess(IdOf(document), container ? AclOf({}, {who}) : AclOf({who}));
  }

  // Sends new lists for kBatch documents drawn at random.
  std::future<StatusOr<v1::SetAccessManyResponse>> SetAccessMany(Random* random) {
    v1::SetAccessManyRequest request;
    request.set_collection(kDocs);
    const size_t first = random->Below(documents_);
    // Prime to 10, as documents_ is a multiple of: no document twice.
    const size_t step = 1 + 10 * random->Below(10);
    for (size_t i = 0; i < kBatch; ++i) {
      auto* change = request.add_changes();
      change->set_document(IdOf((first + i * step) % documents_));
      *change->mutable_acl() = List(random);
    }
    return Start<v1::SetAccessManyResponse>(
        [&](auto done) { cordon::SetAccessMany(Writing(), std::move(request), std::move(done)); });
  }

 private:
  static std::string IdOf(size_t document) { return fmt::format("d{}", document); }
  static std::vector<float> Vector(uint64_t seed) {
    Random random(seed);
    std::vector<float> vector(kDimension);
    for (float& number : vector) number = static_cast<float>(random.Unit() - 0.5);
    return vector;
  }
  static v1::Acl List(Random* random) {
    v1::Acl acl;
    for (int e = 0; e < 8; ++e) {
      acl.add_allow()->set_principal(GroupOf(random->Below(kGroups)));
    }
    return acl;
  }
  void MakeGroups() {
    v1::ApplyDirectoryRequest request;
    for (size_t g = 0; g < kGroups; ++g) {
      std::vector<std::string> members;
      for (size_t u = 0; u < kCallers; ++u) {
        if (random_.Below(100) == 0) members.push_back(UserOf(u));
      }
      AddGroup(GroupOf(g), members, &request);
    }
    Apply(request);
  }
  void Fill(size_t begin, size_t end) {
    v1::IngestRequest request;
    request.set_collection(kDocs);
    for (size_t d = begin; d < end; ++d) {
      auto* document = request.add_documents();
      document->set_id(IdOf(d));
      *document->mutable_acl() = List(&random_);
      auto* chunk = document->add_chunks();
      chunk->set_text("text");
      for (const float number : Vector(d)) chunk->add_embedding(number);
    }
    Ingest(request);
  }

  const size_t documents_;
  Random random_;
};

// Closed loop of one reader for so long: microseconds of each retrieval.
std::vector<double> ReadFor(Site* site, double seconds, uint64_t seed) {
  Random random(seed);
  std::vector<double> us;
  for (const auto start = Clock::now(); MicrosSince(start) < seconds * 1e6;) {
    const std::string user = UserOf(random.Below(kCallers));
    const auto began = Clock::now();
    site->AskAnything(&random, user);
    us.push_back(MicrosSince(began));
  }
  return us;
}

// Changes lists until `stop`, at most `per_s` a second (0: as many as go); how many were changed.
size_t ChangeUntil(Site* site, double per_s, const std::atomic<bool>* stop) {
  Random random(13);
  std::deque<std::future<StatusOr<v1::SetAccessManyResponse>>> waiting;
  size_t changed = 0, sent = 0;
  const auto settle = [&] {
    CORDON_CHECK(waiting.front().get().ok());
    waiting.pop_front();
    changed += kBatch;
  };
  const auto start = Clock::now();
  while (!*stop) {
    if (per_s > 0 && static_cast<double>(sent) > MicrosSince(start) / 1e6 * per_s) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    waiting.push_back(site->SetAccessMany(&random));
    sent += kBatch;
    if (waiting.size() == 2) settle();
  }
  while (!waiting.empty()) settle();
  return changed;
}

json BulkChanges(Site* site, size_t rounds, double seconds) {
  constexpr double kPerSecond = 15'000;
  json out = {{"documents", site->documents()},
              {"dimension", kDimension},
              {"batch", kBatch},
              {"asked_per_s", kPerSecond}};
  ReadFor(site, seconds, 1);  // warms up
  for (size_t round = 0; round < rounds; ++round) {
    AwaitRest();  // changes of the round before make lists anew
    const auto idle = ReadFor(site, seconds, 2 * round);
    std::atomic<bool> stop = false;
    const auto start = Clock::now();
    auto changing = std::async(std::launch::async, ChangeUntil, site, kPerSecond, &stop);
    const auto busy = ReadFor(site, seconds, 2 * round + 1);
    stop = true;
    const size_t changed = changing.get();
    out["paced_per_s"].push_back(static_cast<double>(changed) / MicrosSince(start) * 1e6);
    for (const auto& [name, us] : {std::pair{"idle", &idle}, {"busy", &busy}}) {
      out[fmt::format("{}_p50_us", name)].push_back(At(*us, 0.5));
      out[fmt::format("{}_p99_us", name)].push_back(At(*us, 0.99));
    }
    stop = false;
    const auto alone = Clock::now();
    changing = std::async(std::launch::async, ChangeUntil, site, 0.0, &stop);
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stop = true;
    out["alone_per_s"].push_back(static_cast<double>(changing.get()) / MicrosSince(alone) * 1e6);
  }
  return out;
}

// Takes documents drawn at random from `user`, to whom they are given before.
template <typename Grant, typename Revoke>
json Revocations(Site* site, size_t times, const std::string& user, Grant grant, Revoke revoke) {
  Random random(17);
  std::vector<size_t> drawn(times);
  for (size_t& document : drawn) document = random.Below(site->documents());
  return Revoked(
      times, [&](size_t i) { grant(drawn[i]); },
      [&](size_t i) { return site->Sees(user, drawn[i]); }, [&](size_t i) { revoke(drawn[i]); });
}

json AllRevocations(Site* site, size_t times) {
  const std::string ana = "user:ana", bob = "user:bob";
  const std::string group = "group:of-ana", folder = "folder:/x";
  site->SetMembers(group, {ana});
  json out;
  out["list"] = Revocations(
      site, times, ana, [&](size_t d) { site->Give(d, ana); },
      [&](size_t d) { site->Give(d, bob); });
  out["group"] = Revocations(
      site, times, ana,
      [&](size_t d) {
        site->SetMembers(group, {ana});
        site->Give(d, group);
      },
      [&](size_t) { site->SetMembers(group, {bob}); });
  out["container"] = Revocations(
      site, times, ana,
      [&](size_t d) {
        site->SetContainer(folder, {ana});
        site->Give(d, folder);
      },
      [&](size_t) { site->SetContainer(folder, {bob}); });
  return out;
}

void Run(const std::string& dir, const std::string& out_path,
         const std::vector<std::string>& worlds, bool quick) {
  json out = {{"quick", quick}};
  {
    Site site(dir + "/made", quick ? 20'000 : 100'000);
    AwaitRest();  // the lists are trained beside the calls
    out["revoke"] = AllRevocations(&site, quick ? 50 : 300);
    out["bulk"] = BulkChanges(&site, quick ? 3 : 7, quick ? 1.0 : 2.0);
  }
  for (size_t i = 0; i < worlds.size(); ++i) {
    const std::string folder = fmt::format("{}/world-{}", dir, i);
    out["real"].push_back(RevokeInWorld(folder, ReadPermissions(worlds[i]), quick ? 20 : 200));
  }
  fmt::output_file(out_path).print("{}\n", out.dump(1));
}

}  // namespace
}  // namespace cordon::bench

int main(int argc, char** argv) {
  cordon::ChooseBlasCore();
  CLI::App app("measures revocations and bulk changes of lists");
  std::string dir, out;
  std::vector<std::string> worlds;
  bool quick = false;
  app.add_option("WORLD", worlds);
  app.add_option("--dir", dir)->required();
  app.add_option("--out", out)->required();
  app.add_flag("--quick", quick);
  CLI11_PARSE(app, argc, argv);
  cordon::bench::Run(dir, out, worlds, quick);
}
