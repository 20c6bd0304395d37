// The figures of metrics.h in the text format of Prometheus, version 0.0.4.
#pragma once

#include <chrono>
#include <string>

namespace cordon {

class Engine;
struct Front;

// Waits for no disk.
std::string MetricsText(Engine* engine, const Front& front,
                        std::chrono::system_clock::time_point started);

}  // namespace cordon
