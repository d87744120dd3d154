// Cursors: opaque texts by which a client asks for the next part of a long answer. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::gateway {

// The longest cursor that is read, in bytes. None that encode_cursor() makes for the tools is longer.
inline constexpr std::size_t kMaxCursorBytes = 2048;

// A text of letters, digits, '-' and '_' that stands for `place`, an object. `kind` names what it is a place in. A
// cursor is neither secret nor signed: whoever reads one must check rights and bounds as for any other argument.
std::string encode_cursor(std::string_view kind, const nlohmann::json& place);
// The place. kInvalid unless encode_cursor() could have made `cursor` for this kind; its members are not checked.
Result<nlohmann::json> decode_cursor(std::string_view kind, std::string_view cursor);
// The error for a cursor that cannot be used: `why` is the end of its sentence.
Error bad_cursor(std::string_view why);

}  // namespace modelrun::gateway
