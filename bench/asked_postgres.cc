#include "bench/asked_postgres.h"

#include <fmt/format.h>

#include <bit>
#include <type_traits>
#include <utility>

#include "bench/tool.h"

namespace cordon::bench {
namespace {

constexpr char kAsk[] = "ask";
constexpr char kClasses[] = "$classes";
constexpr size_t kCopyBytes = 1 << 20;
constexpr int kBinary = 1;

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using PgResult = std::unique_ptr<PGresult, ClearResult>;

// What PostgreSQL and pgvector send and take as bytes is big-endian.
template <typename T>
void Append(T value, std::string* out) {
  const auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (size_t shift = 8 * sizeof(T); shift > 0;) {
    shift -= 8;
    *out += static_cast<char>(bits >> shift & 0xff);
  }
}

void AppendVector(const float* vector, size_t dimension, std::string* out) {
  Append(static_cast<int16_t>(dimension), out);
  Append(int16_t{0}, out);
  for (size_t i = 0; i < dimension; ++i) Append(std::bit_cast<uint32_t>(vector[i]), out);
}

uint64_t ReadBigEndian(const char* bytes, int size) {
  uint64_t value = 0;
  for (int i = 0; i < size; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

PgConnection Open(const std::string& folder, const std::string& role) {
  const std::string where = fmt::format("host='{}' user={} dbname=postgres", folder, role);
  PgConnection connection(PQconnectdb(where.c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK) Fail(PQerrorMessage(connection.get()));
  return connection;
}

std::vector<std::string> RunOn(PGconn* connection, const std::string& statement) {
  const PgResult result(PQexec(connection, statement.c_str()));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    Fail(statement.substr(0, 80) + ": " + PQerrorMessage(connection));
  }
  std::vector<std::string> values;
  for (int i = 0; i < PQntuples(result.get()); ++i) {
    values.emplace_back(PQgetvalue(result.get(), i, 0));
  }
  return values;
}

std::string Role(size_t caller) { return fmt::format("caller_{}", caller); }

}  // namespace

AskedPostgres::AskedPostgres(const std::string& folder, const AskedWorld& world)
    : folder_(folder), world_(world), owner_(Open(folder, "postgres")) {
  Run("SET client_min_messages = warning");
}

std::vector<std::string> AskedPostgres::Run(const std::string& statement) {
  return RunOn(owner_.get(), statement);
}

void AskedPostgres::Fill() {
  const PgResult begun(PQexec(owner_.get(), "COPY chunks FROM STDIN (FORMAT binary)"));
  if (PQresultStatus(begun.get()) != PGRES_COPY_IN) Fail(PQerrorMessage(owner_.get()));
  std::string bytes("PGCOPY\n\377\r\n\0", 11);
  const auto send = [&] {
    if (PQputCopyData(owner_.get(), bytes.data(), static_cast<int>(bytes.size())) != 1) {
      Fail(PQerrorMessage(owner_.get()));
    }
    bytes.clear();
  };
  Append(int32_t{0}, &bytes);  // no flags
  Append(int32_t{0}, &bytes);  // and no more of a header
  const size_t dimension = world_.set.dimension;
  for (size_t c = 0; c < world_.classes.count; ++c) {
    for (const uint32_t row : world_.classes.rows[c]) {
      Append(int16_t{3}, &bytes);  // columns, each after its length
      Append(int32_t{8}, &bytes);
      Append(int64_t{row}, &bytes);
      Append(int32_t{4}, &bytes);
      Append(static_cast<int32_t>(c), &bytes);
      Append(static_cast<int32_t>(4 + 4 * dimension), &bytes);
      AppendVector(world_.set.base.row(row), dimension, &bytes);
      if (bytes.size() > kCopyBytes) send();
    }
  }
  Append(int16_t{-1}, &bytes);  // the end
  send();
  if (PQputCopyEnd(owner_.get(), nullptr) != 1) Fail(PQerrorMessage(owner_.get()));
  while (const PgResult done{PQgetResult(owner_.get())}) {
    if (PQresultStatus(done.get()) != PGRES_COMMAND_OK) Fail(PQerrorMessage(owner_.get()));
  }
}

std::string AskedPostgres::ListOf(size_t caller) const {
  const std::vector<uint32_t> classes = ClassesOf(world_.cells[cell_].callers[caller]);
  return fmt::format("'{{{}}}'", fmt::join(classes.begin(), classes.end(), ","));
}

void AskedPostgres::Enter(size_t cell) {
  cell_ = cell;
  callers_.clear();
  Run("TRUNCATE entitlements");
  const bool l2 = world_.set.metric == Metric::kL2;
  // Of normalised vectors the inner product, which is the quickest, gives the order of the cosine.
  const std::string ask =
      fmt::format("SELECT id FROM chunks ORDER BY embedding {} $1::vector LIMIT {}",
                  l2 ? "<->" : "<#>", world_.k);
  for (size_t n = 0; n < world_.cells[cell].callers.size(); ++n) {
    Run(fmt::format("INSERT INTO entitlements SELECT '{}', c FROM unnest({}::int[]) AS c", Role(n),
                    ListOf(n)));
    PgConnection connection = Open(folder_, Role(n));
    RunOn(connection.get(), "SET bench.classes = " + ListOf(n));
    const PgResult prepared(PQprepare(connection.get(), kAsk, ask.c_str(), 0, nullptr));
    if (PQresultStatus(prepared.get()) != PGRES_COMMAND_OK) {
      Fail(PQerrorMessage(connection.get()));
    }
    callers_.push_back(std::move(connection));
  }
  Run("VACUUM ANALYZE entitlements");
}

void AskedPostgres::SetPolicy(const std::string& expression) {
  for (size_t n = 0; n < callers_.size(); ++n) {
    std::string own = expression;
    if (const size_t at = own.find(kClasses); at != std::string::npos) {
      own.replace(at, sizeof(kClasses) - 1, ListOf(n) + "::int[]");
    }
    Run(fmt::format("DROP POLICY IF EXISTS of_{} ON chunks", Role(n)));
    Run(fmt::format("CREATE POLICY of_{0} ON chunks FOR SELECT TO {0} USING ({1})", Role(n), own));
  }
}

std::vector<std::string> AskedPostgres::Set(const std::string& statements) {
  std::vector<std::string> plan;
  for (const PgConnection& connection : callers_) {
    RunOn(connection.get(), statements);
    RunOn(connection.get(), "DISCARD PLANS");
    const float* any = world_.set.held_out.row(0);
    const std::string explain = fmt::format("EXPLAIN (COSTS OFF) EXECUTE {}('[{}]')", kAsk,
                                            fmt::join(any, any + world_.set.dimension, ","));
    std::vector<std::string> lines = RunOn(connection.get(), explain);
    if (plan.empty()) plan = std::move(lines);
  }
  return plan;
}

void AskedPostgres::Ask(size_t caller, const float* query, std::vector<uint32_t>* rows) {
  bytes_.clear();
  AppendVector(query, world_.set.dimension, &bytes_);
  const char* const value = bytes_.data();
  const int length = static_cast<int>(bytes_.size());
  PGconn* connection = callers_[caller].get();
  const PgResult result(PQexecPrepared(connection, kAsk, 1, &value, &length, &kBinary, kBinary));
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) Fail(PQerrorMessage(connection));
  rows->clear();
  for (int i = 0; i < PQntuples(result.get()); ++i) {
    const char* id = PQgetvalue(result.get(), i, 0);
    rows->push_back(static_cast<uint32_t>(ReadBigEndian(id, PQgetlength(result.get(), i, 0))));
  }
}

}  // namespace cordon::bench
