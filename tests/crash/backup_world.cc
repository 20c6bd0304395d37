#include "tests/crash/backup_world.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <set>

#include "engine/crypto/key_file.h"
#include "engine/format.h"
#include "engine/journal/chain_reader.h"
#include "engine/restore.h"
#include "engine/verify_erased.h"
#include "engine/verify_journals.h"
#include "tests/engine/wait_until.h"
#include "tests/store/from_text.h"
#include "tests/store/proof.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

constexpr const char* kUsers[] = {"user:ana", "user:bob"};
constexpr int kKept = 6;
constexpr char kErasedWords[] = "zqerased words";
// Of the first backup: a collection, a directory and one batch.
constexpr uint64_t kFirstRevision = 3;
// By the order in which they are written.
constexpr uint64_t kErasedNumber = 8, kReplacedAnew = 11, kLate = 12;

template <typename Response, typename Request, typename Call>
Status Do(Engine* engine, Call call, const std::string& request) {
  return Asked<Response>(
             [&](auto done) { call(engine->WriteAs(Anyone()), FromText<Request>(request), done); })
      .status();
}

std::string Document(const std::string& id, const std::string& who, const std::string& text) {
  return fmt::format(
      "documents {{ id: '{}' acl {{ allow {{ principal: '{}' }} }} "
      "chunks {{ text: '{}' embedding: [1, 2] }} }} ",
      id, who, text);
}

Status Ingest(Engine* engine, const std::string& documents) {
  ASSIGN_OR_RETURN(const IngestedBatch batch, Asked<IngestedBatch>([&](auto done) {
                     IngestDocuments(engine->WriteAs(Anyone()),
                                     FromText<v1::IngestRequest>("collection: 'docs' " + documents),
                                     done);
                   }));
  return batch.response.refused_size() == 0 ? OkStatus() : Internal("a document was refused");
}

std::string KeptText(int number) { return fmt::format("kept {}", number); }

Status SetGroup(Engine* engine, const std::vector<std::string>& members) {
  std::string request = "principals { name: 'group:g' sets_members: true ";
  for (const auto& member : members) request += "members { principal: '" + member + "' } ";
  return Do<v1::ApplyDirectoryResponse, v1::ApplyDirectoryRequest>(engine, ApplyDirectory,
                                                                   request + "}");
}

// One revision each: kFirstRevision.
Status WriteFirst(Engine* engine) {
  RETURN_IF_ERROR((Do<v1::CreateCollectionResponse, v1::CreateCollectionRequest>(
      engine, CreateCollection,
      "config { name: 'docs' dimension: 2 metric: METRIC_INNER_PRODUCT embedder: EMBEDDER_NONE "
      "default_label { level: 'public' } }")));
  RETURN_IF_ERROR(SetGroup(engine, {"user:ana", "user:bob"}));
  std::string documents;
  for (int i = 0; i < kKept; ++i) {
    documents += Document(fmt::format("kept{}", i), "everyone", KeptText(i));
  }
  documents += Document("grouped", "group:g", "of a group");
  documents += Document("revoked", "everyone", "told to fewer");
  documents += Document("erased", "everyone", kErasedWords);
  documents += Document("deleted", "everyone", "deleted again");
  documents += Document("replaced", "everyone", "older");
  return Ingest(engine, documents);
}

bool IsVerified(Engine* engine, uint64_t revision) {
  v1::EraseStatusRequest request;
  request.set_collection("docs");
  request.set_revision(revision);
  const auto status = Asked<v1::EraseStatusResponse>(
      [&](auto done) { EraseStatus(engine->ReadAs(Anyone(), {}), request, done); });
  return status.ok() && status->verified();
}

Status EraseOne(Engine* engine) {
  const auto request = FromText<v1::EraseRequest>("collection: 'docs' document: 'erased'");
  ASSIGN_OR_RETURN(const auto erased, Asked<v1::EraseResponse>([&](auto done) {
                     Erase(engine->WriteAs(Anyone()), request, done);
                   }));
  const bool verified = WaitUntil([&] { return IsVerified(engine, erased.revision()); });
  return verified ? OkStatus() : Internal("no receipt");
}

Status WriteSecond(Engine* engine) {
  RETURN_IF_ERROR((Do<v1::SetAccessResponse, v1::SetAccessRequest>(
      engine, SetAccess,
      "collection: 'docs' document: 'revoked' acl { allow { principal: 'user:ana' } }")));
  RETURN_IF_ERROR(SetGroup(engine, {"user:ana"}));
  RETURN_IF_ERROR((Do<v1::DeleteResponse, v1::DeleteRequest>(
      engine, Delete, "collection: 'docs' document: 'deleted'")));
  RETURN_IF_ERROR(Ingest(
      engine, Document("replaced", "user:ana", "newer") + Document("late", "everyone", "later")));
  return EraseOne(engine);
}

Status MakeWorld(const BackupPaths& paths) {
  RETURN_IF_ERROR(CreateStore(paths.data, {"default.k", "default.k.secret", "digest"}, false));
  ASSIGN_OR_RETURN(const auto engine, OpenWorld(paths, paths.data));
  RETURN_IF_ERROR(WriteFirst(engine.get()));
  ASSIGN_OR_RETURN(const BackupInfo first, engine->Backup(/*keep=*/0));
  if (first.revision != kFirstRevision) return Internal("the first backup is of another revision");
  return WriteSecond(engine.get());
}

std::string LineOf(const std::string& user, const std::string& document, const std::string& text) {
  return fmt::format("{} {}: {}\n", user, document, text);
}

std::string SeenIn(bool restored) {
  std::string seen;
  for (const std::string user : kUsers) {
    std::set<std::string> lines;
    for (int i = 0; i < kKept; ++i) {
      lines.insert(LineOf(user, fmt::format("kept{}", i), KeptText(i)));
    }
    if (!restored) lines.insert(LineOf(user, "late", "later"));
    if (user == "user:ana") {
      lines.insert(LineOf(user, "grouped", "of a group"));
      lines.insert(LineOf(user, "revoked", "told to fewer"));
      lines.insert(LineOf(user, "replaced", restored ? "older" : "newer"));
    }
    for (const auto& line : lines) seen += line;
  }
  return seen;
}

std::string ReadAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(directory, none)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

bool Says(const Status& status, std::string_view words) {
  return status.message().find(words) != std::string_view::npos;
}

}  // namespace

StatusOr<std::unique_ptr<Engine>> OpenWorld(const BackupPaths& paths, const DataPaths& data) {
  Engine::Options options;
  options.paths = data;
  options.backup_dir = paths.backups;
  return Engine::Open(std::move(options));
}

StatusOr<std::string> Seen(Engine* engine) {
  std::string seen;
  for (const std::string user : kUsers) {
    auto request =
        FromText<v1::RetrieveRequest>("collection: 'docs' vector: [1, 1] k: 100 mode: MODE_EXACT");
    request.mutable_scope()->set_as(user);
    ASSIGN_OR_RETURN(const auto response, Asked<v1::RetrieveResponse>([&](auto done) {
                       Retrieve(engine->ReadAs(Anyone(), {}), request, done);
                     }));
    std::set<std::string> lines;
    for (const auto& passage : response.passages()) {
      lines.insert(LineOf(user, passage.document(), passage.text()));
    }
    for (const auto& line : lines) seen += line;
  }
  return seen;
}

std::string SeenNow() { return SeenIn(/*restored=*/false); }
std::string SeenRestored() { return SeenIn(/*restored=*/true); }

Status Touch(Engine* engine) { return Ingest(engine, Document("kept0", "everyone", KeptText(0))); }

void SetOldFormat(const DataPaths& data) {
  std::ofstream(data.Format(), std::ios::trunc) << "cordon 0\n";
}

std::vector<UpgradeStep> PlantedSteps() {
  return {{"cordon 0", "cordon 1", [](const DataPaths&) { return OkStatus(); }},
          {"cordon 1", kFormatVersion, [](const DataPaths&) {
             ComeTo("step.half");
             return OkStatus();
           }}};
}

std::string BackupScript(const ScriptRun& run) {
  const BackupPaths paths(run.root);
  if (run.script == "first") fs::remove_all(paths.backups);
  if (run.script == "upgrade") SetOldFormat(paths.data);
  HappensThere(run.mishap, {"backups", "restored"}, run.seed);
  DieAt(run.root, run.place, run.nth, /*sync_points=*/{});
  Status done;
  if (run.script == "restore") {
    done = RestoreStore(paths.backups, /*id=*/0, paths.restored).status();
  } else if (run.script == "upgrade") {
    done = Upgrade(paths.data, PlantedSteps()).status();
  } else {
    const auto engine = OpenWorld(paths, paths.data);
    done = engine.ok() ? (*engine)->Backup(/*keep=*/1).status() : engine.status();
  }
  if (!done.ok()) return done.ToString();
  AppendUnwatched(paths.acknowledged, "acknowledged\n");
  ComeTo("acknowledged");
  return "";
}

const std::string& BackupWorld::Prepared() {
  static const ScratchDirectory scratch;
  static const std::string prepared = [] {
    std::string root = scratch / "prepared";
    fs::create_directories(root);
    const Status made = MakeWorld(BackupPaths(root));
    EXPECT_TRUE(made.ok()) << made.ToString();
    return root;
  }();
  return prepared;
}

void BackupWorld::Begin() {
  fs::remove_all(root());
  fs::remove_all(root() + "-attic");
  fs::copy(Prepared(), root(), fs::copy_options::recursive);
}

bool BackupWorld::RestoreIsNoted() const {
  const DataPaths data = paths().data;
  const auto key = ReadKeyFile(data.JournalKey());
  EXPECT_TRUE(key.ok()) << key.status().ToString();
  if (!key.ok()) return false;
  const std::string tenant(kFirstTenant);
  journal::ChainReader reader(data.JournalOf(tenant), tenant, journal::ChainKeys(*key));
  bool noted = false;
  while (reader.Next()) noted = noted || reader.record().has_fork();
  return noted;
}

void BackupWorld::CheckStore() {
  const bool given_up = RestoreIsNoted();
  const auto engine = OpenWorld(paths(), paths().data);
  if (given_up) {
    ASSERT_FALSE(engine.ok()) << "a store is served that a restore has ended";
    EXPECT_EQ(engine.status().code(), StatusCode::kFailedPrecondition);
    EXPECT_TRUE(Says(engine.status(), "restored since")) << engine.status().ToString();
    return;
  }
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  const auto seen = Seen(engine->get());
  ASSERT_TRUE(seen.ok()) << seen.status().ToString();
  EXPECT_EQ(*seen, SeenNow());
}

void BackupWorld::CheckBackups(bool may_be_damaged) {
  const auto engine = OpenWorld(paths(), paths().data);
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  const auto seen = Seen(engine->get());
  ASSERT_TRUE(seen.ok()) << seen.status().ToString();
  EXPECT_EQ(*seen, SeenNow());
  const auto left = (*engine)->Backups(/*verify=*/true);
  if (!left.ok()) {
    EXPECT_EQ(Outcome(left), "FAILED_PRECONDITION: backup_dir") << left.status().ToString();
  } else {
    for (const auto& backup : *left) {
      EXPECT_TRUE(backup.whole == true || may_be_damaged) << "backup " << backup.id;
    }
  }
  const auto next = (*engine)->Backup(/*keep=*/1);
  ASSERT_TRUE(next.ok()) << next.status().ToString();
  const auto now = (*engine)->Backups(/*verify=*/true);
  ASSERT_TRUE(now.ok()) << now.status().ToString();
  ASSERT_EQ(now->size(), 1u);
  EXPECT_EQ(now->front().id, next->id);
  EXPECT_TRUE(now->front().whole == true);
  CheckNothingBeside(next->id);
}

void BackupWorld::CheckNothingBeside(uint32_t backup) const {
  const std::string name = std::to_string(backup);
  const std::string backups = paths().backups;
  for (const char* directory : {"/meta", "/private"}) {
    EXPECT_EQ(NamesIn(backups + directory), std::vector<std::string>{name}) << directory;
  }
  const std::string list = ReadAll(backups + "/meta/" + name);
  for (const auto& table : NamesIn(backups + "/shared_checksum")) {
    EXPECT_NE(list.find("/" + table + " "), list.npos) << table << " is of no backup";
  }
}

void BackupWorld::CheckNewest() {
  const auto newest = FindBackup(paths().backups, /*id=*/0);
  const auto restored = RestoreStore(paths().backups, /*id=*/0, paths().restored);
  if (!newest.ok()) {
    EXPECT_EQ(restored.status().code(), newest.status().code());
    return;
  }
  ASSERT_TRUE(restored.ok()) << restored.status().ToString();
  CheckWhole(newest->revision == kFirstRevision ? SeenRestored() : SeenNow());
}

void BackupWorld::CheckRestored() {
  CheckStore();
  const Status opened = OpenWorld(paths(), paths().restored).status();
  if (!opened.ok()) {
    EXPECT_FALSE(Acknowledged()) << opened.ToString();
    EXPECT_EQ(opened.code(), StatusCode::kFailedPrecondition) << opened.ToString();
    EXPECT_EQ(opened.field(), "data_dir") << opened.ToString();
    const bool nothing = NamesIn(paths().restored.data_dir).empty();
    EXPECT_TRUE(Says(opened, nothing ? "holds no store" : "same restore again"))
        << opened.ToString();
    const auto again = RestoreStore(paths().backups, /*id=*/0, paths().restored);
    ASSERT_TRUE(again.ok()) << again.status().ToString();
  }
  CheckWhole(SeenRestored());
}

void BackupWorld::CheckWhole(const std::string& expected) {
  {
    const auto engine = OpenWorld(paths(), paths().restored);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    const auto seen = Seen(engine->get());
    ASSERT_TRUE(seen.ok()) << seen.status().ToString();
    EXPECT_EQ(*seen, expected);
  }
  CheckErased();
  if (expected == SeenNow()) return;
  const auto keys = OpenKeys(paths().restored);
  ASSERT_TRUE(keys.ok()) << keys.status().ToString();
  EXPECT_EQ((*keys)->Find(1, 0).state, KeyStore::State::kThere);
  for (const uint64_t number : {kErasedNumber, kReplacedAnew, kLate}) {
    EXPECT_EQ((*keys)->Find(1, number).state, KeyStore::State::kDestroyed) << number;
  }
}

void BackupWorld::CheckErased() const {
  const auto searched = VerifyErased(paths().restored, {kErasedWords});
  ASSERT_TRUE(searched.ok()) << searched.status().ToString();
  for (const auto& found : searched->found) ADD_FAILURE() << found.file << ": " << found.where;
  const auto journals = VerifyJournals(paths().restored);
  EXPECT_TRUE(journals.ok() && journals->ok) << (journals.ok() ? journals->problem : "");
}

void BackupWorld::CheckUpgraded() {
  const DataPaths data = paths().data;
  const Status checked = CheckFormat(data, PlantedSteps());
  if (!checked.ok()) {
    EXPECT_FALSE(Acknowledged()) << checked.ToString();
    EXPECT_EQ(checked.code(), StatusCode::kFailedPrecondition) << checked.ToString();
    EXPECT_TRUE(Says(checked, "run cordond upgrade")) << checked.ToString();
    EXPECT_FALSE(OpenWorld(paths(), data).ok()) << "half of an upgrade is served";
    const auto upgraded = Upgrade(data, PlantedSteps());
    ASSERT_TRUE(upgraded.ok()) << upgraded.status().ToString();
  }
  EXPECT_EQ(ReadAll(data.Format()), std::string(kFormatVersion) + "\n");
  CheckStore();
}

}  // namespace cordon
