// Runs one story in a world of its own and reports each step that does not come out as told, at its
// line of the story's file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cordon/v1/ingest.pb.h"
#include "cordon/v1/retrieval.pb.h"
#include "tests/scenarios/small_world.h"
#include "tests/scenarios/story.h"

namespace cordon {

class Runner {
 public:
  Runner(std::string file, const Story& story) : file_(std::move(file)), story_(story) {}

  // Refuses what is not well written before anything is run.
  void Run();

 private:
  // What a verb does. Its status is about the step as it is written; how the world answers is
  // compared and reported by the verb itself.
  using Act = Status (Runner::*)(const Step& step);
  struct Verb {
    std::vector<std::string_view> beside;  // the keys that it may have beside it
    Act act;
  };
  static const std::map<std::string_view, Verb>& Verbs();

  Status SetUp();
  Status Prepare(const std::string& part, const Status& status);
  static Status CheckStep(const Step& step);

  // Reads (runner_reads.cc).
  Status Retrieve(const Step& step);
  Status Get(const Step& step);
  Status CheckAccess(const Step& step);
  Status AllowedDestinations(const Step& step);
  Status Why(const Step& step);
  Status Stats(const Step& step);
  Status List(const Step& step);
  Status Authenticate(const Step& step);
  Status Token(const Step& step);
  Status NotServed(const Step& step);

  // Who sees what, by every way of asking (runner_sees.cc).
  struct Asking;
  Status Sees(const Step& step);
  void CheckReader(const Step& step, const Asking& asking, const std::set<ChunkName>& expected);
  void CheckRetrieve(const Step& step, const Asking& asking, const std::set<ChunkName>& expected);
  void CheckGet(const Step& step, const Asking& asking, const std::set<ChunkName>& expected);
  void CheckReport(const Step& step, const Asking& asking, const std::set<ChunkName>& expected);
  void CheckListed(const Step& step, const Asking& asking, const std::string& document, bool sees);
  std::string NameOf(const std::string& as);
  void CheckAuditor(const Step& step, const Asking& asking, const std::set<ChunkName>& expected);

  // Where things go, and emergencies (runner_destinations.cc).
  Status Export(const Step& step);
  Status OpenBreakGlass(const Step& step);
  Status CloseBreakGlass(const Step& step);
  Status Usage(const Step& step);
  Status Simulate(const Step& step);  // runner_simulate.cc
  // The id of the access that `break_glass` beside the verb names; empty if none.
  StatusOr<std::string> BreakGlassBeside(const Step& step) const;

  // Writes (runner_writes.cc).
  Status Ingest(const Step& step);
  Status SetAccess(const Step& step);
  Status SetAccessMany(const Step& step);
  Status SetAccessSelected(const Step& step);
  Status UpdateMetadata(const Step& step);
  Status SyncSource(const Step& step);
  Status Delete(const Step& step);
  Status Erase(const Step& step);
  // The document that the caller's tenant had is gone.
  Status Forget(const std::string& through, const std::string& collection,
                const std::string& document);
  Status Directory(const Step& step);
  Status Policy(const Step& step);
  Status CreateKey(const Step& step);
  Status RevokeKey(const Step& step);
  Status CreateTenant(const Step& step);
  Status CreateCollection(const Step& step);
  Status DeleteCollection(const Step& step);
  Status Later(const Step& step);
  Status Restart(const Step& step);

  // The calls behind them, also used to set the world up.
  StatusOr<IngestedBatch> IngestInto(const std::string& key, const std::string& collection,
                                     const std::vector<JsonValue>& documents);
  Status MakeKeyNamed(const std::string& through, const std::string& name,
                      const v1::KeyGrant& grant);
  Status ApplyPolicyFile(const std::string& through, const v1::ApplyPolicyRequest& request);
  Status ApplyDirectoryFile(const std::string& through, const v1::ApplyDirectoryRequest& request);
  Status MakeCollection(const std::string& through, const v1::CollectionConfig& config);
  // What a `sync_source` lists, all of it in one message.
  Status ReadListing(const Step& step, v1::SyncSourceRequest* request);
  template <typename Response, typename Call>
  StatusOr<Response> Write(const std::string& through, Call call);

  // The word beside the verb, or `otherwise`.
  StatusOr<std::string> Word(const Step& step, std::string_view name, std::string otherwise) const;
  // Reports a failure at the step's line.
  void Fail(const Step& step, const std::string& text) const;
  // Compares with what `refused` and `says` tell. True if the answer is there to be looked at.
  bool Answered(const Step& step, const Status& status) const;
  // Compares with the list that `name` tells, if the step does.
  Status CompareNames(const Step& step, std::string_view name,
                      const std::vector<std::string>& got) const;
  Status CompareExisted(const Step& step, bool told, bool existed) const;

  const std::string file_;
  const Story& story_;
  SmallWorld world_;
  JsonParser parser_;
  std::map<std::string, std::string> break_glass_;  // ids by the story's names
};

// "CODE field", or "OK".
std::string OutcomeText(const Status& status);
// "[a, b]".
std::string ListText(const std::vector<std::string>& names);

}  // namespace cordon
