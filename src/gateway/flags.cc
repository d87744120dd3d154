#include "gateway/flags.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/file.h"

namespace modelrun::gateway {
namespace {

// The command-line texts of flags that take_texts() parses after CLI11 is done.
struct Texts {
  std::string listen = "127.0.0.1:8443";
  std::string auth = "on";
  std::string jwt_issuers;
  traces::TraceFlags traces;
  int stop_grace = 20;
  int drain = 5;
};

void add_cluster_options(CLI::App& app, Flags& flags) {
  runtime::add_cluster_flags(app, flags);
  app.add_option("--token-namespace", flags.token_namespace,
                 "namespace of the Secrets that API tokens are checked against")
      ->capture_default_str();
}

void add_listen_options(CLI::App& app, Flags& flags, Texts& texts) {
  app.add_option("--listen", texts.listen, "where /mcp and /v1 are served")->capture_default_str();
  app.add_option("--tls-cert", flags.tls_cert, "certificate chain, PEM; read again when it changes");
  app.add_option("--tls-key", flags.tls_key, "its key, PEM");
  app.add_flag("--insecure-http", flags.insecure_http,
               "plain HTTP beyond loopback, for a proxy in front that speaks TLS: tokens pass unencrypted");
  app.add_option("--allowed-host", flags.app.origins.hosts,
                 "name that clients may use for this gateway in Host and Origin, without port; may be given again; "
                 "localhost always is one");
  app.add_option("--public-url", flags.app.public_url,
                 "what clients call this gateway, e.g. https://models.example.com; without it, from the Host header");
  app.add_option(
         "--drain", texts.drain,
         "seconds that it serves on, unready, when the process is to end, so that no new client is sent to it any more")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  app.add_option("--stop-grace", texts.stop_grace,
                 "seconds that requests under way get after that; a sync run goes on without its call")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
}

void add_auth_options(CLI::App& app, Flags& flags, Texts& texts) {
  app.add_option("--auth", texts.auth, "'off' serves everybody with the gateway's own rights; on loopback only")
      ->check(CLI::IsMember({"on", "off"}))
      ->capture_default_str();
  app.add_option("--default-namespace", flags.default_namespace,
                 "with --auth=off: the namespace of projects that are named without one")
      ->capture_default_str();
  app.add_option("--audience", flags.review.audience, "service-account tokens must be made for this audience")
      ->capture_default_str();
  app.add_option(
      "--cluster-issuer", flags.review.issuer,
      "issuer of the cluster's service-account tokens; tokens of others are not shown to the cluster. Without it, "
      "that of the pod's own token, or else the one that the API server publishes");
  app.add_option(
         "--jwt-issuers", texts.jwt_issuers,
         "JSON file: a list of issuers whose JWTs are accepted, each with issuer, audiences, userPrefix, groupPrefix, "
         "namespace; and perhaps jwksURL, caFile, refreshSeconds, userClaim, groupsClaim, namespaceClaim")
      ->check(CLI::ExistingFile);
  app.add_option("--authorization-server", flags.app.authorization_servers,
                 "issuer that clients are told to get tokens from (RFC 9728); may be given again; without it, those of "
                 "--jwt-issuers");
}

void add_limit_options(CLI::App& app, Flags& flags) {
  app.add_option("--rate", flags.app.rate.per_second,
                 "requests a second for one caller; the service accounts of a namespace are one")
      ->check(CLI::Range(0.01, 1e6))
      ->capture_default_str();
  app.add_option("--burst", flags.app.rate.burst, "requests at once for one caller")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  app.add_option("--max-waiting", flags.app.waiting.total,
                 "calls that wait for runs or sweeps at once; some 15 KiB each")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--max-waiting-per-caller", flags.app.waiting.per_caller,
                 "of them, for one caller; the service accounts of a namespace are one")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--max-logs", flags.app.logs.total, "logs that are followed at once; a thread each")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  app.add_option("--max-logs-per-caller", flags.app.logs.per_caller, "of them, for one caller")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  app.add_option("--max-connections-per-peer", flags.max_connections_per_peer,
                 "connections from one address (of IPv6: from one /64 network); a proxy in front is one address")
      ->check(CLI::Range(1, 200'000))
      ->capture_default_str();
}

// Resolves each caFile relative to the directory of the file that names it. The files are opened here so that a wrong
// path is reported at the start and not when the first token arrives.
Result<void> find_ca_files(const std::string& issuers_file, std::vector<JwtIssuer>& issuers) {
  for (auto& issuer : issuers) {
    if (issuer.ca_file.empty()) continue;
    issuer.ca_file = std::filesystem::path(issuers_file).parent_path() / issuer.ca_file;
    if (!std::ifstream(issuer.ca_file)) {
      return fail(ErrorKind::kInvalid, "--jwt-issuers: issuer {}: caFile {} cannot be read", issuer.issuer,
                  issuer.ca_file);
    }
  }
  return {};
}

// The URL without a slash at its end. Clients build other URLs from it, and learn from it where to get a token.
Result<std::string> checked_public_url(std::string url) {
  if (url.empty()) return url;
  std::string_view rest(url);
  const bool known = rest.starts_with("https://") || rest.starts_with("http://");
  if (known) rest.remove_prefix(rest.find("//") + 2);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (!known || !host_of(rest)) {
    return fail(
        ErrorKind::kInvalid,
        "--public-url: '{}' is no URL such as https://models.example.com: http or https, a host name and perhaps a "
        "port, without user, path, query and fragment",
        url);
  }
  if (url.ends_with('/')) url.pop_back();
  return url;
}

Result<void> take_texts(const Texts& texts, Flags& flags) {
  const auto listen = parse_endpoint(texts.listen);
  if (!listen) return fail_in("--listen", listen.error());
  if (!texts.jwt_issuers.empty()) {
    const auto text = read_file(texts.jwt_issuers);
    if (!text) return fail_in("--jwt-issuers", text.error());
    auto issuers = parse_jwt_issuers(*text);
    if (!issuers) return fail_in("--jwt-issuers", issuers.error());
    flags.jwt_issuers = std::move(*issuers);
    RETURN_IF_ERROR(find_ca_files(texts.jwt_issuers, flags.jwt_issuers));
  }
  for (auto& host : flags.app.origins.hosts) {
    const auto name = host_of(host);
    if (!name) return fail(ErrorKind::kInvalid, "--allowed-host: '{}' is no host name", host);
    host = *name;
  }
  if (flags.app.authorization_servers.empty()) {
    for (const auto& issuer : flags.jwt_issuers) flags.app.authorization_servers.push_back(issuer.issuer);
  }
  auto url = checked_public_url(flags.app.public_url);
  RETURN_IF_ERROR(url);
  flags.app.public_url = std::move(*url);
  flags.listen = *listen;
  flags.drain = std::chrono::seconds(texts.drain);
  flags.auth = texts.auth == "on";
  flags.stop_grace = std::chrono::seconds(texts.stop_grace);
  auto settings = traces::read_settings(texts.traces, traces::process_environment);
  RETURN_IF_ERROR(settings);
  flags.traces = std::move(*settings);
  flags.app.resource_scheme = flags.tls_cert.empty() ? "http" : "https";
  return check_flags(flags);
}

}  // namespace

Result<void> check_flags(const Flags& flags) {
  const bool loopback = is_loopback(flags.listen.address);
  if (!flags.auth && !loopback) {
    return fail(ErrorKind::kInvalid, "--auth=off serves everybody who can connect: it needs --listen 127.0.0.1:PORT");
  }
  const auto& namespaces = flags.watch_namespaces;
  if (!flags.auth && !namespaces.empty() &&
      std::ranges::find(namespaces, flags.default_namespace) == namespaces.end()) {
    return fail(ErrorKind::kInvalid,
                "--default-namespace {}, which everybody has with --auth=off, is not in --watch-namespaces",
                flags.default_namespace);
  }
  if (flags.tls_cert.empty() != flags.tls_key.empty()) {
    return fail(ErrorKind::kInvalid, "--tls-cert and --tls-key go together");
  }
  if (flags.tls_cert.empty() && !loopback && !flags.insecure_http) {
    return fail(ErrorKind::kInvalid,
                "tokens would pass unencrypted: give --tls-cert and --tls-key, or --insecure-http behind a proxy that "
                "speaks TLS");
  }
  return {};
}

std::variant<Flags, int> parse_flags(int argc, const char* const* argv) {
  Flags flags;
  flags.http_listen = {"127.0.0.1", 8080};
  Texts texts;
  CLI::App app("Serves ModelRun to MCP clients (/mcp) and over plain HTTP (/v1, /openapi.json).", "modelrun-gateway");
  app.set_version_flag("--version", MODELRUN_VERSION);
  app.footer(
      "Examples:\n"
      "  # on your own machine, with the rights of your kubeconfig\n"
      "  modelrun-gateway --auth=off --listen 127.0.0.1:8443 --default-namespace team-a\n"
      "  # in a cluster, for many\n"
      "  modelrun-gateway --listen 0.0.0.0:8443 --tls-cert tls.crt --tls-key tls.key --allowed-host "
      "models.example.com");
  add_cluster_options(app, flags);
  add_listen_options(app, flags, texts);
  add_auth_options(app, flags, texts);
  add_limit_options(app, flags);
  traces::add_trace_flags(app, texts.traces);
  runtime::add_process_flags(app, flags);
  const auto left = runtime::parse_command_line(app, argc, argv, flags, [&] { return take_texts(texts, flags); });
  if (left) return *left;
  return flags;
}

}  // namespace modelrun::gateway
