// base64url without padding (RFC 4648, 5), as JWTs and tokens have it.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun {

std::string base64url_encode(std::string_view bytes);

// kInvalid for padding, for anything outside the alphabet, and for a length that no bytes have.
Result<std::string> base64url_decode(std::string_view text);

}  // namespace modelrun
