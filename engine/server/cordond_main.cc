// cordond: reads its settings, serves until SIGTERM or SIGINT, drains, and exits.
#include <absl/synchronization/mutex.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/cfg/env.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "engine/base/check.h"
#include "engine/format.h"
#include "engine/index/blas_core.h"
#include "engine/restore.h"
#include "engine/server/server.h"
#include "engine/server/tls_files.h"
#include "engine/upgrade.h"
#include "tools/cordon/offline/offline.h"

// Read by jemalloc: memory in huge pages. A start takes gigabytes, of which the kernel clears and
// enters each page, and a fifth of its processor time goes with 4 KiB pages alone.
extern "C" const char* malloc_conf;
const char* malloc_conf = "thp:always";

namespace cordon {
namespace {

constexpr char kExamples[] =
    "Examples:\n"
    "  cordond --dev --data-dir ./try --listen 127.0.0.1:7420   to try and develop\n"
    "  cordond init --data-dir /srv/cordon --journal-dir /journal/cordon\n"
    "  cordond --data-dir /srv/cordon --journal-dir /journal/cordon --listen 127.0.0.1:7420\n"
    "  cordond restore --from /backup/cordon --data-dir /srv/new --journal-dir /journal/cordon \\\n"
    "      --journal-key /srv/cordon/journal.key --keys-dir /srv/cordon/keys \\\n"
    "      --master-key /srv/cordon/master.key\n"
    "  cordond --data-dir /srv/cordon --listen 0.0.0.0:7420 --tls-cert server.pem "
    "--tls-key server.key --tls-client-ca clients.pem\n";

int Fail(const Status& status) {
  std::fflush(stdout);
  fmt::print(stderr, "cordond: {}{}{}\n", status.field(), status.field().empty() ? "" : ": ",
             status.message());
  return 1;
}

// Vectors and keys are in memory: no core dumps, no attaching by other processes of the user.
void KeepMemoryPrivate() { prctl(PR_SET_DUMPABLE, 0); }

int stop_pipe[2];  // its writer is the handler below

// A handler, and no blocked signals: libraries start threads before main() that block none.
void CatchStopSignals() {
  CORDON_CHECK(pipe2(stop_pipe, O_CLOEXEC) == 0);
  struct sigaction action = {};
  action.sa_flags = SA_RESTART;
  action.sa_handler = [](int) {
    const int error = errno;
    [[maybe_unused]] const auto written = write(stop_pipe[1], "", 1);
    errno = error;
  };
  for (const int signal : {SIGTERM, SIGINT}) sigaction(signal, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void WaitForStopSignal() {
  char byte;
  while (read(stop_pipe[0], &byte, 1) < 0 && errno == EINTR) continue;
}

int Serve(const Config& config) {
  CatchStopSignals();
  auto server = Server::Start(config);
  if (!server.ok()) return Fail(server.status());
  fmt::print("listening on {}\n", (*server)->address());
  if (!(*server)->metrics_address().empty()) {
    fmt::print("metrics on http://{}/metrics\n", (*server)->metrics_address());
  }
  std::fflush(stdout);
  WaitForStopSignal();
  spdlog::info("stopping");
  (*server)->Stop();
  return 0;
}

int Init(const DataPaths& paths) {
  if (const Status created = InitStore(paths, /*dev=*/false); !created.ok()) return Fail(created);
  fmt::print("created a store in {}\nits first key is in {}\n", paths.data_dir, paths.AdminKey());
  return 0;
}

int Restore(const std::string& from, uint32_t id, const DataPaths& paths) {
  const auto restored = RestoreStore(from, id, paths);
  if (!restored.ok()) return Fail(restored.status());
  fmt::print(
      "restored to {}: content up to revision {}; {} changes since then told by the "
      "journal, which ends at revision {}\n"
      "documents written after the backup are lost and their keys destroyed: the store before and "
      "newer backups are refused from now on\n",
      paths.data_dir, restored->backed_up, restored->replayed, restored->revision);
  return 0;
}

int UpgradeStore(const DataPaths& paths) {
  const auto before = Upgrade(paths);
  if (!before.ok()) return Fail(before.status());
  if (*before == kFormatVersion) {
    fmt::print("{} has format '{}' already\n", paths.data_dir, kFormatVersion);
  } else {
    fmt::print("upgraded {} from format '{}' to '{}'\n", paths.data_dir, *before, kFormatVersion);
  }
  return 0;
}

void AddPaths(CLI::App* app, DataPaths* paths) {
  app->add_option("--data-dir", paths->data_dir, "the store's directory");
  app->add_option("--journal-dir", paths->journal_dir,
                  "the journals' directory, in production on another volume");
  app->add_option("--journal-key", paths->journal_key, "the journal's key file");
  app->add_option("--keys-dir", paths->keys_dir,
                  "the documents' keys' directory, in production on another volume");
  app->add_option("--master-key", paths->master_key, "the key file that seals them");
  app->add_option("--master-key-command", paths->master_key_command,
                  "or the program, an absolute path, that prints that key")
      ->type_name("PROGRAM");
}

// What a flag says counts more than what the file says.
void Override(const Config& flags, Config* config) {
  const auto set = [](const std::string& flag, std::string* value) {
    if (!flag.empty()) *value = flag;
  };
  set(flags.paths.data_dir, &config->paths.data_dir);
  set(flags.paths.journal_dir, &config->paths.journal_dir);
  set(flags.paths.journal_key, &config->paths.journal_key);
  set(flags.paths.keys_dir, &config->paths.keys_dir);
  set(flags.paths.keys_copy_dir, &config->paths.keys_copy_dir);
  const bool master = !(flags.paths.master_key + flags.paths.master_key_command).empty();
  if (master) {  // one flag overrules both settings
    config->paths.master_key = flags.paths.master_key;
    config->paths.master_key_command = flags.paths.master_key_command;
  }
  set(flags.tls.certificate, &config->tls.certificate);
  set(flags.tls.key, &config->tls.key);
  set(flags.tls.client_ca, &config->tls.client_ca);
  set(flags.token_vocabulary, &config->token_vocabulary);
  set(flags.backup_dir, &config->backup_dir);
  set(flags.metrics_listen, &config->metrics_listen);
}

// What the server is started with.
struct Flags {
  Config config;
  std::string file;
  uint64_t accept_loss_to = 0;
  CLI::Option* listen = nullptr;
  CLI::Option* accept = nullptr;
};

void AddFlags(CLI::App* app, Flags* flags) {
  Config& config = flags->config;
  AddPaths(app, &config.paths);
  app->add_option("--keys-copy-dir", config.paths.keys_copy_dir,
                  "where the newest copy of the documents' keys is kept, on another volume");
  flags->listen = app->add_option("--listen", config.listen, "HOST:PORT; port 0 picks one");
  app->add_option("--tls-cert", config.tls.certificate,
                  "the server's certificate chain (PEM); beyond loopback it takes TLS")
      ->type_name("FILE");
  app->add_option("--tls-key", config.tls.key, "its private key (PEM, mode 0600)")
      ->type_name("FILE");
  app->add_option("--tls-client-ca", config.tls.client_ca,
                  "the CAs whose client certificates authenticate (PEM)")
      ->type_name("FILE");
  app->add_option("--token-vocabulary", config.token_vocabulary,
                  "counts tokens by this byte-pair vocabulary (lines of base64 and rank)")
      ->type_name("FILE");
  app->add_option("--config", flags->file, "a YAML file with the same settings");
  app->add_flag("--dev", config.dev, "development mode: loopback only, key in DIR/dev/admin.key");
  app->add_option("--backup-dir", config.backup_dir, "where backups go, on another volume");
  app->add_option("--metrics-listen", config.metrics_listen,
                  "HOST:PORT where Prometheus may scrape; port 0 picks one")
      ->type_name("HOST:PORT");
  app->add_flag("--metrics-beyond-loopback", config.metrics_beyond_loopback,
                "metrics on another address: for whoever reaches it, in plain text");
  flags->accept = app->add_option("--accept-loss-to", flags->accept_loss_to,
                                  "serve a store that ends at this revision, behind its journal");
}

// The file's settings, and what flags say in their place.
StatusOr<Config> ConfigOf(const Flags& flags) {
  Config config;
  if (!flags.file.empty()) RETURN_IF_ERROR(ReadConfig(flags.file, &config));
  Override(flags.config, &config);
  if (flags.listen->count() > 0) config.listen = flags.config.listen;
  if (flags.accept->count() > 0) config.accept_loss_to = flags.accept_loss_to;
  config.dev = flags.config.dev;
  if (flags.config.metrics_beyond_loopback) config.metrics_beyond_loopback = true;
  if (config.paths.data_dir.empty()) return Invalid("data_dir", "missing; give --data-dir DIR");
  return config;
}

int Main(int argc, char** argv) {
  CLI::App app("cordond: the server of Cordon, an authorization-aware retrieval engine");
  app.footer(kExamples);
  Flags flags;
  AddFlags(&app, &flags);
  app.set_version_flag("--version", CORDON_VERSION);
  CLI::App* init = app.add_subcommand("init", "create a store and its first key");
  DataPaths init_paths;
  AddPaths(init, &init_paths);
  CLI::App* restore =
      app.add_subcommand("restore", "make a store of a backup, with the newest journal and keys");
  DataPaths restore_paths;
  std::string from;
  uint32_t backup_id = 0;
  AddPaths(restore, &restore_paths);
  restore->add_option("--from", from, "the backups' directory")->required();
  restore->add_option("--backup", backup_id, "the backup's number; else the newest");
  CLI::App* upgrade =
      app.add_subcommand("upgrade", "make a store of an older format one of this program's");
  DataPaths upgrade_paths;
  AddPaths(upgrade, &upgrade_paths);
  std::function<int()> offline;
  AddOfflineCommands(app, &offline);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  if (offline) return offline();
  if (init->parsed()) {
    const DataPaths& paths = init_paths.data_dir.empty() ? flags.config.paths : init_paths;
    if (paths.data_dir.empty()) return Fail(Invalid("data_dir", "missing; give --data-dir DIR"));
    return Init(paths);
  }
  if (restore->parsed()) {
    if (restore_paths.data_dir.empty()) {
      return Fail(Invalid("data_dir", "missing; give --data-dir NEW"));
    }
    return Restore(from, backup_id, restore_paths);
  }
  if (upgrade->parsed()) {
    if (upgrade_paths.data_dir.empty()) {
      return Fail(Invalid("data_dir", "missing; give --data-dir DIR"));
    }
    return UpgradeStore(upgrade_paths);
  }
  const auto config = ConfigOf(flags);
  return config.ok() ? Serve(*config) : Fail(config.status());
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) {
  // Debian's absl is built to abort on suspected lock-order cycles, and gRPC's mutexes are absl's.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // What gRPC logs of a failed start is said better by Fail(); a value that is set stays.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  spdlog::set_default_logger(spdlog::stderr_color_mt("cordond"));
  spdlog::cfg::load_env_levels();  // SPDLOG_LEVEL=debug also tells why tokens are refused
  umask(077);                      // what the server creates is nobody else's to read
  cordon::ChooseCipherSuites();
  cordon::KeepMemoryPrivate();
  cordon::ChooseBlasCore();
  return cordon::Main(argc, argv);
}
