// How fast access is taken away, and what it costs those who read: from a revocation's submission
// to its acknowledgement, after which no retrieval may return the document; and lists changed in
// bulk mutations beside retrievals on the same engine.
//
//   revocation --dir DIR --out FILE [--quick]         DIR: an empty folder on the disk to measure
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

#include "bench/bench_engine.h"
#include "engine/base/check.h"
#include "engine/base/random.h"
#include "engine/engine.h"
#include "tests/store/proof.h"

namespace cordon::bench {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr size_t kDimension = 384;
constexpr size_t kGroups = 2000;
constexpr size_t kCallers = 50;
constexpr size_t kBatch = 1000;  // documents of one bulk change

double MicrosSince(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

double At(std::vector<double> values, double part) {
  CORDON_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(part * static_cast<double>(values.size() - 1))];
}

std::string GroupOf(size_t number) { return fmt::format("group:{}", number % kGroups); }
std::string UserOf(size_t number) { return fmt::format("user:{}", number); }

// An engine with documents, groups and callers.
class Site {
 public:
  Site(const std::string& dir, size_t documents) : documents_(documents), random_(11) {
    const DataPaths paths{dir, "", ""};
    CORDON_CHECK(CreateStore(paths, {"default.k", "default.k.s", "digest"}, false).ok());
    Engine::Options options;
    options.paths = paths;
    options.read_durability = Durability::kBuffered;
    auto opened = Engine::Open(std::move(options));
    CORDON_CHECK(opened.ok());
    engine_ = *std::move(opened);
    MakeCollection();
    MakeGroups();
    for (size_t at = 0; at < documents; at += 2000) Ingest(at, std::min(at + 2000, documents));
  }

  size_t documents() const { return documents_; }
  Engine& engine() { return *engine_; }

  // Ids that a caller gets for a random query; `only` narrows to what resembles a document.
  std::vector<std::string> Retrieve(Random* random, const std::string& user,
                                    std::optional<size_t> like = std::nullopt) {
    v1::RetrieveRequest request;
    request.set_collection("docs");
    request.mutable_scope()->set_as(user);
    request.mutable_scope()->set_destination("dev");
    request.set_omit_text(true);
    for (const float number : Vector(like ? *like : random->Next())) request.add_vector(number);
    const auto response = Done<v1::RetrieveResponse>(
        [&](auto done) { cordon::Retrieve(engine_->ReadAs(app_, {}), request, done); });
    std::vector<std::string> ids;
    for (const auto& passage : response.passages()) ids.push_back(passage.document());
    return ids;
  }

  // A list of one principal, or of a container.
  void SetAccess(size_t document, const std::string& who) {
    v1::SetAccessRequest request;
    request.set_collection("docs");
    request.set_document(fmt::format("d{}", document));
    if (who.starts_with("folder:")) {
      request.mutable_acl()->add_inherit(who);
    } else {
      request.mutable_acl()->add_allow()->set_principal(who);
    }
    Done<v1::SetAccessResponse>(
        [&](auto done) { cordon::SetAccess(engine_->WriteAs(app_), request, done); });
  }
  void SetMembers(const std::string& group, const std::vector<std::string>& users) {
    v1::ApplyDirectoryRequest request;
    auto* record = request.add_principals();
    record->set_name(group);
    record->set_sets_members(true);
    for (const auto& user : users) record->add_members()->set_principal(user);
    Apply(request);
  }
  void SetContainer(const std::string& name, const std::string& who) {
    v1::ApplyPolicyRequest request;
    auto* container = request.add_containers()->mutable_container();
    container->set_name(name);
    container->mutable_acl()->add_allow()->set_principal(who);
    Done<v1::ApplyPolicyResponse>(
        [&](auto done) { ApplyPolicy(engine_->WriteAs(app_), request, done); });
  }

  // Sends new lists for kBatch documents drawn at random.
  std::future<StatusOr<v1::SetAccessManyResponse>> SetAccessMany(Random* random) {
    v1::SetAccessManyRequest request;
    request.set_collection("docs");
    const size_t first = random->Below(documents_);
    // Prime to 10, as documents_ is a multiple of: no document twice.
    const size_t step = 1 + 10 * random->Below(10);
    for (size_t i = 0; i < kBatch; ++i) {
      auto* change = request.add_changes();
      change->set_document(fmt::format("d{}", (first + i * step) % documents_));
      *change->mutable_acl() = List(random);
    }
    return Start<v1::SetAccessManyResponse>([&](auto done) {
      cordon::SetAccessMany(engine_->WriteAs(app_), std::move(request), std::move(done));
    });
  }

 private:
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
  void MakeCollection() {
    v1::CreateCollectionRequest request;
    auto* config = request.mutable_config();
    config->set_name("docs");
    config->set_dimension(kDimension);
    config->set_metric(v1::METRIC_COSINE);
    config->set_embedder(v1::EMBEDDER_NONE);
    Done<v1::CreateCollectionResponse>(
        [&](auto done) { CreateCollection(engine_->WriteAs(app_), request, done); });
  }
  void MakeGroups() {
    v1::ApplyDirectoryRequest request;
    for (size_t g = 0; g < kGroups; ++g) {
      auto* record = request.add_principals();
      record->set_name(GroupOf(g));
      record->set_sets_members(true);
      for (size_t u = 0; u < kCallers; ++u) {
        if (random_.Below(100) == 0) record->add_members()->set_principal(UserOf(u));
      }
    }
    Apply(request);
  }
  void Apply(const v1::ApplyDirectoryRequest& request) {
    Done<v1::ApplyDirectoryResponse>(
        [&](auto done) { ApplyDirectory(engine_->WriteAs(app_), request, done); });
  }
  void Ingest(size_t begin, size_t end) {
    v1::IngestRequest request;
    request.set_collection("docs");
    for (size_t d = begin; d < end; ++d) {
      auto* document = request.add_documents();
      document->set_id(fmt::format("d{}", d));
      *document->mutable_acl() = List(&random_);
      document->mutable_label()->set_level("public");
      auto* chunk = document->add_chunks();
      chunk->set_text("text");
      for (const float number : Vector(d)) chunk->add_embedding(number);
    }
    const auto ingested = Done<IngestedBatch>(
        [&](auto done) { IngestDocuments(engine_->WriteAs(app_), request, done); });
    CORDON_CHECK(ingested.response.accepted() == end - begin);
  }

  const size_t documents_;
  Random random_;
  std::unique_ptr<Engine> engine_;
  const Authenticated app_ = Anyone();
};

// Closed loop of one reader for so long: microseconds of each retrieval.
std::vector<double> ReadFor(Site* site, double seconds, uint64_t seed) {
  Random random(seed);
  std::vector<double> us;
  for (const auto start = Clock::now(); MicrosSince(start) < seconds * 1e6;) {
    const std::string user = UserOf(random.Below(kCallers));
    const auto began = Clock::now();
    site->Retrieve(&random, user);
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

// Grants, sees, revokes, and must not see: times of the revocations.
template <typename Grant, typename Revoke>
json Revocations(Site* site, size_t times, const std::string& user, Grant grant, Revoke revoke) {
  Random random(17);
  std::vector<double> us;
  size_t late = 0;
  const auto sees = [&](size_t document) {
    const auto ids = site->Retrieve(&random, user, document);
    return std::find(ids.begin(), ids.end(), fmt::format("d{}", document)) != ids.end();
  };
  for (size_t i = 0; i < times; ++i) {
    const size_t document = random.Below(site->documents());
    grant(document);
    CORDON_CHECK(sees(document));
    const auto start = Clock::now();
    revoke(document);
    us.push_back(MicrosSince(start));
    late += sees(document);
  }
  return {{"times", times}, {"late", late}, {"p50_us", At(us, 0.5)}, {"p100_us", At(us, 1)}};
}

json AllRevocations(Site* site, size_t times) {
  const std::string ana = "user:ana", group = "group:of-ana", folder = "folder:/x";
  site->SetMembers(group, {ana});
  json out;
  out["list"] = Revocations(
      site, times, ana, [&](size_t d) { site->SetAccess(d, ana); },
      [&](size_t d) { site->SetAccess(d, "user:bob"); });
  out["group"] = Revocations(
      site, times, ana,
      [&](size_t d) {
        site->SetMembers(group, {ana});
        site->SetAccess(d, group);
      },
      [&](size_t) { site->SetMembers(group, {"user:bob"}); });
  out["container"] = Revocations(
      site, times, ana,
      [&](size_t d) {
        site->SetContainer(folder, ana);
        site->SetAccess(d, folder);
      },
      [&](size_t) { site->SetContainer(folder, "user:bob"); });
  return out;
}

void Run(const std::string& dir, const std::string& out_path, bool quick) {
  Site site(dir, quick ? 20'000 : 100'000);
  AwaitRest();  // the lists are trained beside the calls
  json out = {{"quick", quick}};
  out["revoke"] = AllRevocations(&site, quick ? 50 : 300);
  out["bulk"] = BulkChanges(&site, quick ? 3 : 7, quick ? 1.0 : 2.0);
  fmt::output_file(out_path).print("{}\n", out.dump(1));
}

}  // namespace
}  // namespace cordon::bench

int main(int argc, char** argv) {
  CLI::App app("measures revocations and bulk changes of lists");
  std::string dir, out;
  bool quick = false;
  app.add_option("--dir", dir)->required();
  app.add_option("--out", out)->required();
  app.add_flag("--quick", quick);
  CLI11_PARSE(app, argc, argv);
  cordon::bench::Run(dir, out, quick);
}
