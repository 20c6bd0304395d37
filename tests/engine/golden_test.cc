// Stores that an earlier build wrote and this one cannot read, or reads differently (R13).
//
// tests/golden/FORMAT.tar.gz is a data directory that a build of that format wrote, with its keys
// and journal; every released format has one. The newest is written anew, as long as it is not
// released, by: CORDON_GOLDEN_OUT=tests/golden build/tests/engine_test --gtest_filter='Golden.*'
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "engine/format.h"
#include "engine/verify_store.h"
#include "tests/store/from_text.h"
#include "tests/store/proof.h"
#include "tests/store/scratch_directory.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

class Golden : public testing::Test {
 protected:
  static std::string FileOf(std::string format) {
    std::replace(format.begin(), format.end(), ' ', '-');
    return format + ".tar.gz";
  }
  static fs::path Folder() { return fs::path(__FILE__).parent_path().parent_path() / "golden"; }
  DataPaths paths() const { return {scratch_ / "data", "", ""}; }

  void Open() {
    engine_.reset();
    Engine::Options options;
    options.paths = paths();
    auto opened = Engine::Open(std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    engine_ = *std::move(opened);
  }
  template <typename Response, typename Request, typename Call>
  void Do(Call call, const std::string& request) {
    const auto answer = Asked<Response>(
        [&](auto done) { call(engine_->WriteAs(Anyone()), FromText<Request>(request), done); });
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  }
  void Ingest(const std::string& document) {
    Do<IngestedBatch, v1::IngestRequest>(IngestDocuments,
                                         "collection: 'docs' documents { " + document + " }");
  }
  std::string TextOf(const std::string& id, const std::string& user) {
    v1::GetDocumentRequest request;
    request.set_collection("docs");
    request.set_document(id);
    request.mutable_scope()->set_as(user);
    const auto got = Asked<v1::GetDocumentResponse>(
        [&](auto done) { GetDocument(engine_->ReadAs(Anyone(), {}), request, done); });
    return got.ok() ? got->chunks(0).text() : std::string(CodeName(got.status().code()));
  }
  static void Run(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0); }

  // What every golden store holds.
  void Write() {
    ASSERT_TRUE(CreateStore(paths(), {"default.k", "default.k.s", "digest"}, false).ok());
    Open();
    Do<v1::CreateCollectionResponse, v1::CreateCollectionRequest>(
        CreateCollection,
        "config { name: 'docs' dimension: 8 metric: METRIC_COSINE embedder: EMBEDDER_BUILTIN "
        "default_label { level: 'public' } default_acl { allow { principal: 'everyone' } } }");
    Do<v1::ApplyDirectoryResponse, v1::ApplyDirectoryRequest>(
        ApplyDirectory,
        "principals { name: 'group:hr' sets_members: true members { principal: 'user:ana' } }");
    Ingest("id: 'open' text: 'for all to read'");
    Ingest(
        "id: 'hr' text: 'salaries' acl { allow { principal: 'group:hr' } } label { level: "
        "'public' } subjects: 'person:1'");
    Ingest("id: 'erased' text: 'gone for good'");
    Do<v1::EraseResponse, v1::EraseRequest>(Erase, "collection: 'docs' document: 'erased'");
    engine_.reset();
  }

  ScratchDirectory scratch_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(Golden, AStoreOfAReleasedFormatDoesNotOpen) {
  if (const char* out = std::getenv("CORDON_GOLDEN_OUT"); out != nullptr) {
    Write();
    Run("rm -f " + paths().Store() + "/LOG*; tar -C " + paths().data_dir + " -czf " +
        (fs::path(out) / FileOf(std::string(kFormatVersion))).string() + " .");
  }
  bool newest = false;
  for (const auto& entry : fs::directory_iterator(Folder())) {
    SCOPED_TRACE(entry.path().string());
    newest = newest || entry.path().filename() == FileOf(std::string(kFormatVersion));
    fs::remove_all(paths().data_dir);
    fs::create_directories(paths().data_dir);
    Run("tar -C " + paths().data_dir + " -xzf " + entry.path().string());
    Open();
    EXPECT_EQ(TextOf("open", "user:bo"), "for all to read");
    EXPECT_EQ(TextOf("hr", "user:ana"), "salaries");
    EXPECT_EQ(TextOf("hr", "user:bo"), "NOT_FOUND");
    EXPECT_EQ(TextOf("erased", "user:bo"), "NOT_FOUND");
    Ingest("id: 'new' text: 'written by this build'");
    Open();
    EXPECT_EQ(TextOf("new", "user:bo"), "written by this build");
    engine_.reset();
    const auto verdict = VerifyStore(paths());
    ASSERT_TRUE(verdict.ok()) << verdict.status().ToString();
    EXPECT_TRUE(verdict->ok()) << verdict->damage[0].where << ": " << verdict->damage[0].what;
  }
  EXPECT_TRUE(newest) << "no golden store of " << kFormatVersion;
}

}  // namespace
}  // namespace cordon
