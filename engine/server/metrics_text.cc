#include "engine/server/metrics_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/figures.h"
#include "engine/server/calls.h"

namespace cordon {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

double Seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

// The families of one scrape, filled one after the other.
class Families {
 public:
  void Begin(MetricType type, std::string name, std::string help) {
    all_.push_back({std::move(name), std::move(help), type, {}});
  }
  void Add(double value, Labels labels = {}) {
    ClientMetric& metric = Metric(std::move(labels));
    (all_.back().type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  }
  ClientMetric& Metric(Labels labels) {
    ClientMetric& metric = all_.back().metric.emplace_back();
    metric.label = std::move(labels);
    return metric;
  }

  void Counter(std::string name, std::string help, double value) {
    Begin(MetricType::Counter, std::move(name), std::move(help));
    Add(value);
  }
  void Gauge(std::string name, std::string help, double value) {
    Begin(MetricType::Gauge, std::move(name), std::move(help));
    Add(value);
  }

  std::vector<MetricFamily> Take() { return std::move(all_); }

 private:
  std::vector<MetricFamily> all_;
};

// Of a code that has not been answered nothing is said: there would be hundreds of zeros.
void AddRequests(const CallCounts& counts, Families* out) {
  const auto& methods = AllMethods();
  std::vector<CallCounts::Counted> counted;
  for (size_t m = 0; m < methods.size(); ++m) counted.push_back(counts.Of(m));
  out->Begin(MetricType::Counter, "cordon_requests_total", "Calls answered, streams at their end.");
  for (size_t m = 0; m < methods.size(); ++m) {
    for (size_t code = 0; code < CallCounts::kCodes; ++code) {
      const uint64_t count = counted[m].by_code[code];
      if (code != 0 && count == 0) continue;
      const auto name = std::string(CodeName(static_cast<StatusCode>(code)));
      out->Add(static_cast<double>(count), {{"method", methods[m]->name()}, {"code", name}});
    }
  }
  out->Begin(MetricType::Histogram, "cordon_request_seconds",
             "From a call's arrival at its handler to its end.");
  for (size_t m = 0; m < methods.size(); ++m) {
    auto& histogram = out->Metric({{"method", methods[m]->name()}}).histogram;
    for (size_t i = 0; i < counted[m].by_duration.size(); ++i) {
      histogram.sample_count += counted[m].by_duration[i];
      if (i == CallCounts::kUpTo.size()) continue;  // the serializer adds the last bucket
      histogram.bucket.push_back({histogram.sample_count, Seconds(CallCounts::kUpTo[i])});
    }
    histogram.sample_sum = Seconds(counted[m].duration);
  }
}

void AddAdmission(const Front& front, Families* out) {
  Executor::Load endpoints{0, 0};
  for (const auto& [name, calls] : front.outside) {
    const Executor::Load load = calls->executor.load();
    endpoints.waiting += load.waiting;
    endpoints.turned_away += load.turned_away;
  }
  const std::pair<const char*, Executor::Load> pools[] = {{"calls", front.executor->load()},
                                                          {"bulk", front.bulk->load()},
                                                          {"endpoints", endpoints},
                                                          {"backups", front.backups->load()}};
  out->Begin(MetricType::Gauge, "cordon_admission_waiting", "Tasks that wait for a thread now.");
  for (const auto& [pool, load] : pools) {
    out->Add(static_cast<double>(load.waiting), {{"pool", pool}});
  }
  out->Begin(MetricType::Counter, "cordon_admission_refused_total",
             "Tasks that found their queue full.");
  for (const auto& [pool, load] : pools) {
    out->Add(static_cast<double>(load.turned_away), {{"pool", pool}});
  }
}

void AddAlerts(const Figures& figures, const Front& front, Families* out) {
  const auto count = [out](const char* name, const char* help, uint64_t value) {
    out->Counter(name, help, static_cast<double>(value));
  };
  count("cordon_canary_hits_total",
        "Calls by which a canary document left. Alert on each: the log and the journal say who.",
        figures.canary_alerts);
  count("cordon_guard_rejected_total",
        "Candidates of an index that the guard rejected: each a defect. Nothing has leaked.",
        figures.guard_rejections);
  count("cordon_unauthenticated_total", "Credentials that were refused.",
        front.unauthenticated.load(std::memory_order_relaxed));
  count("cordon_quota_refused_total", "Calls and answers that a key's quota refused.",
        figures.metered.refused);
  count("cordon_upkeep_failures_total", "Times that an index could not be trained or merged.",
        figures.writer.upkeep_failures);
  out->Gauge("cordon_writes_failed",
             "1 once store or journal have failed: every write is refused until a restart.",
             figures.writer.failed ? 1 : 0);
  out->Gauge("cordon_journal_failed",
             "1 once a journal has failed: its tenant gets no answers until a restart.",
             figures.journal.failed ? 1 : 0);
  out->Gauge("cordon_clock_in_doubt",
             "1 while the machine's clock has leapt ahead: every call is refused.",
             figures.clock_in_doubt ? 1 : 0);
  out->Gauge("cordon_keys_copy_behind",
             "1 while the copy of the keys lacks a change: erasures get no receipts meanwhile.",
             figures.keys_copy_behind ? 1 : 0);
  out->Gauge("cordon_break_glass_open", "Break-glass accesses that are open.",
             static_cast<double>(figures.open_break_glass));
}

void AddAmounts(const Figures& figures, Families* out) {
  const auto count = [out](const char* name, const char* help, uint64_t value) {
    out->Counter(name, help, static_cast<double>(value));
  };
  const auto gauge = [out](const char* name, const char* help, uint64_t value) {
    out->Gauge(name, help, static_cast<double>(value));
  };
  count("cordon_passages_total", "Passages that left, as quotas count them.",
        figures.metered.left.passages);
  count("cordon_context_tokens_total", "Their tokens.", figures.metered.left.tokens);
  count("cordon_ingested_documents_total", "Documents ingested and acknowledged.",
        figures.writer.documents);
  count("cordon_ingested_chunks_total", "Their chunks.", figures.writer.chunks);
  count("cordon_revisions_total", "Changes that there have ever been.", figures.revisions);
  count("cordon_journal_records_total", "Journal records that are durable, of all times.",
        figures.journal.records);
  out->Begin(MetricType::Summary, "cordon_journal_sync_seconds", "Syncs of the journals.");
  auto& syncs = out->Metric({}).summary;
  syncs.sample_count = figures.journal.syncs;
  syncs.sample_sum = Seconds(figures.journal.syncing);
  gauge("cordon_tenants", "Tenants.", figures.tenants);
  gauge("cordon_documents", "Documents.", figures.documents);
  gauge("cordon_chunks", "Chunks.", figures.chunks);
  gauge("cordon_documents_to_embed", "Documents that a second embedding space still lacks.",
        figures.documents_to_embed);
}

void AddProcess(std::chrono::system_clock::time_point started, Families* out) {
  out->Begin(MetricType::Gauge, "cordon_build_info", "What runs here.");
  out->Add(1, {{"version", CORDON_VERSION}});
  out->Gauge("process_start_time_seconds", "When it began to serve, since 1970.",
             Seconds(started.time_since_epoch()));
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    out->Counter("process_cpu_seconds_total", "Processor time.",
                 seconds(used.ru_utime) + seconds(used.ru_stime));
  }
  uint64_t all = 0, resident = 0;  // in pages
  if (std::ifstream("/proc/self/statm") >> all >> resident) {
    out->Gauge("process_resident_memory_bytes", "Resident memory.",
               static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  }
}

}  // namespace

std::string MetricsText(Engine* engine, const Front& front,
                        std::chrono::system_clock::time_point started) {
  const Figures figures = engine->figures();
  Families out;
  AddAlerts(figures, front, &out);
  AddRequests(front.counts, &out);
  AddAdmission(front, &out);
  AddAmounts(figures, &out);
  AddProcess(started, &out);
  return prometheus::TextSerializer().Serialize(out.Take());
}

}  // namespace cordon
