// The time that an auditor's question is about: --at.
#pragma once

#include <google/protobuf/util/time_util.h>

#include <CLI/CLI.hpp>
#include <string>

#include "engine/base/clock.h"

namespace cordon {

struct QuestionTime {
  std::string text;
  CLI::Option* option = nullptr;
};

// Adds the option to `command`; `time` outlives its run.
inline void AddQuestionTime(CLI::App* command, QuestionTime* time) {
  time->option = command->add_option("--at", time->text,
                                     "Judged as of this time to come, such as "
                                     "2027-01-01T00:00:00Z; without it now");
}

// Sets `at` of the request if the option was given; INVALID_ARGUMENT for "at" if it is no time.
template <typename Request>
Status SetQuestionTime(const QuestionTime& time, Request* request) {
  if (time.option->count() == 0) return OkStatus();
  const auto at = ParseTime(time.text);
  if (!at.ok()) return at.status().Within("at");
  *request->mutable_at() = google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(*at);
  return OkStatus();
}

}  // namespace cordon
