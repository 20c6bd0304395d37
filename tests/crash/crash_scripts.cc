#include "tests/crash/crash_scripts.h"

#include <fmt/format.h>

#include <future>

#include "tests/crash/crash_points.h"
#include "tests/crash/in_process.h"
#include "tests/store/from_text.h"

namespace cordon {
namespace {

struct Sent {
  ExpectedFile::Driven* driven;
  std::future<StatusOr<Told>> answer;
};

Sent SendNext(InProcess* calls, ExpectedFile* expected, ExpectedFile::Driven* driven) {
  auto promise = std::make_shared<std::promise<StatusOr<Told>>>();
  Sent sent{driven, promise->get_future()};
  const Change change = expected->Begin(driven);
  calls->Send(driven->lane, change, [promise](StatusOr<Told> told) {
    ComeTo("acknowledge.before");
    promise->set_value(std::move(told));
  });
  return sent;
}

// One change of every lane, two of those that run ahead, all under way at once.
std::string Step(InProcess* calls, ExpectedFile* expected) {
  std::vector<Sent> sent;
  for (auto& driven : expected->lanes()) {
    sent.push_back(SendNext(calls, expected, &driven));
    if (driven.changes.kind() == RandomChanges::kIngest) {
      sent.push_back(SendNext(calls, expected, &driven));
    }
  }
  for (auto& one : sent) {
    const auto told = one.answer.get();
    if (!told.ok()) return one.driven->lane.name + ": " + told.status().ToString();
    expected->Acknowledge(one.driven, *told);
    ComeTo("acknowledge.after");
  }
  for (auto& driven : expected->lanes()) {
    if (driven.changes.kind() != RandomChanges::kDocuments) continue;
    const std::string user = driven.lane.users()[0];
    const auto answer = calls->Retrieve(driven.lane, Everything(user, kShared));
    if (!answer.ok()) return answer.status().ToString();
    const std::string wrong = driven.lane.Judge(user, *answer);
    if (!wrong.empty()) return user + wrong;
    ComeTo("answer.after");
  }
  return "";
}

}  // namespace

StatusOr<std::unique_ptr<Engine>> OpenAt(const CrashPaths& paths) {
  return Engine::Open({paths.data, Durability::kRequired, std::nullopt});
}

std::string ServeScript(const CrashPaths& paths, uint64_t seed, int steps) {
  ExpectedFile expected(paths.expected, seed);
  auto engine = OpenAt(paths);
  if (!engine.ok()) return engine.status().ToString();
  ComeTo("open.after");
  InProcess calls(engine->get());
  for (int step = 0; step < steps; ++step) {
    const std::string problem = Step(&calls, &expected);
    if (!problem.empty()) return problem;
    if (step != steps / 2) continue;
    const std::string tenant = fmt::format("t{}", expected.tenants().size());
    expected.BeginTenant(tenant);
    if (const Status made = calls.CreateTenant(tenant); !made.ok()) return made.ToString();
    expected.AcknowledgeTenant(tenant);
  }
  ComeTo("close.before");
  engine->reset();
  return "";
}

MadeKey FirstKey() { return {"default.k", "default.k.secret", "digest"}; }

std::string CreateScript(const CrashPaths& paths) {
  const Status created = CreateStore(paths.data, FirstKey(), /*dev=*/false);
  return created.ok() ? "" : created.ToString();
}

std::string SetUpStore(const CrashPaths& paths) {
  const std::string created = CreateScript(paths);
  if (!created.empty()) return created;
  auto engine = OpenAt(paths);
  if (!engine.ok()) return engine.status().ToString();
  Lane nobody;
  nobody.key_id = "default.setup";
  for (const Change& change :
       {Change(FromText<v1::CreateCollectionRequest>(
            "config { name: 'docs' dimension: 8 metric: METRIC_INNER_PRODUCT "
            "embedder: EMBEDDER_NONE }")),
        Change(FromText<v1::ApplyDirectoryRequest>(
            "principals { name: 'user:all' clearance { level: 'restricted' } }"))}) {
    std::promise<StatusOr<Told>> promise;
    InProcess(engine->get()).Send(nobody, change, [&](StatusOr<Told> told) {
      promise.set_value(std::move(told));
    });
    const auto told = promise.get_future().get();
    if (!told.ok()) return told.status().ToString();
  }
  return "";
}

Journal::Options RotatingJournal(const CrashPaths& paths) {
  return {.dir = paths.data.data_dir + "/journal/acme",
          .tenant = "acme",
          .key = *SecretKey::FromBytes(std::string(SecretKey::kBytes, 'k')),
          .file_bytes_max = 1000};
}

std::string RotateScript(const CrashPaths& paths) {
  auto journal = Journal::Open(RotatingJournal(paths), std::nullopt);
  if (!journal.ok()) return journal.status().ToString();
  while (true) {
    journal::v1::Record record;
    record.set_call("Retrieve");
    record.set_outcome("OK");
    const auto receipts = (*journal)->AppendBatch({record, record});
    if (!receipts.ok()) return receipts.status().ToString();
    AppendUnwatched(paths.expected, std::to_string(receipts->back().sequence()) + "\n");
    if (receipts->back().sequence() >= kRotatedRecords) return "";
  }
}

}  // namespace cordon
