#include "tools/cordon/session.h"

#include <fmt/format.h>

#include <charconv>

#include "tools/cordon/secret_file.h"

namespace cordon {

Status CheckServerAddress(std::string_view address) {
  const Status refused =
      Invalid("server", fmt::format("\"{}\" is not HOST:PORT, such as 127.0.0.1:7420", address));
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return refused;
  const std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (host.find_first_of("/@ ") != std::string_view::npos) return refused;
  if (!bracketed && host.find(':') != std::string_view::npos) return refused;
  int number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool whole = error == std::errc() && end == port.data() + port.size();
  if (!whole || number < 1 || number > 65535) return refused;
  return OkStatus();
}

Output& Session::output() {
  if (!output_) output_ = std::make_unique<Output>(shared_.json, out_, err_);
  return *output_;
}

StatusOr<std::string> Session::ReadSecret(std::string_view option, const std::string& path) {
  if (path.empty()) return std::string();
  ASSIGN_OR_RETURN(SecretFile file, ReadSecretFile(path, option));
  if (file.exposed) {
    output().Note(fmt::format("warning: others can read {}; run: chmod 600 {}", path, path));
  }
  return std::move(file.secret);
}

StatusOr<Connection*> Session::Connect() {
  if (connection_) return connection_.get();
  RETURN_IF_ERROR(CheckServerAddress(shared_.server));
  ASSIGN_OR_RETURN(std::string key, ReadSecret("key-file", shared_.key_file));
  ASSIGN_OR_RETURN(std::string token, ReadSecret("user-token-file", shared_.user_token_file));
  connection_ = std::make_unique<Connection>(shared_.server, std::move(key));
  connection_->ForwardUserToken(std::move(token));
  return connection_.get();
}

}  // namespace cordon
