// PostgreSQL with pgvector and row-level security, asked over its socket by libpq: statements that
// are prepared, vectors and ids as bytes. Each caller has a role and a connection of its own, so
// that nothing is sent when another one asks.
#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/asked.h"

namespace cordon::bench {

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using PgConnection = std::unique_ptr<PGconn, FinishConnection>;

class AskedPostgres : public Asked {
 public:
  // Connects as the owner, to the server whose socket is in `folder`. Borrows the world.
  AskedPostgres(const std::string& folder, const AskedWorld& world);

  // Runs a statement as the owner: the first column of what it gives. Fail()s if it fails.
  std::vector<std::string> Run(const std::string& statement);

  // Copies all rows into `chunks (id, class, embedding)`, class by class.
  void Fill();

  // Tells `entitlements (principal, class)` and each caller's setting bench.classes what the
  // callers of a cell may see.
  void Enter(size_t cell) override;

  // Gives each caller a policy; `$classes` in it becomes the list of what that one may see.
  void SetPolicy(const std::string& expression);

  // Runs statements for each caller, then plans the question anew; the first caller's plan.
  std::vector<std::string> Set(const std::string& statements);

  void Ask(size_t caller, const float* query, std::vector<uint32_t>* rows) override;

 private:
  std::string ListOf(size_t caller) const;

  const std::string folder_;
  const AskedWorld& world_;
  const PgConnection owner_;
  size_t cell_ = 0;
  std::vector<PgConnection> callers_;
  std::string bytes_;
};

}  // namespace cordon::bench
