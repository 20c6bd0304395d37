// The callers of the model's reader: with keys, with tokens, and with both.
#include <gtest/gtest.h>

#include <string>

#include "tests/security/model_reader.h"

namespace cordon {

void ModelReader::DrawStranger() {
  if (draw_.Percent(25)) {
    caller_.emplace(DrawTokenUser());
  } else {
    Credential credential = draw_.Key(tenant_.model());
    credential.break_glass = draw_.Percent(30);
    caller_.emplace(Caller{credential, draw_.As(), draw_.To(),
                           ToCaller(credential, tenant_.name(), world().dev)});
  }
  Present();
  Resolve();
}

// Half of the applications forward the tokens of several users, to one destination.
ModelReader::Caller ModelReader::DrawTokenUser() {
  const BroughtToken token = users_.Bring();
  Credential credential = draw_.Key(tenant_.model());
  credential.break_glass = draw_.Percent(30);
  if (!token.says.forwarded) credential = users_.Alone(token);
  Caller caller{credential, users_.DrawAs(token), draw_.To(),
                ToCaller(credential, tenant_.name(), world().dev), token};
  if (!token.says.forwarded || regulars_.empty() || draw_.Percent(50)) return caller;
  const Caller& other = regulars_[draw_.Below(regulars_.size())];
  if (other.token && !other.token->says.forwarded) return caller;
  caller.credential = other.credential;
  caller.key = other.key;
  caller.to = other.to;
  return caller;
}

void ModelReader::Present() {
  Caller& caller = *caller_;
  caller.proof = caller.key;
  if (!caller.token) return;
  // What an issuer's users may do changes with its settings.
  if (!caller.token->says.forwarded) caller.credential = users_.Alone(*caller.token);
  const auto entered = users_.Enter(caller.key, *caller.token);
  caller.proof.reset();
  if (entered.ok()) {
    caller.proof = *entered;
  } else {
    EXPECT_EQ(entered.status().code(), StatusCode::kUnauthenticated);
  }
}

void ModelReader::Resolve() {
  Caller& caller = *caller_;
  caller.asker = users_.AskerOf(caller.credential.key, caller.token, caller.as, caller.to,
                                tenant_.engine()->now());
}

std::string ModelReader::ActingFor() const {
  std::string as = caller_->as;
  if (as.empty() && caller_->token) as = caller_->token->says.user;
  return reference::Canonical(world(), as.empty() ? caller_->credential.key.principal : as);
}

bool ModelReader::TurnedAway() {
  const bool counts = caller_->asker.refused != "unauthenticated";
  if (counts && !caller_->proof) Missing("a token that counts is refused");
  if (!counts && caller_->proof) Leaked("somebody is let in by a token that does not count");
  tally_.turned_away += counts ? 0 : 1;
  return !counts || !caller_->proof;
}

}  // namespace cordon
