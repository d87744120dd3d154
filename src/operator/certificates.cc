#include "operator/certificates.h"

#include "api/json_access.h"
#include "base/encoding.h"

namespace modelrun::op {
namespace {

using nlohmann::json;

constexpr int kTries = 5;

// The contents of the Secret.
struct Held {
  runserver::KeyPair ca;
  std::string old_ca_pem;  // the authority before `ca`, or empty
  runserver::KeyPair serving;
};

std::string field(const json& secret, std::string_view name) {
  return base64_decode(api::text_at(api::member(secret, "data"), name)).value_or("");
}

Held read_held(const json& secret) {
  return {{field(secret, "ca.crt"), field(secret, "ca.key")},
          field(secret, "old-ca.crt"),
          {field(secret, "tls.crt"), field(secret, "tls.key")}};
}

json secret_of(const std::string& namespace_, const Held& held) {
  return {
      {"apiVersion", "v1"},
      {"kind", "Secret"},
      {"type", "Opaque"},
      {"metadata",
       {{"name", kTlsSecret}, {"namespace", namespace_}, {"labels", {{"app.kubernetes.io/managed-by", "modelrun"}}}}},
      {"data",
       {{"ca.crt", base64_encode(held.ca.certificate_pem)},
        {"ca.key", base64_encode(held.ca.key_pem)},
        {"old-ca.crt", base64_encode(held.old_ca_pem)},
        {"tls.crt", base64_encode(held.serving.certificate_pem)},
        {"tls.key", base64_encode(held.serving.key_pem)}}}};
}

// Makes what is missing or due for renewal. Returns true when `held` has changed.
Result<bool> renew(Held& held, Time now) {
  bool changed = false;
  if (runserver::needs_renewal(held.ca.certificate_pem, now)) {
    auto ca = runserver::make_ca(now);
    RETURN_IF_ERROR(ca);
    held.old_ca_pem = std::move(held.ca.certificate_pem);
    held.ca = std::move(*ca);
    changed = true;
  }
  if (changed || runserver::needs_renewal(held.serving.certificate_pem, now) ||
      !runserver::is_signed_by(held.serving, held.ca.certificate_pem, now)) {
    auto serving = runserver::issue_certificate(held.ca, now);
    RETURN_IF_ERROR(serving);
    held.serving = std::move(*serving);
    changed = true;
  }
  return changed;
}

Result<Certificates> use(const Held& held, Time now) {
  std::vector<std::string> pems{held.ca.certificate_pem};
  if (!held.old_ca_pem.empty()) pems.push_back(held.old_ca_pem);
  auto bundle = runserver::make_bundle(pems, now);
  RETURN_IF_ERROR(bundle);
  return Certificates{std::move(*bundle), held.serving};
}

}  // namespace

Result<Certificates> ensure_certificates(kube::Client& client, const std::string& namespace_, Time now,
                                         std::stop_token stop) {
  for (int i = 0; i < kTries; ++i) {
    const auto current = client.get(kube::kSecrets, namespace_, kTlsSecret, stop);
    if (!current && current.error().kind != ErrorKind::kNotFound) return std::unexpected(current.error());
    Held held = current ? read_held(*current) : Held{};
    const auto changed = renew(held, now);
    RETURN_IF_ERROR(changed);
    if (!*changed) return use(held, now);
    json secret = secret_of(namespace_, held);
    if (current)
      secret["metadata"]["resourceVersion"] = api::text_at(api::member(*current, "metadata"), "resourceVersion");
    const auto written =
        current ? client.replace(kube::kSecrets, secret, stop) : client.create(kube::kSecrets, secret, stop);
    if (written) return use(held, now);
    if (written.error().kind != ErrorKind::kConflict && written.error().kind != ErrorKind::kExists) {
      return std::unexpected(written.error());
    }
  }
  return fail(ErrorKind::kConflict, "Secret {}/{} keeps changing", namespace_, kTlsSecret);
}

}  // namespace modelrun::op
