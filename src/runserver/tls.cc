#include "runserver/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "base/encoding.h"

namespace modelrun::runserver {
namespace {

template <auto Function>
struct FreeBy {
  template <class T>
  void operator()(T* object) const noexcept {
    Function(object);
  }
};
using Certificate = std::unique_ptr<X509, FreeBy<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;

constexpr std::chrono::hours kClockSkew{1};

std::unexpected<Error> openssl_failure(std::string_view what) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return fail(ErrorKind::kInternal, "{}: {}", what, text.data());
}

Memory reader(std::string_view text) {
  return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_of(const Memory& memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

// Without this callback OpenSSL asks for the passphrase of an encrypted key on the terminal.
int no_passphrase(char*, int, int, void*) {
  return 0;
}

std::vector<Certificate> parse_certificates(std::string_view pem) {
  const Memory memory = reader(pem);
  std::vector<Certificate> certificates;
  while (X509* one = PEM_read_bio_X509(memory.get(), nullptr, no_passphrase, nullptr)) certificates.emplace_back(one);
  ERR_clear_error();
  return certificates;
}

Key parse_key(std::string_view pem) {
  const Memory memory = reader(pem);
  Key key(PEM_read_bio_PrivateKey(memory.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return key;
}

std::string pem_of(X509* certificate) {
  const Memory memory(BIO_new(BIO_s_mem()));
  return PEM_write_bio_X509(memory.get(), certificate) == 1 ? text_of(memory) : std::string();
}

std::string pem_of(EVP_PKEY* key) {
  const Memory memory(BIO_new(BIO_s_mem()));
  const int written = PEM_write_bio_PKCS8PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return written == 1 ? text_of(memory) : std::string();
}

std::time_t seconds(Time time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

Time time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return Time{};
  return Time(std::chrono::seconds(::timegm(&parts)));
}

// Sets a positive serial number of 127 random bits. RFC 5280 section 4.1.2.2 requires positive numbers that are unique
// for each authority.
bool set_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return false;
  bytes[0] &= 0x7fU;
  const std::unique_ptr<BIGNUM, FreeBy<BN_free>> number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, FreeBy<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// Makes a certificate that still lacks the issuer, the extensions and the signature. Null when OpenSSL fails.
Certificate draft(EVP_PKEY* key, const std::string& common_name, Time begin, Time end) {
  Certificate certificate(X509_new());
  X509_NAME* name = certificate ? X509_get_subject_name(certificate.get()) : nullptr;
  std::time_t not_before = seconds(begin);
  std::time_t not_after = seconds(end);
  const bool made =
      certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1 && set_serial(certificate.get()) &&
      X509_time_adj_ex(X509_getm_notBefore(certificate.get()), 0, 0, &not_before) != nullptr &&
      X509_time_adj_ex(X509_getm_notAfter(certificate.get()), 0, 0, &not_after) != nullptr &&
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.c_str()),
                                 -1, -1, 0) == 1 &&
      X509_set_pubkey(certificate.get(), key) == 1;
  return made ? std::move(certificate) : nullptr;
}

Result<KeyPair> to_pem(X509* certificate, EVP_PKEY* key) {
  KeyPair pair{pem_of(certificate), pem_of(key)};
  if (pair.certificate_pem.empty() || pair.key_pem.empty()) return openssl_failure("write a certificate as PEM");
  return pair;
}

bool is_dns_name(std::string_view name) {
  return !name.empty() && name.size() <= 253 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string_view::npos;
}

}  // namespace

Result<KeyPair> make_ca(Time now, std::chrono::days validity) {
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failure("make a key");
  // Every authority gets a name of its own, so that a client that trusts two of them finds the one that signed.
  std::array<unsigned char, 8> random{};
  if (RAND_bytes(random.data(), random.size()) != 1) return openssl_failure("make a name");
  std::string name = "modelrun run server CA ";
  for (const unsigned char byte : random) name += fmt::format("{:02x}", byte);
  const Certificate certificate = draft(key.get(), name, now - kClockSkew, now + validity);
  X509* raw = certificate.get();
  const bool made = raw != nullptr && X509_set_issuer_name(raw, X509_get_subject_name(raw)) == 1 &&
                    add_extension(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                    add_extension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                    add_extension(raw, raw, NID_subject_key_identifier, "hash") &&
                    X509_sign(raw, key.get(), EVP_sha256()) > 0;
  if (!made) return openssl_failure("make a certificate authority");
  return to_pem(raw, key.get());
}

Result<KeyPair> issue_certificate(const KeyPair& ca, Time now, std::string_view dns_name, std::chrono::days validity) {
  if (!is_dns_name(dns_name)) return fail(ErrorKind::kInvalid, "issue a certificate: '{}' is no DNS name", dns_name);
  const auto authorities = parse_certificates(ca.certificate_pem);
  const Key ca_key = parse_key(ca.key_pem);
  if (authorities.empty() || !ca_key || X509_check_private_key(authorities.front().get(), ca_key.get()) != 1) {
    return fail(ErrorKind::kInvalid, "issue a certificate: the authority's certificate and key cannot be used");
  }
  X509* issuer = authorities.front().get();
  const Time end = std::min<Time>(now + validity, time_of(X509_get0_notAfter(issuer)));
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failure("make a key");
  const Certificate certificate = draft(key.get(), std::string(dns_name.substr(0, 64)), now - kClockSkew, end);
  X509* raw = certificate.get();
  const bool made = raw != nullptr && X509_set_issuer_name(raw, X509_get_subject_name(issuer)) == 1 &&
                    add_extension(raw, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
                    add_extension(raw, issuer, NID_key_usage, "critical,digitalSignature") &&
                    add_extension(raw, issuer, NID_ext_key_usage, "serverAuth") &&
                    add_extension(raw, issuer, NID_subject_alt_name, fmt::format("DNS:{}", dns_name)) &&
                    add_extension(raw, issuer, NID_authority_key_identifier, "keyid") &&
                    X509_sign(raw, ca_key.get(), EVP_sha256()) > 0;
  if (!made) return openssl_failure("issue a certificate");
  return to_pem(raw, key.get());
}

bool needs_renewal(std::string_view certificate_pem, Time now) {
  const auto certificates = parse_certificates(certificate_pem);
  if (certificates.empty()) return true;
  const Time begin = time_of(X509_get0_notBefore(certificates.front().get()));
  const Time end = time_of(X509_get0_notAfter(certificates.front().get()));
  return now >= begin + (end - begin) / 3 * 2;
}

bool is_signed_by(const KeyPair& leaf, std::string_view ca_certificate_pem, Time now) {
  const auto leaves = parse_certificates(leaf.certificate_pem);
  const auto authorities = parse_certificates(ca_certificate_pem);
  const Key key = parse_key(leaf.key_pem);
  if (leaves.empty() || authorities.empty() || !key) return false;
  X509* certificate = leaves.front().get();
  const bool own_key = X509_check_private_key(certificate, key.get()) == 1;
  ERR_clear_error();
  if (!own_key) return false;
  const auto valid = [now](const X509* one) {
    return time_of(X509_get0_notBefore(one)) <= now && now < time_of(X509_get0_notAfter(one));
  };
  return valid(certificate) && std::ranges::any_of(authorities, [&](const Certificate& authority) {
           const bool match = X509_check_issued(authority.get(), certificate) == X509_V_OK &&
                              X509_verify(certificate, X509_get0_pubkey(authority.get())) == 1;
           ERR_clear_error();
           return match && valid(authority.get());
         });
}

Result<std::string> make_bundle(const std::vector<std::string>& pems, Time now) {
  std::vector<std::string> kept;
  for (const std::string& pem : pems) {
    const auto certificates = parse_certificates(pem);
    if (certificates.empty()) return fail(ErrorKind::kInvalid, "bundle of authorities: one of them is not PEM");
    for (const Certificate& certificate : certificates) {
      std::string text = pem_of(certificate.get());
      const bool expired = time_of(X509_get0_notAfter(certificate.get())) <= now;
      if (!expired && std::ranges::find(kept, text) == kept.end()) kept.push_back(std::move(text));
    }
  }
  if (kept.empty()) return fail(ErrorKind::kInvalid, "bundle of authorities: none of them is valid any more");
  return fmt::format("{}", fmt::join(kept, ""));
}

}  // namespace modelrun::runserver
