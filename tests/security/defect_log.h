// What the engine says about itself: a candidate of the search that the guard has to reject never
// leaves, but it is a defect of the search all the same.
#pragma once

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

namespace cordon {

// Takes the log from now on and counts the defects in it; the rest is dropped. Thread-safe.
class DefectLog {
 public:
  DefectLog() { spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", sink_)); }

  uint64_t defects() const { return sink_->defects; }

 private:
  struct Sink : spdlog::sinks::base_sink<std::mutex> {
    void sink_it_(const spdlog::details::log_msg& message) override {
      if (std::string_view(message.payload.data(), message.payload.size()).starts_with("defect")) {
        ++defects;
      }
    }
    void flush_() override {}

    std::atomic<uint64_t> defects{0};
  };

  const std::shared_ptr<Sink> sink_ = std::make_shared<Sink>();
};

}  // namespace cordon
