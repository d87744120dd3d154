// Signatures of what is sent, by which a receiver knows that it comes from here and is not an old one. Pure.
// Source: the Standard Webhooks specification (https://www.standardwebhooks.com), symmetric signatures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "outbound/connection.h"

namespace modelrun::cloudevents {

inline constexpr std::string_view kKeyPrefix = "whsec_";
inline constexpr std::size_t kLeastKeyBytes = 24;
inline constexpr std::size_t kMostKeyBytes = 64;
inline constexpr std::size_t kMostKeys = 2;  // the present one, and the one before or after it while it is replaced

// Keys as bytes. Secret: never log them.
using Keys = std::vector<std::string>;

// Reads a file of keys: a key a line, "whsec_" and the base64 of 24 to 64 bytes; empty lines do not count. kInvalid for
// no key, for more than two, and for a line that is none; the message has nothing of the text.
Result<Keys> parse_keys(std::string_view text);

// The value of the header webhook-signature: for each key "v1," and the base64 of the HMAC-SHA256 of "ID.SECONDS.BODY",
// with a space between them. `seconds` since 1970.
std::string sign(const Keys& keys, std::string_view id, std::int64_t seconds, std::string_view body);

// The three headers of a signed message: webhook-id, webhook-timestamp and webhook-signature.
outbound::Headers signed_headers(const Keys& keys, const std::string& id, std::int64_t seconds, std::string_view body);

}  // namespace modelrun::cloudevents
