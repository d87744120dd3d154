#include "cloudevents/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "base/encoding.h"
#include "base/text.h"

namespace modelrun::cloudevents {
namespace {

std::string hmac_sha256(const std::string& key, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
       bytes.size(), digest.data(), &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

}  // namespace

Result<Keys> parse_keys(std::string_view text) {
  Keys keys;
  int number = 0;
  for (const auto part : split_at(text, '\n')) {
    ++number;
    const auto line = trimmed(part, " \t\r");
    if (line.empty()) continue;
    if (keys.size() == kMostKeys) return fail(ErrorKind::kInvalid, "there are more than {} keys", kMostKeys);
    auto key = line.starts_with(kKeyPrefix) ? base64_decode(line.substr(kKeyPrefix.size()))
                                            : Result<std::string>(fail(ErrorKind::kInvalid, "no prefix"));
    if (!key || key->size() < kLeastKeyBytes || key->size() > kMostKeyBytes) {
      return fail(ErrorKind::kInvalid, "line {} is not {} and the base64 of {} to {} bytes", number, kKeyPrefix,
                  kLeastKeyBytes, kMostKeyBytes);
    }
    keys.push_back(std::move(*key));
  }
  if (keys.empty()) return fail(ErrorKind::kInvalid, "there is no key");
  return keys;
}

std::string sign(const Keys& keys, std::string_view id, std::int64_t seconds, std::string_view body) {
  const auto text = fmt::format("{}.{}.{}", id, seconds, body);
  std::string signatures;
  for (const auto& key : keys) {
    if (!signatures.empty()) signatures += ' ';
    signatures += "v1," + base64_encode(hmac_sha256(key, text));
  }
  return signatures;
}

outbound::Headers signed_headers(const Keys& keys, const std::string& id, std::int64_t seconds, std::string_view body) {
  return {{"webhook-id", id},
          {"webhook-timestamp", std::to_string(seconds)},
          {"webhook-signature", sign(keys, id, seconds, body)}};
}

}  // namespace modelrun::cloudevents
