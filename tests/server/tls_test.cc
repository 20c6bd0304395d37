// S6, certificates: over real TLS, somebody is let in who should not be, or turned away while files
// are replaced. And keys that outlive their end.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "engine/base/limits.h"
#include "tests/effort.h"
#include "tests/server/tls_world.h"

namespace cordon {
namespace {

// A certificate, and what a call by it must end with.
struct BadCertificate {
  const char* what;
  Issued certificate;
  Code code;
};

class BadCertificates : public Tls {
 protected:
  // A server that knows some names, one of whose keys is revoked and one of which has ended, and
  // that denies one certificate and all of one CA.
  void Prepare() {
    Start();
    for (const char* name : {"spiffe://corp/app", "uri:https://corp/app", "dns:app.corp",
                             "dns:two.corp", "dns:somebody"}) {
      MakeCertificateKey(name);
    }
    const std::string revoked = MakeCertificateKey("dns:revoked.corp");
    MakeCertificateKey("dns:ends.corp", ExpiresIn(4));
    for (const char* good : {"URI:spiffe://corp/app", "URI:https://corp/app", "DNS:app.corp",
                             "DNS:APP.Corp", "DNS:other.corp,DNS:app.corp", "DNS:revoked.corp",
                             "DNS:ends.corp", "URI:spiffe://corp/app,DNS:two.corp"}) {
      EXPECT_EQ(Connect(clients_.Issue(For(good))).Knock(), Code::OK) << good;
    }
    Revoke(revoked);
    Put(config_.tls.client_ca, clients_.pem() + lost_.pem());
    ASSERT_TRUE(
        Deny(Fingerprint(denied_) + "certificates { issuer: 'o=corp, CN = Lost CA' }").ok());
    ASSERT_TRUE(Until([&] { return Said("new files are in force"); }));
    Client ended = Connect(clients_.Issue(For("DNS:ends.corp")));
    ASSERT_TRUE(Until([&] { return ended.Knock() != Code::OK; }));
  }

  // By TLS itself: the handshake fails.
  std::vector<BadCertificate> RefusedByTls() const {
    const auto with = [&](auto change) {
      Wish wish = app_;
      change(&wish);
      return clients_.Issue(wish);
    };
    const CertificateAuthority unknown("Client CA");
    return {
        {"expired", with([](Wish* w) { w->until_s = -1; }), Code::UNAVAILABLE},
        {"not yet valid", with([](Wish* w) { w->from_s = 600; }), Code::UNAVAILABLE},
        {"of a CA of the same name", unknown.Issue(app_), Code::UNAVAILABLE},
        {"of the server's CA", server_ca_.Issue(app_), Code::UNAVAILABLE},
        {"self-signed", CertificateAuthority::SelfSigned(app_), Code::UNAVAILABLE},
        {"of a leaf", CertificateAuthority::IssueBy(clients_.Issue(app_), app_), Code::UNAVAILABLE},
        {"a server's", with([](Wish* w) { w->usage = "serverAuth"; }), Code::UNAVAILABLE},
    };
  }

  // By the engine, for each request.
  std::vector<BadCertificate> RefusedByName() const {
    return {
        {"none", {}, Code::UNAUTHENTICATED},
        {"no SAN, the CN is a known name", clients_.Issue(For("")), Code::UNAUTHENTICATED},
        {"an email", clients_.Issue(For("email:app@corp")), Code::UNAUTHENTICATED},
        {"unknown name", clients_.Issue(For("DNS:unknown.corp")), Code::UNAUTHENTICATED},
        {"a longer name", clients_.Issue(For("DNS:app.corp.evil")), Code::UNAUTHENTICATED},
        {"a pattern", clients_.Issue(For("DNS:*.corp")), Code::UNAUTHENTICATED},
        {"a longer path", clients_.Issue(For("URI:spiffe://corp/app/x")), Code::UNAUTHENTICATED},
        {"a SPIFFE ID as host", clients_.Issue(For("DNS:spiffe")), Code::UNAUTHENTICATED},
        {"two known names", clients_.Issue(For("DNS:app.corp,DNS:two.corp")),
         Code::UNAUTHENTICATED},
        {"an unknown SPIFFE ID before a known host",
         clients_.Issue(For("URI:spiffe://corp/x,DNS:app.corp")), Code::UNAUTHENTICATED},
        {"a SPIFFE ID that is one of two URIs",
         clients_.Issue(For("URI:spiffe://corp/app,URI:spiffe://corp/x")), Code::UNAUTHENTICATED},
        {"a revoked key's", clients_.Issue(For("DNS:revoked.corp")), Code::UNAUTHENTICATED},
        {"an ended key's", clients_.Issue(For("DNS:ends.corp")), Code::UNAUTHENTICATED},
        {"denied by fingerprint", denied_, Code::UNAUTHENTICATED},
        {"denied by issuer", lost_.Issue(app_), Code::UNAUTHENTICATED},
    };
  }

  const Wish app_ = For("URI:spiffe://corp/app");
  const Issued denied_ = clients_.Issue(app_);
  const CertificateAuthority lost_{"Lost CA"};
};

TEST_F(BadCertificates, Count) {
  Prepare();
  std::vector<BadCertificate> all = RefusedByTls();
  for (auto& bad : RefusedByName()) all.push_back(std::move(bad));
  Effort effort("S6", all.size());
  int accepted = 0;
  for (const auto& bad : all) {
    effort.More();
    Client client = Connect(bad.certificate);
    const auto status = client.Ask();
    EXPECT_EQ(status.error_code(), bad.code) << bad.what << ": " << status.error_message();
    accepted += status.ok();
    if (bad.code != Code::UNAUTHENTICATED) continue;
    EXPECT_EQ(client.Ask().error_details(), Connect({}).Ask().error_details()) << bad.what;
    // A key counts over any connection, unless its certificate is denied.
    const bool channel = std::string_view(bad.what).find("denied") == std::string_view::npos;
    EXPECT_EQ(client.Knock(dev_) == Code::OK, channel) << bad.what;
  }
  EXPECT_EQ(Connect(clients_.Issue(app_)).Knock(), Code::OK) << "the good one is refused too";
  EXPECT_EQ(Connect(clients_.Issue(app_)).Knock("nonsense"), Code::UNAUTHENTICATED)
      << "a certificate makes a bad key good";
  effort.Report("accepted={}", accepted);
}

TEST_F(Tls, AChannelThatShouldNotCount) {
  Start();
  EXPECT_EQ(Client(Channel({}, clients_.pem())).Knock(dev_), Code::UNAVAILABLE) << "wrong CA";
  EXPECT_EQ(Client(Channel({}, "", "other.corp")).Knock(dev_), Code::UNAVAILABLE) << "wrong name";
  EXPECT_EQ(Client(grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials()))
                .Knock(dev_),
            Code::UNAVAILABLE)
      << "plain text";
}

TEST_F(Tls, AnIdentityOfTwo) {
  Start();
  MakeCertificateKey("dns:app.corp");
  v1::CreateTenantRequest request;
  request.set_name("cobalt");
  v1::CreateTenantResponse cobalt;
  ASSERT_TRUE(admin_->admin().CreateTenant(Client::With(dev_).get(), request, &cobalt).ok());
  for (const auto& by : {dev_, cobalt.key()}) {
    MakeKey("certificate: 'dns:app.corp'", by);
    EXPECT_EQ(made_.error_code(), Code::ALREADY_EXISTS) << made_.error_message();
  }
  for (const char* bad :
       {"app.corp", "dns:", "dns:App.corp", "dns:*.corp", "spiffe://corp", "spiffe:///app",
        "spiffe://corp/", "uri:spiffe://corp/app", "uri:nothing", "cn:app"}) {
    MakeKey(std::string("certificate: '") + bad + "'");
    EXPECT_EQ(made_.error_code(), Code::INVALID_ARGUMENT) << bad;
  }
  MakeKey("certificate: 'dns:theirs.corp' principal: 'service:y'", cobalt.key());
  ASSERT_TRUE(made_.ok()) << made_.error_message();
  Client theirs = Connect(clients_.Issue(For("DNS:theirs.corp")));
  EXPECT_EQ(theirs.Knock(), Code::OK);
  EXPECT_EQ(theirs.Knock(dev_), Code::OK) << "the key counts, not the certificate";
  // The deny list is the tenant's own.
  ASSERT_TRUE(Deny("certificates { issuer: 'CN=Client CA,O=Corp' }").ok());
  EXPECT_EQ(theirs.Knock(), Code::OK);
  EXPECT_EQ(theirs.Knock(dev_), Code::UNAUTHENTICATED);
}

TEST_F(Tls, ARefusedDenial) {
  Start();
  for (const char* bad :
       {"certificates {}", "certificates { issuer: 'Client CA' }",
        "certificates { issuer: '/CN=x' }", "certificates { fingerprint: 'sha256:00' }",
        "certificates { fingerprint: 'aa' }",
        "certificates { fingerprint: 'sha256:00' issuer: 'CN=a' }"}) {
    EXPECT_EQ(Deny(bad).error_code(), Code::INVALID_ARGUMENT) << bad;
  }
  const Issued app = clients_.Issue(For("DNS:app.corp"));
  MakeCertificateKey("dns:app.corp");
  ASSERT_TRUE(Deny(Fingerprint(app)).ok());
  EXPECT_EQ(Connect(app).Knock(), Code::UNAUTHENTICATED);
  Restart();
  EXPECT_EQ(Connect(app).Knock(), Code::UNAUTHENTICATED) << "forgotten over a restart";
  ASSERT_TRUE(Deny("").ok());
  EXPECT_EQ(Connect(app).Knock(), Code::OK) << "an empty list leaves the old one";
}

// A living connection is no way around an end, a revocation or a denial; nor is an open stream.
TEST_F(Tls, AConnectionOutlivesItsRight) {
  Start();
  v1::CreateCollectionResponse made;
  ASSERT_TRUE(
      admin_->admin()
          .CreateCollection(
              Client::With(dev_).get(),
              FromText<v1::CreateCollectionRequest>(
                  "config { name: 'docs' dimension: 8 metric: METRIC_COSINE embedder: "
                  "EMBEDDER_BUILTIN default_label { level: 'public' } default_acl { allow { "
                  "principal: 'everyone' } } }"),
              &made)
          .ok());
  const std::string id = MakeCertificateKey("dns:revoked.corp");
  MakeCertificateKey("dns:app.corp");
  MakeCertificateKey("dns:ends.corp", ExpiresIn(4));
  Wish brief = For("DNS:app.corp");
  brief.until_s = 4;
  const Issued denied = clients_.Issue(For("DNS:app.corp"));
  const std::vector<std::pair<std::string, Issued>> all = {
      {"certificate ended", clients_.Issue(brief)},
      {"certificate denied", denied},
      {"key revoked", clients_.Issue(For("DNS:revoked.corp"))},
      {"key ended", clients_.Issue(For("DNS:ends.corp"))}};
  struct Open {
    Client client;
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientReaderWriter<v1::IngestRequest, v1::IngestResponse>> stream;
  };
  const auto batch =
      FromText<v1::IngestRequest>("collection: 'docs' documents { id: 'd' text: 'words' }");
  std::vector<Open> open;
  for (const auto& [what, certificate] : all) {
    Open& one = open.emplace_back(Open{Connect(certificate), Client::With(""), nullptr});
    EXPECT_EQ(one.client.Knock(), Code::OK) << what;
    one.stream = one.client.ingest().Ingest(one.context.get());
    v1::IngestResponse answer;
    EXPECT_TRUE(one.stream->Write(batch) && one.stream->Read(&answer)) << what;
    EXPECT_EQ(answer.accepted(), 1u) << what;
  }
  Revoke(id);
  ASSERT_TRUE(Deny(Fingerprint(denied)).ok());
  EXPECT_EQ(open[0].client.Knock(dev_), Code::OK);
  for (auto& one : open) EXPECT_TRUE(Until([&] { return one.client.Knock() != Code::OK; }));
  for (size_t i = 0; i < open.size(); ++i) {
    const std::string& what = all[i].first;
    EXPECT_EQ(open[i].client.Knock(), Code::UNAUTHENTICATED) << what;
    EXPECT_EQ(open[i].client.Knock(dev_) == Code::OK, i >= 2) << what << ", with a key";
    v1::IngestResponse answer;
    open[i].stream->Write(batch);
    EXPECT_FALSE(open[i].stream->Read(&answer)) << what << ": the stream goes on";
    EXPECT_EQ(open[i].stream->Finish().error_code(), Code::UNAUTHENTICATED) << what;
  }
}

// Calls that must not fail.
struct Unbroken {
  void Count(const grpc::Status& status) {
    ++calls;
    if (status.ok()) return;
    ++failed;
    std::lock_guard lock(mutex);
    why = status.error_message();
  }

  std::atomic<uint64_t> calls{0}, failed{0};
  std::mutex mutex;
  std::string why;  // of the last that failed; guarded by mutex
};

class Rotations : public Tls {
 protected:
  // From one client CA to the next, and to other certificates of the server's, while clients call:
  // over one connection all the time, and over a new one for each call.
  void RotateUnderClients(const CertificateAuthority& from, const CertificateAuthority& to) {
    const Issued before = from.Issue(For("DNS:app.corp"));
    std::atomic<bool> done{false};
    std::thread staying([&] {
      Client client = Connect(before);
      for (; !done; Sleep(5)) calls_.Count(client.Ask());
    });
    std::thread coming([&] {
      for (; !done; Sleep(5)) calls_.Count(Connect({}).Ask(dev_));
    });
    Sleep(300);
    Rotate(from, to, before, to.Issue(For("DNS:app.corp")));
    done = true;
    staying.join();
    coming.join();
  }

  Unbroken calls_;

 private:
  // Files that do not fit together, in between, change nothing.
  void Rotate(const CertificateAuthority& from, const CertificateAuthority& to,
              const Issued& before, const Issued& after) {
    const size_t logged = Log().size();
    const auto force = [&] { return Connect(after).Knock() == Code::OK; };
    EXPECT_FALSE(force());
    Put(config_.tls.client_ca, from.pem() + to.pem());
    const Issued fresh = server_ca_.Issue(kServer);
    Put(config_.tls.certificate, fresh.certificate);
    EXPECT_TRUE(Until(
        [&] { return Said("server.key is not the key of the first certificate in", logged); }));
    Sleep(300);
    Put(config_.tls.key, fresh.key);
    EXPECT_TRUE(Until(force)) << "the new client CA is not in force";
    EXPECT_EQ(Connect(before).Knock(), Code::OK);
    Put(config_.tls.certificate, "nonsense");
    Put(config_.tls.client_ca, to.pem());
    EXPECT_TRUE(Until([&] { return Said("server.pem holds no certificate", logged); }));
    EXPECT_EQ(Connect(before).Knock(), Code::OK) << "half of what is wrong was taken";
    PutServer(server_ca_.Issue(kServer));
    EXPECT_TRUE(Until([&] { return Connect(before).Knock() == Code::UNAVAILABLE; }))
        << "the old client CA still counts";
    EXPECT_TRUE(force());
    std::filesystem::remove(config_.tls.key);
    EXPECT_TRUE(Until([&] { return Said("server.key cannot open the file", logged); }));
    EXPECT_TRUE(force()) << "a missing file ended the service";
    EXPECT_TRUE(Said("the files before stay in force", logged)) << Log();
    PutServer(server_ca_.Issue(kServer));
  }
};

TEST_F(Rotations, FilesThatAreReplacedTurnClientsAway) {
  Effort effort("S6-certificates", 1);
  auto from = std::make_unique<CertificateAuthority>("Client CA 0");
  Put(config_.tls.client_ca, from->pem());
  Start();
  MakeCertificateKey("dns:app.corp");
  while (!HasFailure() && effort.More()) {
    auto to = std::make_unique<CertificateAuthority>(fmt::format("Client CA {}", effort.rounds()));
    RotateUnderClients(*from, *to);
    from = std::move(to);
    EXPECT_EQ(calls_.failed, 0u) << "of " << calls_.calls << ": " << calls_.why;
  }
  EXPECT_GT(calls_.calls, 20u);
  effort.Report("calls={} failed={}", calls_.calls.load(), calls_.failed.load());
}

TEST_F(Tls, AWrongFileIsServed) {
  const Issued good = server_ca_.Issue(kServer);
  const auto refuses = [&](const std::string& field, const std::string& file) {
    const auto started = Server::Start(config_);
    ASSERT_FALSE(started.ok());
    EXPECT_EQ(started.status().field(), field) << started.status().message();
    EXPECT_NE(started.status().message().find(scratch_ / file), std::string::npos)
        << started.status().message();
  };
  for (const auto& bad :
       {std::string(), std::string("nonsense"), good.key, good.certificate.substr(0, 300)}) {
    PutServer({bad, good.key});
    refuses("tls_cert", "server.pem");
    PutServer(good);
    Put(config_.tls.client_ca, bad);
    refuses("tls_client_ca", "clients.pem");
    Put(config_.tls.client_ca, clients_.pem());
  }
  for (const auto& bad :
       {std::string(), std::string("nonsense"), good.certificate, server_ca_.Issue(kServer).key}) {
    PutServer({good.certificate, bad});
    refuses("tls_key", "server.key");
  }
  for (const auto& [from, until] : {std::pair(-100, -1), std::pair(600, 3600)}) {
    PutServer(server_ca_.Issue({kServer.san, "server", from, until, "serverAuth"}));
    refuses("tls_cert", "server.pem");
  }
  PutServer(good);
  chmod(config_.tls.key.c_str(), 0640);
  refuses("tls_key", "server.key");
  for (const auto& [field, path] :
       {std::pair("tls_key", config_.tls.key), std::pair("tls_cert", config_.tls.certificate),
        std::pair("tls_client_ca", config_.tls.client_ca)}) {
    PutServer(good);
    std::filesystem::remove(path);
    refuses(field, std::filesystem::path(path).filename());
  }
  Put(config_.tls.client_ca, clients_.pem());
  Start();
  EXPECT_EQ(admin_->Knock(dev_), Code::OK);
}

TEST_F(Tls, AKeyOutlivesItsEnd) {
  Start();
  const auto brief = MakeKey(ExpiresIn(4));
  ASSERT_TRUE(made_.ok()) << made_.error_message();
  MakeKey(ExpiresIn(-1));
  EXPECT_EQ(made_.error_code(), Code::INVALID_ARGUMENT) << "created when it had ended";
  EXPECT_EQ(admin_->Knock(brief.key()), Code::OK);
  const auto at_once = MakeKey(""), slowly = MakeKey("");
  std::string key, second, third, none;
  ASSERT_TRUE(Rotate(at_once.id(), 0, &key).ok());
  EXPECT_EQ(admin_->Knock(key), Code::OK);
  EXPECT_EQ(admin_->Knock(at_once.key()), Code::UNAUTHENTICATED);
  ASSERT_TRUE(Rotate(slowly.id(), 4, &second).ok());
  EXPECT_NE(second, slowly.key());
  Restart();
  EXPECT_EQ(admin_->Knock(brief.key()), Code::OK);
  EXPECT_EQ(admin_->Knock(at_once.key()), Code::UNAUTHENTICATED);
  EXPECT_EQ(admin_->Knock(slowly.key()), Code::OK) << "the overlap ended with the restart";
  EXPECT_EQ(admin_->Knock(second), Code::OK);
  for (const auto& key_of : {brief.key(), slowly.key()}) {
    EXPECT_TRUE(Until([&] { return admin_->Knock(key_of) == Code::UNAUTHENTICATED; }));
  }
  EXPECT_EQ(admin_->Knock(second), Code::OK);
  EXPECT_EQ(Rotate(brief.id(), 0, &none).error_code(), Code::INVALID_ARGUMENT) << "ended";
  ASSERT_TRUE(Rotate(slowly.id(), 600, &third).ok());
  Revoke(slowly.id());
  EXPECT_EQ(admin_->Knock(second), Code::UNAUTHENTICATED) << "revoked by halves";
  EXPECT_EQ(admin_->Knock(third), Code::UNAUTHENTICATED);
  EXPECT_EQ(Rotate(slowly.id(), 0, &none).error_code(), Code::NOT_FOUND) << "revoked";
  EXPECT_TRUE(Rotate(at_once.id(), limits::kKeyOverlap_s, &key).ok());
  EXPECT_EQ(Rotate(at_once.id(), limits::kKeyOverlap_s + 1, &none).error_code(),
            Code::INVALID_ARGUMENT);
  EXPECT_EQ(Rotate(MakeCertificateKey("dns:a"), 0, &none).error_code(), Code::INVALID_ARGUMENT);
  EXPECT_EQ(none, "");
}

TEST_F(Tls, AnAdminRaisesItselfByAKey) {
  Start();
  const std::string admin = "principal: 'service:ops' rights: RIGHT_ADMIN ";
  const auto limited = MakeKey(admin + ExpiresIn(600));
  const auto wider = MakeKey(admin + "rights: RIGHT_AUDIT");
  const auto others = MakeKey("principal: 'service:y'");
  std::string key;
  EXPECT_EQ(Rotate(wider.id(), 0, &key, limited.key()).error_code(), Code::PERMISSION_DENIED);
  EXPECT_EQ(Rotate(limited.id(), 60, &key, others.key()).error_code(), Code::PERMISSION_DENIED);
  MakeKey(admin, limited.key());
  EXPECT_EQ(made_.error_code(), Code::PERMISSION_DENIED) << "a key outlives the one it is made by";
  MakeKey(admin + ExpiresIn(601), limited.key());
  EXPECT_EQ(made_.error_code(), Code::PERMISSION_DENIED);
  MakeKey(admin + ExpiresIn(590), limited.key());
  EXPECT_TRUE(made_.ok()) << made_.error_message();
  EXPECT_TRUE(Rotate(limited.id(), 60, &key, limited.key()).ok());
  EXPECT_TRUE(Rotate(others.id(), 0, &key, limited.key()).ok());
}

}  // namespace
}  // namespace cordon
