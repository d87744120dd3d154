// HTTP's status codes (RFC 9110 section 15): their names, and what they mean to a caller.
#pragma once

#include <string_view>

#include "base/error.h"

namespace modelrun {

// "Not Found"; "Unexpected Status" for one that nobody here sends or should get.
std::string_view status_phrase(int status);

// Of an answer that is no success. 409 is kConflict: only the body tells that something exists.
ErrorKind kind_of_status(int status);

}  // namespace modelrun
