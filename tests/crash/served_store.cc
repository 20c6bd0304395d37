#include "tests/crash/served_store.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "engine/verify_erased.h"
#include "tests/store/from_text.h"

namespace cordon {
namespace {

constexpr char kCollection[] =
    "config { name: 'docs' dimension: 8 metric: METRIC_INNER_PRODUCT embedder: EMBEDDER_NONE }";
constexpr char kClearance[] = "principals { name: 'user:all' clearance { level: 'restricted' } }";
constexpr char kGrant[] =
    "grant { rights: RIGHT_QUERY rights: RIGHT_INGEST rights: RIGHT_LABEL rights: RIGHT_GRANT "
    "rights: RIGHT_ADMIN rights: RIGHT_AUDIT rights: RIGHT_ACT_AS rights: RIGHT_ERASE as_patterns: "
    "'*' "
    "clearance { symbol: SYMBOL_ALL } collections: '*' destinations: 'dev' }";

}  // namespace

void CheckKeysWork(const LaneState& state, const Stubs& stubs) {
  for (const auto& [principal, key] : state.keys) {
    EXPECT_TRUE(key.bearer.empty() || stubs.Knows(key.bearer)) << principal;
  }
  for (const auto& bearer : state.revoked) {
    EXPECT_FALSE(stubs.Knows(bearer)) << "a revoked key is back";
  }
}

void CheckJournal(const Stubs& stubs, const std::string& bearer) {
  v1::VerifyJournalResponse verified;
  const auto asked = stubs.admin->VerifyJournal(Stubs::As(bearer).get(), {}, &verified);
  EXPECT_TRUE(asked.ok() && verified.ok()) << asked.error_message() << verified.problem();
}

ServedStore::ServedStore(uint64_t seed)
    : server_(scratch_ / "data", scratch_ / "log", {"--backup-dir", scratch_ / "backups"}),
      witness_({scratch_ / "data", "", ""}) {
  for (int i = 0; i < 3; ++i) {
    clients_.push_back(std::make_unique<Client>("L" + std::to_string(i), RandomChanges::kDocuments,
                                                seed + static_cast<uint64_t>(i)));
  }
  for (int i = 0; i < 2; ++i) {
    clients_.push_back(std::make_unique<Client>("S" + std::to_string(i), RandomChanges::kIngest,
                                                seed + 10 + static_cast<uint64_t>(i)));
  }
  clients_.push_back(std::make_unique<Client>("a", RandomChanges::kAdmin, seed + 20));
  clients_.push_back(std::make_unique<Client>("f", RandomChanges::kFiled, seed + 30));
  Connect();
  Told told;
  for (const Change& change : {Change(FromText<v1::CreateCollectionRequest>(kCollection)),
                               Change(FromText<v1::ApplyDirectoryRequest>(kClearance))}) {
    const auto made = stubs_->Send(admin_, change, &told);
    EXPECT_TRUE(made.ok()) << made.error_message();
  }
  for (const auto& client : clients_) {
    MakeKey(client.get());
    view_.push_back(client.get());
  }
}

void ServedStore::Connect() {
  ASSERT_TRUE(server_.Start()) << server_.Log();
  std::ifstream(scratch_ / "data/dev/admin.key") >> admin_;
  stubs_ = std::make_unique<Stubs>(server_.address());
}

void ServedStore::MakeKey(Client* client) {
  auto request = FromText<v1::CreateKeyRequest>(kGrant);
  request.mutable_grant()->set_principal("service:" + client->lane.name);
  Told told;
  const auto made = stubs_->Send(admin_, request, &told);
  ASSERT_TRUE(made.ok()) << made.error_message();
  client->bearer = told.bearer;
  client->lane.key_id = told.key_id;
}

void ServedStore::RestartAndCheck() {
  stubs_.reset();
  ASSERT_NO_FATAL_FAILURE(Connect());
  std::vector<Lane*> lanes;
  for (const auto& client : clients_) lanes.push_back(&client->lane);
  for (const auto& problem :
       CheckRestarted(lanes, stubs_->AskedBy(clients_[0]->bearer), &witness_)) {
    ADD_FAILURE() << problem;
  }
  for (const auto& client : clients_) {
    CheckKeysWork(client->lane.state, *stubs_);
    auto& revoked = client->lane.state.revoked;
    if (revoked.size() > 8) revoked.erase(revoked.begin(), revoked.end() - 8);
  }
  CheckJournal(*stubs_, clients_[0]->bearer);
}

bool ServedStore::AwaitIndexFile() const {
  using std::chrono::steady_clock;
  namespace fs = std::filesystem;
  const auto until = steady_clock::now() + std::chrono::seconds(10);
  for (; steady_clock::now() < until; std::this_thread::sleep_for(std::chrono::microseconds(50))) {
    std::error_code gone;
    for (fs::directory_iterator file(scratch_ / "data/index", gone), end; !gone && file != end;
         file.increment(gone)) {
      if (file->path().extension() == ".tmp") return true;
    }
  }
  return false;
}

void ServedStore::CheckErased() {
  const DataPaths paths{scratch_ / "data", "", ""};
  const auto keys = OpenKeys(paths);
  ASSERT_TRUE(keys.ok()) << keys.status().ToString();
  const std::vector<std::string> words = Erased();
  for (const IndexFileName& name : ListIndexFiles(paths.Index())) {
    const auto text = ReadIndexFile(paths.Index(), name, (*keys)->file_keys());
    if (text.status().code() == StatusCode::kNotFound) continue;  // its key is destroyed
    ASSERT_TRUE(text.ok()) << text.status().ToString();
    for (const auto& word : words) {
      EXPECT_EQ(text->find(word), std::string::npos) << word << " is in " << name.text();
    }
  }
}

void ServedStore::CheckErasedEverywhere() {
  server_.Terminate();
  ASSERT_EQ(server_.Wait(std::chrono::seconds(30)), 0);
  const auto searched = VerifyErased({scratch_ / "data", "", ""}, Erased());
  ASSERT_TRUE(searched.ok()) << searched.status().ToString();
  for (const auto& found : searched->found) ADD_FAILURE() << found.file << ": " << found.where;
}

// The last ones: of the lanes' words only these are kept.
std::vector<std::string> ServedStore::Erased() {
  constexpr ptrdiff_t kKept = 50;
  std::vector<std::string> words;
  for (const auto& client : clients_) {
    auto& erased = client->lane.state.erased;
    if (std::ssize(erased) > kKept) erased.erase(erased.begin(), erased.end() - kKept);
    words.insert(words.end(), erased.begin(), erased.end());
  }
  return words;
}

size_t ServedStore::erased() const {
  size_t count = 0;
  for (const auto& client : clients_) count += client->lane.state.erased.size();
  return count;
}

uint64_t ServedStore::StartsFromFiles() const {
  const std::string log = server_.Log();
  uint64_t starts = 0;
  for (size_t at = 0; (at = log.find(" came from files", at)) != std::string::npos; ++at) ++starts;
  return starts;
}

}  // namespace cordon
