// base64url without padding (RFC 4648 section 5): the form of the parts of a JWT and of API tokens. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun {

std::string base64url_encode(std::string_view bytes);

// Returns kInvalid for padding ('='), for a character outside the alphabet, and for a length that no encoding has (a
// multiple of 4, plus 1). Two deviations from a strict decoder, see base64_decode(): white space at the start and end
// is skipped when there is a multiple of 4 of it, and unused bits of the last character need not be zero. So
// different texts can decode to the same bytes.
Result<std::string> base64url_decode(std::string_view text);

// True if `text` is not empty, has only characters of the alphabet, and a length that an encoding can have. To be asked
// before a text from outside is given to a decoder of somebody else.
bool is_base64url(std::string_view text);

}  // namespace modelrun
