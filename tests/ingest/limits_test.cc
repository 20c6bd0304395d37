// Limits of single requests, judged before the writer: at them all goes well, and one beyond is
// refused.
#include "engine/base/limits.h"

#include "tests/ingest/scratch_writer.h"

namespace cordon {
namespace {

class RequestLimits : public ScratchWriter {
 protected:
  std::string Apply(const v1::ApplyDirectoryRequest& request) {
    return Outcome(Asked<v1::ApplyDirectoryResponse>(
        [&](auto done) { ApplyDirectory(Context(), request, done); }));
  }
  // The field for which the only document is refused, or "OK".
  std::string Put(const std::string& more) {
    const auto put = Ingest(
        "documents { id: 'd' acl { allow { principal: 'everyone' } } label { level: 'public' } "
        "chunks { text: 't' embedding: 1 embedding: 0 } " +
        more + " }");
    EXPECT_TRUE(put.ok()) << put.status().ToString();
    if (!put.ok()) return "";
    const auto& refused = put->response.refused();
    return refused.empty() ? "OK" : refused[0].field();
  }
};

TEST_F(RequestLimits, OfADirectoryFile) {
  v1::ApplyDirectoryRequest request;
  for (size_t i = 0; i < limits::kDirectoryRecords; ++i) {
    auto* group = request.add_principals();
    group->set_name("group:" + std::to_string(i));
    group->set_sets_members(true);
  }
  EXPECT_EQ(Apply(request), "OK");
  auto* more = request.add_principals();
  more->set_name("group:more");
  more->set_sets_members(true);
  EXPECT_EQ(Apply(request), "INVALID_ARGUMENT: principals");
  EXPECT_EQ(Pin()->policy().principals->Find("group:more"), std::nullopt);
}

TEST_F(RequestLimits, OfAReason) {
  v1::ApplyDirectoryRequest request;
  request.set_reason(std::string(limits::kReasonBytes, 'x'));
  EXPECT_EQ(Apply(request), "OK");
  request.set_reason(request.reason() + "x");
  EXPECT_EQ(Apply(request), "INVALID_ARGUMENT: reason");
}

TEST_F(RequestLimits, OfADocumentsParts) {
  std::string subjects;
  for (size_t i = 0; i < limits::kSubjectsPerDocument; ++i) {
    subjects += "subjects: 'person:" + std::to_string(i) + "' ";
  }
  EXPECT_EQ(Put(subjects), "OK");
  EXPECT_EQ(Put(subjects + "subjects: 'person:more'"), "subjects");
  const auto text = [](const std::string& field, size_t bytes) {
    return field + ": '" + std::string(bytes, 'x') + "' ";
  };
  EXPECT_EQ(Put(text("title", limits::kTitleBytes)), "OK");
  EXPECT_EQ(Put(text("title", limits::kTitleBytes + 1)), "title");
  EXPECT_EQ(Put(text("uri", limits::kUriBytes)), "OK");
  EXPECT_EQ(Put(text("uri", limits::kUriBytes + 1)), "uri");
}

}  // namespace
}  // namespace cordon
