// A collection with open and secret documents, and questions to it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/retrieve/retrieve.h"
#include "tests/view/asked.h"
#include "tests/view/scratch_tenant.h"

namespace cordon {

inline constexpr char kLibraryPolicy[] =
    "policy { tags { names: 'region:eu' names: 'region:us' names: 'region:de' } "
    "default_clearance { level: 'confidential' } "
    "destinations { destination { name: 'chat' scope: 3 ceiling { symbol: SYMBOL_ALL } region: "
    "'us' } } destinations { destination { name: 'eu' scope: 3 ceiling { symbol: SYMBOL_ALL } "
    "region: 'eu' } } destinations { destination { name: 'low' scope: 3 ceiling { level: 'public' "
    "} region: 'us' } } }";

// A document of one chunk whose inner product with (1, 0) is `score`.
inline std::string Scored(const std::string& id, const std::string& who, int score,
                          const std::string& label = "level: 'public'",
                          const std::string& more = "") {
  return "ingest { collection: 'docs' documents { id: '" + id + "' acl { allow { principal: '" +
         who + "' } } label { " + label + " } " + more + " chunks { text: 'text of " + id +
         "' embedding: " + std::to_string(score) + " embedding: 0 } } }";
}

class Library : public testing::Test {
 protected:
  // open1 < open2 < … by score; the secret one, which only ana may see, is above them all.
  void SetUp() override {
    for (int i = 1; i <= 5; ++i) {
      scratch_.Do(Scored("open" + std::to_string(i), "everyone", i));
    }
    scratch_.Do(Scored("secret", "user:ana", 100));
  }

  static v1::RetrieveRequest Question(uint32_t k, const std::string& as = "user:eve") {
    v1::RetrieveRequest request;
    request.set_collection("docs");
    request.mutable_scope()->set_as(as);
    request.add_vector(1);
    request.add_vector(0);
    request.set_k(k);
    return request;
  }
  StatusOr<v1::RetrieveResponse> Ask(const v1::RetrieveRequest& request, Grant grant = AllOf()) {
    return Asked<v1::RetrieveResponse>(
        [&](auto done) { Retrieve(scratch_.Read(std::move(grant)), request, done); });
  }
  StatusOr<v1::GetDocumentResponse> Get(const std::string& id, const std::string& as = "user:eve",
                                        Grant grant = AllOf(),
                                        const std::string& collection = "docs") {
    v1::GetDocumentRequest request;
    request.set_collection(collection);
    request.set_document(id);
    request.mutable_scope()->set_as(as);
    return Asked<v1::GetDocumentResponse>(
        [&](auto done) { GetDocument(scratch_.Read(std::move(grant)), request, done); });
  }
  StatusOr<v1::CheckAccessResponse> Check(const std::vector<std::string>& ids,
                                          const std::string& as = "user:eve", Grant grant = AllOf(),
                                          const std::string& collection = "docs") {
    v1::CheckAccessRequest request;
    request.set_collection(collection);
    for (const auto& id : ids) request.add_documents(id);
    request.mutable_scope()->set_as(as);
    return Asked<v1::CheckAccessResponse>(
        [&](auto done) { CheckAccess(scratch_.Read(std::move(grant)), request, done); });
  }
  // "document=score …" of an answer.
  static std::string Passages(const StatusOr<v1::RetrieveResponse>& answer) {
    if (!answer.ok()) return answer.status().ToString();
    std::string text;
    for (const auto& passage : answer->passages()) {
      text += (text.empty() ? "" : " ") + passage.document() + "=" +
              std::to_string(static_cast<int>(passage.score()));
    }
    return text;
  }

  ScratchTenant scratch_{{kDocs, kLibraryPolicy}};
};

}  // namespace cordon
