// S3: every RPC with every credential, over a real socket. Who may, gets the answer; nobody else
// learns or changes anything, and the journal knows of all who were known.
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>
#include <thread>

#include "cordon/v1/retrieval.pb.h"
#include "engine/server/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/effort.h"
#include "tests/security/certificate_credentials.h"
#include "tests/security/journal_watch.h"
#include "tests/security/token_credentials.h"

namespace cordon {
namespace {

// The services that a server in development mode says it has.
std::vector<std::string> ServedServices() {
  ServedStore store(/*dev=*/true);
  const StandardRow& row = StandardTable().back();
  const AnyAnswer answer = store.caller().Call(row.method, {}, row.request);
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  const auto message = NewMessage(MethodOf(row.method)->output_type());
  EXPECT_TRUE(!answer.messages.empty() && message->ParseFromString(answer.messages[0]));
  std::istringstream text(message->Utf8DebugString());
  std::vector<std::string> services;
  for (std::string line; std::getline(text, line);) {
    const size_t at = line.find("name: \"");
    if (at != line.npos) services.push_back(line.substr(at + 7, line.rfind('"') - at - 7));
  }
  return services;
}

bool HasRow(const std::string& method) {
  return std::any_of(Table().begin(), Table().end(),
                     [&](const Row& row) { return row.method == method; }) ||
         std::any_of(StandardTable().begin(), StandardTable().end(),
                     [&](const StandardRow& row) { return row.method == method; });
}

TEST(EveryCall, HasNoRow) {
  const auto declared = DeclaredMethods();
  EXPECT_GE(declared.size(), 22u) << "the descriptors were not found";
  for (const auto& method : declared) {
    EXPECT_TRUE(HasRow(method)) << method << " has no row in the table of who may call it. Add one "
                                << "for each kind of request that is judged by other rights to "
                                << "Table() in tests/security/every_call_table.h";
  }
  for (const auto& row : Table()) {
    EXPECT_NE(MethodOf(row.method), nullptr) << row.method << " is no RPC; take its row out";
  }
}

TEST(EveryCall, ServesWhatNobodyDeclared) {
  const auto services = ServedServices();
  EXPECT_GE(services.size(), 6u);
  for (const auto& service : services) {
    if (service.starts_with("cordon.v1.")) continue;
    EXPECT_TRUE(std::any_of(StandardTable().begin(), StandardTable().end(),
                            [&](const auto& row) { return row.method.starts_with(service + "/"); }))
        << service << " is served and has no row; add one to StandardTable() in "
        << "tests/security/every_call_table.h";
  }
  for (const auto& method : DeclaredMethods()) {
    const std::string service = "cordon.v1." + method.substr(0, method.find('/'));
    EXPECT_EQ(std::count(services.begin(), services.end(), service), 1) << method;
  }
}

// Takes the log while it lives.
class LogText {
 public:
  LogText() {
    const auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", sink));
  }
  ~LogText() { spdlog::set_default_logger(std::make_shared<spdlog::logger>("none")); }

  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
};

class Calls : public testing::Test {
 protected:
  Calls() {
    SetUpTenant(store_.admin(), "amber");
    SetUpTenant(elsewhere_, "cobalt");
    SetUpFilled();
  }

  // The same names in both tenants, except for the collection; each has words that are its own.
  void SetUpTenant(const ServedStore::Key& admin, const std::string& word) {
    const auto key = store_.MakeKey(admin, GrantOf(EveryRight(), kEveryReach));
    const std::string own = word == "amber" ? "docs" : "cobalt-docs";
    store_.Do<v1::ApplyPolicyResponse>(key, "Policy/ApplyPolicy",
                                       "compartments { names: '" + word +
                                           "-plan' } destinations { destination { name: 'chat' "
                                           "scope: 4 ceiling { symbol: SYMBOL_ALL } } }");
    for (const std::string& name : {own, std::string("vault-") + word}) {
      store_.Do<v1::CreateCollectionResponse>(
          key, "Admin/CreateCollection",
          "config { name: '" + name +
              "' dimension: 8 metric: METRIC_COSINE embedder: "
              "EMBEDDER_BUILTIN default_label { level: 'public' } default_acl { allow { principal: "
              "'everyone' } allow { principal: 'service:probe' } } }");
      store_.Do<v1::IngestResponse>(key, "Ingest/Ingest",
                                    "collection: '" + name + "' documents { id: 'open' title: '" +
                                        word + " title' text: '" + word +
                                        " text' } documents { "
                                        "id: '" +
                                        word + "-hidden' text: '" + word +
                                        "' acl { "
                                        "allow { principal: 'user:nobody' } } }");
    }
  }

  // A collection whose second embedding space waits for vectors.
  void SetUpFilled() {
    const auto key = store_.MakeKey(store_.admin(), GrantOf(EveryRight(), kEveryReach));
    store_.Do<v1::CreateCollectionResponse>(
        key, "Admin/CreateCollection",
        "config { name: 'filled' dimension: 3 metric: METRIC_L2 embedder: EMBEDDER_NONE "
        "default_label { level: 'public' } default_acl { allow { principal: 'everyone' } } }");
    store_.Do<v1::IngestResponse>(
        key, "Ingest/Ingest",
        "collection: 'filled' documents { id: 'open' chunks { text: 'a word' embedding: 1 "
        "embedding: 2 embedding: 3 } }");
    store_.Do<v1::BeginEmbeddingResponse>(
        key, "Admin/BeginEmbedding",
        "collection: 'filled' space { model: 'own' dimension: 2 embedder: EMBEDDER_NONE }");
  }

  // The request with fresh names, made by the first tenant's admin.
  std::optional<std::string> Request(const Row& row) {
    if (!row.request) return std::nullopt;
    std::string text = *row.request;
    const std::string name = "n" + std::to_string(++fresh_);
    Replace("$NEW", name, &text);
    const bool with_space = text.find("$SPACE") != text.npos;
    if (with_space || text.find("$COLLECTION") != text.npos) {
      store_.Do<v1::CreateCollectionResponse>(
          store_.admin(), "Admin/CreateCollection",
          "config { name: '" + name + "' dimension: 2 metric: METRIC_L2 embedder: EMBEDDER_NONE }");
      ++mutations_;
    }
    if (with_space) {
      store_.Do<v1::BeginEmbeddingResponse>(
          store_.admin(), "Admin/BeginEmbedding",
          "collection: '" + name +
              "' space { model: 'n' dimension: 3 embedder: EMBEDDER_BUILTIN }");
      ++mutations_;
    }
    Replace("$COLLECTION", name, &text);
    Replace("$SPACE", name, &text);
    if (text.find("$KEY") != text.npos) {
      const auto key = store_.MakeKey(store_.admin(), "principal: 'service:k' rights: RIGHT_QUERY");
      Replace("$KEY", key.id, &text);
      ++mutations_;
    }
    if (text.find("$GLASS") != text.npos) {
      const auto opened = store_.Do<v1::OpenBreakGlassResponse>(emergency_, "Policy/OpenBreakGlass",
                                                                request_text::kReason);
      Replace("$GLASS", opened.id(), &text);
      ++mutations_;
    }
    return RequestBytes(row.method, text);
  }
  static void Replace(const std::string& word, const std::string& by, std::string* text) {
    const size_t at = text->find(word);
    if (at != text->npos) text->replace(at, word.size(), by);
  }

  void Check(const Row& row, const Credential& with, JournalWatch* journal);
  void CheckOutcome(const Row& row, const Credential& with, const AnyAnswer& answer);
  void CheckRecord(const Row& row, const Credential& with, const AnyAnswer& answer,
                   const std::vector<v1::JournalLine>& lines);
  void CheckWords(const Credential& with, const AnyAnswer& answer);

  const LogText log_;  // before the server, whose threads write to it
  TokenIssuers issuers_;
  CertificateWorld certificates_;
  ServedStore store_{/*dev=*/false, issuers_.Configured(), PathsOf(certificates_),
                     certificates_.By()};
  const ServedStore::Key elsewhere_ = store_.MakeTenant("cobalt");
  const ServedStore::Key emergency_ =  // opens what others want to use
      store_.MakeKey(store_.admin(), "principal: 'service:k' rights: RIGHT_BREAK_GLASS");
  int fresh_ = 0;
  uint64_t mutations_ = 0;               // of the first tenant
  uint64_t unauthenticated_ = 0;         // calls
  std::map<bool, std::string> refusal_;  // of those, all alike; of users' tokens that come beside
};

// Its answer has several messages, each with a record.
constexpr char kStream[] = "Retrieval/RetrieveStream";

// A refusal says why in the standard way, in full; an answer of this kind has one message.
void CheckDetails(const AnyAnswer& answer) {
  const grpc::Status& status = answer.status;
  if (status.ok()) {
    EXPECT_EQ(status.error_message() + status.error_details(), "");
    return;
  }
  EXPECT_TRUE(answer.messages.empty()) << "an answer beside a refusal";
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()) && details.details_size() == 1);
  EXPECT_EQ(details.code(), static_cast<int>(status.error_code()));
  EXPECT_EQ(details.message(), status.error_message());
  google::rpc::BadRequest bad;
  ASSERT_TRUE(details.details(0).UnpackTo(&bad) && bad.field_violations_size() == 1);
  EXPECT_NE(bad.field_violations(0).field(), "");
  EXPECT_EQ(bad.field_violations(0).description(), status.error_message());
  EXPECT_NE(status.error_message(), "");
}

// The refusal of the only question of a batch, as if it were that of the call: it must be told in
// full, too.
void Unpack(AnyAnswer* answer) {
  v1::BatchRetrieveResponse batch;
  if (!answer->status.ok() || answer->messages.size() != 1) return;
  ASSERT_TRUE(batch.ParseFromString(answer->messages[0]) && batch.answers_size() == 1);
  if (!batch.answers(0).has_refused()) return;
  const auto& refused = batch.answers(0).refused();
  int code = 1;
  while (code < 17 && CodeName(static_cast<StatusCode>(code)) != refused.code()) ++code;
  ASSERT_LT(code, 17) << refused.code();
  answer->messages.clear();
  answer->status =
      ToGrpc(Status(static_cast<StatusCode>(code), refused.field(), refused.message()));
}

void CheckMetadata(const AnyAnswer& answer) {
  for (const auto& [key, value] : answer.initial) {
    EXPECT_TRUE(key == "content-type" || key == "grpc-accept-encoding" || key == "accept-encoding")
        << key << ": " << value;
  }
  for (const auto& [key, value] : answer.trailing) {
    EXPECT_EQ(key, "grpc-status-details-bin") << value;
    EXPECT_EQ(value, answer.status.error_details());
  }
}

void Calls::CheckOutcome(const Row& row, const Credential& with, const AnyAnswer& answer) {
  const Code expected = ExpectedCode(row, with);
  ASSERT_EQ(answer.status.error_code(), expected) << answer.status.error_message();
  if (with.turned_away) return;
  CheckDetails(answer);
  CheckMetadata(answer);
  if (expected == Code::UNAUTHENTICATED) {
    ++unauthenticated_;
    const std::string bytes = answer.status.error_message() + answer.status.error_details();
    const bool beside = bytes.find("cordon-user-token") != bytes.npos;
    EXPECT_TRUE(!beside || with.metadata.contains("cordon-user-token")) << bytes;
    if (refusal_[beside].empty()) refusal_[beside] = bytes;
    EXPECT_EQ(bytes, refusal_[beside]) << "strangers are told apart";
  }
  if (expected != Code::OK || !row.request) return;
  if (row.method == kStream) {
    EXPECT_GE(answer.messages.size(), 1u);
    return;
  }
  ASSERT_EQ(answer.messages.size(), 1u);
  if (row.method == "Ingest/SyncSource") {
    // As for Ingest: an id that the key may not write is refused, and the listing goes on.
    v1::SyncSourceResponse response;
    ASSERT_TRUE(response.ParseFromString(answer.messages[0]));
    const uint64_t refused = with.reach == Reach::kOtherIds ? 1 : 0;
    EXPECT_EQ(response.refused_documents(), refused);
    ASSERT_EQ(static_cast<uint64_t>(response.refused_size()), refused);
    if (refused > 0) {
      EXPECT_EQ(response.refused(0).id(), "listed");
      EXPECT_EQ(response.difference().added() + response.difference().changed() +
                    response.difference().redescribed() + response.difference().unchanged(),
                0u);
    }
  }
  if (row.method == "Ingest/Ingest" && row.writes) {
    v1::IngestResponse response;
    ASSERT_TRUE(response.ParseFromString(answer.messages[0]));
    const bool refused = RefusesDocument(row, with);
    EXPECT_EQ(response.accepted(), refused ? 0u : 1u);
    EXPECT_EQ(response.refused_size(), refused ? 1 : 0);
    EXPECT_EQ(response.revision() != 0, Changes(row, with));
  }
}

// Every call of a known caller has one record with its outcome; a stranger's has none.
void Calls::CheckRecord(const Row& row, const Credential& with, const AnyAnswer& answer,
                        const std::vector<v1::JournalLine>& lines) {
  const bool empty_stream = !row.request && answer.status.ok();
  const bool parts = row.method == kStream && answer.status.ok();
  ASSERT_EQ(lines.size(), parts ? answer.messages.size() : with.known && !empty_stream ? 1u : 0u);
  if (lines.empty()) return;
  const auto& line = lines.front();
  // Who may not ingest is turned away before the first batch says what it is.
  const bool fills = IsFilling(row) && with.rights.contains(v1::RIGHT_INGEST);
  EXPECT_EQ(line.call(), fills ? "Embed" : row.method.substr(row.method.find('/') + 1));
  EXPECT_EQ(line.key_id(), with.key_id);
  if (answer.status.ok() && row.method.starts_with("Retrieval/")) {
    const bool verified = with.metadata.contains("cordon-user-token");
    EXPECT_EQ(line.verified_user(), verified || with.key_id.starts_with("token:"));
  }
  const bool refused = answer.status.ok() && row.writes && !Changes(row, with);
  const auto code = refused ? Code::INVALID_ARGUMENT : answer.status.error_code();
  EXPECT_EQ(line.outcome(), CodeName(static_cast<StatusCode>(code)));
}

// Nothing of the other tenant, of the machine, or of the libraries within; no secret.
void Calls::CheckWords(const Credential& with, const AnyAnswer& answer) {
  std::string all = answer.status.error_message() + answer.status.error_details();
  for (const auto& message : answer.messages) all += message;
  for (const auto& [key, value] : answer.trailing) all += value;
  const bool other = with.known && with.reach == Reach::kOtherTenant;
  std::vector<std::string> words = {store_.folder(), "ocksdb", "ROCKS",
                                    "grpc_core",     ".cc:",   other ? "amber" : "cobalt"};
  if (!with.known || !answer.status.ok()) words.insert(words.end(), {"hidden", "vault", "title"});
  const auto given = with.metadata.find("authorization");
  if (given != with.metadata.end()) {
    const size_t secret = given->second.rfind('.');
    if (secret != std::string::npos && given->second.size() > secret + 20) {
      words.push_back(given->second.substr(secret + 1, 43));
    }
  }
  for (const auto& word : words) {
    EXPECT_EQ(all.find(word), all.npos) << "the answer holds '" << word << "'";
  }
}

void Calls::Check(const Row& row, const Credential& with, JournalWatch* journal) {
  SCOPED_TRACE(row.method + " (" + row.what + ") with " + with.name);
  const auto request = Request(row);
  // Whoever is turned away at the door may lose the connection with it.
  const auto apart = with.turned_away ? store_.Connect() : nullptr;
  AnyCaller& caller = with.over ? *with.over : apart ? *apart : store_.caller();
  AnyAnswer answer = caller.Call(row.method, with.metadata, request);
  if (row.method == "Retrieval/BatchRetrieve") Unpack(&answer);
  CheckOutcome(row, with, answer);
  CheckWords(with, answer);
  if (with.known) CheckRecord(row, with, answer, journal->New());
  const bool first = with.reach != Reach::kOtherTenant;
  if (answer.status.ok() && Changes(row, with) && first) ++mutations_;
}

TEST_F(Calls, LetsInWhomItShouldNot) {
  auto known = KeysInForce(&store_, elsewhere_);
  auto strangers = Strangers(&store_, elsewhere_);
  for (auto& user : UsersInForce(&store_, elsewhere_, issuers_)) known.push_back(std::move(user));
  for (auto& user : FalseUsers(&store_, issuers_)) strangers.push_back(std::move(user));
  for (auto& by : CertificatesInForce(&store_, elsewhere_, certificates_)) {
    known.push_back(std::move(by));
  }
  for (auto& by : FalseCertificates(&store_, certificates_)) strangers.push_back(std::move(by));
  JournalWatch here(&store_, store_.admin(), emergency_.id), there(&store_, elsewhere_);
  Effort effort("S3", Table().size() * (known.size() + strangers.size()));
  for (const Row& row : Table()) {
    const uint64_t revision = here.Revision() - mutations_;
    for (const auto& stranger : strangers) {
      Check(row, stranger, nullptr);
      effort.More();
    }
    EXPECT_TRUE(here.New().empty() && there.New().empty()) << "a record of nobody: " << row.method;
    for (const auto& with : known) {
      Check(row, with, with.reach == Reach::kOtherTenant ? &there : &here);
      effort.More();
    }
    EXPECT_TRUE(here.New().empty() && there.New().empty()) << row.method;
    EXPECT_EQ(here.Revision(), revision + mutations_) << row.method << ": a refused call changed "
                                                      << "something, or an answered one did not";
    if (HasFatalFailure()) break;
  }
  store_.Stop();
  const std::string counted = std::to_string(unauthenticated_) + " calls were not authenticated";
  EXPECT_NE(log_.text().find(counted), std::string::npos) << log_.text();
  EXPECT_EQ(log_.text().find("defect"), std::string::npos) << log_.text();
  effort.Report("rows={} credentials={} unauthenticated={}", Table().size(),
                known.size() + strangers.size(), unauthenticated_);
}

// Each batch is judged by the token as it is then.
TEST_F(Calls, AStreamOutlivesItsToken) {
  Members claims = TokenIssuers::Claims("wide", "bo");
  const int64_t now_s = std::stoll(claims["iat"]) + 1;
  claims["exp"] = std::to_string(now_s + 3);
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride("localhost");
  const auto stub = v1::Ingest::NewStub(
      grpc::CreateCustomChannel(store_.address(), certificates_.By(), arguments));
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + issuers_.Token(claims));
  const auto stream = stub->Ingest(&context);
  v1::IngestRequest request;
  v1::IngestResponse response;
  request.set_collection("docs");
  auto* document = request.add_documents();
  document->set_id("first");
  document->set_text("a word");
  ASSERT_TRUE(stream->Write(request) && stream->Read(&response));
  EXPECT_EQ(response.accepted(), 1u);
  const auto expired = std::chrono::system_clock::from_time_t(now_s + 3);
  std::this_thread::sleep_until(expired + std::chrono::milliseconds(50));
  document->set_id("second");
  EXPECT_TRUE(stream->Write(request));
  EXPECT_FALSE(stream->Read(&response)) << "taken after the token's end";
  EXPECT_EQ(stream->Finish().error_code(), Code::UNAUTHENTICATED);
}

// Whoever has no key is told whether the server serves, and nothing else.
TEST_F(Calls, StandardServicesTellMoreThanHealth) {
  const auto strangers = Strangers(&store_, elsewhere_);
  JournalWatch here(&store_, store_.admin());
  ServedStore dev(/*dev=*/true);
  for (const auto& row : StandardTable()) {
    for (const auto& with : strangers) {
      SCOPED_TRACE(row.method + " with " + with.name);
      if (with.turned_away) continue;
      const auto answer = store_.caller().Call(row.method, with.metadata, row.request, row.endless);
      if (!row.in_production) {
        EXPECT_EQ(answer.status.error_code(), Code::UNIMPLEMENTED);
        EXPECT_TRUE(dev.caller().Call(row.method, {}, row.request, row.endless).status.ok());
        continue;
      }
      EXPECT_EQ(answer.messages, std::vector<std::string>{"\x08\x01"}) << "not just SERVING";
    }
  }
  EXPECT_TRUE(here.New().empty());
}

// What cannot be read is refused alike for all, whoever sent it.
TEST_F(Calls, BytesThatAreNoMessage) {
  const auto key = store_.MakeKey(store_.admin(), GrantOf(EveryRight(), kEveryReach));
  JournalWatch journal(&store_, store_.admin());
  for (const auto& method : DeclaredMethods()) {
    SCOPED_TRACE(method);
    const auto known = store_.caller().Call(method, BearerOf(key.bearer), "\xff\xff\xff");
    const auto unknown = store_.caller().Call(method, {}, "\xff\xff\xff");
    EXPECT_FALSE(known.status.ok());
    EXPECT_FALSE(unknown.status.ok());
    if (method == "Ingest/Ingest") {
      EXPECT_EQ(known.status.error_code(), Code::INVALID_ARGUMENT);
      auto lines = journal.New();  // streams before it have records of their own
      std::erase_if(lines, [](const auto& line) { return line.call() != "Ingest"; });
      ASSERT_EQ(lines.size(), 1u) << "a message that was turned away has no record";
      EXPECT_EQ(lines.front().outcome(), "INVALID_ARGUMENT");
    }
    EXPECT_TRUE(known.messages.empty() && unknown.messages.empty());
    for (const auto& answer : {known, unknown}) {
      EXPECT_EQ(answer.status.error_message().find("amber"), std::string::npos);
      EXPECT_LT(answer.status.error_message().size(), 120u) << answer.status.error_message();
    }
  }
  for (const std::string method : {"Admin/NoSuchCall", "NoSuchService/Call", "Admin/stats"}) {
    const auto answer = store_.caller().Call(method, BearerOf(key.bearer), "");
    EXPECT_EQ(answer.status.error_code(), Code::UNIMPLEMENTED) << method;
  }
}

}  // namespace
}  // namespace cordon
