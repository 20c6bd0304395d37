// One data directory that a real server serves, is torn from, and must serve again.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/crash/load.h"
#include "tests/crash/server_process.h"
#include "tests/store/scratch_directory.h"

namespace cordon {

// Keys that were told work, and revoked ones never again.
void CheckKeysWork(const LaneState& state, const Stubs& stubs);
// The server finds its own journal whole.
void CheckJournal(const Stubs& stubs, const std::string& bearer);

class ServedStore {
 public:
  // Starts the server, and makes the collection and a key for each of the clients.
  explicit ServedStore(uint64_t seed);

  // Starts the server again and holds what it serves against what the clients know.
  void RestartAndCheck();

  // Waits until a file of an index is being written, for 10 s at most; whether one is. One is some
  // second after the server's start, several on a machine that is busy with other things.
  bool AwaitIndexFile() const;
  // Once the server is gone, however it went: what was erased opens in no file of an index.
  void CheckErased();
  // Stops the server: nor is it in any other file of the store.
  void CheckErasedEverywhere();
  // Of how many erased documents those looked for the words.
  size_t erased() const;
  // How many starts had rows of files, which would else have been read one by one.
  uint64_t StartsFromFiles() const;

  const std::vector<Client*>& clients() const { return view_; }
  const Stubs& stubs() const { return *stubs_; }
  ServerProcess& server() { return server_; }
  uint64_t recovered() const { return witness_.recovered(); }
  uint64_t revision() const { return witness_.revision(); }
  const std::string& admin() const { return admin_; }
  // What is called so beside the server's "data" and "backups".
  std::string path(const std::string& name) const { return scratch_ / name; }

 private:
  void Connect();
  void MakeKey(Client* client);
  std::vector<std::string> Erased();

  ScratchDirectory scratch_;
  ServerProcess server_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Client*> view_;
  std::string admin_;  // the bearer of the development key
  std::unique_ptr<Stubs> stubs_;
  JournalWitness witness_;
};

}  // namespace cordon
