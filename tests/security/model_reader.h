// Asks the engine and the reference model the same questions, and counts what differs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/security/draw.h"
#include "tests/security/mirrored_tenant.h"
#include "tests/security/ranked_question.h"
#include "tests/security/token_users.h"

namespace cordon {

// What all comparisons of a test found.
struct Tally {
  uint64_t leaked = 0;   // passages, ids and counts beyond what the model permits
  uint64_t missing = 0;  // and those that it permits and the answer lacks
  uint64_t wrong = 0;    // anything else that is not as the model says
  uint64_t answers = 0;
  uint64_t passages = 0;
  uint64_t refusals = 0;
  uint64_t by_token = 0;     // of the answers, to users who came with a token
  uint64_t turned_away = 0;  // whose token did not count
  uint64_t emergencies = 0;  // of the answers, under a break-glass access
  uint64_t judged = 0;       // chunks
  uint64_t permitted = 0;

  bool clean() const { return leaked + missing + wrong == 0; }
};

// Borrows all. Reads do not overlap writes: Settle() before.
class ModelReader {
 public:
  ModelReader(Draw* draw, MirroredTenant* tenant, TokenUsers* users, Tally* tally)
      : draw_(*draw), tenant_(*tenant), users_(*users), tally_(*tally) {}

  // Sends `questions` for one random caller, and compares the answers with the model. How many it
  // asked: none for a caller who is turned away.
  uint64_t Ask(uint64_t questions);

 private:
  // The caller of the questions being asked, as the model sees it.
  struct Caller {
    Credential credential;
    std::string as;
    std::string to;
    // One for all that this caller ever asks, as a stored key has one grant: else the engine would
    // not know it again.
    Authenticated key;
    std::optional<BroughtToken> token = {};   // beside the key, or in its stead
    std::optional<Authenticated> proof = {};  // as who it is let in now; none: it is turned away
    reference::Asker asker = {};
    // A break-glass access that it has opened, and for whom; empty: none.
    std::string glass = {};
    std::string glass_for = {};
  };
  // A collection as this caller finds it; null if it does not.
  struct Target {
    std::string name;
    const reference::Collection* collection;
    std::vector<reference::Found> visible;
  };

  const reference::World& world() const { return tenant_.model().world; }
  // Mostly one whose questions are answered: a refusal says little about what is seen.
  void DrawCaller();
  void DrawStranger();
  Caller DrawTokenUser();
  // Presents key and token anew, as each call does.
  void Present();
  // Who the caller is now, in the model.
  void Resolve();
  // Compares whether its token counts; if not, it has nothing to ask.
  bool TurnedAway();
  std::string ActingFor() const;
  void OpenAccess();
  // Whether the next questions name the caller's access, and whether it is open for them.
  void DrawGlass();
  void CloseAccess();
  v1::Scope Scope() const;
  Target DrawTarget();
  std::string DrawId(const Target& target);

  // "CODE: field" if the call is refused before it looks at anything else; "" otherwise.
  std::string Refused(const Target* target) const;

  void Retrieve();
  void GetDocument();
  void CheckAccess();
  void AllowedDestinations();
  void Stats();

  bool DrawModel(const Target& target, v1::RetrieveRequest* request);
  void CompareRetrieve(const Target& target, const RankedQuestion& question,
                       const v1::RetrieveRequest& request, const v1::RetrieveResponse& response);
  void CompareOrder(const std::vector<reference::Placed>& expected,
                    const v1::RetrieveRequest& request, const v1::RetrieveResponse& response);
  void ComparePassage(const reference::Placed& expected, const v1::RetrieveRequest& request,
                      const v1::Passage& passage);
  void CompareContext(const std::vector<reference::Found>& answered,
                      const v1::RetrieveResponse& response);

  // Compares when the answer is there: the outcome, then by `compare` the response.
  template <typename Response>
  void Expect(std::future<StatusOr<Response>> answer, std::string refused,
              std::function<void(const Response&)> compare);
  void CompareRefusal(const std::string& expected, std::string outcome);

  void Leaked(const std::string& what) { Note(&tally_.leaked, "LEAKED", what); }
  void Missing(const std::string& what) { Note(&tally_.missing, "missing", what); }
  void Wrong(const std::string& what) { Note(&tally_.wrong, "wrong", what); }
  void Note(uint64_t* count, const char* kind, const std::string& what);

  Draw& draw_;
  MirroredTenant& tenant_;
  TokenUsers& users_;
  Tally& tally_;
  std::optional<Caller> caller_;
  bool under_glass_ = false;                     // the questions name the caller's access
  std::map<std::string, reference::Time> ends_;  // of every access
  std::vector<Caller> regulars_;                 // who ask again, when the world has moved on
  std::vector<std::function<void()>> waiting_;
};

}  // namespace cordon
