// The command line as scripts see it: arguments, exit codes, order of answers, and a server that is
// overloaded, silent or gone.
#include "tools/cordon/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/random.h"
#include "tests/cordon/cli_fixture.h"
#include "tests/cordon/fake_server.h"

namespace cordon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(CommandLine, WrongUsageIsExitTwoAndJsonWhenAskedFor) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"fly"},
      {"stats"},
      {"stats", "a", "b"},
      {"stats", "a", "--frobnicate"},
      {"key"},
      {"key", "fly"},
      {"key", "create"},
      {"collection", "create", "a", "--dim", "x", "--metric", "ip"},
      {"collection", "create", "a", "--dim", "3", "--metric", "dot"},
      {"retrieve", "a"},
      {"retrieve", "a", "--text", "t", "--queries", "q"},
      {"retrieve", "a", "--text", "t", "--mode", "quick"},
      {"retrieve", "a", "--text", "t", "--k", "ten"},
      {"set-access", "a", "b"},
      {"why", "a", "b"},
      {"ingest", "a"},
      {"ingest", "a", "f", "--max-errors", "0"},
      {"source", "sync", "a", "b"},
      {"source", "sync", "a", "b", "f", "--removals-max", "0"},
      {"directory", "sync", "a", "f", "--removals-max", "0"},
      {"journal", "verify", "--journal-key", "k"},
      {"erase"},
      {"erase", "verify", "--needle", "n"},
      {"hold"},
      {"hold", "set", "a", "b"},
      {"store", "verify"},
      {"backup"},
      {"simulate"},
      {"simulate", "erase"},
      {"simulate", "ingest", "a"},
      {"simulate", "directory-sync", "a", "f", "--removals-max", "0"},
      {"simulate", "source-sync", "a", "b"},
      {"simulate", "source-sync", "a", "b", "f", "--removals-max", "0"},
      {"simulate", "set-access", "a", "--file", "f", "--acl", "{}"},
      {"simulate", "key-create"},
      {"simulate", "break-glass-open", "--reason", "r"},
  };
  for (std::vector<std::string> arguments : wrong) {
    Result result = Cordon(arguments);
    EXPECT_EQ(result.code, 2) << testing::PrintToString(arguments);
    EXPECT_THAT(result.out, testing::IsEmpty());
    EXPECT_THAT(result.err, HasSubstr("error: "));
    arguments.push_back("--json");
    result = Cordon(arguments);
    EXPECT_EQ(result.code, 2) << testing::PrintToString(arguments);
    ASSERT_EQ(result.out.size(), 1u) << testing::PrintToString(arguments);
    EXPECT_THAT(result.out[0], StartsWith(R"({"error":{"code":"INVALID_ARGUMENT","message":")"));
    EXPECT_THAT(result.out[0], HasSubstr(R"("field":)"));
  }
}

// What is given as an empty word is given: without it another change would be judged.
TEST_F(CommandLine, ASimulatedChangeOfAccessIsReadAsTheChangeItself) {
  FakeServer server;
  const auto field = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"simulate", "set-access", "docs"});
    arguments.insert(arguments.end(), {"--json", "--server", server.address()});
    const Result result = Cordon(arguments);
    EXPECT_EQ(result.code, 1) << testing::PrintToString(arguments);
    return result.out.empty() ? "" : result.out[0];
  };
  const std::string label = R"({"level":"x"})";
  EXPECT_THAT(field({"a", "--acl", "", "--label", label}), HasSubstr(R"("field":"acl)"));
  EXPECT_THAT(field({"a", "--label", "", "--acl", "{}"}), HasSubstr(R"("field":"label)"));
  EXPECT_THAT(field({"--prefix", "", "--source", "hris", "--label", label}),
              HasSubstr(R"("field":"prefix")"));
  EXPECT_THAT(field({"--prefix", "p", "--source", "", "--label", label}),
              HasSubstr(R"("field":"source")"));
  EXPECT_THAT(field({"a", "--prefix", "", "--label", label}), HasSubstr(R"("field":"document")"));
}

TEST_F(CommandLine, ATimeThatIsNoneIsTakenForNow) {
  FakeServer server;
  const std::vector<std::string> questions[] = {{"why", "docs", "d", "--as", "user:ana"},
                                                {"who-can-see", "docs", "d"},
                                                {"access-report", "--as", "user:ana"},
                                                {"simulate", "delete", "docs", "d"}};
  for (std::vector<std::string> arguments : questions) {
    arguments.insert(arguments.end(), {"--at", "", "--json", "--server", server.address()});
    for (const char* time : {"", "tomorrow"}) {
      *(arguments.end() - 4) = time;
      const Result result = Cordon(arguments);
      EXPECT_EQ(result.code, 1) << testing::PrintToString(arguments);
      ASSERT_EQ(result.out.size(), 1u);
      EXPECT_THAT(result.out[0], HasSubstr(R"("field":"at")"));
    }
  }
}

TEST_F(CommandLine, ASimulatedChangeThatNoMessageHoldsIsRefusedBeforeItIsSent) {
  std::string lines;
  for (int i = 0; i < 200; ++i) {
    lines += R"({"principal":"group:g)" + std::to_string(i) + R"(","members":[)";
    for (int m = 0; m < 1000; ++m) {
      lines += (m > 0 ? "," : "") + ("\"user:" + std::string(100, 'u') + std::to_string(m) + "\"");
    }
    lines += "]}\n";
  }
  FakeServer server;
  const Result result = Cordon({"simulate", "directory-sync", "hris", File("people.jsonl", lines),
                                "--json", "--server", server.address()});
  EXPECT_EQ(result.code, 1);
  ASSERT_EQ(result.out.size(), 1u);
  EXPECT_THAT(result.out[0], HasSubstr(R"("field":"FILE")"));
  EXPECT_THAT(result.out[0], HasSubstr("directory sync --dry-run"));

  const std::string text(1 << 20, 'x');
  std::string documents;
  for (int i = 0; i < 17; ++i) {
    documents += R"({"id":")" + std::to_string(i) + R"(","text":")" + text + "\"}\n";
  }
  const std::string file = File("documents.jsonl", documents);
  const Result large =
      Cordon({"simulate", "ingest", "docs", file, "--json", "--server", server.address()});
  EXPECT_EQ(large.code, 1);
  ASSERT_EQ(large.out.size(), 1u);
  EXPECT_THAT(large.out[0], HasSubstr(R"("field":"FILE")"));
  EXPECT_THAT(large.out[0], HasSubstr("leave embeddings out"));

  const Result listing = Cordon(
      {"simulate", "source-sync", "docs", "wiki", file, "--json", "--server", server.address()});
  EXPECT_EQ(listing.code, 1);
  ASSERT_EQ(listing.out.size(), 1u);
  EXPECT_THAT(listing.out[0], HasSubstr(R"("field":"FILE")"));
  EXPECT_THAT(listing.out[0], HasSubstr("source sync --dry-run"));
}

TEST_F(CommandLine, AnUnknownRightIsRefusedWithThoseThatAreKnown) {
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"key", "create"}, {"simulate", "key-create"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(),
                     {"--principal", "service:x", "--rights", "query,read", "--json"});
    const Result result = Cordon(arguments);
    EXPECT_EQ(result.code, 1);
    ASSERT_EQ(result.out.size(), 1u);
    EXPECT_THAT(result.out[0], HasSubstr(R"("field":"rights")"));
    EXPECT_THAT(result.out[0], HasSubstr("known are query"));
  }
}

TEST_F(CommandLine, EveryCommandHasHelpWithExamples) {
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"key"},
                                             {"key", "create"},
                                             {"key", "list"},
                                             {"key", "revoke"},
                                             {"tenant", "create"},
                                             {"collection", "create"},
                                             {"collection", "list"},
                                             {"collection", "delete"},
                                             {"policy", "apply"},
                                             {"directory", "apply"},
                                             {"simulate"},
                                             {"simulate", "set-access"},
                                             {"simulate", "erase"},
                                             {"simulate", "directory-sync"},
                                             {"simulate", "source-sync"},
                                             {"simulate", "break-glass-open"},
                                             {"ingest"},
                                             {"retrieve"},
                                             {"get"},
                                             {"set-access"},
                                             {"delete"},
                                             {"stats"},
                                             {"why"},
                                             {"journal", "verify"},
                                             {"journal", "show"},
                                             {"erase"},
                                             {"erase", "verify"},
                                             {"hold", "set"},
                                             {"hold", "release"},
                                             {"hold", "list"},
                                             {"store", "verify"},
                                             {"backup", "create"},
                                             {"backup", "list"},
                                             {"backup", "verify"},
                                             {"capabilities"}}) {
    std::vector<std::string> arguments = command;
    arguments.push_back("--help");
    const Result result = Cordon(arguments);
    EXPECT_EQ(result.code, 0);
    EXPECT_THAT(result.out, testing::Contains(HasSubstr("cordon " + command[0])))
        << testing::PrintToString(command);
  }
}

TEST_F(CommandLine, SharedOptionsGoBeforeAndAfterTheCommandOrIntoTheEnvironment) {
  FakeServer server;
  const std::string key = File("key", "  the-key \nsecond line\n");
  chmod(key.c_str(), 0600);
  const std::vector<std::string> create = {"--principal", "service:x", "--rights", "query,act-as"};
  const auto run = [&](std::vector<std::string> before, std::vector<std::string> after) {
    std::vector<std::string> arguments = std::move(before);
    arguments.insert(arguments.end(), {"key", "create"});
    arguments.insert(arguments.end(), create.begin(), create.end());
    arguments.insert(arguments.end(), after.begin(), after.end());
    server.last_authorization.clear();
    const Result result = Cordon(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(server.last_authorization, "Bearer the-key");
    EXPECT_THAT(result.out, ElementsAre(R"({"id":"k1","key":"secret-of-service:x","revision":3})"));
    EXPECT_EQ(result.err, "");
  };
  run({"--server", server.address(), "--key-file", key, "--json"}, {});
  run({}, {"--json", "--key-file", key, "--server=" + server.address()});
  setenv("CORDON_SERVER", server.address().c_str(), 1);
  setenv("CORDON_KEY_FILE", key.c_str(), 1);
  run({}, {});
  setenv("CORDON_SERVER", "127.0.0.1:1", 1);
  run({"--server", server.address()}, {});  // an option is stronger
  chmod(key.c_str(), 0644);
  EXPECT_THAT(Cordon({"stats", "x", "--server", server.address()}).err, HasSubstr("warning"));
}

TEST_F(CommandLine, ANameThatIsACommandIsStillAName) {
  FakeServer server;
  for (const char* name : {"stats", "key", "ingest", "list"}) {
    const Result result = Cordon({"--server", server.address(), "stats", name, "--json"});
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_THAT(result.out[0], StartsWith(R"({"documents":)"));
  }
}

TEST_F(CommandLine, ASecretNeverOverwritesAFileNorIsMadeForNothing) {
  FakeServer server;
  const std::vector<std::string> create = {"key",      "create", "--principal",  "service:x",
                                           "--rights", "query",  "--server",     server.address(),
                                           "--json",   "--out",  Path("out.key")};
  Result result = Cordon(create);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, ElementsAre(R"({"id":"k1","revision":3})"));
  struct stat info {};
  ASSERT_EQ(stat(Path("out.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  std::ifstream file(Path("out.key"));
  std::string secret;
  std::getline(file, secret);
  EXPECT_EQ(secret, "secret-of-service:x");
  result = Cordon(create);
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out[0], HasSubstr(R"("field":"out")"));
  EXPECT_EQ(server.keys_created, 1);
}

TEST_F(CommandLine, AnEmptyListOnTheCommandLineIsSentAsStated) {
  FakeServer server;
  v1::SetAccessRequest seen;
  server.on_set_access = [&](const v1::SetAccessRequest& request) {
    seen = request;
    return grpc::Status::OK;
  };
  const std::vector<std::string> begin = {"--server",   server.address(), "--json",
                                          "set-access", "docs",           "-/x"};
  const auto run = [&](std::initializer_list<std::string> more) {
    std::vector<std::string> arguments = begin;
    arguments.pop_back();
    arguments.insert(arguments.end(), more);
    arguments.insert(arguments.end(), {"--", "-/x"});
    return Cordon(arguments);
  };
  Result result = run({"--acl", "{}"});
  EXPECT_THAT(result.out, ElementsAre(R"({"revision":5})")) << result.err;
  EXPECT_TRUE(seen.has_acl());
  EXPECT_FALSE(seen.has_label());
  EXPECT_EQ(seen.document(), "-/x");
  result = run({"--label", R"({"level":"a"})", "--acl", R"({"allow":["user:a"]})"});
  EXPECT_EQ(seen.label().level(), "a");
  EXPECT_EQ(seen.acl().allow(0).principal(), "user:a");
  result = run({"--acl", "[]"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out[0], HasSubstr(R"("field":"acl")"));
  result = run({"--acl", ""});
  EXPECT_EQ(result.code, 1);
}

TEST_F(CommandLine, AFileOfListsIsCutWhereItNeedNotBeOrSentHalf) {
  FakeServer server;
  std::vector<v1::SetAccessManyRequest> seen;
  server.on_set_access_many = [&](const auto& request, auto* response) {
    seen.push_back(request);
    response->set_revision(10 + seen.size());
    for (int i = 0; i < request.changes_size(); ++i) response->add_existed(i % 2 == 0);
    return grpc::Status::OK;
  };
  const auto run = [&](const std::string& text) {
    std::ofstream(Path("changes.jsonl")) << text;
    return Cordon({"set-access", "docs", "--file", Path("changes.jsonl"), "--server",
                   server.address(), "--json"});
  };
  Result result = run(R"({"id":"a","acl":{"allow":["user:a"]}}

{"id":"b","label":{"level":"x"}})");
  EXPECT_THAT(result.out, ElementsAre(R"({"documents":2,"revision":11,"existed":1})"))
      << result.err;
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].collection(), "docs");
  EXPECT_EQ(seen[0].changes(0).acl().allow(0).principal(), "user:a");
  EXPECT_EQ(seen[0].changes(1).label().level(), "x");
  EXPECT_FALSE(seen[0].changes(1).has_acl());
  std::string many;
  for (int i = 0; i < 5000; ++i) many += R"({"id":")" + std::to_string(i) + "\",\"acl\":{}}\n";
  result = run(many);
  EXPECT_THAT(result.out, ElementsAre(R"({"documents":5000,"revision":13,"existed":2500})"));
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[1].changes_size() + seen[2].changes_size(), 5000);
  EXPECT_EQ(seen[2].changes(0).document(), std::to_string(seen[1].changes_size()));
  // One bad line: nothing is sent.
  result = run(many + R"({"id":"x","acls":{}})");
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out[0], HasSubstr("line 5001"));
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_EQ(run("").code, 1);
}

TEST_F(CommandLine, ASelectionEndsBeforeItIsDoneOrNamesTwoThings) {
  FakeServer server;
  std::vector<v1::SetAccessSelectedRequest> seen;
  server.on_set_access_selected = [&](const auto& request, auto* response) {
    seen.push_back(request);
    response->set_revision(10 + seen.size());
    response->set_changed(3);
    response->set_more(seen.size() < 3);
    return grpc::Status::OK;
  };
  const auto run = [&](std::initializer_list<std::string> more) {
    std::vector<std::string> arguments = {"set-access", "docs", "--server", server.address(),
                                          "--json"};
    arguments.insert(arguments.end(), more);
    return Cordon(arguments);
  };
  const Result result = run({"--prefix", "hr/", "--source", "s", "--label", R"({"level":"a"})"});
  EXPECT_THAT(result.out, ElementsAre(R"({"revision":13,"changed":9})")) << result.err;
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[2].id_prefix(), "hr/");
  EXPECT_EQ(seen[2].source(), "s");
  EXPECT_EQ(seen[2].label().level(), "a");
  EXPECT_FALSE(seen[2].has_acl());
  EXPECT_EQ(run({"--prefix", "", "--acl", "{}"}).code, 1);
  EXPECT_EQ(run({"--prefix", "a", "--file", "b"}).code, 2);
  EXPECT_EQ(run({"doc", "--prefix", "a", "--acl", "{}"}).code, 2);
  EXPECT_EQ(run({"--file", "b", "--acl", "{}"}).code, 2);
  EXPECT_EQ(run({"--prefix", "a"}).code, 2);
  EXPECT_EQ(run({"--acl", "{}"}).code, 2);
  EXPECT_EQ(seen.size(), 3u);
}

TEST_F(CommandLine, AServerThatIsNotThereIsToldAtOnce) {
  const Result result = Cordon({"stats", "x", "--server", "127.0.0.1:1", "--json"});
  EXPECT_EQ(result.code, 1);
  ASSERT_EQ(result.out.size(), 1u);
  EXPECT_THAT(result.out[0], StartsWith(R"({"error":{"code":"UNAVAILABLE","message":)"));
  EXPECT_LT(result.seconds, 3);
  EXPECT_EQ(Cordon({"stats", "x", "--server", "nowhere"}).code, 1);
}

TEST_F(CommandLine, AServerThatNeverAnswersEndsWithinTenSeconds) {
  FakeServer server;
  SilentProxy proxy(server.port());
  proxy.FallSilent();  // accepts, in the kernel's queue, and says nothing
  const Result result = Cordon({"stats", "x", "--server", proxy.address(), "--json"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out[0], HasSubstr(R"("code":"UNAVAILABLE")"));
  EXPECT_LT(result.seconds, 10);
}

// ---- retrieve --queries

TEST_F(CommandLine, AnswersComeInTheOrderOfTheQuestions) {
  FakeServer server;
  const uint64_t seed = 11;
  SCOPED_TRACE(seed);
  std::mutex mutex;
  Random random(seed);
  server.on_retrieve = [&](const v1::RetrieveRequest& request, v1::RetrieveResponse* response) {
    uint64_t dice;
    {
      const std::lock_guard lock(mutex);
      dice = random.Next();
    }
    if (dice % 10 == 0) return Overloaded(5);
    std::this_thread::sleep_for(std::chrono::microseconds(dice % 4000));
    if (request.text() == "7") return grpc::Status(grpc::StatusCode::NOT_FOUND, "no");
    response->set_journal_id(request.text());
    return grpc::Status::OK;
  };
  std::string lines;
  for (int i = 0; i < 300; ++i) {
    lines +=
        i == 5 ? "{oops\n\n"
               : R"({"id":"q)" + std::to_string(i) + R"(","text":")" + std::to_string(i) + "\"}\n";
  }
  const Result result = Cordon({"retrieve", "docs", "--queries", File("q.jsonl", lines), "--json",
                                "--server", server.address()});
  EXPECT_EQ(result.code, 1);
  ASSERT_EQ(result.out.size(), 300u) << result.err;
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i);
    if (i == 5) {
      EXPECT_THAT(result.out[5], StartsWith(R"({"id":null,"error":{"code":"INVALID_ARGUMENT")"));
    } else if (i == 7) {
      EXPECT_EQ(result.out[7],
                R"({"id":"q7","error":{"code":"NOT_FOUND","message":"no","field":""}})");
    } else {
      EXPECT_THAT(result.out[i], StartsWith(R"({"id":"q)" + number + R"(","passages":[])"));
      EXPECT_THAT(result.out[i], HasSubstr(R"("journal_id":")" + number + "\""));
    }
  }
}

TEST_F(CommandLine, NothingFoundIsAnEmptyListAndSuccess) {
  FakeServer server;
  v1::RetrieveRequest seen;
  server.on_retrieve = [&](const v1::RetrieveRequest& request, v1::RetrieveResponse*) {
    seen = request;
    return grpc::Status::OK;
  };
  const Result result = Cordon({"retrieve", "docs", "--text", "--why", "--server", server.address(),
                                "--json", "--as", "user:a", "--no-text"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out[0], StartsWith(R"({"id":null,"passages":[],"context_label":null)"));
  EXPECT_EQ(seen.text(), "--why");
  EXPECT_EQ(seen.k(), 10u);
  EXPECT_TRUE(seen.omit_text());
  for (const char* k : {"0", "-3"}) {
    const Result refused = Cordon(
        {"retrieve", "docs", "--text", "t", "--server", server.address(), "--json", "--k", k});
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.out[0], HasSubstr(R"("field":"k")"));
  }
  // As a script gives them whose variable is not set: the question would be a wider one.
  for (const std::string option :
       {"as", "destination", "min-trust", "filter", "min-score", "token-budget", "query-label"}) {
    const Result refused = Cordon({"retrieve", "docs", "--text", "t", "--" + option, "", "--json"});
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.out[0], HasSubstr(R"("field":")" + option + '"'));
  }
}

TEST_F(CommandLine, QuestionsEndWhenTheServerVanishes) {
  FakeServer server;
  SilentProxy proxy(server.port());
  std::atomic<int> asked{0};
  server.on_retrieve = [&](const v1::RetrieveRequest&, v1::RetrieveResponse*) {
    if (++asked == 100) proxy.FallSilent();
    return grpc::Status::OK;
  };
  std::string lines;
  for (int i = 0; i < 2000; ++i)
    lines += R"({"id":"q","text":"t"})"
             "\n";
  const Result result = Cordon({"retrieve", "docs", "--queries", File("q.jsonl", lines), "--json",
                                "--server", proxy.address()});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(result.out.size(), 2000u);
  EXPECT_THAT(result.out.back(), HasSubstr(R"("error":{"code":"UNAVAILABLE")"));
  EXPECT_LT(result.seconds, 10);
}

}  // namespace
}  // namespace cordon
